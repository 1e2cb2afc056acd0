"""What of AWS's answers and of what is sent to it is secret: taken where it passes, so that no caller can forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.json_text import read_json

Report = Callable[[str, str], None]
"""Takes a secret: what it is, such as the parameter's path, and its value."""

SECURE: Final = "SecureString"
_KEYS: Final = ("SecretAccessKey", "SessionToken")
_NO_SECRETS: Final = frozenset(
    {"dbclusteridentifier", "dbinstanceidentifier", "dbname", "engine", "host", "masterarn", "port", "user", "username"}
)
"""Fields of a database's secret that name the database
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html)."""


def secrets_of(service: str, answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The secrets in the answer of a service, each with its name.

    Args:
        service: The service's name in boto3.
        answer: The answer as the SDK parsed it, or the parameters of a call.
    """
    if service == "ssm":
        for row in _rows(answer, "Parameter", "Parameters"):
            if row.get("Type") == SECURE:
                yield from _named(row.get("Name", "a parameter"), row.get("Value"))
    elif service == "secretsmanager":
        yield from _named("a random password", answer.get("RandomPassword"))
        for row in (answer, *_rows(answer, "SecretValues")):
            for field in ("SecretString", "SecretBinary"):
                yield from _named(row.get("Name", "a secret"), row.get(field))
    elif service in {"sts", "iam"}:
        for row in _rows(answer, "Credentials", "AccessKey"):
            for field in _KEYS:
                yield from _named(f"{service} {field}", row.get(field))
    elif service == "kms":
        yield from _named("kms Plaintext", answer.get("Plaintext"))
    elif service == "ecr":
        for row in _rows(answer, "authorizationData"):
            yield from _named("ecr authorizationToken", row.get("authorizationToken"))


def secrets_sent(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The secrets that a call is about to write."""
    if service == "ssm" and operation == "PutParameter":
        yield from secrets_of(service, {"Parameter": parameters})
    elif service == "secretsmanager":
        yield from secrets_of(service, parameters)


def _rows(answer: Mapping[str, Any], *names: str) -> Iterator[Mapping[str, Any]]:
    for name in names:
        found = answer.get(name)
        yield from (row for row in (found if isinstance(found, list) else [found]) if isinstance(row, Mapping))


def _named(name: str, value: object) -> Iterator[tuple[str, str]]:
    """A value, and where it is JSON each text in it that does not merely name a database."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str) or not text:
        return
    yield name, text
    try:
        inside = read_json(text)
    except ValueError:
        return
    yield from _leaves(name, inside)


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key.lower() not in _NO_SECRETS:
                yield from _leaves(f"{name} {key}", part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(name, part)
    elif isinstance(value, str):
        yield name, value

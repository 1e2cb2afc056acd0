"""Comparing trust policies: who may assume a role, and under which conditions. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from infra.json_text import read_json

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_KINDS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


@dataclass(frozen=True, slots=True, order=True)
class Assumption:
    """One principal that may assume a role.

    Attributes:
        principal: Its kind and name, such as `Service lambda.amazonaws.com`.
        action: The action by which it does; its case does not count.
        conditions: What must hold: operator, key and values of each condition, in order.
    """

    principal: str
    action: str
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def __str__(self) -> str:
        under = " and ".join(f"{operator} {key} = {' or '.join(values)}" for operator, key, values in self.conditions)
        return f"{self.principal} may {self.action}" + (f" where {under}" if under else "")


def trust_drift(actual: Any, expected: Any) -> list[str]:
    """How a trust policy differs from the expected one, whichever way both are written.

    Args:
        actual: The policy document as IAM has it, parsed or as JSON text.
        expected: The document that it must equal in effect.
    """
    found, flaws = assumptions(actual)
    wanted, _ = assumptions(expected)
    return [
        *(f"its trust is unreadable: {flaw}" for flaw in flaws),
        *(f"its trust is wider than its lane needs: {item}" for item in sorted(found - wanted)),
        *(f"its trust is narrower than its lane needs: not so that {item}" for item in sorted(wanted - found)),
    ]


def assumptions(document: Any) -> tuple[set[Assumption], list[str]]:
    """Who may assume a role by its trust policy, and what in it cannot be compared."""
    if isinstance(document, str):
        try:
            document = read_json(unquote(document) if document.lstrip().startswith("%") else document)
        except ValueError:
            return set(), ["it is not JSON"]
    statements = _listed(document.get("Statement")) if isinstance(document, dict) else []
    found: set[Assumption] = set()
    flaws = [] if statements else ["it has no statement"]
    for number, statement in enumerate(statements, start=1):
        try:
            found.update(_assumptions(statement))
        except ValueError as error:
            flaws.append(f"statement {number} {error}")
    return found, flaws


def _assumptions(statement: Any) -> Iterator[Assumption]:
    """What one statement allows.

    Raises:
        ValueError: It is of a kind that the expected trust never has; the message is a clause about it.
    """
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        raise ValueError("is no Allow, so whom it keeps out is not known")
    if "NotPrincipal" in statement or "NotAction" in statement:
        raise ValueError("allows by exclusion (NotPrincipal or NotAction)")
    actions = [action for action in _listed(statement.get("Action")) if isinstance(action, str)]
    principals = list(_principals(statement.get("Principal")))
    if not actions or not principals:
        raise ValueError("has no readable Action or Principal")
    conditions = _conditions(statement.get("Condition"))
    for principal in principals:
        for action in actions:
            yield Assumption(principal, _canonical_action(action), conditions)


def _principals(value: Any) -> Iterator[str]:
    if value == "*":
        yield "anybody (*)"
    elif isinstance(value, dict):
        for kind, names in value.items():
            if kind not in _KINDS:
                raise ValueError(f"has the unknown kind of principal {kind!r}")
            for name in _listed(names):
                text = f"arn:aws:iam::{name}:root" if kind == "AWS" and _ACCOUNT.fullmatch(str(name)) else str(name)
                yield "anybody (*)" if kind == "AWS" and text == "*" else f"{kind} {text}"


def _conditions(value: Any) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise ValueError("has a Condition that is no condition")
    return tuple(
        sorted(
            (operator, key.lower(), tuple(sorted(str(item) for item in _listed(values))))
            for operator, keys in value.items()
            for key, values in keys.items()
        )
    )


def _canonical_action(action: str) -> str:
    known = {name.lower(): name for name in ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity")}
    return known.get(action.lower(), action)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]

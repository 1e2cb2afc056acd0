"""Which route of an HTTP API a request takes: pure, by route keys alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

DEFAULT = "$default"
ANY = "ANY"


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes.

    Attributes:
        key: Its route key.
        parameters: The path parameters that it took from the request.
    """

    key: str
    parameters: dict[str, str]


def strip_stage(path: str, stages: Iterable[str]) -> tuple[str, str] | None:
    """The stage that a path names, and the rest of the path.

    Args:
        path: The decoded path of the request.
        stages: The names of the API's stages.

    Returns:
        The stage's name and the path behind it; the path itself where `$default` answers; None where no stage does.
    """
    names = set(stages)
    first, separator, rest = path.removeprefix("/").partition("/")
    if first in names - {DEFAULT}:
        return first, f"/{rest}" if separator else "/"
    return (DEFAULT, path) if DEFAULT in names else None


def match(method: str, path: str, keys: Iterable[str]) -> Match | None:
    """The most specific route for a request, as API Gateway chooses it.

    A full match goes before a greedy one (`{proxy+}`), more literal segments before fewer, a named method before
    `ANY`, and `$default` comes last.

    Args:
        method: The HTTP method.
        path: The decoded path behind the stage.
        keys: The route keys of the API, such as `POST /ingest/push`.
    """
    segments = _segments(path)
    best: tuple[tuple[bool, tuple[bool, ...], int, bool], Match] | None = None
    default: Match | None = None
    for key in keys:
        if key == DEFAULT:
            default = Match(key, {})
            continue
        wanted, _, template = key.partition(" ")
        if wanted not in (method, ANY):
            continue
        found = _fit(_segments(template), segments)
        if found is None:
            continue
        greedy, literal, parameters = found
        rank = (not greedy, literal, len(literal), wanted == method)
        if best is None or rank > best[0]:
            best = rank, Match(key, parameters)
    return best[1] if best is not None else default


def _fit(template: list[str], segments: list[str]) -> tuple[bool, tuple[bool, ...], dict[str, str]] | None:
    """Whether a template is greedy, which of its segments are literal, and what its parameters are."""
    parameters: dict[str, str] = {}
    literal: list[bool] = []
    for position, part in enumerate(template):
        if part.startswith("{") and part.endswith("+}"):
            if position >= len(segments) or position != len(template) - 1:
                return None
            parameters[part[1:-2]] = "/".join(segments[position:])
            return True, tuple(literal), parameters
        if position >= len(segments):
            return None
        if part.startswith("{") and part.endswith("}"):
            if not segments[position]:
                return None
            parameters[part[1:-1]] = segments[position]
            literal.append(False)
        elif part == segments[position]:
            literal.append(True)
        else:
            return None
    return (False, tuple(literal), parameters) if len(template) == len(segments) else None


def _segments(path: str) -> list[str]:
    """The segments of a path; one slash at its end makes no difference to a route."""
    trimmed = path.removeprefix("/")
    return (trimmed.removesuffix("/")).split("/")


def source_arn(*, region: str, account_id: str, api_id: str, stage: str, key: str) -> str:
    """The ARN under which a route invokes a function: what a function's policy is held against."""
    method, _, template = key.partition(" ")
    where = f"{api_id}/{stage}/{DEFAULT}" if key == DEFAULT else f"{api_id}/{stage}/{method}{template}"
    return f"arn:aws:execute-api:{region}:{account_id}:{quote(where, safe='/$*{}+')}"

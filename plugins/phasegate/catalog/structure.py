"""What is wrong with a document's structure, said so that a writer of catalogues can fix it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from phasegate.catalog import grammar, model
from phasegate.catalog.near import nearest
from phasegate.catalog.source import Path, Source
from phasegate.errors import Problem

_KINDS: Final = {
    model.PhaseDocument: "a catalogue document",
    model.Phase: "a phase",
    model.Words: "a phase's words",
    model.Taxonomy: "a taxonomy",
    model.PhaseBlocker: "a phase's blocker",
    model.ExternalGate: "an external gate",
    model.Gate: "a gate",
    model.GateCodes: "a gate's codes",
    model.UpstreamEdge: "an upstream edge",
    model.Verifier: "a verifier",
    model.Blocker: "a blocker",
}
_NOT_A_MAPPING: Final = frozenset({"model_type", "model_attributes_type", "dict_type"})
_NOT_A_LIST: Final = frozenset({"tuple_type", "list_type"})
_SHOWN = 60


def structural_problems(source: Source, error: ValidationError, kind: type[BaseModel]) -> list[Problem]:
    """Each structural error of a document of a kind as a problem with its place, key path and remedy.

    A key that is absent because it was misspelt is one problem, not two; what could not even be read as
    written was reported with the document's other YAML problems and is left out.
    """
    details = [
        detail
        for detail in error.errors(include_url=False)
        if not _reported(source, _path(detail)) and not _follows_from_its_items(detail)
    ]
    misspelt: dict[Path, str] = {}
    for detail in details:
        if detail["type"] == "extra_forbidden":
            path = _path(detail)
            close = nearest(str(path[-1]), _keys(kind, path[:-1]), count=1)
            if close:
                misspelt[path] = close[0]
    corrected = {(*path[:-1], key) for path, key in misspelt.items()}
    problems = []
    for detail in details:
        path = _path(detail)
        if detail["type"] == "missing" and path in corrected:
            continue
        fact, remedy = _say(kind, detail, path, misspelt.get(path))
        problems.append(source.problem(path, fact, remedy))
    return problems


def _path(detail: ErrorDetails) -> Path:
    return tuple(detail["loc"])


def _reported(source: Source, path: Path) -> bool:
    return any(path[: len(broken)] == broken for broken in source.broken)


def _follows_from_its_items(detail: ErrorDetails) -> bool:
    # A list that has no sound item counts as too short; its items were complained of already.
    return detail["type"] == "too_short" and bool(detail["input"])


def _say(document: type[BaseModel], detail: ErrorDetails, path: Path, meant: str | None) -> tuple[str, str]:
    """Fact and remedy of one error."""
    kind, given = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "missing":
        return "the key is missing", f"add `{path[-1]}:` with a value"
    if kind == "extra_forbidden":
        keys = _keys(document, path[:-1])
        remedy = f"did you mean {meant!r}?" if meant else f"remove it; known are {', '.join(keys)}"
        return f"is not a key of {_KINDS.get(_record_at(document, path[:-1]), 'this mapping')}", remedy
    if given is None:
        return "has no value", "write one, or remove the key where it may be left out"
    if kind == "string_pattern_mismatch":
        example = _EXAMPLES.get(context["pattern"])
        like = f"write it like {example!r}" if example else f"write it so that it matches {context['pattern']}"
        return f"{_short(given)} has not the right form", like
    if kind == "string_type":
        return f"{_short(given)} is not a text", "write a text; put quotes around it where it looks like a number"
    if kind in {"literal_error", "enum"}:
        expected = " or ".join(context["expected"].replace(" or ", ", ").split(", "))
        return f"{_short(given)} is not one of the known words", f"write {expected}"
    if kind in {"too_short", "string_too_short"}:
        return "is empty", "write at least one" if kind == "too_short" else "write a text"
    if kind in _NOT_A_LIST:
        return f"{_short(given)} is not a list", "write a list, such as [a, b]"
    if kind in _NOT_A_MAPPING:
        return f"{_short(given)} is not a mapping", "write a mapping, such as {key: value}"
    if kind == "bool_type":
        return f"{_short(given)} is neither true nor false", "write true or false"
    return detail["msg"][:1].lower() + detail["msg"][1:], "give it a value of that kind"


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= _SHOWN else said[: _SHOWN - 1] + "…"


def _record_at(document: type[BaseModel], path: Path) -> Any:
    """The record that stands at a path of a document of a kind, or None where no record does."""
    record: Any = document
    for step in path:
        if isinstance(step, str):
            field = record.model_fields.get(step)
            record = _record_in(field.annotation) if field is not None else None
            if record is None:
                return None
    return record


def _keys(document: type[BaseModel], path: Path) -> list[str]:
    record = _record_at(document, path)
    return list(record.model_fields) if record is not None else []


def _record_in(annotation: Any) -> type[BaseModel] | None:
    """The record that a field's annotation is made of: `Gate` in `tuple[Gate, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _record_in(part)) is not None), None)


def _forms() -> Iterator[tuple[str, str]]:
    """Pattern and example of each text of a fixed form that the models name."""
    for annotation in vars(grammar).values():
        if get_origin(annotation) is not Annotated:
            continue
        _, *metadata = get_args(annotation)
        pattern = next((part.pattern for part in metadata if isinstance(part, StringConstraints)), None)
        example = next((part.examples for part in metadata if isinstance(part, FieldInfo)), None)
        if isinstance(pattern, str) and example:
            yield pattern, str(example[0])


_EXAMPLES: Final = dict(_forms())

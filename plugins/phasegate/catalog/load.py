"""From the texts of a catalogue to its models, with every problem found in one pass and the place of each."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from phasegate.catalog.lint import lint
from phasegate.catalog.model import Catalogue, PhaseDocument
from phasegate.errors import Problem

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Path = tuple[str | int, ...]
_NODE_LIMIT = 2_000_000
_REMEDIES = {
    "missing": "add the key",
    "extra_forbidden": "remove the key, or mend its spelling",
    "string_pattern_mismatch": "write it in the form that the catalogue's JSON Schema names",
}


class _RefusedError(Exception):
    """A document that cannot become plain data; carries what is wrong."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse(documents: Sequence[tuple[str, str]]) -> tuple[Catalogue | None, list[Problem]]:
    """Parses and checks a catalogue.

    Args:
        documents: Pairs of a name (for messages) and a YAML text.

    Returns:
        The catalogue, or None where a document is malformed; and every problem, those between records included.
    """
    problems: list[Problem] = []
    parsed: list[PhaseDocument] = []
    places: dict[str, str] = {}
    digest = hashlib.sha256()
    for name, text in documents:
        digest.update(f"{len(name)}:{name}{len(text)}:".encode())
        digest.update(text.encode("utf-8", "surrogatepass"))
        document = _document(name, text, problems, places)
        if document is not None:
            parsed.append(document)
    if not documents:
        problems.append(
            Problem("the catalogue has no documents", "catalogue", "write one YAML document a phase in its folder")
        )
    if problems:
        return None, problems
    if len({document.platform for document in parsed}) > 1:
        named = ", ".join(sorted({document.platform for document in parsed}))
        problems.append(Problem(f"the documents name several platforms: {named}", "platform", "keep one"))
    parsed.sort(key=lambda document: int(document.phase.id[1:]))
    problems += lint(parsed, places)
    if problems:
        return None, problems
    return Catalogue(platform=parsed[0].platform, documents=tuple(parsed), sha256=digest.hexdigest()), []


def _document(name: str, text: str, problems: list[Problem], places: dict[str, str]) -> PhaseDocument | None:
    lines: dict[_Path, int] = {}
    try:
        data = _plain(name, text, lines, problems)
    except _RefusedError as refused:
        problems.append(refused.problem)
        return None
    try:
        document = PhaseDocument.model_validate(data)
    except ValidationError as error:
        problems += [_structural(name, detail, lines) for detail in error.errors(include_url=False)]
        return None
    _note_places(name, document, lines, places)
    return document


def _plain(name: str, text: str, lines: dict[_Path, int], problems: list[Problem]) -> Any:
    """The document as plain data; the line of every node goes into `lines`."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise _RefusedError(Problem("the document is empty", name, "describe a phase in it, or remove it"))
        if not isinstance(root, yaml.MappingNode):
            place = f"{name}:{root.start_mark.line + 1}"
            raise _RefusedError(
                Problem("the document is not a mapping", place, "begin with `format: phasegate-catalogue/1`")
            )
        return _Reader(name, loader, lines, problems).value(root, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        fact = f"is not YAML: {getattr(error, 'problem', None) or error}"
        raise _RefusedError(Problem(" ".join(fact.split()), place, "mend the syntax at this place")) from error
    except (RecursionError, ValueError, OverflowError) as error:
        raise _RefusedError(Problem(f"cannot be read: {error}", name, "simplify the document")) from error
    finally:
        if loader is not None:
            loader.dispose()


class _Reader:
    """Turns nodes into plain data, noting the line of each and every key that stands twice."""

    def __init__(self, name: str, loader: Any, lines: dict[_Path, int], problems: list[Problem]) -> None:
        self._name = name
        self._loader = loader
        self._lines = lines
        self._problems = problems
        self._budget = _NODE_LIMIT

    def value(self, node: Any, path: _Path) -> Any:
        """The plain value of a node, its line noted under its path."""
        self._budget -= 1
        if self._budget < 0:
            raise ValueError("it has more than two million nodes (aliases of aliases?)")
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, position)) for position, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: Any, path: _Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            if key in mapping:
                fact = f"key {key!r} stands twice in one mapping"
                self._problems.append(Problem(fact, f"{self._name}:{line}", "keep one of them"))
            self._lines[(*path, key)] = line
            mapping[key] = self.value(value_node, (*path, key))
        return mapping


def _structural(name: str, detail: ErrorDetails, lines: Mapping[_Path, int]) -> Problem:
    path: _Path = tuple(detail["loc"])
    at = path
    while at not in lines and at:
        at = at[:-1]
    key = ".".join(str(part) for part in path)
    remedy = _REMEDIES.get(detail["type"], "give it a value of the kind that the message names")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _known_keys(PhaseDocument, path[:-1]), n=1)
        if near:
            remedy = f"did you mean {near[0]!r}?"
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return Problem(f"{key}: {message}", f"{name}:{lines.get(at, 1)}", remedy)


def _known_keys(model: Any, path: _Path) -> list[str]:
    """The keys that a record at a path may have, found by walking the models along the path."""
    for part in path:
        if isinstance(part, int):
            continue
        field = getattr(model, "model_fields", {}).get(part)
        model = _record_in(field.annotation) if field is not None else None
        if model is None:
            return []
    return list(getattr(model, "model_fields", {}))


def _record_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union) or get_args(annotation):
        for argument in get_args(annotation):
            found = _record_in(argument)
            if found is not None:
                return found
    return None


def _note_places(name: str, document: PhaseDocument, lines: Mapping[_Path, int], places: dict[str, str]) -> None:
    """Where each record of a document stands, by the identifier that the lint names it by."""

    def note(identifier: str, *path: str | int) -> None:
        place = f"{name}:{lines.get(path, 1)}"
        places[identifier if identifier not in places else f"{identifier}#{place}"] = place

    note(document.phase.id, "phase")
    for position, phase_blocker in enumerate(document.phase.blockers):
        note(phase_blocker.code, "phase", "blockers", position)
    for position, external in enumerate(document.external):
        note(external.id, "external", position)
    for position, gate in enumerate(document.gates):
        note(gate.id, "gates", position)
        for index, verifier in enumerate(gate.verifiers):
            note(verifier.id, "gates", position, "verifiers", index)
        for index, blocker in enumerate(gate.blockers):
            note(blocker.code, "gates", position, "blockers", index)

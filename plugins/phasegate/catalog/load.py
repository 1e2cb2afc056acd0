"""From the texts of a catalogue to its models, with every problem found in one pass and the place of each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from phasegate.catalog.derive import fill_in
from phasegate.catalog.grammar import in_order
from phasegate.catalog.lint import lint
from phasegate.catalog.model import Catalogue, Gate, PhaseDocument
from phasegate.catalog.outline import outline
from phasegate.catalog.source import Path, Source, read
from phasegate.catalog.structure import structural_problems
from phasegate.errors import Problem

GATE_FILE = "gate.yaml"
"""A document of this name holds one gate, and nothing else; every other document holds a phase."""
_PLACE = re.compile(r"(.*):([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)


def parse(documents: Sequence[tuple[str, str]], *, complete: bool = True) -> tuple[Catalogue | None, list[Problem]]:
    """Parses and checks a catalogue; raises nothing, whatever the texts are.

    Args:
        documents: Pairs of a name (for messages) and a YAML text.
        complete: Whether these are all documents; False where one could not be read, so that a reference to an
            unknown gate may be right.

    Returns:
        The catalogue, or None where anything is wrong; and every problem, in the order of the documents and
        of the places in them.
    """
    problems: list[Problem] = []
    sources: list[Source] = []
    parsed: list[PhaseDocument] = []
    gates: list[Gate] = []
    for name, text in documents:
        source, found = read(name, text)
        problems += found
        if source is None:
            continue
        sources.append(source)
    alone = [source for source in sources if _is_gate(source)]
    phases = [source for source in sources if not _is_gate(source)]
    fill_in(phases, alone)
    for source in sources:
        kind = Gate if _is_gate(source) else PhaseDocument
        try:
            record = kind.model_validate(source.data)
        except ValidationError as error:
            problems += structural_problems(source, error, kind)
        else:
            gates += [record] if isinstance(record, Gate) else []
            parsed += [record] if isinstance(record, PhaseDocument) else []
    if not documents and complete:
        problems.append(
            Problem("the catalogue has no documents", "catalogue", "write one YAML document a phase in its folder")
        )
    whole = complete and len(sources) == len(documents)
    problems += lint(outline(phases, alone, whole=whole))
    if problems or not parsed:
        return None, _in_reading_order(problems, [name for name, _ in documents])
    parsed.sort(key=lambda document: in_order(document.phase.id))
    catalogue = Catalogue(
        platform=parsed[0].platform,
        documents=tuple(_with_gates(document, gates) for document in parsed),
        sha256=_digest(documents),
        places={identifier: source.place(path) for source in sources for identifier, path in _identifiers(source)},
    )
    return catalogue, []


def _is_gate(source: Source) -> bool:
    return PurePath(source.name).name == GATE_FILE


def _with_gates(document: PhaseDocument, gates: Sequence[Gate]) -> PhaseDocument:
    """A phase with its gates, those that stand in documents of their own included."""
    own = [gate for gate in gates if gate.phase == document.phase.id]
    return document.model_copy(update={"gates": (*document.gates, *own)})


def _identifiers(source: Source) -> Iterator[tuple[str, Path]]:
    """Every identifier of a sound document, and where it stands."""
    if _is_gate(source):
        yield from _of_gate(source.data, ())
        return
    phase = source.data["phase"]
    yield phase["id"], ("phase", "id")
    for index, blocker in enumerate(phase["blockers"]):
        yield blocker["code"], ("phase", "blockers", index, "code")
    for index, taxonomy in enumerate(phase.get("taxonomies", ())):
        yield taxonomy["id"], ("phase", "taxonomies", index, "id")
        for position, blocker in enumerate(taxonomy["blockers"]):
            yield blocker["code"], ("phase", "taxonomies", index, "blockers", position, "code")
    for index, gate in enumerate(source.data.get("external", ())):
        yield gate["id"], ("external", index, "id")
    for index, gate in enumerate(source.data.get("gates", ())):
        yield from _of_gate(gate, ("gates", index))


def _of_gate(gate: Mapping[str, Any], here: Path) -> Iterator[tuple[str, Path]]:
    yield gate["id"], (*here, "id")
    for position, verifier in enumerate(gate["verifiers"]):
        yield verifier["id"], (*here, "verifiers", position, "id")
    for position, blocker in enumerate(gate["blockers"]):
        yield blocker["code"], (*here, "blockers", position, "code")
    for position, artifact in enumerate(gate["artifacts"]):
        yield artifact, (*here, "artifacts", position)


def _digest(documents: Sequence[tuple[str, str]]) -> str:
    """Digest over file names and texts; where the folder lies, and in which order it was read, does not count."""
    digest = hashlib.sha256()
    for name, text in sorted((PurePath(name).name, text) for name, text in documents):
        for part in (name.encode("utf-8", "surrogatepass"), text.encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _in_reading_order(problems: list[Problem], names: Sequence[str]) -> list[Problem]:
    """Problems by document, line and column, each said once."""
    order = {name: position for position, name in enumerate(names)}

    def key(problem: Problem) -> tuple[int, int, int, str]:
        match = _PLACE.fullmatch(problem.place)
        if match is None:
            return order.get(problem.place, len(order)), 0, 0, problem.fact
        return order.get(match[1], len(order)), int(match[2]), int(match[3]), problem.fact

    return sorted(dict.fromkeys(problems), key=key)

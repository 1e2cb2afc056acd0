"""The outline of a catalogue: its identifiers and references, as far as they can be recognised.

The laws between records are checked on outlines and not on the models, because a document with one wrong record
has no model, and its other mistakes are to be found in the same pass. Whatever is not of the expected kind is
left out here; the models complain of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phasegate.catalog.grammar import gate_prefix, phase_of, summary_name
from phasegate.catalog.source import Path, Source
from phasegate.errors import Problem


class Name(str):
    """A name as it stands in the catalogue, knowing its place."""

    __slots__ = ("path", "source")

    path: Path
    source: Source

    @classmethod
    def at(cls, source: Source, path: Path, text: str) -> Name:
        """The name that stands at a path of a document."""
        name = cls(text)
        name.source = source
        name.path = path
        return name

    @property
    def place(self) -> str:
        """File, line and column."""
        return self.source.place(self.path)

    def problem(self, fact: str, remedy: str) -> Problem:
        """A problem with what this name says."""
        return self.source.problem(self.path, fact, remedy)


@dataclass(frozen=True, slots=True)
class BlockerOutline:
    """A blocker: its code, and what it rolls up to."""

    code: Name
    rolls_up_to: Name | None


@dataclass(frozen=True, slots=True)
class VerifierOutline:
    """A verifier: its identifier, the codes it may raise, who tests it, and the gates that an entry looks at."""

    id: Name
    raises: tuple[Name, ...]
    kind: Name | None
    over: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class EdgeOutline:
    """An upstream edge.

    Attributes:
        gate: The upstream gate.
        green: Whether the edge requires `overall_pass: true`.
        verdict: The verdict that it requires, if any.
    """

    gate: Name
    green: bool
    verdict: Name | None


@dataclass(frozen=True, slots=True)
class GateOutline:
    """A gate; `blockers` is None where its list cannot be read, so that no reference to it can be judged."""

    id: Name
    alias: Name | None
    code_prefix: Name | None
    advance: Name | None
    hold: Name | None
    reset: Name | None
    rolls_up_to: Name | None
    codes: Mapping[str, Name]
    upstream: tuple[EdgeOutline, ...]
    verifiers: tuple[VerifierOutline, ...]
    blockers: tuple[BlockerOutline, ...] | None
    artifacts: tuple[Name, ...]
    blocker_register: Name | None

    @property
    def prefix(self) -> str:
        """Prefix of its file names and markers, such as `m4c`."""
        return gate_prefix(self.id)

    @property
    def summary(self) -> str:
        """File name of its execution summary."""
        return summary_name(self.prefix)


@dataclass(frozen=True, slots=True)
class ExternalOutline:
    """A gate that is not run here, and the files of its pack."""

    id: Name
    files: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class TaxonomyOutline:
    """The blockers of a phase, or of a part of it; None where its list cannot be read."""

    id: Name
    blockers: tuple[BlockerOutline, ...] | None


@dataclass(frozen=True, slots=True)
class DocumentOutline:
    """One document; `taxonomies` has the phase's own first, and then those of its parts."""

    platform: Name | None
    phase: Name | None
    taxonomies: tuple[TaxonomyOutline, ...]
    contract: tuple[Name, ...]
    external: tuple[ExternalOutline, ...]
    gates: tuple[GateOutline, ...]

    @property
    def blockers(self) -> tuple[BlockerOutline, ...]:
        """The blockers of all its taxonomies, as far as they can be read."""
        return tuple(blocker for taxonomy in self.taxonomies for blocker in taxonomy.blockers or ())


@dataclass(frozen=True, slots=True)
class Outline:
    """All documents.

    Attributes:
        documents: The documents that could be read.
        whole: Whether all could be; if not, a reference to an unknown gate may be right.
        strays: Gates with a document of their own, and without one of their phase.
    """

    documents: tuple[DocumentOutline, ...]
    whole: bool
    strays: tuple[GateOutline, ...] = ()

    @property
    def gates(self) -> tuple[GateOutline, ...]:
        """The gates of all documents."""
        return (*(gate for document in self.documents for gate in document.gates), *self.strays)

    @property
    def external(self) -> tuple[ExternalOutline, ...]:
        """The external gates of all documents."""
        return tuple(gate for document in self.documents for gate in document.external)


def outline(phases: Sequence[Source], gates: Sequence[Source] = (), *, whole: bool) -> Outline:
    """The outline of a catalogue.

    Args:
        phases: The documents of phases that could be read.
        gates: The documents of single gates.
        whole: Whether no other document was found unreadable.
    """
    parts = [_Part(source, (), source.data) for source in gates]
    alone = [_gate(part, name) for part in parts if (name := part["id"].name) is not None]
    documents = [_document(source) for source in phases]
    homes = {document.phase: document for document in reversed(documents) if document.phase is not None}
    for document in documents:
        if document.phase is not None and homes[document.phase] is document:
            own = tuple(gate for gate in alone if phase_of(gate.id) == document.phase)
            documents[documents.index(document)] = replace(document, gates=(*document.gates, *own))
    strays = tuple(gate for gate in alone if phase_of(gate.id) not in homes)
    return Outline(tuple(documents), whole, strays)


@dataclass(slots=True)
class _Part:
    """A part of a document that may or may not be what it is taken for."""

    source: Source
    path: Path
    value: Any

    def __getitem__(self, key: str) -> _Part:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return _Part(self.source, (*self.path, key), value)

    def __iter__(self) -> Iterator[_Part]:
        if isinstance(self.value, list):
            for position, item in enumerate(self.value):
                yield _Part(self.source, (*self.path, position), item)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key in self.value if isinstance(key, str)) if isinstance(self.value, dict) else ()

    @property
    def name(self) -> Name | None:
        if isinstance(self.value, str) and self.value:
            return Name.at(self.source, self.path, self.value)
        return None

    @property
    def names(self) -> tuple[Name, ...]:
        return tuple(name for item in self if (name := item.name) is not None)


def _document(source: Source) -> DocumentOutline:
    root = _Part(source, (), source.data)
    phase = root["phase"]
    return DocumentOutline(
        platform=root["platform"].name,
        phase=phase["id"].name,
        taxonomies=tuple(
            TaxonomyOutline(name, _blockers(part["blockers"]))
            for part in (phase, *phase["taxonomies"])
            if (name := part["id"].name) is not None
        ),
        contract=phase["evidence_contract"].names,
        external=tuple(
            ExternalOutline(name, tuple(file for file in (part["summary"].name, *part["artifacts"].names) if file))
            for part in root["external"]
            if (name := part["id"].name) is not None
        ),
        gates=tuple(_gate(part, name) for part in root["gates"] if (name := part["id"].name) is not None),
    )


def _gate(part: _Part, name: Name) -> GateOutline:
    codes = part["codes"]
    return GateOutline(
        id=name,
        alias=part["alias"].name,
        code_prefix=part["code_prefix"].name,
        advance=part["advance"].name,
        hold=part["hold"].name,
        reset=part["reset"].name,
        rolls_up_to=part["rolls_up_to"].name,
        codes={key: code for key in codes.keys if (code := codes[key].name)},
        upstream=tuple(
            EdgeOutline(gate, _is_green(edge), edge["requires"]["verdict"].name)
            for edge in part["upstream"]
            if (gate := edge["gate"].name) is not None
        ),
        verifiers=tuple(
            VerifierOutline(identifier, verifier["raises"].names, verifier["kind"].name, verifier["over"].names)
            for verifier in part["verifiers"]
            if (identifier := verifier["id"].name) is not None
        ),
        blockers=_blockers(part["blockers"]),
        artifacts=part["artifacts"].names,
        blocker_register=part["blocker_register"].name,
    )


def _blockers(part: _Part) -> tuple[BlockerOutline, ...] | None:
    if not isinstance(part.value, list):
        return None
    return tuple(
        BlockerOutline(code, blocker["rolls_up_to"].name)
        for blocker in part
        if (code := blocker["code"].name) is not None
    )


def _is_green(edge: _Part) -> bool:
    requires = edge["requires"]
    return requires.value is None or requires["overall_pass"].value is True

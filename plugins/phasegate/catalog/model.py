"""The catalogue as frozen models: phases, gates, verifiers, blockers, and what a gate's evidence must hold.

A catalogue is data: one YAML document a phase, and one a gate where gates have folders of their own. These models
give it types and the laws that concern one record; the laws between records (unknown codes, cycles, roll-ups) are in
`phasegate.catalog.lint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from phasegate.catalog.grammar import (
    AdvanceWord,
    ArtifactName,
    BlockerCode,
    CodePrefix,
    ExecutionIdText,
    GateAlias,
    GateId,
    HandleName,
    Label,
    PhaseId,
    Sha256,
    StopWord,
    TaxonomyId,
    Template,
    Text,
    VerifierId,
    VerifierName,
    gate_prefix,
    phase_of,
    summary_name,
)

FORMAT = "phasegate-catalogue/1"
LONGEST_WAIVER_DAYS = 366
"""No catalogue lets a waiver stand for longer than this."""

Flag = Annotated[bool, Field(strict=True)]


class Severity(StrEnum):
    """How grave a blocker is. Every severity blocks; S1 is a hard no-go that needs a reset."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"


class Record(BaseModel):
    """Base of every catalogue record: immutable, and a key that nobody knows is an error, not a comment."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class PhaseBlocker(Record):
    """A blocker of the phase taxonomy, onto which the blockers of gates roll up.

    Attributes:
        code: Its code, such as `M4-B3`.
        meaning: What is wrong with the phase while it is active.
        rolls_up_to: The phase blocker above it, where the taxonomy has tiers.
        inferred: Whether `rolls_up_to` is decided by this catalogue and not stated by the platform's record.
    """

    code: BlockerCode
    meaning: Text
    rolls_up_to: BlockerCode | None = None
    inferred: Flag = False


class Taxonomy(Record):
    """The blockers of a part of a phase, such as P3 within M5; they roll up to those of the phase.

    Attributes:
        id: Its identifier, with which its codes begin, such as `M5P3`.
        title: What the part establishes.
        blockers: Its blockers.
    """

    id: TaxonomyId
    title: Text
    blockers: Annotated[tuple[PhaseBlocker, ...], Field(min_length=1)]


class Blocker(Record):
    """One reason for which a gate does not advance.

    Attributes:
        code: Its code, such as `M4A-B1`.
        meaning: What is wrong when it is raised.
        remedy: What closes it, in one sentence.
        severity: How grave it is.
        rolls_up_to: The blocker of the phase's taxonomy that it activates; by default its gate's `rolls_up_to`.
        inferred: Names of the fields that the platform's record does not state and this catalogue decides; by default
            the phase's `inferred`.
    """

    code: BlockerCode
    meaning: Text
    remedy: Text
    severity: Severity
    rolls_up_to: BlockerCode
    inferred: tuple[Literal["code", "severity", "rolls_up_to"], ...] = ()


class Verifier(Record):
    """One check of a gate; exactly one test (which may be parametrised) implements it.

    Attributes:
        id: Its short identifier, such as `M4A-V1`, used in markers.
        name: The rest of its full identifier, such as `HANDLE-PRESENCE`.
        purpose: What holds when it passes.
        raises: The blockers that it may raise; a verifier can raise no other.
        kind: `check`: the project writes its test. The others the framework tests itself: `entry`, that the upstream
            gates are green; `contract`, that the artifacts written so far are owed, fit their schemas and hold no
            secret; `publish`, that the pack is stored durably and reads back.
        over: Of an entry, the upstream gates that it looks at; by default all.
    """

    id: VerifierId
    name: VerifierName
    purpose: Text
    raises: Annotated[tuple[BlockerCode, ...], Field(min_length=1)]
    kind: Literal["check", "entry", "contract", "publish"] = "check"
    over: tuple[GateId, ...] = ()

    @property
    def full_id(self) -> str:
        """The identifier with its name, such as `M4A-V1-HANDLE-PRESENCE`."""
        return f"{self.id}-{self.name}"


def _green() -> dict[str, JsonValue]:
    return {"overall_pass": True}


class UpstreamEdge(Record):
    """A gate whose authoritative attempt must be green before this one may advance.

    Attributes:
        gate: The upstream gate.
        requires: Fields of that gate's execution summary and the values they must have.
    """

    gate: GateId
    requires: dict[str, JsonValue] = Field(default_factory=_green)


class GateCodes(Record):
    """The blockers that the framework itself raises on behalf of a gate.

    Attributes:
        entry: An upstream gate is not green.
        entry_absent: An upstream summary is absent, unreadable or altered; by default the same as `entry`.
        evidence: An artifact of the evidence contract is absent or does not fit its schema.
        publish: The pack could not be stored durably, or did not read back.
        leak: A secret stands in an artifact; by default the same as `publish`.
        uncategorised: A verifier ended in a way that maps to no blocker; by default `<GATE>-UNMAPPED`.
    """

    entry: BlockerCode
    entry_absent: BlockerCode | None = None
    evidence: BlockerCode
    publish: BlockerCode
    leak: BlockerCode | None = None
    uncategorised: BlockerCode | None = None


class ExternalGate(Record):
    """A gate of an earlier phase whose evidence is handed over as a pack, and which is not run here.

    Attributes:
        id: Its identifier, such as `M3.J`.
        title: What it established.
        execution_id: The attempt that was handed over; no other one of the gate counts.
        summary: File name of the summary that its pack holds.
        sha256: Digest of that summary: nobody signed it here, so a reviewed change of the catalogue vouches for it.
        artifacts: What else its pack must hold, readable and unaltered.
    """

    id: GateId
    title: Text
    execution_id: ExecutionIdText
    summary: ArtifactName
    sha256: Sha256
    artifacts: tuple[ArtifactName, ...] = ()

    @property
    def prefix(self) -> str:
        """The execution id's prefix, such as `m3j`."""
        return gate_prefix(self.id)

    @property
    def phase(self) -> str:
        """The phase that the gate belongs to."""
        return phase_of(self.id)


class Gate(Record):
    """One gate: its place in the chain, its verifiers and blockers, and the evidence it owes.

    Attributes:
        id: Its identifier, such as `M4.C`.
        alias: Its name in another numbering, such as `P3.A`.
        code_prefix: With what its blockers' codes begin; by default its own prefix, such as `M4C`.
        title: What it establishes.
        owner: Who answers for it.
        label: Readable part of the execution id, between prefix and time.
        upstream: The gates that it rests on.
        over: The gates that it rolls up; it rests on each of them.
        laws: The laws that its verifiers hold, for readers.
        needs: What its verifiers stand on that a session has to bring up, such as `substrate`; by default what the
            phase's `needs` says.
        advance: The verdict word of a pass; by default made by the phase's `words`, as are the next four.
        hold: The verdict word of a hold.
        reset: The verdict word where a reset is required.
        next_gate: What its summary names as next on a pass.
        blocked_next_gate: What its summary names as next on anything else.
        rolls_up_to: The blocker of the phase's taxonomy onto which its synthetic codes (unmapped, not evaluated) roll
            up, and each blocker that says nothing else.
        codes: The blockers that the framework raises on its behalf.
        handles: The named values of the platform that it cannot do without, by family.
        planned: True while the gate is catalogued but its verifiers are not written: it can never advance.
        verifiers: Its checks, in the order in which they run.
        blockers: The reasons for which it may not advance.
        artifacts: The evidence contract without the execution summary, which every gate owes.
        blocker_register: The artifact, one of these, that the framework writes: what is open as the pack is sealed.
    """

    id: GateId
    alias: GateAlias | None = None
    code_prefix: CodePrefix
    title: Text
    owner: Text
    label: Label | None = None
    upstream: tuple[UpstreamEdge, ...] = ()
    over: tuple[GateId, ...] = ()
    laws: tuple[Text, ...] = ()
    needs: tuple[Label, ...]
    advance: AdvanceWord
    hold: StopWord
    reset: StopWord
    next_gate: Text
    blocked_next_gate: Text
    rolls_up_to: BlockerCode
    codes: GateCodes
    handles: dict[Label, Annotated[tuple[HandleName, ...], Field(min_length=1)]] = Field(default_factory=dict)
    planned: Flag = False
    verifiers: Annotated[tuple[Verifier, ...], Field(min_length=1)]
    blockers: Annotated[tuple[Blocker, ...], Field(min_length=1)]
    artifacts: Annotated[tuple[ArtifactName, ...], Field(min_length=1)]
    blocker_register: ArtifactName | None = None

    @property
    def prefix(self) -> str:
        """Prefix of its execution ids and artifacts, such as `m4c`."""
        return gate_prefix(self.id)

    @property
    def phase(self) -> str:
        """The phase that the gate belongs to, such as `M4`."""
        return phase_of(self.id)

    @property
    def summary_name(self) -> str:
        """File name of the execution summary."""
        return summary_name(self.prefix)

    @property
    def markers(self) -> tuple[str, ...]:
        """The pytest markers that select the gate: phase, gate, and the alias if it has one."""
        names = [self.phase.lower(), self.prefix]
        if self.alias is not None:
            names.append(gate_prefix(self.alias))
        return tuple(names)

    @property
    def unmapped_code(self) -> str:
        """Code of a verifier that ended in a way no blocker describes."""
        return self.codes.uncategorised or f"{self.code_prefix}-UNMAPPED"

    @property
    def not_evaluated_code(self) -> str:
        """Code of a verifier that was skipped, deselected or never run."""
        return f"{self.code_prefix}-NOT_EVALUATED"

    @cached_property
    def blocker_by_code(self) -> MappingProxyType[str, Blocker]:
        """The gate's blockers by code, the synthetic ones included."""
        table = {blocker.code: blocker for blocker in self.blockers}
        synthetic = {
            f"{self.code_prefix}-UNMAPPED": (
                "a verifier ended as no blocker describes (exception, time-out, lost worker, flip)",
                "fix what the detail names, then run the gate again",
                Severity.S1,
            ),
            self.not_evaluated_code: (
                "a verifier was not evaluated (skipped, expected to fail, deselected or never run)",
                "run the whole gate, without deselecting or skipping any of its verifiers",
                Severity.S2,
            ),
        }
        for code, (meaning, remedy, severity) in synthetic.items():
            table[code] = Blocker.model_construct(
                code=code, meaning=meaning, remedy=remedy, severity=severity, rolls_up_to=self.rolls_up_to
            )
        return MappingProxyType(table)

    @cached_property
    def verifier_by_id(self) -> MappingProxyType[str, Verifier]:
        """The gate's verifiers by short identifier."""
        return MappingProxyType({verifier.id: verifier for verifier in self.verifiers})


class Words(Record):
    """How a phase writes what its gates say; `{gate}` stands for the gate, `{next}` for what comes behind it.

    In verdict words both are written as prefixes (`M4D`), in names of the next gate as identifiers (`M4.D`). What comes
    behind a gate is the first gate of its phase, in the order of their identifiers, that rests on it, and behind the
    last one the next phase; where neither is there, the gate says its words itself.

    Attributes:
        advance: The verdict word of a pass.
        hold: The verdict word of a hold.
        reset: The verdict word where a reset is required.
        next_gate: What a summary names as next on a pass.
        blocked_next_gate: What a summary names as next on anything else.
    """

    advance: Template = "ADVANCE_TO_{next}"
    hold: Template = "HOLD_REMEDIATE"
    reset: Template = "NO_GO_RESET_REQUIRED"
    next_gate: Template = "{gate}_READY"
    blocked_next_gate: Template = "BLOCKED"


class Phase(Record):
    """A phase and the taxonomy onto which its gates' blockers roll up.

    Attributes:
        id: Its identifier, such as `M4`.
        title: What it establishes.
        words: How its gates' verdicts and next gates are written.
        needs: What its gates stand on that a session has to bring up, unless they say otherwise.
        inferred: What of its gates' blockers the catalogue decides, unless they say otherwise.
        blockers: Its taxonomy: every blocker of a gate rolls up to one of these, or to one of `taxonomies`.
        taxonomies: Those of its parts.
        evidence_contract: The artifacts that the phase owes as a whole, each owed by one of its gates.
        laws: The laws of the phase, for readers.
        waiver_days: For how many days from now, at most, a blocker of its gates may be waived.
    """

    id: PhaseId
    title: Text
    words: Words = Words()
    needs: tuple[Label, ...] = ()
    inferred: tuple[Literal["code", "severity", "rolls_up_to"], ...] = ()
    blockers: Annotated[tuple[PhaseBlocker, ...], Field(min_length=1)]
    taxonomies: tuple[Taxonomy, ...] = ()
    evidence_contract: tuple[ArtifactName, ...] = ()
    laws: tuple[Text, ...] = ()
    waiver_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_WAIVER_DAYS)] = 90


class PhaseDocument(Record):
    """One YAML document of the catalogue: a phase, the gates it runs, and the evidence it is handed.

    Attributes:
        format: The format of the document.
        platform: The platform that the catalogue describes; the same in all documents.
        phase: The phase and its taxonomy.
        external: Gates of earlier phases that are not run here.
        gates: The gates of the phase, in their order; those that have a `gate.yaml` of their own come behind them.
    """

    format: Literal["phasegate-catalogue/1"]
    platform: Text
    phase: Phase
    external: tuple[ExternalGate, ...] = ()
    gates: tuple[Gate, ...] = ()


class Catalogue(Record):
    """All phase documents together, with the digest of the bytes they were read from.

    Attributes:
        platform: The platform that the catalogue describes.
        documents: The phase documents, in phase order.
        sha256: Digest over the file names and texts of the documents.
        places: File, line and column of each phase, gate, verifier, blocker and artifact, by its identifier.
    """

    platform: str
    documents: tuple[PhaseDocument, ...]
    sha256: str
    places: Mapping[str, str] = Field(default_factory=dict, repr=False)

    @cached_property
    def gates(self) -> MappingProxyType[str, Gate]:
        """Every gate by identifier, in chain order (upstream gates first, then catalogue order)."""
        declared = {gate.id: gate for document in self.documents for gate in document.gates}
        ordered: dict[str, Gate] = {}
        for first in declared:
            pending = [first]
            while pending:
                gate_id = pending[-1]
                before = [edge.gate for edge in declared[gate_id].upstream]
                missing = [name for name in before if name in declared and name not in ordered]
                if missing:  # a catalogue has no cycles, so this ends
                    pending.append(missing[0])
                else:
                    ordered[gate_id] = declared[gate_id]
                    pending.pop()
        return MappingProxyType(ordered)

    @cached_property
    def external(self) -> MappingProxyType[str, ExternalGate]:
        """Every externally run gate by identifier."""
        return MappingProxyType({gate.id: gate for document in self.documents for gate in document.external})

    def closes_phase(self, gate: Gate) -> bool:
        """Whether a gate speaks for its phase: it rests on others of the phase, and none of them rests on it."""
        own = [other for other in self.gates.values() if other.phase == gate.phase]
        rests = any(edge.gate in self.gates and self.gates[edge.gate].phase == gate.phase for edge in gate.upstream)
        return rests and not any(edge.gate == gate.id for other in own for edge in other.upstream)

    @cached_property
    def phases(self) -> MappingProxyType[str, Phase]:
        """Every phase by identifier."""
        return MappingProxyType({document.phase.id: document.phase for document in self.documents})

    @cached_property
    def phase_of_prefix(self) -> MappingProxyType[str, str]:
        """The phase of each gate, external ones included, as folders are named (`m4`), by the gate's prefix."""
        names = (*self.gates, *self.external)
        return MappingProxyType({gate_prefix(name): phase_of(name).lower() for name in names})

    @cached_property
    def summaries(self) -> frozenset[str]:
        """The file names of the gates' execution summaries."""
        return frozenset(gate.summary_name for gate in self.gates.values())

    @cached_property
    def registers(self) -> frozenset[str]:
        """The file names of the blocker registers that the framework writes."""
        return frozenset(gate.blocker_register for gate in self.gates.values() if gate.blocker_register is not None)

    @cached_property
    def gate_of_verifier(self) -> MappingProxyType[str, Gate]:
        """The gate that each verifier belongs to."""
        return MappingProxyType({v.id: gate for gate in self.gates.values() for v in gate.verifiers})

    def closure(self, gate_ids: frozenset[str]) -> frozenset[str]:
        """The given gates with every catalogued gate that they rest on, directly or not."""
        reached: set[str] = set()
        pending = list(gate_ids)
        while pending:
            gate_id = pending.pop()
            if gate_id in reached or gate_id not in self.gates:
                continue
            reached.add(gate_id)
            pending.extend(edge.gate for edge in self.gates[gate_id].upstream)
        return frozenset(reached)

    def chains(self, gate_ids: frozenset[str]) -> MappingProxyType[str, str]:
        """For each given gate, the first gate (in chain order) of the chain that it belongs to.

        Two gates are of one chain when one rests on the other, directly or through gates that are given too.
        """
        parent = {gate_id: gate_id for gate_id in gate_ids}

        def root(gate_id: str) -> str:
            while parent[gate_id] != gate_id:
                parent[gate_id] = parent[parent[gate_id]]
                gate_id = parent[gate_id]
            return gate_id

        rank = {gate_id: position for position, gate_id in enumerate(self.gates)}
        for gate_id in gate_ids:
            for edge in self.gates[gate_id].upstream:
                if edge.gate in parent:
                    first, second = sorted((root(gate_id), root(edge.gate)), key=rank.__getitem__)
                    parent[second] = first
        return MappingProxyType({gate_id: root(gate_id) for gate_id in gate_ids})

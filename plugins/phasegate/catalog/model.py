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

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

FORMAT = "phasegate-catalogue/1"
LONGEST_WAIVER_DAYS = 366
"""No catalogue lets a waiver stand for longer than this."""

PhaseId = Annotated[str, StringConstraints(pattern=r"^M[0-9]{1,4}$"), Field(examples=["M4"])]
GateId = Annotated[str, StringConstraints(pattern=r"^M[0-9]{1,4}\.[A-Z][0-9]?$"), Field(examples=["M4.C"])]
GateAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]+\.[A-Z]$"), Field(examples=["P3.A"])]
VerifierId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+-V[0-9]+$"), Field(examples=["M4C-V2"])]
VerifierName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_-]+$"), Field(examples=["ROLE-HANDLE-CLOSURE"])]
BlockerCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+-B[0-9]+(\.[0-9]+)?$"), Field(examples=["M4C-B2"])]
ArtifactName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.json$"), Field(examples=["m4c_matrix.json"])]
AdvanceWord = Annotated[str, StringConstraints(pattern=r"^ADVANCE_TO_[A-Z0-9]+$"), Field(examples=["ADVANCE_TO_M4D"])]
HandleName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$"), Field(examples=["MSK_CLUSTER_ARN"])]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$"), Field(examples=["p3_gate_rollup"])]
ExecutionIdText = Annotated[
    str,
    StringConstraints(pattern=r"^m[0-9]{1,4}[a-z][0-9]?(_[a-z0-9]+)*_[0-9]{8}T[0-9]{6}Z$"),
    Field(examples=["m3j_20260223T233827Z"]),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
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


class Blocker(Record):
    """One reason for which a gate does not advance.

    Attributes:
        code: Its code, such as `M4A-B1`.
        meaning: What is wrong when it is raised.
        remedy: What closes it, in one sentence.
        severity: How grave it is.
        rolls_up_to: The phase blocker that it activates.
        inferred: Names of the fields that the platform's record does not state and this catalogue decides.
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
    """

    id: VerifierId
    name: VerifierName
    purpose: Text
    raises: Annotated[tuple[BlockerCode, ...], Field(min_length=1)]

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
        title: What it establishes.
        owner: Who answers for it.
        label: Readable part of the execution id, between prefix and time.
        upstream: The gates that it rests on.
        laws: The laws that its verifiers hold, for readers.
        advance: The verdict word of a pass.
        next_gate: What its summary names as next on a pass.
        blocked_next_gate: What its summary names as next on anything else.
        rolls_up_to: The phase blocker onto which its synthetic codes (unmapped, not evaluated) roll up.
        codes: The blockers that the framework raises on its behalf.
        handles: The named values of the platform that it cannot do without, by family.
        planned: True while the gate is catalogued but its verifiers are not written: it can never advance.
        verifiers: Its checks, in the order in which they run.
        blockers: The reasons for which it may not advance.
        artifacts: The evidence contract without the execution summary, which every gate owes.
    """

    id: GateId
    alias: GateAlias | None = None
    title: Text
    owner: Text
    label: Label | None = None
    upstream: tuple[UpstreamEdge, ...] = ()
    laws: tuple[Text, ...] = ()
    advance: AdvanceWord
    next_gate: Text
    blocked_next_gate: Text = "BLOCKED"
    rolls_up_to: BlockerCode
    codes: GateCodes
    handles: dict[Label, Annotated[tuple[HandleName, ...], Field(min_length=1)]] = Field(default_factory=dict)
    planned: Flag = False
    verifiers: Annotated[tuple[Verifier, ...], Field(min_length=1)]
    blockers: Annotated[tuple[Blocker, ...], Field(min_length=1)]
    artifacts: Annotated[tuple[ArtifactName, ...], Field(min_length=1)]

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
        return f"{self.prefix}_execution_summary.json"

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
        return self.codes.uncategorised or f"{self.prefix.upper()}-UNMAPPED"

    @property
    def not_evaluated_code(self) -> str:
        """Code of a verifier that was skipped, deselected or never run."""
        return f"{self.prefix.upper()}-NOT_EVALUATED"

    @cached_property
    def blocker_by_code(self) -> MappingProxyType[str, Blocker]:
        """The gate's blockers by code, the synthetic ones included."""
        table = {blocker.code: blocker for blocker in self.blockers}
        synthetic = {
            f"{self.prefix.upper()}-UNMAPPED": (
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


class Phase(Record):
    """A phase and the taxonomy onto which its gates' blockers roll up.

    Attributes:
        id: Its identifier, such as `M4`.
        title: What it establishes.
        blockers: Its taxonomy: every blocker of a gate rolls up to one of these.
        evidence_contract: The artifacts that the phase owes as a whole, each owed by one of its gates.
        laws: The laws of the phase, for readers.
        waiver_days: For how many days from now, at most, a blocker of its gates may be waived.
    """

    id: PhaseId
    title: Text
    blockers: Annotated[tuple[PhaseBlocker, ...], Field(min_length=1)]
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


def gate_prefix(gate_id: str) -> str:
    """The form of a gate identifier that stands in markers and file names: `M4.C` gives `m4c`."""
    return gate_id.replace(".", "").lower()


def phase_of(gate_id: str) -> str:
    """The phase that a gate identifier names: `M4` for `M4.C`."""
    return gate_id.partition(".")[0]

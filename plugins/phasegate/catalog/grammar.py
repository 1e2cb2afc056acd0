"""The grammar of names: phases, gates, verifiers, blockers, verdict words, execution ids, and what derives from them.

A phase is letters with or without a number (`M4`, `POPT`), a gate its phase, a dot and a short rest (`M4.C`, `M5.R1`,
`POPT.1R2`). Nothing else in phasegate knows how a name is written.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

from pydantic import Field, StringConstraints

PHASE: Final = "[A-Z]+[0-9]{0,4}"
GATE: Final = rf"{PHASE}\.[A-Z0-9]{{1,4}}"
TAXONOMY: Final = "[A-Z][A-Z0-9]*"
VERIFIER: Final = "[A-Z0-9]+-V[0-9]+"
BLOCKER: Final = r"[A-Z0-9]+[-.]B[0-9]+(\.[0-9]+)?"
RAISED: Final = rf"({BLOCKER}|[A-Z0-9]+-(UNMAPPED|NOT_EVALUATED))"
"""What a finding raises: a blocker, or what the framework says of a verifier that none describes."""
FILE: Final = r"[a-z0-9_]+\.json"
EXECUTION: Final = "[a-z][a-z0-9]*(_[a-z0-9]+)*_[0-9]{8}T[0-9]{6}Z"
ADVANCE: Final = "(ADVANCE_TO|UNLOCK)_[A-Z0-9]+(_[A-Z0-9]+)*"
STOP: Final = "(HOLD|NO_GO|REVERT)(_[A-Z0-9]+)*"
"""How verdict words are written: whoever reads one needs no catalogue to tell an advance from a stop."""

_EXECUTION = re.compile(r"(?P<prefix>[a-z][a-z0-9]*)(?:_(?P<label>[a-z0-9_]+?))?_(?P<time>[0-9]{8}T[0-9]{6}Z)")
_WHOLE_EXECUTION = re.compile(EXECUTION)
_TIME: Final = "%Y%m%dT%H%M%SZ"
_PARTS = re.compile(r"([0-9]+)")
_NUMBERED = re.compile(r"[a-z]+[0-9]+(?=[a-z])")
_STOP = re.compile(STOP)
_OPENING = re.compile("(?:ADVANCE_TO|UNLOCK)_(?P<target>.+)")


def _text(pattern: str, example: str) -> tuple[StringConstraints, object]:
    return StringConstraints(pattern=f"^{pattern}$"), Field(examples=[example])


PhaseId = Annotated[str, *_text(PHASE, "M4")]
TaxonomyId = Annotated[str, *_text(TAXONOMY, "M5P3")]
GateId = Annotated[str, *_text(GATE, "M4.C")]
GateAlias = Annotated[str, *_text(GATE, "P3.A")]
CodePrefix = Annotated[str, *_text("[A-Z][A-Z0-9]*", "P3B")]
VerifierId = Annotated[str, *_text(VERIFIER, "M4C-V2")]
VerifierName = Annotated[str, *_text("[A-Z0-9_-]+", "ROLE-HANDLE-CLOSURE")]
BlockerCode = Annotated[str, *_text(BLOCKER, "M4C-B2")]
ArtifactName = Annotated[str, *_text(FILE, "m4c_matrix.json")]
AdvanceWord = Annotated[str, *_text(ADVANCE, "ADVANCE_TO_M4D")]
StopWord = Annotated[str, *_text(STOP, "HOLD_REMEDIATE")]
Template = Annotated[str, *_text(r"([^{}]|\{gate\}|\{next\})+", "ADVANCE_TO_{next}")]
HandleName = Annotated[str, *_text("[A-Z][A-Z0-9_]*", "MSK_CLUSTER_ARN")]
Label = Annotated[str, *_text("[a-z0-9]+(_[a-z0-9]+)*", "p3_gate_rollup")]
ExecutionIdText = Annotated[str, *_text(EXECUTION, "m3j_20260223T233827Z")]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ExecutionParts(NamedTuple):
    """What an execution id is made of.

    Attributes:
        prefix: The gate's prefix, such as `m5c`.
        label: The readable part, such as `p3b_required_outputs`; None where there is none.
        time: The second that the attempt is named after, in UTC.
    """

    prefix: str
    label: str | None
    time: datetime


def execution_id(prefix: str, label: str | None, time: datetime) -> str:
    """An execution id, such as `m5c_p3b_required_outputs_20260224T191554Z`."""
    return "_".join(part for part in (prefix, label, time.strftime(_TIME)) if part)


def execution_parts(text: str) -> ExecutionParts | None:
    """What an execution id is made of; None where a text is none."""
    match = _EXECUTION.fullmatch(text)
    if match is None or _WHOLE_EXECUTION.fullmatch(text) is None:
        return None
    try:
        time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return ExecutionParts(match["prefix"], match["label"], time)


def gate_prefix(gate_id: str) -> str:
    """The form of a gate's identifier that stands in markers and file names: `M4.C` gives `m4c`."""
    return gate_id.replace(".", "").lower()


def phase_of(gate_id: str) -> str:
    """The phase that a gate's identifier names: `M4` for `M4.C`."""
    return gate_id.partition(".")[0]


def is_numbered_phase(folder: str) -> bool:
    """Whether a folder's name is that of a phase with a number, such as `m4`."""
    return re.fullmatch("[a-z]+[0-9]{1,4}", folder) is not None


def likely_phase(prefix: str) -> str:
    """The phase that a gate's prefix most likely belongs to, where no catalogue says so: `m4` for `m4c`."""
    match = _NUMBERED.match(prefix)
    return match[0] if match is not None else prefix.rstrip("0123456789")[:-1]


def summary_name(prefix: str) -> str:
    """The file name of the execution summary of a gate with a prefix."""
    return f"{prefix}_execution_summary.json"


def short_verifier(name: str) -> str:
    """The short form of a verifier's identifier: `M4A-V1` for `M4A-V1-HANDLE-PRESENCE`."""
    return "-".join(name.split("-")[:2])


def next_phase(phase: str) -> str | None:
    """The phase behind a numbered one: `M5` for `M4`; None for one without a number."""
    letters = phase.rstrip("0123456789")
    return f"{letters}{int(phase[len(letters) :]) + 1}" if letters != phase else None


def word_target(word: str) -> str | None:
    """What an advance word opens: `M4D` for `ADVANCE_TO_M4D`; None for a word of another form."""
    match = _OPENING.fullmatch(word)
    return match["target"] if match is not None else None


def names_gate(target: str, phase: str) -> bool:
    """Whether the target of a word of a phase's gate has the form of a gate: `M4D` and `M5A`, but not `M5`, in M4."""
    letters = phase.rstrip("0123456789")
    form = f"{phase}[0-9][A-Z0-9]{{0,3}}" if letters == phase else f"{letters}[0-9]{{1,4}}[A-Z][0-9]?"
    return re.fullmatch(form, target) is not None


def names_phase(target: str, phase: str) -> bool:
    """Whether the target of a word of a phase's gate is a phase of the same numbering: `M5`, but not `P4`, in M4."""
    letters = phase.rstrip("0123456789")
    return letters != phase and re.fullmatch(f"{letters}[0-9]{{1,4}}", target) is not None


def is_stop(word: str) -> bool:
    """Whether a verdict word says that a gate does not advance."""
    return _STOP.fullmatch(word) is not None


def in_order(name: str) -> tuple[tuple[str, int], ...]:
    """Sorts names as readers count: `M9` before `M10`, `POPT.1R` before `POPT.1R2`."""
    return tuple((part, 0) if index % 2 == 0 else ("", int(part)) for index, part in enumerate(_PARTS.split(name)))

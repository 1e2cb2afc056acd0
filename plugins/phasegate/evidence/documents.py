"""The framework's own documents as they stand in a pack: what each member is, checked whoever wrote it.

The JSON Schemas of `docs/schemas`, for readers of other languages, are made from these models.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

from phasegate.catalog.grammar import ADVANCE, EXECUTION, FILE, GATE, PHASE, RAISED, STOP, VERIFIER, is_stop

_T = TypeVar("_T")


def _unique(items: list[Any]) -> list[Any]:
    seen: set[Hashable] = set()
    for item in items:
        if item in seen:
            raise PydanticCustomError("unique_items", "{item} stands in it twice", {"item": repr(item)})
        seen.add(item)
    return items


Unique = Annotated[list[_T], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})]
"""A list in which nothing stands twice."""
PhaseName = Annotated[str, Field(pattern=f"^{PHASE}$")]
GateName = Annotated[str, Field(pattern=f"^{GATE}$")]
VerifierName = Annotated[str, Field(pattern=f"^{VERIFIER}$")]
Code = Annotated[str, Field(pattern=f"^{RAISED}$")]
VerdictWord = Annotated[str, Field(pattern=f"^({ADVANCE}|{STOP})$")]
ExecutionName = Annotated[str, Field(pattern=f"^{EXECUTION}$")]
FileName = Annotated[str, Field(pattern=f"^{FILE}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$")]
Said = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Target(_Closed):
    """What a gate looked at."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Said]

    platform: str
    substrate: str


class JudgingCode(_Closed):
    """The code that judged a gate."""

    digests: dict[Said, Sha256]
    commit: str | None
    uncommitted: list[str] | None


class BlockerDetail(_Closed):
    """One reason for which a gate does not advance."""

    code: Code
    meaning: str
    severity: Literal["S1", "S2", "S3"]
    rolls_up_to: Code
    verifier: VerifierName | None
    state: str
    detail: str
    remedy: str


class VerifierRow(_Closed):
    """What became of one verifier."""

    id: VerifierName
    name: str
    outcome: Literal["PASSED", "NOT_EVALUATED", "BLOCKED", "ERRORED"]
    blockers: list[Code]


class UpstreamGate(_Closed):
    """One upstream gate, as the attempt found it."""

    gate: GateName
    execution_id: ExecutionName | None
    summary: FileName
    sha256: Sha256 | None
    green: bool
    why: str


class ListedArtifact(_Closed):
    """One file of a pack."""

    file: FileName
    sha256: Sha256
    bytes: Count
    uri: str | None
    version_id: str | None
    read_back: bool


class WaivedFinding(_Closed):
    """One finding that a waiver passed."""

    verifier: str | None
    state: Said
    detail: str


class AppliedWaiver(_Closed):
    """A waiver that passed something."""

    blocker: Said
    reason: Said
    author: Said
    approver: Said
    expires_at_utc: Said
    sha256: Sha256
    passed: Annotated[list[WaivedFinding], Field(min_length=1)]


class ContentDigest(_Closed):
    """The digest of a document without this member."""

    sha256: Sha256


_PASSED: Final[JsonDict] = {
    "if": {"properties": {"overall_pass": {"const": True}}},
    "then": {
        "properties": {
            "blockers": {"maxItems": 0},
            "blocker_count": {"const": 0},
            "complete": {"const": True},
            "not_evaluated": {"maxItems": 0},
            "verdict": {"pattern": f"^{ADVANCE}$"},
        }
    },
    "else": {
        "properties": {
            "blockers": {"minItems": 1},
            "verdict": {"pattern": f"^{STOP}$"},
        }
    },
}


class ExecutionSummary(_Closed):
    """The execution summary of one attempt of a gate."""

    model_config = ConfigDict(json_schema_extra=_PASSED)

    schema_: Annotated[Literal["phasegate/execution-summary/2"], Field(alias="schema")]
    phase_execution_id: ExecutionName
    gate: GateName
    alias: str | None
    phase: PhaseName
    generated_at_utc: Moment
    clock_note: str = ""
    substrate: Said
    target: Target
    inputs: dict[Said, Sha256]
    code: JudgingCode
    complete: bool
    overall_pass: bool
    verdict: VerdictWord
    blockers: Unique[Code]
    blocker_count: Count
    phase_blockers: Unique[Code]
    blocker_details: list[BlockerDetail]
    verifiers: Annotated[list[VerifierRow], Field(min_length=1)]
    not_evaluated: Unique[VerifierName]
    next_gate: Said
    metrics: dict[str, Any]
    upstream: list[UpstreamGate]
    artifacts: list[ListedArtifact]
    catalogue_sha256: Sha256
    provenance: dict[str, Any]
    content: ContentDigest
    dod: dict[str, bool]
    waivers: list[AppliedWaiver]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        """What passed has nothing open, and says so in every member; what did not says why."""
        open_ = bool(self.blockers or self.blocker_count or self.not_evaluated or not self.complete)
        if self.overall_pass and (open_ or is_stop(self.verdict)):
            raise PydanticCustomError("verdict", "it passed, and names blockers, what was not evaluated, or no advance")
        if not self.overall_pass and (not self.blockers or not is_stop(self.verdict)):
            raise PydanticCustomError("verdict", "it did not pass, and names no blocker, or an advance")
        return self


class StoredObject(_Closed):
    """One file that was stored durably and read back."""

    file: FileName
    uri: str
    version_id: str | None
    sha256: Sha256
    bytes: Count
    read_back: Literal[True]


class PublicationReceipt(_Closed):
    """What of an attempt was stored durably and read back."""

    schema_: Annotated[Literal["phasegate/publication-receipt/1"], Field(alias="schema")]
    phase_execution_id: ExecutionName
    gate: GateName
    objects: list[StoredObject]


class OpenBlocker(_Closed):
    """A blocker that is open, and what was seen."""

    code: Code
    rolls_up_to: Code
    severity: Literal["S1", "S2", "S3"]
    verifier: VerifierName | None
    detail: str
    remedy: str


class GateRegister(_Closed):
    """The blockers of a gate that are open as its pack is sealed; those that come later are in its summary."""

    phase_execution_id: ExecutionName
    gate: GateName
    alias: str | None
    blockers: list[OpenBlocker]


Document = type[ExecutionSummary] | type[GateRegister] | type[PublicationReceipt]


def misfits(document: Document, payload: Any) -> list[str]:
    """What of a payload is not what its members are, each with the key path."""
    try:
        document.model_validate(payload)
    except ValidationError as error:
        return [f"{_path(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False, include_input=False)]
    return []


def json_schema(document: Document) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **document.model_json_schema()}


def _path(steps: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)

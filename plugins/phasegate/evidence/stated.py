"""What a summary says, whoever wrote it: every reader of summaries reads this, and none a bare dict.

A pack that verifies fits `phasegate.evidence.documents.ExecutionSummary`. Packs that were altered, and those that an
earlier platform handed over in a form of its own, are read as well: to say what is wrong with them, and to list them.
So nothing here refuses. A member that is not what its name says is as if it were not there; what that means is the
reader's to say, and where it matters verification has named it before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

_T = TypeVar("_T")


def _else(default: Callable[[], Any]) -> WrapValidator:
    """Reads a value that is not what it should be as a default."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return default()

    return WrapValidator(read)


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in _items(value) if isinstance(item, str))


def _objects(value: Any) -> tuple[Any, ...]:
    return tuple(item for item in _items(value) if isinstance(item, dict))


def _named_texts(value: Any) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {name: text for name, text in value.items() if isinstance(text, str)}


def _upstream(value: Any) -> tuple[Any, ...]:
    """The upstream rows; what is no row names an attempt that nobody has."""
    rows = value if isinstance(value, list | tuple) else (value,)
    return tuple(row if isinstance(row, dict) else {"execution_id": repr(row)} for row in rows)


def _id(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


_Text = Annotated[str, _else(str)]
_OptionalText = Annotated[str | None, _else(lambda: None)]
_Flag = Annotated[bool | None, _else(lambda: None)]
_Mapping = Annotated[dict[str, Any], _else(dict)]
_Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
_Objects = Annotated[tuple[_T, ...], BeforeValidator(_objects)]


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class StatedFinding(_Stated):
    """What was found: by a verifier, or by the framework in one of its duties."""

    verifier: _OptionalText = None
    state: _Text = ""
    detail: _Text = ""

    @property
    def said(self) -> str:
        """The finding in words, with who says so."""
        return f"{self.verifier or self.state}: {self.detail}"


class StatedDetail(StatedFinding):
    """One reason for which a gate does not advance."""

    code: _Text = ""
    severity: _Text = ""
    remedy: _Text = ""


class StatedVerifier(_Stated):
    """What became of one verifier."""

    id: _Text = ""
    name: _Text = ""
    outcome: _Text = ""
    blockers: _Texts = ()


class StatedUpstream(_Stated):
    """One upstream gate, as the attempt found it."""

    gate: _Text = ""
    execution_id: Annotated[str | None, BeforeValidator(_id)] = None
    summary: _Text = ""
    sha256: _OptionalText = None
    green: Annotated[bool, _else(bool)] = False


class StatedArtifact(_Stated):
    """One file of a pack."""

    file: _Text = ""
    sha256: _Text = ""
    uri: _OptionalText = None
    version_id: _OptionalText = None
    read_back: Annotated[bool, _else(bool)] = False


class StatedWaiver(_Stated):
    """A waiver that passed something."""

    blocker: _Text = ""
    reason: _Text = ""
    author: _Text = ""
    approver: _Text = ""
    expires_at_utc: _Text = ""
    sha256: _Text = ""
    passed: _Objects[StatedFinding] = ()


class StatedCode(_Stated):
    """The code that judged a gate."""

    digests: _Mapping = Field(default_factory=dict)
    uncommitted: _Texts = ()


class StatedSummary(_Stated):
    """A summary as it was found; of one that says nothing, every member is empty."""

    phase_execution_id: _Text = ""
    gate: _Text = ""
    alias: _OptionalText = None
    phase: _Text = ""
    generated_at_utc: _Text = ""
    clock_note: _Text = ""
    substrate: _OptionalText = None
    target: Annotated[dict[str, str] | None, BeforeValidator(_named_texts)] = None
    inputs: _Mapping = Field(default_factory=dict)
    code: Annotated[StatedCode, _else(StatedCode)] = Field(default_factory=StatedCode)
    complete: _Flag = None
    overall_pass: _Flag = None
    verdict: _OptionalText = None
    blockers: _Texts = ()
    blocker_count: Annotated[int | None, _else(lambda: None)] = None
    blocker_details: _Objects[StatedDetail] = ()
    verifiers: _Objects[StatedVerifier] = ()
    not_evaluated: _Texts = ()
    metrics: _Mapping = Field(default_factory=dict)
    upstream: Annotated[tuple[StatedUpstream, ...], BeforeValidator(_upstream)] = ()
    artifacts: _Objects[StatedArtifact] = ()
    catalogue_sha256: _OptionalText = None
    provenance: _Mapping = Field(default_factory=dict)
    waivers: _Objects[StatedWaiver] = ()
    everything: dict[str, Any] = Field(default_factory=dict, repr=False)
    """All that it says, for what a catalogue requires of a member by its name."""

    @classmethod
    def of(cls, content: object) -> Self:
        """Reads a parsed summary; of what is no JSON object, nothing is said."""
        return cls.model_validate({**content, "everything": content}) if isinstance(content, dict) else cls()

    @property
    def passed(self) -> bool:
        """Whether it says that its gate advances."""
        return self.overall_pass is True

    @property
    def moment(self) -> datetime | None:
        """When it says that it was made; None where that is no time."""
        try:
            return datetime.fromisoformat(self.generated_at_utc)
        except ValueError:
            return None

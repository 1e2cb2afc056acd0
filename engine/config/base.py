"""Building blocks of the pack models: frozen, strict about names, closed to what is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

SHARE_TOLERANCE = 1e-6
"""How far from one the sum of a share row may lie."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Mark of a field that the engine takes in and does not read; what is not marked so is read.

    Attributes:
        reason: Why it is there all the same.
    """

    reason: str


class Table(BaseModel):
    """A mapping of a pack: no key beyond those named, no value that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class Pack(Table):
    """A whole pack file.

    Attributes:
        pack: Manifest key of the pack, such as ``mlr.6A.prior.population``.
        version: Version of its content.
    """

    pack: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]


def _sum_to_one(shares: Mapping[str, float]) -> Mapping[str, float]:
    total = sum(shares.values())
    if abs(total - 1.0) > SHARE_TOLERANCE:
        raise PydanticCustomError(
            "shares_do_not_sum_to_one", "the shares sum to {total}, not to 1", {"total": f"{total:.9g}"}
        )
    return shares


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]
Shares = Annotated[Mapping[Name, Share], Field(min_length=1), AfterValidator(_sum_to_one)]
"""A row of shares in the order of the draw; they sum to one within ``SHARE_TOLERANCE``."""
Declared = Annotated[Mapping[str, JsonValue], Carried("belongs to the written contract")]
"""Figures that the written contract carries and the generator does not read."""


class Range(Table):
    """A closed interval."""

    min: float
    max: float

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min > self.max:
            raise PydanticCustomError(
                "range_inverted", "min {low} lies above max {high}", {"low": self.min, "high": self.max}
            )
        return self

"""A drill as it is declared, in the terms of chaos engineering: steady state, method, rollbacks, bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import InfraError, Problem

FORMAT = "phasegate-drill/1"

ProbeKind = Literal["ingress_health", "ingress_ingest", "ingress_correlation"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ProbeStep(_Model):
    """Something is looked at, and must be one of the tolerated values."""

    name: str
    probe: ProbeKind
    tolerance: Annotated[list[int | str], Field(min_length=1)]


class SetStep(_Model):
    """The control is set to a value."""

    name: str
    action: Literal["set"]
    value: Annotated[int, Field(ge=0)]


class RestoreStep(_Model):
    """The control is set back to what it was before."""

    name: str
    action: Literal["restore"]


class ControlSpec(_Model):
    """What the drill turns.

    Attributes:
        kind: What kind of control it is.
        handle: The handle that names it.
    """

    kind: Literal["lambda_reserved_concurrency"]
    handle: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Bounds(_Model):
    """How long things may take, in seconds."""

    failure_within_s: Annotated[float, Field(gt=0, le=120)]
    recovery_within_s: Annotated[float, Field(gt=0, le=300)]


class Drill(_Model):
    """A declared drill.

    Attributes:
        title: What it shows.
        lane: The one lane that it touches.
        control: What it turns.
        steady_state: What must hold before and after.
        method: One action, and then what shows that it worked.
        rollbacks: What undoes the action.
        bounds: How long things may take.
    """

    format: Literal["phasegate-drill/1"]
    title: str
    lane: str
    control: ControlSpec
    steady_state: Annotated[list[ProbeStep], Field(min_length=1)]
    method: tuple[SetStep, ProbeStep]
    rollbacks: tuple[RestoreStep]
    bounds: Bounds


def load_drill(path: Path) -> Drill:
    """Reads a declared drill.

    Raises:
        InfraError: It cannot be read, or is none; every flaw is listed.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Drill.model_validate_json(json.dumps(data))
    except OSError as error:
        raise InfraError(f"the drill cannot be read: {error.strerror}", str(path), "restore the file") from error
    except ValidationError as error:
        raise InfraError(
            problems=[
                Problem(
                    fact=f"{'.'.join(map(str, flaw['loc'])) or 'the document'}: {flaw['msg']}",
                    place=str(path),
                    remedy=f"declare it as {FORMAT} has it",
                )
                for flaw in error.errors()
            ]
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        flaw = " ".join(str(error).split())
        raise InfraError(f"the drill is no YAML: {flaw}", str(path), "fix the line that it names") from error

"""What a leg of a pipeline leaves beside its evidence, and whether the legs together say that everything advances.

The words for how a leg ended are GitHub's own. Everything here fails closed: a leg that the catalogue names and that
left nothing, a word that nobody knows, and a pipeline without legs are failures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from phasegate.attempts.layout import replace_file
from phasegate.catalog.grammar import ExecutionIdText, GateId, PhaseId, Sha256
from phasegate.catalog.legs import Leg
from phasegate.errors import EvidenceError, ExitCode, Problem
from phasegate.evidence.files import entries, read_file

PREFIX: Final = "leg-"
"""The folder of a leg is this and its phase; so is the artifact that hands it on."""
RESULT: Final = "result.json"
RUNS: Final = "runs"
KEY: Final = "signing-key.pem"
_JOBS: Final[TypeAdapter[dict[str, dict[str, Any]]]] = TypeAdapter(dict[str, dict[str, Any]])


class Ended(StrEnum):
    """How a leg ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class LegResult(BaseModel):
    """What a leg says of itself.

    Attributes:
        format: The format of the file.
        phase: Its phase.
        catalogue_sha256: Digest of the catalogue that it ran by.
        result: How it ended.
        why: Why it is not a success; empty where it is.
        exit_code: That of its gates; None where they were not run.
        gates: Its gates that advance, each with the attempt that was made in this leg.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["phasegate-leg/1"] = "phasegate-leg/1"
    phase: PhaseId
    catalogue_sha256: Sha256
    result: Ended
    why: str = ""
    exit_code: int | None = None
    gates: dict[GateId, ExecutionIdText] = {}

    def write(self, folder: Path) -> None:
        """Writes it into the folder of its leg.

        Raises:
            EvidenceError: It cannot be written.
        """
        place = folder / RESULT
        try:
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(place, f"{self.model_dump_json(indent=2)}\n".encode())
        except OSError as error:
            remedy = "name a folder that can be written, with --legs=DIR"
            raise EvidenceError(Problem(f"cannot be written: {error.strerror}", str(place), remedy)) from error


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a pipeline is red.

    Attributes:
        problem: What is wrong.
        code: The exit code that it calls for.
    """

    problem: Problem
    code: ExitCode


def read_result(folder: Path) -> LegResult | None:
    """What the leg of a folder says of itself; None where it says nothing.

    Raises:
        EvidenceError: The file cannot be read, or is of another form.
    """
    place = folder / RESULT
    try:
        if not place.exists():
            return None
        return LegResult.model_validate_json(read_file(place))
    except (OSError, ValidationError) as error:
        fact = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise EvidenceError(Problem(f"is no result of a leg: {fact}", str(place), "run the leg again")) from error


def flaws_of(legs: Sequence[Leg], catalogue_sha256: str, root: Path) -> Iterator[Flaw]:
    """Why the legs in a folder are no success, everything that is wrong.

    Args:
        legs: The legs that the catalogue names.
        catalogue_sha256: Its digest.
        root: The folder with a folder for each leg.
    """
    for leg in legs:
        folder = root / f"{PREFIX}{leg.phase.id}"
        try:
            result = read_result(folder)
        except EvidenceError as error:
            yield from (Flaw(problem, ExitCode.EVIDENCE) for problem in error.problems)
        else:
            yield from _flaws(leg, result, catalogue_sha256, str(folder))
    known = {f"{PREFIX}{leg.phase.id}" for leg in legs}
    for name in sorted(_folders(root) - known):
        fact = "is a leg that the catalogue does not name"
        yield Flaw(Problem(fact, str(root / name), "remove it, or check out what it was run with"), ExitCode.EVIDENCE)


def flaws_of_jobs(text: bytes, place: str) -> Iterator[Flaw]:
    """Why the jobs of a workflow are no success.

    Args:
        text: GitHub's context `needs`, as JSON.
        place: Where it comes from, for messages.
    """
    try:
        jobs = _JOBS.validate_json(text)
    except ValidationError:
        jobs = {}
    if not jobs:
        remedy = "pass what `toJSON(needs)` gives in a job that needs others"
        yield Flaw(Problem("names no job", place, remedy), ExitCode.EVIDENCE)
    for name, job in sorted(jobs.items()):
        yield from _unless_success(job.get("result"), f"job {name}", "", place)


def exit_code_of(flaws: Sequence[Flaw]) -> ExitCode:
    """The exit code for all flaws: that of a failed leg first, then of what cannot be believed."""
    codes = {flaw.code for flaw in flaws}
    order = (ExitCode.BLOCKED, ExitCode.EVIDENCE, ExitCode.INCOMPLETE)
    return next((code for code in order if code in codes), ExitCode.OK)


def _flaws(leg: Leg, result: LegResult | None, catalogue_sha256: str, place: str) -> Iterator[Flaw]:
    name = f"leg {leg.phase.id}"
    if result is None:
        fact = f"{name} is missing: nobody ran it, or what it left is lost"
        yield Flaw(Problem(fact, place, "run the pipeline again"), ExitCode.INCOMPLETE)
        return
    if result.phase != leg.phase.id:
        fact = f"holds the result of leg {result.phase}, in the place of {name}"
        yield Flaw(Problem(fact, place, "run the leg again"), ExitCode.EVIDENCE)
        return
    if result.catalogue_sha256 != catalogue_sha256:
        fact = f"{name} was run by another catalogue than the one that is here"
        yield Flaw(Problem(fact, place, "run the pipeline again, on one commit"), ExitCode.EVIDENCE)
    yield from _unless_success(result.result, name, result.why, place)
    silent = [gate.id for gate in leg.gates if gate.id not in result.gates]
    if silent and result.result is Ended.SUCCESS:
        fact = f"{name} says success, and no attempt of {', '.join(silent)} that advances"
        yield Flaw(Problem(fact, place, "run the leg again"), ExitCode.EVIDENCE)


def _unless_success(result: JsonValue, name: str, why: str, place: str) -> Iterator[Flaw]:
    known = {Ended.FAILURE: ExitCode.BLOCKED, Ended.CANCELLED: ExitCode.INCOMPLETE, Ended.SKIPPED: ExitCode.INCOMPLETE}
    if result == Ended.SUCCESS:
        return
    said = {
        Ended.FAILURE: "failed",
        Ended.CANCELLED: "was cancelled, or did not come to its end",
        Ended.SKIPPED: "was skipped",
    }
    ended = Ended(result) if isinstance(result, str) and result in set(Ended) else None
    fact = f"{name} {said[ended]}" if ended is not None else f"{name} ended in a way that nobody knows: {result!r}"
    code = known[ended] if ended is not None else ExitCode.EVIDENCE
    yield Flaw(Problem(f"{fact}{why and f': {why}'}", place, "close what its log names, and run it again"), code)


def _folders(root: Path) -> set[str]:
    """The folders of legs."""
    found = entries(root) if root.is_dir() else []
    return {entry.name for entry in found if entry.is_folder and entry.name.startswith(PREFIX)}

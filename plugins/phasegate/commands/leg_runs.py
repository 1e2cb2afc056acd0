"""Runs one leg of a pipeline: takes over what the leg before it left, verifies it, runs the gates of the phase."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phasegate.attempts.opening import archive_of
from phasegate.catalog.legs import Leg
from phasegate.catalog.model import Catalogue
from phasegate.commands.leg_results import KEY, PREFIX, RUNS, Ended, Flaw, LegResult, flaws_of, read_result
from phasegate.errors import EvidenceError, ExitCode, Problem
from phasegate.evidence.keys import KeyStore, public_pem
from phasegate.settings import Settings


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A project's pipeline, in one folder.

    Attributes:
        settings: The project's settings.
        catalogue: Its catalogue.
        legs: The legs, in the order in which they run.
        root: The folder with a folder for each leg.
    """

    settings: Settings
    catalogue: Catalogue
    legs: tuple[Leg, ...]
    root: Path

    def folder(self, phase: str) -> Path:
        """The folder of a leg."""
        return self.root / f"{PREFIX}{phase}"

    def run(self, leg: Leg, arguments: Sequence[str]) -> LegResult:
        """Runs a leg in this project, and writes what became of it.

        A result is written before anything is done, which says that the leg did not come to its end: whatever ends
        this process, what it leaves is no success.

        Args:
            leg: The leg.
            arguments: What pytest is told beside the leg's own.

        Raises:
            EvidenceError: The leg was run in this folder before, or evidence cannot be read or written.
        """
        folder = self.folder(leg.phase.id)
        if folder.exists():
            remedy = "name an empty folder with --legs=DIR, or remove this one"
            raise EvidenceError(Problem("a leg was run here before", str(folder), remedy))
        self._result(leg, Ended.CANCELLED, "it did not come to its end").write(folder)
        result = self._ended(leg, folder, arguments)
        result.write(folder)
        return result

    def verify(self, folder: Path) -> int:
        """Verifies the evidence in the folder of a leg, in a process of its own; gives its exit code."""
        return self._called("phasegate", "verify", f"--runs-root={folder / RUNS}")

    def flaws(self) -> Iterator[Flaw]:
        """Why the legs in the folder are no success: by what they say, and by what their evidence says."""
        yield from flaws_of(self.legs, self.catalogue.sha256, self.root)
        for leg in self.legs:
            yield from self._unfounded(leg)
        newest = self.newest()
        if newest is not None and (code := self.verify(newest)):
            fact = f"the evidence of the last leg does not verify (exit code {code})"
            remedy = "see what `phasegate verify` names above, and run the pipeline again"
            yield Flaw(Problem(fact, str(newest), remedy), ExitCode.EVIDENCE)

    def newest(self, before: Leg | None = None) -> Path | None:
        """The folder of the last leg, before another one or of all, that left evidence."""
        names = [leg.phase.id for leg in self.legs]
        earlier = names[: names.index(before.phase.id)] if before is not None else names
        found = [self.folder(name) for name in earlier if (self.folder(name) / RUNS).is_dir()]
        return found[-1] if found else None

    def _unfounded(self, leg: Leg) -> Iterator[Flaw]:
        """What a leg claims, and its evidence does not say."""
        folder = self.folder(leg.phase.id)
        try:
            result = read_result(folder)
        except EvidenceError:
            return  # which is a flaw already
        claimed = result.gates if result is not None and result.result is Ended.SUCCESS else {}
        try:
            found = self._advancing(leg, folder) if claimed else {}
        except EvidenceError as error:
            yield from (Flaw(problem, ExitCode.EVIDENCE) for problem in error.problems)
            return
        for gate, attempt in claimed.items():
            if found.get(attempt) != gate:
                fact = f"leg {leg.phase.id} says that {gate} advanced by {attempt}, and its evidence does not"
                yield Flaw(Problem(fact, str(folder), "run the leg again"), ExitCode.EVIDENCE)

    def _ended(self, leg: Leg, folder: Path, arguments: Sequence[str]) -> LegResult:
        for phase in leg.upstream:
            earlier = read_result(self.folder(phase))
            if earlier is None or earlier.result is not Ended.SUCCESS:
                how = earlier.result.value if earlier is not None else "missing"
                return self._result(leg, Ended.SKIPPED, f"it rests on leg {phase}, which is {how}")
        handed = self.newest(before=leg)
        if handed is not None:
            shutil.copytree(handed / RUNS, folder / RUNS, symlinks=True)
            if code := self.verify(folder):
                why = f"the evidence that it was handed by {handed.name} does not verify (exit code {code})"
                return self._result(leg, Ended.FAILURE, why, code)
        elif leg.upstream:
            return self._result(leg, Ended.FAILURE, f"{', '.join(leg.upstream)} handed it no evidence")
        before = set(self._advancing(leg, folder))
        code = self._called(
            "pytest",
            "-m",
            leg.marker,
            f"--phasegate-runs-root={folder / RUNS}",
            f"--junitxml={folder / 'junit.xml'}",
            *arguments,
        )
        self._export_key(folder)
        gates = {gate: attempt for attempt, gate in self._advancing(leg, folder).items() if attempt not in before}
        held = [gate.id for gate in leg.gates if gate.id not in gates]
        if code or held:
            why = f"{', '.join(held) or 'a check beside its gates'} did not advance (exit code {code})"
            return self._result(leg, Ended.FAILURE, why, code or ExitCode.INCOMPLETE, gates)
        return self._result(leg, Ended.SUCCESS, "", code, gates)

    def _result(
        self, leg: Leg, ended: Ended, why: str, code: int | None = None, gates: dict[str, str] | None = None
    ) -> LegResult:
        return LegResult(
            phase=leg.phase.id,
            catalogue_sha256=self.catalogue.sha256,
            result=ended,
            why=why,
            exit_code=code,
            gates=gates or {},
        )

    def _called(self, module: str, *arguments: str) -> int:
        command = [sys.executable, "-m", module, *arguments]
        code = subprocess.run(command, cwd=self.settings.root, check=False).returncode
        return code if code >= 0 else int(ExitCode.INTERNAL)  # a signal ended it

    def _advancing(self, leg: Leg, folder: Path) -> dict[str, str]:
        """The authoritative attempts in a folder that advance gates of a leg, each with its gate."""
        settings = replace(self.settings, runs_root=folder / RUNS)
        words = {gate.id: gate.advance for gate in leg.gates}
        records = archive_of(settings, self.catalogue).attempts(leg.phase.id)
        return {r.execution_id: r.gate for r in records if r.authoritative and words.get(r.gate) == r.verdict}

    def _export_key(self, folder: Path) -> None:
        """Writes the public half of the key that the leg signed with, for whoever verifies elsewhere."""
        keys = KeyStore(self.settings.platform).of_gates(self.settings.signing_key)
        if keys:
            (folder / KEY).write_bytes(public_pem(keys[0]))

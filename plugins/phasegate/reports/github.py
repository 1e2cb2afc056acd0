"""What GitHub Actions shows of a session: a job summary, and annotations at the lines of the verifiers that block.

A runner obeys lines of the log that begin with `::` or hold `##[`, whoever printed them. What verifiers say comes
from outside, so the runner is told to obey nothing while the session runs but what is written here.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from phasegate.catalog.model import Catalogue
from phasegate.errors import EvidenceError, Problem
from phasegate.printable import printable
from phasegate.reports.job_summary import LIMIT, job_summary

if TYPE_CHECKING:
    from phasegate.attempts import Committed
    from phasegate.verdict import Finding, GateJudgement

MOST: Final = 10
"""How many annotations of each level GitHub shows of one step."""


def is_github(environment: Mapping[str, str]) -> bool:
    """Whether a process runs as a step of a GitHub job."""
    return environment.get("GITHUB_ACTIONS") == "true"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark at a line of a file.

    Attributes:
        level: `error` or `warning`.
        title: Its title.
        message: What it says, of one or more lines.
        file: The file, as GitHub names it: from the root of the repository; None for a remark at none.
        line: The line, from 1.
    """

    level: str
    title: str
    message: str
    file: str | None = None
    line: int = 1

    def __str__(self) -> str:
        """The workflow command that makes it."""
        where = f"file={_property(self.file)},line={self.line}," if self.file is not None else ""
        return f"::{self.level} {where}title={_property(self.title)}::{_data(self.message)}"


class GitHub:
    """Writes the summary and the annotations of one session.

    Args:
        environment: The variables of the process.
        catalogue: Says where a verifier stands of which there is no test.
        root: The folder that the catalogue's places begin at.
        silences: Whether the session may run gates, so that the runner is to obey nothing of what it prints.
    """

    def __init__(
        self, environment: Mapping[str, str], catalogue: Catalogue, root: Path, *, silences: bool = True
    ) -> None:
        self._summary = environment.get("GITHUB_STEP_SUMMARY")
        self._workspace = environment.get("GITHUB_WORKSPACE")
        self._catalogue = catalogue
        self._root = root
        self._silences = silences
        self._tests: dict[str, tuple[Path, int]] = {}
        self._resume: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Lets the runner obey nothing from here on."""
        self._stop(session.config)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes where a verifier's test stands; workers send their reports here."""
        verifier = dict(report.user_properties).get("verifier")
        file, line, _ = report.location
        if isinstance(verifier, str) and line is not None:
            self._tests.setdefault(verifier, (Path(file), line + 1))

    def pytest_phasegate_session_judged(
        self, config: pytest.Config, attempts: Sequence[Committed], problems: Sequence[Problem]
    ) -> None:
        """Writes the annotations, then the summary.

        Raises:
            EvidenceError: The summary cannot be written.
        """
        self._go_on(config)
        for line in _bounded(chain(_of_problems(problems), self._of_gates(attempts, config.rootpath))):
            _write(config, line)
        self._stop(config)
        if self._summary:
            append_summary(Path(self._summary), attempts, problems)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Lets the runner obey again: what else runs in the step is none of ours."""
        self._go_on(config)

    def _stop(self, config: pytest.Config) -> None:
        if self._silences:
            self._resume = uuid.uuid4().hex  # nobody who prints may guess it
            _write(config, f"::stop-commands::{self._resume}")

    def _go_on(self, config: pytest.Config) -> None:
        if self._resume is not None:
            _write(config, "")  # under xdist the line of progress may be open, and a command begins its line
            _write(config, f"::{self._resume}::")
            self._resume = None

    def _of_gates(self, attempts: Sequence[Committed], rootpath: Path) -> Iterator[Annotation]:
        rows = [
            (finding, committed.judgement, level)
            for committed in attempts
            for level, findings in (("error", committed.judgement.findings), ("warning", committed.judgement.waived))
            for finding in findings
        ]
        rows.sort(key=lambda row: row[1].blocker(row[0].code).severity)  # the gravest first; else in chain order
        for finding, judgement, level in rows:
            file, line = self._place(finding, judgement, rootpath)
            yield _annotation(finding, judgement, level, file, line)

    def _place(self, finding: Finding, judgement: GateJudgement, rootpath: Path) -> tuple[str, int]:
        """The line of the verifier's test; where the project has none, that of its catalogue entry, or its gate's."""
        verifier = judgement.gate.verifier_by_id.get(finding.verifier)
        if verifier is not None and verifier.kind == "check" and verifier.id in self._tests:
            file, line = self._tests[verifier.id]
            return self._named(rootpath / file), line
        named = verifier.id if verifier is not None else judgement.gate.id
        place, _, rest = self._catalogue.places[named].partition(":")
        number = rest.partition(":")[0]
        return self._named(self._root / place), int(number) if number.isdecimal() else 1

    def _named(self, path: Path) -> str:
        """A file as GitHub names it."""
        path = Path(os.path.normpath(path))
        base = Path(self._workspace) if self._workspace else Path.cwd()
        return path.relative_to(base).as_posix() if path.is_relative_to(base) else os.path.relpath(path, base)


def append_summary(file: Path, attempts: Sequence[Committed], problems: Sequence[Problem]) -> None:
    """Appends the summary to what else the step says, within what GitHub takes of one step.

    Raises:
        EvidenceError: The file cannot be written, or has no room left.
    """
    try:
        taken = file.stat().st_size if file.exists() else 0
        text = job_summary(attempts, problems, LIMIT - taken)
        if len(text.encode()) <= LIMIT - taken:
            with file.open("a", encoding="utf-8") as stream:
                stream.write(text)
            return
    except OSError as error:
        remedy = "let the step write its summary, or unset GITHUB_STEP_SUMMARY"
        raise EvidenceError(Problem(f"cannot be written: {error.strerror}", "GITHUB_STEP_SUMMARY", remedy)) from error
    fact = f"the step's summary has {taken:,} bytes already, and GitHub takes {LIMIT:,}"
    raise EvidenceError(Problem(fact, "GITHUB_STEP_SUMMARY", "run the gates in a step of their own"))


def _annotation(finding: Finding, judgement: GateJudgement, level: str, file: str, line: int) -> Annotation:
    gate, blocker = judgement.gate, judgement.blocker(finding.code)
    waived = " waived" if level == "warning" else ""
    title = f"{gate.id} {judgement.word}: {finding.code} [{blocker.severity}]{waived} {blocker.meaning}"
    said = (finding.detail or blocker.meaning, f"owner: {gate.owner}", f"remedy: {blocker.remedy}")
    return Annotation(level, title, "\n".join(said), file, line)


def _of_problems(problems: Sequence[Problem]) -> Iterator[Annotation]:
    for problem in problems:
        yield Annotation("error", problem.fact, f"{problem.place}\nremedy: {problem.remedy}")


def _bounded(annotations: Iterable[Annotation]) -> Iterator[str]:
    """As many of each level as GitHub shows; the last one says how many there are beside."""
    by_level: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_level.setdefault(annotation.level, []).append(annotation)
    for level, each in by_level.items():
        yield from map(str, islice(each, MOST if len(each) <= MOST else MOST - 1))
        if len(each) > MOST:
            last = each[MOST - 1]
            rest = f"and {len(each) - MOST + 1} more, in the job's summary and log"
            yield str(Annotation(level, rest, f"{last.title}\n{last.message}", last.file, last.line))


def _write(config: pytest.Config, line: str) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:  # without one nothing is printed, which a runner could obey
        terminal.ensure_newline()
        terminal.write_line(line)
        terminal.flush()


def _data(text: str) -> str:
    """A message as a workflow command has it."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""What the gates are called in Allure: statuses, severities, categories, descriptions; pure."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from phasegate import __version__
from phasegate.catalog.model import Blocker, Gate, Severity, Verifier
from phasegate.verdict import GateJudgement, Outcome, TestState

if TYPE_CHECKING:
    from phasegate.evidence.documents import ExecutionSummary

Status = Literal["passed", "failed", "broken", "skipped"]

_STATUS_OF_TEST: Final[Mapping[TestState, Status]] = {
    TestState.PASSED: "passed",
    TestState.BLOCKED: "failed",
    TestState.ERRORED: "broken",
    TestState.FLIPPED: "broken",
    TestState.LOST: "broken",
    TestState.SKIPPED: "skipped",
    TestState.XFAILED: "skipped",
    TestState.DESELECTED: "skipped",
    TestState.NOT_RUN: "skipped",
}
_SEVERITY: Final[Mapping[Severity, str]] = {Severity.S1: "blocker", Severity.S2: "critical", Severity.S3: "normal"}


def status_of_test(state: TestState) -> Status:
    """A test's status: blocked is failed, whatever is no blocker is broken, what did not run is skipped."""
    return _STATUS_OF_TEST[state]


def status_of_gate(judgement: GateJudgement) -> Status:
    """A gate's status: it passes only where it advances; a finding fails it, anything else breaks it."""
    if judgement.overall_pass:
        return "passed"
    duties = any(not finding.verifier for finding in judgement.findings)
    blocked = any(result.outcome is Outcome.BLOCKED for result in judgement.results)
    return "failed" if blocked or duties else "broken"


def severity_of(severities: Iterable[Severity]) -> str:
    """Allure's word for the worst of some severities; `normal` where there is none."""
    worst = min(severities, key=lambda severity: severity.value, default=Severity.S3)
    return _SEVERITY[worst]


def identity(*parts: str) -> str:
    """An id that is the same in every session for the same parts."""
    return hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def described_verifier(gate: Gate, verifier: Verifier) -> str:
    """What a verifier is for and what it may raise, in Markdown."""
    blockers = [gate.blocker_by_code[code] for code in verifier.raises]
    return "\n".join([f"{_plain(verifier.purpose)}.", "", *_rows(blockers)])


def described_gate(judgement: GateJudgement, summary: ExecutionSummary | None) -> str:
    """What a gate is, says and rests on, in Markdown."""
    gate = judgement.gate
    lines = [f"{_plain(gate.title)}; owner: {_plain(gate.owner)}; next: {_plain(judgement.next_gate)}."]
    if not judgement.complete:
        lines.append(f"Incomplete: {', '.join(judgement.not_evaluated)} not evaluated. Such an attempt never counts.")
    if judgement.blockers:
        lines += ["", *_rows(judgement.blocker(code) for code in judgement.blockers)]
    if summary is not None and summary.metrics:
        lines += ["", "| metric | value |", "| --- | --- |"]
        lines += [f"| {_plain(name)} | {_plain(str(value))} |" for name, value in sorted(summary.metrics.items())]
    if summary is not None and summary.upstream:
        lines += ["", "| rests on | attempt | green |", "| --- | --- | --- |"]
        lines += [
            f"| {row.gate} | {row.execution_id or 'none'} | {'yes' if row.green else 'no'} |"
            for row in summary.upstream
        ]
    return "\n".join(lines)


def categories(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """Allure's categories, from the taxonomy: one a blocker of the gates, then what no blocker describes."""
    return [
        {
            "name": f"{blocker.code} {blocker.meaning}",
            "messageRegex": _says(blocker.code),
            "matchedStatuses": ["failed", "broken"],
        }
        for gate in gates
        for blocker in gate.blockers
    ] + [
        {"name": "Unmapped: ended as no blocker describes", "matchedStatuses": ["broken"]},
        {"name": "Not evaluated", "matchedStatuses": ["skipped"]},
        {"name": "Blocked", "matchedStatuses": ["failed"]},
    ]


def configuration(platform: str, gates: Sequence[Gate]) -> dict[str, Any]:
    """Allure 3's own configuration: one file, by phase, gate and verifier, with the taxonomy as its categories."""
    return {
        "name": f"Readiness gates of {platform}",
        "plugins": {
            "awesome": {
                "options": {
                    "singleFile": True,
                    "reportName": f"Readiness gates of {platform}",
                    "reportLanguage": "en",
                    "groupBy": ["epic", "feature", "story"],
                }
            }
        },
        "categories": {"rules": [{**rule, "groupBy": ["owner"]} for rule in categories(gates)]},
    }


def environment(platform: str, summary: ExecutionSummary | None) -> str:
    """Allure's `environment.properties`: what was looked at, and by what."""
    facts = {"platform": platform, "phasegate": __version__, "python": sys.version.split()[0]}
    if summary is not None:
        facts |= {name: str(value) for name, value in summary.target.model_dump().items()}
        facts["commit"] = summary.code.commit or "unknown"
        facts["catalogue"] = summary.catalogue_sha256
    return "".join(f"{name} = {_property(value)}\n" for name, value in facts.items())


def executor(variables: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Allure's `executor.json`: who ran the session, as far as the environment of a known CI says."""
    if variables.get("GITHUB_ACTIONS") != "true":
        return {"name": "local", "type": "local"}
    server, repository = variables.get("GITHUB_SERVER_URL", ""), variables.get("GITHUB_REPOSITORY", "")
    run = variables.get("GITHUB_RUN_ID", "")
    number = variables.get("GITHUB_RUN_NUMBER", "")
    return {
        "name": "GitHub Actions",
        "type": "github",
        "buildName": f"{variables.get('GITHUB_WORKFLOW', '')} #{number}",
        "buildOrder": int(number) if number.isdecimal() else 0,
        "buildUrl": f"{server}/{repository}/actions/runs/{run}",
    }


def _rows(blockers: Iterable[Blocker]) -> Iterator[str]:
    yield "| blocker | severity | rolls up to | meaning | remedy |"
    yield "| --- | --- | --- | --- | --- |"
    for blocker in blockers:
        cells = (blocker.code, blocker.severity.value, blocker.rolls_up_to, blocker.meaning, blocker.remedy)
        yield f"| {' | '.join(map(_plain, cells))} |"


def _says(code: str) -> str:
    """A pattern for messages in which a code stands as a whole."""
    return rf"[\s\S]*\b{re.escape(code)}\b[\s\S]*"


def _plain(text: str) -> str:
    """A text that says the same in a cell of Markdown, whatever stands in it."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", " ".join(text.split()))


def _property(value: str) -> str:
    return " ".join(value.split()).replace("\\", "\\\\")

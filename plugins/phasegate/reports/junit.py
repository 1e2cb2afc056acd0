"""JUnit XML that names gates: a suite a gate, red where the gate holds, though each of its tests passed.

pytest writes the file, with what is known of a verifier as properties of its test case. The schema that CI servers
hold such files to (`junit-10.xsd` of Jenkins' xUnit plugin) has properties of suites alone, and rejects the whole
file otherwise. So each verifier becomes a suite within its gate's, and its properties those of that suite.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest

from phasegate.errors import EvidenceError, Problem
from phasegate.printable import in_one_line, printable

if TYPE_CHECKING:
    from phasegate.attempts import Committed
    from phasegate.verdict import GateJudgement

_COUNTED: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""What a suite counts, and the element of a test case that is counted for it."""
_SHARED: Final = ("timestamp", "hostname")
_OF_VERIFIER: Final = "verifier"


class JUnit:
    """Takes pytest's file when it is written, and makes gates of it.

    Where the session ended before pytest could write the file, it is written here, with the gates alone: a file of
    an earlier session must not speak for this one.

    Args:
        path: The file, as `--junitxml` names it.
        strict: Whether the file is to fit the schema; the families `xunit1` and `legacy` keep properties where pytest
            writes them, because whoever asks for those reads them there.
    """

    def __init__(self, path: str, *, strict: bool) -> None:
        self._path = Path(os.path.expandvars(path)).expanduser().resolve()
        self._strict = strict
        self._before = _stamp(self._path)

    @pytest.hookimpl
    def pytest_phasegate_session_judged(self, attempts: Sequence[Committed], problems: Sequence[Problem]) -> None:
        """Writes the gates into the file.

        Raises:
            EvidenceError: The file cannot be read or written.
        """
        if self._path.exists() and not self._path.is_file():
            return  # a device or a pipe: what pytest wrote is gone, and a file in its place would do harm
        try:
            root = self._written()
            _add_gates(root, attempts, problems, strict=self._strict)
            _write(root, self._path)
        except (OSError, ET.ParseError) as error:
            remedy = "name a file that can be written, with --junitxml=FILE"
            raise EvidenceError(Problem(f"the gates cannot be reported: {error}", str(self._path), remedy)) from error

    def _written(self) -> ET.Element:
        """What pytest has written in this session; an empty report where it has written nothing."""
        after = _stamp(self._path)
        if after is None or after == self._before:
            return ET.Element("testsuites")
        return ET.parse(self._path).getroot()  # noqa: S314 - pytest has just written it


def _add_gates(root: ET.Element, attempts: Sequence[Committed], problems: Sequence[Problem], *, strict: bool) -> None:
    """Adds a suite for each attempt, with what pytest says of its verifiers moved into it."""
    shared = {name: value for suite in root[:1] for name in _SHARED if (value := suite.get(name)) is not None}
    verifiers = _taken(root) if strict else {}
    for committed in attempts:
        root.append(_gate_suite(committed, verifiers.pop(committed.execution_id, ()), shared))
    left = [suite for suites in verifiers.values() for suite in suites]  # no attempt of theirs was committed
    if problems or left:
        root.append(_session_suite(problems, left, shared))


def _taken(root: ET.Element) -> dict[str, list[ET.Element]]:
    """Takes the test cases of verifiers out of pytest's suites; gives a suite a verifier, by attempt."""
    taken: list[tuple[dict[str, str], ET.Element]] = []
    for suite in list(root.iter("testsuite")):
        for case in suite.findall("testcase"):
            said = _properties_of(case)
            if _OF_VERIFIER in said:
                suite.remove(case)
                case[:] = [child for child in case if child.tag != "properties"]
                taken.append((said, case))
        _count(suite)
    found: dict[str, list[ET.Element]] = {}
    key = _place_of
    for (attempt, verifier), rows in groupby(sorted(taken, key=key), key=key):
        each = list(rows)
        suite = _suite(verifier, _merged(said for said, _ in each), [case for _, case in each], {})
        found.setdefault(attempt, []).append(suite)
    return found


def _place_of(row: tuple[dict[str, str], ET.Element]) -> tuple[str, str]:
    return row[0].get("execution_id", ""), row[0][_OF_VERIFIER]


def _properties_of(case: ET.Element) -> dict[str, str]:
    return {each.get("name", ""): each.get("value", "") for each in case.iterfind("properties/property")}


def _merged(each: Iterable[dict[str, str]]) -> dict[str, str]:
    """The properties of a verifier's cases; blockers are those of all of them."""
    merged: dict[str, str] = {}
    blockers: set[str] = set()
    for said in each:
        blockers |= set(filter(None, said.get("blockers", "").split(",")))
        merged |= said
    return merged | {"blockers": ",".join(sorted(blockers))}


def _gate_suite(committed: Committed, verifiers: Sequence[ET.Element], shared: dict[str, str]) -> ET.Element:
    judgement = committed.judgement
    case = ET.Element("testcase", classname=judgement.gate.id, name="verdict", time="0.000")
    if not judgement.overall_pass:
        said = {"type": judgement.word, "message": in_one_line(", ".join(judgement.blockers) or judgement.word)}
        ET.SubElement(case, "failure", said).text = printable("\n".join(_reasons(judgement)))
    properties = {
        "gate": judgement.gate.id,
        "verdict": judgement.word,
        "blockers": ",".join(judgement.blockers),
        "execution_id": committed.execution_id,
        "owner": judgement.gate.owner,
        "next_gate": judgement.next_gate,
        "evidence": committed.uri or os.path.relpath(committed.path),
    }
    return _suite(judgement.gate.id, properties, [case, *verifiers], shared)


def _reasons(judgement: GateJudgement) -> Iterable[str]:
    for code in judgement.blockers:
        blocker = judgement.blocker(code)
        yield f"{code} [{blocker.severity}] {in_one_line(blocker.meaning)}"
        for finding in judgement.findings:
            if finding.code == code:
                yield in_one_line(f"  {finding.verifier or 'phasegate'}: {finding.detail}")
        yield f"  remedy: {in_one_line(blocker.remedy)}"
    if not judgement.complete:
        yield f"not evaluated: {', '.join(judgement.not_evaluated)}"


def _session_suite(problems: Sequence[Problem], verifiers: list[ET.Element], shared: dict[str, str]) -> ET.Element:
    """What the session has to say beside its gates."""
    case = ET.Element("testcase", classname="phasegate", name="session", time="0.000")
    if problems:
        said = {"type": "problem", "message": in_one_line(problems[0].fact)}
        ET.SubElement(case, "error", said).text = "\n".join(map(str, problems))  # a problem's text is printable
    return _suite("phasegate", {}, [case, *verifiers], shared)


def _suite(name: str, said: dict[str, str], children: Sequence[ET.Element], shared: dict[str, str]) -> ET.Element:
    suite = ET.Element("testsuite", shared | {"name": name})
    if said:
        properties = ET.SubElement(suite, "properties")
        for key, value in said.items():
            ET.SubElement(properties, "property", name=key, value=in_one_line(value))
    suite.extend(children)
    _count(suite)
    return suite


def _count(suite: ET.Element) -> None:
    """Makes a suite's counts those of the test cases that stand in it."""
    cases = list(suite.iter("testcase"))
    suite.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED.items():
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What tells whether a file was written anew; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _write(root: ET.Element, path: Path) -> None:
    """Writes the file whole: who reads it meanwhile sees pytest's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        ET.ElementTree(root).write(aside, encoding="utf-8", xml_declaration=True)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)

"""Planted secrets: how they are written, and the outlets by which a verifier could let one out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from tests.phasegate.harness.conftest import module

LINE = 5
"""How many characters of a value stand on a line, in the spelling that breaks it."""
CORE = slice(4, 18)
"""The part of a canary that is hex digits alone."""
BETWEEN_LINES = rb"(?:\\+[nt]|&#10;|&gt;|[\s>E+?|-]){1,40}"
"""What may stand between two lines of a value: a line's end, spelled out or not, and a report's margin."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "URL": lambda value: quote(value, safe=""),
    "JSON": json.dumps,
    "escaped": lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
    "lines": lambda value: "\n".join(value[start : start + LINE] for start in range(0, len(value), LINE)),
}

OUTLETS = {
    "stdout": "print(spelled)",
    "stderr": "print(spelled, file=sys.stderr)",
    "log": "logging.getLogger('x').warning(spelled)",
    "exception": "raise RuntimeError(spelled)",
    "cause": "raise RuntimeError('see the cause') from ValueError(spelled)",
    "note": "error = RuntimeError('see the note'); error.add_note(spelled); raise error",
    "assertion": "assert spelled == ''",
    "failure": "pytest.fail(spelled)",
    "blocker": "block('M9C-B2', spelled)",
    "scope": "with blocks('M9C-B2'): raise AssertionError(spelled)",
    "skip": "pytest.skip(spelled)",
    "xfail": "pytest.xfail(spelled)",
    "xfail's mark": "request.applymarker(pytest.mark.xfail(reason=spelled)); assert False",
    "set-up": "request.getfixturevalue('broken')",
    "tear-down": "request.addfinalizer(lambda: pytest.fail(spelled))",
    "warning": "warnings.warn(spelled)",
    "warning's place": "warnings.warn_explicit('x', UserWarning, spelled, 1)",
    "thread": "thread = threading.Thread(target=raises, args=(spelled,)); thread.start(); thread.join()",
    "finaliser": "Unruly(spelled); gc.collect()",
    "property": "request.getfixturevalue('record_property')('note', spelled)",
    "suite property": "request.getfixturevalue('record_testsuite_property')('note', spelled)",
    "attribute": "request.getfixturevalue('record_xml_attribute')('note', spelled)",
    "subtest": "with subtests.test('s'): print(spelled); logging.getLogger('x').warning(spelled); assert False",
    "subtest's exception": "with subtests.test('s'): raise RuntimeError(spelled)",
    "subtest's name": "with subtests.test(spelled): assert False",
    "subtest's argument": "with subtests.test(argument=spelled): assert False",
    "metric": "gate.metric('figure', spelled)",
    "artifact": "gate.artifact('m9c_snapshot.json', {'note': spelled})",
    "Allure attachment": "allure.attach(spelled)",
    "Allure step": "with allure.step(spelled): pass",
    "Allure title": "allure.dynamic.title(spelled); allure.dynamic.parameter('note', spelled)",
}

PREAMBLE = """
import gc, json, logging, pathlib, sys, threading, warnings
import allure

def raises(text):
    raise RuntimeError(text)

class Unruly:
    def __init__(self, text):
        self.text = text
    def __del__(self):
        raise RuntimeError(self.text)

VALUES, SPELLINGS, OUTLETS = json.loads(pathlib.Path("values.json").read_text())

@pytest.fixture
def broken(request):
    gate = request.getfixturevalue("gate")
    number = request.node.callspec.params["number"]
    gate.protect([(f"canary {number}", VALUES[number])])
    raise RuntimeError(SPELLINGS[number])
"""

REPORTER = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    said = [str(call), repr(call.excinfo), report.longreprtext, getattr(report, "wasxfail", ""), *report.sections]
    if call.excinfo:
        said += [str(call.excinfo.getrepr()), repr(call.excinfo.value.args)]
    with open("reported.txt", "a") as file:
        print(*said, file=file)
    return report
"""


def canaries(count: int) -> list[str]:
    """Secret values with characters that every spelling changes."""
    return [f'c4n"{hashlib.sha256(str(number).encode()).hexdigest()[:14]}/+é{number}' for number in range(count)]


def plant(project, spelling: str, outlets: list[str], values: list[str]) -> None:
    """Lets the second verifier of M9.C let each value out, one test a value, the outlets in turn."""
    chosen = [outlets[number % len(outlets)] for number in range(len(values))]
    spelled = [SPELLINGS[spelling](value) for value in values]
    project.write("values.json", json.dumps([values, spelled, chosen]))
    head, _, tail = module("C").partition("@pytest.mark.verifier")
    entry, _, rest = tail.partition("def test_body(gate):")
    publish = rest[rest.index("@pytest.mark.verifier") :]
    cases = "".join(f"    if OUTLETS[number] == {name!r}:\n        {OUTLETS[name]}\n" for name in outlets)
    body = (
        "def test_body(gate, request, subtests, number):\n"
        "    gate.protect([(f'canary {number}', VALUES[number])])\n"
        f"    spelled = SPELLINGS[number]\n{cases}\n"
    )
    *before, marker = ("@pytest.mark.verifier" + entry).rpartition("@pytest.mark.verifier")
    parametrised = f'{"".join(before[:1])}@pytest.mark.parametrize("number", range({len(values)}))\n{before[1]}{marker}'
    project.write("gates/conftest.py", REPORTER)
    project.write("early.py", REPORTER.replace('getattr(report, "wasxfail", "")', '""'))
    project.write("gates/test_m9c.py", f"{head}{PREAMBLE}{parametrised}{body}{publish}")


def run(project, *options: str):
    """Runs M9.C with every reporter that writes."""
    shutil.rmtree(project.path / "allure", ignore_errors=True)
    options = (*options, *(["-p", "early"] if (project.path / "early.py").exists() else []))
    return project.run("-m", "m9c", "-rA", "--junitxml=junit.xml", "--alluredir=allure", *options)


def leaked(project, done, values: list[str]) -> list[str]:
    """Where a canary can be read after a run: the terminal, JUnit, Allure, and every file under the runs root."""
    traces = re.compile(b"|".join(trace for value in values for trace in traces_of(value)))
    texts = {"terminal": (done.stdout.str() + done.stderr.str()).encode()}
    written = [
        project.path / "junit.xml",
        *project.path.glob("allure/*"),
        *project.path.glob("runs/**/*"),
        project.path / "reported.txt",
    ]
    texts |= {str(path): path.read_bytes() for path in written if path.is_file()}
    return [name for name, data in texts.items() if traces.search(data)]


def traces_of(value: str) -> list[bytes]:
    """What each spelling of a canary looks like in raw bytes, as patterns.

    Written without the product's scanner: what the scanner cannot see would otherwise be no leak here either.
    """
    raw, core = value.encode(), value.encode()[CORE]
    coded = base64.b64encode(raw).rstrip(b"=")
    inner = [json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    forms = {raw, coded, coded.translate(bytes.maketrans(b"+/", b"-_")), raw.hex().encode(), raw.hex().upper().encode()}
    forms |= {quote(value, safe=safe).encode() for safe in ("", "/")} | {quote_plus(value).encode()}
    forms |= {json.dumps(text)[1:-1].encode() for text in inner} | {text.encode() for text in inner}
    escaped = [b"\\\\+u00%02x" % byte for byte in core]  # in JSON in JSON the backslash is doubled, and so on
    percent = [b"%%%02x" % byte for byte in core]
    pieces = [re.escape(raw[start : start + LINE]) for start in range(0, len(raw), LINE)]
    whole = [piece for piece in pieces if re.fullmatch(b"[0-9a-f]{%d}" % LINE, piece)]  # no spelling changes these
    return [
        *map(re.escape, sorted(forms)),
        re.escape(core),  # whatever becomes of the characters around it
        re.escape(core.hex().encode()),
        *(re.escape(_inner_base64(core, shift)) for shift in range(3)),
        b"(?i:" + b"".join(escaped) + b")",
        b"(?i:" + b"".join(percent) + b")",
        BETWEEN_LINES.join(whole),
    ]


def _inner_base64(core: bytes, shift: int) -> bytes:
    """The characters of base64 that a text has wherever it lies, by how far it is from a group's start."""
    coded = base64.b64encode(b"\0" * shift + core)
    return coded[(shift * 8 + 5) // 6 : (shift + len(core)) * 8 // 6]


def not_blocked(project, values: list[str]) -> list[int]:
    """The canaries for which the attempt names no leak, by the digest of the value."""
    details = project.summaries()["M9.C"]["blocker_details"]
    said = " ".join(row["detail"] for row in details if row["code"] == "M9C-B4")
    digests = [hashlib.sha256(value.encode()).hexdigest()[:16] for value in values]
    return [number for number, digest in enumerate(digests) if digest not in said]

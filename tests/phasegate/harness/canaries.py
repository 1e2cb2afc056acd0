"""Planted secrets: how they are written, and the outlets by which a verifier could let one out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

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
    "stderr": "import sys; print(spelled, file=sys.stderr)",
    "log": "import logging; logging.getLogger('x').warning(spelled)",
    "exception": "raise RuntimeError(spelled)",
    "assertion": "assert spelled == ''",
    "blocker": "block('M9C-B2', spelled)",
    "skip": "pytest.skip(spelled)",
    "property": "record_property('note', spelled)",
    "metric": "gate.metric('figure', spelled)",
    "artifact": "gate.artifact('m9c_snapshot.json', {'note': spelled})",
}


def canaries(count: int) -> list[str]:
    """Secret values with characters that every spelling changes."""
    return [f'c4n"{hashlib.sha256(str(number).encode()).hexdigest()[:14]}/+é{number}' for number in range(count)]


def plant(project, spelling: str, outlet: str, values: list[str]) -> None:
    """Lets the second verifier of M9.C let each value out, one test a value."""
    spelled = [SPELLINGS[spelling](value) for value in values]
    project.write("values.json", json.dumps([values, spelled]))
    module = (project.path / "gates/test_m9c.py").read_text()
    head, _, tail = module.partition("def test_body(gate):")
    rest = tail[tail.index("@pytest.mark.verifier") :]
    body = (
        "def test_body(gate, record_property, number):\n"
        "    import json, pathlib\n"
        f"    values, spellings = json.loads(pathlib.Path({str(project.path / 'values.json')!r}).read_text())\n"
        "    gate.protect([(f'canary {number}', values[number])])\n"
        "    spelled = spellings[number]\n"
        f"    {OUTLETS[outlet]}\n\n"
    )
    parametrised = f'{head}@pytest.mark.parametrize("number", range({len(values)}))\n{body}{rest}'
    (project.path / "gates/test_m9c.py").write_text(parametrised)


def leaked(project, done, values: list[str]) -> list[str]:
    """Where a canary can be read after a run: the terminal, JUnit, and every file under the runs root."""
    traces = re.compile(b"|".join(trace for value in values for trace in traces_of(value)))
    texts = {"terminal": (done.stdout.str() + done.stderr.str()).encode()}
    texts["JUnit"] = (project.path / "junit.xml").read_bytes()
    texts |= {str(path): path.read_bytes() for path in (project.path / "runs").rglob("*") if path.is_file()}
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

"""Planted secrets: how they are written, and the outlets by which a verifier could let one out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from phasegate.evidence.secrets import SecretScanner

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "URL": lambda value: quote(value, safe=""),
    "JSON": json.dumps,
    "escaped": lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
    "lines": lambda value: "\n".join(value[start : start + 5] for start in range(0, len(value), 5)),
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
    scanner = SecretScanner()
    for number, value in enumerate(values):
        scanner.register(value, f"canary {number}")
    texts = {"terminal": done.stdout.str() + done.stderr.str(), "JUnit": (project.path / "junit.xml").read_text()}
    places = [name for name, text in texts.items() if scanner.scan(name, text.encode())]
    files = [path for path in Path(project.path / "runs").rglob("*") if path.is_file()]
    return places + [str(path) for path in files if scanner.scan("file", path.read_bytes())]


def not_blocked(project, values: list[str]) -> list[int]:
    """The canaries for which the attempt names no leak, by the digest of the value."""
    details = project.summaries()["M9.C"]["blocker_details"]
    said = " ".join(row["detail"] for row in details if row["code"] == "M9C-B4")
    digests = [hashlib.sha256(value.encode()).hexdigest()[:16] for value in values]
    return [number for number, digest in enumerate(digests) if digest not in said]

"""Ways to tamper with evidence: each takes the folder of a platform's runs, and changes one thing about it."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from phasegate.attempts.defects import Defect
from phasegate.attempts.ids import ExecutionId
from phasegate.evidence.attestation import ATTEMPT, ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.content import sealed
from phasegate.evidence.dsse import enveloped
from phasegate.evidence.keys import KeyStore
from tests.phasegate.attempts.signing import statement as statement_about

Tamper = Callable[[], None]
Place = tuple[str, str]
"""An attempt, and the file of it that was tampered with; an empty file stands for the attempt."""
MINIMUM_SPOTS = (0.02, 0.5, 0.97)
DEEP = 700
"""Levels of nesting that a parser follows, and that a search which recurses does not."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tamper with evidence.

    Attributes:
        name: Tells it.
        tamper: Does it.
        places: Where an audit must find a defect: at each of these.
        around: Lasts for as long as the audit does.
    """

    name: str
    tamper: Tamper
    places: frozenset[Place]
    around: Callable[[], AbstractContextManager[None]] = nullcontext

    def missed(self, defects: Iterable[Defect]) -> list[Place]:
        """The places at which no defect is named."""
        named = {(defect.execution_id, defect.file) for defect in defects}
        return sorted(self.places - named)


def attempts(root: Path) -> list[Path]:
    """The committed attempts that were made here, not handed over."""
    return sorted(path.parent for path in root.rglob(ATTESTATION))


def own(statement: dict) -> dict:
    """What the statement of an attempt says beyond the public form."""
    return statement["subject"][0]["annotations"][ATTEMPT]


def retold(
    folder: Path, change: Callable[[dict], object], summary_change: Callable[[dict], object] | None = None
) -> None:
    """Signs another statement about a pack with the very key, as somebody does who has it; or about another summary."""
    name = summary_of(folder)
    if summary_change is not None:
        edit_summary(folder, name, summary_change)
    statement = statement_about(folder, name)
    change(statement)
    (folder / ATTESTATION).write_bytes(enveloped(statement, KeyStore(folder.parents[1].name).signer()))


def ways(root: Path) -> Iterator[Way]:
    """Every way to tamper with every file of every attempt.

    Args:
        root: The platform's folder under the runs root; each way changes it, so that a copy is wanted for each.
    """
    folders = attempts(root)
    for folder in folders:
        for path in sorted(folder.iterdir()):
            for what, tamper in _of_file(path):
                place = (folder.name, path.name)
                yield Way(f"{folder.name}/{path.name}: {what}", tamper, frozenset({place}))
        for what, file, tamper in _of_attempt(folder):
            yield Way(f"{folder.name}: {what}", tamper, frozenset({(folder.name, file)}))
        later = later_than(folder)
        summary = (later.name, summary_of(folder))
        yield Way(f"{folder.name}: renamed to another second", _renaming(folder, later), frozenset({summary}))
    for one, other in pairwise(folders):
        both = frozenset({(one.name, ATTESTATION), (other.name, ATTESTATION)})
        swap = _swapping(one / ATTESTATION, other / ATTESTATION)
        yield Way(f"{one.name} and {other.name} swap attestations", swap, both)
        summary = (other.name, summary_of(other))
        yield Way(f"{one.name} takes the place of {other.name}", _replacing(one, other), frozenset({summary}))


def _of_file(path: Path) -> Iterator[tuple[str, Tamper]]:
    for spot in MINIMUM_SPOTS:
        yield f"a byte flipped at {spot}", lambda spot=spot: _flip(path, spot)
    yield "truncated", lambda: path.write_bytes(path.read_bytes()[:-7])
    yield "emptied", lambda: path.write_bytes(b"")
    yield "deleted", path.unlink
    yield "a symbolic link", lambda: _link(path)
    yield "white space at the end", lambda: path.write_bytes(path.read_bytes() + b"\n")
    yield "hash in capitals", lambda: _edit_text(path, _upper_hash)
    yield "pretty-printed", lambda: path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    yield "half a character, deep down", lambda: _edit_text(path, _half_a_character)


def _of_attempt(folder: Path) -> Iterator[tuple[str, str, Tamper]]:
    """Ways, each with the file at which it must be named: where digests agree, the statement is what does not."""
    name = summary_of(folder)
    yield "an unlisted file", "extra.json", lambda: (folder / "extra.json").write_text("{}")
    yield "gone", "", lambda: shutil.rmtree(folder)
    yield "verdict edited and hashed anew", ATTESTATION, lambda: edit_summary(folder, name, _made_green)
    yield "time moved and hashed anew", ATTESTATION, lambda: edit_summary(folder, name, _back_dated)
    yield "metrics edited and hashed anew", ATTESTATION, lambda: edit_summary(folder, name, _other_metric)
    yield "forged whole with another key", ATTESTATION, lambda: _forge(folder, name)
    yield "signature of another key in place of ours", ATTESTATION, lambda: _cosign(folder, keep=False)
    yield "signature of another key added", ATTESTATION, lambda: _cosign(folder, keep=True)
    yield "statement replaced, signature kept", ATTESTATION, lambda: _restate(folder)
    yield "an artifact and its digest edited", ATTESTATION, lambda: _edit_artifact(folder, name)


def summary_of(folder: Path) -> str:
    return next(path.name for path in folder.glob("*_execution_summary.json"))


def _flip(path: Path, spot: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * spot)] ^= 0x01
    path.write_bytes(data)


def _link(path: Path) -> None:
    aside = path.parent.parent / f"aside-{path.name}"
    path.rename(aside)
    path.symlink_to(aside)


def _edit_text(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text()
    changed = change(text)
    path.write_text(changed if changed != text else text + " ")


def _upper_hash(text: str) -> str:
    return re.sub(r"[0-9a-f]{64}", lambda found: found[0].upper(), text, count=1)


def _half_a_character(text: str) -> str:
    return text.replace("{", '{"a":' + "[" * DEEP + '"\\ud800"' + "]" * DEEP + ",", 1)


def edit_summary(folder: Path, name: str, change: Callable[[dict], None]) -> None:
    path = folder / name
    summary = json.loads(path.read_bytes())
    change(summary)
    summary.pop("content", None)
    path.write_bytes(sealed(summary, name=name))


def _made_green(summary: dict) -> None:
    summary["blockers"] = [] if summary["blockers"] else ["M9A-B2"]
    summary["overall_pass"] = not summary["overall_pass"]


def _back_dated(summary: dict) -> None:
    summary["generated_at_utc"] = "2020-01-01T00:00:00.000Z"


def _other_metric(summary: dict) -> None:
    summary["metrics"]["size"] = 4711


def _edit_artifact(folder: Path, summary_name: str) -> None:
    known = {summary_name, ATTESTATION, PHASE_ATTESTATION, "publication_receipt.json"}
    artifact = next(path for path in sorted(folder.iterdir()) if path.name not in known)
    data = canonical(json.loads(artifact.read_bytes()) | {"forged": True})
    artifact.write_bytes(data)

    def change(summary: dict) -> None:
        for row in summary["artifacts"]:
            if row["file"] == artifact.name:
                row["sha256"], row["bytes"] = sha256(data), len(data)

    edit_summary(folder, summary_name, change)


def _forge(folder: Path, summary_name: str) -> None:
    edit_summary(folder, summary_name, _other_metric)
    statement = statement_about(folder, summary_name)
    (folder / ATTESTATION).write_bytes(enveloped(statement, CryptoSigner.generate_ed25519()))


def _cosign(folder: Path, *, keep: bool) -> None:
    path = folder / ATTESTATION
    ours = json.loads(path.read_bytes())
    theirs = json.loads(enveloped(json.loads(base64.b64decode(ours["payload"])), CryptoSigner.generate_ed25519()))
    signatures = [*(ours["signatures"] if keep else []), *theirs["signatures"]]
    path.write_bytes(canonical(ours | {"signatures": signatures}))


def _restate(folder: Path) -> None:
    path = folder / ATTESTATION
    envelope = json.loads(path.read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    own(statement).update(previous=[], verdict="ADVANCE_TO_ANYWHERE")
    path.write_bytes(canonical(envelope | {"payload": base64.b64encode(canonical(statement)).decode()}))


def later_than(folder: Path) -> Path:
    """The folder of an attempt an hour later, when no other was made."""
    execution_id = ExecutionId.parse(folder.name)
    assert execution_id is not None
    return folder.with_name(str(replace(execution_id, time=execution_id.time + timedelta(hours=1))))


def _renaming(folder: Path, later: Path) -> Tamper:
    def rename() -> None:
        folder.rename(later)

    return rename


def _swapping(one: Path, other: Path) -> Tamper:
    def swap() -> None:
        aside = one.with_suffix(".aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)

    return swap


def _replacing(one: Path, other: Path) -> Tamper:
    def replace() -> None:
        shutil.rmtree(other)
        shutil.copytree(one, other)

    return replace

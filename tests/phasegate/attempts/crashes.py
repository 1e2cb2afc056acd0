"""Sessions in processes of their own, to be killed or to meet.

`python -m tests.phasegate.attempts.crashes kill FOLDER` kills a session at its first step on the disk, then at its
second, and so on to its end. For each step a child process runs one session over a runs root of its own and is
killed there; then another process goes on in what it left. It prints, as JSON, one object a step: what stood
there, and what the next session made of it.

`python -m tests.phasegate.attempts.crashes race FOLDER SESSION` runs one session with several attempts, and prints
their ids.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phasegate.attempts import Archive, Committed, Staging
from phasegate.attempts.present import Present
from phasegate.catalog.load import parse
from phasegate.errors import Problem
from phasegate.evidence.canonical import sha256
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.store import PublishError, PublishFailure, Receipt
from phasegate.evidence.verify import INVALIDATED
from phasegate.verdict import Finding, TestRecord, TestState
from tests.phasegate.attempts.conftest import document
from tests.phasegate.attempts.services import GivenServices
from tests.phasegate.attempts.signing import verified

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "fcntl.flock"}
STAGING = "runs/demo/m9/.staging"
SUMMARY = "m9a_execution_summary.json"
SCANNER = SecretScanner()


class FolderStore:
    """A durable place in a folder, conditional and read back as any other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def uri(self, execution_id: str, name: str = "") -> str:
        return f"file:{self._folder / execution_id / name}"

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        path = self._folder / execution_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), path.open("xb") as handle:
            handle.write(data)
        if path.read_bytes() != data:
            raise PublishError(PublishFailure.CONFLICT, Problem("other bytes", str(path), "none"))
        return Receipt(name, self.uri(execution_id, name), "1", sha256(data), len(data))


def staging_of(root: Path, session: str) -> Staging:
    catalogue, problems = parse([("m9.yaml", json.dumps(document()))])
    assert catalogue is not None, problems
    schemas = root / "schemas"
    schemas.mkdir(parents=True, exist_ok=True)
    for name in catalogue.gates["M9.A"].artifacts:
        (schemas / name.replace(".json", ".schema.json")).write_text('{"type": "object"}')

    def clock() -> datetime:
        return datetime(2026, 2, 24, 4, 33, 34, tzinfo=UTC)

    archive = Archive(
        runs_root=root / "runs", platform="demo", catalogue=catalogue, schemas=SchemaSet(schemas), clock=clock
    )
    return Staging(
        archive,
        GivenServices(clock, FolderStore(root / "durable"), SCANNER),
        present=Present(lambda: {"platform": "demo", "substrate": "embedded"}),
        session_id=session,
    )


def run(place: Staging, root: Path) -> Committed:
    """One session: an attempt that passes."""
    attempt = place.open(place.archive.catalogue.gates["M9.A"])
    for number in range(2):
        attempt.record("M9A-V1", TestRecord(f"t.py::t[{number}]", TestState.PASSED))
    attempt.metric("count", 1)
    for name in attempt.gate.artifacts:
        attempt.artifact(name, {"value": 1})
    committed = attempt.commit()
    place.archive.refresh_index("M9")
    return committed


def in_child(work: Callable[[], None]) -> int:
    """Runs something in a forked process; its wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(7)
    return os.waitpid(child, 0)[1]


def killed_at(step: int, root: Path) -> bool:
    """Runs a session that is killed at a step; whether it was, or had fewer steps."""
    place = staging_of(root, "first")

    def session() -> None:
        left = [step]

        def count(half: Callable[[], None] | None = None) -> None:
            left[0] -= 1
            if left[0] == 0:
                if half is not None:
                    half()
                os.kill(os.getpid(), signal.SIGKILL)

        real_write, real_fsync = os.write, os.fsync

        def write(descriptor: int, data: bytes) -> int:
            count(lambda: real_write(descriptor, data[: len(data) // 2]) and None)  # torn in the middle
            return real_write(descriptor, data)

        def fsync(descriptor: int) -> None:
            count()
            real_fsync(descriptor)

        os.write, os.fsync = write, fsync  # type: ignore[assignment]
        here = str(root)
        sys.addaudithook(lambda event, args: count() if event in STEPS and here in str(args) else None)
        run(place, root)
        os._exit(0)

    status = in_child(session)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    return os.WIFSIGNALED(status)


def found(root: Path) -> dict[str, Any]:
    """What a killed session left, and what the next one makes of it."""
    place = staging_of(root, "first")
    standings = {record.execution_id: record.standing for record in place.archive.attempts("M9")}
    entered = names_in(place.archive.layout.session("first"))
    unentered = sorted({*names_in(root / STAGING)} - {*entered})
    broken = broken_packs(place)
    green = place.upstream("M9.A").green

    def adopt(execution_id: str) -> Committed:
        attempt = place.adopt(execution_id)
        lost = Finding(attempt.gate.unmapped_code, "", "LOST", "vanished")
        return attempt.commit([lost])

    adopted = place.collect_session([], adopt)
    second = staging_of(root, "second")
    after_adoption = second.upstream("M9.A").green
    committed = run(second, root)
    index = (root / "runs/demo/m9/RUN_INDEX.md").read_text()
    return {
        "standings": standings,
        "entered": entered,
        "unentered": unentered,
        "green": green,
        "broken": broken,
        "adopted": {item.execution_id: item.judgement.overall_pass for item in adopted},
        "green_after_adoption": after_adoption,
        "next_passed": committed.judgement.overall_pass,
        "next_id": committed.execution_id,
        "broken_after": broken_packs(second),
        "authoritative": [record.execution_id for record in second.archive.attempts("M9") if record.authoritative],
        "indexed": committed.execution_id in index,
        "green_left_in_store": green_left_in_store(place, root),
        "strays": names_in(root / STAGING),
    }


def names_in(folder: Path) -> list[str]:
    """What lies in a folder; nothing where there is none."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def broken_packs(place: Staging) -> list[str]:
    """Every committed pack that does not verify."""
    folders = sorted((place.archive.layout.root / "m9").glob("m9a_*"))
    packs = [verified(folder, SUMMARY) for folder in folders]
    return [str(problem) for pack in packs for problem in pack.problems]


def green_left_in_store(place: Staging, root: Path) -> list[str]:
    """Attempts whose durable summary says more than the committed one, and is not taken back."""
    left = []
    for durable in sorted((root / "durable").glob(f"*/{SUMMARY}")):
        local = place.archive.layout.root / "m9" / durable.parent.name / SUMMARY
        differs = local.exists() and local.read_bytes() != durable.read_bytes()
        if differs and not (durable.parent / INVALIDATED).exists():
            left.append(durable.parent.name)
    return left


def reports(folder: Path) -> Iterator[dict[str, Any]]:
    """One report a step, until a session comes to its end."""
    step, killed = 0, True
    while killed:
        step += 1
        root = folder / str(step)
        killed = killed_at(step, root)
        yield {"step": step, "killed": killed, **found(root)}


def race(root: Path, session: str) -> list[str]:
    """Several attempts of one session."""
    place = staging_of(root, session)
    return [run(place, root).execution_id for _ in range(5)]


if __name__ == "__main__":
    SCANNER.scan("warm", b"{}")  # what the children share is loaded before they are forked
    mode, place_of_work, *rest = sys.argv[1:]
    if mode == "kill":
        print(json.dumps(list(reports(Path(place_of_work)))))
    else:
        print(json.dumps(race(Path(place_of_work), *rest)))

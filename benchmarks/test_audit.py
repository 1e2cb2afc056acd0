"""What an auditor meets: every way to tamper is named, clean evidence is never accused, and how long it takes."""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.session import Platform as Session
from infra.emulator.process import ensure_running
from infra.emulator.world import open_fresh_world
from infra.handles import load
from phasegate.attempts import Archive
from phasegate.attempts.audit import Audit, Auditor
from phasegate.attempts.durable import durable_defects
from phasegate.catalog.model import Catalogue
from phasegate.evidence.dsse import enveloped
from phasegate.evidence.keys import KeyStore
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.store import S3Store
from phasegate.project import load_catalogue
from phasegate.settings import Settings, require_settings
from tests.gates.conftest import REGISTRY, Platform
from tests.phasegate.audit.malice import every_way
from tests.phasegate.audit.obstacles import within
from tests.phasegate.audit.tampering import Way, attempts

LEAST_CORRUPTIONS = 1_000
CORRUPTIONS = 1_200
SECONDS_AT_MOST = 20.0
"""In which each verification ends, whatever stands in its way."""
CLEAN_PACKS = 200
MANY_ATTEMPTS = 1_000
MANY_SECONDS = 20.0
ATTEST_SECONDS = 0.050
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose phase M4 was run whole, signed with a key of this benchmark."""
    folder = tmp_path_factory.mktemp("audit")
    kept = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "keys")
    process = ensure_running(folder / "substrate", owner_pid=os.getpid())
    platform = Platform(process, open_fresh_world(process, REGISTRY, folder / "world"), folder)
    run = platform.run("m4")
    assert "10 of 10 gates advance" in run.output, run.output
    yield platform
    process.stop()
    if kept is None:
        del os.environ["XDG_CONFIG_HOME"]
    else:
        os.environ["XDG_CONFIG_HOME"] = kept


@pytest.fixture(scope="module")
def evidence(platform: Platform) -> Path:
    """The runs of the phase."""
    return platform.runs


@dataclass(frozen=True)
class Store:
    """The durable copies, and the ways around them.

    Attributes:
        s3: A client of their bucket.
        copies: The copies as an audit reads them.
    """

    s3: Any
    copies: S3Store

    def where(self, execution_id: str, name: str) -> dict[str, str]:
        """Bucket and key of an object."""
        bucket, _, key = self.copies.uri(execution_id, name).removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}

    def lock(self, **where: str) -> dict[str, Any]:
        """The lock of what stands under a key."""
        found = self.s3.head_object(**where)
        return {"Mode": found["ObjectLockMode"], "RetainUntilDate": found["ObjectLockRetainUntilDate"]}

    def versions(self, **where: str) -> set[str]:
        """The versions and markers under a key."""
        answer = self.s3.list_object_versions(Bucket=where["Bucket"], Prefix=where["Key"])
        return {row["VersionId"] for row in (*answer.get("Versions", []), *answer.get("DeleteMarkers", []))}


@pytest.fixture(scope="module")
def store(platform: Platform) -> Store:
    """The durable copies of the phase."""
    copies = Session(platform.clients, load(platform.world.registry_path)).store()
    assert copies is not None
    return Store(platform.clients.client("s3"), copies)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The project's settings."""
    return require_settings(ROOT)


@pytest.fixture(scope="module")
def known(settings: Settings) -> tuple[Catalogue, SchemaSet]:
    """What one call of `phasegate verify` reads once, however many attempts there are."""
    return load_catalogue(settings), SchemaSet(*settings.schemas)


def opened(settings: Settings, runs: Path, catalogue: Catalogue, schemas: SchemaSet) -> Archive:
    return Archive(
        runs_root=runs,
        platform=settings.platform,
        catalogue=catalogue,
        schemas=schemas,
        clock=lambda: datetime.now(UTC),
    )


def audit(settings: Settings, runs: Path, catalogue: Catalogue, schemas: SchemaSet) -> Audit:
    auditor = Auditor(opened(settings, runs, catalogue, schemas), KeyStore(settings.platform).keys())
    return auditor.audit(auditor.everything())


def chosen(every: Sequence[Way]) -> list[Way]:
    """One way of each kind on each sort of file at least, and more of them at random, the same every time."""
    kinds: dict[str, Way] = {}
    for way in every:
        kinds.setdefault(re.sub(r"m\d\w_\d{8}T\d{6}Z", "", way.name), way)
    others = [way for way in every if way not in set(kinds.values())]
    more = random.Random(11).sample(others, min(len(others), max(0, CORRUPTIONS - len(kinds))))  # noqa: S311 - no secret
    return [*kinds.values(), *more]


def test_every_way_to_tamper_is_named_and_no_clean_pack_is_accused(evidence, settings, known, tmp_path) -> None:
    target = tmp_path / "runs"
    shutil.copytree(evidence, target)
    every = list(every_way(target / "dev_full"))
    ways = chosen(every)
    assert len({way.name for way in ways}) == len(ways) >= LEAST_CORRUPTIONS
    missed = []
    for way in ways:
        shutil.rmtree(target)
        shutil.copytree(evidence, target)
        way.tamper()
        with way.around(), within(SECONDS_AT_MOST):
            found = audit(settings, target, *known).defects
        # Named means named where it was done: a defect elsewhere would send the auditor to the wrong file.
        missed += [(way.name, place) for place in way.missed(found)]
    accused, clean = 0, 0
    while clean < CLEAN_PACKS:
        shutil.rmtree(target)
        shutil.copytree(evidence, target)
        found = audit(settings, target, *known).defects
        clean += len(attempts(target))
        accused += len(found)
    print(f"\n{len(ways)} of {len(every)} corruptions, {len(missed)} missed, none took {SECONDS_AT_MOST} s")
    print(f"{clean} clean packs, {accused} false alarms")
    assert missed == []
    assert accused == 0


def test_the_recipe_by_hand_holds_of_every_attempt_and_leaves_no_trace(evidence, settings, known) -> None:
    """What docs/evidence.md tells an auditor to type, with `jq` and `openssl` of this machine."""
    page = (ROOT / "docs/evidence.md").read_text(encoding="utf-8")
    recipe = page.partition("## By hand")[2].partition("```sh\n")[2].partition("```")[0]
    recipe = recipe.replace("KEY=auditor.pub.pem", f"KEY='{KeyStore(settings.platform).public}'")
    for folder in attempts(evidence):
        command = ["bash", "-euo", "pipefail", "-c", recipe]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert "Signature Verified Successfully" in done.stdout
        assert "of this runs root" in done.stdout
        assert "FAILED" not in done.stdout
    assert audit(settings, evidence, *known).defects == ()


def test_whatever_stands_under_the_keys_of_durable_copies_is_named(evidence, store, settings, known) -> None:
    """Other bytes, the same bytes without a lock, a marker, and a shorter lock, over each object of each attempt."""
    archive = opened(settings, evidence, *known)
    until = datetime.now(UTC) + timedelta(days=2)
    missed, tried = [], 0
    for folder in attempts(evidence):
        pack = archive.history.pack(folder)
        name = archive.history.summary_name(folder.name.partition("_")[0])
        assert list(durable_defects(pack, name, store.copies)) == []
        for path in sorted(folder.iterdir()):
            where = store.where(folder.name, path.name)
            for kind in ("other bytes", "the same bytes", "a marker", "a shorter lock"):
                before, kept = store.versions(**where), store.lock(**where)
                if kind == "a marker":
                    store.s3.delete_object(**where)
                elif kind == "a shorter lock":
                    lock = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
                    store.s3.put_object_retention(**where, Retention=lock, BypassGovernanceRetention=True)
                else:
                    store.s3.put_object(**where, Body=b"{}" if kind == "other bytes" else path.read_bytes())
                found = {defect.file for defect in durable_defects(pack, name, store.copies)}
                missed += [] if found == {path.name} else [(folder.name, path.name, kind, found)]
                tried += 1
                for version in store.versions(**where) - before:
                    store.s3.delete_object(**where, VersionId=version, BypassGovernanceRetention=True)
                store.s3.put_object_retention(**where, Retention=kept, BypassGovernanceRetention=True)
    print(f"\n{tried} changes of durable copies, {len(missed)} missed or named elsewhere")
    assert missed == []


def test_a_thousand_attempts_are_verified(benchmark, evidence, settings, known, tmp_path) -> None:
    """A hundred copies of ten attempts, each under a platform's folder of its own."""
    copies = []
    for number in range(MANY_ATTEMPTS // len(attempts(evidence))):
        copies.append(tmp_path / str(number))
        shutil.copytree(evidence, copies[-1])

    def verify() -> None:
        assert all(not audit(settings, copy, *known).defects for copy in copies)

    benchmark.pedantic(verify, rounds=3)
    assert benchmark.stats.stats.median <= MANY_SECONDS


def test_a_statement_is_made_and_signed(benchmark, evidence) -> None:
    from phasegate.evidence.attestation import Origin, statement_of  # noqa: PLC0415
    from phasegate.evidence.canonical import parsed, sha256  # noqa: PLC0415

    signer = KeyStore("dev_full").signer()
    path = next(evidence.rglob("m4e_execution_summary.json"))
    data = path.read_bytes()
    origin = Origin("dev_full", "0" * 32)

    def attest() -> bytes:
        return enveloped(statement_of(parsed(data), path.name, sha256(data), origin=origin, previous=()), signer)

    attest()
    benchmark(attest)
    assert statistics.median([benchmark.stats.stats.median]) <= ATTEST_SECONDS


@pytest.mark.usefixtures("evidence")
def test_signing_for_the_first_time_in_a_process(benchmark) -> None:
    """With the import of the cryptography, which each session pays once."""
    code = "from phasegate.evidence.keys import KeyStore; KeyStore('dev_full').signer()"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    first = time.perf_counter() - start
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=3)
    print(f"\na process that loads the key: {first:.2f} s")

"""What an auditor meets: every way to tamper is named, clean evidence is never accused, and how long it takes."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.substrate.process import ensure_running
from infra.substrate.world import open_fresh_world
from phasegate.attempts import Workspace
from phasegate.attempts.audit import Audit, Auditor
from phasegate.catalog.model import Catalogue
from phasegate.evidence.dsse import enveloped
from phasegate.evidence.keys import KeyStore
from phasegate.evidence.schemas import SchemaSet
from phasegate.project import load_catalogue
from phasegate.settings import Settings, require_settings
from tests.gates.conftest import REGISTRY, Platform
from tests.phasegate.audit.tampering import attempts, ways

LEAST_CORRUPTIONS = 200
CLEAN_PACKS = 200
MANY_ATTEMPTS = 1_000
MANY_SECONDS = 20.0
ATTEST_SECONDS = 0.050
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runs of the whole phase M4, signed with a key of this benchmark."""
    folder = tmp_path_factory.mktemp("audit")
    kept = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "keys")
    process = ensure_running(folder / "substrate", owner_pid=os.getpid())
    platform = Platform(process, open_fresh_world(process, REGISTRY, folder / "world"), folder)
    run = platform.run("m4")
    assert "10 of 10 gates advance" in run.output, run.output
    process.stop()
    yield platform.runs
    if kept is None:
        del os.environ["XDG_CONFIG_HOME"]
    else:
        os.environ["XDG_CONFIG_HOME"] = kept


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The project's settings."""
    return require_settings(ROOT)


@pytest.fixture(scope="module")
def known(settings: Settings) -> tuple[Catalogue, SchemaSet]:
    """What one call of `phasegate verify` reads once, however many attempts there are."""
    return load_catalogue(settings), SchemaSet(settings.schemas)


def audit(settings: Settings, runs: Path, catalogue: Catalogue, schemas: SchemaSet) -> Audit:
    workspace = Workspace(
        runs_root=runs,
        platform=settings.platform,
        catalogue=catalogue,
        schemas=schemas,
        session_id="audit",
        clock=lambda: datetime.now(UTC),
    )
    wanted = [path for phase in workspace.layout.phases() for path in workspace.history.committed(phase)]
    return Auditor(workspace, KeyStore(settings.platform).keys()).audit(wanted)


def test_every_way_to_tamper_is_named_and_no_clean_pack_is_accused(evidence, settings, known, tmp_path) -> None:
    names = [way.name for way in ways(evidence / "dev_full")]
    assert len(names) == len(set(names)) >= LEAST_CORRUPTIONS
    missed = []
    target = tmp_path / "runs"
    for name in names:
        shutil.copytree(evidence, target)
        way = next(way for way in ways(target / "dev_full") if way.name == name)
        way.tamper()
        # Named means named where it was done: a defect elsewhere would send the auditor to the wrong file.
        missed += [(name, place) for place in way.missed(audit(settings, target, *known).defects)]
        shutil.rmtree(target)
    accused, clean = 0, 0
    while clean < CLEAN_PACKS:
        shutil.copytree(evidence, target)
        found = audit(settings, target, *known)
        clean += len(attempts(target))
        accused += len(found.defects)
        shutil.rmtree(target)
    print(f"\n{len(names)} corruptions, {len(missed)} missed; {clean} clean packs, {accused} false alarms")
    assert missed == []
    assert accused == 0


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
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    code = "from phasegate.evidence.keys import KeyStore; KeyStore('dev_full').signer()"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    first = time.perf_counter() - start
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=3)
    print(f"\na process that loads the key: {first:.2f} s")

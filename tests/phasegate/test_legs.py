"""`phasegate legs` and `make ci`: evidence goes from leg to leg, and one that is broken, skipped or missing is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.catalog.legs import legs_of
from phasegate.commands.leg_results import exit_code_of, flaws_of, flaws_of_jobs
from phasegate.errors import ExitCode
from phasegate.project import load_catalogue
from phasegate.settings import require_settings
from tests.phasegate.harness.conftest import CONFTEST, PYPROJECT, gate_document, make_bucket, module, s3_endpoint

ROOT = Path(__file__).parents[2]
PHASES = ("M1", "M2", "M3")
__all__ = ["s3_endpoint"]


def of_phase(text: str, phase: str) -> str:
    """What is written for M9, for another phase."""
    return text.replace("M9", phase).replace("m9", phase.lower())


@dataclass
class Chain:
    """A project of three phases with a gate each, every one resting on the one before."""

    root: Path
    environment: dict[str, str]

    def furnish(self) -> None:
        self.write("pyproject.toml", PYPROJECT)
        self.write("conftest.py", CONFTEST)
        before = None
        for phase in PHASES:
            document = {
                "format": "phasegate-catalogue/1",
                "platform": "demo",
                "phase": {"id": "M9", "title": "demo", "blockers": [{"code": "M9-B1", "meaning": "blocked"}]},
                "gates": [gate_document("A")],
            }
            text = json.loads(of_phase(json.dumps(document), phase))
            text["gates"][0]["upstream"] = [{"gate": before}] if before else []
            text["gates"][0]["advance"] = f"ADVANCE_TO_M{int(phase[1]) + 1}"
            before = f"{phase}.A"
            self.write(f"catalog/{phase.lower()}.yaml", json.dumps(text))
            self.write(f"catalog/schemas/{phase.lower()}a_snapshot.schema.json", json.dumps({"type": "object"}))
            self.gate(phase)

    def gate(self, phase: str, v2: str = "pass") -> None:
        self.write(f"gates/test_{phase.lower()}a.py", of_phase(module("A", v2=v2), phase))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )

    def legs(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.call(sys.executable, "-m", "phasegate", "legs", *arguments)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make ci` with the environment of the tests in the place of the locked one."""
        own = (f"BIN={Path(sys.executable).parent}", "STAMP=", "LEGS=legs")
        return self.call("make", "-f", str(ROOT / "Makefile"), "ci", *own, *arguments)

    def ended(self) -> dict[str, str]:
        return {phase: self.result(phase)["result"] for phase in PHASES}

    def result(self, phase: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / f"legs/leg-{phase}/result.json").read_bytes())
        return found

    def flaws(self) -> tuple[list[str], ExitCode]:
        """What is wrong with the legs that lie in the project."""
        settings = require_settings(self.root)
        catalogue = load_catalogue(settings)
        found = list(flaws_of(legs_of(catalogue, settings.runs_on), catalogue.sha256, self.root / "legs"))
        return [flaw.problem.fact for flaw in found], exit_code_of(found)


def new_chain(root: Path, endpoint: str) -> Chain:
    environment = {"PHASEGATE_TEST_S3": endpoint, "PHASEGATE_TEST_BUCKET": make_bucket(endpoint)}
    # `make test` tells makes below it of itself, and they would print its directory.
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    chain = Chain(root, {**inherited, **environment})
    chain.furnish()
    return chain


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Chain:
    """A pipeline whose three legs passed, by `make ci`."""
    chain = new_chain(tmp_path_factory.mktemp("chain"), s3_endpoint)
    done = chain.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("3 legs: all advance")
    return chain


@pytest.fixture
def chain(passed: Chain, tmp_path: Path) -> Chain:
    """A copy of it, to break."""
    shutil.copytree(passed.root, tmp_path / "copy")
    return Chain(tmp_path / "copy", passed.environment)


def test_a_leg_is_handed_the_evidence_of_those_before_it(passed) -> None:
    assert passed.ended() == dict.fromkeys(PHASES, "success")
    for number, phase in enumerate(PHASES, 1):
        runs = passed.root / f"legs/leg-{phase}/runs/demo"
        assert sorted(path.parent.parent.name for path in runs.glob("m*/m*/*_execution_summary.json")) == [
            each.lower() for each in PHASES[:number]
        ]
        (attempt,) = passed.result(phase)["gates"].values()
        assert (runs / phase.lower() / attempt).is_dir()
    summary = next((passed.root / "legs/leg-M3/runs/demo/m3").glob("m3a*/m3a_execution_summary.json"))
    (upstream,) = json.loads(summary.read_bytes())["upstream"]
    assert upstream["execution_id"] == passed.result("M2")["gates"]["M2.A"]
    assert passed.flaws() == ([], ExitCode.OK)


def test_a_broken_leg_makes_the_whole_red_and_those_that_rest_on_it_are_skipped(tmp_path, s3_endpoint) -> None:
    chain = new_chain(tmp_path, s3_endpoint)
    chain.gate("M2", v2='block("M2A-B2", "no")')
    done = chain.make()
    assert done.returncode != 0
    assert "Error 1" in done.stderr  # make's own code is 2, whatever a command's is
    assert chain.ended() == {"M1": "success", "M2": "failure", "M3": "skipped"}
    assert "leg M2 failed: M2.A did not advance (exit code 1)" in done.stdout
    assert "leg M3 was skipped: it rests on leg M2, which is failure" in done.stdout
    assert chain.legs("check", "--legs=legs").returncode == ExitCode.BLOCKED


def test_a_leg_that_is_killed_did_not_come_to_its_end(tmp_path, s3_endpoint) -> None:
    chain = new_chain(tmp_path, s3_endpoint)
    chain.gate("M1", v2="import os\nos.kill(os.getppid(), 9)\nos._exit(0)")
    done = chain.legs("all", "--legs=legs")
    assert done.returncode == ExitCode.INCOMPLETE
    assert chain.ended() == {"M1": "cancelled", "M2": "skipped", "M3": "skipped"}
    assert "leg M1 was cancelled, or did not come to its end" in done.stdout


@pytest.mark.parametrize("phase", PHASES)
def test_a_leg_that_nobody_ran_is_missed(chain, phase) -> None:
    shutil.rmtree(chain.root / f"legs/leg-{phase}")
    done = chain.legs("check", "--legs=legs")
    assert done.returncode == ExitCode.INCOMPLETE
    assert f"leg {phase} is missing" in done.stdout
    assert done.stdout.rstrip().endswith("3 legs: 1 problems")


@pytest.mark.parametrize(
    ("change", "fact", "code"),
    [
        ({"result": "skipped", "why": "no time"}, "leg M2 was skipped: no time", ExitCode.INCOMPLETE),
        ({"result": "cancelled"}, "leg M2 was cancelled", ExitCode.INCOMPLETE),
        ({"result": "failure"}, "leg M2 failed", ExitCode.BLOCKED),
        ({"result": "neutral"}, "is no result of a leg", ExitCode.EVIDENCE),
        ({"result": None}, "is no result of a leg", ExitCode.EVIDENCE),
        ({"phase": "M1"}, "holds the result of leg M1, in the place of leg M2", ExitCode.EVIDENCE),
        ({"catalogue_sha256": "0" * 64}, "leg M2 was run by another catalogue", ExitCode.EVIDENCE),
        ({"gates": {}}, "leg M2 says success, and no attempt of M2.A that advances", ExitCode.EVIDENCE),
        ({"more": 1}, "is no result of a leg", ExitCode.EVIDENCE),
    ],
)
def test_a_leg_that_says_anything_but_success_is_a_failure(chain, change, fact, code) -> None:
    (chain.root / "legs/leg-M2/result.json").write_text(json.dumps(chain.result("M2") | change))
    facts, found = chain.flaws()
    assert len(facts) == 1
    assert fact in facts[0]
    assert found == code


def test_nothing_at_all_and_a_leg_that_nobody_knows_are_failures(chain) -> None:
    (chain.root / "legs/leg-M1").rename(chain.root / "legs/leg-M7")
    facts, code = chain.flaws()
    assert [fact.partition(":")[0] for fact in facts] == [
        "leg M1 is missing",
        "is a leg that the catalogue does not name",
    ]
    assert code is ExitCode.EVIDENCE
    shutil.rmtree(chain.root / "legs")
    assert len(chain.flaws()[0]) == 3


def test_a_success_that_its_evidence_does_not_bear_out_is_none(chain) -> None:
    said = chain.result("M2")
    claimed = said["gates"]["M2.A"]
    (chain.root / "legs/leg-M2/result.json").write_text(json.dumps(said | {"gates": {"M2.A": "m2a_20200101T000000Z"}}))
    shutil.rmtree(chain.root / "legs/leg-M1/runs")
    done = chain.legs("check", "--legs=legs")
    assert done.returncode == ExitCode.EVIDENCE
    assert "leg M2 says that M2.A advanced by m2a_20200101T000000Z, and its evidence does not" in done.stdout
    assert "leg M1 says that M1.A advanced by m1a_" in done.stdout
    assert claimed not in done.stdout


def test_evidence_that_was_changed_on_the_way_is_refused_at_the_entry(chain) -> None:
    shutil.rmtree(chain.root / "legs/leg-M3")
    summary = next((chain.root / "legs/leg-M2/runs/demo/m1").glob("m1a*/m1a_snapshot.json"))
    summary.write_bytes(summary.read_bytes().replace(b":1", b":2"))
    done = chain.legs("run", "m3", "--legs=legs")
    assert done.returncode == ExitCode.EVIDENCE
    assert "m1a_snapshot.json" in done.stdout
    assert chain.result("M3")["why"] == "the evidence that it was handed by leg-M2 does not verify (exit code 9)"
    assert not (chain.root / "legs/leg-M3/junit.xml").exists()
    done = chain.legs("run", "m3", "--legs=legs")
    assert done.returncode == ExitCode.EVIDENCE
    assert "a leg was run here before" in done.stderr


def test_what_cannot_be_a_pipeline_is_refused(chain) -> None:
    done = chain.legs("all", "--legs=legs")
    assert done.returncode == ExitCode.EVIDENCE
    assert "the folder is not empty" in done.stderr
    done = chain.legs("run", "M4", "--legs=legs")
    assert done.returncode == ExitCode.USAGE
    assert "is no leg of this project" in done.stderr


def test_the_jobs_of_a_workflow_count_as_well(chain) -> None:
    jobs = chain.root / "needs.json"
    for result, code in (("success", ExitCode.OK), ("skipped", ExitCode.INCOMPLETE), ("failure", ExitCode.BLOCKED)):
        jobs.write_text(json.dumps({"plan": {"result": "success"}, "legs": {"result": result, "outputs": {}}}))
        done = chain.legs("check", "--legs=legs", "--jobs=needs.json")
        assert done.returncode == code, done.stdout


words = st.one_of(st.sampled_from(["success", "failure", "cancelled", "skipped"]), st.text(), st.none(), st.integers())
jobs = st.dictionaries(st.text(), st.one_of(st.fixed_dictionaries({"result": words}), st.just({}), st.text()))


@given(st.one_of(jobs, st.text(), st.lists(st.text())))
def test_only_jobs_that_all_succeeded_are_no_failure(said) -> None:
    whole = isinstance(said, dict) and bool(said)
    fine = whole and all(isinstance(job, dict) and job.get("result") == "success" for job in said.values())
    flaws = list(flaws_of_jobs(json.dumps(said).encode(), "needs"))
    assert bool(flaws) != fine
    assert (exit_code_of(flaws) is ExitCode.OK) == fine


@given(st.binary(max_size=40))
def test_what_is_no_json_names_no_job(data) -> None:
    assert list(flaws_of_jobs(data, "needs"))

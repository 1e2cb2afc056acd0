"""Wrong markers, wrong options, a broken catalogue, and a disk or store that fails: clear words, nothing lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from phasegate.errors import ExitCode


def replace(project, name: str, old: str, new: str) -> None:
    path = project.path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('gate("M9.C")', 'gate("M9.Z")', "*gate 'M9.Z' is not in the catalogue*"),
        ('gate("M9.C")', 'gate("M9.A")', "*verifier M9C-V1 belongs to M9.C, its module to M9.A*"),
        ('verifier("M9C-V2")', 'verifier("M9C-V9")', "*verifier M9C-V9 is not in the catalogue*"),
        ('verifier("M9C-V2")', 'verifier("M9C-V2-OTHER")', "*is catalogued as M9C-V2-BODY*"),
        ('verifier("M9C-V2")', "verifier()", "*its verifier marker is not one identifier*"),
        ('verifier("M9C-V2")', 'verifier("M9C-V1")', "*verifier M9C-V1 is implemented by * as well*"),
        ('@pytest.mark.verifier("M9C-V2")', "", "*implements no verifier*"),
    ],
)
def test_a_wrong_marker_stops_the_session_with_its_place_and_remedy(project, old, new, message) -> None:
    replace(project, "gates/test_m9c.py", old, new)
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines([message, "*remedy:*"])
    assert project.attempts() == []


def test_every_wrong_marker_is_named_at_once(project) -> None:
    for letter in "abc":
        replace(project, f"gates/test_m9{letter}.py", "-V2", "-V8")
    result = project.run()
    text = result.stderr.str()
    assert all(f"verifier M9{letter}-V8 is not in the catalogue" in text for letter in "ABC")


def test_a_catalogue_with_mistakes_stops_the_session_and_lists_them_all(project) -> None:
    path = project.path / "catalog/m9.yaml"
    document = json.loads(path.read_text())
    document["gates"][0]["owner"] = ""
    document["gates"][1]["verifiers"][0]["raise"] = []
    del document["gates"][2]["codes"]
    path.write_text(json.dumps(document, indent=1))
    result = project.run()
    assert result.ret == ExitCode.USAGE
    text = result.stderr.str()
    assert "m9.yaml:" in text
    assert all(word in text for word in ("owner", "raise", "codes"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--substrate=moon"], "*'moon' is no substrate of this project*"),
        (["--upstream=guess"], "*invalid choice: 'guess'*"),
        (["--catalogue=nowhere"], "*catalogue*"),
    ],
)
def test_a_wrong_option_is_a_usage_error(project, options, message) -> None:
    result = project.run(*options)
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_project_without_gates_is_left_alone(pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret == ExitCode.OK
    assert "phasegate:" not in result.stdout.str()


def test_a_runs_root_that_cannot_be_written_is_said_before_anything_runs(project) -> None:
    project.write("runs", "a file in the way")
    result = project.run()
    assert result.ret == ExitCode.EVIDENCE
    output = result.stdout.str() + result.stderr.str()
    assert "cannot write evidence" in output
    assert "choose another --runs-root" in output
    assert "Traceback" not in output


def test_a_disk_that_fills_up_leaves_no_attempt_and_says_why(project) -> None:
    # A limit on the size of files stands in for the full disk: the write fails with an OSError in the middle.
    project.gate("C", v2='gate.metric("padding", "x" * 60_000)')
    assert project.run("-m", "m9a").ret == ExitCode.OK
    before = {path: path.read_bytes() for path in project.path.glob("runs/**/*.json")}
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (32_000, 32_000));"
        "sys.argv = ['pytest', '-p', 'no:cacheprovider', '-m', 'm9c']; runpy.run_module('pytest', run_name='__main__')"
    )
    result = project.pytester.run(sys.executable, "-c", code)
    assert result.ret not in (ExitCode.OK, ExitCode.INTERNAL)
    output = result.stdout.str()
    assert "cannot write" in output
    assert "Traceback" not in output
    assert "M9.C" not in project.summaries()
    assert {path: path.read_bytes() for path in project.path.glob("runs/**/m9a*/*.json")} == before


def test_a_dead_store_blocks_with_the_publish_code_and_keeps_the_local_pack(project, monkeypatch) -> None:
    monkeypatch.setenv("PHASEGATE_TEST_S3", "http://127.0.0.1:9")
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-B4"]
    assert "UNAVAILABLE" in summary["blocker_details"][0]["detail"]
    result.stdout.fnmatch_lines(["*not stored durably*"])


def test_a_bucket_that_does_not_exist_blocks_with_the_publish_code(project, monkeypatch) -> None:
    monkeypatch.setenv("PHASEGATE_TEST_BUCKET", "no-such-bucket")
    project.run("-m", "m9c")
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B4"]


def test_no_store_at_all_blocks_with_the_publish_code(project) -> None:
    (project.path / "conftest.py").unlink()
    project.run("-m", "m9c")
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-B4"]
    detail = summary["blocker_details"][0]["detail"]
    assert detail.startswith("there is no durable store: no plugin or conftest file answers pytest_phasegate_evidence")


def test_an_artifact_that_was_not_written_blocks_with_the_evidence_code(project) -> None:
    replace(project, "gates/test_m9c.py", 'gate.artifact("m9c_snapshot.json", {"value": 1})', "pass")
    project.run("-m", "m9c")
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-B4"]
    assert summary["blocker_details"][0]["detail"] == "m9c_snapshot.json was not written"


def test_an_artifact_that_does_not_fit_its_schema_blocks_with_the_evidence_code(project) -> None:
    schema = {"type": "object", "required": ["missing_field"]}
    project.write("catalog/schemas/m9c_snapshot.schema.json", json.dumps(schema))
    project.run("-m", "m9c")
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-B4"]
    assert "'missing_field' is a required property" in summary["blocker_details"][0]["detail"]


def test_a_payload_that_says_something_else_than_the_header_is_refused(project) -> None:
    project.gate("C", v2='gate.artifact("m9c_snapshot.json", {"gate": "M9.A", "phase_execution_id": "m9a_1"})')
    replace(project, "gates/test_m9a.py", '{"value": 1}', '{"value": 1, "gate": gate.id}')
    project.run("-m", "m9a or m9c")
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-UNMAPPED"]
    assert "gives phase_execution_id another value" in summary["blocker_details"][0]["detail"]
    assert project.summaries()["M9.A"]["overall_pass"] is True


def test_an_artifact_that_the_contract_does_not_name_is_unmapped(project) -> None:
    project.gate("C", v2='gate.artifact("m9c_other.json", {})')
    project.run("-m", "m9c")
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-UNMAPPED"]


@pytest.mark.parametrize(
    "spelling", ["value", "value.encode().hex()", "__import__('base64').b64encode(value.encode()).decode()"]
)
def test_a_secret_in_an_artifact_stops_the_publication_and_is_shown_nowhere(project, spelling) -> None:
    secret = "correct-horse-battery-9"
    leak = f'gate.artifact("m9c_snapshot.json", {{"leak": {spelling}}})'
    body = f'value = "{secret}"\ngate.protect([("the password", value)])\n{leak}'
    project.gate("C", v2=body)
    replace(project, "gates/test_m9c.py", 'gate.artifact("m9c_snapshot.json", {"value": 1})', "pass")
    result = project.run("-m", "m9c", "--tb=no", "--show-capture=no")
    summary = project.summaries()["M9.C"]
    assert "M9C-B4" in summary["blockers"]
    assert "the password" in json.dumps(summary["blocker_details"])
    written = "".join(path.read_text() for path in project.path.glob("runs/**/*") if path.is_file())
    assert secret not in written
    assert secret not in result.stdout.str()
    assert not any(row["read_back"] for row in summary["artifacts"])


def test_interrupting_leaves_an_attempt_that_says_so_and_is_not_authoritative(project) -> None:
    project.gate("C", v2='import pathlib, time\npathlib.Path("ready").touch()\ntime.sleep(30)')
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "m9c"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(project.path / "ready")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED, output
    summary = project.summaries()["M9.C"]
    assert summary["complete"] is False
    assert set(summary["not_evaluated"]) == {"M9C-V2", "M9C-V3"}
    assert "M9.C" in output


def test_a_killed_session_leaves_nothing_authoritative_and_the_next_one_goes_on(project) -> None:
    project.gate("C", v2='import pathlib, time\npathlib.Path("ready").touch()\ntime.sleep(30)')
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "m9c"],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(project.path / "ready")
    process.kill()
    process.wait(timeout=30)
    assert project.attempts() == []
    listing = project.phasegate("runs", "--json")
    assert [row["standing"].split(":")[0] for row in json.loads(listing.stdout.str())] == ["abandoned"]
    project.gate("C")
    assert project.run("-m", "m9c").ret == ExitCode.OK
    assert project.summaries()["M9.C"]["overall_pass"] is True


def test_two_sessions_in_one_runs_root_keep_their_packs_apart(project) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    processes = [
        subprocess.Popen(command, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == ExitCode.OK, output
    assert len(project.attempts()) == 9
    listing = project.phasegate("runs", "--json")
    rows = json.loads(listing.stdout.str())
    assert len(rows) == 9
    assert sorted(row["gate"] for row in rows if row["authoritative"]) == ["M9.A", "M9.B", "M9.C"]
    index = (project.path / "runs/demo/m9/RUN_INDEX.md").read_text()
    assert all(row["execution_id"] in index for row in rows)


def test_an_invalidated_attempt_feeds_no_gate_any_more(project) -> None:
    assert project.run("-m", "m9a").ret == ExitCode.OK
    name = project.attempts()[0].name
    done = project.phasegate("runs", "invalidate", name, "--reason", "the verifier was broken")
    assert done.ret == ExitCode.OK
    assert project.run("-m", "m9b").ret == ExitCode.BLOCKED
    assert project.summaries()["M9.B"]["blockers"] == ["M9B-B1"]
    listing = project.phasegate("runs", "--json", "--gate", "m9a")
    assert json.loads(listing.stdout.str())[0]["standing"] == "invalidated: the verifier was broken"


def test_help_is_quick_because_it_imports_nothing_heavy(pytester) -> None:
    code = (
        "import sys, pytest\n"
        "pytest.main(['--help'])\n"
        "heavy = {'boto3', 'botocore', 'moto', 'polars', 'detect_secrets', 'jsonschema'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    result = pytester.run(sys.executable, "-c", code)
    result.stdout.fnmatch_lines(["heavy: []"])


def wait_for(path) -> None:
    for _ in range(300):
        if path.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not appear")

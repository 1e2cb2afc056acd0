"""The command line as a process: what it says, how it ends, and that a run goes on after it was stopped."""

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import cli

ROOT = Path(__file__).parents[3]


def engine(*arguments, **more):
    """Runs the engine's command line."""
    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **more)


def test_states_one_by_one_verify_and_a_run_that_is_there(tmp_path) -> None:
    root = f"--runs-root={tmp_path}"
    made = engine("run", root, "--scale=0.002", "--states=S0..S2", "--seed=9")
    assert made.returncode == 0, made.stderr
    for command in ("s3_instrument_base_6a", "s4_device_graph_6a", "s5_fraud_posture_6a"):
        assert engine(command, root).returncode == 0
    holds = engine("verify", root)
    assert holds.returncode == 0, holds.stderr
    assert "holds: 16 tables" in holds.stdout
    run_id = made.stdout.split()[1]
    there = engine("run", root, "--scale=0.002", "--seed=9", f"--run-id={run_id}")
    assert there.stdout.count("there") == 6
    table = next(tmp_path.rglob("s2_account_base_6A.parquet"))
    stray = table.with_name("extra.parquet")
    stray.write_bytes(table.read_bytes())
    beside = engine("verify", root)
    assert beside.returncode == 4
    assert "unlisted_file" in beside.stderr
    assert "extra.parquet" in beside.stderr
    stray.unlink()
    table.write_bytes(table.read_bytes()[:-1])
    broken = engine("verify", root)
    assert broken.returncode == 4
    assert "6A.S2.IO_WRITE_CONFLICT" in broken.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "--scale=0"), 4, "6A.S0.SCALE_INVALID"),
        (("run", "--scale=-2"), 4, "6A.S0.SCALE_INVALID"),
        (("run", "--seed=-1"), 4, "6A.S0.SEED_INVALID"),
        (("run", "--states=S4..S2"), 4, "6A.S0.STATES_INVALID"),
        (("run", "--workers=9"), 2, "workers"),
        (("run", "--scale=big"), 2, "scale"),
        (("s3_instrument_base_6a",), 4, "6A.S0.RUN_NOT_FOUND"),
        (("s3_instrument_base_6a", "--run-id=abc"), 4, "6A.S0.RUN_ID_INVALID"),
        (("dance",), 2, "dance"),
    ],
)
def test_bad_options_end_with_a_code_and_a_word_not_a_traceback(tmp_path, arguments, code, said) -> None:
    done = engine(*arguments, *([f"--runs-root={tmp_path}"] if arguments != ("dance",) else []))
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, sent, code) -> None:
    # Large enough that the signal comes before the end on a busy machine, too.
    world = (f"--runs-root={tmp_path}", "--scale=0.25", "--seed=3")
    command = [sys.executable, "-m", "engine", "run", *world]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    run_id = process.stdout.readline().split()[1]
    until = time.monotonic() + 60
    while not list(tmp_path.rglob("s1_state_receipt_6A.json")) and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob("6A/validation/*/_passed.flag"))
    done = engine("run", *world, f"--run-id={run_id}")
    assert done.returncode == 0, done.stderr
    assert "validation PASS" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("S0", "S1"))] == ["there"] * 2


def test_ctrl_c_before_a_run_has_begun_ends_with_its_code(monkeypatch, capsys) -> None:
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "start_run", stopped)
    monkeypatch.setattr(sys, "argv", ["engine", "run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert "stopped" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, capsys, number) -> None:
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr(sys, "argv", ["engine", "run", f"--runs-root={tmp_path}", "--scale=0.002"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 4
    said = capsys.readouterr().err
    assert "6A.S0.IO_WRITE_FAILED (lock_refused)" in said
    assert os.strerror(number) in said
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_disk_that_takes_no_more_publishes_nothing_and_the_run_goes_on_later(tmp_path) -> None:
    def no_room() -> None:
        # Files end at 200 kB, as on a disk that is full; Python ignores the signal that comes with it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    root = f"--runs-root={tmp_path}"
    full = engine("run", root, "--scale=0.02", preexec_fn=no_room)
    assert full.returncode == 4
    assert "6A.S2.IO_WRITE_FAILED" in full.stderr
    assert "Traceback" not in full.stderr
    assert not list(tmp_path.rglob("s2_*.parquet"))
    run_id = full.stdout.split()[1]
    done = engine("run", root, "--scale=0.02", f"--run-id={run_id}")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("S0", "S1"))] == ["there"] * 2


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (EOFError("Ran out of input"), cli.EXIT_FAILED, "6A.S0.INTERNAL (defect): EOFError: Ran out of input"),
        (ZeroDivisionError("by nought"), cli.EXIT_FAILED, "6A.S0.INTERNAL (defect): ZeroDivisionError: by nought"),
        (OSError(errno.EIO, "Input/output error", "/a/disk"), cli.EXIT_FAILED, "6A.S0.IO_FAILED (system_refused)"),
        (KeyboardInterrupt(), cli.EXIT_INTERRUPTED, "stopped; what was published stays"),
    ],
)
def test_only_an_interrupt_is_told_as_one_and_nothing_as_a_traceback(monkeypatch, capsys, raised, code, said) -> None:
    def broken(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "start_run", broken)
    monkeypatch.setattr(sys, "argv", ["engine", "run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert ("remedy" in err) is (code == cli.EXIT_FAILED)

"""The life of the process: one for many starters, gone with its owner, found again, never confused with another."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.emulator import inheritance, locking
from infra.emulator import process as module
from infra.emulator.process import OutdatedError, SubstrateProcess, attach, ensure_running, find, put_down
from infra.emulator.record import Record
from infra.errors import SubstrateError
from infra.liveness import is_alive, start_mark

ASK = """
import sys
from pathlib import Path
from infra.emulator.process import ensure_running
owner = None if sys.argv[2] == "none" else int(sys.argv[2]) or __import__("os").getpid()
print(ensure_running(Path(sys.argv[1]), owner_pid=owner).pid, flush=True)
sys.stdin.read()
"""


def asking(state_dir: Path, owner: str) -> subprocess.Popen[str]:
    """A process that ensures a substrate, prints its pid, and lives until its standard input closes."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK, str(state_dir), owner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(asker: subprocess.Popen[str]) -> int:
    assert asker.stdout is not None
    return int(asker.stdout.readline())


def gone(pid: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while start_mark(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not start_mark(pid)


def release(*askers: subprocess.Popen[str]) -> None:
    for asker in askers:
        asker.communicate()


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """A state directory whose substrate, if any is left, is ended."""
    folder = tmp_path / "substrate"
    yield folder
    left = Record.read(folder)
    if left is not None and is_alive(left.pid, left.started):
        os.kill(left.pid, signal.SIGKILL)


def test_two_starts_at_once_share_one_process_that_ends_with_the_last_owner(state_dir: Path) -> None:
    first, second = asking(state_dir, "0"), asking(state_dir, "0")
    pids = {told(first), told(second)}
    assert len(pids) == 1
    [pid] = pids
    first.kill()
    release(first)
    time.sleep(0.4)
    assert start_mark(pid), "one owner is left"
    second.kill()
    release(second)
    assert gone(pid)
    assert find(state_dir) is None
    assert not (state_dir / "substrate.json").exists()


def test_a_substrate_without_an_owner_outlives_its_starter_until_it_is_stopped(state_dir: Path) -> None:
    starter = asking(state_dir, "none")
    pid = told(starter)
    starter.kill()
    release(starter)
    time.sleep(0.4)
    found = attach(state_dir)
    assert found is not None
    assert (found.pid, found.started_here) == (pid, False)
    again = ensure_running(state_dir, owner_pid=os.getpid())
    assert again.pid == pid
    found.stop()
    assert not start_mark(pid)
    assert attach(state_dir) is None


def test_keeping_an_owned_substrate_makes_it_outlive_its_owner(state_dir: Path) -> None:
    owner = asking(state_dir, "0")
    pid = told(owner)
    kept = ensure_running(state_dir, owner_pid=None)
    owner.kill()
    release(owner)
    time.sleep(0.4)
    assert kept.pid == pid
    assert kept.health()["kept"] is True
    kept.stop()


def test_a_killed_substrate_is_replaced(state_dir: Path) -> None:
    first = ensure_running(state_dir, owner_pid=os.getpid())
    os.kill(first.pid, signal.SIGKILL)
    second = ensure_running(state_dir, owner_pid=os.getpid())
    assert second.started_here
    assert second.pid != first.pid
    assert second.health()["pid"] == second.pid
    second.stop()


def test_calls_to_a_substrate_that_was_killed_say_so(state_dir: Path) -> None:
    process = ensure_running(state_dir, owner_pid=os.getpid())
    os.kill(process.pid, signal.SIGKILL)
    assert gone(process.pid)
    with pytest.raises(SubstrateError, match="does not answer") as caught:
        process.health()
    assert caught.value.exit_code == 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        json.dumps({"pid": 1}),
        json.dumps({"pid": "1", "started": "1", "endpoint_url": "", "token": "", "digest": ""}),
        json.dumps({"pid": 1, "started": "of another process", "endpoint_url": "", "token": "", "digest": ""}),
    ],
)
def test_a_stale_or_broken_state_file_is_no_substrate(state_dir: Path, text: str) -> None:
    state_dir.mkdir()
    (state_dir / "substrate.json").write_text(text)
    assert attach(state_dir) is None


def test_a_pid_that_another_process_got_is_not_the_substrate(substrate: SubstrateProcess, state_dir: Path) -> None:
    state_dir.mkdir()
    replace(substrate.record, pid=os.getpid()).write(state_dir)
    assert attach(state_dir) is None
    assert not (state_dir / "substrate.json").exists()


def test_a_substrate_of_other_code_is_not_attached_to(substrate: SubstrateProcess, state_dir: Path) -> None:
    state_dir.mkdir()
    replace(substrate.record, digest="of last week").write(state_dir)
    with pytest.raises(OutdatedError, match="runs other code than this checkout"):
        attach(state_dir)
    found = find(state_dir)
    assert found is not None
    assert not found.runs_current_code
    with pytest.raises(SubstrateError, match="runs other code is in use by process"):
        ensure_running(state_dir, owner_pid=None)
    (state_dir / "substrate.json").unlink()


def test_a_substrate_of_other_code_that_nobody_owns_is_replaced(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ensure_running(state_dir, owner_pid=None)
    with monkeypatch.context() as patched:
        patched.setattr(module, "code_digest", lambda: "of tomorrow")
        new = ensure_running(state_dir, owner_pid=os.getpid())
    assert new.started_here
    assert not start_mark(old.pid)
    new.stop()


def test_a_taken_port_is_named_with_the_way_out(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SubstrateError) as caught:
            ensure_running(state_dir, owner_pid=os.getpid(), port=port)
    [problem] = caught.value.problems
    assert problem.fact == f"port {port} is taken by another program"
    assert "--port" in problem.remedy
    assert attach(state_dir) is None


def test_a_running_substrate_cannot_be_had_on_another_port(substrate: SubstrateProcess) -> None:
    with pytest.raises(SubstrateError, match="not on port 1"):
        ensure_running(substrate.state_dir, owner_pid=os.getpid(), port=1)


def test_a_start_that_fails_shows_the_end_of_its_log(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inheritance, "EMULATOR_SETTINGS", {"MOTO_MAX_FORM_MEMORY_SIZE": "much"})
    with pytest.raises(SubstrateError) as caught:
        ensure_running(state_dir, owner_pid=os.getpid())
    assert "invalid literal for int() with base 10: 'much'" in caught.value.problems[0].fact
    assert caught.value.problems[0].place.endswith("substrate.log")


def test_a_start_that_takes_too_long_is_given_up_and_leaves_nothing_behind(state_dir: Path) -> None:
    with pytest.raises(SubstrateError, match=r"did not come up within 0\.01 seconds"):
        ensure_running(state_dir, owner_pid=os.getpid(), timeout=0.01)
    assert attach(state_dir) is None


def test_a_dead_owner_is_refused(state_dir: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(SubstrateError, match="does not exist"):
        ensure_running(state_dir, owner_pid=ended.pid)


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SubstrateError, match="cannot be made") as caught:
        ensure_running(tmp_path / "file" / "substrate", owner_pid=None)
    assert str(tmp_path / "file") in caught.value.problems[0].place


def open_to_others(folder: Path) -> list[str]:
    return [
        str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077 and not path.is_symlink()
    ]


def invoke(process: SubstrateProcess, source: str) -> Any:
    """What a function of the world 123456789012 returns."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("f.py", source)
    clients = process.clients("123456789012")
    clients.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument="{}")
    functions = clients.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role="arn:aws:iam::123456789012:role/f",
        Handler="f.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    answer = json.loads(functions.invoke(FunctionName="f")["Payload"].read())
    clients.close()
    return answer


SPY = """
import os
def handler(event, context):
    with open(f"/proc/{os.getppid()}/environ") as file:
        above = [line.partition("=")[0] for line in file.read().split(chr(0)) if line]
    return {"own": sorted(os.environ), "above": sorted(above), "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
"""


def test_what_a_substrate_keeps_is_the_users_alone_and_goes_with_it(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "of the shell")
    state_dir.mkdir(mode=0o755)
    (state_dir / "substrate.log").touch(0o644)
    (state_dir / "substrate.lock").touch(0o644)
    was = os.umask(0)
    try:
        process = ensure_running(state_dir, owner_pid=os.getpid())
        seen = invoke(process, SPY)
    finally:
        os.umask(was)
    assert open_to_others(state_dir) == []
    assert any((state_dir / "functions").rglob("f.py"))
    assert "MY_TOKEN" not in seen["own"]
    assert {*seen["above"]} <= {*inheritance.INHERITED, *inheritance.server_environment()}
    assert seen["secret"] != process.record.secret_key
    assert put_down(state_dir) == replace(process, started_here=False)
    assert not state_dir.exists()
    assert put_down(state_dir) is None


def test_what_a_killed_substrate_left_is_removed_too_and_nothing_else(state_dir: Path) -> None:
    process = ensure_running(state_dir, owner_pid=os.getpid())
    invoke(process, "def handler(event, context): return 1\n")
    (state_dir / "of the user").touch()
    os.kill(process.pid, signal.SIGKILL)
    assert gone(process.pid)
    assert put_down(state_dir) is None
    assert [path.name for path in state_dir.iterdir()] == ["of the user"]


def test_a_folder_of_something_else_that_others_can_look_into_is_refused(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "of the user").touch()
    state_dir.chmod(0o755)
    with pytest.raises(SubstrateError, match="other users can look into") as caught:
        ensure_running(state_dir, owner_pid=os.getpid())
    assert "chmod 700" in caught.value.problems[0].remedy
    assert state_dir.stat().st_mode & 0o777 == 0o755


def test_who_waits_for_a_lock_that_its_holder_removes_makes_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "lock"
    entered = threading.Event()

    def wait() -> None:
        with locking.exclusive(path, 10.0):
            entered.set()

    waiter = threading.Thread(target=wait)
    with locking.exclusive(path, 1.0):
        waiter.start()
        path.unlink()
        path.parent.rmdir()
    waiter.join()
    assert entered.is_set()
    assert path.exists()


def test_the_users_aws_settings_do_not_reach_the_emulator(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111111111111")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    process = ensure_running(state_dir, owner_pid=os.getpid())
    clients = process.clients("222222222222")
    assert clients.client("sts").get_caller_identity()["Account"] == "222222222222"
    clients.close()
    process.stop()


def wait_until(condition: Callable[[], bool], within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stopping_twice_and_from_two_sides_is_harmless(state_dir: Path) -> None:
    process = ensure_running(state_dir, owner_pid=os.getpid())
    with ThreadPoolExecutor(2) as pool:
        for stopping in [pool.submit(process.stop), pool.submit(process.stop)]:
            stopping.result()
    wait_until(lambda: not start_mark(process.pid))
    process.stop()

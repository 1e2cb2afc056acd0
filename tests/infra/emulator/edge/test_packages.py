"""Deployed code runs as AWS's runtimes run it: its package, the standard library and the SDK, and nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.emulator.edge import interpreters, packages
from infra.emulator.edge.packages import CodeRoots, PackageError
from tests.infra.emulator.edge.conftest import Edge, package


def function(code: bytes, account_id: str = "111111111111") -> Any:
    return SimpleNamespace(account_id=account_id, code=code, code_sha256=f"{hash(code) & 0xFFFFFFFF:x}")


def encrypted() -> bytes:
    """A package that says of its one file that it is encrypted."""
    code = bytearray(package("x = 1\n"))
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        code[code.index(signature) + at] |= 1
    return bytes(code)


def broken(old: bytes, new: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("f.py", b"x = 1\n" * 100)
    return made.getvalue().replace(old, new)


def named(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, b"")
        archive.writestr("ok.py", b"")
    return made.getvalue()


def bomb() -> bytes:
    """A kilobyte or two that would be a gigabyte."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}", bytes(packages.MAX_UNPACKED_BYTES // 8))
    return made.getvalue()


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"no zip",
        package("x = 1\n")[:-10],
        encrypted(),
        broken(b"PK\1\2\x14\3\x14\0\0\0\x08\0", b"PK\1\2\x14\3\x14\0\0\0\x63\0"),
        broken(b"\x08\0", b"\x09\0"),
        named("n" * 300),
        named("a/" * 3_000 + "b"),
    ],
    ids=["empty", "no zip", "cut short", "encrypted", "method", "methods", "long name", "deep"],
)
def test_a_package_that_cannot_be_unpacked_leaves_nothing(tmp_path: Path, code: bytes) -> None:
    with pytest.raises(PackageError):
        CodeRoots(tmp_path / "code").acquire(function(code))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_package_may_not_unpack_to_more_than_aws_lets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_UNPACKED_BYTES", 1 << 16)
    code = bomb()
    assert len(code) < 1 << 13
    with pytest.raises(PackageError, match="unzipped size must be smaller than 65536 bytes"):
        CodeRoots(tmp_path / "code").acquire(function(code))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@given(st.binary(max_size=60), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_any_damage_is_a_package_error_or_none(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    code = bytearray(broken(b"", b""))
    code[at : at + len(noise)] = noise
    folder = tmp_path_factory.mktemp("damage")
    roots = CodeRoots(folder / "code")
    try:
        root = roots.acquire(function(bytes(code)))
    except PackageError:
        pass
    else:
        roots.release(root)
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_is_its_accounts_alone_and_goes_with_the_last_process(tmp_path: Path) -> None:
    roots, code = CodeRoots(tmp_path / "code"), package("x = 1\n")
    first, second = roots.acquire(function(code)), roots.acquire(function(code))
    other = roots.acquire(function(code, "222222222222"))
    assert first == second != other
    roots.release(first)
    assert (second / "f.py").exists()
    roots.release(second)
    assert not second.exists()
    assert (other / "f.py").exists()
    assert (roots.acquire(function(code)) / "f.py").exists()


LOOK = """
import importlib, json, sys, pathlib
def handler(event, context):
    found = {}
    for name in event["names"]:
        try:
            importlib.import_module(name)
            found[name] = True
        except ImportError:
            found[name] = False
    return {"found": found, "path": sys.path, "version": sys.version_info[:2]}
"""


def invoke(edge: Edge, name: str, event: Any) -> tuple[Any, str]:
    answer = edge.clients.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError", "")


def test_a_function_can_import_its_package_the_standard_library_and_the_sdk(edge: Edge) -> None:
    edge.function("look", LOOK)
    there = ["json", "sqlite3", "boto3", "botocore", "dateutil", "urllib3", "f"]
    absent = ["pydantic", "infra", "infra.errors", "phasegate", "pytest", "moto", "runtime", "yaml", "fixtures", "site"]
    seen, error = invoke(edge, "look", {"names": [*there, *absent]})
    assert not error
    # `site` is of the standard library, and what it would add is not there.
    assert seen["found"] == dict.fromkeys(there, True) | dict.fromkeys(absent, False) | {"site": True}
    assert not any("site-packages" in path for path in seen["path"])


def test_what_the_package_lacks_fails_every_request(edge: Edge) -> None:
    arn = edge.function("lacks", "import pydantic\ndef handler(event, context):\n    return 1\n")
    seen, error = invoke(edge, "lacks", {})
    assert error == "Unhandled"
    assert "pydantic" in seen["errorMessage"]
    assert edge.call(edge.api(arn), "GET", "/v1/x").status == 500


def test_a_package_that_is_none_is_a_failure_that_says_so(edge: Edge) -> None:
    edge.function("good", "def handler(event, context):\n    return 1\n")
    edge.clients.client("lambda").update_function_code(FunctionName="good", ZipFile=encrypted())
    seen, error = invoke(edge, "good", {})
    assert (error, seen["errorType"]) == ("Unhandled", "Runtime.InvalidPackage")
    assert "encrypted" in seen["errorMessage"]


def test_a_runtime_that_is_not_installed_here_is_said_in_the_log(edge: Edge) -> None:
    edge.function("future", LOOK)
    edge.clients.client("lambda").update_function_configuration(FunctionName="future", Runtime="python3.98")
    seen, _ = invoke(edge, "future", {"names": []})
    version = ".".join(map(str, seen["version"]))
    lines = edge.log("future", "python3.98")
    assert any(f"python3.98 is not installed, so its functions run on Python {version}" in line for line in lines)


def test_an_interpreter_that_does_not_run_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.97"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreters.mismatch("python3.97") is not None
    real = tmp_path / "python3.96"
    real.write_text("#!/bin/sh\necho 3.96.1\n")
    real.chmod(0o700)
    assert interpreters.interpreter("python3.96") == (str(real), "3.96.1")
    assert interpreters.mismatch("python3.96") is None

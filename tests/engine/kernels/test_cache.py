"""Compiled code on disk: another source is another folder, a broken file is compiled anew, no folder is no failure."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.kernels import compiled
from engine.kernels.cache import cache_folder, kept

ROOT = Path(__file__).parents[3]
TWINS_AGREE = """
import numpy as np
from engine.kernels import columnar, compiled
first, count, table = np.array([7], np.uint32), np.array([90]), np.arange(1 << 16, dtype=np.uint32)
weights = [np.zeros(90, np.uint32) for _ in range(2)]
for twin, out in zip((columnar, compiled), weights):
    twin.weigh(first, count, 3, 1 << 52, 5, table, out)
print(weights[0].sum(), *compiled._weigh.stats.cache_hits.values())
assert (weights[0] == weights[1]).all()
"""


def double(number):
    return number * 2


@pytest.fixture
def folder(tmp_path):
    """A folder that holds the compiled code of ``double``."""
    folder = cache_folder([Path(__file__)], [tmp_path])
    assert folder is not None
    assert kept(double, folder)(21) == 42
    assert len(list(folder.iterdir())) == 1
    return folder


def hits(folder) -> int:
    """How often compiled code came from the folder, in a call that has to be right."""
    again = kept(double, folder)
    assert again(21) == 42
    return sum(again.stats.cache_hits.values())


def middle(raw: bytes) -> bytes:
    at = len(raw) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


BREAKS = {
    "empty": lambda _: b"",
    "halved": lambda raw: raw[: len(raw) // 2],
    "garbage": lambda raw: b"\x93" * len(raw),
    "one bit flipped": middle,
    "a digest alone": lambda raw: raw[:32],
    "something else": lambda _: bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
}


@pytest.mark.parametrize("said", BREAKS)
def test_a_broken_file_is_compiled_anew_and_replaced(folder, said) -> None:
    (file,) = folder.iterdir()
    assert hits(folder) == 1
    file.write_bytes(BREAKS[said](file.read_bytes()))
    assert hits(folder) == 0
    assert hits(folder) == 1


def test_what_is_no_file_or_never_ends_is_not_read(folder) -> None:
    (file,) = folder.iterdir()
    for put in (
        lambda: os.mkfifo(file),
        lambda: file.symlink_to("/dev/zero"),
        lambda: (file.touch(), os.truncate(file, 1 << 40)),
    ):
        file.unlink()
        put()
        assert hits(folder) == 0
        assert hits(folder) == 1


def test_a_place_that_nobody_can_read_or_write_costs_time_and_no_more(folder, tmp_path) -> None:
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    assert hits(folder) == 0
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was")
    assert hits(folder) == 0
    assert cache_folder([Path(__file__)], [tmp_path, tmp_path / "missing"]) == tmp_path / "missing" / folder.name
    assert cache_folder([Path(__file__)], [folder, folder / "below"]) is None
    assert kept(double, None)(21) == 42


def test_a_constant_that_changes_in_another_module_is_compiled_in(tmp_path) -> None:
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    sums = []
    for change in ("0xBF58476D1CE4E5B9", "0xBF58476D1CE4E5BB"):
        hashing = tmp_path / "engine/kernels/hashing.py"
        hashing.write_text(hashing.read_text().replace("0xBF58476D1CE4E5B9", change))
        done = subprocess.run(
            [sys.executable, "-c", TWINS_AGREE], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        sums.append(done.stdout)
    assert sums[0] != sums[1]


def test_the_key_covers_every_module_that_compiled_code_takes_constants_from() -> None:
    known = {path.stem for path in compiled.SOURCES}
    for source in compiled.SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "engine.kernels":
                assert {alias.name for alias in node.names} <= known
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine."):
                assert node.module.removeprefix("engine.kernels.") in known | {"cache"}

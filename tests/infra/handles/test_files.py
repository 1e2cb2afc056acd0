"""Registries on disk: what cannot be read is told at once and clearly; a copy is written whole or not at all."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import RegistryError
from infra.handles import MAX_BYTES, load, write_copy

SIMPLE = '\ufeff* `A_B = "x"`\r\n'


def refused(path: Path) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        load(path)
    assert all(
        problem.fact and problem.place.startswith(str(path)) and problem.remedy for problem in caught.value.problems
    )
    assert caught.value.exit_code == 8
    return caught.value


def test_a_registry_is_known_by_its_file_name(tmp_path: Path) -> None:
    path = tmp_path / "dev.registry.md"
    path.write_bytes(SIMPLE.encode())
    registry = load(path)
    assert registry.source == "dev.registry.md"
    assert registry["A_B"].value == "x"


def test_a_missing_registry_is_named(tmp_path: Path) -> None:
    assert "does not exist" in str(refused(tmp_path / "none.md"))


def test_a_folder_is_no_registry(tmp_path: Path) -> None:
    assert "is a directory" in str(refused(tmp_path))


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.md"
    os.mkfifo(path)
    assert "is no regular file" in str(refused(path))


def test_a_file_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be read" in str(refused(tmp_path / "file" / "r.md"))


@pytest.mark.parametrize("data", [b"\xff\xfeA\x00", b'* `A_B = 1`\n\n* `C = "caf\xe9"`\n', b"\xed\xa0\x80"])
def test_a_registry_that_is_not_utf8_is_refused_with_the_byte(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "latin.md"
    path.write_bytes(data)
    assert "is not UTF-8" in str(refused(path))


def test_the_line_of_the_wrong_byte_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.md"
    path.write_bytes(b'* `A_B = 1`\n\n* `C = "caf\xe9"`\n')
    assert refused(path).problems[0].place == f"{path}:3"


def test_a_file_of_fifty_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.md"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "is too large" in str(refused(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_BYTES // 1024


def test_a_copy_has_the_bytes_of_its_text(tmp_path: Path) -> None:
    original, out = tmp_path / "r.md", tmp_path / "copy.md"
    write_copy(SIMPLE, out, original=original)
    assert out.read_bytes() == SIMPLE.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["copy.md"]


@pytest.mark.parametrize("link", [None, "symlink", "hardlink"])
def test_the_original_is_never_written_by_whatever_name(tmp_path: Path, link: str | None) -> None:
    original = out = tmp_path / "r.md"
    original.write_text("original")
    if link is not None:
        out = tmp_path / "other.md"
        out.symlink_to(original) if link == "symlink" else out.hardlink_to(original)
    with pytest.raises(RegistryError, match="the registry itself"):
        write_copy(SIMPLE, out, original=original, replace=True)
    assert original.read_text() == "original"


def test_a_file_that_exists_is_replaced_on_demand_only(tmp_path: Path) -> None:
    original, out = tmp_path / "r.md", tmp_path / "copy.md"
    out.write_text("precious")
    with pytest.raises(RegistryError, match="exists already"):
        write_copy(SIMPLE, out, original=original)
    assert out.read_text() == "precious"
    write_copy(SIMPLE, out, original=original, replace=True)
    assert out.read_bytes() == SIMPLE.encode()


@pytest.fixture
def no_room() -> Iterator[None]:
    """Lets this process write files of four bytes at most, as a full disk would."""
    import signal  # noqa: PLC0415 - this fixture alone

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("no_room")
def test_a_copy_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be written"):
        write_copy(SIMPLE, tmp_path / "copy.md", original=tmp_path / "r.md")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_needs_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be written"):
        write_copy(SIMPLE, tmp_path / "none" / "copy.md", original=tmp_path / "r.md")

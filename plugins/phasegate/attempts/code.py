"""The code that a gate is judged by: files and folders with their digests, and what of them is in no commit."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

FRAMEWORK: Final = "phasegate"
"""The name of the framework's own code, wherever it is installed."""
OUTSIDE: Final = "outside:"
PLUGIN: Final = "plugin:"
"""Before the names of files, and of modules of plugins, that do not lie below the project's root."""
_FRAMEWORK_FOLDER: Final = Path(__file__).resolve().parents[1]
_PASSED_OVER: Final = (".md", ".pyc")
"""Prose (a handle registry is an input, and named as one), and what is made from the sources."""
_GIT: Final = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false")
_GIT_TIMEOUT_SECONDS: Final = 10.0


def name_of(path: Path, root: Path) -> str:
    """The name of a file or folder: its path below the root, or, where it lies outside, no path of a machine."""
    path = Path(os.path.normpath(path))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else f"{OUTSIDE}{path.name}"


@dataclass(frozen=True, slots=True)
class JudgingCode:
    """The code that judged one attempt.

    Attributes:
        digests: Its files and folders, below the project's root, with the digest of each.
        commit: The commit that was checked out; None where no version control answers.
        uncommitted: The files among them that are not as in that commit; None where nobody can tell.
    """

    digests: Mapping[str, str]
    commit: str | None = None
    uncommitted: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """The code as the summary names it."""
        files: list[JsonValue] | None = None if self.uncommitted is None else [*self.uncommitted]
        return {"digests": dict(self.digests), "commit": self.commit, "uncommitted": files}


class Code:
    """The project's code as it stands; each file and folder is read once, so that a process has one answer.

    Args:
        root: The project's root.
        shared: What every gate is judged by: files and folders below the root, and `FRAMEWORK`.
        own: Gives what a gate is judged by beside that, as far as this process knows: its modules.
        also: Gives what else was loaded beside a gate's modules. It is recorded, and need not be loaded again to
            look at the gate's evidence.
        elsewhere: Says where what does not lie below the root lies, by name; None for what it does not know.
        rules: Digests of what judges and is no file, by name.
    """

    def __init__(
        self,
        root: Path,
        shared: Collection[str] = (FRAMEWORK,),
        own: Callable[[str], Collection[str]] = lambda _: (),
        also: Callable[[str], Collection[str]] = lambda _: (),
        elsewhere: Callable[[str], Path | None] = lambda _: None,
        rules: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._root = root
        self._shared = frozenset(shared)
        self._own = own
        self._also = also
        self._elsewhere = elsewhere
        self._rules = rules
        self._digests: dict[str, str | None] = {**rules}
        self._looked_at: set[Path] = set()
        self._uncommitted: tuple[str, ...] | None = ()

    def take(self, gate_ids: Iterable[str]) -> None:
        """Takes the code of gates as it stands before they are run."""
        names = {*self._shared}.union(*map(self._own, gate_ids))
        self._look_at(names | self._conftests(names))

    def judging(self, gate_id: str) -> JudgingCode:
        """The code that judges a gate in this process."""
        also = {name for name in self._also(gate_id) if not any(name.startswith(f"{part}/") for part in self._shared)}
        names = {*self._shared, *self._own(gate_id), *also}
        digests = {
            name: digest
            for name in sorted(names | self._conftests(names))
            if (digest := self._digest(name)) is not None
        }
        self._look_at(digests)
        uncommitted = self._uncommitted
        if uncommitted is not None:
            places = [place for name in digests if (place := self._place(name)) is not None]
            uncommitted = tuple(name for name in uncommitted if _is_among(self._root / name, places))
        return JudgingCode(digests, self._head[0], uncommitted)

    def changes(self, gate_id: str, recorded: Mapping[str, str]) -> list[str]:
        """What judges a gate now and did not judge an attempt of it, or not as it is; sorted.

        Args:
            gate_id: The gate.
            recorded: The code that judged the attempt, with its digests.
        """
        now = {*self._shared, *self._own(gate_id)}
        now |= self._conftests(now | recorded.keys())
        now = {name for name in now if self._digest(name) is not None}
        differing = {name for name, digest in recorded.items() if self._digest(name) != digest}
        return sorted((now - recorded.keys()) | differing)

    def _conftests(self, names: Iterable[str]) -> set[str]:
        """The conftest files beside modules and above them, up to the root: pytest loads them with a module."""
        modules = [PurePosixPath(name) for name in names if name.endswith(".py") and name not in self._shared]
        folders = {folder for module in modules if self._place(str(module)) is not None for folder in module.parents}
        return {name for folder in folders if (self._root / (name := str(folder / "conftest.py"))).is_file()}

    def _look_at(self, names: Iterable[str]) -> None:
        """Digests code, and asks once for all of it what is in no commit."""
        known = [name for name in names if self._digest(name) is not None]
        places = {place for name in known if (place := self._place(name)) is not None}
        inside = {place for place in places - self._looked_at if place.is_relative_to(self._root)}
        self._looked_at |= places
        commit, prefix = self._head
        if not inside:
            return
        paths = (f":(literal){place.relative_to(self._root).as_posix()}" for place in sorted(inside))
        options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
        status = None if commit is None else _git(self._root, "status", *options, "--", *paths)
        if status is None or self._uncommitted is None:
            self._uncommitted = None
            return
        found = {entry[3:].removeprefix(prefix) for entry in status.split("\0") if entry}
        self._uncommitted = tuple(sorted(found.union(self._uncommitted)))

    def _digest(self, name: str) -> str | None:
        if name not in self._digests:
            place = self._place(name)
            self._digests[name] = _digest_of(place) if place is not None else None
        return self._digests[name]

    def _place(self, name: str) -> Path | None:
        """Where code of a name lies; None for a name that leads out of the project, and for rules."""
        if name in self._rules:
            return None
        known = _FRAMEWORK_FOLDER if name == FRAMEWORK else self._elsewhere(name)
        if known is not None:
            return known
        parts = PurePosixPath(name).parts
        return None if not parts or ".." in parts or "\0" in name or name.startswith("/") else self._root / name

    @cached_property
    def _head(self) -> tuple[str | None, str]:
        """The commit that is checked out, None where there is none; and where the root lies in its tree."""
        head = _git(self._root, "rev-parse", "--show-prefix", "HEAD")
        prefix, _, commit = (head or "").partition("\n")
        return commit.strip() or None, prefix


def _digest_of(path: Path) -> str | None:
    """Digest of a file's bytes, or of a folder's files by name; None where there is neither."""
    try:
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
        if not path.is_dir():
            return None
        whole = hashlib.sha256()
        for name, file in sorted(_files(path)):
            whole.update(
                f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape")
            )
        return whole.hexdigest()
    except OSError:
        return None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and not name.endswith(_PASSED_OVER) and path.is_file():
                yield path.relative_to(folder).as_posix(), path


def _is_among(path: Path, places: Collection[Path]) -> bool:
    """Whether a file is one of the places, or lies in one of them and is digested there."""
    return any(path == place for place in places) or (
        not path.name.endswith(_PASSED_OVER) and any(path.is_relative_to(place) for place in places)
    )


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None where there is none, or where it does not answer for this folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            timeout=_GIT_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "backslashreplace")

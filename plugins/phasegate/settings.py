"""The project's settings: `[tool.phasegate]` of the nearest pyproject.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phasegate.errors import Problem, SettingsError

_TABLE = "[tool.phasegate]"
_PLATFORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""It names a folder of evidence and one of keys, so it is one plain path component."""
_RUNNER = "ubuntu-24.04"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a project keeps its catalogue, verifiers, registry and evidence.

    Attributes:
        root: The folder of pyproject.toml; every relative path in the table is relative to it.
        platform: Name of the guarded platform; a folder of this name stands under the runs root.
        catalogue: Folder of the catalogue: documents of phases and gates, and `schemas/` folders for the artifacts.
        verifiers: Folders that hold the verifier tests.
        registry: The handle registry, whose digest every summary names.
        runs_root: Folder under which evidence packs are written.
        substrates: The substrates that a run may name, the default first.
        commands: Sub-commands that the platform adds to `phasegate`, as `module:attribute`.
        signing_key: The key that attempts are signed with, as `phasegate.evidence.keys` names keys.
        code: Files and folders that judge beside the gates' own modules; a change of any of them makes the evidence
            that was judged by it stale.
        durable: What opens the durable store outside a test run, as `module:attribute`; None where nothing does.
        short_options: The options of pytest whose short spellings must work, without dashes; None where those are to
            work that no other plugin takes.
        runs_on: The runner that a pipeline gives a leg, by a label of its gates' `needs`, and for any other by
            `default`.
    """

    root: Path
    platform: str
    catalogue: Path
    verifiers: tuple[Path, ...]
    registry: Path | None
    runs_root: Path
    substrates: tuple[str, ...] = ("embedded",)
    commands: Mapping[str, str] = field(default_factory=dict)
    signing_key: str = "file"
    durable: str | None = None
    short_options: tuple[str, ...] | None = None
    code: tuple[Path, ...] = ()
    runs_on: Mapping[str, str] = field(default_factory=lambda: {"default": _RUNNER})

    @property
    def schemas(self) -> tuple[Path, ...]:
        """Folders of the artifacts' JSON Schemas: each `schemas` of the catalogue and of a gate's folder in it."""
        return tuple(sorted(path for path in self.catalogue.rglob("schemas") if path.is_dir()))


def find_settings(start: Path) -> Settings | None:
    """The settings of the project that `start` lies in, or None where no pyproject.toml has the table.

    Raises:
        SettingsError: The table is there but cannot be used; every problem is listed.
    """
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if os.path.isfile(pyproject):  # noqa: PTH113 - pathlib's raises where a folder above may not be entered
            table = _table(pyproject)
            if table is not None:
                return _settings(table, pyproject)
    return None


def session_settings(rootdir: Path, invocation_dir: Path, arguments: Iterable[str]) -> Settings | None:
    """The settings of the project whose tests a session runs.

    They are looked for from the tests upwards, not from pytest's root folder alone: in a monorepo that root may lie
    above the folder that has our table.

    Args:
        rootdir: pytest's root folder.
        invocation_dir: The working folder.
        arguments: The paths (and node ids) that the session is given; none for the working folder.

    Raises:
        SettingsError: The table is there but cannot be used; every problem is listed.
    """
    paths = [invocation_dir / argument.split("::")[0] for argument in arguments]
    there = [os.path.normpath(path) for path in paths if os.path.lexists(path)] or [str(invocation_dir)]
    return find_settings(Path(os.path.commonpath(there))) or find_settings(rootdir)


def require_settings(start: Path) -> Settings:
    """The settings of the project that `start` lies in.

    Raises:
        SettingsError: There are none, or they cannot be used.
    """
    settings = find_settings(start)
    if settings is None:
        raise SettingsError(
            Problem(
                fact=f"no pyproject.toml with a {_TABLE} table here or above",
                place=str(start),
                remedy=f"run phasegate inside a project whose pyproject.toml has {_TABLE}",
            )
        )
    return settings


def _table(pyproject: Path) -> dict[str, Any] | None:
    data = b""
    try:
        data = pyproject.read_bytes()
        document = tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if data and b"phasegate" not in data:
            return None  # a file of somebody who does not use us is theirs to fix
        raise SettingsError(
            Problem(fact=f"cannot be read: {error}", place=str(pyproject), remedy="fix the file")
        ) from error
    tool = document.get("tool", {})
    table = tool.get("phasegate") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(Problem(fact="is not a table", place=f"{pyproject}: {_TABLE}", remedy="make it one"))
    return table


def _settings(table: dict[str, Any], pyproject: Path) -> Settings:
    problems: list[Problem] = []
    known = {"platform", "catalogue", "verifiers", "registry", "runs_root", "substrates", "commands"}
    known |= {"signing_key", "durable", "short_options", "code", "runs_on"}

    def complain(key: str, fact: str, remedy: str) -> None:
        problems.append(Problem(fact=fact, place=f"{pyproject}: {_TABLE} {key}", remedy=remedy))

    def text(key: str, *, needed: bool = True) -> str:
        value = table.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if needed or value is not None:
            complain(key, "is missing or not a non-empty string", f'write {key} = "..."')
        return ""

    def texts(key: str, default: list[str]) -> tuple[str, ...]:
        value = table.get(key, default)
        if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        complain(key, "is not a non-empty list of strings", f'write {key} = ["..."]')
        return ()

    for key in sorted(table.keys() - known):
        complain(key, "is not a setting", f"remove it; known are {', '.join(sorted(known))}")
    commands = table.get("commands", {})
    if not isinstance(commands, dict) or not all(
        isinstance(target, str) and target.count(":") == 1 for target in commands.values()
    ):
        complain("commands", 'is not a table of `name = "module:attribute"`', "write one line a command")
        commands = {}
    runners = table.get("runs_on", {})
    if not isinstance(runners, dict) or not all(isinstance(name, str) and name.strip() for name in runners.values()):
        complain("runs_on", 'is not a table of `need = "runner"`', "write one line a label of `needs`, and `default`")
        runners = {}
    root = pyproject.parent
    short_options: tuple[str, ...] | None = () if table.get("short_options") == [] else None
    if table.get("short_options"):
        short_options = texts("short_options", [])
    platform = text("platform")
    if platform and not _PLATFORM.fullmatch(platform):
        complain(
            "platform",
            f"{platform!r} cannot name a folder of evidence",
            "write letters, digits, and `_`, `.` or `-` between them",
        )
    settings = Settings(
        root=root,
        platform=platform,
        catalogue=root / text("catalogue"),
        verifiers=tuple(root / folder for folder in texts("verifiers", ["verifiers"])),
        registry=root / name if (name := text("registry", needed=False)) else None,
        runs_root=root / text("runs_root"),
        substrates=texts("substrates", ["embedded"]),
        commands=dict(commands),
        signing_key=text("signing_key", needed=False) or "file",
        durable=text("durable", needed=False) or None,
        short_options=short_options,
        code=tuple(root / name for name in texts("code", [])) if "code" in table else (),
        runs_on={"default": _RUNNER, **runners},
    )
    for path in settings.code:
        if not path.exists() or not path.resolve().is_relative_to(root.resolve()):
            complain(
                "code", f"names {path.name}, which is no file or folder below {root}", "name what judges the gates"
            )
    if problems:
        raise SettingsError(problems)
    return settings

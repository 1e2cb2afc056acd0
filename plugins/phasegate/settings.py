"""The project's settings: `[tool.phasegate]` of the nearest pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phasegate.errors import Problem, SettingsError

_TABLE = "[tool.phasegate]"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a project keeps its catalogue, verifiers, registry and evidence.

    Attributes:
        root: The folder of pyproject.toml; every relative path in the table is relative to it.
        platform: Name of the guarded platform; a folder of this name stands under the runs root.
        catalogue: Folder of the catalogue's YAML documents, with `schemas/` for the artifacts' schemas.
        verifiers: Folders that hold the verifier tests.
        registry: The handle registry, whose digest every summary names.
        runs_root: Folder under which evidence packs are written.
        substrates: The substrates that a run may name, the default first.
        commands: Sub-commands that the platform adds to `phasegate`, as `module:attribute`.
        signing_key: The key that attempts are signed with, as `phasegate.evidence.keys` names keys.
        durable: What opens the durable store outside a test run, as `module:attribute`; None where nothing does.
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

    @property
    def schemas(self) -> Path:
        """Folder of the artifacts' JSON Schemas."""
        return self.catalogue / "schemas"


def find_settings(start: Path) -> Settings | None:
    """The settings of the project that `start` lies in, or None where no pyproject.toml has the table.

    Raises:
        SettingsError: The table is there but cannot be used; every problem is listed.
    """
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file():
            table = _table(pyproject)
            if table is not None:
                return _settings(table, pyproject)
    return None


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
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            Problem(fact=f"cannot be read: {error}", place=str(pyproject), remedy="mend the file")
        ) from error
    table = document.get("tool", {}).get("phasegate")
    if table is not None and not isinstance(table, dict):
        raise SettingsError(Problem(fact="is not a table", place=f"{pyproject}: {_TABLE}", remedy="make it one"))
    return table


def _settings(table: dict[str, Any], pyproject: Path) -> Settings:
    problems: list[Problem] = []
    known = {"platform", "catalogue", "verifiers", "registry", "runs_root", "substrates", "commands"}
    known |= {"signing_key", "durable"}

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
    root = pyproject.parent
    settings = Settings(
        root=root,
        platform=text("platform"),
        catalogue=root / text("catalogue"),
        verifiers=tuple(root / folder for folder in texts("verifiers", ["verifiers"])),
        registry=root / name if (name := text("registry", needed=False)) else None,
        runs_root=root / text("runs_root"),
        substrates=texts("substrates", ["embedded"]),
        commands=dict(commands),
        signing_key=text("signing_key", needed=False) or "file",
        durable=text("durable", needed=False) or None,
    )
    if problems:
        raise SettingsError(problems)
    return settings

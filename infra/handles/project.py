"""Where the project's registry is: `registry` in `[tool.phasegate]` of the nearest pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from infra.errors import InfraError

_TABLE = "[tool.phasegate]"


def default_registry(start: Path) -> Path:
    """The registry that the project around `start` names.

    Args:
        start: The folder from which the search goes upward.

    Raises:
        InfraError: There is no such project, its pyproject.toml cannot be read, or it names no registry.
    """
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if not pyproject.is_file():
            continue
        table = _table(pyproject)
        if table is None:
            continue
        name = table.get("registry") if isinstance(table, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise InfraError(
                "names no registry",
                f"{pyproject}: {_TABLE}",
                'write registry = "path/to/registry.md", or use --registry',
            )
        return folder / name
    raise InfraError(
        f"no pyproject.toml with a {_TABLE} table here or above", str(start), "go into the project, or use --registry"
    )


def _table(pyproject: Path) -> object:
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8 and not TOML are kinds of ValueError
        raise InfraError(f"cannot be read: {error}", str(pyproject), "fix the file, or use --registry") from error
    tool = document.get("tool", {})
    return tool.get("phasegate") if isinstance(tool, dict) else None

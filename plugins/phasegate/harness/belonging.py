"""Which project a test belongs to, and whether this session is the one that judges it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from phasegate.errors import PhasegateError, Problem
from phasegate.harness.marks import claims_verifier
from phasegate.settings import Settings, find_settings


def refuse_strangers(items: Sequence[pytest.Item], settings: Settings | None) -> None:
    """Stops a session that collected verifiers of a project whose settings are not the session's.

    Marks of the same names in a project without `[tool.phasegate]` are that project's own, and nobody's business.

    Raises:
        pytest.UsageError: There are some: they would run as plain tests, and nothing would judge them.
    """
    here = settings.root if settings is not None else None
    try:
        problems = [
            Problem(
                f"is a verifier of the project in {root}, and this session would not judge it",
                item.nodeid,
                f"run pytest on that project alone, such as `pytest {root}`",
            )
            for item in items
            if claims_verifier(item) and (root := _verifiers_root(item.path.parent)) not in (None, here)
        ]
    except PhasegateError as error:
        raise pytest.UsageError(str(error)) from error
    if problems:
        raise pytest.UsageError("\n".join(map(str, problems)))


def lies_in(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path is one of the folders or lies in one."""
    return any(resolved(path).is_relative_to(resolved(folder)) for folder in folders)


def reaches(config: pytest.Config, folders: Sequence[Path]) -> bool:
    """Whether a session collects from one of the folders."""
    starts = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    return any(lies_in(start, folders) for start in starts) or any(lies_in(folder, starts) for folder in folders)


@cache
def resolved(path: Path) -> Path:
    """A path as it is compared with others."""
    return path.resolve()


@cache
def _verifiers_root(folder: Path) -> Path | None:
    """The root of the project of whose verifiers' folders this is one."""
    settings = find_settings(folder)
    return settings.root if settings is not None and lies_in(folder, settings.verifiers) else None

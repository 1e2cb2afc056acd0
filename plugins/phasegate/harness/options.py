"""The command line options of phasegate and of platforms: names that collide with nobody's.

Every option has a long name of its own, `--phasegate-NAME`. In a project with `[tool.phasegate]` it has a short
spelling, `--NAME`, as well, where no other plugin or conftest uses that name; what somebody else declares is theirs.
`short_options` in the settings names spellings that must work: where one is taken, the session does not start,
because `--substrate=aws` must not be read by another plugin while the gates look at the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from phasegate.errors import Problem, SettingsError
from phasegate.settings import Settings

_PREFIX: Final = "--phasegate-"
_ATTRIBUTES: Final[dict[str, dict[str, Any]]] = {
    "substrate": {
        "metavar": "NAME",
        "help": "what the gates run against; by default the first of [tool.phasegate] substrates",
    },
    "upstream": {
        "choices": ("latest", "run"),
        "default": "latest",
        "help": "where the evidence of earlier gates comes from: their latest authoritative attempts (default), "
        "or running them in this session",
    },
    "runs-root": {"metavar": "DIR", "help": "where evidence packs are written"},
    "registry": {"metavar": "FILE", "help": "the handle registry to read, as it stands"},
    "catalogue": {"metavar": "DIR", "help": "the folder of the gate catalogue"},
}
NAMES: Final = tuple(_ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line asks for, with the settings' defaults.

    Attributes:
        substrate: What the gates run against.
        upstream: `latest` or `run`.
        registry_given: Whether a registry is named on the command line, to be read as it stands.
        spelled: The spelling of each option that works in this session.
    """

    substrate: str
    upstream: str
    registry_given: bool
    spelled: dict[str, str]


CHOICES_KEY = pytest.StashKey[Choices]()
_SHORT_KEY = pytest.StashKey[frozenset[str]]()


def add_options(parser: pytest.Parser) -> None:
    """Declares the options under their own names."""
    group = parser.getgroup("phasegate", "readiness gates")
    for name, attributes in _ATTRIBUTES.items():
        group.addoption(f"{_PREFIX}{name}", dest=_dest(name), **attributes)


def add_short_options(parser: pytest.Parser, config: pytest.Config, settings: Settings) -> None:
    """Declares the short spellings that are free, once every plugin and initial conftest has declared its own.

    Raises:
        SettingsError: One that the settings name is taken, or is no option.
    """
    wanted = NAMES if settings.short_options is None else settings.short_options
    free = frozenset(name for name in wanted if name in _ATTRIBUTES and not _is_taken(parser, f"--{name}"))
    group = parser.getgroup("phasegate")
    for name in free:
        attributes = _ATTRIBUTES[name] | {"help": f"the same as {_PREFIX}{name}"}
        group.addoption(f"--{name}", dest=_dest(name), **attributes)
    config.stash[_SHORT_KEY] = free
    problems = [_refused(name) for name in settings.short_options or () if name not in free]
    if problems:
        raise SettingsError(problems)


def add_platform_option(parser: pytest.Parser, platform: str, name: str, **attributes: Any) -> None:
    """Declares an option of a platform, for its conftest; read it as `config.option.<platform>_<name>`.

    Raises:
        pytest.UsageError: Another plugin has declared it.
    """
    dest = f"{platform}_{name.lstrip('-').replace('-', '_')}"
    if _is_taken(parser, name):
        raise pytest.UsageError(str(_taken(name, "leave the other plugin out: -p no:NAME")))
    parser.getgroup(platform, f"the platform {platform}").addoption(name, dest=dest, **attributes)


def choose(config: pytest.Config, settings: Settings) -> tuple[Settings, Choices]:
    """The settings and choices that the command line leaves.

    Raises:
        SettingsError: An option is empty, or the substrate is none of the project's.
    """
    given: Callable[[str], Any] = lambda name: getattr(config.option, _dest(name), None)  # noqa: E731
    short = config.stash.get(_SHORT_KEY, frozenset())
    spelled = {name: f"--{name}" if name in short else f"{_PREFIX}{name}" for name in NAMES}
    here = config.invocation_params.dir
    settings = replace(
        settings,
        runs_root=here / given("runs-root") if given("runs-root") else settings.runs_root,
        catalogue=here / given("catalogue") if given("catalogue") else settings.catalogue,
        registry=here / given("registry") if given("registry") else settings.registry,
    )
    if empty := [name for name in NAMES if given(name) == ""]:  # an unset variable of a script, most likely
        raise SettingsError(
            [Problem("is given no value", spelled[name], "name one, or leave it out") for name in empty]
        )
    substrate = given("substrate") or settings.substrates[0]
    if substrate not in settings.substrates:
        raise SettingsError(
            Problem(
                fact=f"{substrate!r} is no substrate of this project",
                place=spelled["substrate"],
                remedy=f"name one of {', '.join(settings.substrates)}",
            )
        )
    return settings, Choices(substrate, given("upstream"), given("registry") is not None, spelled)


def _dest(name: str) -> str:
    return f"phasegate_{name.replace('-', '_')}"


def _is_taken(parser: pytest.Parser, option: str) -> bool:
    """Whether somebody has declared an option; pytest has no list of them, but it sorts out what it does not know."""
    try:
        _, unknown = parser.parse_known_and_unknown_args([f"{option}=x"])
    except (pytest.UsageError, ValueError, SystemExit):  # known, and not content with the value
        return True
    return f"{option}=x" not in unknown


def _refused(name: str) -> Problem:
    if name in _ATTRIBUTES:
        return _taken(f"--{name}", f"leave the other plugin out (-p no:NAME), or use {_PREFIX}{name} and remove {name}")
    return Problem(
        f"{name!r} is no option", "[tool.phasegate] short_options", f"choose from {', '.join(map(repr, NAMES))}"
    )


def _taken(option: str, remedy: str) -> Problem:
    return Problem("another plugin or conftest declares this option too", option, remedy)


__all__: Sequence[str] = ("CHOICES_KEY", "NAMES", "Choices", "add_options", "add_platform_option", "add_short_options")

"""The durable copies that `[tool.phasegate] durable` opens, for commands that hold them against the local ones."""

from __future__ import annotations

from typing import Any, Final

from phasegate.attempts.durable import DurableCopy
from phasegate.commands.lazy import load_object
from phasegate.errors import EvidenceError, Problem, SettingsError
from phasegate.evidence.custody import EvidenceStore
from phasegate.printable import text_of
from phasegate.settings import Settings

_METHODS: Final = ("read", "lock_flaw", "versions")


def load_durable(settings: Settings) -> DurableCopy:
    """The project's durable copies.

    Raises:
        EvidenceError: The settings name nothing that opens them.
        SettingsError: What they name cannot be imported or called, fails, or gives something else; an error that
            speaks for itself comes through as it is.
    """
    if settings.durable is None:
        remedy = 'set durable = "module:attribute" in [tool.phasegate]'
        raise EvidenceError(Problem("nothing opens the durable store here", "--durable", remedy))
    place = f"{settings.root / 'pyproject.toml'}: [tool.phasegate] durable"
    opener = load_object(settings.durable, place, settings.root)
    try:
        found: Any = opener(settings)
    except (Exception, SystemExit) as error:
        if hasattr(error, "problems"):
            raise
        fact = f"{settings.durable} cannot be called with the settings: {type(error).__name__}: {text_of(error)}"
        raise SettingsError(Problem(fact, place, "name a function from the settings to the durable copies")) from error
    missing = [name for name in _METHODS if not callable(getattr(found, name, None))]
    if missing:
        fact = f"{settings.durable} gives {type(found).__name__}, which has no method {', '.join(missing)}"
        raise SettingsError(Problem(fact, place, f"give an object with {', '.join(_METHODS)}"))
    return found  # type: ignore[no-any-return]


def load_publishing(settings: Settings) -> EvidenceStore:
    """The project's durable store, to store something in it.

    Raises:
        EvidenceError: As `load_durable`.
        SettingsError: As `load_durable`, or what is opened can only be read.
    """
    found: Any = load_durable(settings)
    missing = [name for name in ("publish", "uri") if not callable(getattr(found, name, None))]
    if missing:
        place = f"{settings.root / 'pyproject.toml'}: [tool.phasegate] durable"
        fact = f"{settings.durable} gives {type(found).__name__}, which has no method {', '.join(missing)}"
        raise SettingsError(Problem(fact, place, "give a store, such as phasegate.evidence.store.S3Store"))
    return found  # type: ignore[no-any-return]

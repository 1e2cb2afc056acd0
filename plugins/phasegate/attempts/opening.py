"""The one place where an archive is put together, for sessions and commands alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from phasegate.attempts.archive import Archive
from phasegate.attempts.history import Trusted
from phasegate.evidence.schemas import SchemaSet

if TYPE_CHECKING:
    from phasegate.catalog.model import Catalogue
    from phasegate.settings import Settings


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def archive_of(
    settings: Settings, catalogue: Catalogue, trusted: Trusted | None = None, clock: Callable[[], datetime] = now
) -> Archive:
    """The archive of a project.

    Args:
        settings: The project's settings.
        catalogue: The project's catalogue.
        trusted: Gives the keys that gates trust; without it, who signed an attempt is not looked at.
        clock: Tells the time, in UTC.
    """
    return Archive(
        runs_root=settings.runs_root,
        platform=settings.platform,
        catalogue=catalogue,
        schemas=SchemaSet(*settings.schemas, summaries=catalogue.summaries, registers=catalogue.registers),
        clock=clock,
        trusted=trusted,
    )

"""Attempts: the archive of those that lie in their places, the staging of those that grow, and the commit between."""

from phasegate.attempts.archive import Archive
from phasegate.attempts.attempt import OpenAttempt
from phasegate.attempts.conclusion import Attestor, Committed
from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.services import Provenance, Services
from phasegate.attempts.staging import Staging
from phasegate.attempts.upstream import UpstreamEvidence

__all__ = [
    "Archive",
    "AttemptRecord",
    "Attestor",
    "Committed",
    "OpenAttempt",
    "Provenance",
    "Services",
    "Staging",
    "UpstreamEvidence",
]

"""Attempts: execution ids, staging and commit, history, which attempt is authoritative, the chain."""

from phasegate.attempts.attempt import OpenAttempt
from phasegate.attempts.conclusion import Attestor, Committed
from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.upstream import UpstreamEvidence
from phasegate.attempts.workspace import Workspace

__all__ = ["AttemptRecord", "Attestor", "Committed", "OpenAttempt", "UpstreamEvidence", "Workspace"]

"""The services of an attempt, as a test has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from phasegate.attempts import Attestor, Provenance
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.store import EvidenceStore
from tests.phasegate.attempts.signing import attestor


@dataclass
class GivenServices:
    """Services that are given, and may be others later."""

    now: Callable[[], datetime]
    store: EvidenceStore | None = None
    scanner: SecretScanner = field(default_factory=SecretScanner)
    attestor: Attestor = attestor
    provenance: Provenance = field(default_factory=lambda: Provenance({}))

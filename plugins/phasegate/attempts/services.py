"""What attempts need of the session that makes them; given once, and asked for when it is first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from phasegate.attempts.conclusion import Attestor
from phasegate.errors import Problem
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.store import EvidenceStore


class Services(Protocol):
    """The services of one process of a session."""

    @property
    def scanner(self) -> SecretScanner:
        """Finds secrets in what is written or shown."""

    @property
    def store(self) -> EvidenceStore | None:
        """The durable store; None where there is none."""

    @property
    def attestor(self) -> Attestor:
        """Signs the statements about attempts."""

    @property
    def provenance(self) -> Provenance:
        """What every summary of the session names."""

    def now(self) -> datetime:
        """The time, in UTC."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a session's plugins want every summary to name.

    Attributes:
        facts: It, by name.
        flaws: What is wrong with it; each makes an attempt one whose evidence is not whole.
    """

    facts: Mapping[str, JsonValue]
    flaws: Sequence[Problem] = ()

"""A key for attempts that tests commit by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from phasegate.attempts.heads import named_by
from phasegate.evidence.attestation import ATTESTATION, statement_of
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import enveloped


@cache
def signer() -> CryptoSigner:
    """The key of this process."""
    return CryptoSigner.generate_ed25519()


def signed_anew(folder: Path, summary_name: str) -> None:
    """Signs a pack as it stands, as somebody does who has the key."""
    data = (folder / summary_name).read_bytes()
    statement = statement_of(json.loads(data), summary_name, sha256(data), named_by(folder))
    (folder / ATTESTATION).write_bytes(attestor(statement))


def attestor(statement: Mapping[str, Any]) -> bytes:
    """Signs with it."""
    return enveloped(statement, signer())

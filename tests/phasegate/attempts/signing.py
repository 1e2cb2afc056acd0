"""A key for attempts that tests commit by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from phasegate.evidence.attestation import ATTESTATION, Predecessor, previous_of, statement_of
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import enveloped, unverified


@cache
def signer() -> CryptoSigner:
    """The key of this process."""
    return CryptoSigner.generate_ed25519()


def previous(folder: Path) -> tuple[Predecessor, ...]:
    """The attempts that the statement of an attempt names."""
    return previous_of(unverified((folder / ATTESTATION).read_bytes()))


def signed_anew(folder: Path, summary_name: str, named: Sequence[Predecessor] | None = None) -> None:
    """Signs a pack as it stands, as somebody does who has the key; it may name other attempts than before."""
    data = (folder / summary_name).read_bytes()
    statement = statement_of(json.loads(data), summary_name, sha256(data), previous(folder) if named is None else named)
    (folder / ATTESTATION).write_bytes(attestor(statement))


def attestor(statement: Mapping[str, Any]) -> bytes:
    """Signs with it."""
    return enveloped(statement, signer())

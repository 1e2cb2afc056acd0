"""A key for attempts that tests commit by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from phasegate.attempts.layout import Layout
from phasegate.attempts.root_id import RootId
from phasegate.evidence.attestation import (
    ATTESTATION,
    Predecessor,
    origin_of,
    phase_sha256_of,
    previous_of,
    statement_of,
)
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import enveloped, unverified
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.stated import StatedSummary
from phasegate.evidence.verify import Attested, VerifiedPack, verify_pack


@cache
def signer() -> CryptoSigner:
    """The key of this process."""
    return CryptoSigner.generate_ed25519()


def previous(folder: Path) -> tuple[Predecessor, ...]:
    """The attempts that the statement of an attempt names."""
    return previous_of(unverified((folder / ATTESTATION).read_bytes()))


def signed_anew(folder: Path, summary_name: str, named: Sequence[Predecessor] | None = None) -> None:
    """Signs a pack as it stands, as somebody does who has the key; it may name other attempts than before."""
    (folder / ATTESTATION).write_bytes(attestor(statement(folder, summary_name, named)))


def statement(folder: Path, summary_name: str, named: Sequence[Predecessor] | None = None) -> dict[str, Any]:
    """The statement about a pack as it stands; it may name other attempts than before."""
    data = (folder / summary_name).read_bytes()
    before = unverified((folder / ATTESTATION).read_bytes())
    return statement_of(
        StatedSummary.of(json.loads(data)),
        summary_name,
        sha256(data),
        origin=origin_of(before),
        previous=previous_of(before) if named is None else named,
        phase_sha256=phase_sha256_of(before),
    )


def attestor(statement: Mapping[str, Any]) -> bytes:
    """Signs with it."""
    return enveloped(statement, signer())


def verified(folder: Path, summary_name: str, schemas: SchemaSet | None = None) -> VerifiedPack:
    """A pack of a runs root as a gate verifies it."""
    root = folder.parents[1]
    return verify_pack(folder, summary_name, Attested(RootId(Layout(root.parent, root.name)).origin()), schemas)

"""DSSE envelopes around statements: signed by any signer of securesystemslib, opened by public keys alone."""

# ruff: noqa: PLC0415 - the library, and the cryptography below it, are imported by who signs or verifies

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import canonical, parsed

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class EnvelopeFlaw(StrEnum):
    """Why an envelope proves nothing."""

    MALFORMED = "MALFORMED"
    """It is no envelope of ours: not JSON, not canonical, or of another payload type."""
    UNTRUSTED = "UNTRUSTED"
    """No trusted key signed it."""
    FORGED = "FORGED"
    """A trusted key is named, and the signature is not its own."""


class EnvelopeError(Exception):
    """An envelope that proves nothing.

    Attributes:
        flaw: Why.
    """

    def __init__(self, flaw: EnvelopeFlaw, detail: str) -> None:
        super().__init__(detail)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope whose signature holds.

    Attributes:
        statement: What was signed.
        keyid: The key that signed it.
    """

    statement: Mapping[str, Any]
    keyid: str


def enveloped(statement: Mapping[str, Any], signer: Signer) -> bytes:
    """A statement in a signed envelope, as canonical JSON.

    Raises:
        EvidenceError: It cannot be signed.
    """
    from securesystemslib.dsse import Envelope

    envelope = Envelope(canonical(dict(statement), name="statement"), PAYLOAD_TYPE, {})
    try:
        envelope.sign(signer)
    except Exception as error:
        fact = f"the statement cannot be signed: {type(error).__name__}: {error}"
        remedy = "make the signing key usable (`phasegate keys`), then run the gate again"
        raise EvidenceError(Problem(fact, "attestation", remedy)) from error
    return canonical(envelope.to_dict(), name="envelope")


def unverified(data: bytes) -> Mapping[str, Any]:
    """The statement of an envelope, whoever signed it.

    Raises:
        EnvelopeError: It is no envelope of ours.
    """
    import base64

    document = _document(data)
    try:
        return _statement(base64.b64decode(document["payload"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, "its payload is no base64 of a statement") from error


def opened(data: bytes, keys: Sequence[Key]) -> Opened:
    """Opens an envelope with the keys that are trusted.

    Raises:
        EnvelopeError: It is no envelope of ours, or no trusted key signed it.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    document = _document(data)
    try:
        envelope = Envelope.from_dict(dict(document))
    except Exception as error:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, f"it is no envelope: {type(error).__name__}") from error
    named = sorted(envelope.signatures)
    if not set(named) & {key.keyid for key in keys}:
        raise EnvelopeError(
            EnvelopeFlaw.UNTRUSTED, f"it is signed by {', '.join(named) or 'nobody'}, and by no trusted key"
        )
    try:
        accepted = envelope.verify(list(keys), 1)
    except VerificationError as error:
        raise EnvelopeError(EnvelopeFlaw.FORGED, "the signature is not that of the key that it names") from error
    if set(named) != set(accepted):
        raise EnvelopeError(EnvelopeFlaw.FORGED, "it carries a signature beside the trusted ones that none made")
    return Opened(_statement(envelope.payload), min(accepted))


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = parsed(data)
        is_ours = isinstance(document, dict) and canonical(document) == data
    except (ValueError, EvidenceError) as error:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, "it is no canonical JSON") from error
    if not is_ours or document.keys() != {"payload", "payloadType", "signatures"}:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, "it is not in canonical form, or has other members")
    if document["payloadType"] != PAYLOAD_TYPE:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, f"its payload type is {document['payloadType']!r}")
    result: Mapping[str, Any] = document
    return result


def _statement(payload: bytes) -> Mapping[str, Any]:
    try:
        statement = parsed(payload)
    except ValueError as error:
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, "its payload is no JSON") from error
    if not isinstance(statement, dict):
        raise EnvelopeError(EnvelopeFlaw.MALFORMED, "its payload is no statement")
    return statement

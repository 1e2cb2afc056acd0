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
_BUNDLE: Final = "bundle"
"""What Sigstore adds to a signature; no public key in PEM vouches for it."""


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
        signature = envelope.sign(signer)
        signature.signature = lowest(bytes.fromhex(signature.signature), signer.public_key).hex()
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
    return _statement(_parsed(data).payload)


def opened(data: bytes, keys: Sequence[Key]) -> Opened:
    """Opens an envelope with the keys that are trusted; each signature that it carries must hold.

    Raises:
        EnvelopeError: It is no envelope of ours, no trusted key signed it, or it is not the envelope that they made.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    envelope = _parsed(data)
    trusted = {key.keyid: key for key in keys}
    named = sorted({signature.keyid for signature in envelope.signatures})
    if not trusted.keys() & set(named):
        raise EnvelopeError(
            EnvelopeFlaw.UNTRUSTED, f"it is signed by {', '.join(named) or 'nobody'}, and by no trusted key"
        )
    if len(named) != len(envelope.signatures):
        raise EnvelopeError(EnvelopeFlaw.FORGED, "it carries two signatures of one key")
    signed = Envelope(envelope.payload, PAYLOAD_TYPE, {}).pae()
    for signature in envelope.signatures:
        key = trusted.get(signature.keyid)
        if key is None or signature.has_bundle:
            raise EnvelopeError(EnvelopeFlaw.FORGED, "it carries a signature beside the trusted ones that none made")
        try:
            key.verify_signature(Signature(signature.keyid, signature.value.hex()), signed)
        except UnverifiedSignatureError as error:
            fact = "the signature is not that of the key that it names"
            raise EnvelopeError(EnvelopeFlaw.FORGED, fact) from error
        if lowest(signature.value, key) != signature.value:
            raise EnvelopeError(EnvelopeFlaw.MALFORMED, "the signature was altered into another that also holds")
    return Opened(_statement(envelope.payload), named[0])


def lowest(signature: bytes, key: Key) -> bytes:
    """The one form of a signature that counts, of those that hold alike.

    With (r, s) of ECDSA (r, n - s) holds too, and anybody can make the one from the other: the lower s is ours. The
    signatures of the other kinds of key have one form alone.
    """
    if not key.keytype.startswith("ecdsa"):
        return signature
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(key.keyval["public"].encode())
    if not isinstance(public, EllipticCurvePublicKey):
        return signature
    first, second = decode_dss_signature(signature)
    return encode_dss_signature(first, min(second, public.curve.group_order - second))


@dataclass(frozen=True, slots=True)
class _Signature:
    """One signature of an envelope, of the right form; whether it holds is not known."""

    keyid: str
    value: bytes
    has_bundle: bool


@dataclass(frozen=True, slots=True)
class _Envelope:
    """An envelope of the right form."""

    payload: bytes
    signatures: tuple[_Signature, ...]


def _parsed(data: bytes) -> _Envelope:
    """An envelope from bytes that are the only ones for it: members, order, alphabet and padding are fixed."""
    try:
        document = parsed(data)
        is_ours = isinstance(document, dict) and canonical(document) == data
    except (ValueError, EvidenceError) as error:
        raise _malformed("it is no canonical JSON") from error
    if not is_ours or document.keys() != {"payload", "payloadType", "signatures"}:
        raise _malformed("it is not in canonical form, or has other members")
    if document["payloadType"] != PAYLOAD_TYPE:
        raise _malformed(f"its payload type is {document['payloadType']!r}")
    rows = document["signatures"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _malformed("its signatures are no list of objects")
    return _Envelope(_bytes(document["payload"], "its payload"), tuple(_signature(row) for row in rows))


def _signature(row: Mapping[str, Any]) -> _Signature:
    if row.keys() - {_BUNDLE} != {"keyid", "sig"} or not isinstance(row["keyid"], str):
        raise _malformed("a signature is not keyid and sig alone")
    return _Signature(row["keyid"], _bytes(row["sig"], "a signature"), has_bundle=_BUNDLE in row)


def _bytes(text: Any, what: str) -> bytes:
    """What base64 spells, where it is spelled the one way that encoders do."""
    import base64

    try:
        value = base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise _malformed(f"{what} is no base64") from error
    if base64.b64encode(value).decode("ascii") != text:
        raise _malformed(f"{what} is spelled in another way than base64 is")
    return value


def _statement(payload: bytes) -> Mapping[str, Any]:
    try:
        statement = parsed(payload)
        is_ours = isinstance(statement, dict) and canonical(statement) == payload
    except (ValueError, EvidenceError) as error:
        raise _malformed("its payload is no JSON") from error
    if not is_ours:
        raise _malformed("its payload is no statement in canonical form")
    result: Mapping[str, Any] = statement
    return result


def _malformed(detail: str) -> EnvelopeError:
    return EnvelopeError(EnvelopeFlaw.MALFORMED, detail)

"""One envelope, one spelling: whatever differs from what a trusted key made proves nothing, and says why."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from phasegate.evidence.canonical import canonical
from phasegate.evidence.dsse import EnvelopeError, EnvelopeFlaw, enveloped, opened, unverified

STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "text": "Größe"}
SIGNER, OTHER = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
ENVELOPE = enveloped(STATEMENT, SIGNER)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def flaw(data: bytes, *signers: CryptoSigner) -> EnvelopeFlaw:
    with pytest.raises(EnvelopeError) as caught:
        opened(data, [signer.public_key for signer in signers or (SIGNER,)])
    return caught.value.flaw


def changed(change: Callable[[dict[str, Any]], object], data: bytes = ENVELOPE) -> bytes:
    document = json.loads(data)
    change(document)
    return canonical(document)


def spare_bits(text: str) -> str:
    """The same bytes in other base64: the last digit before the padding has bits that decoders pass over."""
    digits = text.rstrip("=")
    assert len(digits) != len(text)
    return digits[:-1] + ALPHABET[ALPHABET.index(digits[-1]) ^ 1] + text[len(digits) :]


def signature(document: dict[str, Any]) -> dict[str, Any]:
    return document["signatures"][0]


SIG = signature(json.loads(ENVELOPE))["sig"]
PADDED = next(
    data for n in range(3) if b"=" in (data := enveloped({**STATEMENT, "pad": "x" * n}, SIGNER)).split(b",")[0]
)
"""An envelope whose payload does not fill its last digits."""


@pytest.mark.parametrize(
    "change",
    [
        lambda document: signature(document).update(x=1),
        lambda document: signature(document).update(keyid=7),
        lambda document: signature(document).update(keyid=None),
        lambda document: signature(document).update(sig=["x"]),
        lambda document: signature(document).update(sig=spare_bits(SIG)),
        lambda document: signature(document).update(sig=SIG + "\n"),
        lambda document: signature(document).update(sig=SIG.rstrip("=")),
        lambda document: signature(document).pop("keyid"),
        lambda document: document.update(x=1),
        lambda document: document.update(signatures={}),
        lambda document: document.update(signatures=[7]),
        lambda document: document.update(payload=7),
        lambda document: document.update(payload=spare_bits(document["payload"])),
        lambda document: document.update(payloadType=7),
        lambda document: document.update(payloadType="application/json"),
        lambda document: document.pop("payload"),
    ],
)
def test_what_is_spelled_in_another_way_or_has_another_type_is_malformed(change) -> None:
    assert flaw(changed(change, PADDED)) is EnvelopeFlaw.MALFORMED


def test_what_sigstore_adds_makes_no_key_in_pem_vouch_for_it() -> None:
    assert flaw(changed(lambda document: signature(document).update(bundle={}))) is EnvelopeFlaw.FORGED


def test_the_url_alphabet_is_no_spelling_of_a_signature() -> None:
    """Found with a signature that has one of the two digits in which the alphabets differ."""
    numbers = (enveloped({**STATEMENT, "n": number}, SIGNER) for number in range(100))
    data = next(data for data in numbers if set("+/") & set(signature(json.loads(data))["sig"]))
    other = changed(lambda document: signature(document).update(sig=_url(signature(document)["sig"])), data)
    assert flaw(other) is EnvelopeFlaw.MALFORMED


def _url(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


@given(place=st.integers(0, len(ENVELOPE) - 1), value=st.integers(1, 255))
def test_no_byte_of_an_envelope_can_change(place, value) -> None:
    data = bytearray(ENVELOPE)
    data[place] ^= value
    assert flaw(bytes(data)) in EnvelopeFlaw


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), st.lists, max_leaves=4))
def test_a_member_of_any_type_is_told_and_no_traceback(value) -> None:
    for name in ("payload", "payloadType", "signatures"):
        flaw(changed(lambda document, name=name: document.update({name: value})))
        flaw(canonical(value))
    for name in ("keyid", "sig"):
        flaw(changed(lambda document, name=name: signature(document).update({name: value})))
    with pytest.raises(EnvelopeError):
        unverified(canonical(value))


@pytest.mark.parametrize("payload", [b"[1]", b"{", b'{"a": 1}', b'{"a":1,"a":1}'])
def test_a_payload_that_is_no_statement_is_malformed_whoever_signed_it(payload) -> None:
    data = changed(lambda document: document.update(payload=base64.b64encode(payload).decode()))
    with pytest.raises(EnvelopeError) as caught:
        unverified(data)
    assert caught.value.flaw is EnvelopeFlaw.MALFORMED


def both(first: CryptoSigner, second: CryptoSigner) -> bytes:
    signatures = [signature(json.loads(enveloped(STATEMENT, signer))) for signer in (first, second)]
    return canonical(json.loads(ENVELOPE) | {"signatures": signatures})


def test_two_trusted_signatures_are_no_false_alarm_and_any_other_beside_one_is() -> None:
    assert opened(both(SIGNER, OTHER), [SIGNER.public_key, OTHER.public_key]).statement == STATEMENT
    assert flaw(both(SIGNER, OTHER)) is EnvelopeFlaw.FORGED
    assert flaw(both(SIGNER, SIGNER)) is EnvelopeFlaw.FORGED
    assert flaw(both(OTHER, OTHER)) is EnvelopeFlaw.UNTRUSTED
    broken = changed(lambda document: document["signatures"][1].update(sig=SIG), both(SIGNER, OTHER))
    assert flaw(broken, SIGNER, OTHER) is EnvelopeFlaw.FORGED


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_of_the_two_forms_of_an_ecdsa_signature_one_counts(curve) -> None:
    signer = CryptoSigner(ec.generate_private_key(curve))
    for number in range(8):
        data = enveloped({**STATEMENT, "n": number}, signer)
        assert opened(data, [signer.public_key]).keyid == signer.public_key.keyid

        def twin(document: dict[str, Any]) -> None:
            first, second = decode_dss_signature(base64.b64decode(signature(document)["sig"]))
            other = encode_dss_signature(first, curve.group_order - second)
            signature(document)["sig"] = base64.b64encode(other).decode()

        assert flaw(changed(twin, data), signer) is EnvelopeFlaw.MALFORMED

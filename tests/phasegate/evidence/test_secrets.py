"""The secret scan finds known values in every usual spelling, and leaves ordinary evidence alone."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.secrets import MIN_KNOWN_LENGTH, SecretScanner

secret_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)
around = st.binary(max_size=5)


@given(secret_text, around, around, st.sampled_from(["plain", "base64", "urlsafe", "hex", "HEX", "url", "json"]))
def test_a_known_value_is_found_in_each_spelling_inside_any_text(value, before, after, spelling) -> None:
    raw = before + value.encode() + after
    spelled = {
        "plain": raw,
        "base64": base64.b64encode(raw),
        "urlsafe": base64.urlsafe_b64encode(raw),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "url": before + quote(value, safe="").encode() + after,
        "json": json.dumps({"k": value}).encode(),
    }[spelling]
    scanner = SecretScanner()
    scanner.register(value, "the key")
    leaks = scanner.scan("artifact.json", b'{"x":"' + spelled + b'"}')
    assert any(leak.kind.startswith("the key") for leak in leaks)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----",
        "https://user:hunter22@db.example/x",
        "ghp_" + "a1B2" * 9,
    ],
)
def test_the_shapes_of_well_known_credentials_are_found(text) -> None:
    assert SecretScanner().scan("artifact.json", json.dumps({"k": text}).encode())


@given(st.binary(min_size=1, max_size=64))
def test_digests_ids_and_arns_are_no_alarm(data) -> None:
    digest = hashlib.sha256(data).hexdigest()
    evidence = {
        "sha256": digest,
        "account": "000000000000",
        "arn": f"arn:aws:iam::000000000000:role/fraud-platform-dev-full-{digest[:8]}",
        "execution": "m4a_20260224T043334Z",
        "path": "/fraud-platform/dev_full/aurora/password",
        "uuid": f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}",
    }
    assert SecretScanner().scan("artifact.json", json.dumps(evidence).encode()) == ()


def test_values_too_short_to_search_for_are_not_registered() -> None:
    scanner = SecretScanner()
    scanner.register("x" * (MIN_KNOWN_LENGTH - 1), "short")
    assert scanner.scan("a", b"x" * 100) == ()


def test_a_finding_holds_a_digest_and_no_part_of_the_value() -> None:
    scanner = SecretScanner()
    scanner.register("correct-horse", "/path/of/it")
    (leak,) = scanner.scan("a.json", b"... correct-horse ...")
    assert leak.digest == hashlib.sha256(b"correct-horse").hexdigest()[:16]
    assert "horse" not in str(leak)

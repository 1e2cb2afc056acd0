"""The secret scan finds known values in every usual spelling, and leaves ordinary evidence alone."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from urllib.parse import quote, quote_plus

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


AWKWARD = "'pä\"s\\s/w+ö rd😀=%41"
WRITTEN = {
    "JSON": json.dumps({"k": AWKWARD}),
    "JSON in UTF-8": json.dumps({"k": AWKWARD}, ensure_ascii=False),
    "JSON in JSON": json.dumps({"log": json.dumps({"k": AWKWARD})}),
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps(AWKWARD))),
    "JSON with escaped slashes": json.dumps({"k": AWKWARD}).replace("/", "\\/"),
    "every unit escaped": "".join(f"\\u{unit:04x}" for unit in memoryview(AWKWARD.encode("utf-16-le")).cast("H")),
    "URL": quote(AWKWARD, safe=""),
    "URL in lower case": quote(AWKWARD, safe="").replace("%C3", "%c3").replace("%B6", "%b6"),
    "URL with slashes": quote(AWKWARD),
    "form": quote_plus(AWKWARD),
    "URL in JSON in JSON": json.dumps(json.dumps(quote(AWKWARD))),
    "Python": repr(AWKWARD),
    "Python's bytes": repr(AWKWARD.encode()),
    "Python's bytes in JSON": json.dumps(repr(AWKWARD.encode())),
    "base64 with line ends": json.dumps(base64.encodebytes((AWKWARD * 9).encode()).decode()),
    "base64 with escaped slashes": json.dumps(base64.b64encode(AWKWARD.encode()).decode()).replace("/", "\\/"),
}


@pytest.mark.parametrize("spelling", WRITTEN)
def test_a_value_is_found_however_it_was_escaped(spelling) -> None:
    scanner = SecretScanner()
    assert scanner.scan("a.json", WRITTEN[spelling].encode()) == ()
    scanner.register(AWKWARD, "the key")
    assert scanner.scan("a.json", WRITTEN[spelling].encode())


def test_the_line_end_of_the_file_that_held_a_value_does_not_hide_it() -> None:
    scanner = SecretScanner()
    scanner.register("correct-horse\n", "file")
    assert scanner.scan("a.json", b'"correct-horse"')


def test_an_account_id_that_serves_as_a_key_is_no_secret() -> None:
    scanner = SecretScanner()
    scanner.register("000000000001", "AWS_ACCESS_KEY_ID")
    assert scanner.scan("a.json", b'"arn:aws:iam::000000000001:role/x"') == ()


def test_a_uri_beside_a_mail_address_is_no_credential() -> None:
    evidence = {"a": "s3://bucket/key:1", "b": "team@example.org", "c": "https://host:8080/p", "d": "x@y.example"}
    assert SecretScanner().scan("a.json", json.dumps(evidence, separators=(",", ":")).encode()) == ()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"log": json.dumps({"aws_secret_key": "a1B2" * 10})}),
        json.dumps(["x" * 20_000, "AKIAIOSFODNN7EXAMPLE", "y" * 20_000]),
        json.dumps("x" * 8_185 + " AKIAIOSFODNN7EXAMPLE " + "y" * 20_000),
    ],
    ids=["JSON in JSON", "among long texts", "across a piece's end"],
)
def test_the_shapes_are_found_deep_in_long_texts(text) -> None:
    assert SecretScanner().scan("a.json", text.encode())


@pytest.mark.parametrize("text", ["https://host/path", "://", "eyJ", "aws", "\\\\", "%41"])
def test_no_text_makes_the_scan_slow(text) -> None:
    data = json.dumps([text * 100, *[text] * 30_000]).encode()
    scanner = SecretScanner()
    scanner.register("correct-horse-battery", "the key")
    scanner.scan("a.json", b"{}")
    start = time.perf_counter()
    scanner.scan("a.json", data)
    assert time.perf_counter() - start < 5

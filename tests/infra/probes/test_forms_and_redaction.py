"""Forms are told apart without showing a value; what is shown holds no secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.probes.forms import host_flaw, host_port_flaw, secret_flaw, text_flaw
from infra.probes.redaction import HIDDEN, LIMIT, MARKUP, one_line

untimed = settings(deadline=None)


@pytest.mark.parametrize(
    "value",
    [
        "fraud-platform-dev-full.cluster-seed.eu-west-2.rds.amazonaws.com",
        "db.example.",
        "A.B",
        "10.70.128.7",
        "2001:db8::7",
        "[2001:db8::7]",
        "x1." + "a" * 63 + ".example",
    ],
)
def test_names_and_addresses_are_hosts(value: str) -> None:
    assert host_flaw(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "   ",
        "TO_PIN",
        "todo",
        "none",
        "placeholder.example.com",
        "<endpoint>",
        "{aurora}.example.com",
        "db",
        "localhost",
        "db.localhost",
        "nowhere.invalid",
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - a value to refuse, nothing binds to it
        "169.254.1.1",
        "::1",
        "[::1]",
        "999.1.1.1",
        "1.2.3",
        "https://db.example.com",
        "db.example.com:5432",
        "db.example.com/path",
        "-db.example.com",
        "db-.example.com",
        "db..example.com",
        "under_score.example.com",
        "dörfer.example.com",
        " db.example.com",
        "db.example.com\n",
        "a." * 127 + "example",
        "a" * 64 + ".example",
    ],
)
def test_what_others_cannot_reach_or_read_as_a_host_is_none(value: str) -> None:
    flaw = host_flaw(value)
    assert flaw is not None
    assert not value.strip() or value.strip() not in flaw or value == "placeholder"


@pytest.mark.parametrize("value", ["redis.example.com:6379", "10.0.0.1:1", "[2001:db8::7]:65535"])
def test_a_host_with_a_port_is_host_port(value: str) -> None:
    assert host_port_flaw(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "redis.example.com",
        "redis.example.com:",
        ":6379",
        "redis.example.com:0",
        "redis.example.com:65536",
        "redis.example.com:٦٣٧٩",
        "redis.example.com:+63",
        "redis.example.com:6379 ",
        "2001:db8::7:6379",
        "localhost:6379",
        "redis://redis.example.com:6379",
        "unset",
    ],
)
def test_anything_else_is_no_host_port(value: str) -> None:
    assert host_port_flaw(value) is not None


def test_a_secret_may_be_any_text_but_none_and_a_stand_in() -> None:
    assert all(secret_flaw(value) is None for value in ("a<b>{c}", "my placeholder", " padded ", "nonesuch"))
    assert all(secret_flaw(value) for value in ("", " \n", "TBD", "null", "<password>", "To_Pin"))
    assert all(text_flaw(value) for value in ("a<b", "x placeholder", " padded"))
    assert text_flaw("fraud_platform") is None


@untimed
@given(value=st.text(max_size=40))
def test_no_form_check_shows_the_value(value: str) -> None:
    for check in (secret_flaw, text_flaw, host_flaw, host_port_flaw):
        flaw = check(value)
        assert flaw is None or len(value.strip()) < 12 or value.strip() not in flaw


def test_an_ordinary_line_stays_as_it_is() -> None:
    assert one_line("DescribeClusterV2: NotFoundException (HTTP 404): there is none") == (
        "DescribeClusterV2: NotFoundException (HTTP 404): there is none"
    )


def test_pages_of_markup_are_cut_off() -> None:
    assert one_line("GetApi: 500 (HTTP 500): <!DOCTYPE html>\n<html>secret page") == f"GetApi: 500 (HTTP 500): {MARKUP}"
    assert one_line("<?xml version='1.0'?><Error/>") == MARKUP


def test_credentials_in_a_message_are_hidden() -> None:
    said = (
        "'AKIDEXAMPLE' not a valid key=value pair: 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/2026/x, "
        "SignedHeaders=host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6' "
        "https://b.example/k?X-Amz-Security-Token=FwoGZXIvYXdzE&X-Amz-Signature=abcdef0123"
    )
    shown = one_line(said)
    assert HIDDEN in shown
    for part in ("5d672d79", "AKIDEXAMPLE/2026", "FwoGZX", "abcdef0123"):
        assert part not in shown


@untimed
@given(
    secrets=st.lists(st.text(alphabet="abcdef0123456789", min_size=6), min_size=1, max_size=4),
    around=st.text(max_size=600),
)
def test_no_given_secret_survives(secrets: list[str], around: str) -> None:
    pairs = [(f"/path/{number}", value) for number, value in enumerate(secrets)]
    shown = one_line(around + around.join(secrets) + around, pairs)
    assert len(shown) <= LIMIT
    assert "\n" not in shown
    assert not any(value in shown for value in secrets)


def test_a_secret_within_another_leaves_no_rest() -> None:
    assert one_line("it was abcdef!", [("one", "cde"), ("two", "abcdef")]) == "it was (two)!"


def test_a_secret_that_was_broken_over_lines_is_found_too() -> None:
    assert one_line("it was two\n  words!", [("phrase", "two words")]) == "it was (phrase)!"

"""Requests to the platform's endpoints: where they may go, and what a URL must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.clients import Clients, OutsideLoopbackError
from infra.endpoints import ApiHost, api_host, local_url
from infra.http import BadUrlError, request

EMBEDDED = Clients.embedded("http://127.0.0.1:9", "000000000000")


@pytest.mark.parametrize(
    "url",
    [
        "https://{api_id}.execute-api.eu-west-2.amazonaws.com/v1",
        "https://",
        "execute-api.eu-west-2.amazonaws.com/v1",
        "ftp://abc.execute-api.eu-west-2.amazonaws.com/v1",
        "https://abc.execute-api.eu-west-2.amazonaws.com:port/v1",
        "https://abc.execute-api.eu-west-2.amazonaws.com/v1\r\nX: y",
        "https://abc.execute-api.eu-west-2.amazonaws.com/a b",
        "https://[broken/v1",
        "http://abc.execute-api.eu-west-2.amazonaws.com/v1",
        "https://abc.execute-api.eu-west-2.amazonaws.com:8443/v1",
        "https://abc.execute-api.localhost/v1",
        "http://abc.execute-api.localhost:4000/v1",
        "https://127.0.0.1/v1",
        "http://localhost:4000/v1",
    ],
)
def test_a_url_that_cannot_be_used_is_named_and_nothing_is_sent(url) -> None:
    with pytest.raises(BadUrlError):
        request(EMBEDDED, "GET", url)


@pytest.mark.parametrize("url", ["https://example.com/v1", "https://execute-api.evil.com/", "https://10.0.0.1/"])
def test_towards_the_substrate_nothing_leaves_this_machine(url) -> None:
    with pytest.raises(OutsideLoopbackError):
        request(EMBEDDED, "GET", url)


def test_towards_aws_nothing_is_sent_in_clear_text() -> None:
    with pytest.raises(BadUrlError, match="clear text"):
        request(Clients.aws("eu-west-2"), "GET", "http://abc.execute-api.eu-west-2.amazonaws.com/v1")


def test_a_public_host_goes_to_the_substrate_which_is_not_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        request(EMBEDDED, "GET", "https://abc.execute-api.eu-west-2.amazonaws.com/v1", timeout_s=2)


@given(st.text(max_size=40))
def test_any_text_is_refused_or_goes_nowhere(text) -> None:
    with pytest.raises((BadUrlError, OutsideLoopbackError, OSError)):
        request(EMBEDDED, "GET", text, timeout_s=0.5)


def test_host_names_of_apis_are_known_in_public_and_local_form() -> None:
    assert api_host("abc1.execute-api.eu-west-2.amazonaws.com") == ApiHost("abc1", "eu-west-2")
    assert api_host("ABC1.execute-api.EU-west-2.amazonaws.com:443") == ApiHost("abc1", "eu-west-2")
    assert api_host("abc1.execute-api.localhost:1234") == ApiHost("abc1", None)
    assert api_host("execute-api.eu-west-2.amazonaws.com") is None
    assert api_host("abc1.execute-api.eu-west-2.amazonaws.com.evil.com") is None
    public = "https://abc1.execute-api.eu-west-2.amazonaws.com/v1"
    assert local_url(public, "http://127.0.0.1:4000") == "http://abc1.execute-api.localhost:4000/v1"

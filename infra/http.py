"""HTTP requests to a platform's own endpoints: over the network on AWS, over the loopback towards the substrate.

A public URL of the platform, such as that of its ingress edge, is used as it is pinned, and on both substrates only
where AWS would serve it. Towards the embedded substrate the bytes go to the substrate's own address, without TLS, under
the host name of the URL; a host that the substrate does not answer for is an error, and nothing is sent.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from infra.clients import Clients, OutsideLoopbackError, is_loopback
from infra.endpoints import api_host

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
DEFAULT_TIMEOUT_SECONDS: Final = 35.0
"""A little more than the longest that the edge may take."""
_UNUSABLE: Final = frozenset(' {}<>"\\^`|')


class BadUrlError(ValueError):
    """A URL that no request can be made from: templated, without a host, of another scheme."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer.

    Attributes:
        status: Its status.
        headers: Its headers by lower-case name.
        body: Its body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    clients: Clients,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_SECONDS,
) -> HttpResponse:
    """Makes one request; follows no redirect and tries nothing twice.

    Args:
        clients: Say which substrate the platform is on.
        method: The method.
        url: An absolute URL.
        headers: Headers.
        body: The body.
        timeout_s: How long to wait for the connection, and for each part of the answer.

    Raises:
        BadUrlError: The URL cannot be used.
        OutsideLoopbackError: The substrate is embedded, and does not answer for the host.
        OSError: The endpoint cannot be reached, or does not answer in time.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    parts = _parts(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = _connection(clients, url, timeout_s)
    try:
        connection.request(method, target, body=body, headers={"Host": parts.netloc, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read(MAX_ANSWER_BYTES)
        return HttpResponse(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
    finally:
        connection.close()


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_a_number = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadUrlError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_is_a_number:
        raise BadUrlError(f"{url!r} is no absolute URL of HTTP")
    if not url.isascii() or not url.isprintable() or _UNUSABLE & {*url}:
        raise BadUrlError(f"{url!r} has characters that no URL may have: is a template left in it?")
    return parts


def _connection(clients: Clients, url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "http":
        raise BadUrlError(f"{url!r} would send the API key in clear text")
    if clients.substrate == "aws":
        return http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=_trust(clients.ca_bundle))
    host = api_host(parts.netloc)
    if host is None and not is_loopback(url):
        raise OutsideLoopbackError(
            fact="a request was about to leave this machine",
            place=url,
            remedy="pin the URL that the runtime stack gave; nothing was sent",
        )
    if host is None or host.region is None or parts.port not in (None, http.client.HTTPS_PORT):
        raise BadUrlError(f"{url!r} is no URL under which AWS serves an API")
    return http.client.HTTPConnection(urlsplit(str(clients.endpoint_url)).netloc, timeout=timeout_s)


def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """Trusts whom the clients of AWS trust, whatever the environment names."""
    from botocore.httpsession import where  # noqa: PLC0415 - only a run on AWS needs the SDK here

    return ssl.create_default_context(cafile=ca_bundle or where())

"""Who may call: nothing that a web page sends, and nothing under a host name that is not this machine's.

A browser lets any page send requests to the loopback, and says so in `Origin` and `Sec-Fetch-Site`. A page whose own
host name was made to resolve to the loopback (DNS rebinding) is of the same origin, and is known by its `Host`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from infra.clients import is_loopback
from infra.endpoints import api_host

OWN_FETCH_SITES: Final = frozenset({"none", "same-origin"})
"""What a browser says of a request that no other site caused (W3C Fetch Metadata): typed by the user, or our own."""


def objection(environ: Mapping[str, Any]) -> str | None:
    """Why a request is not served, whatever it asks for; None where nothing is against its caller.

    Args:
        environ: The WSGI environment of the request.
    """
    host = str(environ.get("HTTP_HOST", ""))
    if not _is_ours(host):
        return f"the host {host!r} is neither this machine's loopback nor an API's"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and str(origin).lower() != f"http://{host}".lower():
        return f"it comes from a page of the origin {origin!r}"
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None and str(site).lower() not in OWN_FETCH_SITES:
        return f"a browser sends it for another site ({site!r})"
    return None


def _is_ours(host: str) -> bool:
    """Whether a Host names the loopback or an API, with or without a port."""
    try:
        parts = urlsplit(f"//{host}")
        plain = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not plain or parts.netloc != host or parts.username is not None or parts.path or parts.query:
        return False
    return is_loopback(f"http://{host}") or api_host(host) is not None

"""The host names under which HTTP APIs answer, in public and on the loopback."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

PUBLIC: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com", re.IGNORECASE)
"""The public form: `{api id}.execute-api.{region}.amazonaws.com`."""

LOCAL: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.localhost", re.IGNORECASE)
"""A form that every client resolves to the loopback: `{api id}.execute-api.localhost`."""


def api_id_of(host: str) -> str | None:
    """The API that a host name, with or without a port, belongs to; None where it belongs to none."""
    name = host.partition(":")[0]
    found = PUBLIC.fullmatch(name) or LOCAL.fullmatch(name)
    return found["api"].lower() if found else None


def local_url(public_url: str, endpoint_url: str) -> str:
    """The URL under which any client on this machine reaches what a public URL names.

    Args:
        public_url: A URL with the public host of an API.
        endpoint_url: The substrate.
    """
    public, here = urlsplit(public_url), urlsplit(endpoint_url)
    return f"http://{api_id_of(public.netloc)}.execute-api.localhost:{here.port}{public.path}"

"""The host names under which HTTP APIs answer, in public and on the loopback."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PUBLIC: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com", re.IGNORECASE)
"""The public form: `{api id}.execute-api.{region}.amazonaws.com`."""

LOCAL: Final = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.localhost", re.IGNORECASE)
"""A form that every client resolves to the loopback: `{api id}.execute-api.localhost`."""


@dataclass(frozen=True, slots=True)
class ApiHost:
    """What a host name of an API says.

    Attributes:
        api_id: The API.
        region: The region that it must lie in; None where the name leaves it open.
    """

    api_id: str
    region: str | None


def api_host(host: str) -> ApiHost | None:
    """The API that a host name, with or without a port, belongs to; None where it belongs to none."""
    name = host.partition(":")[0]
    if (found := PUBLIC.fullmatch(name)) is not None:
        return ApiHost(found["api"].lower(), found["region"].lower())
    found = LOCAL.fullmatch(name)
    return ApiHost(found["api"].lower(), None) if found is not None else None


def local_url(public_url: str, endpoint_url: str) -> str:
    """The URL under which any client on this machine reaches what a public URL names.

    Args:
        public_url: A URL with the public host of an API.
        endpoint_url: The substrate.
    """
    public, here = urlsplit(public_url), urlsplit(endpoint_url)
    host = api_host(public.netloc)
    return f"http://{host.api_id if host else public.hostname}.execute-api.localhost:{here.port}{public.path}"

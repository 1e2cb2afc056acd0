"""What a parameter's value must look like; each check says what is wrong and never what the value is."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from infra.placeholders import is_stand_in, stand_in
from infra.text import is_plain

HIGHEST_PORT: Final = 65_535
LONGEST_HOST: Final = 253

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_MARKS: Final = re.compile(r"[<>{}]")
_LOCAL_DOMAINS: Final = frozenset({"localhost", "localdomain", "invalid"})


def secret_flaw(value: str) -> str | None:
    """What is wrong with a secret that may be any text; None where nothing is."""
    if not value.strip():
        return "is blank"
    return "is a placeholder" if is_stand_in(value) else None


def text_flaw(value: str) -> str | None:
    """What is wrong with a plain text; None where nothing is."""
    flaw = secret_flaw(value)
    if flaw is None and (stand_in(value) is not None or _MARKS.search(value)):
        flaw = "is a placeholder"
    if flaw is None and value != value.strip():
        flaw = "has white space around it"
    if flaw is None and not is_plain(value):
        flaw = "has characters that do not show"
    return flaw


def host_flaw(value: str) -> str | None:
    """What is wrong with a host name or address that others must be able to reach; None where nothing is.

    The form is all that is looked at: a seed that names no machine yet is fine.
    """
    flaw = text_flaw(value)
    if flaw is not None:
        return flaw
    if "://" in value:
        return "is a URL, not a host"
    address = _address(value)
    if address is not None:
        nowhere = address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
        return "is an address that nobody else can reach" if nowhere else None
    name = value.removesuffix(".")
    labels = name.split(".")
    if len(name) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return "is no host name"
    if labels[-1].lower() in _LOCAL_DOMAINS:
        return "is a name that nobody else can reach"
    if len(labels) < 2:
        return "is a host name without a domain"
    return None


def host_port_flaw(value: str) -> str | None:
    """What is wrong with a `host:port`; None where nothing is."""
    flaw = text_flaw(value)
    if flaw is not None:
        return flaw
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        return "is no host:port"
    if _PORT.fullmatch(port) is None or not 0 < int(port) <= HIGHEST_PORT:
        return "has no port from 1 to 65535"
    return host_flaw(host)


def _address(value: str) -> IPv4Address | IPv6Address | None:
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        return ip_address(bare)
    except ValueError:
        return None

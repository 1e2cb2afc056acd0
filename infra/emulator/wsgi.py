"""The WSGI environment of a request, as the emulator expects it from a server."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import h11
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

from infra.emulator.dispatch import Environ


def environ_of(head: h11.Request, client: Any, server: Any) -> Environ:
    """The environment of a request, without its body.

    Args:
        head: The request's head.
        client: The client's address and port.
        server: The server's.
    """
    target = head.target.decode("ascii")
    absolute = urlsplit(target) if target.lower().startswith(("http://", "https://")) else None
    if absolute is None:
        path, _, query = target.partition("?")
    else:
        path, query = absolute.path or "/", absolute.query
    environ: Environ = {
        "REQUEST_METHOD": head.method.decode("ascii"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": int(client[1]),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{head.http_version.decode('ascii')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ |= _headers([(name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers.raw_items()])
    if absolute is not None and absolute.netloc != environ.get("HTTP_HOST"):
        # The target goes before the header (RFC 9112, 3.2.2); that the two differ is for whoever judges callers.
        environ["HTTP_HOST"] = f"{absolute.netloc},{environ.get('HTTP_HOST', '')}"
    return environ


def _headers(items: list[tuple[str, str]]) -> Environ:
    """The headers, several of one name joined by commas.

    An environment has no place for the difference between `-` and `_`, so a name with the latter is left out, or it
    could stand for the former; but for S3's metadata, whose names the emulator takes from beside.
    """
    dashed = {environ_key_for_header(name) for name, _ in items if "_" not in name}
    found: Environ = {}
    preserved: dict[str, str] = {}
    for name, value in items:
        key = environ_key_for_header(name)
        if "_" in name:
            if not should_preserve_original_header_name(name) or key in dashed:
                continue
            preserved.setdefault(key, name)
        found[key] = f"{found[key]},{value}" if key in found and key.startswith("HTTP_") else value
    return found | {PRESERVED_HEADER_NAMES_ENVIRON_KEY: preserved}

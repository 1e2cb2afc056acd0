"""The state file: how a running substrate is found, and whether it runs today's code."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from infra.emulator.credentials import secret_key
from infra.json_text import read_json

STATE_FILE = "substrate.json"
LOG_FILE = "substrate.log"
LOCK_FILE = "substrate.lock"
JUDGES = frozenset({"drills", "handles", "lanes", "probes"})
"""Packages of `infra` that look at a world and make no part of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the state file says of the process that wrote it.

    Attributes:
        pid: Its process id.
        started: Its start mark, which tells it from a later process of the same pid.
        endpoint_url: Where it listens, on the loopback.
        token: What control calls must carry; the file is readable by its owner alone.
        digest: The code it runs, see `code_digest`.
    """

    pid: int
    started: str
    endpoint_url: str
    token: str
    digest: str

    @property
    def secret_key(self) -> str:
        """The secret access key that signs the requests of every world."""
        return secret_key(self.token)

    def write(self, state_dir: Path) -> None:
        """Put the record in place in one step, readable by the user alone."""
        beside = state_dir / f"{STATE_FILE}.{self.pid}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        beside.replace(state_dir / STATE_FILE)

    @classmethod
    def read(cls, state_dir: Path) -> Record | None:
        """The record of a state directory; None if there is none, or nothing that can be read as one."""
        try:
            data: Any = read_json((state_dir / STATE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        match data:
            case {
                "pid": int(),
                "started": str(),
                "endpoint_url": str(),
                "token": str(),
                "digest": str(),
            } if len(data) == len(fields(cls)):
                return cls(**data)
            case _:
                return None

    def erase(self, state_dir: Path) -> None:
        """Remove the state file, if it is still this process's own."""
        if self.read(state_dir) == self:
            (state_dir / STATE_FILE).unlink(missing_ok=True)


def code_digest() -> str:
    """A digest of what a substrate and its worlds are made of: sources, libraries, the interpreter.

    Everything under `infra` counts but what only judges: the emulator, the stacks that build a world, the handler that
    they deploy, the clients.
    """
    libraries = " ".join(f"{name} {version(name)}" for name in ("moto", "botocore", "h11"))
    digest = sha256(f"{python_version()} {libraries}".encode())
    root = Path(__file__).parents[1]
    for source in sorted(root.rglob("*.py")):
        place = source.relative_to(root)
        if place.parts[0] not in JUDGES:
            digest.update(f"\0{place}\0".encode() + source.read_bytes())
    return digest.hexdigest()

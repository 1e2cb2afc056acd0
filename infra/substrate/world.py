"""A world: one account of the embedded substrate with its five stacks, and the registry that is pinned to it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.clients import Clients
from infra.errors import RegistryError, SubstrateError
from infra.substrate.locking import exclusive
from infra.substrate.process import SubstrateProcess

DEFAULT_ACCOUNT = "000000000000"
OPEN_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """A world that is ready for gates.

    Attributes:
        clients: AWS clients of its account.
        account_id: The account.
        registry_path: The registry copy whose handles point at this world's resources.
        registry_sha256: Digest of that copy.
        stacks: What ensuring the stacks reported, as plain data, in their order.
        handles: The values that the stacks gave to handles.
        ensured_here: Whether this call built the stacks; False if the world was found as it was.
    """

    clients: Clients
    account_id: str
    registry_path: Path
    registry_sha256: str
    stacks: Sequence[Mapping[str, Any]]
    handles: Mapping[str, Any]
    ensured_here: bool


def open_world(process: SubstrateProcess, account_id: str, base_registry: Path, out_dir: Path) -> World:
    """Open a world: as it stands if the process knows it, else with its stacks ensured first.

    A world that the process knows is never put in order again: what somebody changed in it is drift, and drift is
    for the gates to find. Several processes may open one world at once; one of them builds it.

    Args:
        process: The substrate.
        account_id: The world's account.
        base_registry: The registry whose stack handles are repinned; it is not changed.
        out_dir: Where the repinned copy is written, under the account's name.

    Raises:
        SubstrateError: The substrate does not answer, or its record of the world cannot be used.
        RegistryError: The registry cannot be read, or the copy cannot be written.
        InfraError: A stack cannot be built.
    """
    clients = process.clients(account_id)
    with exclusive(process.state_dir / f"world-{account_id}.lock", OPEN_TIMEOUT_SECONDS):
        record = process.worlds.get(account_id)
        ensured_here = record is None
        if record is None:
            record = _ensure(clients)
            process.worlds.put(account_id, record)
    match record:
        case {"stacks": list(stacks), "handles": dict(handles)}:
            path = out_dir / account_id / base_registry.name
            digest = _repin(base_registry, path, handles, account_id)
            return World(clients, account_id, path, digest, stacks, handles, ensured_here)
        case _:
            raise SubstrateError(
                fact=f"the substrate's record of the world {account_id} is not one of ours",
                place=process.endpoint_url,
                remedy="`phasegate substrate down` and `up` build the world anew",
            )


def open_fresh_world(process: SubstrateProcess, base_registry: Path, out_dir: Path) -> World:
    """Open a world in an account that nobody used before; see `open_world`."""
    return open_world(process, process.worlds.fresh_account(), base_registry, out_dir)


def _ensure(clients: Clients) -> dict[str, Any]:
    from infra.stacks import ensure_all, handles_of  # noqa: PLC0415 - a world that is known needs no stacks

    results = ensure_all(clients)
    record: dict[str, Any] = {
        "stacks": [_plain(result) for result in results],
        "handles": dict(handles_of(results)),
    }
    return record


def _plain(result: Any) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(result), default=str))


def _repin(base: Path, path: Path, handles: Mapping[str, Any], account_id: str) -> str:
    from infra.handles import load, repin  # noqa: PLC0415 - the command line needs it only here

    text = repin(load(base).text, handles, f"embedded substrate, account {account_id}")
    content = text.encode()
    try:
        if not (path.is_file() and path.read_bytes() == content):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{path.name}.{os.getpid()}")
            beside.write_bytes(content)
            beside.replace(path)
    except OSError as error:
        raise RegistryError(
            fact=f"the repinned copy of the registry cannot be written: {error.strerror}",
            place=str(path),
            remedy="make the directory writable",
        ) from error
    return sha256(content).hexdigest()

"""A world: one account of the embedded substrate with its five stacks, and the registry that is pinned to it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.clients import Clients
from infra.emulator.locking import exclusive
from infra.emulator.process import SubstrateProcess
from infra.emulator.state_dir import PRIVATE_FILE, PRIVATE_FOLDER
from infra.errors import Problem, SubstrateError

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
        without_line: Handles among them that the registry has no line for; they are pinned nowhere.
        ensured_here: Whether this call built the stacks; False if the world was found as it was.
    """

    clients: Clients
    account_id: str
    registry_path: Path
    registry_sha256: str
    stacks: Sequence[Mapping[str, Any]]
    handles: Mapping[str, Any]
    without_line: Sequence[str]
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
    from infra.handles import load, repin_file  # noqa: PLC0415 - `status` and fixtures without a world need none

    base = load(base_registry)
    clients = process.clients(account_id)
    with exclusive(process.state_dir / f"world-{account_id}.lock", OPEN_TIMEOUT_SECONDS):
        record = process.worlds.get(account_id)
        ensured_here = record is None
        if record is None:
            record = _ensure(clients)
            process.worlds.put(account_id, record)
        match record:
            case {"stacks": list(stacks), "handles": dict(handles)}:
                path = _folder(out_dir / account_id) / base_registry.name
                pinned = {name: value for name, value in handles.items() if name in base}
                registry = repin_file(
                    base_registry, path, pinned, f"embedded substrate, account {account_id}", replace=True
                )
                path.chmod(PRIVATE_FILE)
            case _:
                raise SubstrateError(
                    fact=f"the substrate's record of the world {account_id} is not one of ours",
                    place=process.endpoint_url,
                    remedy="`phasegate substrate down` and `up` build the world anew",
                )
    return World(
        clients=clients,
        account_id=account_id,
        registry_path=path,
        registry_sha256=registry.sha256,
        stacks=stacks,
        handles=handles,
        without_line=sorted(set(handles) - set(pinned)),
        ensured_here=ensured_here,
    )


def open_fresh_world(process: SubstrateProcess, base_registry: Path, out_dir: Path) -> World:
    """Open a world in an account that nobody used before; see `open_world`."""
    return open_world(process, process.worlds.fresh_account(), base_registry, out_dir)


def _folder(path: Path) -> Path:
    try:
        path.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise SubstrateError(
            fact=f"the folder for the repinned registry cannot be made: {error.strerror}",
            place=str(path),
            remedy="make its parent writable, or name another folder",
        ) from error
    return path


def _ensure(clients: Clients) -> dict[str, Any]:
    from infra.stacks import ensure_all, handles_of  # noqa: PLC0415 - a world that is known needs no stacks

    results = ensure_all(clients)
    problems = [
        Problem(
            fact=f"the stack {result.stack} is not up: {result.status} {result.error}".rstrip(),
            place=f"account {clients.account_id} at {clients.endpoint_url}",
            remedy="the substrate's log tells what the emulator refused; `phasegate substrate down` starts anew",
        )
        for result in results
        if result.status != "PASS"
    ]
    if problems:
        raise SubstrateError(problems=problems)
    stacks = [dataclasses.asdict(result) for result in results]
    return {"stacks": json.loads(json.dumps(stacks, default=dict)), "handles": handles_of(results)}

"""The run receipt: who this run is; and the lock that lets one process at a time write it."""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import EngineError
from engine.files import json_bytes, read_json, reading, write_whole, writing
from engine.identity import WorldKey
from engine.run.layout import RECEIPT

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
MAX_SEED = (1 << 63) - 1


def now() -> str:
    """The present in UTC, six decimals, trailing Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class RunReceipt:
    """Identity of a run.

    Attributes:
        run_id: 32 hex digits, the name of the run's folder.
        seed: 0 to 2^63 - 1.
        scale: Of the synthetic upstream world; the floor of the world's size follows it below 1.
        parameter_hash: Identity of packs and kernels.
        manifest_fingerprint: Identity of the upstream world.
        created_utc: When.
        runs_root: Folder of all runs, as it was given.
        contracts_layout: Version of the dataset contracts.
    """

    run_id: str
    seed: int
    scale: float
    parameter_hash: str
    manifest_fingerprint: str
    created_utc: str
    runs_root: str
    contracts_layout: str = "datasets_6A.v1"

    @property
    def world(self) -> WorldKey:
        """What the run's world is a function of."""
        return WorldKey(self.seed, self.manifest_fingerprint, self.parameter_hash, self.run_id)

    def write(self, runs_root: Path) -> None:
        """Write it into its folder.

        Raises:
            EngineError: 6A.S0.IO_WRITE_FAILED.
        """
        path = runs_root / self.run_id / RECEIPT
        fields = {**asdict(self), "contracts_root": "engine/contracts", "external_roots": []}
        with writing("S0", path):
            write_whole(path, json_bytes(fields))


def new_run_id() -> str:
    """A random run id."""
    return secrets.token_hex(16)


def checked_seed(seed: int) -> int:
    """A seed that is one.

    Raises:
        EngineError: 6A.S0.SEED_INVALID.
    """
    if not 0 <= seed <= MAX_SEED:
        raise EngineError(
            code="6A.S0.SEED_INVALID",
            reason="seed_out_of_range",
            fact=f"seed {seed} is outside 0 to {MAX_SEED}",
            place="--seed",
            remedy="give a seed that fits into 63 bits",
        )
    return seed


def checked_run_id(run_id: str) -> str:
    """A run id that is one.

    Raises:
        EngineError: 6A.S0.RUN_ID_INVALID.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise EngineError(
            code="6A.S0.RUN_ID_INVALID",
            reason="run_id_malformed",
            fact=f"{run_id!r} is no run id",
            place="--run-id",
            remedy="give 32 lowercase hex digits, as the engine prints them",
        )
    return run_id


def read_receipt(runs_root: Path, run_id: str) -> RunReceipt:
    """The receipt of a run.

    Raises:
        EngineError: 6A.S0.RUN_NOT_FOUND; 6A.S0.RUN_RECEIPT_INVALID (``run_receipt_path_mismatch`` and others);
            6A.S0.IO_READ_FAILED.
    """
    path = runs_root / checked_run_id(run_id) / RECEIPT
    if not path.is_file():
        raise EngineError(
            code="6A.S0.RUN_NOT_FOUND",
            reason="run_receipt_missing",
            fact=f"there is no run {run_id}",
            place=str(path),
            remedy="name a run under --runs-root, or start one with `run`",
        )
    with reading("S0", path):
        tree = read_json(path.read_bytes())
        receipt = RunReceipt(**{name: tree[name] for name in RunReceipt.__dataclass_fields__})
    facts = {
        "run_receipt_path_mismatch": receipt.run_id == run_id,
        "identity_malformed": bool(
            _HEX64.fullmatch(str(receipt.parameter_hash)) and _HEX64.fullmatch(str(receipt.manifest_fingerprint))
        ),
        "seed_out_of_range": type(tree["seed"]) is int and 0 <= receipt.seed <= MAX_SEED,
    }
    for reason, sound in facts.items():
        if not sound:
            raise EngineError(
                code="6A.S0.RUN_RECEIPT_INVALID",
                reason=reason,
                fact="the run's receipt was altered or copied",
                place=str(path),
                remedy="start a run of its own",
            )
    return receipt


def newest_run(runs_root: Path) -> str:
    """Id of the run with the newest receipt.

    Raises:
        EngineError: 6A.S0.RUN_NOT_FOUND where there is none; as ``read_receipt``.
    """
    found = [path.parent.name for path in runs_root.glob(f"*/{RECEIPT}") if _RUN_ID.fullmatch(path.parent.name)]
    if not found:
        raise EngineError(
            code="6A.S0.RUN_NOT_FOUND",
            reason="no_run",
            fact="there is no run yet",
            place=str(runs_root),
            remedy="start one with `run`",
        )
    return max(found, key=lambda run_id: (read_receipt(runs_root, run_id).created_utc, run_id))


@contextmanager
def sole_writer(root: Path) -> Iterator[None]:
    """Hold the run against a second writer; the lock ends with the process, however it ends.

    Raises:
        EngineError: 6A.S0.IO_WRITE_CONFLICT (``second_writer``); 6A.S0.IO_WRITE_FAILED, also where the file system has
            no locks (``lock_refused``).
    """
    path = root / ".writer.lock"
    with writing("S0", path):
        root.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineError(
                code="6A.S0.IO_WRITE_CONFLICT",
                reason="second_writer",
                fact="another process writes this run",
                place=str(root),
                remedy="wait until it ends, or start a run of its own",
            ) from error
        except OSError as error:
            raise EngineError(
                code="6A.S0.IO_WRITE_FAILED",
                reason="lock_refused",
                fact=f"the run cannot be held against a second writer: {error.strerror or error}",
                place=str(path),
                remedy="put --runs-root on a file system with locks; over NFS, start its lock service",
            ) from error
        yield

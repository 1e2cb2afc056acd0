"""S0: seals what the segment may read, and opens the gate only where eight upstream bundles hash-verify.

Better than a list of paths: rows of tables and packs that a state reads are sealed by the digest of their bytes, and
``refuse_unsealed`` holds the bytes of the day against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from engine.config import Packs
from engine.config.files import YAML_LOADER
from engine.contracts.model import CONTRACT_FILE
from engine.errors import EngineError
from engine.files import file_digest, json_bytes, read_json, reading, write_whole, writing
from engine.run.layout import GATE, SEALED, RunLayout
from engine.upstream import GATES, verify_gate
from engine.validation.bundle import SPEC_VERSION

_FOLDER = CONTRACT_FILE.parent
CONTRACTS = {
    "dataset_dictionary_6A": ("datasets_6A.v1.yaml", "mlr.6A.contract.dataset_dictionary"),
    "artefact_registry_6A": ("artefacts_6A.v1.yaml", "mlr.6A.contract.artefact_registry"),
    "schema_pack_6A": ("schemas_6A.v1.yaml", "mlr.6A.contract.schemas"),
    "schema_pack_layer3": ("schemas_layer3.v1.yaml", "mlr.layer3.contract.schemas"),
}
"""Logical id to file and manifest key of the four contracts."""

_PARTITIONS = ("seed", "parameter_hash", "manifest_fingerprint", "scenario_id")


@dataclass(frozen=True, slots=True)
class Sealed:
    """The gate of a run, read and checked.

    Attributes:
        rows: Sealed inputs, in their order.
        receipt: The gate receipt.
    """

    rows: tuple[Mapping[str, Any], ...]
    receipt: Mapping[str, Any]

    def row(self, state: str, key: str) -> Mapping[str, Any]:
        """The row that lets a state read an input.

        Raises:
            EngineError: SEALED_INPUTS_MISSING of the state where the input is not sealed;
                SEALED_INPUTS_INVALID where it is not sealed for its rows.
        """
        for row in self.rows:
            if row["manifest_key"] == key:
                if row["status"] != "REQUIRED" or row["read_scope"] != "ROW_LEVEL":
                    raise _unsealed(state, "INVALID", "scope_not_row_level", key, "is not sealed for its rows")
                return row
        raise _unsealed(state, "MISSING", "input_not_sealed", key, "is not among the sealed inputs")


@lru_cache(maxsize=4)
def contract(name: str) -> Mapping[str, Any]:
    """A contract file of the engine, parsed."""
    tree: Mapping[str, Any] = yaml.load((_FOLDER / name).read_bytes(), Loader=YAML_LOADER)  # noqa: S506 - safe
    return tree


def seal(layout: RunLayout, packs: Packs) -> Sealed:
    """Check the upstream gates, seal the inputs and publish both files; equal files that are there stay.

    Raises:
        EngineError: 6A.S0.UPSTREAM_HASHGATE_*; SEALED_INPUTS_ARTIFACT_UNRESOLVED where a table that a state reads is
            missing; SEALED_INPUTS_CONFLICT or GATE_RECEIPT_CONFLICT where other files are there; IO_WRITE_FAILED.
    """
    world = layout.world
    upstream = {}
    for segment, gate in GATES.items():
        found = verify_gate(layout.root, gate, world.manifest_fingerprint)
        upstream[segment] = {
            "status": found.status,
            "bundle_path": found.bundle_path,
            "bundle_sha256": found.bundle_sha256,
            "flag_path": found.flag_path,
        }
    contracts = {logical: file_digest(_FOLDER / name) for logical, (name, _) in CONTRACTS.items()}
    rows = sorted(
        [
            *_gate_rows(layout, upstream),
            *_egress_rows(layout),
            *_pack_rows(layout, packs),
            *_contract_rows(layout, contracts),
        ],
        key=_order,
    )
    receipt = {
        "manifest_fingerprint": world.manifest_fingerprint,
        "parameter_hash": world.parameter_hash,
        "spec_version_6A": SPEC_VERSION,
        "upstream_segments": upstream,
        "contracts_6A": {
            logical: {
                "logical_id": logical,
                "path": f"engine/contracts/{name}",
                "sha256_hex": contracts[logical],
                "schema_ref": f"{name}#",
                "role": "CONTRACT",
            }
            for logical, (name, _) in CONTRACTS.items()
        },
        "sealed_inputs_digest_6A": sealed_digest(rows),
        "prior_packs": {key: file.sha256 for key, file in packs.files.items()},
    }
    _check_schemas("S0", rows, receipt, layout.path(SEALED))
    files = {layout.path(SEALED): json_bytes(rows), layout.path(GATE): json_bytes(receipt)}
    codes = {layout.path(SEALED): "SEALED_INPUTS_CONFLICT", layout.path(GATE): "GATE_RECEIPT_CONFLICT"}
    for path, raw in files.items():
        if path.is_file() and path.read_bytes() != raw:
            raise EngineError(
                code=f"6A.S0.{codes[path]}",
                reason="sealed_otherwise",
                fact="the run was sealed over other inputs: " + _difference(path, raw),
                place=str(path),
                remedy="start a run of its own, or bring the sealed inputs back",
            )
    for path, raw in files.items():
        if not path.is_file():
            with writing("S0", path):
                write_whole(path, raw)
    return Sealed(tuple(rows), receipt)


def read_sealed(layout: RunLayout, state: str) -> Sealed:
    """Read the gate of a run and check it as every later state must.

    Raises:
        EngineError: S0_GATE_FAILED, SEALED_INPUTS_INVALID, SEALED_INPUTS_DIGEST_MISMATCH of the state.
    """
    sealed, gate = layout.path(SEALED), layout.path(GATE)
    if not (sealed.is_file() and gate.is_file()):
        raise EngineError(
            code=f"6A.{state}.S0_GATE_FAILED",
            reason="gate_receipt_missing",
            fact="S0 has not sealed this run",
            place=str(gate if sealed.is_file() else sealed),
            remedy="run S0 first",
        )
    with reading(state, sealed):
        rows = read_json(sealed.read_bytes())
    with reading(state, gate):
        receipt = read_json(gate.read_bytes())
    _check_schemas(state, rows, receipt, sealed)
    if sealed_digest(rows) != receipt["sealed_inputs_digest_6A"]:
        raise EngineError(
            code=f"6A.{state}.SEALED_INPUTS_DIGEST_MISMATCH",
            reason="sealed_inputs_altered",
            fact="the sealed inputs are not those of the gate receipt",
            place=str(sealed),
            remedy="one of the two was altered: start a run of its own",
        )
    failing = [name for name, facts in receipt["upstream_segments"].items() if facts["status"] != "PASS"]
    if failing:
        raise EngineError(
            code=f"6A.{state}.S0_GATE_FAILED",
            reason="upstream_not_passed",
            fact=f"upstream segments have not passed: {', '.join(failing)}",
            place=str(gate),
            remedy="bring upstream worlds that pass",
        )
    return Sealed(tuple(rows), receipt)


def refuse_unsealed(layout: RunLayout, state: str, sealed: Sealed, packs: Packs) -> dict[str, Path]:
    """Hold the inputs of the day against the seals.

    Returns:
        Egress id to the file that the states read.

    Raises:
        EngineError: SEALED_INPUTS_MISSING, SEALED_INPUTS_INVALID, SEALED_INPUTS_DIGEST_MISMATCH of the state, naming
            the input that was altered.
    """
    for key, file in packs.files.items():
        if sealed.row(state, key)["sha256_hex"] != file.sha256:
            raise _unsealed(state, "DIGEST_MISMATCH", "pack_altered", str(file.path), "was altered after it was sealed")
    for name, manifest_key in CONTRACTS.values():
        if sealed.row(state, manifest_key)["sha256_hex"] != file_digest(_FOLDER / name):
            raise _unsealed(state, "DIGEST_MISMATCH", "contract_altered", name, "was altered after it was sealed")
    found = {}
    for name, entry in contract("artefacts_6A.v1.yaml")["egress"].items():
        if entry["read"]:
            row = sealed.row(state, entry["key"])
            path = found[name] = layout.path(entry["path"])
            with reading(state, path):
                digest = file_digest(path)
            if digest != row["sha256_hex"]:
                raise _unsealed(
                    state, "DIGEST_MISMATCH", "egress_altered", str(path), "was altered after it was sealed"
                )
    return found


def sealed_digest(rows: list[Any]) -> str:
    """SHA-256 over the rows in their order, each as compact ASCII JSON with sorted keys."""
    digest = hashlib.sha256()
    for row in sorted(rows, key=_order):
        digest.update(json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())
    return digest.hexdigest()


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["owner_layer"], row["owner_segment"], row["manifest_key"], row["path_template"]


def _row(layout: RunLayout, layer: int, segment: str, key: str, path: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "manifest_fingerprint": layout.world.manifest_fingerprint,
        "owner_layer": layer,
        "owner_segment": segment,
        "manifest_key": key,
        "path_template": path,
        "partition_keys": [token for token in _PARTITIONS if f"{{{token}}}" in path],
        "schema_ref": f"schemas.{segment}.yaml#/{key}",
        "status": "REQUIRED",
        "read_scope": "ROW_LEVEL",
        "upstream_bundle_id": None,
        "notes": None,
        **more,
    }
    if "sha256_hex" not in row:
        named = {name: row[name] for name in ("manifest_key", "schema_ref", "path_template", "partition_keys")}
        raw = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        row["sha256_hex"] = hashlib.sha256(raw.encode()).hexdigest()
    return row


def _gate_rows(layout: RunLayout, upstream: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    rows = []
    for segment, gate in GATES.items():
        folder = gate.folder("{manifest_fingerprint}")
        more = {"read_scope": "METADATA_ONLY", "upstream_bundle_id": upstream[segment]["bundle_sha256"]}
        for kind, path, role in (
            ("bundle", f"{folder}/", "UPSTREAM_GATE_BUNDLE"),
            ("passed", f"{folder}/_passed.flag", "UPSTREAM_GATE_FLAG"),
        ):
            key = f"mlr.{segment}.validation.{kind}"
            rows.append(_row(layout, gate.layer, segment, key, path, role=role, **more))
    return rows


def _egress_rows(layout: RunLayout) -> list[dict[str, Any]]:
    rows = []
    for name, entry in contract("artefacts_6A.v1.yaml")["egress"].items():
        more: dict[str, Any] = {"role": "UPSTREAM_EGRESS", "read_scope": "METADATA_ONLY"}
        if entry["read"]:
            path = layout.path(entry["path"])
            if not path.is_file():
                raise EngineError(
                    code="6A.S0.SEALED_INPUTS_ARTIFACT_UNRESOLVED",
                    reason="egress_missing",
                    fact=f"{name} is not there, and {' and '.join(entry['read'])} read it",
                    place=str(path),
                    remedy="bring the upstream table, or start a run with a world of its own",
                )
            more = {"role": "UPSTREAM_EGRESS", "sha256_hex": file_digest(path)}
        rows.append(_row(layout, entry["layer"], entry["segment"], entry["key"], entry["path"], **more))
    return rows


def _pack_rows(layout: RunLayout, packs: Packs) -> list[dict[str, Any]]:
    roles = contract("artefacts_6A.v1.yaml")["pack_roles"]
    return [
        _row(
            layout,
            3,
            "6A",
            key,
            f"config/layer3/6A/{file.name.path}",
            role=roles[file.name.field],
            sha256_hex=file.sha256,
            notes=f"version {file.version}, {file.size} bytes",
        )
        for key, file in packs.files.items()
    ]


def _contract_rows(layout: RunLayout, digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _row(layout, 3, "6A", key, f"engine/contracts/{name}", role="CONTRACT", sha256_hex=digests[logical])
        for logical, (name, key) in CONTRACTS.items()
    ]


def _check_schemas(state: str, rows: Any, receipt: Any, place: Path) -> None:
    schemas = contract("schemas_6A.v1.yaml")
    sealed_input, gate = (
        jsonschema.Draft202012Validator(schemas[name]) for name in ("sealed_input", "s0_gate_receipt")
    )
    keys = []
    try:
        for row in rows:
            sealed_input.validate(row)
            keys.append((row["owner_layer"], row["owner_segment"], row["manifest_key"]))
        gate.validate(receipt)
    except (jsonschema.ValidationError, TypeError) as error:
        message = error.message if isinstance(error, jsonschema.ValidationError) else str(error)
        raise _unsealed(state, "INVALID", "schema_broken", str(place), f"breaks its schema: {message}") from error
    if not keys or len(set(keys)) != len(keys):
        raise _unsealed(state, "INVALID", "rows_not_unique", str(place), "names an input twice, or none")


def _difference(path: Path, raw: bytes) -> str:
    """What differs from what is published, named by manifest key where rows differ."""
    with reading("S0", path):
        old, new = read_json(path.read_bytes()), read_json(raw)
    if isinstance(old, list):
        was = {row["manifest_key"]: row["sha256_hex"] for row in old}
        now = {row["manifest_key"]: row["sha256_hex"] for row in new}
        keys = sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key))
    else:
        keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return ", ".join(keys[:5]) or "their layout"


def _unsealed(state: str, what: str, reason: str, subject: str, fact: str) -> EngineError:
    return EngineError(
        code=f"6A.{state}.SEALED_INPUTS_{what}",
        reason=reason,
        fact=f"{subject} {fact}",
        place=subject,
        remedy="bring the sealed input back, or start a run of its own",
    )

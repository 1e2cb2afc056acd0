"""Gates of the upstream segments: bundles whose flag carries a digest, each segment by its own law."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.files import read_json

FLAG = "_passed.flag"
_HEX64 = re.compile(r"[0-9a-f]{64}")
_INDEX_5A = "validation_bundle_index_5A.json"


@dataclass(frozen=True, slots=True)
class Gate:
    """One segment's gate.

    Attributes:
        segment: Such as ``2B``.
        layer: 1 or 2.
        index: File name of the bundle's index.
        law: ``members`` (raw bytes of members in path order, the index covering exactly the bundle), ``listed``
            (raw bytes of what the index lists), ``rooted`` (the same, paths relative to the run folder) or
            ``digests`` (the members' digest texts in order of their logical ids).
    """

    segment: str
    layer: int
    index: str
    law: str

    def folder(self, manifest_fingerprint: str) -> str:
        """Folder of the bundle below the run folder."""
        base = f"data/layer{self.layer}/{self.segment}/validation"
        return f"{base}/manifest_fingerprint={manifest_fingerprint}"


GATES: Mapping[str, Gate] = {
    gate.segment: gate
    for gate in (
        Gate("1A", 1, "index.json", "members"),
        Gate("1B", 1, "index.json", "members"),
        Gate("2A", 1, "index.json", "members"),
        Gate("2B", 1, "index.json", "rooted"),
        Gate("3A", 1, "index.json", "digests"),
        Gate("3B", 1, "index.json", "listed"),
        Gate("5A", 2, _INDEX_5A, "listed"),
        Gate("5B", 2, "index.json", "listed"),
    )
}


@dataclass(frozen=True, slots=True)
class GateReading:
    """A gate that verified.

    Attributes:
        segment: Such as ``2B``.
        status: Always ``PASS``; a gate that does not verify raises.
        bundle_path: Folder of the bundle, relative to the run folder.
        bundle_sha256: Its digest by the segment's law.
        flag_path: The flag, relative to the run folder.
    """

    segment: str
    status: str
    bundle_path: str
    bundle_sha256: str
    flag_path: str


def build_gate(gate: Gate, evidence: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """Files of a bundle: the evidence, an index of the segment's kind, the flag.

    Args:
        gate: The segment's gate.
        evidence: File name to bytes.
        folder: The bundle's folder below the run folder, which ``rooted`` indexes spell out.
    """
    prefix = f"{folder}/" if gate.law == "rooted" else ""
    items = [
        {"logical_id": f"{gate.segment}.{Path(name).stem}", "path": f"{prefix}{name}", "sha256_hex": _sha(raw)}
        for name, raw in sorted(evidence.items())
    ]
    tree: object = items if gate.law in {"members", "rooted"} else {"segment": gate.segment, "files": items}
    if gate.law == "listed":
        tree = {"segment": gate.segment, "entries": items}
    index = (json.dumps(tree, sort_keys=True, indent=1) + "\n").encode()
    digest = _digest(gate, items, lambda path: evidence[path.removeprefix(prefix)])
    return {**evidence, gate.index: index, FLAG: f"sha256_hex = {digest}\n".encode()}


def verify_gate(root: Path, gate: Gate, manifest_fingerprint: str) -> GateReading:
    """Recompute a bundle's digest and compare it with its flag.

    Args:
        root: The run folder (or external root) below which the bundle lies.
        gate: Which segment.
        manifest_fingerprint: Which world.

    Raises:
        EngineError: 6A.S0.UPSTREAM_HASHGATE_MISSING, _SCHEMA_INVALID or _DIGEST_MISMATCH.
    """
    relative = gate.folder(manifest_fingerprint)
    folder = root / relative
    flag = _flag(gate, folder / FLAG)
    raw = _read(gate, folder / gate.index)
    items = _items(gate, raw, folder / gate.index)
    if gate.law == "members":
        _covers(gate, items, folder)
    base = root if gate.law == "rooted" else folder
    for item in items:
        if _sha(_read(gate, base / item["path"])) != item["sha256_hex"]:
            raise _mismatch(gate, base / item["path"], "the file differs from its digest in the index")
    digest = _digest(gate, items, lambda path: _read(gate, base / path))
    if digest != flag:
        raise _mismatch(gate, folder / FLAG, f"the flag says {flag}, the bundle gives {digest}")
    return GateReading(gate.segment, "PASS", f"{relative}/", digest, f"{relative}/{FLAG}")


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _digest(gate: Gate, items: list[dict[str, str]], read: Callable[[str], bytes]) -> str:
    digest = hashlib.sha256()
    if gate.law == "digests":
        for item in sorted(items, key=lambda item: item["logical_id"]):
            digest.update(item["sha256_hex"].encode())
        return digest.hexdigest()
    for item in sorted(items, key=lambda item: item["path"]):
        digest.update(read(item["path"]))
    return digest.hexdigest()


def _read(gate: Gate, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineError(
            code="6A.S0.UPSTREAM_HASHGATE_MISSING",
            reason="gate_file_missing",
            fact=f"the gate of segment {gate.segment} lacks {path.name}: {error.strerror or error}",
            place=str(path),
            remedy=f"bring the validation bundle of segment {gate.segment} into the run",
            context={"segment": gate.segment},
        ) from error


def _broken(gate: Gate, path: Path, fact: str) -> EngineError:
    return EngineError(
        code="6A.S0.UPSTREAM_HASHGATE_SCHEMA_INVALID",
        reason="gate_file_invalid",
        fact=f"the gate of segment {gate.segment}: {fact}",
        place=str(path),
        remedy=f"bring the validation bundle of segment {gate.segment} anew",
        context={"segment": gate.segment},
    )


def _mismatch(gate: Gate, path: Path, fact: str) -> EngineError:
    return EngineError(
        code="6A.S0.UPSTREAM_HASHGATE_DIGEST_MISMATCH",
        reason="bundle_digest_mismatch",
        fact=f"the gate of segment {gate.segment}: {fact}",
        place=str(path),
        remedy=f"segment {gate.segment} was altered after it passed: bring its bundle anew",
        context={"segment": gate.segment},
    )


def _flag(gate: Gate, path: Path) -> str:
    try:
        text = _read(gate, path).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise _broken(gate, path, "the flag is no text") from error
    if text.startswith("{"):
        try:
            value = read_json(text).get("bundle_digest_sha256", "")
        except ValueError as error:
            raise _broken(gate, path, "the flag is no JSON") from error
    else:
        name, _, value = text.partition("=")
        value = value.strip() if name.strip() == "sha256_hex" else ""
    if not isinstance(value, str) or not _HEX64.fullmatch(value):
        raise _broken(gate, path, "the flag carries no digest of 64 hex digits")
    return value


def _items(gate: Gate, raw: bytes, path: Path) -> list[dict[str, str]]:
    try:
        tree: Any = read_json(raw)
    except ValueError as error:
        raise _broken(gate, path, "the index is no JSON") from error
    if isinstance(tree, dict):
        tree = tree.get("files", tree.get("entries"))
    if not isinstance(tree, list) or not tree:
        raise _broken(gate, path, "the index lists no files")
    seen: set[str] = set()
    for item in tree:
        keys = ("path", "sha256_hex", "logical_id") if gate.law == "digests" else ("path", "sha256_hex")
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in keys):
            raise _broken(gate, path, f"an entry lacks one of {', '.join(keys)}")
        name = item["path"]
        bad = not name.isascii() or name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/")
        if bad or not name or name in seen:
            raise _broken(gate, path, f"path {name!r} is not allowed or given twice")
        seen.add(name)
    return tree


def _covers(gate: Gate, items: list[dict[str, str]], folder: Path) -> None:
    listed = {item["path"] for item in items}
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {FLAG, gate.index}
    }
    if present - listed:
        raise _mismatch(gate, folder, f"{min(present - listed)} lies in the bundle and not in its index")

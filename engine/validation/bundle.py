"""The validation bundle: report, issue table, index and, only for a world that passes, the flag."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import EngineError
from engine.files import read_json
from engine.identity import WorldKey
from engine.validation.checks import Check, Result

FOLDER = "data/layer3/6A/validation/manifest_fingerprint={manifest_fingerprint}"
REPORT = "s5_validation_report_6A.json"
ISSUES = "s5_issue_table_6A.parquet"
INDEX = "validation_bundle_index_6A.json"
FLAG = "_passed.flag"
SPEC_VERSION = "1.0.0"

_ISSUE_SCHEMA = pa.schema(
    [
        pa.field("manifest_fingerprint", pa.string(), nullable=False),
        pa.field("check_id", pa.string(), nullable=False),
        pa.field("issue_id", pa.int64(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("scope_type", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        # JSON texts: what a check counts differs from check to check, a Parquet struct does not.
        pa.field("metrics", pa.struct([("observed", pa.string()), ("thresholds", pa.string())]), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle before it is published.

    Attributes:
        status: Overall status.
        files: File name to bytes, in the order to publish; the flag comes last and only at a PASS.
        digest: SHA-256 over report and issue table, which the flag carries.
    """

    status: Result
    files: Mapping[str, bytes]
    digest: str


def build_bundle(
    world: WorldKey,
    checks: tuple[Check, ...],
    status: Result,
    upstream: Mapping[str, Mapping[str, str]],
) -> Bundle:
    """Report, issue table, index and flag as bytes; equal inputs give equal bytes.

    Args:
        world: The world judged.
        checks: Outcomes, sorted by id.
        status: Overall status.
        upstream: Segment to ``status``, ``bundle_sha256`` and ``flag_path``.
    """
    report = {
        "manifest_fingerprint": world.manifest_fingerprint,
        "parameter_hash": world.parameter_hash,
        "spec_version_6A": SPEC_VERSION,
        "overall_status": status,
        "upstream_segments": {segment: dict(facts) for segment, facts in upstream.items()},
        "segment_states": {**{f"S{number}": "PASS" for number in range(5)}, "S5": status},
        "checks": [
            {
                "check_id": check.check_id,
                "severity": check.severity,
                "result": check.result,
                "metrics": dict(check.metrics),
                "thresholds": dict(check.thresholds),
            }
            for check in checks
        ],
    }
    members = {REPORT: _json(report), ISSUES: _issues(world, checks)}
    roles = {REPORT: "VALIDATION_REPORT", ISSUES: "ISSUE_TABLE"}
    index = {
        "manifest_fingerprint": world.manifest_fingerprint,
        "parameter_hash": world.parameter_hash,
        "spec_version_6A": SPEC_VERSION,
        "items": [
            {
                "path": name,
                "sha256_hex": hashlib.sha256(raw).hexdigest(),
                "role": roles[name],
                "schema_ref": f"schemas.6A.yaml#/validation/{Path(name).stem}",
            }
            for name, raw in members.items()
        ],
    }
    digest = hashlib.sha256(b"".join(members.values())).hexdigest()
    files = {**members, INDEX: _json(index)}
    if status == "PASS":
        files[FLAG] = f"sha256_hex = {digest}\n".encode()
    return Bundle(status, files, digest)


def standing(folder: Path, bundle: Bundle) -> bool:
    """Whether the very bundle is published already.

    Args:
        folder: Where bundles of this world lie.
        bundle: What would be published.

    Returns:
        True where every file is there with equal bytes; False where none is there, or where all but the flag, which is
        written last, are: who was stopped before it goes on.

    Raises:
        EngineError: 6A.S5.IO_WRITE_CONFLICT where the bundle is there in part, with other bytes, or with a flag that
            this outcome does not grant.
    """
    names = (REPORT, ISSUES, INDEX, FLAG)
    present = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    awaits_flag = FLAG not in present and present == {name: bundle.files[name] for name in bundle.files if name != FLAG}
    if not present or (awaits_flag and FLAG in bundle.files):
        return False
    for name in names:
        if present.get(name) != bundle.files.get(name):
            raise EngineError(
                code="6A.S5.IO_WRITE_CONFLICT",
                reason="validation_bundle_differs",
                fact=f"the published bundle {'differs in' if name in present else 'lacks'} {name}",
                place=str(folder / name),
                remedy="remove the bundle's folder, or start a run of its own",
            )
    return True


def verify_bundle(folder: Path) -> str:
    """Recompute a published bundle's digests from its bytes.

    Returns:
        The digest that index and flag agree on.

    Raises:
        EngineError: 6A.S5.VALIDATION_BUNDLE_INCOMPLETE where a file is missing or unreadable;
            6A.S5.VALIDATION_DIGEST_MISMATCH where bytes, index and flag disagree.
    """
    name = INDEX
    try:
        items = read_json((folder / INDEX).read_bytes())["items"]
        parts = []
        for item in items:
            name = str(item["path"])
            parts.append((folder / name).read_bytes())
            if hashlib.sha256(parts[-1]).hexdigest() != item["sha256_hex"]:
                raise _disagree(folder / name, "the bytes differ from the index")
        name = FLAG
        flag = (folder / FLAG).read_text(encoding="ascii").strip()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            code="6A.S5.VALIDATION_BUNDLE_INCOMPLETE",
            reason="bundle_incomplete",
            fact=f"{name} is missing or cannot be read",
            place=str(folder / name),
            remedy="run S5 again; a world without a flag has not passed",
        ) from error
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    if [item["path"] for item in items] != [REPORT, ISSUES] or flag != f"sha256_hex = {digest}":
        raise _disagree(folder / FLAG, "the flag is not of this bundle")
    return digest


def _disagree(path: Path, fact: str) -> EngineError:
    return EngineError(
        code="6A.S5.VALIDATION_DIGEST_MISMATCH",
        reason="bundle_digest_mismatch",
        fact=fact,
        place=str(path),
        remedy="the bundle was altered after it was published: run S5 again in a run of its own",
    )


def _json(tree: object) -> bytes:
    return (json.dumps(tree, sort_keys=True, indent=2, ensure_ascii=True) + "\n").encode()


def _issues(world: WorldKey, checks: tuple[Check, ...]) -> bytes:
    failing = [check for check in checks if check.result != "PASS"]
    rows = [
        {
            "manifest_fingerprint": world.manifest_fingerprint,
            "check_id": check.check_id,
            "issue_id": number,
            "severity": check.result,
            "scope_type": "GLOBAL",
            "seed": world.seed,
            "message": check.message or check.result,
            "metrics": {
                "observed": json.dumps(dict(check.metrics), sort_keys=True),
                "thresholds": json.dumps(dict(check.thresholds), sort_keys=True),
            },
        }
        for number, check in enumerate(failing, start=1)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_ISSUE_SCHEMA), sink, compression="zstd")
    return sink.getvalue()

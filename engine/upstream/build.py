"""Files of the made-up upstream world, and the fingerprint that names it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.files import write_whole, writing
from engine.upstream.gates import GATES, build_gate
from engine.upstream.shape import REFERENCE_MULTIPLIER, WorldShape, world_shape

OUTLETS = "data/layer1/1A/outlet_catalogue/seed={seed}/manifest_fingerprint={manifest_fingerprint}/part-00000.parquet"
PROFILES = (
    "data/layer2/5A/merchant_zone_profile/manifest_fingerprint={manifest_fingerprint}/merchant_zone_profile_5A.parquet"
)
VERSION = "synthetic-upstream-2"
MULTIPLIER_TOLERANCE = 0.001
"""How near to the reference multiplier the reference seed's draw must lie, relative."""
MAX_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of words.

    Attributes:
        words: The words that occur.
        codes: Index of each row's word, i64, shape (rows,).
    """

    words: tuple[str, ...]
    codes: NDArray[np.int64]


Columns = Mapping[str, NDArray[np.int64] | NDArray[np.float64] | Coded]


@dataclass(frozen=True, slots=True)
class UpstreamWorld:
    """A made-up world before it is written.

    Attributes:
        scale: Its scale.
        shape: Its numbers.
        manifest_fingerprint: Its name, over the values of its tables and the evidence of its gates.
        tables: Path template to the bytes of a table.
        evidence: Segment to the evidence of its gate.
    """

    scale: float
    shape: WorldShape
    manifest_fingerprint: str
    tables: Mapping[str, bytes]
    evidence: Mapping[str, Mapping[str, bytes]]

    def files(self, seed: int) -> dict[str, bytes]:
        """All files by path below the run folder."""
        tokens = {"seed": str(seed), "manifest_fingerprint": self.manifest_fingerprint}
        files = {path.format(**tokens): raw for path, raw in self.tables.items()}
        for segment, gate in GATES.items():
            folder = gate.folder(self.manifest_fingerprint)
            for name, raw in build_gate(gate, self.evidence[segment], folder).items():
                files[f"{folder}/{name}"] = raw
        return files


def manifest_fingerprint(digests: Mapping[str, str]) -> str:
    """Name of a world: SHA-256 over the digests of its inputs in order of their keys, 64 hex digits."""
    digest = hashlib.sha256()
    for key in sorted(digests):
        digest.update(f"{key}\0{digests[key]}\n".encode())
    return digest.hexdigest()


def values_digest(table: Columns) -> str:
    """SHA-256 over the values of a table, 64 hex digits; the layout of its file, and who wrote it, do not matter.

    Each column counts by its name, its kind, its words and its values as little-endian 64-bit numbers.
    """
    digest = hashlib.sha256()
    for name, column in table.items():
        words, values = (column.words, column.codes) if isinstance(column, Coded) else ((), column)
        raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
        head = [name, values.dtype.name, len(values), *words]
        digest.update(f"{json.dumps(head)}\n{hashlib.sha256(raw).hexdigest()}\n".encode())
    return digest.hexdigest()


def build_upstream(scale: float, multiplier: Callable[[str], float]) -> UpstreamWorld:
    """Make the world of a scale.

    A world's size is its arrivals times a draw that depends on the world's name, so worlds of equal arrivals differ in
    size by chance. The name under which the reference seed draws what it drew in the reference world is searched for,
    by counting up a number in the evidence of the gates; the same scale and parameters always find the same name.

    Args:
        scale: 1.0 is the reference.
        multiplier: Manifest fingerprint to the world-size multiplier of ``REFERENCE_SEED``.

    Raises:
        EngineError: 6A.S0.SCALE_INVALID; 6A.S0.INTERNAL_ERROR where no name is found.
    """
    shape = world_shape(scale)
    columns = {OUTLETS: _outlets(shape), PROFILES: _profiles(shape)}
    tables = {path: _parquet(table) for path, table in columns.items()}
    digests = {path: values_digest(table) for path, table in columns.items()}
    for number in range(MAX_NAMES):
        evidence = {segment: _evidence(segment, scale, number) for segment in GATES}
        for segment, files in evidence.items():
            digests[segment] = hashlib.sha256(b"".join(files.values())).hexdigest()
        fingerprint = manifest_fingerprint(digests)
        if abs(multiplier(fingerprint) / REFERENCE_MULTIPLIER - 1.0) <= MULTIPLIER_TOLERANCE:
            return UpstreamWorld(scale, shape, fingerprint, tables, evidence)
    raise EngineError(
        code="6A.S0.INTERNAL_ERROR",
        reason="world_name_not_found",
        fact=f"none of {MAX_NAMES} names draws the reference multiplier {REFERENCE_MULTIPLIER:.4f}",
        place="population_priors, world_size.seed_scale_clip",
        remedy="let the clip and the spread of the multiplier reach the reference",
    )


def write_upstream(root: Path, world: UpstreamWorld, seed: int) -> tuple[Path, ...]:
    """Write the world below a run folder; files that are there with the same bytes stay.

    Raises:
        EngineError: 6A.S0.SEALED_INPUTS_CONFLICT where a file is there with other bytes; 6A.S0.IO_WRITE_FAILED.
    """
    written = []
    for relative, raw in world.files(seed).items():
        path = root / relative
        with writing("S0", path):
            if path.exists():
                if path.read_bytes() != raw:
                    raise EngineError(
                        code="6A.S0.SEALED_INPUTS_CONFLICT",
                        reason="upstream_file_differs",
                        fact="an upstream file of this world is there with other bytes",
                        place=str(path),
                        remedy="remove the run folder, or start a run of its own",
                    )
                continue
            write_whole(path, raw)
        written.append(path)
    return tuple(written)


def _evidence(segment: str, scale: float, number: int) -> dict[str, bytes]:
    """Evidence of a gate: three files where the law orders by path, so that order can go wrong, else one."""
    facts = {"segment": segment, "source": VERSION, "scale": scale, "world": number, "status": "PASS"}
    names = (
        ("validation_summary.json", "checks.json", "b/receipt.json")
        if segment != "3A"
        else ("validation_summary.json", "receipt.json")
    )
    return {name: (json.dumps({**facts, "file": name}, sort_keys=True) + "\n").encode() for name in names}


def _parquet(table: Columns) -> bytes:
    arrays = {
        name: pa.array(column.words).take(pa.array(column.codes)) if isinstance(column, Coded) else pa.array(column)
        for name, column in table.items()
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, compression="zstd", store_schema=False)
    return sink.getvalue()


def _outlets(shape: WorldShape) -> Columns:
    """One row an outlet: merchants stand in line over the countries, so a merchant spans few of them."""
    ids = 1 + np.arange(len(shape.merchant_outlets))
    line = np.argsort(ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), kind="stable")
    merchant = np.repeat(ids[line], shape.merchant_outlets[line])
    country = np.repeat(np.arange(len(shape.countries)), shape.outlets)
    order = np.lexsort((country, merchant))
    merchant, country = merchant[order], country[order]
    cell = merchant * len(shape.countries) + country
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    counts = np.diff(np.r_[starts, len(cell)])
    site = 1 + np.arange(len(cell)) - np.repeat(starts, counts)
    return {
        "merchant_id": merchant,
        "legal_country_iso": Coded(tuple(shape.countries), country),
        "site_order": site,
        "final_country_outlet_count": np.repeat(counts, counts),
    }


def _profiles(shape: WorldShape) -> Columns:
    """Merchant zones: those with volume split their country's arrivals, the others carry zero."""
    countries, active = len(shape.countries), shape.active_profiles
    each = np.maximum(1, np.floor(active * shape.outlets / shape.outlets.sum())).astype(np.int64)
    each[np.argmax(each)] += active - int(each.sum())
    country = np.repeat(np.arange(countries), each)
    number = np.arange(active)
    part = 0.25 + ((number.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(40)) / float(1 << 24)
    volume = part * (shape.arrivals / np.bincount(country, weights=part, minlength=countries))[country]
    # Powers and quantiles may differ in their last bits between machines; the world's name must not.
    volume = np.round(volume, 3)
    idle = np.arange(shape.profiles - active)
    merchants = len(shape.merchant_outlets)
    return {
        "merchant_id": np.r_[1 + number % merchants, 1 + idle % merchants],
        "legal_country_iso": Coded(tuple(shape.countries), np.r_[country, idle % countries]),
        "weekly_volume_expected": np.r_[volume, np.zeros(len(idle))],
    }

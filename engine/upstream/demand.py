"""What the engine reads of the upstream tables: outlets, arrivals and merchants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Demand:
    """The upstream world as segment 6A sees it.

    Attributes:
        outlets: Country to outlets.
        arrivals: Country to expected weekly arrivals.
        merchants: Distinct merchant ids, ascending, i64.
    """

    outlets: Mapping[str, int]
    arrivals: Mapping[str, float]
    merchants: NDArray[np.int64]


def read_demand(outlets: Path, profiles: Path, *, state: str = "S1") -> Demand:
    """Read and aggregate both tables.

    Args:
        outlets: ``outlet_catalogue``: a Parquet file, or a folder of them.
        profiles: ``merchant_zone_profile_5A``.
        state: The state that asks, which codes of errors name.

    Raises:
        EngineError: IO_READ_FAILED; SCHEMA_INVALID where a column is missing, of another type or holds a null;
            PRIOR_PACK_INVALID (``outlet_catalogue_empty``, ``arrivals_invalid``).
    """
    catalogue = _read(outlets, {"merchant_id": pa.types.is_integer, "legal_country_iso": _is_text}, state)
    zones = _read(profiles, {"legal_country_iso": _is_text, "weekly_volume_expected": pa.types.is_floating}, state)
    if catalogue.num_rows == 0:
        raise _invalid(state, "outlet_catalogue_empty", "the outlet catalogue has no rows", outlets)
    volume = zones.column("weekly_volume_expected")
    if zones.num_rows and not (pc.all(pc.is_finite(volume)).as_py() and pc.min(volume).as_py() >= 0.0):
        raise _invalid(
            state, "arrivals_invalid", "weekly_volume_expected is negative or not finite in some row", profiles
        )
    counted = catalogue.group_by("legal_country_iso").aggregate([("merchant_id", "count")]).to_pydict()
    summed = zones.group_by("legal_country_iso", use_threads=False)
    totals = summed.aggregate([("weekly_volume_expected", "sum")]).to_pydict()
    merchants = np.unique(catalogue.column("merchant_id").to_numpy()).astype(np.int64)
    return Demand(
        outlets=dict(sorted(zip(counted["legal_country_iso"], counted["merchant_id_count"], strict=True))),
        arrivals=dict(sorted(zip(totals["legal_country_iso"], totals["weekly_volume_expected_sum"], strict=True))),
        merchants=merchants,
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read(path: Path, columns: Mapping[str, object], state: str) -> pa.Table:
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        if not files:
            raise FileNotFoundError(2, "no Parquet file in the folder", str(path))
        schemas = [pq.read_schema(file) for file in files]
        for file, schema in zip(files, schemas, strict=True):
            for name, check in columns.items():
                if name not in schema.names or not check(schema.field(name).type):  # type: ignore[operator]
                    found = schema.field(name).type if name in schema.names else "missing"
                    raise _schema(state, file, name, f"column {name} is {found}")
        table = pa.concat_tables([pq.read_table(file, columns=list(columns)) for file in files])
    except (OSError, pa.ArrowException) as error:
        raise EngineError(
            code=f"6A.{state}.IO_READ_FAILED",
            reason="parquet_unreadable",
            fact=f"an upstream table cannot be read: {(str(error) or type(error).__name__).splitlines()[0]}",
            place=str(path),
            remedy="the file is missing, truncated or no Parquet: bring the upstream table anew",
        ) from error
    for name in columns:
        if table.column(name).null_count:
            raise _schema(state, path, name, f"column {name} holds nulls")
    return table


def _schema(state: str, path: Path, column: str, fact: str) -> EngineError:
    return EngineError(
        code=f"6A.{state}.SCHEMA_INVALID",
        reason="upstream_schema",
        fact=f"an upstream table breaks its schema: {fact}",
        place=f"{path}, column {column}",
        remedy="bring the upstream table anew",
    )


def _invalid(state: str, reason: str, fact: str, path: Path) -> EngineError:
    return EngineError(
        code=f"6A.{state}.PRIOR_PACK_INVALID",
        reason=reason,
        fact=fact,
        place=str(path),
        remedy="bring the upstream table anew",
    )

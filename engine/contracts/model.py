"""Dataset contracts as frozen values, read from the contract file that the package carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

CONTRACT_FILE = Path(__file__).parent / "datasets_6A.v1.yaml"
WORLD_KEY = ("seed", "manifest_fingerprint", "parameter_hash")
"""The tail columns of a dataset with ``world_key``: constant in a file."""

ColumnType = Literal["i64", "f64", "str"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Column name.
        type: Value type.
        nullable: Whether a null may stand in it; ``always_null`` columns hold nothing else.
        vocabulary: Name of the vocabulary of its words, if any.
        constant: The one word that it holds, if any.
        minimum: Smallest integer allowed, if bounded.
    """

    name: str
    type: ColumnType
    nullable: bool = False
    always_null: bool = False
    vocabulary: str | None = None
    constant: str | None = None
    minimum: int | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column whose values are keys of another dataset."""

    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset.

    Attributes:
        id: Such as ``s1_party_base_6A``.
        state: The state that writes it.
        columns: In order, without the world key.
        world_key: Whether the tail columns ``WORLD_KEY`` stand behind them.
        primary_key: Columns that name a row.
        foreign_keys: Columns that name rows of other datasets.
        order: Columns by which rows ascend; empty where the order follows from cells that are no columns.
        id_column: The entity id, or None.
        id_kind: ``consecutive`` (1..N in written order), ``sparse`` or None.
        path: Path template below the run folder.
        partition_keys: World-key columns that partition it.
    """

    id: str
    state: str
    columns: tuple[Column, ...]
    world_key: bool
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    order: tuple[str, ...]
    id_column: str | None
    id_kind: Literal["consecutive", "sparse"] | None
    path: str
    partition_keys: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All column names of a file, the world key included."""
        own = tuple(column.name for column in self.columns)
        return own + WORLD_KEY if self.world_key else own

    def column(self, name: str) -> Column:
        """A column by name.

        Raises:
            KeyError: If the dataset has none of that name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@lru_cache(maxsize=1)
def datasets() -> Mapping[str, Dataset]:
    """All dataset contracts by id, in the order of the states."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = yaml.load(CONTRACT_FILE.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader
    scope = tree["scopes"]["seed_scoped"]
    return MappingProxyType({key: _dataset(key, entry, scope) for key, entry in tree["datasets"].items()})


def _dataset(key: str, entry: Mapping[str, Any], scope: Mapping[str, Any]) -> Dataset:
    ids = entry.get("ids", {})
    return Dataset(
        id=key,
        state=entry["state"],
        columns=tuple(
            Column(
                name=name,
                type=facts["type"],
                nullable=facts.get("nullable", False),
                always_null=facts.get("always_null", False),
                vocabulary=facts.get("vocabulary"),
                constant=facts.get("constant"),
                minimum=facts.get("min"),
            )
            for name, facts in entry["columns"].items()
        ),
        world_key=entry.get("world_key", False),
        primary_key=tuple(entry["primary_key"]),
        foreign_keys=tuple(
            ForeignKey(column, *target.split(".")) for column, target in entry.get("foreign_keys", {}).items()
        ),
        order=tuple(entry["order"]),
        id_column=ids.get("column"),
        id_kind=ids.get("kind"),
        path=scope["path"].replace("{id}", key),
        partition_keys=tuple(scope["partition_keys"]),
    )

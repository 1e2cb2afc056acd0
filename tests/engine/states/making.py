"""Worlds of a fiftieth of the reference, made by the states alone, as columns."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from functools import cache

import numpy as np

from engine.states.parts import Part
from engine.states.s2 import allocate_accounts, plan_accounts
from engine.states.s2_rows import account_rows, emit_account_base, emit_holdings, emit_summary
from engine.states.s3 import allocate_instruments, plan_counts
from engine.states.s4 import graph_facts, plan_device_counts, plan_ip_counts
from engine.states.s4_rows import emit_ip_base, emit_region
from tests.engine.kernels import worlds

SCALE = 0.02


@dataclasses.dataclass(frozen=True)
class Made:
    """All tables of a world as columns, and its events."""

    tables: dict[str, dict[str, np.ndarray]]
    facts: list
    works: list


def tabulate(parts) -> dict[str, dict[str, np.ndarray]]:
    gathered: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        gathered[part.dataset].append(part)
        assert all(len(values) == part.rows for values in part.columns.values())
    return {
        name: {column: np.concatenate([part.columns[column] for part in held]) for column in held[0].columns}
        for name, held in gathered.items()
    }


def build(world: worlds.World, twin: str = "numpy", rows: int = 1 << 19) -> Made:
    ties = worlds.Stream
    plan = plan_accounts(world.accounts, world.party, world.blocks, ties=ties())
    accounts = allocate_accounts(plan, world.key, ties=ties(), twin=twin)
    table = account_rows(accounts)
    tables = tabulate([*emit_account_base(table, rows=rows), *emit_holdings(accounts, rows=rows), *emit_summary(table)])
    counts = plan_counts(world.instruments, world.instrument, table.runs(), ties=ties())
    work = allocate_instruments(counts, world.key, allocation=ties(), attributes=ties(), rows=rows, twin=twin)
    tables |= tabulate(work)
    devices = plan_device_counts(world.graph, world.graph_words, world.blocks, ties=ties())
    ips = plan_ip_counts(devices, ties=ties())
    works = [emit_region(ips, world.key, region, rows=rows, twin=twin) for region in ips.regions]
    tables |= tabulate([*emit_ip_base(ips, rows=rows), *(part for region in works for part in region)])
    facts = [*plan.facts, *accounts.facts, *counts.facts, *work.facts]
    return Made(tables, [*facts, *devices.facts, *ips.facts, *graph_facts(ips)], works)


@cache
def made(seed: int = 42, twin: str = "numpy", rows: int = 1 << 19) -> Made:
    return build(worlds.small_world(SCALE, seed=seed), twin, rows)


def same(one: Made, other: Made) -> bool:
    return one.facts == other.facts and all(
        np.array_equal(values, other.tables[name][column])
        for name, columns in one.tables.items()
        for column, values in columns.items()
    )

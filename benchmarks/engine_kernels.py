"""Seconds of each kernel of the data engine at a scale of the reference world, without any file.

``python -m benchmarks.engine_kernels [--scale 1.0] [--twin compiled]`` prints one line a step. Compiled code is warmed
on a small world first, so that compilation is told apart.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.kernels import backend
from engine.states.s2 import allocate_accounts, plan_accounts
from engine.states.s2_rows import account_rows, emit_account_base, emit_holdings, emit_summary
from engine.states.s3 import allocate_instruments, plan_counts
from engine.states.s4 import plan_device_counts, plan_ip_counts
from engine.states.s4_rows import emit_ip_base, emit_region
from tests.engine.kernels import worlds


def measure(scale: float, twin: backend.Twin, tell: Callable[[str, float, int], None]) -> None:
    """Run S2 to S4 at this scale and tell (step, seconds, rows)."""
    world = worlds.small_world(scale)

    def timed(name: str, work: Callable[[], Any], rows: Callable[[Any], int]) -> Any:
        start = time.perf_counter()
        result = work()
        tell(name, time.perf_counter() - start, rows(result))
        return result

    def exhaust(parts: Any) -> int:
        return sum(part.rows for part in parts)

    ties = worlds.Stream
    plan = timed(
        "S2 plan", lambda: plan_accounts(world.accounts, world.party, world.blocks, ties=ties()), lambda p: p.total
    )
    accounts = timed(
        "S2 allocate", lambda: allocate_accounts(plan, world.key, ties=ties(), twin=twin), lambda a: a.total
    )
    table = timed("S2 order rows", lambda: account_rows(accounts), lambda t: len(t.owner))
    timed("S2 emit account base", lambda: exhaust(emit_account_base(table)), int)
    timed("S2 emit holdings", lambda: exhaust(emit_holdings(accounts)), int)
    timed("S2 emit summary", lambda: exhaust(emit_summary(table)), int)
    counts = timed(
        "S3 plan",
        lambda: plan_counts(world.instruments, world.instrument, table.runs(), ties=ties()),
        lambda p: p.total,
    )
    timed(
        "S3 allocate and emit",
        lambda: exhaust(allocate_instruments(counts, world.key, allocation=ties(), attributes=ties(), twin=twin)),
        int,
    )
    devices = timed(
        "S4 plan devices",
        lambda: plan_device_counts(world.graph, world.graph_words, world.blocks, ties=ties()),
        lambda p: p.total,
    )
    ips = timed("S4 plan ips", lambda: plan_ip_counts(devices, ties=ties()), lambda p: p.total)
    timed("S4 emit ip base", lambda: exhaust(emit_ip_base(ips)), int)
    works = [emit_region(ips, world.key, region, twin=twin) for region in ips.regions]
    timed("S4 regions", lambda: sum(exhaust(work) for work in works), int)
    loads = np.concatenate([work.loads for work in works])
    linked = loads[loads > 0]
    print(
        f"overflow {accounts.overflow} dropped {accounts.dropped} holdings {int((accounts.counts > 0).sum())}; "
        f"links {sum(work.links for work in works)} dropped {sum(work.dropped for work in works)} "
        f"devices an address p99 {np.quantile(linked, 0.99)} max {linked.max()}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--twin", choices=["numpy", "compiled"], default="compiled")
    options = parser.parse_args()
    start = time.perf_counter()
    measure(0.02, options.twin, lambda *_: None)
    print(f"warm-up (compilation where the cache is cold): {time.perf_counter() - start:.2f} s")
    total = 0.0

    def tell(name: str, seconds: float, rows: int) -> None:
        nonlocal total
        total += seconds
        print(f"{name:24} {seconds:8.3f} s  {rows:12,} rows")

    measure(options.scale, options.twin, tell)
    print(f"{'all':24} {total:8.3f} s; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()

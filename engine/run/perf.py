"""Seconds of every substep, as the performance lanes read them.

Steps that alternate (taking parts from a kernel, handing them to a writer) add up under their names; a row is
written a step once the state ends. Writing them never fails a state: the timings are no part of the world.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from engine.files import json_bytes, json_lines, read_json, write_whole
from engine.run.layout import PERF, RunLayout
from engine.run.receipt import now

T = TypeVar("T")

STEPS: dict[str, tuple[str, ...]] = {
    "S2": (
        "load_contracts_inputs",
        "load_party_base",
        "allocate_accounts",
        "emit_account_base",
        "emit_holdings",
        "emit_summary",
        "rng_publish",
    ),
    "S3": (
        "load_contracts_inputs",
        "load_account_base",
        "plan_counts",
        "allocate_instruments",
        "emit_instrument_base_links",
        "rng_publish",
    ),
    "S4": (
        "load_contracts_inputs",
        "load_party_base",
        "plan_device_counts",
        "plan_ip_counts",
        "emit_ip_base",
        "emit_regions",
        "merge_parts",
        "rng_publish",
    ),
    "S5": (
        "load_contracts_inputs",
        "assign_party_roles",
        "assign_account_roles",
        "assign_merchant_roles",
        "assign_device_roles",
        "assign_ip_roles",
        "validation_checks",
        "bundle_publish",
        "rng_publish",
    ),
}
"""Substeps of the timed states, in order."""

BUDGET_S = {"S2": 120.0, "S3": 180.0, "S4": 90.0, "S5": 120.0}
SEGMENT_BUDGET_S = 540.0

PERF_EVENTS = "{state}_perf_events_6A.jsonl"
PERF_SUMMARY = "perf_summary_6A.json"
PERF_BUDGET = "perf_budget_check_6A.json"


class Recorder:
    """Seconds by step of one state."""

    def __init__(self, state: str) -> None:
        self.state = state
        self._seconds = dict.fromkeys(STEPS.get(state, ()), 0.0)
        self._failed: tuple[str, str] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block under a step's name."""
        start = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self._failed = (name, type(error).__name__)
            raise
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def each(self, name: str, values: Iterable[T]) -> Iterator[T]:
        """Time how long an iterator takes to make its values."""
        source = iter(values)
        while True:
            with self.step(name):
                value = next(source, None)
            if value is None:
                return
            yield value

    def write(self, layout: RunLayout) -> None:
        """Write the state's event rows; a failure to is no failure of the state."""
        if self.state not in STEPS:
            return
        rows = []
        for sequence, (step, seconds) in enumerate(self._seconds.items(), start=1):
            failed = self._failed is not None and self._failed[0] == step
            row: dict[str, Any] = {
                "segment": "6A",
                "state": self.state,
                "step": step,
                "sequence": sequence,
                "elapsed_s": round(seconds, 6),
                "status": "error" if failed else "ok",
                **_identity(layout),
            }
            if failed and self._failed is not None:
                row["error_type"] = self._failed[1]
            rows.append(row)
        with suppress(OSError):
            write_whole(layout.path(PERF) / PERF_EVENTS.format(state=self.state.lower()), json_lines(rows))


def write_summary(layout: RunLayout) -> None:
    """Summarise the events of all states and hold them against the budgets.

    A state whose events are missing is named in ``states_absent`` and fails the budget: what was not measured was
    not within it.
    """
    folder = layout.path(PERF)
    rows: list[tuple[str, str, float]] = []
    for state in STEPS:
        with suppress(OSError, ValueError, KeyError, TypeError):  # a log that says nothing is one that is missing
            text = (folder / PERF_EVENTS.format(state=state.lower())).read_text(encoding="ascii")
            read = [read_json(line) for line in text.splitlines()]
            rows += [(str(row["state"]), str(row["step"]), float(row["elapsed_s"])) for row in read]
    steps: dict[str, dict[str, float]] = {}
    for name, step, elapsed_s in rows:
        of = steps.setdefault(name, {})
        of[step] = of.get(step, 0.0) + elapsed_s
    totals = {state: round(sum(of.values()), 6) for state, of in steps.items()}
    ranking = [
        {"state": state, "step": step, "elapsed_s": seconds}
        for state, of in steps.items()
        for step, seconds in of.items()
    ]
    ranking.sort(key=lambda row: (-float(str(row["elapsed_s"])), str(row["state"]), str(row["step"])))
    identity = _identity(layout)
    summary = {
        "segment": "6A",
        **identity,
        "event_rows_parsed": len(rows),
        "state_totals_s": totals,
        "state_step_totals_s": steps,
        "hotspot_ranking": ranking,
    }
    absent = sorted(set(STEPS) - set(totals))
    checks = {
        state: {"elapsed_s": totals.get(state), "budget_s": budget, "pass": totals.get(state, budget + 1.0) <= budget}
        for state, budget in BUDGET_S.items()
    }
    segment = round(sum(totals.values()), 6)
    within = not absent and segment <= SEGMENT_BUDGET_S
    check = {
        "segment": "6A",
        **identity,
        "states_absent": absent,
        "state_budget_checks": checks,
        "segment_elapsed_s": segment,
        "segment_budget_s": SEGMENT_BUDGET_S,
        "segment_budget_pass": within,
        "overall_budget_pass": within and all(item["pass"] for item in checks.values()),
    }
    with suppress(OSError):
        write_whole(folder / PERF_SUMMARY, json_bytes(summary))
        write_whole(folder / PERF_BUDGET, json_bytes(check))


def _identity(layout: RunLayout) -> dict[str, Any]:
    world = layout.world
    return {
        "captured_utc": now(),
        "run_id": world.run_id,
        "seed": world.seed,
        "parameter_hash": world.parameter_hash,
        "manifest_fingerprint": world.manifest_fingerprint,
    }

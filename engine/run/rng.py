"""The random-number log of a state: what every event took from its counter stream, and a validator that adds it up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.files import json_lines, read_json, reading
from engine.kernels.ties import CounterStream
from engine.run.layout import AUDIT, EVENTS, TRACE, RunLayout
from engine.run.receipt import now
from engine.states.parts import DrawFact

ALGORITHM = "philox2x64-10"
LABELS: dict[str, tuple[str, ...]] = {
    "S1": ("party_count_realisation", "party_attribute_sampling"),
    "S2": ("account_count_realisation", "account_allocation_sampling", "account_attribute_sampling"),
    "S3": ("instrument_count_realisation", "instrument_allocation_sampling", "instrument_attribute_sampling"),
    "S4": (
        "device_count_realisation",
        "device_allocation_sampling",
        "device_attribute_sampling",
        "ip_count_realisation",
        "ip_allocation_sampling",
        "ip_attribute_sampling",
    ),
    "S5": tuple(f"fraud_role_sampling_{entity}" for entity in ("party", "account", "merchant", "device", "ip")),
}
"""Substreams of every state."""

_HASHED = frozenset(LABELS["S5"])
"""Substreams that draw by keyed hashes of ids alone: their draws are rows, and no counter moves."""

_WRAP = (1 << 128) - 1
_REMEDY = "the log was altered, or a kernel took draws that it did not report: start a run of its own"


@dataclass
class RngLog:
    """Streams of one state, and the log of what was taken from them.

    Attributes:
        layout: Where the run lies.
        state: ``S1`` to ``S5``.
    """

    layout: RunLayout
    state: str
    _streams: dict[str, CounterStream] = field(default_factory=dict)

    def stream(self, label: str) -> CounterStream:
        """The counter stream of a label, the same each time."""
        if label not in self._streams:
            self._streams[label] = stream_of(self.layout, label)
        return self._streams[label]

    def files(self, facts: Sequence[DrawFact]) -> dict[Path, bytes]:
        """Event files of the state by their final path; equal draws give equal bytes but for the times.

        Raises:
            EngineError: RNG_ACCOUNTING_MISMATCH of the state where events and counters disagree.
        """
        events: dict[str, list[dict[str, Any]]] = {label: [] for label in LABELS[self.state]}
        for fact in facts:
            if fact.label not in events:
                raise _mismatch(self.state, fact.label, "an event of a label that is none of the state's", fact.label)
            events[fact.label].append(self._event(fact, events[fact.label]))
        files = {}
        for label, rows in events.items():
            place = self.layout.path(EVENTS, label=label)
            _adds_up(self.layout, self.state, label, rows, str(place))
            end = self.stream(label)
            if rows and label not in _HASHED and _after(rows[-1]) != _counter(end.hi, end.lo):
                raise _mismatch(self.state, label, "draws were taken that no event reports", str(place))
            files[place] = json_lines(rows)
        return files

    def _event(self, fact: DrawFact, before_it: Sequence[dict[str, Any]]) -> dict[str, Any]:
        world = self.layout.world
        hashed = fact.label in _HASHED
        if fact.reservations:
            first = fact.reservations[0]
            before = _counter(first.hi, first.lo)
        elif hashed:
            before = 0
        elif before_it:
            before = _after(before_it[-1])
        else:
            start = stream_of(self.layout, fact.label)
            before = _counter(start.hi, start.lo)
        blocks = sum(item.blocks for item in fact.reservations)
        draws = sum(item.draws for item in fact.reservations)
        after = (before + blocks) & _WRAP
        return {
            "ts_utc": now(),
            "run_id": world.run_id,
            "seed": world.seed,
            "parameter_hash": world.parameter_hash,
            "manifest_fingerprint": world.manifest_fingerprint,
            "module": f"6A.{self.state}",
            "substream_label": fact.label,
            "rng_counter_before_hi": before >> 64,
            "rng_counter_before_lo": before & (2**64 - 1),
            "rng_counter_after_hi": after >> 64,
            "rng_counter_after_lo": after & (2**64 - 1),
            "draws": str(fact.context["rows"] if hashed else draws),
            "blocks": blocks,
            "context": dict(fact.context),
        }


def stream_of(layout: RunLayout, label: str) -> CounterStream:
    """A label's counter stream at its beginning."""
    world = layout.world
    return CounterStream(
        label,
        manifest_fingerprint=world.manifest_fingerprint,
        parameter_hash=world.parameter_hash,
        seed=world.seed,
    )


def trace_rows(layout: RunLayout, state: str, files: dict[Path, bytes]) -> list[dict[str, Any]]:
    """One row a substream of the state: where its counter stood and stands, and the sums of its events."""
    rows = []
    for label in LABELS[state]:
        events = [read_json(line) for line in files[layout.path(EVENTS, label=label)].splitlines()]
        start = stream_of(layout, label)
        before = events[0] if events else None
        first = _before(before) if before else _counter(start.hi, start.lo)
        last = _after(events[-1]) if events else first
        rows.append(
            {
                "ts_utc": now(),
                "run_id": layout.world.run_id,
                "seed": layout.world.seed,
                "module": f"6A.{state}",
                "substream_label": label,
                "rng_counter_before_hi": first >> 64,
                "rng_counter_before_lo": first & (2**64 - 1),
                "rng_counter_after_hi": last >> 64,
                "rng_counter_after_lo": last & (2**64 - 1),
                "draws_total": sum(int(event["draws"]) for event in events),
                "blocks_total": sum(event["blocks"] for event in events),
                "events_total": len(events),
            }
        )
    return rows


def merged_trace(layout: RunLayout, state: str, rows: list[dict[str, Any]]) -> bytes:
    """The trace log with this state's rows in place of those it had."""
    path = layout.path(TRACE)
    kept: list[dict[str, Any]] = []
    if path.is_file():
        with reading(state, path):
            kept = [row for row in _log(path) if row["module"] != f"6A.{state}"]
    return json_lines(kept + rows)


def audit_row(layout: RunLayout) -> dict[str, Any]:
    """The run's row of the audit log."""
    world = layout.world
    return {
        "ts_utc": now(),
        "run_id": world.run_id,
        "seed": world.seed,
        "manifest_fingerprint": world.manifest_fingerprint,
        "parameter_hash": world.parameter_hash,
        "algorithm": ALGORITHM,
        "build_commit": os.environ.get("ENGINE_GIT_COMMIT", "0").rjust(64, "0")[-64:],
        "notes": "counter streams for sizes and ties, keyed hashes for entities",
    }


def verify_rng(layout: RunLayout) -> dict[str, int]:
    """Prove from the logs alone that every counter adds up.

    Every substream starts where the world's identity puts it, every event begins where the one before ended, blocks
    are what the counter moved, draws fit into the blocks, and the trace sums its events.

    Returns:
        Events by label.

    Raises:
        EngineError: IO_READ_FAILED; RNG_ACCOUNTING_MISMATCH naming file and line.
    """
    path = layout.path(TRACE)
    with reading("S5", path):
        trace = {row["substream_label"]: row for row in _log(path)}
    counts: dict[str, int] = {}
    for state, labels in LABELS.items():
        for label in labels:
            place = layout.path(EVENTS, label=label)
            with reading(state, place):
                events = _log(place)
                _adds_up(layout, state, label, events, str(place))
                expected = {"draws_total": sum(int(row["draws"]) for row in events), "events_total": len(events)}
                expected["blocks_total"] = sum(row["blocks"] for row in events)
            found = trace.get(label, {})
            for name, value in expected.items():
                if found.get(name) != value:
                    raise _mismatch(state, label, f"the trace says {name} {found.get(name)}, the events {value}", path)
            counts[label] = len(events)
    audit = layout.path(AUDIT)
    with reading("S5", audit):
        if not any(row["run_id"] == layout.world.run_id for row in _log(audit)):
            raise _mismatch("S5", "audit", "the audit log has no row of this run", audit)
    return counts


def _log(path: Path) -> list[dict[str, Any]]:
    """The rows of a log.

    Raises:
        OSError: It cannot be read.
        ValueError: A line is no JSON.
        TypeError: A line is no object.
    """
    rows = [read_json(line) for line in path.read_text(encoding="ascii").splitlines()]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise TypeError(f"line {number} is no object")
    return rows


def _adds_up(layout: RunLayout, state: str, label: str, events: Sequence[dict[str, Any]], place: str) -> None:
    start = stream_of(layout, label)
    hashed = label in _HASHED
    at = 0 if hashed else _counter(start.hi, start.lo)
    for line, event in enumerate(events, start=1):
        problem = None
        moved = (_after(event) - _before(event)) & _WRAP
        if _before(event) != at:
            problem = "the event does not begin where the one before ended"
        elif moved != event["blocks"] or (hashed and moved):
            problem = f"the counter moved by {moved}, the event says {event['blocks']} blocks"
        elif not hashed and not event["blocks"] <= int(event["draws"]) <= 2 * event["blocks"]:
            problem = f"{event['draws']} draws do not fit {event['blocks']} blocks"
        if problem is not None:
            raise _mismatch(state, label, problem, f"{place}:{line}")
        at = _after(event)


def _counter(hi: int, lo: int) -> int:
    return (hi << 64) + lo


def _before(event: dict[str, Any]) -> int:
    return _counter(event["rng_counter_before_hi"], event["rng_counter_before_lo"])


def _after(event: dict[str, Any]) -> int:
    return _counter(event["rng_counter_after_hi"], event["rng_counter_after_lo"])


def _mismatch(state: str, label: str, fact: str, place: str | Path) -> EngineError:
    return EngineError(
        code=f"6A.{state}.RNG_ACCOUNTING_MISMATCH",
        reason="counters_do_not_add_up",
        fact=f"{label}: {fact}",
        place=str(place),
        remedy=_REMEDY,
    )

"""Publication of a state: tables are written aside, made durable, renamed together, and receipted last.

The state receipt is the commit: a state without one is not there, whatever files a crash left, and is made anew; a
state with one is never written again. It carries the digests by which later states hold what they read.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Vocabularies, datasets, probe
from engine.errors import EngineError
from engine.files import durable, file_digest, json_bytes, json_lines, read_json, reading, write_durable, writing
from engine.run import rng
from engine.run.layout import AUDIT, STATE, TRACE, RunLayout
from engine.run.perf import Recorder
from engine.run.tables import TableFacts, TableWriter
from engine.states.parts import DrawFact, Part


@dataclass(frozen=True, slots=True)
class StateReceipt:
    """What a state published.

    Attributes:
        state: ``S1`` to ``S5``.
        tables: Dataset id to its facts.
        notes: Figures and warnings of the state.
    """

    state: str
    tables: dict[str, TableFacts]
    notes: dict[str, Any]


class Publication:
    """Tables of one state on their way to their final place."""

    def __init__(self, layout: RunLayout, state: str, words: Vocabularies, *, workers: int) -> None:
        """Clear what a crash of the same state left, and open a folder aside."""
        self._layout, self._state, self._words = layout, state, words
        self._threaded = workers > 1
        self._writers: dict[str, TableWriter] = {}
        self._aside = layout.root / "tmp" / f"{state.lower()}_{secrets.token_hex(16)}"
        with writing(state, layout.root):
            for left in (layout.root / "tmp").glob(f"{state.lower()}_*"):
                shutil.rmtree(left)
            _place(layout, state).unlink(missing_ok=True)  # first: a receipt never outlives its tables
            for path in layout.tables(state).values():
                path.unlink(missing_ok=True)
            self._aside.mkdir(parents=True)

    def put(self, part: Part) -> None:
        """Write the next rows of a dataset.

        Raises:
            EngineError: As ``TableWriter.put``.
        """
        writer = self._writers.get(part.dataset)
        if writer is None:
            path = self._aside / f"{part.dataset}.parquet"
            contract = datasets()[part.dataset]
            writer = TableWriter(path, contract, self._words, self._layout.world, threaded=self._threaded)
            self._writers[part.dataset] = writer
        writer.put(part)

    def take(self, parts: Iterable[Part], perf: Recorder, made: str, written: str) -> None:
        """Write all parts of an iterator, timing how long they take to make and to hand over."""
        for part in perf.each(made, parts):
            with perf.step(written):
                self.put(part)

    def tables(self) -> dict[str, tuple[Path, TableFacts]]:
        """Finish the tables: their files aside, and what they hold.

        Raises:
            EngineError: As ``TableWriter.close``.
        """
        with ThreadPoolExecutor(max(1, len(self._writers))) as pool:
            facts = list(pool.map(TableWriter.close, self._writers.values()))
        return {item.dataset: (self._aside / f"{item.dataset}.parquet", item) for item in facts}

    def commit(
        self,
        tables: dict[str, tuple[Path, TableFacts]],
        facts: Sequence[DrawFact],
        log: rng.RngLog,
        notes: dict[str, Any],
    ) -> StateReceipt:
        """Move tables and logs to their place, and receipt the state.

        All of it is written aside before anything moves, so that a disk that fills up publishes nothing.

        Raises:
            EngineError: RNG_ACCOUNTING_MISMATCH, IO_WRITE_FAILED.
        """
        layout, state = self._layout, self._state
        events = log.files(facts)
        trace = rng.merged_trace(layout, state, rng.trace_rows(layout, state, events))
        receipt = StateReceipt(state, {name: item for name, (_, item) in tables.items()}, notes)
        files = {**events, layout.path(TRACE): trace}
        if not layout.path(AUDIT).is_file():
            files[layout.path(AUDIT)] = json_lines([rng.audit_row(layout)])
        files[_place(layout, state)] = json_bytes(asdict(receipt))  # last: it is what makes the rest count
        with writing(state, layout.root):
            moves = [(path, layout.table(name)) for name, (path, _) in tables.items()]
            for number, (final, raw) in enumerate(files.items()):
                path = self._aside / f"{number}_{final.name}"
                write_durable(path, raw)
                moves.append((path, final))
            for path, final in moves:
                final.parent.mkdir(parents=True, exist_ok=True)
                path.replace(final)
                durable(final.parent)
            shutil.rmtree(self._aside)
        return receipt

    def finish(
        self, perf: Recorder, log: rng.RngLog, facts: Sequence[DrawFact], written: str, notes: dict[str, Any]
    ) -> StateReceipt:
        """Finish the tables, timed under a step's name, and commit.

        Raises:
            EngineError: As ``tables`` and ``commit``.
        """
        with perf.step(written):
            tables = self.tables()
        with perf.step("rng_publish"):
            return self.commit(tables, facts, log, notes)

    def abandon(self) -> None:
        """Leave nothing behind but what the state had published before."""
        for writer in self._writers.values():
            writer.abandon()
        shutil.rmtree(self._aside, ignore_errors=True)


def published(layout: RunLayout, state: str) -> StateReceipt | None:
    """What a state published, or None; files are looked at, not read.

    Raises:
        EngineError: IO_READ_FAILED; IO_WRITE_CONFLICT of the state where a receipted file is gone or of another size.
    """
    path = _place(layout, state)
    if not path.is_file():
        return None
    with reading(state, path):
        tree = read_json(path.read_bytes())
        tables = {name: TableFacts(**facts) for name, facts in tree["tables"].items()}
        receipt = StateReceipt(tree["state"], tables, tree["notes"])
    for name, facts in receipt.tables.items():
        file = layout.table(name)
        if not file.is_file() or file.stat().st_size != facts.bytes:
            raise _altered(layout, state, name, "is gone" if not file.is_file() else "has another size")
    return receipt


def trusted(layout: RunLayout, dataset: str, asking: str, words: Vocabularies) -> Path:
    """The file of an earlier state's dataset, held against that state's receipt, and its head against the contract.

    A receipt is not signed: the contract is what refuses the table of another world whose receipt came with it.

    Raises:
        EngineError: ``<earlier state>_GATE_FAILED`` of the asking state where the earlier one has not run;
            IO_WRITE_CONFLICT of the earlier one where its file was altered; as ``probe``.
    """
    state = datasets()[dataset].state
    receipt = published(layout, state)
    if receipt is None:
        raise EngineError(
            code=f"6A.{asking}.{state}_GATE_FAILED",
            reason="state_not_published",
            fact=f"{asking} reads {dataset}, and {state} has not published it",
            place=str(_place(layout, state)),
            remedy=f"run {state} first",
        )
    path = layout.table(dataset)
    if file_digest(path) != receipt.tables[dataset].sha256:
        raise _altered(layout, state, dataset, "has other bytes")
    probe(path, datasets()[dataset], words, layout.world)
    return path


def _place(layout: RunLayout, state: str) -> Path:
    return layout.path(STATE, state=state.lower())


def _altered(layout: RunLayout, state: str, dataset: str, fact: str) -> EngineError:
    return EngineError(
        code=f"6A.{state}.IO_WRITE_CONFLICT",
        reason="published_table_altered",
        fact=f"{dataset} {fact} since {state} published it",
        place=str(layout.table(dataset)),
        remedy="bring the published file back, or start a run of its own",
    )

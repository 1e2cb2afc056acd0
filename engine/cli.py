"""The command line: ``run`` for a whole world, one command a state, ``digests`` and ``verify`` to check one."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.config import load_packs
from engine.errors import EngineError
from engine.run.context import open_context
from engine.run.layout import RunLayout
from engine.run.listing import refuse_unlisted
from engine.run.pipeline import STATES, Outcome, run_states, start_run
from engine.run.prune import plan_prune
from engine.run.prune import prune as prune_runs
from engine.run.publish import published, trusted
from engine.run.receipt import newest_run, read_receipt
from engine.run.rng import verify_rng
from engine.run.tables import value_digest
from engine.validation import FOLDER, verify_bundle

EXIT_FAILED = 4
"""A named failure: bad input, a gate that did not open, a world that does not pass."""
EXIT_INTERRUPTED = 130
_TRACEBACK = "ENGINE_TRACEBACK"

app = typer.Typer(
    name="engine",
    help="Makes the world of segment 6A: parties, accounts, instruments, devices, addresses, fraud roles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out, _err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

RunsRoot = Annotated[Path, typer.Option("--runs-root", envvar="ENGINE_RUNS_ROOT", help="Folder of all runs.")]
RunId = Annotated[str | None, typer.Option("--run-id", help="An existing run; the newest where left out.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=2, help="2 writes tables beside the computation.")]


@app.command()
def run(
    runs_root: RunsRoot = Path("runs/engine"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draws.")] = 42,
    scale: Annotated[float, typer.Option("--scale", help="1.0 is the reference world.")] = 1.0,
    states: Annotated[str, typer.Option("--states", help="Such as S0..S5 or S3.")] = "S0..S5",
    run_id: Annotated[str | None, typer.Option("--run-id", help="Goes on with this run.")] = None,
    workers: Workers = 2,
) -> None:
    """Make a world from its seed; a run that is there already goes on where it stopped."""
    chosen = _states(states)
    receipt = start_run(runs_root, seed=seed, scale=scale, run_id=run_id)
    _out.print(f"run {receipt.run_id}  seed {seed}  scale {scale:g}")
    _go(runs_root, receipt.run_id, chosen, workers)


@app.command()
def digests(runs_root: RunsRoot = Path("runs/engine"), run_id: RunId = None) -> None:
    """Recompute the digest of every table's values from the files, as JSON."""
    run_id = run_id or newest_run(runs_root)
    receipt = read_receipt(runs_root, run_id)
    layout = RunLayout(runs_root, receipt.world)
    context = open_context(layout, receipt, load_packs(), "S5", workers=1)
    found = {
        name: value_digest(trusted(layout, name, state, context.words), name, context.words, layout.world)
        for state in STATES[1:]
        if (made := published(layout, state)) is not None
        for name in made.tables
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


@app.command()
def verify(runs_root: RunsRoot = Path("runs/engine"), run_id: RunId = None) -> None:
    """Check a finished run: seals, digests, random-number accounting, bundle, flag, and that nothing lies beside."""
    run_id = run_id or newest_run(runs_root)
    receipt = read_receipt(runs_root, run_id)
    layout = RunLayout(runs_root, receipt.world)
    context = open_context(layout, receipt, load_packs(), "S5", workers=1)
    tables = [trusted(layout, name, state, context.words) for state in STATES[1:] for name in layout.tables(state)]
    events = verify_rng(layout)
    digest = verify_bundle(layout.path(FOLDER))
    refuse_unlisted(layout, context.sealed)
    _out.print(f"run {run_id} holds: {len(tables)} tables, {sum(events.values())} events, flag {digest}")


@app.command()
def prune(
    keep: Annotated[list[str], typer.Option("--keep", help="A run that must stay; repeatable.")],
    runs_root: RunsRoot = Path("runs/engine"),
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it nothing is touched.")] = False,
) -> None:
    """Remove the runs that neither the keep set nor another run needs; a dry run unless told otherwise."""
    chosen = plan_prune(runs_root, keep)
    for name, why in sorted(chosen.keep.items()):
        _out.print(f"keep          {name} ({why})", markup=False)
    for path in chosen.remove:
        _out.print(f"{'remove' if yes else 'would remove'}  {path}", markup=False)
    if chosen.remove and not yes:
        _out.print(f"nothing was touched: {len(chosen.remove)} would go with --yes")
    receipt = prune_runs(chosen, datetime.now(UTC)) if yes else None
    if receipt is not None:
        _out.print(f"receipt: {receipt}", markup=False)


def _one(state: str, name: str) -> None:
    def command(runs_root: RunsRoot = Path("runs/engine"), run_id: RunId = None, workers: Workers = 2) -> None:
        _go(runs_root, run_id or newest_run(runs_root), (state,), workers)

    app.command(name, help=f"Run {state} of an existing run.")(command)


for _state, _name in zip(
    STATES,
    (
        "s0_gate_6a",
        "s1_party_base_6a",
        "s2_account_base_6a",
        "s3_instrument_base_6a",
        "s4_device_graph_6a",
        "s5_fraud_posture_6a",
    ),
    strict=True,
):
    _one(_state, _name)


def main() -> None:
    """Run the command line; a failure ends with its code, its place and its remedy."""
    try:
        code = app(standalone_mode=False) or 0  # typer hands the code of an exit back, and makes Ctrl-C one
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except typer.Abort as error:
        # typer makes one of every end of file below it, such as that of a truncated file, as well as of a prompt's.
        code = _tell(error.__cause__) if isinstance(error.__cause__, EOFError) else EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a message and a code
        code = _tell(error)
    if code == EXIT_INTERRUPTED:
        _err.print("stopped; what was published stays")
    sys.exit(code)


def _tell(error: Exception) -> int:
    """Tell the user an error, and return its exit code."""
    # typer brings its own copy of click or the real one, by version: both know how to show their errors.
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        error.show()
        return int(error.exit_code)
    if not isinstance(error, EngineError):
        error = _named(error)
    _err.print(f"{error.code} ({error.reason}): {error.fact}", style="red", markup=False)
    _err.print(f"  place:  {error.place}\n  remedy: {error.remedy}", markup=False)
    return EXIT_FAILED


def _named(error: Exception) -> EngineError:
    """An error that no state foresaw, as a failure with a name."""
    if isinstance(error, OSError) and error.strerror:
        return EngineError(
            code="6A.S0.IO_FAILED",
            reason="system_refused",
            fact=f"the system refuses: {error.strerror}",
            place=str(error.filename or "engine"),
            remedy="fix what the system says, then go on with --run-id",
        )
    if _TRACEBACK in os.environ:
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return EngineError(
        code="6A.S0.INTERNAL",
        reason="defect",
        fact=f"{type(error).__name__}: {error}",
        place=f"{frame.filename}:{frame.lineno}",
        remedy=f"this is a defect: report it with what {_TRACEBACK}=1 in the environment prints",
    )


def _states(text: str) -> tuple[str, ...]:
    first, _, last = text.partition("..")
    try:
        low, high = STATES.index(first), STATES.index(last or first)
    except ValueError:
        low, high = 1, 0
    if low > high:
        raise EngineError(
            code="6A.S0.STATES_INVALID",
            reason="states_malformed",
            fact=f"{text!r} names no states",
            place="--states",
            remedy="give one of S0 to S5, or a range such as S0..S5",
        )
    return STATES[low : high + 1]


def _go(runs_root: Path, run_id: str, states: tuple[str, ...], workers: int) -> None:
    start = time.perf_counter()

    def tell(outcome: Outcome) -> None:
        rows = ", ".join(f"{name.removesuffix('_6A')} {count:,}" for name, count in outcome.rows.items())
        done = "made" if outcome.done else "there"
        _out.print(f"{outcome.state}  {done:5}  {time.perf_counter() - start:7.2f} s  {rows}", markup=False)

    try:
        outcomes = run_states(runs_root, run_id, states, workers=workers, tell=tell)
    except KeyboardInterrupt:
        _err.print(f"stopped; what was published stays. Go on with --run-id {run_id}", markup=False)
        sys.exit(EXIT_INTERRUPTED)
    for outcome in outcomes:
        for warning in outcome.notes.get("warnings", ()):
            _err.print(f"{outcome.state}: warning: {warning}", style="yellow", markup=False)
    last = outcomes[-1]
    if last.state == "S5":
        _out.print(f"validation {last.notes['validation']}: {last.notes['checks']}", markup=False)
    _out.print(f"{runs_root / run_id}", markup=False)

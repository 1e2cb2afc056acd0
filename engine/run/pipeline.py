"""The states in their order: what each reads, makes and publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import Packs, load_packs
from engine.errors import EngineError
from engine.kernels.hashing import KERNEL_VERSION
from engine.run import receipt, rng, seal
from engine.run.context import RunContext, open_context
from engine.run.layout import GATE, RECEIPT, SEALED, RunLayout
from engine.run.perf import Recorder, write_summary
from engine.run.posture import run_s5
from engine.run.publish import Publication, StateReceipt, published
from engine.run.receipt import RunReceipt
from engine.run.world import run_s1, run_s2, run_s3, run_s4
from engine.states import s1
from engine.upstream import REFERENCE_SEED, build_upstream, write_upstream
from engine.validation import FOLDER, verify_bundle
from engine.validation.bundle import FLAG

STATES = ("S0", "S1", "S2", "S3", "S4", "S5")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a state in this call.

    Attributes:
        state: ``S0`` to ``S5``.
        done: False where it had been published before.
        rows: Rows by dataset.
        notes: Figures and warnings.
    """

    state: str
    done: bool
    rows: dict[str, int]
    notes: dict[str, Any]


def start_run(runs_root: Path, *, seed: int, scale: float, run_id: str | None = None) -> RunReceipt:
    """Make a run: its folder, its synthetic upstream world, its receipt.

    A run of that id which is there already is taken up, if it is the same.

    Raises:
        EngineError: 6A.S0.SEED_INVALID, SCALE_INVALID, RUN_ID_INVALID; 6A.S0.IO_WRITE_CONFLICT
            (``run_inputs_differ``) naming what differs; 6A.S0.IO_WRITE_FAILED; as ``load_packs``.
    """
    receipt.checked_seed(seed)
    run_id = receipt.new_run_id() if run_id is None else receipt.checked_run_id(run_id)
    packs = load_packs()
    parameter_hash = packs.parameter_hash(KERNEL_VERSION)
    if (runs_root / run_id / RECEIPT).is_file():
        known = receipt.read_receipt(runs_root, run_id)
        asked = {"seed": seed, "scale": scale, "parameter_hash": parameter_hash}
        other = {name: getattr(known, name) for name, value in asked.items() if getattr(known, name) != value}
        if other:
            raise EngineError(
                code="6A.S0.IO_WRITE_CONFLICT",
                reason="run_inputs_differ",
                fact="the run has " + ", ".join(f"{name} {was}, not {asked[name]}" for name, was in other.items()),
                place=str(runs_root / run_id),
                remedy="leave --run-id out to start a run of its own",
            )
        return known
    upstream = build_upstream(
        scale,
        lambda name: s1.reference_multiplier(
            packs.population_priors, manifest_fingerprint=name, parameter_hash=parameter_hash, seed=REFERENCE_SEED
        ),
    )
    made = RunReceipt(run_id, seed, scale, parameter_hash, upstream.manifest_fingerprint, receipt.now(), str(runs_root))
    with receipt.sole_writer(runs_root / run_id):
        write_upstream(runs_root / run_id, upstream, seed)
        made.write(runs_root)
    return made


def run_states(
    runs_root: Path,
    run_id: str,
    states: Sequence[str] = STATES,
    *,
    workers: int = 2,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Run states of a run in their order; those that are published are left as they are.

    Args:
        runs_root: Folder of all runs.
        run_id: The run.
        states: Which.
        workers: 1 or 2; the world does not depend on it.
        tell: Called after each state.

    Raises:
        EngineError: Of the first state that fails; nothing of it is published.
    """
    run = receipt.read_receipt(runs_root, run_id)
    layout, packs = RunLayout(runs_root, run.world), load_packs()
    outcomes: list[Outcome] = []
    with receipt.sole_writer(layout.root):
        context: RunContext | None = None
        for state in [name for name in STATES if name in states]:
            if state == "S0":
                outcome = _seal(layout, run, packs)
            elif (before := _done(layout, state)) is not None:
                outcome = _outcome(before, done=False)
            else:
                context = context or open_context(layout, run, packs, state, workers=workers)
                outcome = _outcome(_run(context, state), done=True)
            outcomes.append(outcome)
            tell(outcome)
        for outcome in outcomes:
            if outcome.state == "S5" and outcome.notes["validation"] == "FAIL":
                raise _failed(layout, outcome)
    return outcomes


def _done(layout: RunLayout, state: str) -> StateReceipt | None:
    """What a state published; None where it has to run: a world that passed and has no flag was stopped before it."""
    made = published(layout, state)
    if state != "S5" or made is None or made.notes["validation"] != "PASS":
        return made
    folder = layout.path(FOLDER)
    if not (folder / FLAG).exists():
        return None
    verify_bundle(folder)
    return made


def _seal(layout: RunLayout, run: RunReceipt, packs: Packs) -> Outcome:
    before = layout.path(SEALED).is_file() and layout.path(GATE).is_file()
    sealed = seal.seal(layout, packs)
    return Outcome("S0", not before, {"sealed_inputs_6A": len(sealed.rows)}, {"scale": run.scale})


def _outcome(made: StateReceipt, *, done: bool) -> Outcome:
    return Outcome(made.state, done, {name: facts.rows for name, facts in made.tables.items()}, made.notes)


def _run(context: RunContext, state: str) -> StateReceipt:
    perf, log = Recorder(state), rng.RngLog(context.layout, state)
    publication = Publication(context.layout, state, context.words, workers=context.workers)
    try:
        made = _STATES[state](context, perf, log, publication)
    except BaseException:
        publication.abandon()
        raise
    finally:
        perf.write(context.layout)
    if state == "S5":
        write_summary(context.layout)
    return made


def _failed(layout: RunLayout, outcome: Outcome) -> EngineError:
    return EngineError(
        code="6A.S5.VALIDATION_FAILED",
        reason="required_check_failed",
        fact="the world does not pass: " + "; ".join(outcome.notes["warnings"]),
        place=str(layout.path(FOLDER)),
        remedy="read the report there; the flag is not written",
    )


_STATES: dict[str, Callable[[RunContext, Recorder, rng.RngLog, Publication], StateReceipt]] = {
    "S1": run_s1,
    "S2": run_s2,
    "S3": run_s3,
    "S4": run_s4,
    "S5": run_s5,
}

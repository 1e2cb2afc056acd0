"""The states in their order: what each reads, makes and publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.config import Packs, load_packs, views
from engine.contracts import Vocabularies, vocabularies
from engine.errors import EngineError
from engine.kernels.hashing import KERNEL_VERSION
from engine.run import receipt, rng
from engine.run.files import write_whole, writing
from engine.run.layout import RunLayout
from engine.run.perf import Recorder, write_summary
from engine.run.publish import Publication, StateReceipt, published, trusted
from engine.run.receipt import RunReceipt
from engine.run.tables import read_columns, read_whole
from engine.states import s0, s1, s2, s2_rows, s3, s4, s4_rows, s5
from engine.states.runs import AccountRuns, PartyBlocks
from engine.upstream import REFERENCE_SEED, Demand, build_upstream, read_demand, write_upstream
from engine.validation import FOLDER, build_bundle, overall_status, run_checks, standing, take_census
from engine.validation.bundle import FLAG

STATES = ("S0", "S1", "S2", "S3", "S4", "S5")
_IDENTITY = ("party_type", "segment_id", "region_id", "country_iso")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every state after S0 has at hand, held against the seals.

    Attributes:
        layout: Paths.
        scale: Scale of the upstream world.
        packs: Priors, taxonomies and policies.
        words: Vocabularies.
        demand: The upstream world.
        sealed: The gate.
        workers: 1 writes in the thread that computes; 2 gives every table a thread.
    """

    layout: RunLayout
    scale: float
    packs: Packs
    words: Vocabularies
    demand: Demand
    sealed: s0.Sealed
    workers: int


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
    if (runs_root / run_id / receipt.RECEIPT).is_file():
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
    made = RunReceipt(
        run_id, seed, scale, parameter_hash, upstream.manifest_fingerprint, receipt.now(), str(runs_root)
    )
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
    layout = RunLayout(runs_root, run.world)
    outcomes: list[Outcome] = []
    with receipt.sole_writer(layout.root):
        context: RunContext | None = None
        for state in [name for name in STATES if name in states]:
            if state == "S0":
                outcome = _seal(layout, run)
            elif (before := published(layout, state)) is not None:
                outcome = _outcome(before, done=False)
            else:
                context = context or open_context(layout, run, state, workers=workers)
                outcome = _outcome(_run(context, state), done=True)
            outcomes.append(outcome)
            tell(outcome)
        for outcome in outcomes:
            if outcome.state == "S5" and outcome.notes["validation"] == "FAIL":
                raise _failed(layout, outcome)
    return outcomes


def open_context(layout: RunLayout, run: RunReceipt, state: str, *, workers: int) -> RunContext:
    """Read the gate and the sealed inputs.

    Raises:
        EngineError: SEALED_INPUTS_* and S0_GATE_FAILED of the state; as ``load_packs`` and ``read_demand``.
    """
    packs = load_packs()
    sealed = s0.read_sealed(layout, state)
    egress = s0.refuse_unsealed(layout, state, sealed, packs)
    demand = read_demand(egress["outlet_catalogue"], egress["merchant_zone_profile_5A"], state=state)
    return RunContext(layout, run.scale, packs, vocabularies(packs, demand.outlets), demand, sealed, workers)


def _seal(layout: RunLayout, run: RunReceipt) -> Outcome:
    packs = load_packs()
    before = layout.path(s0.SEALED).is_file() and layout.path(s0.GATE).is_file()
    sealed = s0.seal(layout, packs)
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


def _finish(
    publication: Publication,
    perf: Recorder,
    log: rng.RngLog,
    facts: Sequence[Any],
    written: str,
    notes: dict[str, Any],
) -> StateReceipt:
    with perf.step(written):
        tables = publication.tables()
    with perf.step("rng_publish"):
        return publication.commit(tables, facts, log, notes)


def _s1(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    plan = s1.plan_parties(
        context.packs,
        context.words,
        context.demand,
        counts=log.stream(s1.SIZE_STREAM),
        attributes=log.stream(s1.ATTRIBUTE_STREAM),
        scale=context.scale,
    )
    for parts in (s1.emit_party_base(plan.blocks), s1.emit_summary(plan.blocks)):
        publication.take(parts, perf, "emit", "emit")
    return _finish(publication, perf, log, plan.facts, "emit", {"parties": plan.total, "warnings": list(plan.warnings)})


def _parties(context: RunContext, state: str) -> PartyBlocks:
    path = trusted(context.layout, "s1_party_base_6A", state)
    columns = read_whole(path, "s1_party_base_6A", ("party_id", *_IDENTITY), context.words)
    return PartyBlocks.from_columns(
        party_id=columns["party_id"],
        country=columns["country_iso"],
        region=columns["region_id"],
        party_type=columns["party_type"],
        segment=columns["segment_id"],
    )


def _s2(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    with perf.step("load_contracts_inputs"):
        priors, words = views.account_priors(context.packs), views.party_vocabulary(context.words)
    with perf.step("load_party_base"):
        parties = _parties(context, "S2")
    with perf.step("allocate_accounts"):
        plan = s2.plan_accounts(priors, words, parties, ties=log.stream("account_count_realisation"))
        accounts = s2.allocate_accounts(plan, context.layout.world, ties=log.stream("account_allocation_sampling"))
        table = s2_rows.account_rows(accounts)
    publication.take(s2_rows.emit_account_base(table), perf, "emit_account_base", "emit_account_base")
    publication.take(s2_rows.emit_holdings(accounts), perf, "emit_holdings", "emit_holdings")
    publication.take(s2_rows.emit_summary(table), perf, "emit_summary", "emit_summary")
    notes = {
        "accounts": accounts.total,
        "overflow": accounts.overflow,
        "redistributed": accounts.redistributed,
        "dropped": accounts.dropped,
        "warnings": list(plan.warnings),
    }
    return _finish(publication, perf, log, (*plan.facts, *accounts.facts), "emit_account_base", notes)


def _s3(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    with perf.step("load_contracts_inputs"):
        priors, words = views.instrument_priors(context.packs), views.instrument_vocabulary(context.words)
    with perf.step("load_account_base"):
        path = trusted(context.layout, "s2_account_base_6A", "S3")
        names = ("account_id", "owner_party_id", "account_type", "party_type")
        runs = AccountRuns.from_columns(**read_whole(path, "s2_account_base_6A", names, context.words))
    with perf.step("plan_counts"):
        plan = s3.plan_counts(priors, words, runs, ties=log.stream("instrument_count_realisation"))
    work = s3.allocate_instruments(
        plan,
        context.layout.world,
        allocation=log.stream("instrument_allocation_sampling"),
        attributes=log.stream("instrument_attribute_sampling"),
    )
    publication.take(work, perf, "allocate_instruments", "emit_instrument_base_links")
    notes = {"instruments": plan.total, "warnings": list(plan.warnings)}
    return _finish(publication, perf, log, (*plan.facts, *work.facts), "emit_instrument_base_links", notes)


def _s4(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    with perf.step("load_contracts_inputs"):
        priors, words = views.graph_priors(context.packs), views.graph_vocabulary(context.words)
    with perf.step("load_party_base"):
        parties = _parties(context, "S4")
    with perf.step("plan_device_counts"):
        devices = s4.plan_device_counts(priors, words, parties, ties=log.stream("device_count_realisation"))
    with perf.step("plan_ip_counts"):
        ips = s4.plan_ip_counts(devices, ties=log.stream("ip_count_realisation"))
    publication.take(s4_rows.emit_ip_base(ips), perf, "emit_ip_base", "emit_ip_base")
    covered = links = dropped = 0
    for region in ips.regions:
        work = s4_rows.emit_region(ips, context.layout.world, region)
        publication.take(work, perf, "emit_regions", "merge_parts")
        covered, links, dropped = covered + work.covered, links + work.links, dropped + work.dropped
    notes = {
        "devices": devices.total,
        "ips": ips.total,
        "devices_covered": covered,
        "ip_links": links,
        "ip_links_dropped": dropped,
        "warnings": list(devices.warnings),
    }
    facts = (*devices.facts, *ips.facts, *s4.graph_facts(ips))
    return _finish(publication, perf, log, facts, "merge_parts", notes)


def _s5(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    layout, words = context.layout, context.words
    with perf.step("load_contracts_inputs"):
        plan = s5.plan_roles(context.packs, words, layout.world)
        paths = {name: trusted(layout, name, "S5") for state in ("S1", "S2", "S3", "S4") for name in layout.tables(state)}

    def whole(dataset: str, *names: str) -> list[Any]:
        columns = read_whole(paths[dataset], dataset, names, words)
        return [columns[name] for name in names]

    facts = []
    with perf.step("assign_party_roles"):
        (party_type,) = whole("s1_party_base_6A", "party_type")
        people = s5.party_roles(plan, party_type)
        risky = s5.risky_parties(plan, people)
    facts.append(people.fact)
    publication.take(people.parts(), perf, "assign_party_roles", "assign_party_roles")
    with perf.step("assign_account_roles"):
        account_type, owner = whole("s2_account_base_6A", "account_type", "owner_party_id")
        accounts = s5.account_roles(plan, account_type, owner, risky)
        del account_type, owner
    facts.append(accounts.fact)
    publication.take(accounts.parts(), perf, "assign_account_roles", "assign_account_roles")
    with perf.step("assign_merchant_roles"):
        merchants = s5.merchant_roles(plan, context.demand.merchants)
    facts.append(merchants.fact)
    publication.take(merchants.parts(), perf, "assign_merchant_roles", "assign_merchant_roles")
    with perf.step("assign_device_roles"):
        rows = read_columns(paths["s4_device_base_6A"], "s4_device_base_6A", ("device_id", "device_type"), words)
        pairs = ((batch["device_id"], batch["device_type"]) for batch in rows)
        devices = s5.device_roles(plan, pairs, len(party_type), risky)
    facts.append(devices.fact)
    publication.take(devices.parts(), perf, "assign_device_roles", "assign_device_roles")
    with perf.step("assign_ip_roles"):
        ip_type, asn_class = whole("s4_ip_base_6A", "ip_type", "asn_class")
        ips = s5.ip_roles(plan, ip_type, asn_class, _degrees(plan, paths, words, len(ip_type)))
    facts.append(ips.fact)
    publication.take(ips.parts(), perf, "assign_ip_roles", "assign_ip_roles")
    with perf.step("validation_checks"):
        tables = publication.tables()
        census = take_census({**paths, **{name: path for name, (path, _) in tables.items()}}, threads=context.workers)
        checks = run_checks(census, context.packs)
        status = overall_status(checks, context.packs)
    with perf.step("bundle_publish"):
        upstream = context.sealed.receipt["upstream_segments"]
        bundle = build_bundle(layout.world, checks, status, upstream)
        folder = layout.path(FOLDER)
        if not standing(folder, bundle):
            with writing("S5", folder):
                for name, raw in bundle.files.items():  # the flag comes last: a bundle without it has not passed
                    if name != FLAG:
                        write_whole(folder / name, raw)
    counts = {result: sum(check.result == result for check in checks) for result in ("PASS", "WARN", "FAIL")}
    failing = [f"{check.check_id}: {check.message}" for check in checks if check.result != "PASS"]
    notes = {"validation": status, "checks": counts, "warnings": failing}
    with perf.step("rng_publish"):
        made = publication.commit(tables, facts, log, notes)
        rng.verify_rng(layout)
        if FLAG in bundle.files:
            with writing("S5", folder):
                write_whole(folder / FLAG, bundle.files[FLAG])
    return made


def _degrees(plan: s5.RolePlan, paths: dict[str, Path], words: Vocabularies, ips: int) -> Any:
    """Devices on every address, where sharing lifts roles; None where it does not."""
    if not plan.sharing_threshold:
        return None
    degree = np.zeros(ips + 1, dtype=np.int64)
    for batch in read_columns(paths["s4_ip_links_6A"], "s4_ip_links_6A", ("ip_id",), words):
        degree += np.bincount(batch["ip_id"], minlength=ips + 1)
    return degree[1:]


def _failed(layout: RunLayout, outcome: Outcome) -> EngineError:
    return EngineError(
        code="6A.S5.VALIDATION_FAILED",
        reason="required_check_failed",
        fact="the world does not pass: " + "; ".join(outcome.notes["warnings"]),
        place=str(layout.path(FOLDER)),
        remedy="read the report there; the flag is not written",
    )


_STATES: dict[str, Callable[[RunContext, Recorder, rng.RngLog, Publication], StateReceipt]] = {
    "S1": _s1,
    "S2": _s2,
    "S3": _s3,
    "S4": _s4,
    "S5": _s5,
}

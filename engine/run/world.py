"""S1 to S4: parties, accounts, instruments, devices and addresses, each read from what was published before it."""

from __future__ import annotations

from engine.config import views
from engine.contracts.reading import read_whole
from engine.run import rng
from engine.run.context import RunContext
from engine.run.perf import Recorder
from engine.run.publish import Publication, StateReceipt, trusted
from engine.states import s1, s2, s2_rows, s3, s4, s4_rows
from engine.states.runs import AccountRuns, PartyBlocks

_IDENTITY = ("party_type", "segment_id", "region_id", "country_iso")


def run_s1(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    """Draw the size of the world and write its parties.

    Raises:
        EngineError: 6A.S1.POPULATION_INTEGERISATION_FAILED, PRIOR_PACK_INVALID.
    """
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
    return publication.finish(perf, log, plan.facts, "emit", {"parties": plan.total, "warnings": list(plan.warnings)})


def _parties(context: RunContext, state: str) -> PartyBlocks:
    path = trusted(context.layout, "s1_party_base_6A", state, context.words)
    columns = read_whole(path, "s1_party_base_6A", ("party_id", *_IDENTITY), context.words)
    return PartyBlocks.from_columns(
        party_id=columns["party_id"],
        country=columns["country_iso"],
        region=columns["region_id"],
        party_type=columns["party_type"],
        segment=columns["segment_id"],
    )


def run_s2(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    """Give parties their accounts.

    Raises:
        EngineError: 6A.S2.* of planning and allocation; 6A.S2.S1_GATE_FAILED.
    """
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
    return publication.finish(perf, log, (*plan.facts, *accounts.facts), "emit_account_base", notes)


def run_s3(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    """Give accounts their instruments.

    Raises:
        EngineError: 6A.S3.* of planning and allocation; 6A.S3.S2_GATE_FAILED.
    """
    with perf.step("load_contracts_inputs"):
        priors, words = views.instrument_priors(context.packs), views.instrument_vocabulary(context.words)
    with perf.step("load_account_base"):
        path = trusted(context.layout, "s2_account_base_6A", "S3", context.words)
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
    notes = {"instruments": plan.total}
    return publication.finish(perf, log, (*plan.facts, *work.facts), "emit_instrument_base_links", notes)


def run_s4(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    """Give parties their devices and devices their addresses.

    Raises:
        EngineError: 6A.S4.* of planning and linking; 6A.S4.S1_GATE_FAILED.
    """
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
    }
    facts = (*devices.facts, *ips.facts, *s4.graph_facts(ips))
    return publication.finish(perf, log, facts, "merge_parts", notes)

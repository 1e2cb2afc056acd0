"""S5: fraud roles of every entity, and the judgement over the whole world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.contracts.reading import read_columns, read_whole
from engine.files import write_whole, writing
from engine.run import rng
from engine.run.context import RunContext
from engine.run.perf import Recorder
from engine.run.publish import Publication, StateReceipt, trusted
from engine.states import s5
from engine.states.parts import DrawFact
from engine.validation import FOLDER, Bundle, build_bundle, overall_status, run_checks, standing, take_census
from engine.validation.bundle import FLAG


def run_s5(context: RunContext, perf: Recorder, log: rng.RngLog, publication: Publication) -> StateReceipt:
    """Assign the roles, judge the world, and publish the bundle; the flag comes last and only where all passes.

    Raises:
        EngineError: 6A.S5.*; IO_WRITE_CONFLICT of an earlier state whose table was altered.
    """
    layout = context.layout
    with perf.step("load_contracts_inputs"):
        plan = s5.plan_roles(context.packs, context.words, layout.world)
        earlier = [name for state in ("S1", "S2", "S3", "S4") for name in layout.tables(state)]
        paths = {name: trusted(layout, name, "S5", context.words) for name in earlier}
    facts = _roles(context, plan, paths, perf, publication)
    with perf.step("validation_checks"):
        tables = publication.tables()
        places = {**paths, **{name: path for name, (path, _) in tables.items()}}
        census = take_census(places, context.demand.merchants, threads=context.workers)
        checks = run_checks(census, context.packs)
        status = overall_status(checks, context.packs)
    folder = layout.path(FOLDER)
    with perf.step("bundle_publish"):
        bundle = build_bundle(layout.world, checks, status, context.sealed.receipt["upstream_segments"])
        if not standing(folder, bundle):
            _publish(folder, bundle, flag=False)
    counts = {result: sum(check.result == result for check in checks) for result in ("PASS", "WARN", "FAIL")}
    failing = [f"{check.check_id}: {check.message}" for check in checks if check.result != "PASS"]
    with perf.step("rng_publish"):
        made = publication.commit(tables, facts, log, {"validation": status, "checks": counts, "warnings": failing})
        rng.verify_rng(layout)
        _publish(folder, bundle, flag=True)
    return made


def _roles(
    context: RunContext, plan: s5.RolePlan, paths: dict[str, Path], perf: Recorder, publication: Publication
) -> list[DrawFact]:
    """Write all five role tables; returns their events. Columns live only as long as their entity is worked on."""

    def whole(dataset: str, *names: str) -> list[Any]:
        columns = read_whole(paths[dataset], dataset, names, context.words)
        return [columns[name] for name in names]

    facts: list[DrawFact] = []

    def write(entity: str, table: s5.RoleTable) -> None:
        facts.append(table.fact)
        publication.take(table.parts(), perf, f"assign_{entity}_roles", f"assign_{entity}_roles")

    with perf.step("assign_party_roles"):
        (party_type,) = whole("s1_party_base_6A", "party_type")
        people = s5.party_roles(plan, party_type)
        risky = s5.risky_parties(plan, people)
    write("party", people)
    with perf.step("assign_account_roles"):
        account_type, owner = whole("s2_account_base_6A", "account_type", "owner_party_id")
        accounts = s5.account_roles(plan, account_type, owner, risky)
        del account_type, owner
    write("account", accounts)
    with perf.step("assign_merchant_roles"):
        merchants = s5.merchant_roles(plan, context.demand.merchants)
    write("merchant", merchants)
    with perf.step("assign_device_roles"):
        devices = s5.device_roles(plan, _devices(context, paths), len(party_type), risky)
    write("device", devices)
    with perf.step("assign_ip_roles"):
        ip_type, asn_class = whole("s4_ip_base_6A", "ip_type", "asn_class")
        ips = s5.ip_roles(plan, ip_type, asn_class, _degrees(context, plan, paths, len(ip_type)))
    write("ip", ips)
    return facts


def _devices(context: RunContext, paths: dict[str, Path]) -> Iterator[tuple[Any, Any]]:
    dataset = "s4_device_base_6A"
    for batch in read_columns(paths[dataset], dataset, ("device_id", "device_type"), context.words):
        yield batch["device_id"], batch["device_type"]


def _degrees(context: RunContext, plan: s5.RolePlan, paths: dict[str, Path], ips: int) -> Any:
    """Devices on every address, where sharing lifts roles; None where it does not."""
    if not plan.sharing_threshold:
        return None
    degree = np.zeros(ips + 1, dtype=np.int64)
    for batch in read_columns(paths["s4_ip_links_6A"], "s4_ip_links_6A", ("ip_id",), context.words):
        degree += np.bincount(batch["ip_id"], minlength=ips + 1)
    return degree[1:]


def _publish(folder: Path, bundle: Bundle, *, flag: bool) -> None:
    with writing("S5", folder):
        for name, raw in bundle.files.items():
            if (name == FLAG) == flag:
                write_whole(folder / name, raw)

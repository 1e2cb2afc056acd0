"""The fifteen checks of the last state, judged from a census; each names what it saw and what it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.config import Packs
from engine.validation.census import ROLE_TABLES, Census, TableCensus

Result = Literal["PASS", "WARN", "FAIL"]
Severity = Literal["REQUIRED", "WARN_ONLY", "INFO"]

_STRUCTURAL = {
    "PARTY": ("s1_party_base_6A", ("party_id", "country_iso", "segment_id")),
    "ACCOUNT": ("s2_account_base_6A", ("account_id", "owner_party_id", "account_type")),
    "INSTRUMENT": ("s3_instrument_base_6A", ("account_id", "instrument_type")),
    "DEVICE": ("s4_device_base_6A", ("device_id", "device_type", "primary_party_id")),
    "IP": ("s4_ip_base_6A", ("ip_id", "ip_type", "country_iso")),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check's outcome.

    Attributes:
        check_id: Such as ``LINKAGE_IP_LINKS``.
        result: PASS, WARN or FAIL.
        metrics: What was counted.
        thresholds: What is allowed, under the names of the metrics.
        message: What failed, empty at a PASS.
        severity: How much it weighs.
    """

    check_id: str
    result: Result
    metrics: Mapping[str, object]
    thresholds: Mapping[str, object]
    message: str = ""
    severity: Severity = "REQUIRED"


def run_checks(census: Census, packs: Packs) -> tuple[Check, ...]:
    """All fifteen checks, sorted by id."""
    checks = [
        *_structural(census),
        *_linkage(census, packs),
        *_distribution(census, packs),
        *_vocabulary(census, packs),
    ]
    return tuple(sorted(checks, key=lambda check: check.check_id))


def overall_status(checks: tuple[Check, ...], packs: Packs) -> Result:
    """FAIL where a required check fails or warnings exceed the policy; WARN where there are warnings; else PASS."""
    warnings = sum(check.result == "WARN" for check in checks)
    failed = any(check.result == "FAIL" and check.severity == "REQUIRED" for check in checks)
    policy = packs.validation_policy.failure
    if not checks or failed or warnings > policy.max_warnings:
        return "FAIL"
    return "WARN" if warnings else "PASS"


def _judge(check_id: str, metrics: Mapping[str, object], thresholds: Mapping[str, object], broken: list[str]) -> Check:
    return Check(check_id, "FAIL" if broken else "PASS", metrics, thresholds, "; ".join(broken))


def _at_most(metrics: Mapping[str, int], limits: Mapping[str, int]) -> list[str]:
    return [f"{name} is {metrics[name]}, above {limit}" for name, limit in limits.items() if metrics[name] > limit]


def _structural(census: Census) -> Iterator[Check]:
    holdings = census["s2_party_product_holdings_6A"]
    for entity, (table, columns) in _STRUCTURAL.items():
        seen = census[table]
        metrics = {"nulls": seen.nulls(*columns), **seen.facts}
        if entity == "ACCOUNT":
            metrics["nulls"] += holdings.nulls(*holdings.columns)
            metrics |= {f"holdings_{name}": count for name, count in holdings.facts.items()}
        limits = dict.fromkeys(metrics, 0)
        metrics["rows"] = seen.rows
        if entity == "PARTY":
            metrics["party_count"] = seen.rows
            metrics["party_unique"] = seen.rows - seen.facts["ids_out_of_order"]
        broken = _at_most(metrics, limits)
        if not seen.rows:
            broken.append(f"{table} has no rows")
        yield _judge(f"STRUCTURAL_{entity}_BASE", metrics, limits, broken)


def _linkage(census: Census, packs: Packs) -> Iterator[Check]:
    limits = packs.validation_policy.linkage
    devices, ips, instruments = (
        census["s4_device_links_6A"],
        census["s4_ip_links_6A"],
        census["s3_account_instrument_links_6A"],
    )
    bounds = {
        "max_devices_per_party": limits.device_links.max_devices_per_party,
        "max_parties_per_device": limits.device_links.max_parties_per_device,
        "orphans": 0,
        "foreign_owners": 0,
    }
    if limits.device_links.require_owner_link_present:
        bounds["devices_without_owner"] = 0
    yield _links("LINKAGE_DEVICE_LINKS", devices, bounds, ("device_id",))
    bounds = {
        "max_ips_per_device": limits.ip_links.max_ips_per_device,
        "max_devices_per_ip": limits.ip_links.max_devices_per_ip,
        "orphans": 0,
        "foreign_owners": 0,
    }
    yield _links("LINKAGE_IP_LINKS", ips, bounds, ("ip_id", "device_id", "party_id"))
    bounds = {
        "max_instruments_per_account": limits.account_instrument_links.max_instruments_per_account,
        "unlinked_instruments": 0,
        "orphans": 0,
        "foreign_accounts": 0,
    }
    yield _links("LINKAGE_ACCOUNT_INSTRUMENT", instruments, bounds, ("account_id", "instrument_id"))


def _links(check_id: str, table: TableCensus, bounds: Mapping[str, int], keys: tuple[str, ...]) -> Check:
    metrics = {**{name: table.facts[name] for name in bounds}, "nulls": table.nulls(*keys)}
    limits = {**bounds, "nulls": 0}
    broken = _at_most(metrics, limits)
    if not table.rows:
        broken.append("the table has no rows")
    return _judge(check_id, metrics, limits, broken)


def _distribution(census: Census, packs: Packs) -> Iterator[Check]:
    fractions = packs.validation_policy.role_fractions
    taxonomy = packs.fraud_role_taxonomy
    for entity, table in ROLE_TABLES.items():
        seen = census[table]
        low, high = getattr(fractions, f"{entity}_roles").model_dump().values()
        clean = taxonomy.clean_role(entity.upper())
        words = seen.columns[f"fraud_role_{entity}"].words
        total = seen.rows
        outside = total - words.get(clean, 0)
        share = outside / total if total else 0.0
        word = "risky" if entity in {"device", "ip"} else "nonclean"
        metrics: dict[str, object] = {f"{word}_count": outside, "total": total, "fraction": share}
        thresholds = {"min_fraction": low, "max_fraction": high}
        broken = []
        if not low <= share <= high:
            broken.append(f"fraction is {share:.6g}, outside {low} to {high}")
        if seen.facts["entities"] != total or seen.facts["strangers"]:
            who = f"{seen.facts['entities']} entities, {seen.facts['strangers']} for none of them"
            broken.append(f"{total} roles stand for {who}")
        if seen.facts["disorder"] or seen.nulls(f"{entity}_id", f"fraud_role_{entity}"):
            broken.append("ids do not ascend without doubles and nulls")
        yield _judge(f"ROLE_DISTRIBUTION_{entity.upper()}", metrics, thresholds, broken)


def _vocabulary(census: Census, packs: Packs) -> Iterator[Check]:
    extra = {
        f"{entity}_roles_extra": sorted(
            set(census[table].columns[f"fraud_role_{entity}"].words)
            - set(packs.fraud_role_taxonomy.roles[entity.upper()])
        )
        for entity, table in ROLE_TABLES.items()
    }
    yield _words("ROLE_VOCAB_TAXONOMY", extra)
    rules = packs.graph_linkage_rules
    found = {
        "device_link_roles_extra": set(census["s4_device_links_6A"].columns["link_role"].words)
        - set(rules.device_link_roles),
        "ip_link_roles_extra": set(census["s4_ip_links_6A"].columns["link_role"].words) - set(rules.ip_link_roles),
    }
    yield _words("LINK_ROLE_VOCAB_POLICY", {name: sorted(words) for name, words in found.items()})


def _words(check_id: str, extra: Mapping[str, list[str]]) -> Check:
    broken = [f"{name}: {', '.join(words)}" for name, words in extra.items() if words]
    return _judge(check_id, extra, {name: [] for name in extra}, broken)

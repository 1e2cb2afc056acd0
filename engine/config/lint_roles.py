"""Checks of the role packs against taxonomy, mapping and each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.config.files import Packs
from engine.config.findings import Finding, finding, missing, unknown
from engine.config.roles import TIERS, TierRow


def lint_roles(packs: Packs) -> Iterator[Finding]:
    """Roles that exist, raw roles that map, groups that have tables, bounds that are ordered."""
    yield from _taxonomy(packs)
    yield from _tables(packs)
    yield from _mapping(packs)
    yield from _groups(packs)
    for name, bounds in packs.validation_policy.role_fractions:
        low, high = bounds.model_dump().values()
        if low > high:
            where = ("role_fractions", name)
            yield finding("validation_policy", where, "range_inverted", f"{name}: {low} lies above {high}")


def _taxonomy(packs: Packs) -> Iterator[Finding]:
    taxonomy = packs.fraud_role_taxonomy
    if tuple(taxonomy.risk_tiers) != TIERS:
        fact = f"the tiers are not {', '.join(TIERS)}"
        yield finding("fraud_role_taxonomy", ("risk_tiers",), "unknown_risk_tier", fact)
    for entity in ("PARTY", "ACCOUNT", "MERCHANT", "DEVICE", "IP"):
        severities = list(taxonomy.roles.get(entity, {}).values())
        if severities.count(0) != 1:
            fact = f"{entity}: not exactly one role of severity 0"
            yield finding("fraud_role_taxonomy", ("roles", entity), "clean_role_missing", fact)
    risky, known = packs.party_role_priors.risky_roles, taxonomy.roles.get("PARTY", {})
    yield from unknown("party_role_priors", ("risky_roles",), risky, known, "unknown_role", "role")


def _tables(packs: Packs) -> Iterator[Finding]:
    taxonomy, mapping = packs.fraud_role_taxonomy.roles, packs.validation_policy.role_mapping
    tables: tuple[tuple[str, Mapping[str, TierRow], Mapping[str, object], bool], ...] = (
        ("party_role_priors", packs.party_role_priors.roles, taxonomy.get("PARTY", {}), False),
        ("account_role_priors", packs.account_role_priors.roles, taxonomy.get("ACCOUNT", {}), False),
        ("merchant_role_priors", packs.merchant_role_priors.roles, taxonomy.get("MERCHANT", {}), False),
        ("device_role_priors", packs.device_role_priors.roles, mapping.raw_to_published.DEVICE, True),
        ("ip_role_priors", packs.ip_role_priors.roles, mapping.raw_to_published.IP, True),
    )
    for field, table, known, raw in tables:
        reason, code = ("role_unmapped", "ROLE_MAPPING_INCOMPLETE") if raw else ("unknown_role", "PRIOR_PACK_INVALID")
        if raw and not mapping.require_full_mapping:
            continue
        for group, row in table.items():
            for tier in TIERS:
                for role in row.of(tier):
                    if role not in known:
                        fact = f"role {role} of {group} / {tier} is unknown"
                        yield finding(field, ("roles", group, tier, role), reason, fact, code)


def _mapping(packs: Packs) -> Iterator[Finding]:
    taxonomy, mapping = packs.fraud_role_taxonomy.roles, packs.validation_policy.role_mapping
    for entity, raw_roles in mapping.raw_to_published:
        for role, published in (*raw_roles.items(), ("default", getattr(mapping.defaults, entity))):
            if published not in taxonomy.get(entity, {}):
                yield finding(
                    "validation_policy",
                    ("role_mapping", "raw_to_published", entity, role),
                    "published_role_unknown",
                    f"{role} maps to {published}, which the taxonomy does not know",
                    "ROLE_MAPPING_INCOMPLETE",
                )


def _groups(packs: Packs) -> Iterator[Finding]:
    account, device, ip = packs.account_role_priors, packs.device_role_priors, packs.ip_role_priors
    needed: tuple[tuple[str, Mapping[str, TierRow], set[str]], ...] = (
        ("party_role_priors", packs.party_role_priors.roles, set(packs.party_taxonomy.party_types)),
        ("account_role_priors", account.roles, {*account.group_of_type.values(), account.default_group}),
        ("merchant_role_priors", packs.merchant_role_priors.roles, {packs.merchant_role_priors.default_class}),
        ("device_role_priors", device.roles, set(device.group_of_type.values())),
        ("ip_role_priors", ip.roles, {*(rule.group for rule in ip.groups), ip.default_group}),
    )
    for field, table, groups in needed:
        yield from missing(field, ("roles",), sorted(groups), table, "role_group_missing", "roles")
    generated = {name for mix in packs.device_count_priors.device_mix.values() for name in mix}
    where = ("group_of_type",)
    known = device.group_of_type
    yield from missing("device_role_priors", where, sorted(generated), known, "role_group_missing", "role group")

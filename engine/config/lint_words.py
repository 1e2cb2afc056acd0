"""Words of one pack that stand for words of another: taxonomies with each other, links with what the tables hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.config.files import Packs
from engine.config.findings import Finding, Path, finding, unknown

LINKED = ("party_id", "account_id", "instrument_id", "merchant_id", "device_id")
"""Ids that a link role may require or forbid."""
EMITTED = {"device_link_roles": ("PRIMARY_OWNER", "party_id"), "ip_link_roles": ("TYPICAL_DEVICE_IP", "device_id")}
"""List of link roles to the one that the generator emits, and the id that it needs for it."""


def lint_words(packs: Packs) -> Iterator[Finding]:
    """Types whose classes, capabilities and owners are words; link roles that can be; one list of device links."""
    yield from _taxonomies(packs)
    yield from _links(packs)


def _taxonomies(packs: Packs) -> Iterator[Finding]:
    account, instrument, device = packs.account_taxonomy, packs.instrument_taxonomy, packs.device_taxonomy
    systems = [name for names in device.os_families.values() for name in names]
    rows: list[tuple[str, str, str, Iterable[str], Iterable[str]]] = []
    for name, money in account.types.items():
        rows += [
            ("account_taxonomy", name, "owner_kind", [money.owner_kind], account.owner_kinds),
            ("account_taxonomy", name, "ledger_class", [money.ledger_class], account.ledger_classes),
            ("account_taxonomy", name, "product_family", [money.product_family], account.product_families),
            ("account_taxonomy", name, "currency_policy", [money.currency_policy], account.currency_policies),
        ]
    for name, means in instrument.types.items():
        kinds = [means.default_scheme_kind] if means.default_scheme_kind else []
        rows += [
            ("instrument_taxonomy", name, "class", [means.kind], instrument.classes),
            ("instrument_taxonomy", name, "identifier", [means.identifier], instrument.identifier_types),
            ("instrument_taxonomy", name, "token_types", means.token_types, instrument.token_types),
            ("instrument_taxonomy", name, "capabilities", means.capabilities, instrument.capabilities),
            ("instrument_taxonomy", name, "default_scheme_kind", kinds, instrument.schemes),
            ("instrument_taxonomy", name, "ledger_classes", means.ledger_classes, account.ledger_classes),
            ("instrument_taxonomy", name, "party_types", means.party_types, packs.party_taxonomy.party_types),
        ]
    generated = {name for mix in packs.device_count_priors.device_mix.values() for name in mix}
    for name, thing in device.types.items():
        owners = ("PARTY", "EITHER") if name in generated else ("PARTY", "EITHER", "MERCHANT")
        rows += [
            ("device_taxonomy", name, "owner_kind", [thing.owner_kind], owners),
            ("device_taxonomy", name, "allowed_os", thing.allowed_os, systems),
            ("device_taxonomy", name, "allowed_ua", thing.allowed_ua, device.ua_families),
            ("device_taxonomy", name, "capabilities", thing.capabilities, device.capabilities),
        ]
    for field, name, key, words, known in rows:
        what = key.replace("_", " ")
        yield from unknown(field, ("types", name, key), words, known, f"unknown_{key}", f"{name}: {what}")
    for name, place in packs.ip_taxonomy.ip_types.items():
        where: Path = ("ip_types", name, "compatible_asn_classes")
        known_classes = packs.ip_taxonomy.asn_classes
        yield from unknown(
            "ip_taxonomy", where, place.compatible_asn_classes, known_classes, "unknown_asn_class", "class"
        )


def _links(packs: Packs) -> Iterator[Finding]:
    graph, rules = packs.graph_linkage_rules, packs.device_linkage_rules
    for listed, (emitted, needed) in EMITTED.items():
        if emitted not in getattr(graph, listed):
            fact = f"link role {emitted} is not allowed, which the generator emits"
            yield finding("graph_linkage_rules", (listed,), f"missing_{emitted.lower()}_role", fact)
        for name, role in getattr(graph, listed).items():
            where: Path = (listed, name)
            for key in ("requires", "forbids"):
                words = getattr(role, key)
                yield from unknown("graph_linkage_rules", (*where, key), words, LINKED, "unknown_link_field", "id")
            if set(role.requires) & set(role.forbids):
                fact = f"{name} requires and forbids {', '.join(sorted(set(role.requires) & set(role.forbids)))}"
                yield finding("graph_linkage_rules", (*where, "forbids"), "link_role_contradicts_itself", fact)
            if name == emitted and role.requires != (needed,):
                fact = f"{name} does not require {needed} alone, which is what the generator gives it"
                yield finding("graph_linkage_rules", (*where, "requires"), "link_role_not_emitted", fact)
    if {name: (role.requires, role.forbids) for name, role in rules.link_roles.items()} != {
        name: (role.requires, role.forbids) for name, role in graph.device_link_roles.items()
    }:
        fact = "the link roles are not the device_link_roles of mlr.6A.policy.graph_linkage_rules"
        yield finding("device_linkage_rules", ("link_roles",), "device_link_roles_differ", fact)
    grouped: set[str] = set()
    for name, group in rules.groups.items():
        if grouped & set(group.device_types):
            fact = f"{name} holds {', '.join(sorted(grouped & set(group.device_types)))}, which another group has"
            yield finding("device_linkage_rules", ("groups", name), "device_type_in_two_groups", fact)
        grouped |= set(group.device_types)
        where = ("groups", name, "device_types")
        known = packs.device_taxonomy.types
        yield from unknown(
            "device_linkage_rules", where, group.device_types, known, "device_type_unknown", "device type"
        )

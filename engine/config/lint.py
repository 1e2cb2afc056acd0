"""Checks that need more than one pack: words that must exist, mixes that must cover, caps above their means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.config.loader import Packs

Path = tuple[str | int, ...]


class Finding(tuple[str, Path, str, str, str]):
    """(pack field, key path, reason, fact, code word) of one complaint."""

    __slots__ = ()


def _finding(field: str, where: Path, reason: str, fact: str, code: str = "PRIOR_PACK_INVALID") -> Finding:
    return Finding((field, where, reason, fact, code))


def lint_packs(packs: Packs) -> None:
    """Hold the packs to each other.

    Raises:
        EngineError: With the first finding as fact and place, and all of them in ``context["problems"]``.
    """
    findings = [finding for check in _CHECKS for finding in check(packs)]
    if not findings:
        return
    from engine.config.loader import PACK_NAMES, locate

    names = {name.field: name for name in PACK_NAMES}
    files = packs.files
    problems = [
        {"pack": names[field].key, "what": fact, "reason": reason, "place": locate(files[names[field].key].path, where)}
        for field, where, reason, fact, _ in findings
    ]
    field, _, reason, fact, code = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    raise EngineError(
        code=f"6A.{names[field].state}.{code}",
        reason=reason,
        fact=f"{names[field].key}: {fact}{more}",
        place=problems[0]["place"],
        remedy="correct the figure or the word at this line",
        context={"problems": problems},
    )


def tilted_lambda(packs: Packs, segment: str, account_type: str) -> float:
    """Accounts of a type per party of a segment, after the tilt."""
    mix = packs.product_mix_priors
    features = packs.segmentation_priors.segments[segment].features
    weights = mix.tilt.weights.get(account_type, {})
    exponent = sum(weight * (features[name] - mix.tilt.center) for name, weight in weights.items() if name in features)
    return mix.types[account_type].base_lambda * math.exp(max(-mix.tilt.clip, min(mix.tilt.clip, exponent)))


def _unknown(
    field: str, where: Path, words: Iterable[str], known: Iterable[str], reason: str, what: str
) -> Iterator[Finding]:
    vocabulary = set(known)
    for word in words:
        if word not in vocabulary:
            yield _finding(field, (*where, word), reason, f"{what} {word} is no word of the taxonomy")


def _missing(
    field: str, where: Path, needed: Iterable[str], given: Iterable[str], reason: str, what: str
) -> Iterator[Finding]:
    have = set(given)
    for word in needed:
        if word not in have:
            yield _finding(field, where, reason, f"no {what} for {word}")


def _population(packs: Packs) -> Iterator[Finding]:
    size = packs.population_priors.world_size
    if size.N_world_min > size.N_world_max:
        yield _finding(
            "population_priors",
            ("world_size", "N_world_min"),
            "world_bounds_inverted",
            f"N_world_min {size.N_world_min} lies above N_world_max {size.N_world_max}",
        )
    if size.seed_scale_clip.min <= 0.0:
        yield _finding(
            "population_priors", ("world_size", "seed_scale_clip"), "seed_scale_clip_invalid", "min is not positive"
        )
    yield from _same(
        "population_priors",
        ("party_type_fallback_share",),
        packs.population_priors.party_type_fallback_share,
        packs.party_taxonomy.party_types,
        "party type",
    )


def _same(field: str, where: Path, given: Iterable[str], known: Iterable[str], what: str) -> Iterator[Finding]:
    given, known = list(given), list(known)
    yield from _unknown(field, where, given, known, f"unknown_{what.replace(' ', '_')}", what)
    yield from _missing(field, where, known, given, f"missing_{what.replace(' ', '_')}", "entry")


def _segmentation(packs: Packs) -> Iterator[Finding]:
    field, pack, words = "segmentation_priors", packs.segmentation_priors, packs.party_taxonomy
    types = pack.party_type_share_by_region
    yield from _missing(
        field, ("party_type_share_by_region",), words.regions, types, "missing_region_mix", "party type mix"
    )
    yield from _unknown(field, ("party_type_share_by_region",), types, words.regions, "unknown_region", "region")
    for region, row in types.items():
        yield from _unknown(
            field, ("party_type_share_by_region", region), row, words.party_types, "unknown_party_type", "party type"
        )
    shares = pack.segment_share_by_region
    yield from _same(field, ("segment_share_by_region",), shares, words.party_types, "party type")
    for party_type, regions in shares.items():
        where: Path = ("segment_share_by_region", party_type)
        own = [name for name, segment in pack.segments.items() if segment.party_type == party_type]
        yield from _missing(field, where, words.regions, regions, "missing_region_mix", "segment mix")
        yield from _unknown(field, where, regions, words.regions, "unknown_region", "region")
        for region, row in regions.items():
            yield from _unknown(field, (*where, region), row, own, "unknown_segment", "segment")
    for name, segment in pack.segments.items():
        yield from _unknown(field, ("segments", name, "tags"), segment.tags, words.tags, "unknown_tag", "tag")


def _accounts(packs: Packs) -> Iterator[Finding]:
    mix, rules, words = packs.product_mix_priors, packs.account_per_party_priors, packs.account_taxonomy
    own = [name for name, word in words.types.items() if word.owner_kind == "PARTY"]
    segments = packs.segmentation_priors.segments
    for name in mix.types:
        if name not in own:
            yield _finding(
                "product_mix_priors",
                ("types", name),
                "account_type_not_party_owned",
                f"account type {name} is no party-owned type of the taxonomy",
                "DOMAIN_INVALID",
            )
    yield from _missing("account_per_party_priors", ("rules",), mix.types, rules.rules, "account_rule_missing", "rule")
    yield from _unknown(
        "account_per_party_priors", ("rules",), rules.rules, own, "unknown_account_type", "account type"
    )
    yield from _unknown(
        "product_mix_priors", ("tilt", "weights"), mix.tilt.weights, own, "unknown_account_type", "account type"
    )
    for party_type in packs.party_taxonomy.party_types:
        if not any(entry.party_type == party_type and entry.base_lambda > 0 for entry in mix.types.values()):
            yield _finding(
                "product_mix_priors",
                ("types",),
                "zero_domain_cell",
                f"{party_type} may hold no account",
                "DOMAIN_INVALID",
            )
    caps = rules.caps
    for name, entry in mix.types.items():
        where: Path = ("types", name)
        if entry.party_type not in packs.party_taxonomy.party_types:
            yield _finding(
                "product_mix_priors",
                (*where, "party_type"),
                "unknown_party_type",
                f"{name}: unknown party type {entry.party_type}",
            )
        if entry.required and not entry.base_lambda > 0:
            yield _finding(
                "product_mix_priors",
                (*where, "base_lambda"),
                "required_account_type_zero_lambda",
                f"{name} is required, yet none are expected",
                "DOMAIN_INVALID",
            )
        rule = rules.rules.get(name)
        if rule is None or name not in own:
            continue
        means = [
            tilted_lambda(packs, key, name)
            for key, segment in segments.items()
            if segment.party_type == entry.party_type
        ]
        yield from _rule_bounds("account_per_party_priors", ("rules", name), rule.sigma, caps.sigma_global_upper_bound)
        if rule.K_max > caps.K_max_global_upper_bound:
            yield _finding(
                "account_per_party_priors",
                ("rules", name, "K_max"),
                "invalid_kmax_rule",
                f"{name}: K_max {rule.K_max} exceeds the bound {caps.K_max_global_upper_bound} of all types",
            )
        if max(means, default=0.0) > rule.K_max:
            yield _finding(
                "account_per_party_priors",
                ("rules", name, "K_max"),
                "kmax_below_mean",
                f"{name}: K_max {rule.K_max} lies below the mean of {max(means):.4g} accounts per party",
            )
        if rule.p_zero_weight >= 1.0:
            yield _finding(
                "account_per_party_priors",
                ("rules", name, "p_zero_weight"),
                "allocation_weights_zero",
                f"{name}: no party would get any",
            )
    for index, item in enumerate(rules.tag_adjustments):
        yield from _unknown(
            "account_per_party_priors",
            ("tag_adjustments", index),
            [item.tag],
            packs.party_taxonomy.tags,
            "unknown_tag",
            "tag",
        )
        yield from _unknown(
            "account_per_party_priors",
            ("tag_adjustments", index),
            [item.account_type],
            own,
            "unknown_account_type",
            "account type",
        )


def _rule_bounds(field: str, where: Path, sigma: float, bound: float) -> Iterator[Finding]:
    if sigma > bound:
        yield _finding(
            field, (*where, "sigma"), "sigma_above_bound", f"{where[-1]}: sigma {sigma} exceeds the bound {bound}"
        )


def _instruments(packs: Packs) -> Iterator[Finding]:
    mix, per, words = packs.instrument_mix_priors, packs.instrument_per_account_priors, packs.instrument_taxonomy
    held = packs.product_mix_priors.types
    yield from _missing(
        "instrument_mix_priors", ("lambda_total",), held, mix.lambda_total, "lambda_total_missing", "lambda_total"
    )
    yield from _missing(
        "instrument_mix_priors",
        ("instrument_share",),
        held,
        mix.instrument_share,
        "instrument_mix_missing",
        "instrument mix",
    )
    yield from _unknown(
        "instrument_mix_priors", ("lambda_total",), mix.lambda_total, held, "unknown_account_type", "account type"
    )
    for account_type, shares in mix.instrument_share.items():
        where: Path = ("instrument_share", account_type)
        yield from _unknown(
            "instrument_mix_priors", where, shares, words.types, "unknown_instrument_type", "instrument type"
        )
        rules = per.rules.get(account_type, {})
        yield from _missing(
            "instrument_per_account_priors", ("rules", account_type), shares, rules, "instrument_rule_missing", "rule"
        )
        for name, share in shares.items():
            rule = rules.get(name)
            if rule is None:
                continue
            at: Path = ("rules", account_type, name)
            yield from _rule_bounds("instrument_per_account_priors", at, rule.sigma, per.constraints.max_sigma_global)
            mean, room = mix.lambda_total.get(account_type, 0.0) * share, rule.hard_max * (1.0 - rule.p_zero_weight)
            if rule.hard_max > per.constraints.max_hard_max_global or mean > room:
                yield _finding(
                    "instrument_per_account_priors",
                    (*at, "hard_max"),
                    "invalid_hard_max",
                    f"{account_type} / {name}: hard_max {rule.hard_max} leaves room for {room:.4g} an account, {mean:.4g} are expected",
                )
    yield from _unknown(
        "instrument_mix_priors",
        ("scheme_share",),
        mix.scheme_share,
        words.schemes,
        "unknown_scheme_kind",
        "scheme kind",
    )
    for kind, shares in mix.scheme_share.items():
        yield from _unknown(
            "instrument_mix_priors",
            ("scheme_share", kind),
            shares,
            words.schemes.get(kind, ()),
            "unknown_scheme",
            "scheme",
        )


def _devices(packs: Packs) -> Iterator[Finding]:
    field, pack, words = "device_count_priors", packs.device_count_priors, packs.device_taxonomy
    party_types = packs.party_taxonomy.party_types
    yield from _same(field, ("devices_per_party",), pack.devices_per_party, party_types, "party type")
    yield from _missing(field, ("device_mix",), party_types, pack.device_mix, "device_mix_missing", "device mix")
    for party_type, shares in pack.device_mix.items():
        where: Path = ("device_mix", party_type)
        yield from _unknown(field, where, shares, words.types, "device_type_unknown", "device type")
        for name in shares:
            word = words.types.get(name)
            if word is None:
                continue
            yield from _missing(
                field,
                ("alloc_groups",),
                [str(word.alloc_group)],
                pack.alloc_groups,
                "alloc_group_missing",
                "allocation group",
            )
            yield from _missing(
                field, ("os_share",), [name], pack.os_share, "os_mix_missing", "mix of operating systems"
            )
            yield from _missing(
                "ip_count_priors",
                ("edges_per_device_by_ip_group",),
                [word.ip_group],
                packs.ip_count_priors.edges_per_device_by_ip_group,
                "ip_demand_group_missing_for_device_type",
                "demand",
            )
    for name, shares in pack.os_share.items():
        allowed = words.types[name].allowed_os if name in words.types else ()
        yield from _unknown(field, ("os_share", name), shares, allowed, "unknown_os", "operating system")
    for party_type, mean in pack.devices_per_party.items():
        if mean * pack.global_multiplier > pack.caps.max_devices_per_party:
            yield _finding(
                field,
                ("caps", "max_devices_per_party"),
                "invalid_max_devices_per_party",
                f"the cap of {pack.caps.max_devices_per_party} lies below the mean of {mean * pack.global_multiplier:.4g} devices of {party_type}",
            )


def _addresses(packs: Packs) -> Iterator[Finding]:
    field, pack, words = "ip_count_priors", packs.ip_count_priors, packs.ip_taxonomy
    regions = packs.party_taxonomy.regions
    where: Path = ("type_share_by_region",)
    yield from _missing(
        field, where, regions, pack.type_share_by_region, "ip_type_mix_missing_region", "address type mix"
    )
    yield from _unknown(field, where, pack.type_share_by_region, regions, "unknown_region", "region")
    shares: dict[str, float] = {}
    for index, cell in enumerate(pack.cells):
        yield from _unknown(field, ("cells", index), [cell.ip_type], words.ip_types, "ip_type_unknown", "address type")
        yield from _unknown(
            field, ("cells", index), [cell.asn_class], words.asn_classes, "asn_class_unknown", "ASN class"
        )
        shares[cell.ip_type] = shares.get(cell.ip_type, 0.0) + cell.asn_share
        if cell.mean_devices_per_ip > pack.caps.max_devices_per_ip:
            yield _finding(
                field,
                ("cells", index),
                "invalid_max_devices_per_ip",
                f"{cell.ip_type} / {cell.asn_class}: the cap of {pack.caps.max_devices_per_ip} devices lies below the mean",
            )
    for name, total in shares.items():
        if abs(total - 1.0) > 1e-6:
            yield _finding(
                field, ("cells",), "shares_do_not_sum_to_one", f"ASN shares of {name} sum to {total:.9g}, not to 1"
            )
    for region, row in pack.type_share_by_region.items():
        yield from _unknown(field, (*where, region), row, words.ip_types, "ip_type_unknown", "address type")
        yield from _missing(field, ("cells",), row, shares, "asn_mix_missing", "cell")
    for group, mean in pack.edges_per_device_by_ip_group.items():
        if mean > pack.caps.max_ips_per_device:
            yield _finding(
                field,
                ("edges_per_device_by_ip_group", group),
                "invalid_max_ips_per_device",
                f"{group}: the cap lies below the mean",
            )
    for role, known in (
        ("PRIMARY_OWNER", packs.graph_linkage_rules.device_link_roles),
        ("TYPICAL_DEVICE_IP", packs.graph_linkage_rules.ip_link_roles),
    ):
        if role not in known:
            yield _finding(
                "graph_linkage_rules", (), f"missing_{role.lower()}_role", f"link role {role} is not allowed"
            )


def _roles(packs: Packs) -> Iterator[Finding]:
    taxonomy, mapping = packs.fraud_role_taxonomy.roles, packs.validation_policy.role_mapping
    for entity, roles in taxonomy.items():
        if list(roles.values()).count(0) != 1:
            yield _finding(
                "fraud_role_taxonomy",
                ("roles", entity),
                "clean_role_missing",
                f"{entity}: not exactly one role of severity 0",
            )
    tables: tuple[tuple[str, str, Mapping[str, object]], ...] = (
        ("party_role_priors", "PARTY", packs.party_role_priors.roles),
        ("account_role_priors", "ACCOUNT", packs.account_role_priors.roles),
        ("merchant_role_priors", "MERCHANT", packs.merchant_role_priors.roles),
        ("device_role_priors", "DEVICE", packs.device_role_priors.roles),
        ("ip_role_priors", "IP", packs.ip_role_priors.roles),
    )
    for field, entity, table in tables:
        raw = entity in ("DEVICE", "IP")
        known = mapping.raw_to_published.get(entity, {}) if raw else taxonomy.get(entity, {})  # type: ignore[call-overload]
        reason = "role_unmapped" if raw else "unknown_role"
        code = "ROLE_MAPPING_INCOMPLETE" if raw else "PRIOR_PACK_INVALID"
        for group, row in table.items():
            for tier in packs.fraud_role_taxonomy.risk_tiers:
                for role in row.of(tier):  # type: ignore[attr-defined]
                    if role not in known and (not raw or mapping.require_full_mapping):
                        yield _finding(
                            field,
                            ("roles", group, tier, role),
                            reason,
                            f"role {role} of {group} / {tier} is unknown",
                            code,
                        )
    for entity, raw_roles in mapping.raw_to_published.items():
        for role, published in (*raw_roles.items(), ("default", mapping.defaults.get(entity, ""))):
            if published not in taxonomy.get(entity, {}):
                yield _finding(
                    "validation_policy",
                    ("role_mapping", "raw_to_published", entity, role),
                    "published_role_unknown",
                    f"{role} maps to {published or 'nothing'}, which the taxonomy does not know",
                    "ROLE_MAPPING_INCOMPLETE",
                )
    yield from _unknown(
        "party_role_priors",
        ("risky_roles",),
        packs.party_role_priors.risky_roles,
        taxonomy.get("PARTY", {}),
        "unknown_role",
        "role",
    )
    yield from _missing(
        "party_role_priors",
        ("roles",),
        packs.party_taxonomy.party_types,
        packs.party_role_priors.roles,
        "role_group_missing",
        "roles",
    )
    for field, groups, needed in (
        (
            "account_role_priors",
            packs.account_role_priors.roles,
            {*packs.account_role_priors.group_of_type.values(), packs.account_role_priors.default_group},
        ),
        ("merchant_role_priors", packs.merchant_role_priors.roles, {packs.merchant_role_priors.default_class}),
        ("device_role_priors", packs.device_role_priors.roles, set(packs.device_role_priors.group_of_type.values())),
        (
            "ip_role_priors",
            packs.ip_role_priors.roles,
            {*(rule.group for rule in packs.ip_role_priors.groups), packs.ip_role_priors.default_group},
        ),
    ):
        yield from _missing(field, ("roles",), sorted(needed), groups, "role_group_missing", "roles")
    generated = {name for mix in packs.device_count_priors.device_mix.values() for name in mix}
    yield from _missing(
        "device_role_priors",
        ("group_of_type",),
        sorted(generated),
        packs.device_role_priors.group_of_type,
        "role_group_missing",
        "role group",
    )
    for name, bounds in packs.validation_policy.role_fractions:
        low, high = bounds.model_dump().values()
        if low > high:
            yield _finding(
                "validation_policy", ("role_fractions", name), "range_inverted", f"{name}: {low} lies above {high}"
            )


_CHECKS: tuple[Callable[[Packs], Iterator[Finding]], ...] = (
    _population,
    _segmentation,
    _accounts,
    _instruments,
    _devices,
    _addresses,
    _roles,
)

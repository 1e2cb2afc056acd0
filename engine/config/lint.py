"""Checks that need more than one pack: words that must exist, mixes that must cover, caps above their means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from engine.config.files import PACK_NAMES, Packs, locate
from engine.config.findings import Finding, Path, finding, missing, same, unknown
from engine.config.lint_limits import lint_limits
from engine.config.lint_roles import lint_roles
from engine.config.lint_words import lint_words
from engine.errors import EngineError


def lint_packs(packs: Packs) -> None:
    """Hold the packs to each other.

    Raises:
        EngineError: With the first finding as fact and place, and all of them in ``context["problems"]``.
    """
    findings = [finding for check in _CHECKS for finding in check(packs)]
    if not findings:
        return
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


def _population(packs: Packs) -> Iterator[Finding]:
    size = packs.population_priors.world_size
    if size.N_world_min > size.N_world_max:
        yield finding(
            "population_priors",
            ("world_size", "N_world_min"),
            "world_bounds_inverted",
            f"N_world_min {size.N_world_min} lies above N_world_max {size.N_world_max}",
        )
    if size.seed_scale_clip.min <= 0.0:
        yield finding(
            "population_priors", ("world_size", "seed_scale_clip"), "seed_scale_clip_invalid", "min is not positive"
        )
    weight = packs.population_priors.country_weight
    if not (weight.use_outlets or weight.use_arrivals):
        yield finding(
            "population_priors",
            ("country_weight", "use_outlets"),
            "country_weight_missing",
            "use_outlets and use_arrivals are both off, which leaves countries no weight",
        )
    yield from same(
        "population_priors",
        ("party_type_fallback_share",),
        packs.population_priors.party_type_fallback_share,
        packs.party_taxonomy.party_types,
        "party type",
    )


def _segmentation(packs: Packs) -> Iterator[Finding]:
    field, pack, words = "segmentation_priors", packs.segmentation_priors, packs.party_taxonomy
    types = pack.party_type_share_by_region
    yield from missing(
        field, ("party_type_share_by_region",), words.regions, types, "missing_region_mix", "party type mix"
    )
    yield from unknown(field, ("party_type_share_by_region",), types, words.regions, "unknown_region", "region")
    for region, row in types.items():
        yield from unknown(
            field, ("party_type_share_by_region", region), row, words.party_types, "unknown_party_type", "party type"
        )
    shares = pack.segment_share_by_region
    yield from same(field, ("segment_share_by_region",), shares, words.party_types, "party type")
    for party_type, regions in shares.items():
        where: Path = ("segment_share_by_region", party_type)
        own = [name for name, segment in pack.segments.items() if segment.party_type == party_type]
        yield from missing(field, where, words.regions, regions, "missing_region_mix", "segment mix")
        yield from unknown(field, where, regions, words.regions, "unknown_region", "region")
        for region, row in regions.items():
            yield from unknown(field, (*where, region), row, own, "unknown_segment", "segment")
    for name, segment in pack.segments.items():
        yield from unknown(field, ("segments", name, "tags"), segment.tags, words.tags, "unknown_tag", "tag")


def _accounts(packs: Packs) -> Iterator[Finding]:
    mix, rules, words = packs.product_mix_priors, packs.account_per_party_priors, packs.account_taxonomy
    own = [name for name, word in words.types.items() if word.owner_kind == "PARTY"]
    segments = packs.segmentation_priors.segments
    for name in mix.types:
        if name not in own:
            yield finding(
                "product_mix_priors",
                ("types", name),
                "account_type_not_party_owned",
                f"account type {name} is no party-owned type of the taxonomy",
                "DOMAIN_INVALID",
            )
    yield from missing("account_per_party_priors", ("rules",), mix.types, rules.rules, "account_rule_missing", "rule")
    yield from unknown("account_per_party_priors", ("rules",), rules.rules, own, "unknown_account_type", "account type")
    yield from unknown(
        "product_mix_priors", ("tilt", "weights"), mix.tilt.weights, own, "unknown_account_type", "account type"
    )
    for party_type in packs.party_taxonomy.party_types:
        if not any(entry.party_type == party_type and entry.base_lambda > 0 for entry in mix.types.values()):
            yield finding(
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
            yield finding(
                "product_mix_priors",
                (*where, "party_type"),
                "unknown_party_type",
                f"{name}: unknown party type {entry.party_type}",
            )
        if entry.required and not entry.base_lambda > 0:
            yield finding(
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
            yield finding(
                "account_per_party_priors",
                ("rules", name, "K_max"),
                "invalid_kmax_rule",
                f"{name}: K_max {rule.K_max} exceeds the bound {caps.K_max_global_upper_bound} of all types",
            )
        if max(means, default=0.0) > rule.K_max:
            yield finding(
                "account_per_party_priors",
                ("rules", name, "K_max"),
                "kmax_below_mean",
                f"{name}: K_max {rule.K_max} lies below the mean of {max(means):.4g} accounts per party",
            )
        if rule.p_zero_weight >= 1.0:
            yield finding(
                "account_per_party_priors",
                ("rules", name, "p_zero_weight"),
                "allocation_weights_zero",
                f"{name}: no party would get any",
            )
    for index, item in enumerate(rules.tag_adjustments):
        yield from unknown(
            "account_per_party_priors",
            ("tag_adjustments", index),
            [item.tag],
            packs.party_taxonomy.tags,
            "unknown_tag",
            "tag",
        )
        yield from unknown(
            "account_per_party_priors",
            ("tag_adjustments", index),
            [item.account_type],
            own,
            "unknown_account_type",
            "account type",
        )


def _rule_bounds(field: str, where: Path, sigma: float, bound: float) -> Iterator[Finding]:
    if sigma > bound:
        yield finding(
            field, (*where, "sigma"), "sigma_above_bound", f"{where[-1]}: sigma {sigma} exceeds the bound {bound}"
        )


def _instruments(packs: Packs) -> Iterator[Finding]:
    mix, per, words = packs.instrument_mix_priors, packs.instrument_per_account_priors, packs.instrument_taxonomy
    held = packs.product_mix_priors.types
    yield from missing(
        "instrument_mix_priors", ("lambda_total",), held, mix.lambda_total, "lambda_total_missing", "lambda_total"
    )
    yield from missing(
        "instrument_mix_priors",
        ("instrument_share",),
        held,
        mix.instrument_share,
        "instrument_mix_missing",
        "instrument mix",
    )
    yield from unknown(
        "instrument_mix_priors", ("lambda_total",), mix.lambda_total, held, "unknown_account_type", "account type"
    )
    for account_type, shares in mix.instrument_share.items():
        where: Path = ("instrument_share", account_type)
        yield from unknown(
            "instrument_mix_priors", where, shares, words.types, "unknown_instrument_type", "instrument type"
        )
        rules = per.rules.get(account_type, {})
        yield from missing(
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
                yield finding(
                    "instrument_per_account_priors",
                    (*at, "hard_max"),
                    "invalid_hard_max",
                    f"{account_type} / {name}: hard_max {rule.hard_max} leaves room for {room:.4g}, not for {mean:.4g}",
                )
    yield from unknown(
        "instrument_mix_priors",
        ("scheme_share",),
        mix.scheme_share,
        words.schemes,
        "unknown_scheme_kind",
        "scheme kind",
    )
    for kind, shares in mix.scheme_share.items():
        yield from unknown(
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
    yield from same(field, ("devices_per_party",), pack.devices_per_party, party_types, "party type")
    yield from missing(field, ("device_mix",), party_types, pack.device_mix, "device_mix_missing", "device mix")
    for party_type, shares in pack.device_mix.items():
        where: Path = ("device_mix", party_type)
        yield from unknown(field, where, shares, words.types, "device_type_unknown", "device type")
        for name in shares:
            word = words.types.get(name)
            if word is None:
                continue
            yield from missing(
                field,
                ("alloc_groups",),
                [str(word.alloc_group)],
                pack.alloc_groups,
                "alloc_group_missing",
                "allocation group",
            )
            yield from missing(
                field, ("os_share",), [name], pack.os_share, "os_mix_missing", "mix of operating systems"
            )
            yield from missing(
                "ip_count_priors",
                ("edges_per_device_by_ip_group",),
                [word.ip_group],
                packs.ip_count_priors.edges_per_device_by_ip_group,
                "ip_demand_group_missing_for_device_type",
                "demand",
            )
    for name, shares in pack.os_share.items():
        allowed = words.types[name].allowed_os if name in words.types else ()
        yield from unknown(field, ("os_share", name), shares, allowed, "unknown_os", "operating system")
    for party_type, mean in pack.devices_per_party.items():
        if mean * pack.global_multiplier > pack.caps.max_devices_per_party:
            yield finding(
                field,
                ("caps", "max_devices_per_party"),
                "invalid_max_devices_per_party",
                f"the cap of {pack.caps.max_devices_per_party} lies below the mean of {party_type}",
            )


def _addresses(packs: Packs) -> Iterator[Finding]:
    field, pack, words = "ip_count_priors", packs.ip_count_priors, packs.ip_taxonomy
    regions = packs.party_taxonomy.regions
    where: Path = ("type_share_by_region",)
    yield from missing(
        field, where, regions, pack.type_share_by_region, "ip_type_mix_missing_region", "address type mix"
    )
    yield from unknown(field, where, pack.type_share_by_region, regions, "unknown_region", "region")
    shares: dict[str, float] = {}
    for index, cell in enumerate(pack.cells):
        yield from unknown(field, ("cells", index), [cell.ip_type], words.ip_types, "ip_type_unknown", "address type")
        yield from unknown(
            field, ("cells", index), [cell.asn_class], words.asn_classes, "asn_class_unknown", "ASN class"
        )
        shares[cell.ip_type] = shares.get(cell.ip_type, 0.0) + cell.asn_share
        if cell.mean_devices_per_ip > pack.caps.max_devices_per_ip:
            yield finding(
                field,
                ("cells", index),
                "invalid_max_devices_per_ip",
                f"{cell.ip_type} / {cell.asn_class}: the cap of {pack.caps.max_devices_per_ip} lies below the mean",
            )
    for name, total in shares.items():
        if abs(total - 1.0) > 1e-6:
            yield finding(
                field, ("cells",), "shares_do_not_sum_to_one", f"ASN shares of {name} sum to {total:.9g}, not to 1"
            )
    for region, row in pack.type_share_by_region.items():
        yield from unknown(field, (*where, region), row, words.ip_types, "ip_type_unknown", "address type")
        yield from missing(field, ("cells",), row, shares, "asn_mix_missing", "cell")
    for group, mean in pack.edges_per_device_by_ip_group.items():
        if mean > pack.caps.max_ips_per_device:
            yield finding(
                field,
                ("edges_per_device_by_ip_group", group),
                "invalid_max_ips_per_device",
                f"{group}: the cap lies below the mean",
            )


_CHECKS: tuple[Callable[[Packs], Iterator[Finding]], ...] = (
    _population,
    _segmentation,
    _accounts,
    _instruments,
    _devices,
    _addresses,
    lint_roles,
    lint_limits,
    lint_words,
)

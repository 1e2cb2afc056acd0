"""The packs cut into what one state reads."""

from __future__ import annotations

from engine.config.files import Packs
from engine.contracts.vocabulary import Vocabularies
from engine.states.s2_priors import AccountPriors, AccountRule, PartyVocabulary, TagAdjustment
from engine.states.s3 import InstrumentPriors, InstrumentRule, InstrumentVocabulary
from engine.states.s4 import DeviceRule, GraphPriors, GraphVocabulary, GroupRule, IpCellRule


def party_vocabulary(words: Vocabularies) -> PartyVocabulary:
    """Vocabularies of parties and accounts."""
    return PartyVocabulary(
        countries=words["country"],
        regions=words["region"],
        party_types=words["party_type"],
        segments=words["segment"],
        account_types=words["account_type"],
    )


def instrument_vocabulary(words: Vocabularies) -> InstrumentVocabulary:
    """Vocabularies of instruments."""
    return InstrumentVocabulary(
        party_types=words["party_type"],
        account_types=words["account_type"],
        instrument_types=words["instrument_type"],
        schemes=words["scheme"],
    )


def graph_vocabulary(words: Vocabularies) -> GraphVocabulary:
    """Vocabularies of devices and addresses."""
    return GraphVocabulary(
        party=party_vocabulary(words),
        device_types=words["device_type"],
        os_families=words["os_family"],
        ip_types=words["ip_type"],
        asn_classes=words["asn_class"],
    )


def account_priors(packs: Packs) -> AccountPriors:
    """What S2 reads."""
    mix, per = packs.product_mix_priors, packs.account_per_party_priors
    segments = packs.segmentation_priors.segments
    held: dict[str, list[str]] = {}
    for name, entry in mix.types.items():
        held.setdefault(entry.party_type, []).append(name)
    return AccountPriors(
        rules={
            name: AccountRule(
                party_type=entry.party_type,
                required=entry.required,
                base_lambda=entry.base_lambda,
                k_max=per.rules[name].K_max,
                p_zero_weight=per.rules[name].p_zero_weight,
                sigma=per.rules[name].sigma,
            )
            for name, entry in mix.types.items()
        },
        domain={
            (segment.party_type, name): tuple(sorted(held[segment.party_type])) for name, segment in segments.items()
        },
        tilt=mix.tilt.weights,
        tilt_center=mix.tilt.center,
        tilt_clip=mix.tilt.clip,
        features={name: segment.features for name, segment in segments.items()},
        tags={name: segment.tags for name, segment in segments.items()},
        tag_adjustments=tuple(
            TagAdjustment(item.tag, item.account_type, item.p_zero_weight_factor, item.sigma_factor, item.min, item.max)
            for item in per.tag_adjustments
        ),
        weight_floor=per.weight_floor,
        cap_mode=per.caps.cap_enforcement_mode,
        max_kmax_violations=per.caps.max_allowed_kmax_violations,
        max_total_lambda=mix.constraints.max_total_lambda_per_party_by_party_type,
        min_types=mix.constraints.min_nonzero_account_types_in_domain,
    )


def instrument_priors(packs: Packs) -> InstrumentPriors:
    """What S3 reads."""
    mix, per, words = packs.instrument_mix_priors, packs.instrument_per_account_priors, packs.instrument_taxonomy
    rules = {}
    for account_type, shares in mix.instrument_share.items():
        for name, share in shares.items():
            rule = per.rules[account_type][name]
            rules[account_type, name] = InstrumentRule(share, rule.hard_max, rule.p_zero_weight, rule.sigma)
    return InstrumentPriors(
        lambda_total=mix.lambda_total,
        rules=rules,
        scheme_kind={name: word.default_scheme_kind for name, word in words.types.items() if word.default_scheme_kind},
        scheme_shares={kind: tuple(shares.items()) for kind, shares in mix.scheme_share.items()},
        schemes_of_kind=words.schemes,
        weight_floor=per.weight_floor,
    )


def graph_priors(packs: Packs) -> GraphPriors:
    """What S4 reads."""
    device, ip, words = packs.device_count_priors, packs.ip_count_priors, packs.device_taxonomy
    generated = sorted({name for mix in device.device_mix.values() for name in mix})
    return GraphPriors(
        devices_per_party=device.devices_per_party,
        global_multiplier=device.global_multiplier,
        device_mix={party_type: tuple(mix.items()) for party_type, mix in device.device_mix.items()},
        devices={
            name: DeviceRule(
                alloc_group=str(words.types[name].alloc_group),
                ip_group=words.types[name].ip_group,
                os_shares=tuple(device.os_share[name].items()),
            )
            for name in generated
        },
        groups={name: GroupRule(group.p_zero_weight, group.sigma) for name, group in device.alloc_groups.items()},
        edges_per_device=ip.edges_per_device_by_ip_group,
        ip_type_share={region: tuple(mix.items()) for region, mix in ip.type_share_by_region.items()},
        ip_cells=tuple(
            IpCellRule(cell.ip_type, cell.asn_class, cell.asn_share, cell.mean_devices_per_ip) for cell in ip.cells
        ),
        max_devices_per_party=device.caps.max_devices_per_party,
        max_ips_per_device=ip.caps.max_ips_per_device,
        max_devices_per_ip=ip.caps.max_devices_per_ip,
        coverage_target=packs.validation_policy.distribution.device_ip_coverage.min_fraction,
        weight_floor=device.weight_floor,
    )

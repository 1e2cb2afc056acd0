"""Rules and caps that no state looks at while it draws: held before, so that none is taken in for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.files import Packs
from engine.config.findings import Finding, Path, finding
from engine.upstream.gates import GATES


def lint_limits(packs: Packs) -> Iterator[Finding]:
    """Holders, instruments and links that must or cannot be; the largest world; the gates that S0 opens by."""
    yield from _holders(packs)
    yield from _instruments(packs)
    yield from _largest_world(packs)
    yield from _addresses(packs)
    yield from _gates(packs)


def _holders(packs: Packs) -> Iterator[Finding]:
    """Count models that the pack itself names, and zero gates that leave required types enough parties."""
    field, pack = "account_per_party_priors", packs.account_per_party_priors
    for name, rule in pack.rules.items():
        if rule.count_model not in pack.count_models_supported:
            fact = f"{name}: count model {rule.count_model} is not among count_models_supported"
            yield finding(field, ("rules", name, "count_model"), "unsupported_count_model", fact)
    least = pack.caps.required_types_min_weighted_coverage
    for name, entry in packs.product_mix_priors.types.items():
        held = pack.rules.get(name)
        if held is not None and entry.required and 1.0 - held.p_zero_weight < least.get(entry.party_type, 0.0):
            fact = (
                f"{name}: p_zero_weight {held.p_zero_weight} leaves less than {least[entry.party_type]} of its parties"
            )
            yield finding(field, ("rules", name, "p_zero_weight"), "required_coverage_missed", fact)


def _instruments(packs: Packs) -> Iterator[Finding]:
    """Accounts that cannot do without an instrument expect some; no rule stands for a pair that cannot be."""
    mix, words, held = packs.instrument_mix_priors, packs.instrument_taxonomy.types, packs.product_mix_priors.types
    for name in held:
        account = packs.account_taxonomy.types.get(name)
        if account is not None and account.requires_instrument and not mix.lambda_total.get(name, 0.0) > 0.0:
            yield finding(
                "instrument_mix_priors",
                ("lambda_total", name),
                "mandatory_instrument_without_weight",
                f"{name} requires an instrument, yet none are expected",
            )
    field = "instrument_per_account_priors"
    for account_type, rules in packs.instrument_per_account_priors.rules.items():
        where: Path = ("rules", account_type)
        for name in rules:
            if name not in mix.instrument_share.get(account_type, {}):
                fact = f"{account_type} / {name}: the mix has no share for this rule"
                yield finding(field, (*where, name), "instrument_rule_unused", fact)
            word, owner = words.get(name), held.get(account_type)
            if word is None or owner is None:
                continue
            if word.owner_kind != "PARTY" or owner.party_type not in word.party_types:
                owners = ", ".join(word.party_types) if word.owner_kind == "PARTY" else word.owner_kind
                fact = f"{account_type} / {name}: the instrument is for {owners}, the account of {owner.party_type}"
                yield finding(field, (*where, name), "instrument_pair_ineligible", fact)


def _largest_world(packs: Packs) -> Iterator[Finding]:
    """A world of N_world_max parties keeps the caps of devices, addresses and links that no state counts."""
    device, ip = packs.device_count_priors, packs.ip_count_priors
    parties = packs.population_priors.world_size.N_world_max
    devices = parties * max(device.devices_per_party.values(), default=0.0) * device.global_multiplier
    links = devices * max(ip.edges_per_device_by_ip_group.values(), default=0.0)
    ips = links / min((cell.mean_devices_per_ip for cell in ip.cells), default=1.0)
    for field, name, cap, most in (
        ("device_count_priors", "max_total_devices_world", device.caps.max_total_devices_world, devices),
        # Every device has one link, to its owner.
        ("device_count_priors", "max_total_device_edges_world", device.caps.max_total_device_edges_world, devices),
        ("ip_count_priors", "max_total_ips_world", ip.caps.max_total_ips_world, ips),
        ("ip_count_priors", "max_total_ip_edges_world", ip.caps.max_total_ip_edges_world, links),
    ):
        if most > cap:
            fact = f"{name} {cap:,} lies below the {most:,.0f} of a world of {parties:,} parties"
            yield finding(field, ("caps", name), "world_cap_below_largest_world", fact)


def _addresses(packs: Packs) -> Iterator[Finding]:
    field, pack = "ip_count_priors", packs.ip_count_priors
    if pack.caps.max_parties_per_ip < pack.caps.max_devices_per_ip:
        # The draw counts devices: a party behind an address has at least one on it.
        fact = f"max_parties_per_ip lies below max_devices_per_ip {pack.caps.max_devices_per_ip}, which alone is kept"
        yield finding(field, ("caps", "max_parties_per_ip"), "invalid_max_parties_per_ip", fact)
    for index, cell in enumerate(pack.cells):
        if cell.mean_devices_per_ip < pack.caps.eps_min_mu_dev_per_ip:
            fact = f"{cell.ip_type} / {cell.asn_class}: the mean lies below eps_min_mu_dev_per_ip"
            yield finding(field, ("cells", index, "mean_devices_per_ip"), "mean_devices_per_ip_below_least", fact)


def _gates(packs: Packs) -> Iterator[Finding]:
    """S0 verifies eight gates, whatever a policy asks for; so the policy must ask for these."""
    required = packs.validation_policy.upstream_pass_required
    for layer, asked in enumerate((required.layer1, required.layer2, required.layer3), start=1):
        known = sorted(name for name, gate in GATES.items() if gate.layer == layer)
        if sorted(asked) != known:
            fact = f"layer {layer} asks for {', '.join(asked) or 'none'}; S0 verifies {', '.join(known) or 'none'}"
            where = ("upstream_pass_required", f"layer{layer}")
            yield finding("validation_policy", where, "upstream_gates_differ", fact)

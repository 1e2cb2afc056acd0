"""Vocabularies: the sorted words that codes point into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.config import Packs

Vocabularies = Mapping[str, tuple[str, ...]]
"""Vocabulary name to its words, sorted; a word's code is its index."""


def vocabularies(packs: Packs, countries: Iterable[str]) -> Vocabularies:
    """Every vocabulary that a contract names.

    Args:
        packs: Where the words come from.
        countries: Countries of the world, which only the upstream inputs know.
    """
    generated_devices = {name for mix in packs.device_count_priors.device_mix.values() for name in mix}
    instruments = {name for mix in packs.instrument_mix_priors.instrument_share.values() for name in mix}
    words: dict[str, Iterable[str]] = {
        "country": countries,
        "region": packs.party_taxonomy.regions,
        "party_type": packs.party_taxonomy.party_types,
        "segment": packs.segmentation_priors.segments,
        "account_type": packs.product_mix_priors.types,
        "instrument_type": instruments,
        "scheme": (name for names in packs.instrument_taxonomy.schemes.values() for name in names),
        "device_type": generated_devices,
        "os_family": (name for names in packs.device_taxonomy.os_families.values() for name in names),
        "ip_type": packs.ip_taxonomy.ip_types,
        "asn_class": packs.ip_taxonomy.asn_classes,
        "device_link_role": packs.graph_linkage_rules.device_link_roles,
        "ip_link_role": packs.graph_linkage_rules.ip_link_roles,
        "risk_tier": packs.fraud_role_taxonomy.risk_tiers,
        **{f"{entity.lower()}_role": roles for entity, roles in packs.fraud_role_taxonomy.roles.items()},
    }
    return MappingProxyType({name: tuple(sorted(set(entries))) for name, entries in words.items()})

"""Rules and caps that no state looks at while it draws: held before, so that none is taken in for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.files import Packs
from engine.config.findings import Finding, Path, finding


def lint_limits(packs: Packs) -> Iterator[Finding]:
    """Instruments that must be there, pairs that cannot be."""
    yield from _instruments(packs)


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

"""What S2 refuses: packs that give parties no account, the wrong account, or a cap that cannot be kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import EngineError
from engine.states.s2_priors import CAPPED, AccountPriors, PartyVocabulary

_MOST = np.iinfo(np.uint8).max


def error(code: str, reason: str, fact: str, place: str, remedy: str, **context: object) -> EngineError:
    """An error of this state."""
    return EngineError(code=f"6A.S2.{code}", reason=reason, fact=fact, place=place, remedy=remedy, context=context)


def check_rule(priors: AccountPriors, vocabulary: PartyVocabulary, party_type: str, account_type: str) -> None:
    """Refuse an account type without a rule, without a word, of another party type, or with a cap out of bounds.

    Raises:
        EngineError: PRIOR_PACK_INVALID, DOMAIN_INVALID.
    """
    place = f"account_per_party_priors, rules.{account_type}"
    rule = priors.rules.get(account_type)
    if rule is None:
        raise error(
            "PRIOR_PACK_INVALID",
            "account_rule_missing",
            f"account type {account_type} has no rule",
            place,
            "add a rule for the type or take it out of product_mix_priors",
        )
    if account_type not in vocabulary.account_types:
        raise error(
            "DOMAIN_INVALID",
            "account_type_not_party_owned",
            f"account type {account_type} is none that parties hold",
            "product_mix_priors, types",
            "take the type out of the pack",
        )
    if rule.party_type != party_type:
        raise error(
            "DOMAIN_INVALID",
            "account_type_not_allowed_for_party",
            f"account type {account_type} is for {rule.party_type}, not for {party_type}",
            "product_mix_priors, types",
            "list the type under its own party type",
        )
    if priors.cap_mode == CAPPED and not 1 <= rule.k_max <= _MOST:
        raise error(
            "PRIOR_PACK_INVALID",
            "invalid_kmax_rule",
            f"K_max {rule.k_max} of {account_type} lies outside 1 to {_MOST}",
            f"{place}.K_max",
            "correct the cap",
        )


def check_domain(priors: AccountPriors, expected: Mapping[str, float], place: str) -> None:
    """Refuse a cell that may hold nothing, or expects none of a required type.

    Raises:
        EngineError: DOMAIN_INVALID.
    """
    if not expected:
        raise error(
            "DOMAIN_INVALID",
            "zero_domain_cell",
            "parties of this cell may hold no account type",
            place,
            "list at least one account type for the party type in product_mix_priors",
        )
    for account_type, value in expected.items():
        if value <= 0.0 and priors.rules[account_type].required:
            raise error(
                "DOMAIN_INVALID",
                "required_account_type_zero_lambda",
                f"required account type {account_type} has expectation {value}",
                place,
                "give the type a positive base_lambda in product_mix_priors",
            )

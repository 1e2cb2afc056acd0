"""No figure of a pack is accepted and then ignored without saying so: it is read, or it stands here with its reason."""

import ast
from pathlib import Path
from typing import Literal, get_args, get_origin

from engine.config import PACK_NAMES
from engine.config.base import Table

ENGINE = Path(__file__).parents[3] / "engine"

CARRIED = {
    "the written contract has it; the generator does not read it": {"declared"},
    "names the count model of a rule and its figures, which belong to drawing counts one by one": {
        "kappa", "p_zero",
    },
    "a corridor that the realism of a finished world is held to, not a figure of its making": {
        "max_country_share_cap", "max_max", "odds_ratio", "p99_max", "published_share",
        "tier_mass",
    },
    "a cap of links that this world has none of": {
        "max_devices_per_account", "max_devices_per_merchant", "max_parties_per_ip",
    },
    "every mean is positive by its type": {"eps_min_mu_dev_per_ip"},
    "every type has its rule, so that the coverage is whole": {"required_types_min_weighted_coverage"},
    "bounds whose two names differ by entity are read together": {
        "max_fraud_fraction", "max_risky_fraction", "min_fraud_fraction", "min_risky_fraction",
    },
    "link roles stand under these words; what a role asks of accounts and instruments binds later segments": {
        "forbids", "requires", "scope",
    },
    "says what a word of the taxonomy means, for those who use the tables": {
        "allowed_ua", "anonymizing", "brand_tiers", "can_be_joint", "capabilities", "chargeback", "classes",
        "compatible_asn_classes", "currency_policies", "currency_policy", "identifier", "identifier_types",
        "is_business", "kind", "ledger_class", "ledger_classes", "mobile", "owner_kinds", "physical",
        "product_families", "product_family", "requires_instrument", "risk_flags", "shared_infrastructure",
        "static_risk_tiers", "supports_chargeback", "terminal", "token_types", "tokenizable", "ua_families", "virtual",
    },
    "says in which words the realism of roles is compared": {"t8_compare_space"},
    "the chance of a tier that is not listed, where all four are": {"default"},
}  # fmt: skip


def parts(annotation):
    """An annotation and all that it is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from parts(argument)


def leaves(model):
    """(name, annotation) of every field of a pack that holds figures or words rather than a table."""
    for name, field in model.model_fields.items():
        inner = [kind for kind in parts(field.annotation) if isinstance(kind, type) and issubclass(kind, Table)]
        if not inner:
            yield name, field.annotation
        for table in inner:
            yield from leaves(table)


def attributes(path):
    """Names that the functions of a module read of objects; fields are declared outside of functions."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            yield from (node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute))


def test_every_figure_of_a_pack_is_read_or_carried_for_a_reason():
    read = {name for path in ENGINE.rglob("*.py") for name in attributes(path)}
    fields = dict(leaf for pack in PACK_NAMES for leaf in leaves(pack.model))
    # A field that admits named values alone says what the code takes for granted.
    open_ = {name for name, annotation in fields.items() if Literal not in map(get_origin, parts(annotation))}
    carried = set().union(*CARRIED.values())
    assert sorted(open_ - read - carried) == [], "accepted, and read by nothing"
    assert sorted(carried - open_) == [], "carried, and in no pack"
    assert sorted(carried & read) == [], "carried, and yet read"

"""Every key of every pack matters: whoever changes one is refused, or makes or judges another world.

Each leaf is changed in several ways. A change that its form alone forbids says nothing; one that the packs forbid, or
that another world follows from, shows that the key is read. A key marked ``Carried`` must show nothing of the kind.
"""

import copy
import dataclasses
from collections import defaultdict
from typing import Literal, get_args, get_origin

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from engine.config import PACK_NAMES, PACKS, load_packs, views
from engine.config.base import Carried, Table
from engine.config.lint import lint_packs
from engine.contracts import vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey
from engine.states import s1, s5
from engine.upstream import Demand
from engine.validation import overall_status, run_checks, take_census
from engine.validation.checks import Check
from engine.validation.shares import shares
from tests.engine.kernels.worlds import Stream

DEMAND = Demand({"DE": 4_000, "FR": 1_000}, {"DE": 250_000.0, "FR": 350_000.0}, np.arange(1, 1_239))
# Held against the manifest by the loader, and recorded by the seal.
ELSEWHERE = {"pack", "version"}
TREES = {name.field: yaml.safe_load((PACKS / name.path).read_text()) for name in PACK_NAMES}
# What is switched off, and what is kept by all, cannot show what it does.
TREES["ip_role_priors"]["sharing_promotion"]["enabled"] = True
TREES["account_per_party_priors"]["count_models_supported"].remove("bernoulli_cap1_v1")
TREES["instrument_mix_priors"]["lambda_total"]["OTHER_SAVINGS"] = 0.0
TREES["validation_policy"]["role_mapping"]["require_full_mapping"] = False
for entity, unmapped in (("DEVICE", "BOT_LIKE_DEVICE"), ("IP", "PROXY_IP")):
    del TREES["validation_policy"]["role_mapping"]["raw_to_published"][entity][unmapped]


def packs_of(**trees):
    return {name.field: name.model.model_validate(trees[name.field]) for name in PACK_NAMES if name.field in trees}


BASE = dataclasses.replace(load_packs(), **packs_of(**TREES))


def leaves(value, where=(), key="", options=(), mark=None):
    """(key, mark, path, words that it may be) of every leaf; a row of words or numbers is one leaf."""
    entries = value.values() if isinstance(value, dict) else value
    if isinstance(value, Table):
        for name, field in type(value).model_fields.items():
            if name not in ELSEWHERE and name in value.model_fields_set:
                own = next((item for item in field.metadata if isinstance(item, Carried)), mark)
                words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
                yield from leaves(getattr(value, name), (*where, field.alias or name), f"{key}.{name}", words, own)
    elif not mark and isinstance(value, dict | tuple) and isinstance(next(iter(entries), 0), Table | dict | tuple):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[name], (*where, name), f"{key}.*", options, mark)
    else:
        yield key, mark, where, options


def changes(value, options=()):
    """Other values of a leaf."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value * factor for factor in (0, 0.5, 0.7, 1.1, 2, 10_000))
        yield from (value + 1, value - 1, value // 1_000, 1, 100)
    elif isinstance(value, str):
        yield from (*options, "UNKNOWN")
    elif isinstance(value, list):
        yield from (value[::-1], value[:-1], [*value, "UNKNOWN"])
    elif isinstance(value, dict):
        yield dict(zip(value, [*list(value.values())[1:], *list(value.values())[:1]], strict=True))
        for key in list(value)[:3]:
            yield from ({**value, key: other} for other in changes(value[key]))
    else:
        yield 1.0


def read(tree, where):
    for key in where:
        tree = tree[key]
    return tree


def effects(field, where, options, judge):
    """What becomes of each change: ``form``, ``refused``, ``same`` or ``another``."""
    (outcome, before), now = judge, read(TREES[field], where)
    for value in changes(now, options):
        tree = copy.deepcopy(TREES[field])
        read(tree, where[:-1])[where[-1]] = value
        try:
            packs = dataclasses.replace(BASE, **packs_of(**{field: tree}))
            lint_packs(packs)
            if value != now:
                yield "same" if outcome(packs) == before else "another"
        except ValidationError:
            yield "form"
        except EngineError:
            yield "refused"


@pytest.fixture(scope="module")
def made(witness):
    """What the states are given, and what the checks say."""
    census = take_census(witness.tables, DEMAND.merchants)

    def outcome(packs):
        words, checks = vocabularies(packs, DEMAND.outlets), run_checks(census, packs)
        parties = s1.plan_parties(packs, words, DEMAND, counts=Stream(), attributes=Stream())
        given = views.account_priors(packs), views.instrument_priors(packs), views.graph_priors(packs)
        roles = s5.plan_roles(packs, words, WorldKey(42, "a" * 64, "b" * 64, "0" * 32))
        status = overall_status((*checks, Check("DOUBT", "WARN", {}, {})), packs)
        return repr((words, parties, given, roles, checks, status))

    return outcome, outcome(BASE)


@pytest.fixture(scope="module")
def recounted(witness):
    """How the shares of a world are judged; it takes longer."""

    outcome = lambda packs: repr(shares(witness.tables, packs, vocabularies(packs, DEMAND.outlets)))  # noqa: E731
    return outcome, outcome(BASE)


@pytest.mark.parametrize("field", TREES)
def test_every_key_matters_or_is_marked_as_carried(made, recounted, field):
    # Entries of a table differ in their words alone: one that matters shows that the key does.
    groups, found = defaultdict(list), defaultdict(set)
    for key, mark, where, options in leaves(getattr(BASE, field)):
        groups[key, mark].append((where, options))

    def shown(key, group, judge):
        for where, options in group:
            for effect in effects(field, where, options, judge):
                found[key].add(effect)
                if effect in {"refused", "another"}:
                    return True
        return False

    for (key, mark), group in groups.items():
        if mark:
            assert not shown(key, group[:1], made), f"{key} is marked as carried, and is read"
        else:
            read_at_all = shown(key, group, made) or found[key] == {"form"} or shown(key, group, recounted)
            assert read_at_all, f"{key} is ignored"

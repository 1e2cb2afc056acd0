"""Countries share the parties by what the priors say weighs."""

import dataclasses

import numpy as np
import pytest

from engine.config import load_packs
from engine.contracts import vocabularies
from engine.kernels.ties import CounterStream
from engine.states import s1
from engine.upstream.demand import Demand

PACKS = load_packs()
OUTLETS, ARRIVALS = {"DE": 900, "FR": 100}, {"DE": 1e6, "FR": 9e6}


def parties(outlets=OUTLETS, arrivals=ARRIVALS, **changed):
    """Parties by country under a changed country weight."""
    law = PACKS.population_priors.country_weight.model_copy(update=changed)
    packs = dataclasses.replace(
        PACKS, population_priors=PACKS.population_priors.model_copy(update={"country_weight": law})
    )
    ties = (
        CounterStream(label, manifest_fingerprint="a" * 64, parameter_hash="b" * 64, seed=1)
        for label in (s1.SIZE_STREAM, s1.ATTRIBUTE_STREAM)
    )
    demand = Demand(outlets=outlets, arrivals=arrivals, merchants=np.arange(1, 9))
    plan = s1.plan_parties(packs, vocabularies(packs, outlets), demand, counts=next(ties), attributes=next(ties))
    return [int(plan.blocks.count[plan.blocks.country == code].sum()) for code in range(len(outlets))]


@pytest.mark.parametrize(
    ("off", "same"),
    [("use_outlets", {"outlets": {"DE": 10, "FR": 990}}), ("use_arrivals", {"arrivals": {"DE": 9e6, "FR": 1e6}})],
)
def test_what_is_switched_off_weighs_nothing(off, same):
    assert parties(**{off: False}) == parties(**{off: False}, **same)
    assert parties() != parties(**same)
    assert parties() != parties(**{off: False})

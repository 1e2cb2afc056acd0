"""How countries share the parties of a world: by outlets, by arrivals, or by both."""

import dataclasses

import numpy as np
import pytest

from engine.config import load_packs
from engine.contracts import vocabularies
from engine.states.s1 import plan_parties
from engine.upstream import Demand
from tests.engine.kernels.worlds import Stream

DEMAND = Demand({"DE": 4_000, "FR": 1_000}, {"DE": 200_000.0, "FR": 900_000.0}, np.arange(1, 9))


def shares(**law):
    packs = load_packs()
    population = packs.population_priors
    population = population.model_copy(update={"country_weight": population.country_weight.model_copy(update=law)})
    packs = dataclasses.replace(packs, population_priors=population)
    words = vocabularies(packs, DEMAND.outlets)
    plan = plan_parties(packs, words, DEMAND, counts=Stream(), attributes=Stream())
    return np.bincount(plan.blocks.country, weights=plan.blocks.count) / plan.total


def expected(weight):
    weights = np.array([weight(DEMAND.outlets[name], DEMAND.arrivals[name]) for name in ("DE", "FR")])
    return pytest.approx(weights / weights.sum(), abs=1e-5)


def outlets_alone(outlets, _):
    return (outlets + 40.0) ** 0.85


def arrivals_alone(_, arrivals):
    return (arrivals + 800.0) ** 0.18


def test_a_weight_that_is_switched_off_takes_no_part():
    both = expected(lambda outlets, arrivals: outlets_alone(outlets, arrivals) * arrivals_alone(outlets, arrivals))
    assert shares() == both
    assert shares(use_arrivals=False) == expected(outlets_alone)
    assert shares(use_outlets=False) == expected(arrivals_alone)
    assert shares(use_arrivals=False) != both


def test_a_country_that_is_not_counted_weighs_the_floor():
    assert shares(use_arrivals=False, country_weight_floor=1e9) == pytest.approx([0.5, 0.5], abs=1e-5)

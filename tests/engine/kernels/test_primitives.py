"""Hashes, counters, tables and small splits against vectors and their own laws."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.kernels import backend, hashing, philox, reference, weights
from engine.kernels.remainder import largest_remainder
from engine.kernels.spread import spread
from engine.kernels.ties import CounterStream
from tests.engine.kernels import worlds

ROOT = Path(__file__).resolve().parents[3]
WORLD = {"manifest_fingerprint": worlds.MANIFEST, "parameter_hash": worlds.PARAMETERS}


@pytest.mark.parametrize(
    ("state", "kind", "label", "key", "uniform"),
    [
        ("S2", "RETAIL_CURRENT_BASIC", "zero_gate", 10745969320098038761, 0.4621682445195675),
        ("S2", "RETAIL_CURRENT_BASIC", "weight", 9337570724174009811, 0.7125803482224377),
        ("S3", "RETAIL_DEBIT_CARD_PHYSICAL", "zero_gate", 10415969055252556245, 0.3134011228405227),
    ],
)
def test_entity_streams_meet_their_vectors(state, kind, label, key, uniform):
    assert hashing.entity_key(state, kind, label, seed=None, **WORLD) == key
    assert int(hashing.mix(np.array([1]), key)[0] >> np.uint64(11)) * 2.0**-53 == uniform


def test_pair_streams_meet_their_vectors():
    key = hashing.pair_key("s4", "os_family|REGION_AFRICA", seed=None, **WORLD)
    drawn = hashing.mix_pair(np.array([16, 16]), np.array([0, 1]), key)
    assert key == 8878730076322492420
    assert (drawn / 2.0**64).tolist() == [0.16042548862761324, 0.9408704069263792]


def test_counter_streams_meet_their_vectors():
    stream = CounterStream("party_count_realisation", seed=42, **WORLD)
    assert (stream.key, stream.hi, stream.lo) == (11434829242533350270, 17280916102221372781, 7754152081565572128)
    words = stream.reserve(2).words(np.array([0, 1]))
    assert words.tolist() == [14561967151494012831, 10444284376814140236]


def test_a_seed_moves_every_key():
    for key in (hashing.entity_key, hashing.pair_key):
        args = ("S2", "T", "weight") if key is hashing.entity_key else ("s4", "label")
        assert len({key(*args, seed=seed, **WORLD) for seed in (None, 42, 7, 101, 202)}) == 5


def _philox(key: int, counter: int) -> tuple[int, int]:
    lane_0, lane_1 = counter % 2**64, counter >> 64
    for turn in range(10):
        product = 0xD2B74407B1CE6E93 * lane_0
        lane_0, lane_1 = (product >> 64) ^ ((key + turn * 0x9E3779B97F4A7C15) % 2**64) ^ lane_1, product % 2**64
    return lane_0, lane_1


@given(
    key=st.integers(0, 2**64 - 1),
    counter=st.one_of(st.integers(0, 2**128 - 1), st.integers(2**64 - 5, 2**64 + 5)),
    positions=st.lists(st.integers(0, 50), min_size=1, max_size=20),
)
def test_a_word_by_position_is_the_word_of_its_block(key, counter, positions):
    words = philox.words_at(key, counter >> 64, counter % 2**64, np.array(positions, dtype=np.int64)).tolist()
    assert words == [_philox(key, (counter + at // 2) % 2**128)[at % 2] for at in positions]


@given(sizes=st.lists(st.integers(0, 9), max_size=8))
def test_reservations_of_a_stream_follow_each_other_block_by_block(sizes):
    stream = CounterStream("label", seed=1, **WORLD)
    counter = (stream.hi << 64) + stream.lo
    for draws in sizes:
        taken = stream.reserve(draws)
        assert (taken.hi << 64) + taken.lo == counter
        counter = (counter + math.ceil(draws / 2)) % 2**128
    with pytest.raises(IndexError):
        stream.reserve(3).words(np.array([3]))


def test_exponential_and_logarithm_are_right_to_the_last_bits():
    x = np.linspace(-20.0, 20.0, 20001)
    assert np.all(np.abs(weights.exp(x) / np.exp(x) - 1.0) <= 2.0**-51)
    y = np.linspace(1e-6, 3.0, 20001)
    assert np.all(np.abs(weights.log(y) - np.log(y)) <= 2.0**-49)


def test_quantiles_are_those_of_the_normal_distribution():
    u = np.concatenate([np.linspace(1e-5, 0.05, 300), np.linspace(0.05, 1 - 1e-5, 700)])
    exact = np.array([NormalDist().inv_cdf(value) for value in u])
    assert np.max(np.abs(weights.normal_quantile(u) - exact)) < 1e-8


@pytest.mark.parametrize("sigma", [0.0, 0.25, 0.9, 1.265, 2.0])
def test_weights_rise_have_mean_one_and_never_vanish(sigma):
    table = weights.weight_table(sigma, 1e-6)
    assert bool(np.all(np.diff(table.astype(np.int64)) >= 0))
    assert int(table.min()) >= 1
    assert float(table.mean()) / 2.0**weights.FRACTION_BITS == pytest.approx(1.0, abs=0.004)
    assert not table.flags.writeable


@pytest.mark.parametrize(("sigma", "floor"), [(-0.1, 1e-6), (math.nan, 1e-6), (math.inf, 1e-6), (1.0, 0.0)])
def test_a_weight_refuses_figures_without_meaning(sigma, floor):
    with pytest.raises(ValueError, match="sigma"):
        weights.weight_table(sigma, floor)


@given(
    targets=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=30),
    shift=st.integers(-20, 20),
    drawn=st.booleans(),
)
def test_a_small_split_keeps_its_sum_and_stays_near_its_targets(targets, shift, drawn):
    total = max(0, round(math.fsum(targets)) + shift)
    stream = worlds.Stream()
    counts, taken = largest_remainder(targets, total, stream if drawn else None)
    assert sum(counts) == total
    assert min(counts) >= 0
    missing = total - sum(math.floor(target) for target in targets)
    assert [reservation.draws for reservation in taken] == ([len(targets)] if drawn and missing > 0 else [])
    if 0 <= missing <= len(targets):
        assert all(abs(count - target) <= 1.0 for count, target in zip(counts, targets, strict=True))
        order = sorted(range(len(targets)), key=lambda i: Fraction(targets[i]) - math.floor(targets[i]))
        gained = [counts[i] - math.floor(targets[i]) for i in order]
        rests = [Fraction(targets[i]) - math.floor(targets[i]) for i in order]
        assert all(gained[i] >= gained[j] for i in range(len(order)) for j in range(i) if rests[i] > rests[j])


@pytest.mark.parametrize(("targets", "total"), [([-1.0], 1), ([math.nan], 1), ([1.0], -1), ([], 3)])
def test_a_small_split_refuses_what_it_cannot_split(targets, total):
    with pytest.raises(ValueError, match="targets"):
        largest_remainder(targets, total)


@pytest.mark.parametrize("twin", ["numpy", "compiled"])
@pytest.mark.parametrize(("sigma", "most", "amount"), [(0.0, 2, 30_000), (0.9, 4, 45_000), (1.1, 6, 90_000)])
def test_a_medium_cell_is_that_of_the_reference(twin, sigma, most, amount):
    size = 25_000
    ids = np.arange(1000, 1000 + size, dtype=np.uint32)
    table = weights.weight_table(sigma, 1e-6)
    weight = reference.weigh(ids.tolist(), 5, hashing.below(0.35), 6, table)
    expected, rest, taken = reference.spread(amount, weight, [most] * size, ties=worlds.Stream())
    room, out = np.full(size, most, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    drawn = np.empty(size, dtype=np.uint32)
    loops = backend.loops(twin)
    loops.weigh(ids[:1], np.array([size]), 5, hashing.below(0.35), 6, table, drawn)
    result = spread(amount, drawn, room, out, loops, ties=worlds.Stream())
    assert (out.tolist(), result.rest, list(result.reservations)) == (expected, rest, taken)


def test_a_split_refuses_what_64_bits_cannot_hold():
    room, out = np.full(2, 255, dtype=np.uint8), np.zeros(2, dtype=np.uint8)
    with pytest.raises(ValueError, match="64-bit"):
        spread(2**32, np.array([2**32 - 1, 1], dtype=np.uint32), room, out, backend.loops("numpy"))


def test_the_environment_may_name_a_twin_and_only_one_that_exists(monkeypatch):
    assert (backend.twin_for(1000), backend.twin_for(10**7)) == ("numpy", "compiled")
    monkeypatch.setenv(backend.VARIABLE, "compiled")
    assert backend.twin_for(1000) == "compiled"
    monkeypatch.setenv(backend.VARIABLE, "fortran")
    with pytest.raises(EngineError, match="fortran"):
        backend.twin_for(1000)


@settings(max_examples=50)
@given(probability=st.floats(0.0, 1.0))
def test_a_bound_cuts_exactly_where_the_uniform_does(probability):
    bound = hashing.below(probability)
    assert bound == 0 or (bound - 1) * 2.0**-53 < probability
    assert bound * 2.0**-53 >= probability


def test_a_small_world_never_imports_the_compiler():
    code = (
        "import sys, engine.states.s4_rows, engine.states.s3, engine.states.s2_rows; "
        "from engine.kernels import backend; backend.loops(backend.twin_for(150_000)); "
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env={"PYTHONPATH": str(ROOT)})

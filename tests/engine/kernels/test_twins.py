"""Both twins against the plain reference, bit for bit, on thousands of small worlds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernels import backend, hashing, reference
from engine.kernels.ranges import IdRanges
from engine.kernels.spread import spread
from engine.kernels.weights import weight_table
from tests.engine.kernels import worlds

TWINS = [pytest.param(backend.loops("numpy"), id="numpy"), pytest.param(backend.loops("compiled"), id="compiled")]
WORDS = st.integers(0, 2**64 - 1)
many = settings(max_examples=1000, deadline=None)


@st.composite
def runs(draw: st.DrawFn) -> IdRanges:
    gaps = draw(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 40)), min_size=1, max_size=4))
    first, at = [], draw(st.sampled_from([0, 1000, 2**32 - 500]))
    for gap, count in gaps:
        at += gap
        first.append(at)
        at += count
    return IdRanges(np.array(first, dtype=np.uint32), np.array([count for _, count in gaps], dtype=np.int64))


@pytest.mark.parametrize("loops", TWINS)
@many
@given(
    cell=runs(),
    gate=WORDS,
    key=WORDS,
    zero=st.sampled_from([0.0, 0.01, 0.5, 0.999, 1.0]),
    sigma=st.sampled_from([0.0, 0.25, 1.1]),
)
def test_weights_are_those_of_the_reference(loops, cell, gate, key, zero, sigma):
    table = weight_table(sigma, 1e-6)
    out = np.empty(cell.size, dtype=np.uint32)
    loops.weigh(cell.first, cell.count, gate, hashing.below(zero), key, table, out)
    assert out.tolist() == reference.weigh(cell.ids().tolist(), gate, hashing.below(zero), key, table)


@st.composite
def cells(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    size = draw(st.integers(1, 40))
    weight = st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1), st.sampled_from([0, 1000]))
    weights = draw(st.lists(weight, min_size=size, max_size=size))
    room = draw(st.lists(st.integers(0, draw(st.sampled_from([1, 3, 255]))), min_size=size, max_size=size))
    capacity = sum(space for space, weight in zip(room, weights, strict=True) if weight)
    return weights, room, draw(st.one_of(st.integers(0, 5), st.integers(0, capacity), st.integers(0, capacity + 50)))


@pytest.mark.parametrize("loops", TWINS)
@many
@given(cell=cells(), drawn=st.booleans(), rounds=st.sampled_from([None, 1, 2]))
def test_a_split_is_that_of_the_reference_draw_for_draw(loops, cell, drawn, rounds):
    weights, room, amount = cell
    expected_stream, stream = worlds.Stream(), worlds.Stream()
    gifts, rest, taken = reference.spread(amount, weights, room, ties=expected_stream if drawn else None, rounds=rounds)
    space, out = np.array(room, dtype=np.uint8), np.zeros(len(room), dtype=np.uint8)
    result = spread(
        amount,
        np.array(weights, dtype=np.uint32),
        space,
        out,
        loops,
        ties=stream if drawn else None,
        rounds=rounds,
    )
    assert (out.tolist(), result.rest, list(result.reservations)) == (gifts, rest, taken)
    assert space.tolist() == [before - gift for before, gift in zip(room, gifts, strict=True)]
    assert stream.taken == expected_stream.taken
    if rounds is None:
        capacity = sum(space for space, weight in zip(room, weights, strict=True) if weight)
        assert result.rest == max(0, amount - capacity)


@st.composite
def graphs(draw: st.DrawFn) -> dict:
    spans = draw(st.lists(st.integers(1, draw(st.sampled_from([2, 12, 9000]))), min_size=1, max_size=5))
    parts = draw(st.lists(st.integers(0, 25), min_size=1, max_size=3))
    devices = sum(parts)
    return {
        "spans": spans,
        "weights": draw(st.lists(st.floats(0.01, 9.0), min_size=len(spans), max_size=len(spans))),
        "cap": draw(st.sampled_from([1, 3, 600])),
        "devices": devices,
        "needed": draw(st.integers(0, devices)),
        "parts": parts,
        "expectation": draw(st.sampled_from([0.0, 0.3, 1.0, 1.3, 2.2, 4.8, 7.0])),
        "most": draw(st.sampled_from([1, 3, 40])),
        "key": draw(st.integers(1, 2**30)),
    }


@pytest.mark.parametrize("loops", TWINS)
@many
@given(graph=graphs())
def test_links_are_those_of_the_reference_and_keep_their_bounds(loops, graph):
    shape = {name: graph[name] for name in ("spans", "weights", "cap", "devices", "needed", "key")}
    plain, columnar = worlds.region(**shape), worlds.region(**shape)
    start = 15
    for size in graph["parts"]:
        devices = np.arange(start, start + 15 * size, 15, dtype=np.uint32)
        start += 15 * size
        expected = reference.link(worlds.task(plain, graph["expectation"], most=graph["most"]), devices.tolist())
        addresses, counts = loops.link(worlds.task(columnar, graph["expectation"], most=graph["most"]), devices)
        assert (addresses.tolist(), counts.tolist()) == expected
        for held in np.split(addresses, np.cumsum(counts)[:-1]):
            assert len(set(held.tolist())) == len(held)
    assert columnar.tally.tolist() == plain.tally.tolist()
    assert columnar.loads.tolist() == plain.loads.tolist()
    assert int(columnar.loads.max()) <= graph["cap"]
    assert columnar.tally[2] - columnar.tally[3] == columnar.loads.sum()


@given(
    words=st.lists(WORDS, min_size=1, max_size=50), key=WORDS, extra=st.integers(0, 2000), span=st.integers(1, 2**31)
)
def test_array_hashes_are_those_of_the_reference(words, key, extra, span):
    ids = np.array(words, dtype=np.uint64)
    drawn = hashing.mix_pair(ids, extra, key)
    assert hashing.mix(ids, key).tolist() == [reference.mix(word, key) for word in words]
    assert drawn.tolist() == [reference.mix_pair(word, extra, key) for word in words]
    assert hashing.scale(drawn, span).tolist() == [reference.scale(int(word), span) for word in drawn]


@given(
    words=st.lists(WORDS, min_size=1, max_size=50),
    shares=st.lists(st.one_of(st.just(0.0), st.floats(0.001, 5.0)), min_size=1, max_size=9).filter(any),
)
def test_a_category_without_share_is_never_picked(words, shares):
    bounds = hashing.thresholds(shares)
    codes = hashing.pick(np.array([*words, 0, 2**64 - 1], dtype=np.uint64), bounds).tolist()
    assert codes == [reference.pick(word, bounds.tolist()) for word in [*words, 0, 2**64 - 1]]
    assert all(shares[code] > 0 for code in codes)

"""A world is the same whoever computes it, in parts of whatever size, and another one for another seed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.kernels import backend, reference
from engine.kernels.ranges import IdRanges
from engine.kernels.spread import Spread
from engine.states import s2, s3, s4_rows
from tests.engine.kernels import worlds
from tests.engine.states.making import SCALE, build, made, same


@pytest.mark.parametrize("seed", [42, 7, 101])
def test_both_twins_make_the_same_world(seed):
    assert same(made(seed), made(seed, "compiled"))


class Plain:
    """The plain reference in the place of a twin: every weight, split and link, one entity at a time."""

    @staticmethod
    def weigh(first, count, gate_key, gate_bound, weight_key, table, out):
        ids = IdRanges(first, count).ids().tolist()
        out[:] = reference.weigh(ids, gate_key, gate_bound, weight_key, table.tolist())

    @staticmethod
    def link(task, devices):
        addresses, counts = reference.link(task, devices.tolist())
        return np.array(addresses, dtype=np.uint32), np.array(counts, dtype=np.uint8)

    @staticmethod
    def spread(amount, weights, room, out, _, *, ties=None, rounds=None):
        eligible = int(np.count_nonzero((weights > 0) & (room > 0)))
        gifts, rest, taken = reference.spread(amount, weights.tolist(), room.tolist(), ties=ties, rounds=rounds)
        out += np.array(gifts, dtype=out.dtype)
        room -= np.array(gifts, dtype=room.dtype)
        return Spread(rest, eligible, len(taken), tuple(taken))


@pytest.mark.parametrize("seed", [42, 7, 101])
def test_a_medium_world_is_that_of_the_plain_reference(seed, monkeypatch):
    world = worlds.small_world(0.004, seed=seed)
    columnar, compiled = build(world), build(world, "compiled")
    monkeypatch.setattr(backend, "loops", lambda _: Plain)
    for state in (s2, s3, s4_rows):
        monkeypatch.setattr(state, "spread", Plain.spread)
    plain = build(world)
    assert sum(len(next(iter(columns.values()))) for columns in plain.tables.values()) > 300_000
    assert same(plain, columnar)
    assert same(plain, compiled)


@pytest.mark.parametrize("rows", [977, 30_000])
def test_a_world_does_not_depend_on_the_size_of_its_parts(rows):
    assert same(made(), build(worlds.small_world(SCALE), rows=rows))


def test_two_seeds_make_two_worlds():
    one, other = made(42).tables, made(7).tables
    for name, column in (
        ("s2_account_base_6A", "owner_party_id"),
        ("s3_instrument_base_6A", "account_id"),
        ("s4_device_base_6A", "device_id"),
        ("s4_ip_links_6A", "ip_id"),
    ):
        size = min(len(one[name][column]), len(other[name][column]))
        assert not np.array_equal(one[name][column][:size], other[name][column][:size])

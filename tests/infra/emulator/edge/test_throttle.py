"""Token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infra.emulator.edge.throttle import Limit, Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_only_the_rate() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    limit = Limit(rate=10, burst=3)
    assert [throttle.admits("route", limit) for _ in range(4)] == [True, True, True, False]
    clock.now += 0.1
    assert [throttle.admits("route", limit) for _ in range(2)] == [True, False]
    assert throttle.admits("another route", limit)


def test_a_changed_limit_starts_anew_and_none_is_no_limit() -> None:
    throttle = Throttle(Clock())
    assert not throttle.admits("route", Limit(0, 0))
    assert throttle.admits("route", Limit(0, 1))
    assert not throttle.admits("route", Limit(0, 1))
    assert all(throttle.admits("route", None) for _ in range(100))


@given(rate=st.floats(0.1, 100), burst=st.integers(1, 50), steps=st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_no_more_pass_than_burst_and_rate_allow(rate, burst, steps) -> None:
    clock = Clock()
    throttle = Throttle(clock)
    passed = 0
    for step in steps:
        clock.now += step
        passed += throttle.admits("route", Limit(rate, burst))
    assert passed <= burst + rate * clock.now + 1e-6

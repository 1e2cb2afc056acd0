"""Tasks run side by side within their bounds, and come back in order; what hangs holds nobody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.probes.bounded import DeadlineError, run_bounded

untimed = settings(deadline=None)


@pytest.fixture
def hang() -> Callable[[], str]:
    """A task that ends only with the test."""
    over = threading.Event()

    def wait() -> str:
        over.wait(10)
        return "too late"

    yield wait
    over.set()


@untimed
@given(count=st.integers(0, 20), concurrency=st.integers(1, 8))
def test_every_task_ends_once_and_in_order(count: int, concurrency: int) -> None:
    ended = run_bounded([lambda n=n: n * n for n in range(count)], timeout_s=5, concurrency=concurrency)
    assert [end.value for end in ended] == [n * n for n in range(count)]
    assert all(end.error is None and end.seconds >= 0 for end in ended)


def test_what_a_task_raises_is_its_own_end_alone() -> None:
    def broken() -> str:
        raise LookupError("gone")

    first, second = run_bounded([broken, lambda: "fine"], timeout_s=5, concurrency=2)
    assert isinstance(first.error, LookupError)
    assert first.value is None
    assert second.value == "fine"


def test_a_hanging_task_is_left_behind_and_its_place_given_on(hang: Callable[[], str]) -> None:
    start = time.monotonic()
    ended = run_bounded([hang, hang, lambda: "fine"], timeout_s=0.2, concurrency=1)
    took = time.monotonic() - start
    assert [type(end.error) for end in ended] == [DeadlineError, DeadlineError, type(None)]
    assert ended[0].seconds == 0.2
    assert 0.4 <= took < 2


def test_what_ends_too_late_is_not_taken_for_another_end() -> None:
    next_runs = threading.Event()

    def late() -> str:
        next_runs.wait(5)
        return "late"

    def following() -> str:
        next_runs.set()
        time.sleep(0.05)
        return "fine"

    first, second = run_bounded([late, following], timeout_s=0.2, concurrency=1)
    assert isinstance(first.error, DeadlineError)
    assert (second.value, second.error) == ("fine", None)


def test_tasks_run_at_once_up_to_the_concurrency() -> None:
    barrier = threading.Barrier(4, timeout=5)
    ended = run_bounded([barrier.wait] * 4, timeout_s=5, concurrency=4)
    assert sorted(end.value for end in ended) == [0, 1, 2, 3]


def test_no_more_run_than_the_concurrency_allows() -> None:
    running, most, lock = [0], [0], threading.Lock()

    def task() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1

    run_bounded([task] * 9, timeout_s=5, concurrency=3)
    assert most[0] <= 3


@pytest.mark.parametrize(("timeout_s", "concurrency"), [(0, 1), (-1, 1), (1, 0)])
def test_bounds_that_let_nothing_run_are_refused(timeout_s: float, concurrency: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        run_bounded([], timeout_s=timeout_s, concurrency=concurrency)

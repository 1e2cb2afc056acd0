"""How many requests a route lets through: a token bucket for each, as a stage's settings say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A throttle.

    Attributes:
        rate: Requests a second that are let through in the long run.
        burst: Requests that are let through at once.
    """

    rate: float
    burst: float


@dataclass(slots=True)
class _Bucket:
    limit: Limit
    tokens: float
    at: float


class Throttle:
    """Token buckets; safe to use from many threads.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, _Bucket] = {}

    def admits(self, key: Hashable, limit: Limit | None) -> bool:
        """Takes a token if there is one.

        Args:
            key: Whose bucket.
            limit: Its throttle; None where it has none. A bucket whose throttle changed starts full.
        """
        if limit is None:
            return True
        now = self._clock()
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None or bucket.limit != limit:
                bucket = self._buckets[key] = _Bucket(limit, limit.burst, now)
            bucket.tokens = min(limit.burst, bucket.tokens + (now - bucket.at) * limit.rate)
            bucket.at = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True

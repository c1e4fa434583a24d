"""The work queue of a controller: each key once, failures later and later."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from schedbench.clock import Clock, Timer
from schedbench.controlplane.parameters import RetryLimits


class TokenBucket:
    """Lets a burst pass at once and then a number a second (golang.org/x/time/rate)."""

    def __init__(self, clock: Clock, qps: float, burst: float) -> None:
        self._clock, self._qps, self._burst = clock, qps, burst
        self._tokens, self._last = float(burst), clock.now

    def reserve(self) -> float:
        """Take one and return how many seconds to wait for it."""
        if self._qps == math.inf:
            return 0.0
        now = self._clock.now
        refilled = self._tokens + (now - self._last) * self._qps
        self._tokens = min(refilled, self._burst) - 1.0
        self._last = now
        return max(0.0, -self._tokens / self._qps)


class WorkQueue:
    """Keys to be worked on, in the order in which they came.

    A key that is added while it waits is there once; one that is added while it is
    worked on comes again afterwards (kubernetes/client-go util/workqueue/queue.go).

    Parameters
    ----------
    ready
        Called when there is something to get.

    Attributes
    ----------
    adds, retries
        How many keys were added, and how many of them after failures.
    """

    def __init__(
        self, clock: Clock, limits: RetryLimits, ready: Callable[[], None]
    ) -> None:
        self._clock, self._limits, self._ready = clock, limits, ready
        self._bucket = TokenBucket(clock, limits.qps, limits.burst)
        self._queue: deque[str] = deque()
        self._dirty: set[str] = set()
        self._processing: set[str] = set()
        self._failures: dict[str, int] = {}
        self._waiting: dict[str, Timer] = {}
        self._stopped = False
        self.adds = 0
        self.retries = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, key: str) -> None:
        """Have a key worked on as soon as a worker is free."""
        if self._stopped or key in self._dirty:
            return
        self.adds += 1
        self._dirty.add(key)
        if key not in self._processing:
            self._queue.append(key)
            self._ready()

    def add_after(self, key: str, delay: float) -> None:
        """Add a key some seconds from now; of several such times the first counts."""
        if delay <= 0:
            self.add(key)
            return
        if self._stopped:
            return
        time = self._clock.now + delay
        waiting = self._waiting.get(key)
        if waiting is not None:
            if waiting.time <= time:
                return
            waiting.cancel()
        self._waiting[key] = self._clock.at(time, self._waited, key)

    def retry(self, key: str) -> None:
        """Add a key that failed, after its wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.retries += 1
        limits = self._limits
        alone = min(limits.base * 2.0 ** min(failures, 64), limits.maximum)
        self.add_after(key, max(alone, self._bucket.reserve()))

    def forget(self, key: str) -> None:
        """Take a key's failures as past."""
        self._failures.pop(key, None)

    def failures(self, key: str) -> int:
        """Return how often a key has failed since it was forgotten."""
        return self._failures.get(key, 0)

    def get(self) -> str | None:
        """Take the next key, or None if there is none."""
        if not self._queue:
            return None
        key = self._queue.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: str) -> None:
        """Give back a key that was worked on."""
        self._processing.discard(key)
        if key in self._dirty:
            self._queue.append(key)
            self._ready()

    def stop(self) -> None:
        """Forget everything, and take nothing more."""
        self._stopped = True
        self._queue.clear()
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _waited(self, key: str) -> None:
        del self._waiting[key]
        self.add(key)

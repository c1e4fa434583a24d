"""What the API servers have served: calls by outcome, latencies, seats over time."""

from __future__ import annotations

import array
import bisect
import collections
from collections.abc import Sequence

WAIT_BUCKETS: Sequence[float] = (
    0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
)  # fmt: skip
"""Bounds of apiserver_flowcontrol_request_wait_duration_seconds, in seconds
(`k8s.io/apiserver/pkg/util/flowcontrol/metrics`)."""


class Histogram:
    """Counts by bucket; the last one is everything above the last bound.

    Attributes
    ----------
    counts
        How many samples are ≤ each bound and above the one before.
    sum
        Sum of all samples.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, sample: float) -> None:
        """Count a sample."""
        self.counts[bisect.bisect_left(self.bounds, sample)] += 1
        self.sum += sample

    def quantile(self, part: float) -> float:
        """Return the bound below which a part of the samples lies; ∞ above the last."""
        rank, seen = part * sum(self.counts), 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= rank:
                return bound
        return float("inf")


class Audit:
    """Counters of all replicas together.

    Attributes
    ----------
    calls
        (verb, kind, HTTP status) → how many.
    seconds
        The same → seconds of each from arrival to answer, waits left out; watches have
        none.
    waits
        Priority level → seconds in its queues.
    in_flight
        (time, calls being served, calls waiting), once a `period` at most.
    """

    def __init__(self, period: float = 1.0) -> None:
        self.calls: collections.Counter[tuple[str, str, int]] = collections.Counter()
        self.seconds: dict[tuple[str, str, int], array.array[float]] = {}
        self.waits: dict[str, Histogram] = {}
        self.in_flight: list[tuple[float, int, int]] = []
        self._period = period

    def served(self, verb: str, kind: str, code: int, seconds: float) -> None:
        """Count a call that was answered."""
        call = verb, kind, code
        self.calls[call] += 1
        found = self.seconds.get(call)
        if found is None:
            found = self.seconds[call] = array.array("f")
        found.append(seconds)

    def waited(self, level: str, seconds: float) -> None:
        """Count a wait for a seat; 0 if there was one."""
        histogram = self.waits.get(level)
        if histogram is None:
            histogram = self.waits[level] = Histogram(WAIT_BUCKETS)
        histogram.add(seconds)

    def sample(self, now: float, serving: int, waiting: int) -> None:
        """Note how busy the servers are."""
        self.in_flight.append((now, serving, waiting))

    def is_due(self, now: float) -> bool:
        """Return whether the last sample is a period ago."""
        return not self.in_flight or now >= self.in_flight[-1][0] + self._period

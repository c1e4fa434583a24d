"""Clients that write or read all the time, and note what comes of it."""

from __future__ import annotations

import itertools
import statistics

from schedbench.controlplane.api import Answer
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.policy import PriorityClass
from schedbench.simulation.wiring import Wiring


class Writer:
    """Writes an object ten times a second and remembers what was acknowledged.

    Attributes
    ----------
    calls
        Number of the write → when it was sent, when it was answered, why it failed.
    missing
        Acknowledged objects that were not there in the end.
    """

    def __init__(self, user: str = "writer", end: float = 120) -> None:
        self.calls: dict[int, tuple[float, float, str]] = {}
        self.missing: list[str] = []
        self._user, self._end = user, end

    def __call__(self, wiring: Wiring) -> None:
        """Come up, as a component."""
        self._clock = wiring.clock
        self._api = wiring.clients(self._user)
        self._clock.at(0, self._write, 0)
        self._clock.at(self._end + 60, self._check)

    def _write(self, number: int) -> None:
        sent = self._clock.now
        item = PriorityClass(metadata=ObjectMeta(name=f"p{number}"), value=number)

        def answered(answer: Answer) -> None:
            why = answer.error.reason if answer.error is not None else ""
            self.calls[number] = sent, self._clock.now, why

        self._api.create(item, answered)
        if sent < self._end:
            self._clock.after(0.1, self._write, number + 1)

    def _check(self) -> None:
        def listed(answer: Answer) -> None:
            there = {item.metadata.name for item in answer.items}
            done = [f"p{number}" for number, call in self.calls.items() if not call[2]]
            self.missing = [name for name in done if name not in there]

        self._api.list("PriorityClass", listed)

    def acknowledged(self, start: float, end: float) -> list[float]:
        """Return when writes were acknowledged, between two times."""
        times = [at for _, at, why in self.calls.values() if not why]
        return sorted(at for at in times if start <= at <= end)

    def pause(self, start: float, end: float) -> float:
        """Return the longest time without an acknowledgement."""
        times = [start, *self.acknowledged(start, end), end]
        return max(after - before for before, after in itertools.pairwise(times))

    def latencies(self, start: float, end: float) -> list[float]:
        """Return how long the successful writes sent between two times took."""
        return sorted(
            at - sent
            for sent, at, why in self.calls.values()
            if not why and start <= sent < end
        )


class Prober:
    """Reads as a user ten times a second, and notes how long that takes.

    Attributes
    ----------
    calls
        When it was sent → how long it took, and whether it was refused.
    """

    def __init__(self, user: str) -> None:
        self.calls: dict[float, tuple[float, bool]] = {}
        self._user = user

    def __call__(self, wiring: Wiring) -> None:
        """Come up, as a component."""
        self._clock, self._api = wiring.clock, wiring.clients(self._user)
        self._clock.at(0, self._read)

    def _read(self) -> None:
        sent = self._clock.now

        def answered(answer: Answer) -> None:
            error = answer.error
            refused = error is not None and error.reason == "TooManyRequests"
            self.calls[sent] = self._clock.now - sent, refused

        self._api.get("ConfigMap", "foreign", "x", answered)
        if sent < 60:
            self._clock.after(0.1, self._read)

    def usual(self, start: float, end: float) -> float:
        """Return the median of how long calls took that were not refused."""
        return statistics.median(
            took
            for sent, (took, refused) in self.calls.items()
            if start <= sent < end and not refused
        )

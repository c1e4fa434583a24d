"""A member of etcd's quorum: its disk, its log, and what is on the way to it.

There is one tree of appends. A member's log is the way from the last append on its
disk back to the root, so what it has, what a quorum has and what is lost with a leader
all follow from where the members' logs end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from schedbench.clock import Timer
from schedbench.controlplane.latency import Draws, Latency


class Request:
    """Something that waits for its answer.

    Attributes
    ----------
    then
        Where the answer goes; None once it has gone.
    deadline
        Until when, in simulated seconds.
    """

    __slots__ = ("command", "deadline", "then")

    def __init__(self, command: Any, then: Callable[[Any], None] | None) -> None:
        self.command = command
        self.then = then
        self.deadline = math.inf


class Append:
    """Entries that are written together.

    Attributes
    ----------
    offset
        Bytes of the log up to its end.
    previous
        The append before it; None if that is known to be committed.
    """

    __slots__ = ("index", "offset", "previous", "requests", "term", "timer")

    def __init__(
        self,
        term: int,
        previous: Append | None,
        requests: list[Request],
        size: int,
    ) -> None:
        self.term = term
        self.index: int = previous.index + 1 if previous is not None else 0
        self.offset: int = previous.offset + size if previous is not None else 0
        self.previous = previous
        self.requests = requests
        self.timer: Timer | None = None


def nth(times: list[float], needed: int) -> float:
    """Return when so many of them have come; ∞ if there are too few."""
    if needed == 0:
        return 0.0
    if len(times) < needed:
        return math.inf
    times.sort()
    return times[needed - 1]


def parting(end: Append, under_way: Iterable[Append], committed: Append) -> Append:
    """Return where a log that ends there parts from the leader's.

    What is not after the last committed append needs no comparison: it counts for
    nothing that is under way.
    """
    own = {append.index: append for append in under_way}
    append = end
    while append.index > committed.index and own.get(append.index) is not append:
        assert append.previous is not None
        append = append.previous
    return append


def holds(end: Append, committed: Append) -> bool:
    """Return whether a log that ends there has the last committed append."""
    append: Append | None = end
    while append is not None and append.index > committed.index:
        append = append.previous
    return append is committed


class Member:
    """A member of the cluster.

    Attributes
    ----------
    up, isolated
        Whether it runs; whether nobody reaches it.
    disk
        How long its writes take.
    """

    def __init__(self, disk: Latency, root: Append) -> None:
        self.up = True
        self.isolated = False
        self.disk = disk
        self._last = root  # acknowledged, or found on the disk
        self._coming: deque[tuple[float, float, float, Append]] = deque()
        self._arrival = self._acknowledgement = -math.inf
        self._busy, self._next = -math.inf, 0.0

    @property
    def connected(self) -> bool:
        """Whether it takes part."""
        return self.up and not self.isolated

    def persist(self, arrives: float, draws: Draws) -> float:
        """Return when something that arrives then, the latest so far, is on disk."""
        if arrives >= self._busy and self._next:
            self._busy, self._next = self._next, 0.0
        if arrives >= self._busy:
            self._busy = arrives + draws.seconds(self.disk)
            return self._busy
        if not self._next:
            self._next = self._busy + draws.seconds(self.disk)
        return self._next

    def receive(self, append: Append, sent: float, rtt: float, draws: Draws) -> float:
        """Take an append; return when the leader knows that it is on disk."""
        self._arrival = arrives = max(sent + rtt / 2, self._arrival)
        durable = self.persist(arrives, draws)
        known = max(durable + rtt / 2, self._acknowledgement)
        self._acknowledgement = known
        self._coming.append((arrives, durable, known, append))
        return known

    def write(self, append: Append, now: float, draws: Draws) -> float:
        """Write an append of its own; return when it is on disk."""
        durable = self.persist(now, draws)
        self._coming.append((now, durable, durable, append))
        return durable

    def known(self, index: int) -> float:
        """Return when the leader knows that it has an append; ∞ if not sent yet."""
        if self._last.index >= index:
            return 0.0
        for _, _, known, append in self._coming:
            if append.index >= index:
                return known
        return math.inf

    def settle(self, now: float) -> None:
        """Forget what was acknowledged long ago."""
        coming = self._coming
        while coming and coming[0][2] <= now:
            self._last = coming.popleft()[3]

    def end(self, now: float) -> Append:
        """Return the last append on its disk."""
        last = self._last
        for _, durable, _, append in self._coming:
            if durable <= now:
                last = append
        return last

    def cut(self, last: Append) -> None:
        """Let its log end there, and let nothing be on its way."""
        self._last = last
        self._coming.clear()
        self._arrival = self._acknowledgement = -math.inf

    def drop(self, now: float) -> None:
        """Let what has not arrived never come: its sender is gone."""
        while self._coming and self._coming[-1][0] > now:
            self._coming.pop()

    def crash(self, now: float) -> None:
        """Keep what is on disk."""
        self.cut(self.end(now))
        self._busy, self._next = -math.inf, 0.0

    def lose_touch(self, now: float) -> None:
        """Keep what has arrived: it is written in time."""
        last = self._last
        for arrives, _, _, append in self._coming:
            if arrives <= now:
                last = append
        self.cut(last)

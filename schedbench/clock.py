"""The virtual clock: what happens when, in an order that is the same in every run.

Events of one time happen by priority, the lowest first, then in the order in which
they were scheduled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

import msgspec

from schedbench.errors import InvariantError

Action: TypeAlias = Callable[..., None]


class Timer(msgspec.Struct, eq=False):
    """An event that has not happened yet, and may be cancelled.

    Attributes
    ----------
    time
        When it happens, in simulated seconds.
    """

    time: float
    action: Action | None
    arguments: tuple[Any, ...]

    def cancel(self) -> None:
        """Let it not happen; one that has happened is none the worse."""
        self.action = None
        self.arguments = ()


class Clock:
    """Simulated time, and what is to happen.

    Parameters
    ----------
    start
        Where it begins.

    Attributes
    ----------
    now
        Simulated seconds.
    events
        How many have happened.
    skews
        Component → by how many seconds its wall clock is ahead of the true time.
    """

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self.skews: dict[str, float] = {}
        self.events = 0
        self._heap: list[tuple[float, int, int, Timer]] = []
        self._sequence = 0

    def wall(self, component: str) -> float:
        """Return what the wall clock of a component's machine shows."""
        return self.now + self.skews[component] if component in self.skews else self.now

    def at(
        self, time: float, action: Action, *arguments: Any, priority: int = 0
    ) -> Timer:
        """Let an action happen at a time.

        Raises
        ------
        InvariantError
            If the time is past or no number.
        """
        return self._push(time, action, arguments, priority)

    def after(
        self, delay: float, action: Action, *arguments: Any, priority: int = 0
    ) -> Timer:
        """Let an action happen some seconds from now.

        Raises
        ------
        InvariantError
            If that is past or no number.
        """
        return self._push(self.now + delay, action, arguments, priority)

    def _push(
        self, time: float, action: Action, arguments: tuple[Any, ...], priority: int
    ) -> Timer:
        if not time >= self.now:
            raise InvariantError(f"at {self.now} s an event is set for {time} s")
        timer = Timer(time, action, arguments)
        self._sequence = sequence = self._sequence + 1
        heappush(self._heap, (time, priority, sequence, timer))
        return timer

    def next_time(self) -> float:
        """Return when something happens next; ∞ if nothing will."""
        while self._heap and self._heap[0][3].action is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def run(
        self, until: float = math.inf, *, stop: Callable[[], bool] | None = None
    ) -> None:
        """Let everything happen up to and including a time, or until told to stop.

        The clock then stands at that time, or at the last event if `until` is ∞ or
        `stop`, asked after every event, said so.
        """
        heap = self._heap
        while heap and heap[0][0] <= until:
            time, _, _, timer = heappop(heap)
            action = timer.action
            if action is None:
                continue
            timer.action = None
            self.now = time
            self.events += 1
            action(*timer.arguments)
            if stop is not None and stop():
                return
        if until < math.inf:
            self.now = max(self.now, until)

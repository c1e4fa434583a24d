"""Pods being scheduled, and the events that happened meanwhile.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/active_queue.go: one list holds
the events in order; each pod in flight remembers where the list ended when it was
popped, and what no pod in flight can still need is dropped.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Event


class InFlight:
    """The pods that were popped and not yet done."""

    def __init__(self) -> None:
        self._since: dict[QueuedPod, int] = {}
        self._events: deque[Event] = deque()
        self._first = 0

    def __len__(self) -> int:
        return len(self._since)

    def __contains__(self, queued: object) -> bool:
        return queued in self._since

    @property
    def kept(self) -> int:
        """How many events are kept."""
        return len(self._events)

    def start(self, queued: QueuedPod) -> None:
        """Note that the pod's attempt begins."""
        self._since[queued] = self._first + len(self._events)

    def record(self, event: Event) -> None:
        """Keep an event if any pod is in flight."""
        if self._since:
            self._events.append(event)

    def events(self, queued: QueuedPod) -> list[Event]:
        """Return the events since the pod's attempt began, in order."""
        skip = self._since[queued] - self._first
        return list(islice(self._events, skip, None))

    def done(self, queued: QueuedPod) -> None:
        """End the pod's attempt and drop the events that no other pod needs."""
        if self._since.pop(queued, None) is None:
            return
        oldest = next(iter(self._since.values()), self._first + len(self._events))
        while self._first < oldest:
            self._events.popleft()
            self._first += 1

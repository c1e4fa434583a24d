"""The pool of unschedulable pods, arranged so that events pass by most of it.

Pods are kept by who rejected them, then by kind. An event that no rejector registered
for costs nothing per pod; where it counts, one pod of a kind is asked for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterator

from schedbench.scheduler.queueing.entry import Place, QueuedPod
from schedbench.scheduler.queueing.heap import PodHeap

CHECK = 30.0
"""Seconds between two looks for pods that have been here too long."""

_Group = tuple[str | None, frozenset[str], frozenset[str], str | None]


class UnschedulablePool:
    """Pods that wait for an event, for a gate to open, or for the timeout.

    Parameters
    ----------
    timeout
        Seconds after which a pod is tried again whatever happened.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._groups: dict[_Group, dict[Hashable, dict[QueuedPod, None]]] = {}
        self._where: dict[QueuedPod, tuple[_Group, Hashable]] = {}
        self._waiting = PodHeap()

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, queued: object) -> bool:
        return queued in self._where

    def __iter__(self) -> Iterator[QueuedPod]:
        return iter(self._where)

    def add(self, queued: QueuedPod) -> None:
        """Add a pod, or file it anew after a change."""
        self.discard(queued)
        group = (
            queued.pod.spec.scheduler_name,
            queued.unschedulable_plugins,
            queued.pending_plugins,
            queued.gating_plugin,
        )
        kinds = self._groups.setdefault(group, {})
        kinds.setdefault(queued.kind, {})[queued] = None
        self._where[queued] = (group, queued.kind)
        queued.place = Place.UNSCHEDULABLE
        if queued.gating_plugin is None:
            self._waiting.push((queued.timestamp, float(queued.sequence)), queued)

    def discard(self, queued: QueuedPod) -> bool:
        """Take a pod out; return whether it was there."""
        where = self._where.pop(queued, None)
        if where is None:
            return False
        group, kind = where
        kinds = self._groups[group]
        del kinds[kind][queued]
        if not kinds[kind]:
            del kinds[kind]
        if not kinds:
            del self._groups[group]
        self._waiting.discard(queued)
        return True

    def rejected(
        self, matters: Callable[[QueuedPod], bool]
    ) -> Iterator[Collection[QueuedPod]]:
        """Give the pods by kind, of the groups that matter, each kind as it is now.

        `matters` is given one pod for all of its group: it may look only at its
        scheduler's name and at who rejected or gates it.
        """
        for kinds in list(self._groups.values()):
            if matters(next(iter(next(iter(kinds.values()))))):
                yield from [pods.keys() for pods in kinds.values()]

    def next_flush(self, after: float) -> float:
        """Return the second of the next look, past `after`, that finds a pod; or ∞."""
        head = self._waiting.peek()
        if head is None:
            return math.inf
        late = max(head[0][0] + self._timeout, after)
        return (math.floor(late / CHECK) + 1) * CHECK

    def overdue(self, now: float) -> list[QueuedPod]:
        """Take out and return the pods that a look at `now` finds here too long."""
        found: list[QueuedPod] = []
        while (head := self._waiting.peek()) and now - head[0][0] > self._timeout:
            self.discard(head[1])
            found.append(head[1])
        return found

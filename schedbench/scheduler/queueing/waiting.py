"""Where waiting pods are, and how time and gates move them.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/scheduling_queue.go (moveToActiveQ,
moveToBackoffQ, requeuePodWithQueueingStrategy and the two flushes).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from schedbench.errors import InvariantError
from schedbench.scheduler.queueing.backoff import WINDOW, BackoffQueue
from schedbench.scheduler.queueing.entry import Place, PreEnqueue, QueuedPod
from schedbench.scheduler.queueing.heap import PodHeap
from schedbench.scheduler.queueing.pool import UnschedulablePool
from schedbench.scheduler.queueing.requeue import Requeue


class WaitingPods:
    """The active queue, the backoff queue and the pool; a pod is in one of them.

    Parameters
    ----------
    gates
        Plugin → whether a pod may enter the active queue.
    backoff
        Seconds of the first backoff, and at most.
    early
        Whether pods that back off may be popped when none is active. Gates are then
        asked when backoff begins, else when it ends.
    timeout
        Seconds after which an unschedulable pod is tried without an event.
    """

    def __init__(
        self,
        gates: Mapping[str, PreEnqueue],
        backoff: tuple[float, float],
        *,
        early: bool,
        timeout: float,
    ) -> None:
        self.now = -math.inf
        self.active = PodHeap()
        self.backoff = BackoffQueue(*backoff, early=early)
        self.pool = UnschedulablePool(timeout)
        self._gates = dict(gates)
        self._early = early
        self._looked = -math.inf
        self._second = -math.inf

    def advance(self, now: float) -> bool:
        """Do what the timers do up to `now`; return whether pods were timed out.

        Timers look at whole seconds; when both do at the same, backoffs end first.

        Raises
        ------
        InvariantError
            If time goes back or is no finite number.
        """
        if not (self.now <= now < math.inf):
            raise InvariantError(f"time goes from {self.now} to {now}")
        timed_out = False
        second = now // WINDOW
        if second == self._second:
            self.now = now
            return False
        while min(tick := self._ticks()) <= now:
            self.now = max(self.now, min(tick))
            if tick[0] <= tick[1]:
                for queued in self.backoff.flush(tick[0]):
                    self.to_active(queued, checked=self._early)
            else:
                timed_out = True
                self._looked = tick[1]
                for queued in self.pool.overdue(tick[1]):
                    self.requeue(queued, Requeue.AFTER_BACKOFF)
        self.now = now
        self._second = second
        return timed_out

    def next_time(self) -> float:
        """Return when a pod may be popped: now, at a timer's next look, or ∞."""
        if len(self.active) or self.backoff.can_pop_early():
            return self.now
        return min(self._ticks())

    def pop(self) -> QueuedPod | None:
        """Take out the next pod to be scheduled."""
        return self.active.pop() or self.backoff.pop_early()

    def peek(self) -> QueuedPod | None:
        """Return the pod that `pop` would take out."""
        head = self.active.peek()
        if head is None and self.backoff.can_pop_early():
            head = self.backoff.rejected.peek()
        return None if head is None else head[1]

    def first(self, count: int) -> list[QueuedPod]:
        """Return pods that `pop` would take out next, all from the same place."""
        if len(self.active):
            return self.active.first(count)
        return (
            self.backoff.rejected.first(count) if self.backoff.can_pop_early() else []
        )

    def line(self) -> Iterator[QueuedPod]:
        """Give the pods in the order in which `pop` would take them out."""
        yield from self.active
        if self.backoff.can_pop_early():
            yield from self.backoff.rejected

    def discard(self, queued: QueuedPod) -> None:
        """Take a pod out of where it is."""
        self.active.discard(queued)
        self.backoff.discard(queued)
        self.pool.discard(queued)

    def refile(self, queued: QueuedPod) -> None:
        """Put a pod that changed back in order where it is."""
        match queued.place:
            case Place.ACTIVE:
                self.active.push(queued.order, queued)
            case Place.BACKOFF | Place.ERROR_BACKOFF:
                self.backoff.add(queued)
            case Place.UNSCHEDULABLE:
                self.pool.add(queued)

    def requeue(self, queued: QueuedPod, strategy: Requeue) -> Place:
        """Put a rejected pod where it belongs and return where that is."""
        if strategy is Requeue.SKIP:
            self.pool.add(queued)
        elif strategy is Requeue.AFTER_BACKOFF and self.backoff.is_backing_off(
            queued, self.now
        ):
            if not self._early or self._admit(queued):
                self.pool.discard(queued)
                self.backoff.add(queued)
        else:
            self.to_active(queued)
        return queued.place

    def to_active(self, queued: QueuedPod, *, checked: bool = False) -> bool:
        """Make a pod active; if a gate holds it, pool it and return False."""
        self.backoff.discard(queued)
        if not checked and not self._admit(queued):
            return False
        self.pool.discard(queued)
        self.active.push(queued.order, queued)
        queued.place = Place.ACTIVE
        return True

    def holds(self, queued: QueuedPod) -> bool:
        """Return whether the gate that holds a pod would still hold it.

        The same is then true of all pods of its kind, and they stay where they are.
        """
        gate = queued.gating_plugin
        return gate is not None and self._early and not self._gates[gate](queued.pod)

    def activate(self, queued: QueuedPod) -> None:
        """Make a pod active that backs off or is unschedulable."""
        backing_off = self.backoff.discard(queued)
        self.to_active(queued, checked=backing_off and self._early)

    def _ticks(self) -> tuple[float, float]:
        return self.backoff.next_flush(), self.pool.next_flush(self._looked)

    def _admit(self, queued: QueuedPod) -> bool:
        """Ask the gates, the one that held the pod first; a refused pod is pooled."""
        held = queued.gating_plugin
        for name in sorted(self._gates, key=lambda name: name != held):
            if not self._gates[name](queued.pod):
                queued.gating_plugin = name
                queued.unschedulable_plugins |= {name}
                self.pool.add(queued)
                return False
        queued.gating_plugin = None
        return True

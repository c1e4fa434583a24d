"""Backoff: pods that failed wait 1 s, 2 s, 4 s … up to 10 s before they are active.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/backoff_queue.go. The wait counts
from the last failure; rejections and errors are counted apart. With
SchedulerPopFromBackoffQ (beta, on by default since v1.33) ends are cut to whole
seconds: the pods of one second are ordered as in the active queue, and leave together
when that second is over.
"""

from __future__ import annotations

import math

from schedbench.scheduler.queueing.entry import Place, QueuedPod
from schedbench.scheduler.queueing.heap import PodHeap

WINDOW = 1.0
"""Seconds between two looks at the backoff queue, and the grain of its order."""


class BackoffQueue:
    """Pods that wait for their backoff to end, those with errors apart.

    Parameters
    ----------
    initial, maximum
        Seconds of the first wait, and at most; a maximum of 0 means no backoff.
    early
        Whether pods may be popped before their time when nothing else is active.
    """

    def __init__(self, initial: float, maximum: float, *, early: bool) -> None:
        self._initial = initial
        self._maximum = maximum
        self._early = early
        self.rejected = PodHeap()
        self.failed = PodHeap()

    def __len__(self) -> int:
        return len(self.rejected) + len(self.failed)

    def until(self, queued: QueuedPod) -> float:
        """Return when the pod's backoff ends; −∞ for a pod that never failed."""
        count = queued.error_count or queued.unschedulable_count
        if self._maximum == 0 or count == 0:
            return -math.inf
        if queued.backoff_until is None:
            end = queued.timestamp + self.duration(count)
            queued.backoff_until = self._align(end)
        return queued.backoff_until

    def duration(self, failures: int) -> float:
        """Return the seconds to wait after so many failures."""
        wait = self._initial
        for _ in range(1, failures):
            if wait > self._maximum - wait:
                return self._maximum
            wait += wait
        return wait

    def is_backing_off(self, queued: QueuedPod, now: float) -> bool:
        """Return whether the pod must still wait; its last second counts whole."""
        return self.until(queued) >= self._align(now)

    def add(self, queued: QueuedPod) -> None:
        """Let the pod wait, among the errors if no plugin rejected it."""
        self.discard(queued)
        end = self.until(queued)
        if queued.rejectors:
            order = queued.order if self._early else (float(queued.sequence),)
            self.rejected.push((end, *order), queued)
            queued.place = Place.BACKOFF
        else:
            self.failed.push((end, float(queued.sequence)), queued)
            queued.place = Place.ERROR_BACKOFF

    def discard(self, queued: QueuedPod) -> bool:
        """Take a pod out; return whether it was there."""
        return self.rejected.discard(queued) or self.failed.discard(queued)

    def pop_early(self) -> QueuedPod | None:
        """Take out the rejected pod that would leave first; None where not allowed."""
        return self.rejected.pop() if self._early else None

    def can_pop_early(self) -> bool:
        """Return whether `pop_early` would give a pod."""
        return self._early and len(self.rejected) > 0

    def next_flush(self) -> float:
        """Return the second at which a pod is next moved to the active queue; or ∞."""
        ends = [head[0][0] for heap in self._heaps() if (head := heap.peek())]
        end = min(ends, default=math.inf)
        if math.isinf(end):
            return end
        return (math.floor(end / WINDOW) + 1) * WINDOW

    def flush(self, now: float) -> list[QueuedPod]:
        """Take out and return the pods whose backoff is over at a look at `now`."""
        over: list[QueuedPod] = []
        for heap in self._heaps():
            while (head := heap.peek()) and head[0][0] < self._align(now):
                heap.discard(head[1])
                over.append(head[1])
        return over

    def _heaps(self) -> tuple[PodHeap, PodHeap]:
        return self.rejected, self.failed

    def _align(self, time: float) -> float:
        return math.floor(time / WINDOW) * WINDOW if self._early else time

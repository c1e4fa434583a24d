"""A heap whose members can be taken out: entries die at once and are swept later."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from schedbench.scheduler.queueing.entry import QueuedPod

_Key = tuple[float, ...]


class PodHeap:
    """Pods by ascending key; every operation is O(log n) on average.

    Keys must differ from pod to pod, as all keys that end in a sequence number do.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[_Key, QueuedPod]] = []
        self._keys: dict[QueuedPod, _Key] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, queued: object) -> bool:
        return queued in self._keys

    def __iter__(self) -> Iterator[QueuedPod]:
        return iter(sorted(self._keys, key=self._keys.__getitem__))

    def first(self, count: int) -> list[QueuedPod]:
        """Return so many pods in the order of their keys, in O(count · log count)."""
        found: list[QueuedPod] = []
        edge = [(*self._entries[0], 0)] if self._entries else []
        while edge and len(found) < count:
            key, queued, at = heapq.heappop(edge)
            if self._keys.get(queued) == key and queued not in found[-1:]:
                found.append(queued)
            for below in (2 * at + 1, 2 * at + 2):
                if below < len(self._entries):
                    heapq.heappush(edge, (*self._entries[below], below))
        return found

    def push(self, key: _Key, queued: QueuedPod) -> None:
        """Add a pod, or give it another key."""
        if self._keys.get(queued) == key:
            return
        self._keys[queued] = key
        heapq.heappush(self._entries, (key, queued))
        if len(self._entries) > 2 * len(self._keys) + 64:
            self._entries = [(key, pod) for pod, key in self._keys.items()]
            heapq.heapify(self._entries)

    def discard(self, queued: QueuedPod) -> bool:
        """Take a pod out; return whether it was there."""
        return self._keys.pop(queued, None) is not None

    def peek(self) -> tuple[_Key, QueuedPod] | None:
        """Return the least key and its pod, or None."""
        entries = self._entries
        while entries and self._keys.get(entries[0][1]) != entries[0][0]:
            heapq.heappop(entries)
        return entries[0] if entries else None

    def pop(self) -> QueuedPod | None:
        """Take out and return the pod of least key, or None."""
        head = self.peek()
        if head is None:
            return None
        heapq.heappop(self._entries)
        del self._keys[head[1]]
        return head[1]

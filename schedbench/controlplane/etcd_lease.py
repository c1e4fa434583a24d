"""When etcd's leases run out: known to the leader alone.

A renewal sets a time and nothing else; the one timer there is looks when it fires
which leases have really run out. A new leader lets all leases run anew.

Source: server/lease/lessor.go of etcd-io/etcd.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

from schedbench.clock import Clock, Timer
from schedbench.controlplane.etcd_store import Store


class Lessor:
    """The leader's watch over the leases.

    Parameters
    ----------
    step
        Seconds: it looks at multiples of them.
    revoke
        Called with a lease that has run out.
    """

    def __init__(
        self, clock: Clock, store: Store, step: float, revoke: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._store = store
        self._step = step
        self._revoke = revoke
        self._leads = False
        self._expires: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Let all leases run anew: there is a leader."""
        self._leads = True
        self._expires.clear()
        self._heap.clear()
        for lease in self._store.leases:
            self.granted(lease)

    def end(self) -> None:
        """Let no lease run out: there is no leader."""
        self._leads = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def granted(self, lease: int) -> None:
        """Let a lease run if it is stored."""
        ttl = self._store.leases.get(lease)
        if ttl is None or not self._leads:
            return
        self._expires[lease] = time = self._clock.now + ttl
        heapq.heappush(self._heap, (time, lease))
        self._set_timer()

    def keep_alive(self, lease: int) -> bool:
        """Let a lease run anew; return whether a leader knows it."""
        ttl = self._store.leases.get(lease)
        if ttl is None or not self._leads or lease not in self._expires:
            return False
        self._expires[lease] = self._clock.now + ttl
        return True

    def _set_timer(self) -> None:
        """Look next when the first lease may have run out."""
        if not self._heap:
            return
        time = self._heap[0][0]
        if self._step:
            time = math.ceil(time / self._step) * self._step
        if self._timer is not None:
            if self._timer.time <= time:
                return
            self._timer.cancel()
        self._timer = self._clock.at(max(self._clock.now, time), self._look)

    def _look(self) -> None:
        self._timer = None
        now, heap = self._clock.now, self._heap
        while heap and heap[0][0] <= now:
            _, lease = heapq.heappop(heap)
            time = self._expires[lease]
            if lease not in self._store.leases:
                del self._expires[lease]
            elif time > now:
                heapq.heappush(heap, (time, lease))
            else:
                del self._expires[lease]
                self._revoke(lease)
        self._set_timer()

"""Watches on etcd: every change from a revision on, in order, none twice.

Source: etcd.io, "etcd API guarantees": watches are ordered, unique, reliable, atomic,
resumable and bookmarkable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import Compacted, Event
from schedbench.controlplane.latency import Draws

Handler: TypeAlias = Callable[[list[Event] | Compacted], None]


class EtcdWatch:
    """A watch that goes on until it is stopped or what it asks for is compacted.

    Attributes
    ----------
    next
        The revision of which it hears next.
    """

    def __init__(self, watches: Watches, prefix: str, handler: Handler) -> None:
        self.prefix = prefix
        self.handler = handler
        self.next = 0
        self.active = True
        self.synced = False
        self._watches = watches

    def stop(self) -> None:
        """End it; no event comes after."""
        if self.active:
            self.active = False
            self._watches.forget(self)

    def tell(self, revision: int, events: list[Event]) -> None:
        """Hand over those events of a revision that it wants."""
        if revision < self.next or not self.active:
            return
        self.next = revision + 1
        prefix = self.prefix
        wanted = [event for event in events if event.key.startswith(prefix)]
        if wanted:
            self.handler(wanted)


class Watches:
    """All watches of a store, found by the folder of a key.

    Parameters
    ----------
    sync
        Seconds between rounds in which watches from the past catch up.
    """

    def __init__(self, clock: Clock, store: Store, draws: Draws, sync: float) -> None:
        self._clock = clock
        self._store = store
        self._draws = draws
        self._sync = sync
        self._watches: list[EtcdWatch] = []
        self._routes: dict[str, list[EtcdWatch]] = {}

    def add(self, prefix: str, handler: Handler, revision: int) -> EtcdWatch:
        """Watch keys that begin so, from a revision on; 0: from now on."""
        watch = EtcdWatch(self, prefix, handler)
        self._watches.append(watch)
        self._routes.clear()
        newest = self._store.revision
        watch.next = revision or newest + 1
        if watch.next > newest:
            watch.synced = True
        else:
            wait = self._sync * self._draws.uniform()
            self._clock.after(wait, self._catch_up, watch)
        return watch

    def forget(self, watch: EtcdWatch) -> None:
        """Tell it no more."""
        self._watches.remove(watch)
        self._routes.clear()

    def tell(self, revision: int, events: list[Event]) -> None:
        """Hand a revision's events to all who want them, first come first served."""
        if len(events) == 1:
            for watch in self._route(events[0].key):
                if watch.synced:
                    watch.tell(revision, events)
            return
        for watch in tuple(self._watches):
            if watch.synced:
                watch.tell(revision, events)

    def _route(self, key: str) -> list[EtcdWatch]:
        """Return the watches that may want a key of this folder."""
        folder = key[: key.rfind("/") + 1]
        route = self._routes.get(folder)
        if route is None:
            route = self._routes[folder] = [
                watch
                for watch in self._watches
                if folder.startswith(watch.prefix) or watch.prefix.startswith(folder)
            ]
        return route

    def _catch_up(self, watch: EtcdWatch) -> None:
        if not watch.active:
            return
        if watch.next < self._store.compacted:
            watch.stop()
            watch.handler(Compacted(self._store.compacted))
            return
        watch.synced = True
        for events in self._store.since(watch.next):
            if events:
                watch.tell(events[0].revision, events)

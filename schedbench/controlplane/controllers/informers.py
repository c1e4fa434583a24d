"""The informers of one controller manager: one of a kind, shared by its controllers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api, WatchEvent
from schedbench.controlplane.controllers.owned import Owned
from schedbench.controlplane.informer import Informer
from schedbench.objects.meta import ApiObject

RELIST = 1.0
"""Seconds after which a list that failed is asked for again: an assumption."""


class Informers:
    """One informer for each kind that is asked for.

    A copy counts as complete once everything is in it that a list, asked for after the
    watch was opened, has shown; controllers do nothing before.
    """

    def __init__(self, clock: Clock, api: Api) -> None:
        self._clock, self._api = clock, api
        self._informers: dict[str, Informer] = {}
        self._owned: dict[str, Owned] = {}
        self._syncing: dict[str, _Syncing] = {}
        self._waiting: list[Callable[[], None]] = []
        self._stopped = False

    def __getitem__(self, kind: str) -> Informer:
        informer = self._informers.get(kind)
        if informer is None:
            informer = self._informers[kind] = Informer(self._api, kind)
            syncing = self._syncing[kind] = _Syncing()
            informer.listen(lambda event: self._heard(kind, syncing, event))
            self._list(kind)
        return informer

    def listen(self, kind: str, listener: Callable[[WatchEvent], None]) -> None:
        """Call a function with every object that is known, then with every change."""
        informer = self[kind]
        for item in informer:
            listener(WatchEvent("ADDED", item, None, 0))
        informer.listen(listener)

    def owned(self, kind: str) -> Owned:
        """Return the objects of a kind by controller."""
        owned = self._owned.get(kind)
        if owned is None:
            owned = self._owned[kind] = Owned(self._clock)
            self.listen(kind, owned.changed)
        return owned

    def when_synced(self, action: Callable[[], None]) -> None:
        """Call a function as soon as all copies are complete."""
        self._waiting.append(action)
        self._check()

    def stop(self) -> None:
        """Hear nothing more."""
        self._stopped = True
        self._waiting.clear()
        for informer in self._informers.values():
            informer.stop()

    def _list(self, kind: str) -> None:
        if not self._stopped:
            self._api.list(kind, lambda answer: self._listed(kind, answer))

    def _listed(self, kind: str, answer: Answer) -> None:
        if self._stopped:
            return
        if answer.error is not None:
            self._clock.after(RELIST, self._list, kind)
            return
        self._syncing[kind].listed(answer.items)
        self._finish(kind)

    def _heard(self, kind: str, syncing: _Syncing, event: WatchEvent) -> None:
        if syncing.complete:
            return
        syncing.heard(event.key)
        self._finish(kind)

    def _finish(self, kind: str) -> None:
        if self._syncing[kind].complete:
            self._check()

    def _check(self) -> None:
        if all(syncing.complete for syncing in self._syncing.values()):
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action()


class _Syncing:
    """Which of the listed objects have not been heard of yet."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._missing: set[str] | None = None
        self.complete = False

    def heard(self, key: str) -> None:
        self._seen.add(key)
        if self._missing is not None:
            self._missing.discard(key)
            self._conclude()

    def listed(self, items: Sequence[ApiObject]) -> None:
        self._missing = {item.key for item in items} - self._seen
        self._conclude()

    def _conclude(self) -> None:
        if not self._missing:
            self.complete = True
            self._seen.clear()

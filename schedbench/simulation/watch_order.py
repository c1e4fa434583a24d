"""Whether watches tell everything once and in order: a law over what they delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schedbench.simulation.invariants import Breach, Write


class Delivery(NamedTuple):
    """A change as a watcher received it."""

    revision: int
    key: str


class WatchOrder:
    """Whether watchers hear of each key's changes all, once and in order.

    Parameters
    ----------
    selects
        Watcher → whether it is to hear of a write.
    """

    def __init__(self, selects: Mapping[str, Callable[[Write], bool]]) -> None:
        self._selects = selects
        self._log: list[Write] = []
        self._due: dict[str, dict[str, list[int]]] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._read: dict[str, int] = {}
        self._since: dict[str, int] = {}

    def wrote(self, writes: Iterable[Write]) -> None:
        """Take note of committed changes."""
        self._log.extend(writes)

    def listed(self, watcher: str, revision: int) -> None:
        """Take note that a watcher (re)listed: it knows all up to a revision."""
        self._since[watcher] = revision
        self._read[watcher] = 0
        self._due[watcher] = {}
        for at in [at for at in self._heard if at[0] == watcher]:
            del self._heard[at]

    def delivered(self, watcher: str, events: Iterable[Delivery]) -> list[Breach]:
        """Return what is wrong with the next events of a watcher."""
        due = self._catch_up(watcher)
        breaches = []
        for event in events:
            wanted = due.get(event.key, [])
            at = watcher, event.key
            heard = self._heard.get(at, 0)
            if heard < len(wanted) and wanted[heard] == event.revision:
                self._heard[at] = heard + 1
                continue
            if event.revision in wanted[:heard]:
                what = "doubled" if event.revision == wanted[heard - 1] else "reordered"
                detail = f"{event.key} at {event.revision} again"
            elif event.revision in wanted[heard:]:
                what = "lost or reordered"
                detail = f"{event.key} at {event.revision} before {wanted[heard]}"
                self._heard[at] = wanted.index(event.revision) + 1
            else:
                what = "unfounded"
                detail = f"{event.key} at {event.revision} was never written"
            breaches.append(Breach(f"watch event {what}", watcher, detail))
        return breaches

    def missing(self, watcher: str) -> list[Breach]:
        """Return the changes a watcher has not heard of, once nothing is under way."""
        return [
            Breach("watch event lost", watcher, f"{key} at {revision}")
            for key, revisions in self._catch_up(watcher).items()
            for revision in revisions[self._heard.get((watcher, key), 0) :]
        ]

    def _catch_up(self, watcher: str) -> dict[str, list[int]]:
        due = self._due.setdefault(watcher, {})
        selects, since = self._selects[watcher], self._since.get(watcher, 0)
        for write in self._log[self._read.get(watcher, 0) :]:
            if write.revision > since and selects(write):
                due.setdefault(write.key, []).append(write.revision)
        self._read[watcher] = len(self._log)
        return due

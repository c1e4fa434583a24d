"""A watch whose events are held against the store's history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import Event, Range
from schedbench.controlplane.registry import key_of
from schedbench.controlplane.watch_cache import Stream
from schedbench.objects.meta import ApiObject
from schedbench.simulation.invariants import Breach, Write
from schedbench.simulation.watch_order import Delivery, WatchOrder

Versions: TypeAlias = Mapping[str, str | None]
"""`namespace/name` → resource version."""


class Probe:
    """What one watch tells: of each list all, of each change after it once, in order.

    Parameters
    ----------
    stream
        The watch, before its first event; its handler is called as before.
    store
        What etcd has applied.

    Attributes
    ----------
    prefix
        With what the keys begin that it may hear of.
    due
        The changes that it has to hear of, in order; who follows the store adds them.
    """

    def __init__(self, name: str, stream: Stream, store: Store) -> None:
        self.prefix = key_of(stream.kind, "", "").removesuffix("/")
        self.due: list[Event] = []
        self._name = name
        self._stream = stream
        self._store = store
        self._listed = self._known = 0
        self._heard: list[WatchEvent | tuple[int, Versions]] = []
        self._is_list = False
        self._handler: Callable[[WatchEvent], None] = stream.handler
        stream.handler = self._hear

    def look(self) -> list[Breach]:
        """Return what was wrong with what it has heard since the last look."""
        if self._stream.listed != self._listed:
            self._end_list(None)
        heard, due = self._heard, self.due
        if not heard:
            return []
        self._heard = []
        if not self._is_list and self._stream.field is None:
            told = [event.object for event in heard]  # type: ignore[union-attr]
            wrote = [event.value or event.previous for event in due[: len(heard)]]
            if told == wrote:
                self._known = due[len(heard) - 1].revision
                del due[: len(heard)]
                return []
        self._is_list = False
        return self._compare(heard)

    def missing(self) -> list[Breach]:
        """Return what it has not heard of, once nothing is under way."""
        found = self.look()
        order = WatchOrder({self._name: self._wants})
        order.wrote(self._writes())
        return found + order.missing(self._name)

    def _hear(self, event: WatchEvent) -> None:
        listed = self._stream.listed
        if event.revision > listed:
            if listed != self._listed:
                self._end_list(event)
            self._heard.append(event)
        self._handler(event)

    def _end_list(self, event: WatchEvent | None) -> None:
        """Note what it knew after a list, before the first change."""
        self._listed = self._stream.listed
        known = {
            key: item.metadata.resource_version
            for key, item in self._stream.known.items()
        }
        if event is not None:
            known.pop(event.object.key, None)
            if event.old is not None:
                known[event.old.key] = event.old.metadata.resource_version
        self._heard.append((self._listed, known))
        self._is_list = True

    def _compare(self, heard: list[WatchEvent | tuple[int, Versions]]) -> list[Breach]:
        """Look closely, key by key."""
        name, order = self._name, WatchOrder({self._name: self._wants})
        order.wrote(self._writes())
        found: list[Breach] = []
        for entry in heard:
            if isinstance(entry, WatchEvent):
                meta = entry.object.metadata
                key = f"{self.prefix}{meta.namespace}/{meta.name}"
                found += order.delivered(name, [Delivery(entry.revision, key)])
                self._known = max(self._known, entry.revision)
            else:
                self._known, versions = entry
                found += self._differs(self._known, versions)
                order.listed(name, self._known)
        self.due = [event for event in self.due if event.revision > self._known]
        return found

    def _writes(self) -> list[Write]:
        return [Write(event.revision, event.key, event) for event in self.due]

    def _differs(self, revision: int, versions: Versions) -> list[Breach]:
        """Hold what it knew after a list against what there was then."""
        answer = self._store.range(Range(self.prefix, prefix=True, revision=revision))
        if answer.error is not None:
            return []
        there = {
            item.value.key: str(item.mod_revision)
            for item in answer.items
            if self._stream.selects(item.value)
        }
        wrong = sorted(dict(there.items() ^ versions.items()))
        return [
            Breach(
                "watch list differs",
                self._name,
                f"{key} at {revision}: {versions.get(key)}, not {there.get(key)}",
            )
            for key in wrong
        ]

    def _wants(self, write: Write) -> bool:
        event = write.value
        assert isinstance(event, Event)
        return any(
            isinstance(item, ApiObject) and self._stream.selects(item)
            for item in (event.value, event.previous)
        )

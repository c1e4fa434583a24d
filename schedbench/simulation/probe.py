"""A watch whose events are held against the store's history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import Range
from schedbench.controlplane.registry import PREFIX
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
        The watch, of a whole kind or of one namespace/name; its handler is called as
        before.
    store
        What etcd has applied.
    """

    def __init__(self, name: str, stream: Stream, store: Store) -> None:
        self._name = name
        self._stream = stream
        self._store = store
        self._order = WatchOrder({name: self._wants})
        self._before: dict[int, object] = {}
        self._view: dict[str, str | None] = {}
        self._listed = 0
        self._heard: list[Delivery | tuple[int, Versions]] = []
        self._handler: Callable[[WatchEvent], None] = stream.handler
        stream.handler = self._hear

    @property
    def prefix(self) -> str:
        """With what the keys begin of which it hears."""
        return f"{PREFIX}{self._stream.kind}/"

    def wrote(self, revision: int, key: str, value: object, before: object) -> None:
        """Take note of a committed change of the kind."""
        if self._stream.field is not None:
            self._before[revision] = before
        self._order.wrote([Write(revision, key, value)])

    def look(self) -> list[Breach]:
        """Return what was wrong with what it has heard since the last look."""
        if self._listed != self._stream.listed:
            self._end_list()
        heard, self._heard = self._heard, []
        breaches: list[Breach] = []
        for entry in heard:
            if isinstance(entry, Delivery):
                breaches += self._order.delivered(self._name, [entry])
            else:
                revision, versions = entry
                breaches += self._compare(revision, versions)
                self._order.listed(self._name, revision)
        return breaches

    def missing(self) -> list[Breach]:
        """Return what it has not heard of, once nothing is under way."""
        return [*self.look(), *self._order.missing(self._name)]

    def _hear(self, event: WatchEvent) -> None:
        listed, item = self._stream.listed, event.object
        genuine = event.revision > listed
        if genuine:
            if listed != self._listed:
                self._end_list()
            key = f"{PREFIX}{self._stream.kind}/{_path(item)}"
            self._heard.append(Delivery(event.revision, key))
        if event.type == "DELETED":
            self._view.pop(item.key, None)
        else:
            self._view[item.key] = item.metadata.resource_version
        self._handler(event)

    def _end_list(self) -> None:
        self._listed = self._stream.listed
        self._heard.append((self._listed, dict(self._view)))

    def _compare(self, revision: int, versions: Versions) -> list[Breach]:
        """Hold what it knows after a list against what there was then."""
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
        stream = self._stream
        if stream.field is None:
            return True
        return any(
            isinstance(item, ApiObject) and stream.selects(item)
            for item in (write.value, self._before.get(write.revision))
        )


def _path(item: ApiObject) -> str:
    return f"{item.metadata.namespace}/{item.metadata.name}"

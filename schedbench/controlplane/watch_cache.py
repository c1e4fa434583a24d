"""The watch cache of one API server: every object, recent changes, the watchers.

It follows the store by one watch; lists and watches are served from it. Watchers of a
kind hear of a change at the same instant, when it has been sent to the last of them;
changes of a kind reach a watcher in the order of revisions.

Source: `k8s.io/apiserver/pkg/storage/cacher`; docs.kubernetes.io "Kubernetes API
Concepts", efficient detection of changes.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.authorization import User
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import ApiServerParameters
from schedbench.objects.meta import ApiObject

RULES = frozenset({"LimitRange", "Namespace", "PriorityClass"})
"""Kinds that admission looks at."""

Handler = Callable[[WatchEvent], None]
Field = tuple[str, str]
Seen = Callable[["WatchCache", str, ApiObject | None, ApiObject | None, int], None]


def field_value(item: ApiObject, path: str) -> str:
    """Return what a field selector compares: `metadata.name` or `spec.nodeName`."""
    if path == "metadata.name":
        return item.metadata.name
    spec: Any = getattr(item, "spec", None)
    return getattr(spec, "node_name", None) or ""


class Stream:
    """One watch, as both ends see it; it outlives the connections that carry it.

    Attributes
    ----------
    known
        `namespace/name` → object, as the watcher knows them.
    revision
        The last revision that reached the watcher; 0 = none.
    listed
        The revision of the last list that it began with, or began anew with.
    """

    __slots__ = (
        "backlog",
        "connection",
        "field",
        "handler",
        "kind",
        "known",
        "listed",
        "revision",
        "stopped",
        "user",
    )

    def __init__(
        self, user: User, kind: str, handler: Handler, field: Field | None
    ) -> None:
        self.user = user
        self.kind, self.handler, self.field = kind, handler, field
        self.known: dict[str, ApiObject] = {}
        self.revision = 0
        self.listed = 0
        self.stopped = False
        self.connection: WatchCache | None = None
        self.backlog: list[WatchEvent] | None = None

    def selects(self, item: ApiObject) -> bool:
        """Return whether the watch is about the object."""
        return self.field is None or field_value(item, self.field[0]) == self.field[1]

    def seen_as(self, event: WatchEvent) -> WatchEvent | None:
        """Return the change as the watch's selection sees it; None if it does not."""
        if self.field is None:
            return event
        old = event.old
        had = old is not None and self.selects(old)
        has = event.type != "DELETED" and self.selects(event.object)
        if had and has:
            return event
        if not had and not has:
            return None
        if has:
            return WatchEvent("ADDED", event.object, None, event.revision, event.key)
        return WatchEvent("DELETED", event.object, old, event.revision, event.key)

    def receive(self, event: WatchEvent) -> None:
        """Hand a change to the watcher, once."""
        if self.backlog is not None:
            self.backlog.append(event)
            return
        if self.stopped or event.revision <= self.revision:
            return
        self.revision = event.revision
        if event.type == "DELETED":
            self.known.pop(event.key, None)
        else:
            self.known[event.key] = event.object
        self.handler(event)

    def begin(
        self, events: Iterable[WatchEvent], revision: int, *, listed: bool
    ) -> None:
        """Hand over what the connection began with, then what has come since."""
        if listed:
            self.listed = revision
        for event in events:
            if self.stopped:
                return
            self._hand_over(event)
        self.revision = max(self.revision, revision)
        backlog, self.backlog = self.backlog or [], None
        for event in backlog:
            self.receive(event)

    def _hand_over(self, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self.known.pop(event.key, None)
        else:
            self.known[event.key] = event.object
        self.handler(event)


class WatchCache:
    """Every object as one API server knows it, and who watches.

    Attributes
    ----------
    revision
        The store's revision that it has reached.
    rules_version
        A number that changes with the objects that admission looks at.
    sent
        How many changes it has sent to watchers.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: ApiServerParameters,
        hop: Latency,
        draws: Draws,
        seen: Seen,
    ) -> None:
        self.revision = 0
        self.sent = 0
        self.rules_version = 0
        self._clock, self._draws, self._seen = clock, draws, seen
        self._parameters, self._hop = parameters, hop
        self._objects: dict[str, dict[str, ApiObject]] = {}
        self._history: dict[str, collections.deque[tuple[float, WatchEvent]]] = {}
        self._floor: dict[str, int] = {}
        self._loaded = 0
        self._streams: dict[str, dict[Stream, None]] = {}
        self._everything: dict[str, tuple[Stream, ...]] = {}
        self._selected: dict[tuple[str, str], dict[str, dict[Stream, None]]] = {}
        self._grouped: dict[
            tuple[str, str], tuple[int, dict[str, dict[str, ApiObject]]]
        ] = {}
        self._busy_until: dict[str, float] = {}
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def of(self, kind: str) -> Mapping[str, ApiObject]:
        """Return the objects of a kind by `namespace/name`."""
        return self._objects.get(kind, {})

    def get(self, kind: str, namespace: str, name: str) -> ApiObject | None:
        """Return an object, or None if the cache has none."""
        key = f"{namespace}/{name}" if namespace else name
        return self._objects.get(kind, {}).get(key)

    def load(self, items: Iterable[ApiObject], revision: int) -> None:
        """Begin with the objects of the store at a revision."""
        for item in items:
            self._objects.setdefault(type(item).__name__, {})[item.key] = item
        self.revision = self._loaded = revision

    def when(self, revision: int, then: Callable[[], None]) -> None:
        """Call back as soon as the cache has reached a revision."""
        if self.revision >= revision:
            then()
        else:
            self._waiting.append((revision, then))

    def changed(
        self, kind: str, key: str, item: ApiObject | None, revision: int
    ) -> None:
        """Take in a change of the store and send it to those who watch."""
        key = key.removeprefix("/")
        objects = self._objects.setdefault(kind, {})
        old = objects.get(key)
        self.revision = revision
        event: WatchEvent | None
        if item is not None:
            objects[key] = item
            change = "ADDED" if old is None else "MODIFIED"
            event = WatchEvent(change, item, old, revision, key)  # type: ignore[arg-type]
        elif old is not None:
            del objects[key]
            event = WatchEvent("DELETED", old, old, revision, key)
        else:
            event = None
        if kind in RULES:
            self.rules_version += 1
        self._seen(self, kind, old, item, revision)
        if event is not None:
            self._remember(kind, event)
            self._dispatch(kind, event)
        if self._waiting:
            self._call_waiting()

    def connect(self, stream: Stream) -> None:
        """Serve a watch: what there is, or what it has missed, then every change."""
        stream.connection = self
        stream.backlog = []
        self._streams.setdefault(stream.kind, {})[stream] = None
        if stream.field is None:
            streams = self._everything.get(stream.kind, ())
            self._everything[stream.kind] = (*streams, stream)
        else:
            path, value = stream.field
            by_value = self._selected.setdefault((stream.kind, path), {})
            by_value.setdefault(value, {})[stream] = None
        resumes = self._resumes(stream)
        events = self._missed(stream) if resumes else self._listed(stream)
        self.sent += len(events)
        cost = self._parameters.list_item * len(events)
        delay = cost + self._draws.seconds(self._hop)
        revision = self.revision
        self._clock.after(delay, self._begin, stream, events, revision, not resumes)

    def disconnect(self, stream: Stream) -> None:
        """Serve a watch no more."""
        if stream.connection is not self:
            return
        stream.connection = None
        del self._streams[stream.kind][stream]
        if stream.field is None:
            self._everything[stream.kind] = tuple(
                other for other in self._everything[stream.kind] if other is not stream
            )
        else:
            path, value = stream.field
            by_value = self._selected[stream.kind, path]
            del by_value[value][stream]
            if not by_value[value]:
                del by_value[value]

    def drop_all(self) -> list[Stream]:
        """Break every connection and return the watches that had one."""
        streams = [one for streams in self._streams.values() for one in streams]
        for stream in streams:
            stream.connection = None
            stream.backlog = None
        self._streams.clear()
        self._everything.clear()
        self._selected.clear()
        return streams

    def drop(self, users: Collection[str]) -> list[Stream]:
        """Break the connections of some users and return their watches."""
        streams = [
            one
            for streams in self._streams.values()
            for one in streams
            if one.user.name in users
        ]
        for stream in streams:
            self.disconnect(stream)
            stream.backlog = None
        return streams

    def _remember(self, kind: str, event: WatchEvent) -> None:
        history = self._history.setdefault(kind, collections.deque())
        history.append((self._clock.now, event))
        oldest = self._clock.now - self._parameters.watch_history_seconds
        while history[0][0] < oldest or len(history) > self._parameters.watch_history:
            self._floor[kind] = history.popleft()[1].revision

    def _dispatch(self, kind: str, event: WatchEvent) -> None:
        everything = self._everything.get(kind, ())
        selected: list[tuple[Stream, WatchEvent]] = []
        for path in ("spec.nodeName", "metadata.name"):
            by_value = self._selected.get((kind, path))
            if by_value:
                selected += _seen_by(by_value, event, path)
        count = len(everything) + len(selected)
        if not count:
            return
        self.sent += count
        draws = self._draws
        time = self._clock.now + draws.seconds(self._parameters.watch_event)
        time += count * self._parameters.fan_out + draws.seconds(self._hop)
        time = max(time, self._busy_until.get(kind, time))
        self._busy_until[kind] = time
        self._clock.at(time, self._deliver, event, everything, selected)

    def _deliver(
        self,
        event: WatchEvent,
        everything: tuple[Stream, ...],
        selected: list[tuple[Stream, WatchEvent]],
    ) -> None:
        for stream in everything:
            if stream.connection is self:
                stream.receive(event)
        for stream, seen in selected:
            if stream.connection is self:
                stream.receive(seen)

    def _begin(
        self, stream: Stream, events: list[WatchEvent], revision: int, listed: bool
    ) -> None:
        if stream.connection is self:
            stream.begin(events, revision, listed=listed)

    def _resumes(self, stream: Stream) -> bool:
        """Return whether all that a watch has missed is remembered."""
        last = stream.revision
        return bool(last) and last >= max(self._loaded, self._floor.get(stream.kind, 0))

    def _missed(self, stream: Stream) -> list[WatchEvent]:
        last = stream.revision
        history = [event for _, event in self._history.get(stream.kind, ())]
        missed = (stream.seen_as(one) for one in history if one.revision > last)
        return [event for event in missed if event is not None]

    def _listed(self, stream: Stream) -> list[WatchEvent]:
        """Return how what a watch knows differs from what there is."""
        now = self._now(stream)
        events = []
        for key, old in stream.known.items():
            new = now.get(key)
            if new is None or new.metadata.uid != old.metadata.uid:
                events.append(WatchEvent("DELETED", old, old, self.revision))
        for key, new in now.items():
            before = stream.known.get(key)
            if before is None or before.metadata.uid != new.metadata.uid:
                events.append(WatchEvent("ADDED", new, None, self.revision))
            elif before is not new and (
                before.metadata.resource_version != new.metadata.resource_version
            ):
                events.append(WatchEvent("MODIFIED", new, before, self.revision))
        return events

    def _now(self, stream: Stream) -> Mapping[str, ApiObject]:
        """Return what a watch selects now.

        Objects are gone through once for all watches that begin at a revision: 5,000
        kubelets come back together.
        """
        kind, field = stream.kind, stream.field
        if field is None:
            return self.of(kind)
        revision, by_value = self._grouped.get((kind, field[0]), (-1, {}))
        if revision != self.revision:
            by_value = {}
            for key, item in self.of(kind).items():
                by_value.setdefault(field_value(item, field[0]), {})[key] = item
            self._grouped[kind, field[0]] = self.revision, by_value
        return by_value.get(field[1], {})

    def _call_waiting(self) -> None:
        ready = [then for revision, then in self._waiting if revision <= self.revision]
        if ready:
            self._waiting = [one for one in self._waiting if one[0] > self.revision]
            for then in ready:
                then()


def _seen_by(
    by_value: Mapping[str, Iterable[Stream]], event: WatchEvent, path: str
) -> list[tuple[Stream, WatchEvent]]:
    """Return the watches that select the object, now or before, and what they see."""
    item, old = event.object, event.old
    now = field_value(item, path)
    before = now if old is None else field_value(old, path)
    if now == before:
        return [(stream, event) for stream in by_value.get(now, ())]
    come = WatchEvent("ADDED", item, None, event.revision, event.key)
    gone = WatchEvent("DELETED", item, old, event.revision, event.key)
    return [
        *((stream, come) for stream in by_value.get(now, ())),
        *((stream, gone) for stream in by_value.get(before, ())),
    ]

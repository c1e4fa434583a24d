"""A store of one machine that answers at once, and may lose answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.registry import (
    Compare,
    Delete,
    KeyValue,
    Put,
    Range,
    Reply,
    StoreEvent,
)


class MemoryStore:
    """Keys with revisions; `delay` seconds until a call has its effect and answer."""

    def __init__(self, clock: Clock, delay: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = clock
        self.revision = 1
        self.data: dict[str, KeyValue] = {}
        self.log: list[StoreEvent] = []
        self.silent = False
        self.error: str | None = None
        self._delay = delay
        self._watches: list[_Watch] = []

    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Put | Delete],
        failure: Sequence[Range],
        then: Callable[[Reply], None],
    ) -> None:
        if not self.silent:
            delay = self._delay()
            self.clock.after(delay, self._txn, compares, success, failure, then)

    def _txn(self, compares: Any, success: Any, failure: Any, then: Any) -> None:
        if self.error is not None:
            then(Reply(error=self.error))
            return
        found = all(
            (self.data[c.key].mod_revision if c.key in self.data else 0)
            == c.mod_revision
            for c in compares
        )
        if not found:
            kvs = [self.data[op.key] for op in failure if op.key in self.data]
            then(Reply(self.revision, False, kvs))
            return
        self.revision += 1
        events = []
        for op in success:
            if isinstance(op, Put):
                self.data[op.key] = KeyValue(op.key, op.value, self.revision)
                events.append(StoreEvent(op.key, op.value, self.revision))
            else:
                del self.data[op.key]
                events.append(StoreEvent(op.key, None, self.revision))
        self.log += events
        then(Reply(self.revision))
        for watch in list(self._watches):
            for event in events:
                if not watch.stopped:
                    watch.handler(event)

    def range(
        self,
        key: str,
        then: Callable[[Reply], None],
        *,
        prefix: bool = False,
        revision: int = 0,
    ) -> None:
        if not self.silent:
            self.clock.after(self._delay(), self._range, key, then, prefix)

    def _range(self, key: str, then: Any, prefix: bool) -> None:
        if self.error is not None:
            then(Reply(error=self.error))
            return
        kvs = [
            kv
            for k, kv in self.data.items()
            if k == key or (prefix and k.startswith(key))
        ]
        then(Reply(self.revision, True, kvs))

    def watch(
        self, prefix: str, handler: Callable[[StoreEvent], None], from_revision: int
    ) -> _Watch:
        watch = _Watch(self, handler)
        self._watches.append(watch)
        for event in self.log:
            if event.revision >= from_revision:
                handler(event)
        return watch


class _Watch:
    def __init__(self, store: MemoryStore, handler: Callable) -> None:
        self.store, self.handler, self.stopped = store, handler, False

    def stop(self) -> None:
        self.stopped = True
        self.store._watches.remove(self)

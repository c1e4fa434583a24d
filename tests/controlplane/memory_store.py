"""A store of one machine, with etcd's questions and answers and no quorum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.etcd_types import (
    Compare,
    EtcdError,
    Event,
    Item,
    Op,
    Put,
    RangeAnswer,
    TxnAnswer,
)


class MemoryStore:
    """Keys with revisions; `delay()` seconds until a call has its effect and answer.

    Watchers hear of a change `lag` seconds after it.
    While `silent` it answers nothing; with an `error` it refuses everything.
    """

    def __init__(self, clock: Clock, delay: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = clock
        self.revision = 1
        self.data: dict[str, Item] = {}
        self.log: list[Event] = []
        self.lag = 0.0
        self.silent = False
        self.error: EtcdError | None = None
        self._delay = delay
        self._watches: list[_Watch] = []

    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Op],
        failure: Sequence[Op],
        then: Callable[[TxnAnswer], None],
    ) -> None:
        if not self.silent:
            delay = self._delay()
            self.clock.after(delay, self._txn, compares, success, failure, then)

    def range(
        self, key: str, then: Callable[[RangeAnswer], None], *, prefix: bool = False
    ) -> None:
        if not self.silent:
            self.clock.after(self._delay(), self._range, key, then, prefix)

    def watch(
        self, prefix: str, handler: Callable[[Any], None], from_revision: int = 0
    ) -> _Watch:
        watch = _Watch(self, handler)
        self._watches.append(watch)
        for event in self.log:
            if event.revision >= from_revision:
                handler([event])
        return watch

    def compact(self, revision: int) -> None:
        """Forget nothing: watches from the past always find it."""

    def _txn(self, compares: Any, success: Any, failure: Any, then: Any) -> None:
        if self.error is not None:
            then(TxnAnswer(error=self.error))
            return
        if any(self._changed(one.key) != one.operand for one in compares):
            read = [self._answer([op.key]) for op in failure]
            then(TxnAnswer(False, read, self.revision))
            return
        self.revision += 1
        for op in success:
            if isinstance(op, Put):
                item = Item(op.key, op.value, self.revision, self.revision, 1)
                self.data[op.key] = item
                event = Event("put", op.key, op.value, None, self.revision)
            else:
                del self.data[op.key]
                event = Event("delete", op.key, None, None, self.revision)
            self.log.append(event)
            for watch in list(self._watches):
                if self.lag:
                    self.clock.after(self.lag, watch.tell, event)
                else:
                    watch.tell(event)
        then(TxnAnswer(True, [None], self.revision))

    def _range(self, key: str, then: Any, prefix: bool) -> None:
        if self.error is not None:
            then(RangeAnswer(error=self.error))
            return
        keys = [k for k in self.data if k.startswith(key)] if prefix else [key]
        then(self._answer(keys))

    def _answer(self, keys: list[str]) -> RangeAnswer:
        items = [self.data[key] for key in keys if key in self.data]
        return RangeAnswer(items, len(items), self.revision)

    def _changed(self, key: str) -> int:
        return self.data[key].mod_revision if key in self.data else 0


class _Watch:
    def __init__(self, store: MemoryStore, handler: Callable) -> None:
        self.store, self.handler, self.active = store, handler, True

    def tell(self, event: Event) -> None:
        if self.active:
            self.handler([event])

    def stop(self) -> None:
        self.active = False
        self.store._watches.remove(self)

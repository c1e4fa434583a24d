"""Where the API server keeps its objects: keys, reads and writes of the store.

The store holds the objects themselves under `/registry/<kind>/<namespace>/<name>`.
An object has no resource version while it is written; it gets the revision of its
write when it is first seen in the store, before anyone else has it.

Source: `k8s.io/apiserver/pkg/storage/etcd3/store.go`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import ApiError
from schedbench.controlplane.etcd_types import (
    Compacted,
    Compare,
    Delete,
    EtcdError,
    Event,
    Item,
    Op,
    Put,
    Range,
    RangeAnswer,
    TxnAnswer,
)
from schedbench.objects.meta import ApiObject

PREFIX = "/registry/"


class StoreWatch(Protocol):
    """A watch on the store."""

    def stop(self) -> None:
        """End it."""


class Store(Protocol):
    """What the API server needs of its store: what `Etcd` has."""

    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Op],
        failure: Sequence[Op],
        then: Callable[[TxnAnswer], None],
    ) -> None:
        """Do `success` if all compares hold, else `failure`, as one."""

    def range(
        self, key: str, then: Callable[[RangeAnswer], None], *, prefix: bool = False
    ) -> None:
        """Read a key or all that begin with it."""

    def watch(
        self,
        prefix: str,
        handler: Callable[[list[Event] | Compacted], None],
        from_revision: int = 0,
    ) -> StoreWatch:
        """Hear every change from a revision on, in order."""

    def compact(self, revision: int) -> None:
        """Forget what was before a revision."""


def key_of(kind: str, namespace: str, name: str) -> str:
    """Return the key of an object."""
    return f"{PREFIX}{kind}/{namespace}/{name}"


def versioned(item: ApiObject, revision: int) -> ApiObject:
    """Return an object of the store, with the revision of its write."""
    if item.metadata.resource_version is None:
        item.metadata.resource_version = str(revision)
    return item


Written: TypeAlias = Callable[[ApiError | None, bool, ApiObject | None], None]
"""Called with an error, or whether it was written and the object as it is now."""


class Registry:
    """Reads and conditional writes of single objects.

    The store is told to forget what was before the revision that it had one interval
    ago, as long as there are writes. Source: k8s.io/apiserver/pkg/storage/etcd3/
    compact.go.

    Parameters
    ----------
    compaction_interval
        In seconds; ∞ = nothing is forgotten.
    """

    def __init__(
        self, store: Store, clock: Clock, compaction_interval: float = math.inf
    ) -> None:
        self._store = store
        self._clock = clock
        self._interval = compaction_interval
        self._is_compacting = False

    def read(self, kind: str, namespace: str, name: str, then: Written) -> None:
        """Read an object as it is in the store now."""

        def replied(reply: RangeAnswer) -> None:
            if reply.error is not None:
                then(_failure(reply.error), False, None)
            else:
                then(None, True, _found(reply.items))

        self._store.range(key_of(kind, namespace, name), replied)

    def revision(self, then: Callable[[ApiError | None, int], None]) -> None:
        """Ask for the store's revision now."""

        def replied(reply: RangeAnswer) -> None:
            error = None if reply.error is None else _failure(reply.error)
            then(error, reply.revision)

        self._store.range(PREFIX, replied)

    def write(
        self, old: ApiObject | None, new: ApiObject | None, then: Written
    ) -> None:
        """Replace an object if it still is what it was; None is: not there.

        `new` must not have been handed to anyone: it gets its resource version here.
        """
        item = new if new is not None else old
        assert item is not None
        meta = item.metadata
        key = key_of(type(item).__name__, meta.namespace, meta.name)
        before = 0 if old is None else int(old.metadata.resource_version or 0)

        def replied(reply: TxnAnswer) -> None:
            if reply.error is not None:
                then(_failure(reply.error), False, None)
            elif reply.succeeded:
                self._compact_later(reply.revision)
                then(None, True, versioned(item, reply.revision))
            else:
                now = reply.responses[0]
                assert isinstance(now, RangeAnswer)
                then(None, False, _found(now.items))

        success = Delete(key) if new is None else Put(key, new)
        compare = Compare(key, "mod_revision", "=", before)
        self._store.txn([compare], [success], [Range(key)], replied)

    def load(
        self, then: Callable[[ApiError | None, list[ApiObject], int], None]
    ) -> None:
        """Read everything."""

        def replied(reply: RangeAnswer) -> None:
            if reply.error is not None:
                then(_failure(reply.error), [], 0)
            else:
                items = [versioned(one.value, one.mod_revision) for one in reply.items]
                then(None, items, reply.revision)

        self._store.range(PREFIX, replied, prefix=True)

    def follow(
        self,
        changed: Callable[[str, str, ApiObject | None, int], None],
        expired: Callable[[], None],
        from_revision: int,
    ) -> StoreWatch:
        """Hear every change: kind, `namespace/name`, the object or None, revision.

        `expired` is called if the store has forgotten what was to be heard next.
        """

        def heard(events: list[Event] | Compacted) -> None:
            if isinstance(events, Compacted):
                expired()
                return
            for event in events:
                _, _, kind, key = event.key.split("/", 3)
                item = None
                if event.type == "put":
                    item = versioned(event.value, event.revision)
                changed(kind, key, item, event.revision)

        return self._store.watch(PREFIX, heard, from_revision)

    def _compact_later(self, revision: int) -> None:
        if not self._is_compacting and self._interval < math.inf:
            self._is_compacting = True
            self._clock.after(self._interval, self._compact, revision)

    def _compact(self, revision: int) -> None:
        self._is_compacting = False
        self._store.compact(revision)


def _found(items: Sequence[Item]) -> ApiObject | None:
    return versioned(items[0].value, items[0].mod_revision) if items else None


def _failure(error: EtcdError) -> ApiError:
    """Turn the store's error into the API's, as kube-apiserver shows it."""
    if error.reason == "timeout":
        return ApiError("Timeout", "etcdserver: request timed out")
    if error.reason == "unavailable":
        return ApiError("ServiceUnavailable", f"etcdserver: {error.message}")
    words = {"no space": "mvcc: database space exceeded"}
    text = words.get(error.reason, f"etcdserver: {error.reason}")
    return ApiError("InternalError", text)

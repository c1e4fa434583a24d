"""Where the API server keeps its objects: keys, reads and writes of the store.

The store holds the objects themselves under `/registry/<kind>/<namespace>/<name>`.
An object has no resource version while it is written; it gets the revision of its
write when it is first seen in the store, before anyone else has it.

Source: `k8s.io/apiserver/pkg/storage/etcd3/store.go`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from schedbench.controlplane.api import ApiError
from schedbench.objects.meta import ApiObject

PREFIX = "/registry/"


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction: the key's last change; 0 = it is not there."""

    key: str
    mod_revision: int


@dataclasses.dataclass(frozen=True, slots=True)
class Put:
    """Write a key."""

    key: str
    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Delete a key."""

    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Read a key."""

    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as it is stored."""

    key: str
    value: Any
    mod_revision: int


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What the store says.

    Attributes
    ----------
    revision
        The store's revision when it answered.
    succeeded
        Whether a transaction's compares held.
    kvs
        What was read.
    error
        Why it failed, in the store's words, or None.
    """

    revision: int = 0
    succeeded: bool = True
    kvs: Sequence[KeyValue] = ()
    error: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class StoreEvent:
    """A change of a key; `value` is None if it was deleted."""

    key: str
    value: Any
    revision: int


Replied: TypeAlias = Callable[[Reply], None]


class StoreWatch(Protocol):
    """A watch on the store."""

    def stop(self) -> None:
        """End it."""


class Store(Protocol):
    """What the API server needs of its store."""

    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Put | Delete],
        failure: Sequence[Range],
        then: Replied,
    ) -> None:
        """Do `success` if all compares hold, else `failure`, as one."""

    def range(
        self, key: str, then: Replied, *, prefix: bool = False, revision: int = 0
    ) -> None:
        """Read a key or all that begin with it, as of a revision; 0 = now."""

    def watch(
        self, prefix: str, handler: Callable[[StoreEvent], None], from_revision: int
    ) -> StoreWatch:
        """Hear every change from a revision on, in order."""


def key_of(kind: str, namespace: str, name: str) -> str:
    """Return the key of an object."""
    return f"{PREFIX}{kind}/{namespace}/{name}"


def stored(kv: KeyValue | StoreEvent, revision: int) -> ApiObject:
    """Return the object of a key, with the revision of its write."""
    item: ApiObject = kv.value
    if item.metadata.resource_version is None:
        item.metadata.resource_version = str(revision)
    return item


Written: TypeAlias = Callable[[ApiError | None, bool, ApiObject | None], None]
"""Called with an error, or whether it was written and the object as it is now."""


class Registry:
    """Reads and conditional writes of single objects."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, kind: str, namespace: str, name: str, then: Written) -> None:
        """Read an object as it is in the store now."""

        def replied(reply: Reply) -> None:
            if reply.error is not None:
                then(_failure(reply.error), False, None)
                return
            kvs = reply.kvs
            found = stored(kvs[0], kvs[0].mod_revision) if kvs else None
            then(None, True, found)

        self._store.range(key_of(kind, namespace, name), replied)

    def revision(self, then: Callable[[ApiError | None, int], None]) -> None:
        """Ask for the store's revision now."""

        def replied(reply: Reply) -> None:
            error = None if reply.error is None else _failure(reply.error)
            then(error, reply.revision)

        self._store.range(PREFIX, replied)

    def write(
        self,
        old: ApiObject | None,
        new: ApiObject | None,
        then: Written,
    ) -> None:
        """Replace an object if it still is what it was; None is: not there.

        `new` must not have been handed to anyone: it gets its resource version here.
        """
        item = new if new is not None else old
        assert item is not None
        meta = item.metadata
        key = key_of(type(item).__name__, meta.namespace, meta.name)
        before = 0 if old is None else int(old.metadata.resource_version or 0)

        def replied(reply: Reply) -> None:
            if reply.error is not None:
                then(_failure(reply.error), False, None)
            elif not reply.succeeded:
                kvs = reply.kvs
                found = stored(kvs[0], kvs[0].mod_revision) if kvs else None
                then(None, False, found)
            else:
                if new is not None and new.metadata.resource_version is None:
                    new.metadata.resource_version = str(reply.revision)
                then(None, True, item)

        success = Delete(key) if new is None else Put(key, new)
        self._store.txn([Compare(key, before)], [success], [Range(key)], replied)

    def load(
        self, then: Callable[[ApiError | None, list[ApiObject], int], None]
    ) -> None:
        """Read everything."""

        def replied(reply: Reply) -> None:
            if reply.error is not None:
                then(_failure(reply.error), [], 0)
                return
            items = [stored(kv, kv.mod_revision) for kv in reply.kvs]
            then(None, items, reply.revision)

        self._store.range(PREFIX, replied, prefix=True)

    def follow(
        self,
        handler: Callable[[str, str, ApiObject | None, int], None],
        from_revision: int,
    ) -> StoreWatch:
        """Hear every change: kind, `namespace/name`, the object or None, revision."""

        def changed(event: StoreEvent) -> None:
            _, _, kind, key = event.key.split("/", 3)
            item = None
            if event.value is not None:
                item = stored(event, event.revision)
            handler(kind, key, item, event.revision)

        return self._store.watch(PREFIX, changed, from_revision)


def _failure(message: str) -> ApiError:
    timed_out = "timed out" in message
    return ApiError("Timeout" if timed_out else "InternalError", message)

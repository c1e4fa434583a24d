"""What is asked of etcd, and what it answers.

Names and meanings follow etcd's gRPC interface. Source: etcd.io, "etcd API" and
api/etcdserverpb/rpc.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec

Target = Literal["mod_revision", "create_revision", "version", "value"]
Sign = Literal["=", "<", ">", "!="]
EtcdReason = Literal[
    "leader changed",
    "timeout",
    "unavailable",
    "no space",
    "compacted",
    "future revision",
    "request too large",
    "too many operations",
    "duplicate key",
    "lease not found",
]


class EtcdError(msgspec.Struct, frozen=True):
    """Why a request failed.

    After "leader changed" and "timeout" a write may or may not have happened; after
    every other reason it has not.
    """

    reason: EtcdReason
    message: str = ""


class Compacted(msgspec.Struct, frozen=True):
    """What ends a watch that asks for revisions which are gone.

    Attributes
    ----------
    revision
        The oldest revision from which one can still watch.
    """

    revision: int


class Item(msgspec.Struct, frozen=True, gc=False):
    """A version of a key; a tombstone has version 0.

    Attributes
    ----------
    create_revision, mod_revision
        The revisions of the key's creation and of this change.
    version
        How often it was written since its creation, this time included.
    lease
        The lease with which it goes; 0 for none.
    size
        What it takes in the database, in bytes.
    """

    key: str
    value: Any
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0
    size: int = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """A change of a key, as watchers see it.

    Attributes
    ----------
    value
        The value that was put; of a deletion None.
    previous
        The value before; None if there was none.
    """

    type: Literal["put", "delete"]
    key: str
    value: Any
    previous: Any
    revision: int


class Compare(msgspec.Struct, frozen=True, gc=False):
    """A condition on a key; a missing key has the numbers 0 and no value."""

    key: str
    target: Target
    sign: Sign
    operand: Any


class Put(msgspec.Struct, frozen=True, gc=False):
    """Write a key.

    Attributes
    ----------
    lease
        The lease with which it goes; 0 for none.
    size
        Bytes of the value as stored; 0 for `EtcdParameters.value_bytes`.
    """

    key: str
    value: Any
    lease: int = 0
    size: int = 0


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Delete a key, or all keys that begin so."""

    key: str
    prefix: bool = False


class Range(msgspec.Struct, frozen=True, gc=False):
    """Read a key, or all keys that begin so, in order.

    Attributes
    ----------
    revision
        As of which revision; 0 for the newest.
    limit
        At most so many; 0 for all.
    """

    key: str
    prefix: bool = False
    revision: int = 0
    limit: int = 0


Op: TypeAlias = Put | Delete | Range


class Txn(msgspec.Struct, frozen=True, gc=False):
    """If all conditions hold do `success`, else `failure`, in one revision."""

    compares: Sequence[Compare]
    success: Sequence[Op]
    failure: Sequence[Op]


class Grant(msgspec.Struct, frozen=True):
    """Make a lease of some seconds."""

    lease: int
    ttl: float


class Revoke(msgspec.Struct, frozen=True):
    """End a lease and delete its keys."""

    lease: int


class Compact(msgspec.Struct, frozen=True):
    """Forget what was before a revision."""

    revision: int


Command: TypeAlias = Txn | Grant | Revoke | Compact


class RangeAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a read found.

    Attributes
    ----------
    count
        How many keys there are, whatever the limit.
    revision
        The revision of the store when it was read.
    """

    items: Sequence[Item] = ()
    count: int = 0
    revision: int = 0
    error: EtcdError | None = None

    @property
    def more(self) -> bool:
        """Whether the limit left keys out."""
        return self.count > len(self.items)


Response: TypeAlias = RangeAnswer | Sequence[Item] | None


class TxnAnswer(msgspec.Struct, frozen=True, gc=False):
    """What came of a transaction.

    Attributes
    ----------
    succeeded
        Whether all conditions held.
    responses
        One for each operation that was done: None for a Put, the deleted items for a
        Delete, a RangeAnswer for a Range.
    revision
        The revision of the store after it; of a write, its own.
    """

    succeeded: bool = False
    responses: Sequence[Response] = ()
    revision: int = 0
    error: EtcdError | None = None


class LeaseAnswer(msgspec.Struct, frozen=True):
    """What came of a lease's grant or end.

    Attributes
    ----------
    ttl
        Seconds granted, at least the minimum.
    """

    lease: int = 0
    ttl: float = 0.0
    revision: int = 0
    error: EtcdError | None = None


class CompactAnswer(msgspec.Struct, frozen=True):
    """What came of a compaction."""

    revision: int = 0
    error: EtcdError | None = None


EtcdAnswer: TypeAlias = TxnAnswer | LeaseAnswer | CompactAnswer | RangeAnswer


class Snapshot(msgspec.Struct, frozen=True):
    """The store at a revision, plain and serializable.

    Attributes
    ----------
    items
        All versions that are kept, tombstones included, in the order of keys and
        revisions.
    events
        All changes that are kept, in order.
    leases
        Seconds of each lease.
    size
        Bytes of the database file.
    """

    revision: int
    compacted: int
    items: list[Item]
    events: list[Event]
    leases: dict[int, float]
    size: int

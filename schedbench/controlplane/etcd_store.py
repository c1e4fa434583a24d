"""The multi-version key–value store that every member of etcd applies its log to.

Source: etcd.io, "etcd data model" and "KV API guarantees".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from schedbench.controlplane.etcd_types import (
    Command,
    Compact,
    CompactAnswer,
    Compare,
    Delete,
    EtcdAnswer,
    EtcdError,
    Event,
    Grant,
    Item,
    LeaseAnswer,
    Op,
    Put,
    Range,
    RangeAnswer,
    Response,
    Revoke,
    Snapshot,
    Txn,
    TxnAnswer,
)
from schedbench.controlplane.parameters import EtcdParameters

MOD_REVISION = attrgetter("mod_revision")
FEW = 64
"""So many new keys are put into the sorted ones singly, more by sorting anew."""


class Store:
    """Keys, their versions, and what changed in each revision.

    Attributes
    ----------
    revision
        Of the last change; a new store has 1.
    compacted
        The oldest revision that can still be read.
    events
        What the last command changed.
    leases
        Seconds of each lease.
    size
        Bytes of the database file.
    in_use
        Bytes of it that hold something.
    no_space
        Whether the quota was exceeded: writes are refused.
    """

    def __init__(self, parameters: EtcdParameters) -> None:
        self.revision = 1
        self.compacted = 0
        self.events: list[Event] = []
        self.leases: dict[int, float] = {}
        self.size = 0
        self.in_use = 0
        self.no_space = False
        self._parameters = parameters
        self._keys: dict[str, list[Item]] = {}
        self._sorted: list[str] = []
        self._added: list[str] = []
        self._attached: dict[int, dict[str, None]] = {}
        self._history: list[list[Event]] = []
        self._first = 2  # the revision of self._history[0]

    def apply(self, command: Command) -> EtcdAnswer:
        """Do what an entry of the log says."""
        self.events = []
        if type(command) is Txn:
            return self._txn(command)
        if type(command) is Grant:
            if self.no_space:
                return LeaseAnswer(error=self._no_space())
            self.leases[command.lease] = command.ttl
            return LeaseAnswer(command.lease, command.ttl, self.revision)
        if type(command) is Revoke:
            return self._revoke(command.lease)
        assert type(command) is Compact
        return self._compact(command.revision)

    def read(self, txn: Txn) -> TxnAnswer:
        """Answer a transaction that changes nothing."""
        return self._txn(txn)

    def range(self, op: Range) -> RangeAnswer:
        """Answer a read."""
        error = self._unreadable(op)
        if error is not None:
            return RangeAnswer(revision=self.revision, error=error)
        if not op.prefix:
            item = self._item(op.key, op.revision)
            if item is None:
                return RangeAnswer((), 0, self.revision)
            return RangeAnswer((item,), 1, self.revision)
        found: list[Item] = []
        for key in self._under(op.key):
            item = self._item(key, op.revision)
            if item is not None:
                found.append(item)
        kept = found[: op.limit] if op.limit else found
        return RangeAnswer(kept, len(found), self.revision)

    def since(self, revision: int) -> list[list[Event]]:
        """Return what changed from a revision on, one list for each revision."""
        return self._history[max(revision - self._first, 0) :]

    def defragment(self) -> None:
        """Give the file's unused bytes back; lift the alarm if the quota is kept."""
        self.size = self.in_use
        self.no_space = self.size > self._parameters.quota_bytes

    def save(self) -> Snapshot:
        """Return all that is kept."""
        return Snapshot(
            revision=self.revision,
            compacted=self.compacted,
            items=[item for key in sorted(self._keys) for item in self._keys[key]],
            events=[event for events in self._history for event in events],
            leases=dict(self.leases),
            size=self.size,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Become what was saved; to be called on a new store."""
        self.revision = snapshot.revision
        self.compacted = snapshot.compacted
        self.leases = dict(snapshot.leases)
        for item in snapshot.items:
            self._keys.setdefault(item.key, []).append(item)
            self.in_use += item.size
        self._sorted = list(self._keys)
        for versions in self._keys.values():
            if versions[-1].lease:
                attached = self._attached.setdefault(versions[-1].lease, {})
                attached[versions[-1].key] = None
        self._first = max(self.compacted, 2)
        self._history = [[] for _ in range(self._first, self.revision + 1)]
        for event in snapshot.events:
            self._history[event.revision - self._first].append(event)
        self.size = snapshot.size
        self.no_space = self.size > self._parameters.quota_bytes

    # -- transactions

    def _txn(self, txn: Txn) -> TxnAnswer:
        holds = True
        for compare in txn.compares:
            if not self._holds(compare):
                holds = False
                break
        ops = txn.success if holds else txn.failure
        error = self._refusal(ops)
        if error is not None:
            return TxnAnswer(holds, (), self.revision, error)
        revision = self.revision + 1
        responses: list[Response] = []
        for op in ops:
            if type(op) is Put:
                self._put(op, revision)
                responses.append(None)
            elif type(op) is Delete:
                keys = self._under(op.key) if op.prefix else (op.key,)
                responses.append(self._delete(keys, revision))
            else:
                assert type(op) is Range
                responses.append(self.range(op))
        self._end(revision)
        return TxnAnswer(holds, responses, self.revision)

    def _holds(self, compare: Compare) -> bool:
        item = self._item(compare.key, 0)
        if item is None:
            if compare.target == "value":
                return False
            actual: Any = 0
        else:
            actual = getattr(item, compare.target)
        sign = compare.sign
        if sign == "=":
            return bool(actual == compare.operand)
        if sign == "!=":
            return bool(actual != compare.operand)
        if sign == "<":
            return bool(actual < compare.operand)
        return bool(actual > compare.operand)

    def _refusal(self, ops: Sequence[Op]) -> EtcdError | None:
        """Return why operations cannot be done; raise the alarm if for space."""
        size = 0
        for op in ops:
            if type(op) is Put:
                if op.lease and op.lease not in self.leases:
                    return EtcdError("lease not found", str(op.lease))
                size += len(op.key) + (op.size or self._parameters.value_bytes)
            elif type(op) is Range:
                error = self._unreadable(op)
                if error is not None:
                    return error
        if size:
            if max(self.size, self.in_use + size) > self._parameters.quota_bytes:
                self.no_space = True
            if self.no_space:
                return self._no_space()
        return None

    def _no_space(self) -> EtcdError:
        return EtcdError("no space", f"the database takes {self.size} bytes")

    def _unreadable(self, op: Range) -> EtcdError | None:
        if op.revision > self.revision:
            return EtcdError("future revision", str(op.revision))
        if 0 < op.revision < self.compacted:
            return EtcdError("compacted", f"{op.revision} < {self.compacted}")
        return None

    def _put(self, op: Put, revision: int) -> None:
        key = op.key
        versions = self._keys.get(key)
        size = len(key) + (op.size or self._parameters.value_bytes)
        if versions is None:
            versions = self._keys[key] = []
            self._added.append(key)
        old = versions[-1] if versions else None
        if old is None or old.version == 0:
            item = Item(key, op.value, revision, revision, 1, op.lease, size)
            previous = None
        else:
            created, version = old.create_revision, old.version + 1
            item = Item(key, op.value, created, revision, version, op.lease, size)
            previous = old.value
            if old.lease:
                self._attached[old.lease].pop(key, None)
        if op.lease:
            self._attached.setdefault(op.lease, {})[key] = None
        versions.append(item)
        self.in_use += size
        self.events.append(Event("put", key, op.value, previous, revision))

    def _delete(self, keys: Iterable[str], revision: int) -> list[Item]:
        deleted = []
        for key in keys:
            old = self._item(key, 0)
            if old is None:
                continue
            if old.lease:
                self._attached[old.lease].pop(key, None)
            size = len(key)
            self._keys[key].append(Item(key, None, 0, revision, 0, 0, size))
            self.in_use += size
            self.events.append(Event("delete", key, None, old.value, revision))
            deleted.append(old)
        return deleted

    def _end(self, revision: int) -> None:
        """Close a revision if it changed anything."""
        if self.events:
            self.revision = revision
            self._history.append(self.events)
            self.size = max(self.size, self.in_use)

    def _revoke(self, lease: int) -> LeaseAnswer:
        if self.leases.pop(lease, None) is None:
            error = EtcdError("lease not found", str(lease))
            return LeaseAnswer(lease, error=error)
        revision = self.revision + 1
        self._delete(sorted(self._attached.pop(lease, {})), revision)
        self._end(revision)
        return LeaseAnswer(lease, 0.0, self.revision)

    def _compact(self, revision: int) -> CompactAnswer:
        if revision <= self.compacted:
            error = EtcdError("compacted", f"{revision} <= {self.compacted}")
            return CompactAnswer(self.revision, error)
        if revision > self.revision:
            return CompactAnswer(
                self.revision, EtcdError("future revision", str(revision))
            )
        gone = self._history[: max(revision + 1 - self._first, 0)]
        for key in dict.fromkeys(event.key for events in gone for event in events):
            self._thin(key, revision)
        self._sort()
        self._sorted = [key for key in self._sorted if key in self._keys]
        if revision > self._first:
            del self._history[: revision - self._first]
            self._first = revision
        self.compacted = revision
        return CompactAnswer(self.revision)

    def _thin(self, key: str, revision: int) -> None:
        """Forget the versions of a key that a revision no longer shows."""
        versions = self._keys.get(key)
        if versions is None:
            return
        end = bisect_right(versions, revision, key=MOD_REVISION)
        shown = end > 0 and versions[end - 1].version > 0
        dropped = end - 1 if shown else end
        self.in_use -= sum(item.size for item in versions[:dropped])
        del versions[:dropped]
        if not versions:
            del self._keys[key]

    # -- keys

    def _item(self, key: str, revision: int) -> Item | None:
        versions = self._keys.get(key)
        if not versions:
            return None
        if not revision or versions[-1].mod_revision <= revision:
            item = versions[-1]
        else:
            place = bisect_right(versions, revision, key=MOD_REVISION)
            if place == 0:
                return None
            item = versions[place - 1]
        return item if item.version else None

    def _sort(self) -> None:
        if len(self._added) > FEW:
            self._sorted += self._added
            self._sorted.sort()
        else:
            for key in self._added:
                insort(self._sorted, key)
        self._added.clear()

    def _under(self, prefix: str) -> list[str]:
        """Return all keys that begin so, dead ones included, in order."""
        self._sort()
        start = bisect_left(self._sorted, prefix)
        end = start
        keys = self._sorted
        if prefix:
            last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            end = bisect_left(keys, last, lo=start)
        else:
            end = len(keys)
        return keys[start:end]

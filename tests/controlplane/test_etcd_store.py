"""etcd's multi-version store against a naive one that keeps whole histories."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import (
    Compact,
    Compare,
    Delete,
    Grant,
    Op,
    Put,
    Range,
    Revoke,
    Snapshot,
    Txn,
)
from schedbench.controlplane.parameters import EtcdParameters

KEYS = ["/a", "/a/1", "/a/2", "/b/1", "/b/1/x", "/c"]
PREFIXES = ["", "/", "/a", "/a/", "/b/1", "/z"]
keys = st.sampled_from(KEYS)
puts = st.builds(Put, keys, st.integers(0, 3))
deletes = st.builds(Delete, keys) | st.builds(
    Delete, st.sampled_from(PREFIXES), st.just(True)
)
compares = st.builds(
    Compare,
    keys,
    st.sampled_from(["mod_revision", "create_revision", "version", "value"]),
    st.sampled_from(["=", "<", ">", "!="]),
    st.integers(0, 4),
)
branches = st.lists(puts | deletes, max_size=3, unique_by=lambda op: op.key)
txns = st.builds(Txn, st.lists(compares, max_size=2), branches, branches)


def store(**changes: Any) -> Store:
    return Store(dataclasses.replace(EtcdParameters(), **changes))


def put(target: Store, key: str, value: Any, **more: Any) -> Any:
    return target.apply(Txn((), (Put(key, value, **more),), ()))


class Naive:
    """One dictionary of key → (value, created, changed, version) for each revision."""

    def __init__(self) -> None:
        self.states: list[dict[str, tuple[int, int, int, int]]] = [{}, {}]

    def txn(self, txn: Txn) -> bool:
        state = dict(self.states[-1])
        revision = len(self.states)
        holds = all(self.holds(state, compare) for compare in txn.compares)
        changed = False
        for op in txn.success if holds else txn.failure:
            if isinstance(op, Put):
                _, created, _, version = state.get(op.key, (0, revision, 0, 0))
                state[op.key] = (op.value, created, revision, version + 1)
                changed = True
            else:
                gone = [
                    key
                    for key in state
                    if key == op.key or (op.prefix and key.startswith(op.key))
                ]
                changed = changed or bool(gone)
                for key in gone:
                    del state[key]
        if changed:
            self.states.append(state)
        return holds

    def holds(self, state: dict[str, Any], compare: Compare) -> bool:
        names = ("value", "create_revision", "mod_revision", "version")
        found = state.get(compare.key)
        if found is None and compare.target == "value":
            return False
        left = (found or (0, 0, 0, 0))[names.index(compare.target)]
        return {
            "=": left == compare.operand,
            "!=": left != compare.operand,
            "<": left < compare.operand,
            ">": left > compare.operand,
        }[compare.sign]


def check_all_reads(target: Store, naive: Naive) -> None:
    newest = len(naive.states) - 1
    assert target.revision == newest
    for revision in range(max(target.compacted, 1), newest + 1):
        state = naive.states[revision]
        for prefix in PREFIXES:
            answer = target.range(Range(prefix, True, revision))
            found = [
                (i.key, (i.value, i.create_revision, i.mod_revision, i.version))
                for i in answer.items
            ]
            wanted = sorted((k, v) for k, v in state.items() if k.startswith(prefix))
            assert answer.error is None
            assert found == wanted
        for key in KEYS:
            answer = target.range(Range(key, False, revision))
            assert [i.value for i in answer.items] == [
                v[0] for k, v in state.items() if k == key
            ]


@given(st.lists(txns | st.integers(0, 12), max_size=25))
def test_reads_at_every_revision(steps: list[Txn | int]) -> None:
    """MVCC: every revision since the last compaction can be read as it was."""
    target, naive = store(), Naive()
    for step in steps:
        if isinstance(step, int):
            possible = target.compacted < step <= target.revision
            assert (target.apply(Compact(step)).error is None) is possible
        else:
            answer = target.apply(step)
            assert answer.error is None
            assert answer.succeeded is naive.txn(step)

    check_all_reads(target, naive)


@given(st.lists(txns, max_size=12), st.lists(txns, max_size=8), st.integers(1, 8))
def test_snapshot_and_restore(before: list[Txn], after: list[Txn], cut: int) -> None:
    """A store that is restored from its snapshot's bytes goes on as if it had not."""
    target, naive = store(), Naive()
    for step in before:
        target.apply(step)
        naive.txn(step)
    target.apply(Compact(cut))
    data = msgspec.json.encode(target.save())
    again = store()
    again.restore(msgspec.json.decode(data, type=Snapshot))
    for step in after:
        assert again.apply(step) == target.apply(step)
        naive.txn(step)
        assert again.events == target.events

    assert again.save() == target.save()
    assert again.since(cut) == target.since(cut)
    assert again.in_use == target.in_use
    check_all_reads(again, naive)


def test_operations_see_those_before_them() -> None:
    """A transaction's operations happen in order, in one revision."""
    target = store()
    put(target, "/a/old", 0)
    ops: tuple[Op, ...] = (
        Put("/a/new", 1),
        Range("/a/", prefix=True),
        Delete("/a/old"),
        Range("/a/", prefix=True),
    )
    answer = target.apply(Txn((), ops, ()))
    _, first, deleted, second = answer.responses

    assert answer.revision == 3
    assert [item.key for item in first.items] == ["/a/new", "/a/old"]
    assert [item.value for item in deleted] == [0]
    assert [item.key for item in second.items] == ["/a/new"]
    assert [(event.type, event.revision) for event in target.events] == [
        ("put", 3),
        ("delete", 3),
    ]


def test_create_only_once() -> None:
    """Create if mod_revision is 0, else read: as the API server's create does."""
    target = store()
    txn = Txn((Compare("/a", "mod_revision", "=", 0),), (Put("/a", 1),), (Range("/a"),))
    first, second = target.apply(txn), target.apply(txn)

    assert (first.succeeded, first.revision) == (True, 2)
    assert (second.succeeded, second.revision) == (False, 2)
    assert second.responses[0].items[0].mod_revision == 2


def test_a_deleted_key_starts_anew() -> None:
    """Deletion resets the version; the next put creates the key again."""
    target = store()
    put(target, "/a", 1)
    put(target, "/a", 2)
    target.apply(Txn((), (Delete("/a"),), ()))
    put(target, "/a", 3)
    item = target.range(Range("/a")).items[0]

    assert (item.version, item.create_revision, item.mod_revision) == (1, 5, 5)
    assert target.events[0].previous is None


def test_unreadable_revisions() -> None:
    """The future and what was compacted cannot be read."""
    target = store()
    for value in range(5):
        put(target, "/a", value)
    target.apply(Compact(4))
    errors = {
        revision: target.range(Range("/a", revision=revision)).error
        for revision in (3, 4, 6, 7)
    }

    assert errors[3].reason == "compacted"
    assert errors[4] is None
    assert errors[6] is None
    assert errors[7].reason == "future revision"


def test_limit_counts_all() -> None:
    """A limited range tells how many there are, and that there are more."""
    target = store()
    for number in range(100):
        put(target, f"/p/{number:03}", number)
    answer = target.range(Range("/p/", prefix=True, limit=7))

    assert [item.value for item in answer.items] == list(range(7))
    assert (answer.count, answer.more) == (100, True)


def test_quota_refuses_writes_until_compaction_and_defragmentation() -> None:
    """NOSPACE: puts are refused, deletes are not; compaction alone is not enough."""
    target = store(quota_bytes=1000)
    for value in range(10):
        put(target, "/a", value, size=95)
    full = put(target, "/a", 10, size=95)
    deleted = target.apply(Txn((), (Delete("/a"),), ()))
    target.apply(Compact(target.revision))
    compacted = put(target, "/a", 11, size=95)
    target.defragment()
    after = put(target, "/a", 12, size=95)

    assert [answer.error and answer.error.reason for answer in (full, compacted)] == [
        "no space",
        "no space",
    ]
    assert deleted.error is None
    assert after.error is None
    assert (target.size, target.in_use) == (97, 97)


def test_revoking_a_lease_deletes_its_keys_in_one_revision() -> None:
    """Keys go with their lease unless a later put took them from it."""
    target = store()
    target.apply(Grant(7, 10.0))
    for key in ("/a", "/b", "/c"):
        put(target, key, 0, lease=7)
    put(target, "/b", 1)
    answer = target.apply(Revoke(7))

    assert [event.key for event in target.events] == ["/a", "/c"]
    assert answer.revision == 6
    assert target.apply(Revoke(7)).error.reason == "lease not found"
    assert put(target, "/d", 0, lease=7).error.reason == "lease not found"


@pytest.mark.parametrize("count", [3, 500])
def test_compaction_forgets_dead_keys(count: int) -> None:
    """Nothing stays of keys that were deleted before the compaction."""
    target = store()
    for number in range(count):
        put(target, f"/p/{number}", number)
    target.apply(Txn((), (Delete("/p/", prefix=True),), ()))
    put(target, "/q", 0)
    target.apply(Compact(target.revision))

    assert [item.key for item in target.save().items] == ["/q"]
    assert target.in_use == len("/q") + 2048

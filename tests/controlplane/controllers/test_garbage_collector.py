"""Garbage collection: background, foreground, orphan."""

from __future__ import annotations

import pytest
from cluster_cases import edit, manager, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.garbage_collector import GarbageCollector
from schedbench.objects.controllers import Deployment, ReplicaSet
from schedbench.objects.meta import ObjectMeta, OwnerReference


def reference(kind: str, name: str, *, blocks: bool = True) -> OwnerReference:
    return OwnerReference(
        kind=kind,
        name=name,
        uid=f"{name}-uid",
        controller=True,
        block_owner_deletion=blocks,
    )


def world(*, blocks: bool = True):
    clock = Clock()
    api = FakeApi(clock)
    api.create(Deployment(metadata=ObjectMeta(namespace="ns", name="d", uid="d-uid")))
    meta = ObjectMeta(
        namespace="ns",
        name="rs",
        uid="rs-uid",
        owner_references=[reference("Deployment", "d", blocks=blocks)],
    )
    api.create(ReplicaSet(metadata=meta))
    for name in ("p", "q"):
        item = pod(name)
        item.metadata.owner_references = [reference("ReplicaSet", "rs", blocks=blocks)]
        api.create(item)
    api.create(pod("free"))
    log: list[str] = []
    for kind in ("Deployment", "ReplicaSet", "Pod"):
        api.watch(kind, lambda e: log.append(f"{e.type} {e.object.metadata.name}"))
    manager(clock, api, GarbageCollector)
    clock.run(until=1)
    return clock, api, log


def left(api: FakeApi) -> set[str]:
    return {item.metadata.name for item in api.objects.values()}


def test_nothing_happens_while_owners_live() -> None:
    """Only objects whose owners are gone are collected."""
    _, api, _ = world()

    assert left(api) == {"d", "rs", "p", "q", "free"}
    assert not [call for call in api.calls if call[0] in {"delete", "patch", "get"}]


def test_background_deletes_the_owner_at_once_and_then_its_dependents() -> None:
    """In background cascading deletion the owner goes first."""
    clock, api, log = world()
    api.delete("Deployment", "ns", "d")
    clock.run(until=5)

    gone = [entry for entry in log if entry.startswith("DELETED")]

    assert left(api) == {"free"}
    assert gone[:2] == ["DELETED d", "DELETED rs"]


@pytest.mark.parametrize("blocks", [True, False])
def test_foreground_deletes_dependents_that_block_first(blocks: bool) -> None:
    """In foreground deletion the owner goes after the dependents that block it."""
    clock, api, log = world(blocks=blocks)
    edit(api, "Deployment", "d", "metadata", finalizers=["foregroundDeletion"])
    api.delete("Deployment", "ns", "d")
    clock.run(until=5)

    gone = [entry.split()[1] for entry in log if entry.startswith("DELETED")]

    assert left(api) == {"free"}
    assert (gone.index("d") == 3) == blocks


def test_orphans_stay_without_their_owner() -> None:
    """With the orphan finalizer dependents stay, and lose the reference."""
    clock, api, _ = world()
    edit(api, "ReplicaSet", "rs", "metadata", finalizers=["orphan"])
    api.delete("ReplicaSet", "ns", "rs")
    clock.run(until=5)

    assert left(api) == {"d", "p", "q", "free"}
    assert all(not item.metadata.owner_references for item in api.of("Pod"))


def test_a_dependent_of_an_owner_that_never_was_goes() -> None:
    """An object whose owner does not exist (any more) is collected."""
    clock, api, _ = world()
    late = pod("late")
    late.metadata.owner_references = [reference("ReplicaSet", "nobody")]
    api.create(late)
    clock.run(until=5)

    assert left(api) == {"d", "rs", "p", "q", "free"}


def test_an_object_with_one_owner_left_stays() -> None:
    """It loses the reference to the owner that is gone."""
    clock, api, _ = world()
    both = [reference("ReplicaSet", "rs"), reference("ReplicaSet", "nobody")]
    shared = pod("shared")
    shared.metadata.owner_references = both
    api.create(shared)
    clock.run(until=5)

    owners = api.objects["Pod", "ns", "shared"].metadata.owner_references

    assert [owner.name for owner in owners] == ["rs"]

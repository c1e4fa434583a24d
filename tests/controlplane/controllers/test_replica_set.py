"""ReplicaSet: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from typing import Any

from controller_cases import World, meta, reference, selector, template

from schedbench.controlplane.controllers.owned import controller_of
from schedbench.controlplane.controllers.replica_set import (
    DELETION_COST,
    ReplicaSetController,
)
from schedbench.objects.controllers import ReplicaSet, ReplicaSetSpec
from schedbench.objects.pod import Pod


def a_set(replicas: int | None = 3, name: str = "rs", **spec: Any) -> ReplicaSet:
    return ReplicaSet(
        metadata=meta(name),
        spec=ReplicaSetSpec(
            replicas=replicas, selector=selector(), template=template(), **spec
        ),
    )


def world(*sets: ReplicaSet) -> World:
    made = World(ReplicaSetController)
    for each in sets or (a_set(),):
        made.create(each)
    made.settle()
    return made


def status(made: World) -> Any:
    return made.get("ReplicaSet", "rs").status


def test_makes_the_wanted_number_of_pods():
    """A ReplicaSet maintains a stable set of replica Pods."""
    assert len(world().pods()) == 3


def test_absent_replicas_are_one():
    """`.spec.replicas` defaults to 1."""
    assert len(world(a_set(None)).pods()) == 1


def test_pods_refer_to_their_set_and_have_the_templates_labels():
    """Pods have the ReplicaSet's identity in their ownerReferences field."""
    made = world(a_set(1))
    (pod,) = made.pods()
    owner = controller_of(pod)
    rs = made.get("ReplicaSet", "rs")

    assert (owner.kind, owner.name, owner.uid) == ("ReplicaSet", "rs", rs.metadata.uid)
    assert pod.metadata.labels == {"app": "web"}
    assert pod.metadata.name.startswith("rs-")


def test_a_deleted_pod_is_replaced():
    """A pod that is deleted is replaced."""
    made = world()
    made.gone(made.pods()[0])
    made.settle()

    assert len(made.pods()) == 3


def test_a_terminating_pod_is_replaced_at_once():
    """A pod with a deletion time no longer counts."""
    made = world()
    pod = made.pods()[0]
    made.bind(pod, "n")
    made.api.delete("Pod", "ns", pod.metadata.name)
    made.settle()

    assert (len(made.pods()), len(made.active())) == (4, 3)


def test_a_failed_pod_is_replaced():
    """A pod that has failed no longer counts, and stays."""
    made = world()
    made.set_pod(made.pods()[0], "Failed")
    made.settle()

    assert (len(made.pods()), len(made.active())) == (4, 3)


def test_scales_up_and_down():
    """Changing `.spec.replicas` scales the set."""
    made = world()
    sizes = []
    for size in (7, 2, 0):
        made.change(made.get("ReplicaSet", "rs"), replicas=size)
        made.settle()
        sizes.append(len(made.pods()))

    assert sizes == [7, 2, 0]


def test_adopts_matching_pods_without_a_controller():
    """A ReplicaSet acquires pods that match its selector and have no controller."""
    made = World(ReplicaSetController)
    made.create(Pod(metadata=meta("bare", labels={"app": "web"})))
    made.create(Pod(metadata=meta("other", labels={"app": "db"})))
    rs = made.create(a_set(2))
    made.settle()

    assert "bare" in [pod.metadata.name for pod in made.of(rs)]
    assert (len(made.of(rs)), len(made.pods())) == (2, 3)


def test_pods_that_come_later_and_are_too_many_are_terminated():
    """Bare pods created after the set are acquired and at once terminated."""
    made = world()
    made.create(Pod(metadata=meta("late", labels={"app": "web"})))
    made.settle()

    assert len(made.pods()) == 3


def test_does_not_take_pods_of_another_controller():
    """Pods that have a controller are left alone."""
    made = World(ReplicaSetController)
    other = a_set(1, "other")
    other.metadata.uid = "other-uid"
    theirs = meta("theirs", labels={"app": "web"}, owner_references=[reference(other)])
    made.create(Pod(metadata=theirs))
    rs = made.create(a_set(1))
    made.settle()

    assert len(made.of(rs)) == 1
    assert len(made.pods()) == 2


def test_isolated_pods_are_released_and_replaced():
    """Pods can be removed from a set by changing their labels; they are replaced."""
    made = world()
    pod = made.pods()[0]
    made.relabel(pod, {"app": "debug"})
    made.settle()
    isolated = made.get("Pod", pod.metadata.name)

    assert controller_of(isolated) is None
    assert len(made.of(made.get("ReplicaSet", "rs"))) == 3


def test_a_set_that_is_being_deleted_makes_no_pods():
    """A ReplicaSet with a deletion time neither makes pods nor adopts any."""
    rs = a_set()
    rs.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"

    assert world(rs).pods() == []


def down_to(made: World, size: int) -> set[str]:
    before = {pod.metadata.name for pod in made.active()}
    made.change(made.get("ReplicaSet", "rs"), replicas=size)
    made.settle()
    return before - {pod.metadata.name for pod in made.active()}


def running(count: int) -> tuple[World, list[Any]]:
    made = world(a_set(count))
    pods = made.pods()
    for index, pod in enumerate(pods):
        made.bind(pod, f"n{index}")
        made.set_pod(pod, "Running", ready=True)
    made.settle(100)
    return made, pods


def test_pending_pods_go_first():
    """Pending (and unschedulable) pods are scaled down first."""
    made, pods = running(3)
    made.change(made.get("ReplicaSet", "rs"), replicas=4)
    made.settle()
    (pending,) = {p.metadata.name for p in made.pods()} - {
        p.metadata.name for p in pods
    }

    assert down_to(made, 3) == {pending}


def test_pods_that_are_not_ready_go_before_ready_ones():
    """Of running pods those that are not ready go first."""
    made, pods = running(3)
    made.set_pod(pods[1], "Running", ready=False)

    assert down_to(made, 2) == {pods[1].metadata.name}


def test_the_lower_deletion_cost_goes_first():
    """The pod with the lower `pod-deletion-cost` comes first."""
    made, pods = running(3)
    made.annotate(pods[0], **{DELETION_COST: "5"})
    made.annotate(pods[2], **{DELETION_COST: "-5"})
    made.settle()

    assert down_to(made, 2) == {pods[2].metadata.name}


def test_pods_on_nodes_with_more_replicas_go_first():
    """Pods on nodes with more replicas come before pods on nodes with fewer."""
    made = world(a_set(3))
    pods = made.pods()
    for pod, node in zip(pods, ("n0", "n1", "n1"), strict=True):
        made.bind(pod, node)
        made.set_pod(pod, "Running", ready=True)
    made.settle(100)
    gone = down_to(made, 2)

    assert gone < {pods[1].metadata.name, pods[2].metadata.name}


def test_newer_pods_go_first():
    """If creation times differ by much, the newer pod goes first."""
    made, _ = running(2)
    made.change(made.get("ReplicaSet", "rs"), replicas=3)
    made.settle()
    new = made.pods()[-1]
    made.bind(new, "n9")
    made.set_pod(new, "Running", ready=True)
    made.settle()

    assert down_to(made, 2) == {new.metadata.name}


def test_status_counts_pods():
    """The status tells replicas, ready and available ones, and the generation seen."""
    made = world()
    made.set_pod(made.pods()[0], "Running", ready=True)
    made.settle()
    seen = status(made)

    assert (seen.replicas, seen.ready_replicas, seen.available_replicas) == (3, 1, 1)
    assert seen.observed_generation == 1


def test_available_after_min_ready_seconds():
    """A pod is available when it has been ready for `minReadySeconds`."""
    made = world(a_set(1, min_ready_seconds=10))
    made.set_pod(made.pods()[0], "Running", ready=True)
    made.settle(9)
    early = status(made)
    made.settle(2)

    assert (early.ready_replicas, early.available_replicas) == (1, 0)
    assert status(made).available_replicas == 1


def test_many_pods_are_made_in_growing_batches():
    """Creations start slowly: 1, 2, 4, …, and stop at the first batch that fails."""
    made = World(ReplicaSetController)
    tried = []

    def refuse(item: Any, then: Any = None) -> None:
        tried.append(item)
        refused = len(tried) > 1
        made.api._answer(then, "create", "Pod", error="Forbidden" if refused else None)

    made.create(a_set(100))
    made.api.create = refuse
    made.clock.run(0.004)

    assert len(tried) == 3


def test_a_restart_makes_no_pod_twice():
    """A controller that comes up anew knows the pods before it acts."""
    made = world()
    made.manager.stop()
    made.manager.start()
    made.settle()

    assert len(made.pods()) == 3


def test_a_settled_set_makes_no_calls():
    """When there is nothing to do, nothing is done."""
    made = world()
    made.converge()
    made.settle()
    before = len(made.api.calls)
    made.settle(1000)

    assert len(made.api.calls) == before

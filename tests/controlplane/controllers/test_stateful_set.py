"""StatefulSet: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from typing import Any

from controller_cases import World, meta, selector, template

from schedbench.controlplane.controllers.stateful_set import StatefulSetController
from schedbench.objects.controllers import (
    RollingUpdate,
    StatefulSet,
    StatefulSetOrdinals,
    StatefulSetSpec,
    UpdateStrategy,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.storage import PersistentVolumeClaim


def world(replicas: int = 3, *, run: bool = True, **spec: Any) -> World:
    made = World(StatefulSetController)
    made.create(
        StatefulSet(
            metadata=meta("db"),
            spec=StatefulSetSpec(
                replicas=replicas, selector=selector(), template=template(), **spec
            ),
        )
    )
    if run:
        made.converge()
    else:
        made.settle()
    return made


def the_set(made: World) -> Any:
    return made.get("StatefulSet", "db")


def names(made: World) -> list[str]:
    return sorted(pod.metadata.name for pod in made.pods())


def images(made: World) -> dict[str, str]:
    return {p.metadata.name: p.spec.containers[0].image for p in made.pods()}


def partition(number: int) -> UpdateStrategy:
    return UpdateStrategy(rolling_update=RollingUpdate(partition=number))


def test_pods_are_made_in_order_each_after_the_last_is_ready():
    """Pods are created from {0..N-1}; each waits for its predecessors to be Ready."""
    made = world(run=False)
    seen = [names(made)]
    for _ in range(2):
        made.run_pods()
        made.settle()
        seen.append(names(made))

    assert seen == [["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]]


def test_parallel_makes_all_at_once():
    """Parallel pod management does not wait for pods to become Ready."""
    made = world(run=False, pod_management_policy="Parallel")

    assert names(made) == ["db-0", "db-1", "db-2"]


def test_names_and_labels():
    """Pods have a stable name, which is a label, and their number is another."""
    pod = world().get("Pod", "db-1")

    assert pod.metadata.labels["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert pod.metadata.labels["apps.kubernetes.io/pod-index"] == "1"


def test_ordinals_can_start_elsewhere():
    """Pods are numbered from `.spec.ordinals.start` on."""
    made = world(2, ordinals=StatefulSetOrdinals(start=5))

    assert names(made) == ["db-5", "db-6"]


def test_claims_are_made_and_kept():
    """Each pod gets a claim a template, which is not deleted with pod or set."""
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="data"))
    made = world(2, volume_claim_templates=[claim])
    made.change(the_set(made), replicas=0)
    made.converge()
    claims = [each.metadata.name for each in made.api.of("PersistentVolumeClaim")]

    assert claims == ["data-db-0", "data-db-1"]
    assert names(made) == []


def test_pods_mount_their_own_claims():
    """The volume of a claim template is the pod's own claim."""
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="data"))
    pod = world(2, volume_claim_templates=[claim]).get("Pod", "db-1")
    (volume,) = pod.spec.volumes

    assert volume.persistent_volume_claim.claim_name == "data-db-1"


def test_scaling_down_goes_in_reverse_and_waits():
    """Pods are terminated from {N-1..0}; each waits for its successors to be gone."""
    made = world()
    for pod in made.pods():
        made.bind(pod, "n")
    made.change(the_set(made), replicas=1)
    made.settle()
    marked = [p.metadata.name for p in made.pods() if p.metadata.deletion_timestamp]
    made.gone(made.get("Pod", "db-2"))
    made.settle()
    next_ = [p.metadata.name for p in made.pods() if p.metadata.deletion_timestamp]

    assert (marked, next_) == (["db-2"], ["db-1"])


def test_scaling_down_waits_for_all_to_be_ready():
    """No pod is terminated while one of those that stay is not Ready."""
    made = world()
    made.set_pod(made.get("Pod", "db-0"), "Running", ready=False)
    made.settle()
    made.change(the_set(made), replicas=1)
    made.settle()

    assert names(made) == ["db-0", "db-1", "db-2"]


def test_a_lost_pod_comes_back_under_its_name():
    """A pod that is deleted or has failed is made again with the same identity."""
    made = world()
    made.gone(made.get("Pod", "db-1"))
    made.set_pod(made.get("Pod", "db-2"), "Failed")
    made.converge()

    assert names(made) == ["db-0", "db-1", "db-2"]
    assert len(made.active()) == 3


def test_rolling_update_goes_from_the_last_to_the_first():
    """Pods are updated from the largest ordinal to the smallest, one at a time."""
    made = world()
    made.change(the_set(made), template=template("app:2"))
    seen = []
    for _ in range(12):
        made.settle()
        new = [name for name, image in sorted(images(made).items()) if image == "app:2"]
        if new not in seen:
            seen.append(new)
        made.run_pods()

    assert seen == [["db-2"], ["db-1", "db-2"], ["db-0", "db-1", "db-2"]]


def test_partition_keeps_smaller_ordinals():
    """Pods below the partition keep the old version, even if they are deleted."""
    made = world(update_strategy=partition(2))
    made.change(the_set(made), template=template("app:2"))
    made.converge()
    made.gone(made.get("Pod", "db-0"))
    made.converge()

    assert images(made) == {"db-0": "app:1", "db-1": "app:1", "db-2": "app:2"}


def test_on_delete_replaces_no_pod():
    """With OnDelete pods get the new template when a user deletes them."""
    made = world(update_strategy=UpdateStrategy(type="OnDelete"))
    made.change(the_set(made), template=template("app:2"))
    made.converge()
    made.gone(made.get("Pod", "db-1"))
    made.converge()

    assert images(made) == {"db-0": "app:1", "db-1": "app:2", "db-2": "app:1"}


def test_min_ready_seconds():
    """The next pod is made when the last has been ready for `minReadySeconds`."""
    made = world(2, run=False, min_ready_seconds=10)
    made.run_pods()
    made.settle(8)
    early = names(made)
    made.settle(4)

    assert (early, names(made)) == (["db-0"], ["db-0", "db-1"])


def test_status():
    """The status tells replicas and revisions; after an update they are the same."""
    made = world()
    made.change(the_set(made), template=template("app:2"))
    made.converge()
    status = the_set(made).status

    assert (status.replicas, status.ready_replicas, status.updated_replicas) == (
        3,
        3,
        3,
    )
    assert status.current_revision == status.update_revision


def test_a_settled_set_makes_no_calls():
    """When there is nothing to do, nothing is done."""
    made = world()
    before = len(made.api.calls)
    made.settle(1000)

    assert len(made.api.calls) == before

"""DaemonSet: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from typing import Any

from controller_cases import World, meta, selector, template

from schedbench.controlplane.controllers.daemon_pods import node_of
from schedbench.controlplane.controllers.daemon_set import DaemonSetController
from schedbench.objects.controllers import (
    DaemonSet,
    DaemonSetSpec,
    RollingUpdate,
    UpdateStrategy,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec
from schedbench.objects.taints import Taint, Toleration


def node(name: str, *taints: Taint, unschedulable: bool = False, **labels: str) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, labels=labels),
        spec=NodeSpec(taints=list(taints), unschedulable=unschedulable),
    )


def world(*nodes: Node, pod: dict[str, Any] | None = None, **spec: Any) -> World:
    made = World(DaemonSetController)
    for each in nodes or (node("a"), node("b"), node("c")):
        made.create(each)
    made.create(
        DaemonSet(
            metadata=meta("ds"),
            spec=DaemonSetSpec(
                selector=selector(), template=template(**(pod or {})), **spec
            ),
        )
    )
    made.converge()
    return made


def where(made: World) -> list[str]:
    return sorted(node_of(pod) for pod in made.active())


def taint(key: str, effect: Any = "NoSchedule") -> Taint:
    return Taint(key=key, effect=effect)


def test_one_pod_on_every_node():
    """All nodes run a copy of a pod, bound by an affinity on `metadata.name`."""
    assert where(world()) == ["a", "b", "c"]


def test_new_nodes_get_a_pod_and_removed_ones_lose_theirs():
    """As nodes are added, pods are added; as nodes are removed, pods go."""
    made = world()
    made.create(node("d"))
    made.converge()
    more = where(made)
    made.api.delete("Node", "", "a")
    made.converge()

    assert (more, where(made)) == (["a", "b", "c", "d"], ["b", "c", "d"])


def test_node_selector():
    """With a node selector pods are made on nodes that match it."""
    chosen = {"node_selector": {"disk": "ssd"}}
    made = world(node("a", disk="ssd"), node("b"), pod=chosen)

    assert where(made) == ["a"]


def test_labels_that_change():
    """Pods are promptly added to newly matching nodes and deleted from others."""
    chosen = {"node_selector": {"disk": "ssd"}}
    made = world(node("a", disk="ssd"), node("b"), pod=chosen)
    for name, labels in (("a", {}), ("b", {"disk": "ssd"})):
        made.api.patch(
            "Node", "", name, lambda n, to=labels: node(n.metadata.name, **to)
        )
    made.converge()

    assert where(made) == ["b"]


def test_taints_are_honoured():
    """A node with a taint that is not tolerated gets no pod."""
    made = world(node("a"), node("b", taint("gpu")))
    tolerant = {"tolerations": [Toleration(key="gpu", operator="Exists")]}
    other = world(node("a"), node("b", taint("gpu")), pod=tolerant)

    assert (where(made), where(other)) == (["a"], ["a", "b"])


def test_tolerations_are_added():
    """Daemon pods run on nodes that are not ready, under pressure or cordoned."""
    prefix = "node.kubernetes.io/"
    made = world(
        node("a", taint(prefix + "not-ready", "NoExecute")),
        node("b", taint(prefix + "unreachable", "NoExecute")),
        node("c", taint(prefix + "disk-pressure")),
        node("d", taint(prefix + "memory-pressure")),
        node("e", taint(prefix + "pid-pressure")),
        node("f", unschedulable=True),
        node("g", taint(prefix + "network-unavailable")),
    )

    assert where(made) == ["a", "b", "c", "d", "e", "f"]


def test_host_network_tolerates_an_unavailable_network():
    """Pods with host networking tolerate network-unavailable."""
    bad = taint("node.kubernetes.io/network-unavailable")

    assert where(world(node("a", bad), pod={"host_network": True})) == ["a"]


def test_no_schedule_keeps_running_pods():
    """A NoSchedule taint keeps pods that run; a NoExecute one does not."""
    made = world()
    for name, effect in (("a", "NoSchedule"), ("b", "NoExecute")):
        marked = node(name, taint("x", effect))
        made.api.patch("Node", "", name, lambda _, to=marked: to)
    made.converge()

    assert where(made) == ["a", "c"]


def test_a_failed_pod_is_replaced():
    """A failed daemon pod is deleted, and made again."""
    made = world()
    made.set_pod(made.pods()[0], "Failed")
    made.settle(3)
    made.converge()

    assert where(made) == ["a", "b", "c"]
    assert len(made.pods()) == 3


def test_rolling_update_replaces_one_at_a_time_by_default():
    """`maxUnavailable` is 1 by default: never more than one node is without a pod."""
    made = world()
    made.change(made.get("DaemonSet", "ds"), template=template("app:2"))
    least = 3
    for _ in range(12):
        made.settle()
        ready = [p for p in made.active() if p.status.phase == "Running"]
        least = min(least, len(ready))
        made.run_pods()

    assert least == 2
    assert {p.spec.containers[0].image for p in made.pods()} == {"app:2"}


def test_rolling_update_by_percentage():
    """`maxUnavailable` may be a percentage of the nodes, rounded up."""
    update = UpdateStrategy(rolling_update=RollingUpdate(max_unavailable="50%"))
    made = world(update_strategy=update)
    made.change(made.get("DaemonSet", "ds"), template=template("app:2"))
    made.settle()

    assert sum(p.spec.containers[0].image == "app:2" for p in made.pods()) == 2


def test_on_delete_waits_for_the_user():
    """With OnDelete new pods are made after old ones were deleted by hand."""
    made = world(update_strategy=UpdateStrategy(type="OnDelete"))
    made.change(made.get("DaemonSet", "ds"), template=template("app:2"))
    made.converge()
    before = {p.spec.containers[0].image for p in made.pods()}
    made.gone(made.pods()[0])
    made.converge()

    assert before == {"app:1"}
    assert sum(p.spec.containers[0].image == "app:2" for p in made.pods()) == 1


def test_status():
    """The status tells on how many nodes pods should be, are, and are ready."""
    made = world(min_ready_seconds=10)
    early = made.get("DaemonSet", "ds").status
    made.settle(15)
    late = made.get("DaemonSet", "ds").status

    assert (early.desired_number_scheduled, early.current_number_scheduled) == (3, 3)
    assert (early.number_ready, early.number_available) == (3, 0)
    assert (late.number_available, late.number_unavailable) == (3, 0)


def test_a_settled_set_makes_no_calls():
    """When there is nothing to do, nothing is done."""
    made = world()
    before = len(made.api.calls)
    made.settle(1000)

    assert len(made.api.calls) == before

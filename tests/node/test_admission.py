from __future__ import annotations

import pytest
from node_world import World, pod

from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Container, ContainerPort
from schedbench.objects.taints import Taint, Toleration


@pytest.mark.parametrize(
    ("asked", "reason", "message"),
    [
        (
            {"cpu": "3"},
            "OutOfcpu",
            (
                "Node didn't have enough resource: cpu, requested: 3000, used: 2000, "
                "capacity: 4000"
            ),
        ),
        (
            {"memory": "9Gi"},
            "OutOfmemory",
            (
                "Node didn't have enough resource: memory, requested: 9663676416, "
                "used: 0, "
                "capacity: 8589934592"
            ),
        ),
        (
            {"node_selector": {"zone": "b"}},
            "NodeAffinity",
            (
                "Predicate NodeAffinity failed: node(s) didn't match Pod's node "
                "affinity/selector"
            ),
        ),
    ],
)
def test_a_pod_that_does_not_fit_is_failed(
    asked: dict, reason: str, message: str
) -> None:
    """The kubelet checks again; a pod that does not fit is Failed with the reason."""
    world = World()
    world.add(pod("first", cpu="2"))
    world.add(pod(**asked))
    status = world.status()

    assert (status.phase, status.reason) == ("Failed", reason)
    assert status.message == f"Pod was rejected: {message}"
    assert status.container_statuses == []


def test_the_eleventh_pod_of_a_node_for_ten() -> None:
    """More pods than the node takes are OutOfpods."""
    world = World()
    for index in range(11):
        world.add(pod(f"p{index}"))

    assert world.status("p9").phase == "Running"
    assert world.status("p10").reason == "OutOfpods"


def test_a_host_port_is_taken_once() -> None:
    """A second pod with the same host port is rejected by NodePorts."""
    world = World()
    port = [ContainerPort(container_port=80, host_port=80)]
    for name in ("a", "b"):
        world.add(
            pod(name, containers=[Container(name="c", image="app:1", ports=port)])
        )

    assert world.status("a").phase == "Running"
    assert world.status("b").reason == "NodePorts"


def test_taints_that_expel_are_looked_at_others_are_not() -> None:
    """A NoExecute taint rejects pods that do not tolerate it; NoSchedule does not."""
    world = World()
    taints = [Taint(key="a", effect="NoSchedule"), Taint(key="b", effect="NoExecute")]
    tainted = Node(metadata=world.node.metadata, status=world.node.status)
    tainted.spec.taints = taints
    world.kubelet.node_changed(tainted)
    world.add(pod())
    world.add(pod("ok", tolerations=[Toleration(key="b", operator="Exists")]))

    assert world.status().reason == "TaintToleration"
    assert world.status("ok").phase == "Running"


def test_an_ended_pod_makes_room() -> None:
    """Pods that have ended hold nothing of the node."""
    world = World()
    world.add(pod("a", cpu="4", restart_policy="Never", notes={"run-seconds": 5}))
    world.run(6)
    world.add(pod("b", cpu="4"))

    assert world.status("b").phase == "Running"


def test_a_resource_that_the_node_does_not_know_is_passed_over() -> None:
    """Extended resources that the node does not name do not reject a pod."""
    offered = {"cpu": "4", "memory": "8Gi", "pods": 10}
    node = Node(
        metadata=ObjectMeta(name="n"),
        status=NodeStatus(allocatable=offered, capacity=offered),
    )
    world = World(node=node)
    item = pod(image="")
    item.spec.containers[0].resources.requests["example.com/x"] = 1
    world.add(item)

    assert world.status().phase == "Running"

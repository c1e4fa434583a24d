"""The cluster autoscaler: grows for pods that fit nowhere, shrinks when hardly used."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from cluster_cases import edit, node, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, ApiError
from schedbench.controlplane.autoscaler_marks import NOT_READY
from schedbench.controlplane.cluster_autoscaler import ClusterAutoscaler, NodePool
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import ClusterAutoscalingParameters
from schedbench.objects.node import Node
from schedbench.objects.pod import PodCondition
from schedbench.objects.taints import Taint

OWNER = ("ReplicaSet", "rs", "rs-uid")
PENDING = PodCondition(type="PodScheduled", status="False", reason="Unschedulable")


def pool(name: str = "small", cpu: str = "4", **named) -> NodePool:
    template = node("", cpu=cpu, memory="8Gi", pods="110")
    return NodePool(name, template, provisioning=Latency(60.0), **named)


class World:
    def __init__(self, *pools: NodePool, expander="least-waste", taints=()) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        parameters = dataclasses.replace(
            ClusterAutoscalingParameters(), expander=expander
        )
        self.released: list[str] = []
        self.scaler = ClusterAutoscaler(
            self.clock,
            self.api,
            parameters,
            1,
            pools,
            register=self.register,
            release=self.released.append,
        )
        self.taints = list(taints)

    def register(self, item: Node) -> None:
        spec = msgspec.structs.replace(item.spec, taints=self.taints)
        self.api.create(msgspec.structs.replace(item, spec=spec))

    def pend(self, name: str, cpu: str = "3") -> None:
        item = pod(name, cpu=cpu, owner=OWNER)
        item.status.conditions = [PENDING]
        self.api.create(item)

    def run(self, seconds: float) -> None:
        self.clock.run(until=self.clock.now + seconds)

    def names(self) -> list[str]:
        return sorted(n.metadata.name for n in self.api.of("Node"))


def test_nodes_come_for_pods_that_fit_nowhere_after_their_delay() -> None:
    """Unschedulable pods are looked for every 10 s; a node takes its time to come."""
    world = World(pool())
    for i in range(3):
        world.pend(f"p{i}")
    world.run(69)
    before = world.names()
    world.run(2)

    assert before == []
    assert world.names() == ["small-1", "small-2", "small-3"]


def test_a_node_that_is_not_ready_yet_is_waited_for() -> None:
    """While it is not, and two scans long afterwards, its pods ask for no other."""
    world = World(pool(), taints=[Taint(key=NOT_READY, effect="NoSchedule")])
    world.pend("p")
    world.run(200)
    before = world.names()
    edit(world.api, "Node", "small-1", "spec", "", taints=[])
    world.run(19)
    soon = world.names()
    world.run(100)

    assert before == soon == ["small-1"]
    assert world.names() == ["small-1", "small-2"]


def test_no_more_nodes_than_the_pool_allows() -> None:
    """A pool never grows beyond its maximum, however long pods wait."""
    world = World(pool(max_size=2))
    for i in range(5):
        world.pend(f"p{i}")
    world.run(600)

    assert world.names() == ["small-1", "small-2"]


def test_no_node_comes_that_would_not_help() -> None:
    """A pool whose nodes the pod does not fit is left alone."""
    closed = pool("closed", cpu="64")
    closed.template.spec.taints.append(Taint(key="x", effect="NoSchedule"))
    world = World(pool(cpu="2"), closed)
    world.pend("big", "3")
    world.run(300)

    assert world.names() == []


@pytest.mark.parametrize(
    ("expander", "expected"),
    [("least-waste", "small-1"), ("most-pods", "large-1")],
)
def test_the_expander_chooses_the_pool(expander: str, expected: str) -> None:
    """least-waste leaves the least idle; most-pods helps the most pods."""
    world = World(
        pool("large", cpu="32"),
        pool("small"),
        expander=expander,
    )
    world.pend("p", "3")
    world.pend("q", "3")
    world.run(100)

    assert expected in world.names()


def test_an_idle_node_goes_after_ten_minutes() -> None:
    """A node unneeded for 10 minutes is deleted."""
    world = World(pool())
    world.api.create(node("small-7"))
    world.run(590)
    before = world.names()
    world.run(40)

    assert before == ["small-7"]
    assert world.names() == []
    assert world.released == ["small-7"]


@pytest.mark.parametrize("why", ["used", "minimum", "annotation", "unowned", "no room"])
def test_nodes_that_must_stay(why: str) -> None:
    """Use of 50 %, the pool's minimum, unsafe pods, and no room elsewhere keep it."""
    world = World(pool(min_size=1 if why == "minimum" else 0))
    world.api.create(node("small-1"))
    owner = None if why == "unowned" else OWNER
    item = pod("p", "small-1", cpu="3" if why == "used" else "1", owner=owner)
    if why == "annotation":
        item.metadata.annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] = (
            "false"
        )
    if why != "minimum":
        world.api.create(item)
    if why not in {"minimum", "no room"}:
        world.api.create(node("other"))
    world.run(3000)

    assert "small-1" in world.names()


def test_a_hardly_used_node_is_drained_by_evictions() -> None:
    """Its pods are evicted, unless budgets refuse; it goes when they are gone."""
    world = World(pool())
    world.api.create(node("small-1"))
    world.api.create(node("other"))
    world.api.create(pod("p", "small-1", cpu="1", owner=OWNER))
    evicted = []
    world.api.evict = lambda namespace, name, then=None: evicted.append(name)
    world.run(700)
    taints = [t.key for t in world.api.objects["Node", "", "small-1"].spec.taints]
    refused = len(evicted)
    world.api.delete("Pod", "ns", "p", grace=0)
    world.run(20)

    assert refused > 1
    assert taints == ["ToBeDeletedByClusterAutoscaler"]
    assert world.names() == ["other"]


def test_a_deletion_that_fails_is_tried_again() -> None:
    """A node is given back once the API has let it go, and not before."""
    world = World(pool())
    world.api.create(node("small-7"))
    delete, tries = world.api.delete, []

    def fail_twice(kind, namespace, name, then=None, **more):
        tries.append(world.clock.now)
        if len(tries) < 3:
            then(Answer(error=ApiError("ServiceUnavailable")))
        else:
            delete(kind, namespace, name, then, **more)

    world.api.delete = fail_twice
    world.run(615)
    before = world.released.copy()
    world.run(20)

    assert before == []
    assert [time - tries[0] for time in tries] == [0, 10, 20]
    assert world.released == ["small-7"]


def test_a_cluster_with_nothing_to_do_costs_nothing() -> None:
    """Without pending pods and idle nodes nobody looks."""
    world = World(pool())
    world.api.create(node("fixed"))
    world.run(30)
    events = world.clock.events
    world.run(3600)

    assert world.clock.events == events


def test_a_pod_that_got_its_node_needs_none() -> None:
    """A pod that was bound before the scan causes no node."""
    world = World(pool())
    world.pend("p")
    world.run(1)
    edit(world.api, "Pod", "p", "spec", node_name="fixed")
    world.run(300)

    assert world.names() == []

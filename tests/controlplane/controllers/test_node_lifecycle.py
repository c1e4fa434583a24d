"""Nodes that are lost: Unknown, tainted, emptied, and back."""

from __future__ import annotations

import pytest
from cluster_cases import edit, manager, node, pod, set_ready
from fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.controllers.node_lifecycle import NodeLifecycle
from schedbench.controlplane.controllers.node_taints import ready_status
from schedbench.controlplane.controllers.taint_eviction import TaintEviction
from schedbench.controlplane.controllers.zones import zone_state
from schedbench.controlplane.leases import NodeLeases
from schedbench.controlplane.parameters import NodeLeaseParameters
from schedbench.objects.node import NodeCondition, NodeStatus
from schedbench.objects.taints import Toleration

UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"


def tolerations(seconds: int | None):
    return [
        Toleration(
            key=key, operator="Exists", effect="NoExecute", toleration_seconds=seconds
        )
        for key in (NOT_READY, UNREACHABLE)
    ]


class World:
    """Nodes whose kubelets answer: one that is heard says that it is ready."""

    def __init__(self, zones: dict[str, int], seconds: int | None = 300) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.leases = NodeLeases(self.clock, NodeLeaseParameters(), 1)
        self.deleted: list[tuple[float, str]] = []
        delete = self.api.delete

        def counted(kind, namespace, name, *rest, **named) -> None:
            self.deleted.append((self.clock.now, name))
            delete(kind, namespace, name, *rest, **named)

        self.api.delete = counted
        self.names = [f"{zone}{i}" for zone, n in zones.items() for i in range(n)]
        for name in self.names:
            self.leases.up(name)
            self.api.create(node(name, zone=name[0]))
            bears = tolerations(seconds)
            self.api.create(pod(f"p-{name}", name, ready=True, tolerations=bears))
        self.api.watch("Node", self.answer)
        self.manager = manager(
            self.clock, self.api, NodeLifecycle.over(self.leases), TaintEviction
        )
        self.clock.run(until=100)

    def answer(self, event) -> None:
        name = event.object.metadata.name
        if self.leases.is_heard(name) and ready_status(event.object) != "True":
            self.clock.after(1.0, self.post, name)

    def post(self, name: str) -> None:
        if self.leases.is_heard(name):
            set_ready(self.api, name, "True")

    def down(self, *names: str) -> None:
        for name in names:
            self.leases.down(name)

    def up(self, *names: str) -> None:
        for name in names:
            self.leases.up(name)
            self.post(name)

    def node(self, name: str):
        return self.api.objects["Node", "", name]

    def taints(self, name: str) -> set[tuple[str, str]]:
        return {(t.key, t.effect) for t in self.node(name).spec.taints}

    def emptied(self) -> list[str]:
        return [n for n in self.names if (UNREACHABLE, "NoExecute") in self.taints(n)]

    def run(self, seconds: float) -> None:
        self.clock.run(until=self.clock.now + seconds)


def test_a_quiet_cluster_costs_nothing() -> None:
    """Healthy nodes cause neither events nor calls."""
    world = World({"a": 5})
    events, calls = world.clock.events, len(world.api.calls)
    world.run(3600)

    assert (world.clock.events, len(world.api.calls)) == (events, calls)


def test_a_silent_node_is_unknown_after_the_grace_period() -> None:
    """Without heartbeats for the grace period the condition Ready becomes Unknown."""
    world = World({"a": 5})
    heard = world.leases.renewed_at("a0", world.clock.now)
    world.down("a0")
    world.clock.run(until=heard + 50)
    before = ready_status(world.node("a0"))
    world.clock.run(until=heard + 50 + 5)

    assert before == "True"
    assert ready_status(world.node("a0")) == "Unknown"
    assert (UNREACHABLE, "NoSchedule") in world.taints("a0")


def test_pods_leave_after_their_toleration_seconds() -> None:
    """A pod stays bound for tolerationSeconds after the taint, then it is evicted."""
    world = World({"a": 5})
    world.down("a0")
    while (UNREACHABLE, "NoExecute") not in world.taints("a0"):
        world.run(1)
    tainted = world.clock.now
    world.run(1000)

    assert [name for _, name in world.deleted] == ["p-a0"]
    assert tainted + 299 <= world.deleted[0][0] <= tainted + 300
    pod = world.api.objects["Pod", "ns", "p-a0"]
    assert pod.status.conditions[-1].type == "DisruptionTarget"


def test_a_pod_that_tolerates_without_end_stays() -> None:
    """A toleration without tolerationSeconds keeps the pod forever."""
    world = World({"a": 5}, seconds=None)
    world.down("a0")
    world.run(5000)

    assert world.emptied() == ["a0"]
    assert world.deleted == []


def test_a_node_that_recovers_in_time_keeps_its_pods() -> None:
    """Once the taint is removed before the toleration ends, the pod is not evicted."""
    world = World({"a": 5})
    world.down("a0")
    world.run(200)
    emptied = world.emptied()
    world.up("a0")
    world.run(1000)

    assert emptied == ["a0"]
    assert world.taints("a0") == set()
    assert world.deleted == []


def test_pods_of_a_lost_node_are_no_longer_ready() -> None:
    """When a node is unhealthy its pods' condition Ready is set to False."""
    world = World({"a": 5})
    world.down("a0")
    world.run(60)

    pod = world.api.objects["Pod", "ns", "p-a0"]

    assert [c.status for c in pod.status.conditions if c.type == "Ready"] == ["False"]


def test_evictions_are_limited_to_one_node_in_ten_seconds() -> None:
    """In a healthy zone 0.1 nodes a second are emptied."""
    world = World({"a": 20})
    world.down("a0", "a1", "a2", "a3")
    times = []
    for _ in range(120):
        world.run(1)
        times.append(len(world.emptied()))

    first = next(i for i, n in enumerate(times) if n)

    assert times[first : first + 31 : 10] == [1, 2, 3, 4]


def test_a_small_unhealthy_zone_is_not_emptied() -> None:
    """With 55 % of the nodes not ready and at most 50 nodes, evictions stop."""
    world = World({"a": 10, "b": 10})
    world.down(*[f"a{i}" for i in range(6)])
    world.run(75)
    first = world.emptied()
    world.run(1000)

    assert len(first) <= 1
    assert world.emptied() == first


def test_a_large_unhealthy_zone_is_emptied_slowly() -> None:
    """With more than 50 nodes the rate falls to 0.01 a second."""
    world = World({"a": 60})
    world.down(*[f"a{i}" for i in range(40)])
    world.run(1060)

    assert 9 <= len(world.emptied()) <= 11


def test_a_zone_lost_as_a_whole_is_emptied_at_the_normal_rate() -> None:
    """When all nodes of a zone are unhealthy its work moves to healthy zones."""
    world = World({"a": 10, "b": 10})
    world.down(*[f"a{i}" for i in range(10)])
    world.run(100)

    assert 3 <= len(world.emptied()) <= 6


def test_nothing_is_emptied_when_all_zones_are_lost() -> None:
    """If everything is unhealthy the control plane is at fault: no evictions."""
    world = World({"a": 5, "b": 5})
    world.leases.outage()
    world.run(600)
    lost = [ready_status(n) for n in world.api.of("Node")]
    world.leases.recover()
    for name in world.names:
        world.post(name)
    world.run(600)

    assert set(lost) == {"Unknown"}
    assert world.deleted == []
    assert all(world.taints(name) == set() for name in world.names)


@pytest.mark.parametrize(
    ("kind", "status", "taint"),
    [
        ("MemoryPressure", "True", "memory-pressure"),
        ("DiskPressure", "True", "disk-pressure"),
        ("PIDPressure", "True", "pid-pressure"),
        ("NetworkUnavailable", "True", "network-unavailable"),
        ("Ready", "False", "not-ready"),
    ],
)
def test_nodes_are_tainted_by_condition(kind: str, status: str, taint: str) -> None:
    """The control plane creates NoSchedule taints for node conditions."""
    world = World({"a": 5})
    world.api.watch = None
    conditions = [NodeCondition(type="Ready", status="True")]
    if kind == "Ready":
        conditions = []
        world.leases.down("a0")
    conditions.append(NodeCondition(type=kind, status=status))

    def change(item):
        item.status = NodeStatus(conditions=conditions)
        return item

    world.api.patch("Node", "", "a0", change, subresource="status")
    world.run(0.5)

    assert world.taints("a0") == {(f"node.kubernetes.io/{taint}", "NoSchedule")}


def test_a_cordoned_node_is_tainted() -> None:
    """`spec.unschedulable` gives the taint of that name, and takes it back."""
    world = World({"a": 5})

    def cordon(value: bool):
        def change(item):
            item.spec.unschedulable = value
            return item

        world.api.patch("Node", "", "a0", change)
        world.run(1)
        return world.taints("a0")

    assert cordon(True) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    assert cordon(False) == set()


def test_a_zone_is_partly_disrupted_from_three_nodes_on() -> None:
    """The threshold's share of nodes and at least three must be not ready."""
    states = [
        zone_state(r, t, 0.55) for r, t in ((1, 3), (2, 5), (3, 6), (0, 2), (4, 4))
    ]

    assert states == [
        "Normal",
        "PartialDisruption",
        "Normal",
        "FullDisruption",
        "Normal",
    ]


def test_a_controller_that_crashed_gives_nodes_their_grace_anew() -> None:
    """Staleness counts from what the controller itself has observed."""
    world = World({"a": 5})
    world.down("a0")
    world.run(40)
    world.manager.stop()
    world.run(30)
    world.manager.start()
    world.run(45)
    during = ready_status(world.node("a0"))
    world.run(20)

    assert during == "True"
    assert ready_status(world.node("a0")) == "Unknown"


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0.5, 120),
            st.sampled_from(["up", "down", "outage", "recover", "restart"]),
            st.integers(0, 7),
        ),
        max_size=14,
    )
)
def test_the_cluster_converges_once_faults_stop(steps) -> None:
    """Pods of dead nodes are deleted exactly once, taints match, then all is quiet."""
    world = World({"a": 4, "b": 4}, seconds=20)
    for wait, what, which in steps:
        name = world.names[which]
        if what in {"outage", "recover"}:
            getattr(world.leases, what)()
            if what == "recover":
                for other in world.names:
                    world.post(other)
        elif what == "restart":
            world.manager.stop()
            world.manager.start()
        else:
            getattr(world, what)(name)
        world.run(wait)
    world.leases.recover()
    for name in world.names:
        world.post(name)
    world.run(2000)
    events, calls = world.clock.events, len(world.api.calls)
    world.run(2000)

    names = [name for _, name in world.deleted]
    dead = [n for n in world.names if not world.leases.is_heard(n)]
    assert (world.clock.events, len(world.api.calls)) == (events, calls)
    assert len(names) == len(set(names))
    for name in world.names:
        status = "Unknown" if name in dead else "True"
        assert ready_status(world.node(name)) == status
        lost = {(UNREACHABLE, "NoSchedule")} if name in dead else set()
        assert world.taints(name) - {(UNREACHABLE, "NoExecute")} == lost
        if name not in dead:
            assert world.taints(name) == set()
        elif (UNREACHABLE, "NoExecute") in world.taints(name):
            assert f"p-{name}" in names
    if len(dead) <= 2:
        assert set(world.emptied()) == set(dead)


def test_a_node_that_moves_waits_in_its_new_zone() -> None:
    """Rates hold by zone, and a node belongs to the zone that its labels name."""
    world = World({"a": 10, "b": 10})
    world.down("a0", "a1", "a2")
    while not world.emptied():
        world.run(1)
    last = next(n for n in ("a2", "a1", "a0") if n not in world.emptied())
    labels = {"topology.kubernetes.io/zone": "b"}
    edit(world.api, "Node", last, "metadata", namespace="", labels=labels)
    world.run(6)

    assert last in world.emptied()
    assert len(world.emptied()) == 2

"""The scheduler component against an API without latencies."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, ApiError
from schedbench.controlplane.parameters import Scheduler as Costs
from schedbench.controlplane.scheduler import Scheduler
from schedbench.objects.controllers import ReplicaSet
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.schedulers import decider_of

NO_COSTS = Costs(fixed=0.0, per_filtered=0.0, per_scored=0.0)
EMPTY = Workload("empty", [], PodStream.of([]))


def node(name: str, cpu: str = "2") -> Node:
    """Make a node."""
    document = {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }
    return default_node(msgspec.convert(document, Node))


def pod(name: str, cpu: str = "1", /, priority: int = 0, **spec: Any) -> Pod:
    """Make a pod that asks for cpu."""
    labels = spec.pop("labels", {})
    containers = [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]
    document = {
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"containers": containers, "priority": priority, **spec},
    }
    return default_pod(msgspec.convert(document, Pod))


class Cluster:
    """A scheduler, its API and the clock."""

    def __init__(self, costs: Costs = NO_COSTS, **more: Any) -> None:
        self.clock = Clock()
        self.api = more.pop("api", FakeApi)(self.clock)
        self.stamps: list[tuple[str, str, float]] = []
        policy = make_policy("kube-scheduler[ties=first]")
        self.scheduler = Scheduler(
            self.clock,
            self.api,
            costs,
            1,
            decider_of(policy, more.pop("workload", EMPTY), 1),
            stamp=self._stamp,
            **more,
        )

    def add(self, *items: Any) -> None:
        """Create objects and let what is due happen."""
        for item in items:
            self.api.create(item)
        self.clock.run(self.clock.now)

    def place(self, name: str) -> str | None:
        """Return the node of a pod."""
        found = self.api.objects["Pod", "default", name]
        return found.spec.node_name

    def _stamp(self, pod: Pod, hop: str) -> None:
        self.stamps.append((pod.metadata.name, hop, self.clock.now))


def test_a_pod_is_bound_to_a_node_that_has_room() -> None:
    """A pod comes to the node on which it fits, and is stamped on its way."""
    cluster = Cluster()

    cluster.add(node("small", "500m"), node("large"), pod("one"))

    assert cluster.place("one") == "large"
    assert [hop for _, hop, _ in cluster.stamps] == ["seen_by_scheduler", "decided"]


def test_cycles_run_one_after_another_and_cost_by_the_nodes() -> None:
    """A cycle takes its fixed time and that of each node filtered and scored."""
    cluster = Cluster(Costs(fixed=0.1, per_filtered=0.01, per_scored=0.001))

    cluster.add(node("a"), node("b", "500m"), pod("one"), pod("two"))
    cluster.clock.run(10)

    decided = [at for _, hop, at in cluster.stamps if hop == "decided"]
    assert decided == [0.1 + 0.02 + 0.001, (0.1 + 0.02 + 0.001) * 2]


class SlowBind(FakeApi):
    """An API that answers bindings after a second, or refuses them."""

    error: ApiError | None = None

    def bind(self, namespace: str, name: str, node: str, then: Any = None) -> None:
        if self.error is None:
            self.clock.after(1.0, super().bind, namespace, name, node, then)
        else:
            self.clock.after(1.0, then, Answer(error=self.error))


def test_the_next_cycle_does_not_wait_for_a_binding() -> None:
    """Binding runs beside scheduling, and an assumed pod takes room meanwhile."""
    cluster = Cluster(api=SlowBind)

    cluster.add(node("a", "1"), node("b", "1"), pod("one"), pod("two"))
    cluster.clock.run(1.0)

    assert [at for _, hop, at in cluster.stamps if hop == "decided"] == [0.0, 0.0]
    assert {cluster.place("one"), cluster.place("two")} == {"a", "b"}


def test_a_pod_whose_binding_fails_is_forgotten_and_tried_again() -> None:
    """The room of a pod that is not bound is free for others; it backs off itself."""
    cluster = Cluster(api=SlowBind)
    cluster.api.error = ApiError("Timeout")
    cluster.add(node("a", "1"), pod("one"))
    cluster.clock.run(0.5)
    assert cluster.scheduler.assumed == {"default/one": "a"}

    cluster.clock.run(1.5)
    assert not cluster.scheduler.assumed
    assert not cluster.scheduler.cluster.pods
    cluster.api.error = None
    cluster.clock.run(10)

    assert cluster.place("one") == "a"


class Unheard(FakeApi):
    """An API that binds, but of whose bindings nobody hears."""

    def bind(self, namespace: str, name: str, node: str, then: Any = None) -> None:
        self.clock.after(1.0, then, Answer())


def test_news_from_before_its_binding_make_no_bound_pod_wait_again() -> None:
    """A change that is heard after the binding's answer does not concern the queue.

    Source: kubernetes pkg/scheduler/eventhandlers.go, updatePodInSchedulingQueue.
    """
    cluster = Cluster(api=Unheard)
    cluster.add(node("a"), pod("one"))
    cluster.clock.run(2.0)
    late = msgspec.structs.replace(cluster.api.objects["Pod", "default", "one"].status)
    late.nominated_node_name = "a"
    cluster.api.patch(
        "Pod",
        "default",
        "one",
        lambda item: msgspec.structs.replace(item, status=late),
        subresource="status",
    )
    cluster.clock.run(9.0)

    assert [hop for _, hop, _ in cluster.stamps] == ["seen_by_scheduler", "decided"]
    assert len(cluster.scheduler.queue) == 0


def test_an_assumed_pod_that_nobody_confirms_expires() -> None:
    """A binding that is acknowledged, but never seen, holds its room for so long."""

    class Unseen(FakeApi):
        def bind(self, namespace: str, name: str, node: str, then: Any = None) -> None:
            self.clock.after(0, then, Answer())

    costs = dataclasses.replace(NO_COSTS, assumed_expiry=5.0)
    cluster = Cluster(costs, api=Unseen)
    cluster.add(node("a", "1"), pod("one"))
    cluster.clock.run(4)
    assert cluster.scheduler.assumed

    cluster.clock.run(6)

    assert not cluster.scheduler.assumed


def test_preemption_deletes_victims_and_nominates_by_status() -> None:
    """A higher pod deletes a lower one through the API and is nominated to its node."""
    cluster = Cluster()
    cluster.add(node("a", "1"), pod("low"))
    assert cluster.place("low") == "a"

    cluster.add(pod("high", "1", 100))
    stored = cluster.api.objects["Pod", "default", "high"]
    assert stored.status.nominated_node_name == "a"
    victim = cluster.api.objects["Pod", "default", "low"]
    assert victim.metadata.deletion_timestamp is not None
    (condition,) = (c for c in victim.status.conditions if c.type == "DisruptionTarget")
    assert (condition.status, condition.reason) == ("True", "PreemptionByScheduler")
    cluster.api.delete("Pod", "default", "low", grace=0.0)
    cluster.clock.run(5)

    assert cluster.place("high") == "a"


def test_a_preemptor_waits_for_its_victims() -> None:
    """While its victims leave in grace, further attempts evict nobody else."""
    cluster = Cluster()
    cluster.add(node("a", "1"), pod("first", "1", 5), pod("second", nodeName="b"))
    cluster.add(pod("high", "1", 100))
    cluster.add(node("b", "1"))
    cluster.clock.run(cluster.clock.now + 30)
    leaving = [
        item.metadata.name
        for item in cluster.api.of("Pod")
        if item.metadata.deletion_timestamp is not None
    ]

    assert leaving == ["first"]


def test_an_unschedulable_pod_says_why() -> None:
    """Its condition PodScheduled is False, with the reasons of the nodes."""
    cluster = Cluster()

    cluster.add(node("a", "1"), pod("big", "4"))

    (condition,) = cluster.api.objects["Pod", "default", "big"].status.conditions
    assert (condition.type, condition.status) == ("PodScheduled", "False")
    assert condition.reason == "Unschedulable"
    assert "Insufficient cpu" in (condition.message or "")


def test_pods_of_other_schedulers_are_left_alone() -> None:
    """A pod is scheduled only by the scheduler that it names."""
    cluster = Cluster()

    cluster.add(node("a"), pod("one", schedulerName="other"))

    assert cluster.place("one") is None


def test_a_stopped_scheduler_forgets_and_a_started_one_lists_anew() -> None:
    """What came while it was down is scheduled when it is up, with all room known."""
    cluster = Cluster()
    cluster.add(node("a", "2"), pod("one"))
    cluster.scheduler.stop()
    cluster.add(pod("two"), pod("three"))
    assert cluster.place("two") is None

    cluster.scheduler.start()
    cluster.clock.run(1)

    assert cluster.place("two") == "a"
    assert cluster.place("three") is None


def test_a_standby_schedules_once_it_leads() -> None:
    """Only the leader of several replicas schedules."""
    cluster = Cluster(active=False)
    cluster.add(node("a"), pod("one"))
    assert cluster.place("one") is None

    cluster.scheduler.lead()
    cluster.clock.run(0)

    assert cluster.place("one") == "a"


def test_labels_that_nobody_selects_make_no_new_columns() -> None:
    """Pods that differ in the names controllers give them share one class."""
    cluster = Cluster()
    cluster.add(*(node(f"node-{index}", "8") for index in range(4)))

    for index in range(8):
        name = {"statefulset.kubernetes.io/pod-name": f"web-{index}"}
        cluster.add(pod(f"web-{index}", labels=name))

    assert cluster.scheduler.cluster.rebuilds == 1


def test_a_label_counts_once_a_selector_mentions_it() -> None:
    """A ReplicaSet that selects by a label lets its pods spread by default."""
    cluster = Cluster()
    cluster.add(node("a", "64"), node("b", "64"))
    for index in range(2):
        cluster.add(pod(f"web-{index}", "1m", labels={"app": f"app-{index}"}))
    assert cluster.scheduler.cluster.rebuilds == 1

    document = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "app-0"}}},
    }
    cluster.add(msgspec.convert(document, ReplicaSet))
    cluster.add(pod("web-2", "1m", labels={"app": "app-0"}))

    world = cluster.scheduler.cluster
    assert world.rebuilds == 2
    assert len({placed.pod_class for placed in world.pods.values()}) == 2


def daemon(name: str) -> Pod:
    """Make a pod that a DaemonSet wants on a node."""
    term = {
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]
    }
    required = {"nodeSelectorTerms": [term]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return pod(f"agent-{name}", "100m", affinity={"nodeAffinity": affinity})


def test_pods_of_a_daemon_set_share_a_class_and_come_each_to_its_node() -> None:
    """The node that the affinity names stands outside of the class."""
    cluster = Cluster()
    names = [f"node-{index}" for index in range(5)]
    cluster.add(*map(node, names))

    for name in names:
        cluster.add(daemon(name))

    assert [cluster.place(f"agent-{name}") for name in names] == names
    assert cluster.scheduler.cluster.rebuilds == 1

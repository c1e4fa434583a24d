"""Preemption: the columns against the naive twin, and its rules by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import strategies
from hypothesis import assume, given
from hypothesis import strategies as st
from naive import preemption as twin
from naive.cycle import attempt
from naive.placed import Placed
from naive.profile import WHOLE
from naive.world import World

from schedbench.cluster.encode import encode
from schedbench.cluster.state import bind, copy_state
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import (
    Container,
    ContainerPort,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from schedbench.objects.policy import (
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from schedbench.objects.selectors import LabelSelector
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies import kube_scheduler
from schedbench.scheduler.dry_run import DryRun, PlacedPod, as_set, crowded_out
from schedbench.scheduler.explain import explain
from schedbench.scheduler.preemption import (
    NEVER,
    TERMINATING,
    Around,
    Candidate,
    Preemption,
    best,
    preempt,
    protects,
    without_victims,
)
from schedbench.scheduler.session import Session

FEATURES = ("affinity", "spread", "namespaces", "owners", "priorities")
EVICTED = PodCondition(
    type="DisruptionTarget", status="True", reason="PreemptionByScheduler"
)


class Cluster:
    """A cluster in the columns: nodes, pods on them, nominated pods, and one more."""

    def __init__(
        self,
        nodes: Sequence[Node],
        placed: Sequence[tuple[Pod, int]],
        pod: Pod,
        nominated: Sequence[tuple[Pod, int]] = (),
        objects: Sequence[object] = (),
    ) -> None:
        pods = [*(p for p, _ in placed), *(p for p, _ in nominated), pod]
        encoded = encode(Workload("toy", nodes, PodStream.of(pods), list(objects)))
        self.session = Session(encoded, kube_scheduler.make().profile, 0)
        self.pod, self.pod_class = pod, int(encoded.class_of[-1])
        known = [
            PlacedPod(one, int(pod_class), slot, twin.started(one))
            for (one, slot), pod_class in zip(
                [*placed, *nominated], encoded.class_of, strict=False
            )
        ]
        priority = pod.spec.priority or 0
        self.lower = [one for one in known[: len(placed)] if one.priority < priority]
        on: dict[int, list[PlacedPod]] = {}
        for each in known[: len(placed)]:
            on.setdefault(each.slot, []).append(each)
            classes = self.session.compiled.classes
            bind(self.session.state, classes, each.pod_class, each.slot, 0, 1)
            as_set(self.session.state, each.slot)
        budgets = [one for one in objects if isinstance(one, PodDisruptionBudget)]
        self.around = Around(
            lambda slot: on.get(slot, ()), known[len(placed) :], budgets
        )

    def preempt(self, nominated: int | None = None) -> Preemption:
        """Reject the pod everywhere and try to make room; the state must not change."""
        before = copy_state(self.session.state)
        run = DryRun(self.session, self.pod_class)
        crowded = crowded_out(run, self.pod, self.around.nominated)
        told = explain(self.session, self.pod_class)
        assert set(told.feasible.tolist()) <= crowded.keys()
        rejected = {**told.rejected, **crowded}
        run = DryRun(self.session, self.pod_class)
        found = preempt(run, self.pod, rejected, self.around, nominated)
        if not self.lower:
            asked = self.pod, rejected, self.around, nominated
            assert without_victims(*asked) == found
        for name, column in before.domains._asdict().items():
            assert np.array_equal(column, getattr(self.session.state.domains, name))
        for name, column in before._replace(domains=0)._asdict().items():
            if name != "domains":
                assert np.array_equal(column, getattr(self.session.state, name))
        return found


def node(name: str = "n", cpu: str = "4") -> Node:
    """Return a node."""
    offered = {"cpu": cpu, "memory": "8Gi", "pods": "10"}
    status = NodeStatus(allocatable=offered)
    return default_node(Node(metadata=ObjectMeta(name=name), status=status))


def make(name: str, priority: int = 0, cpu: str = "2", port: int = 0, **status) -> Pod:
    """Return a pod with a label of its name."""
    meta = ObjectMeta(name=name, namespace="default", labels={"app": name})
    ports = [ContainerPort(container_port=port, host_port=port)] if port else []
    container = Container(
        name="c", resources=ResourceRequirements(requests={"cpu": cpu}), ports=ports
    )
    spec = PodSpec(containers=[container], priority=priority)
    return default_pod(Pod(metadata=meta, spec=spec, status=PodStatus(**status)))


def names(candidate: Candidate) -> list[str]:
    """Return the names of the victims."""
    return [victim.pod.metadata.name for victim in candidate.victims]


def budget(allowed: int, selector: LabelSelector | None) -> PodDisruptionBudget:
    """Return a disruption budget."""
    return PodDisruptionBudget(
        metadata=ObjectMeta(name="b", namespace="default"),
        spec=PodDisruptionBudgetSpec(selector=selector),
        status=PodDisruptionBudgetStatus(disruptions_allowed=allowed),
    )


@given(data=st.data())
def test_preemption_equals_the_twin(data: st.DataObject) -> None:
    """Candidates, victims, violations, ties and texts are the naive twin's."""
    work = data.draw(
        strategies.workloads(
            max_nodes=4, time=False, bound=False, changes=False, features=FEATURES
        )
    )
    pods = list(work.pods.templates)
    assume(len(pods) > 1)
    for index, each in enumerate(pods):
        each.metadata.name = f"pod-{index}"
    slots = st.integers(0, len(work.nodes) - 1)
    others = [(each, data.draw(slots)) for each in pods[:-1]]
    cut = data.draw(st.integers(0, len(others)))
    placed, nominated = others[: max(cut, 1)], others[max(cut, 1) :][:2]
    pod = pods[-1]
    pod.spec.priority = data.draw(st.sampled_from((10, 100, 100, 100)))
    pod.spec.node_selector = {}
    for each in pods:
        if data.draw(st.booleans()):
            each.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
        each.status.start_time = f"2026-01-01T00:00:0{data.draw(st.integers(0, 3))}Z"
    for slot, each in enumerate(work.nodes):
        each.spec.taints, each.spec.unschedulable = [], False
        count = sum(at == slot for _, at in placed)
        each.status.allocatable |= {"cpu": "64", "memory": "64Gi", "pods": str(count)}
    cluster = Cluster(work.nodes, placed, pod, nominated, work.objects)
    node_names = [each.metadata.name for each in work.nodes]
    world = World(
        work.nodes,
        {
            name: [Placed(each) for each, at in placed if at == slot]
            for slot, name in enumerate(node_names)
        },
        work.objects,
        {
            name: [each for each, at in nominated if at == slot]
            for slot, name in enumerate(node_names)
        },
    )
    decision = attempt(pod, world, WHOLE)
    assume(not decision.feasible and not decision.stopped)
    assume(not any(plugin == "" for plugin, _ in decision.infeasible.values()))
    expected = twin.post_filter(pod, world, decision, WHOLE)

    found = cluster.preempt()

    assert expected.message.endswith(found.message)
    assert [
        (node_names[one.slot], names(one), one.violations) for one in found.candidates
    ] == [
        (one.node, [v.pod.metadata.name for v in one.victims], one.violations)
        for one in expected.candidates
    ]
    assert [node_names[one.slot] for one in found.tied] == [
        one.node for one in expected.tied
    ]
    assert found.clears == expected.clears


def test_the_least_important_go() -> None:
    """As many pods as possible stay, the most important first."""
    placed = [(make("a", 1, "1"), 0), (make("b", 2, "2"), 0), (make("c", 3, "1"), 0)]
    found = Cluster([node()], placed, make("new", 9, "1")).preempt()

    assert names(found.tied[0]) == ["a"]


def test_pods_of_equal_priority_stay() -> None:
    """Without a lower pod there are no victims, and a nomination is cleared."""
    found = Cluster([node()], [(make("a", 5, "4"), 0)], make("new", 5)).preempt()

    assert found.message == (
        "preemption: 0/1 nodes are available: "
        "1 No preemption victims found for incoming pod."
    )
    assert found.clears
    assert not found.candidates


def test_budgets_keep_pods_and_nodes() -> None:
    """A pod whose eviction breaks a budget stays if another can go."""
    placed = [(make("a", 1), 0), (make("b", 2), 0), (make("c", 1, "4"), 1)]
    rule = budget(0, LabelSelector(match_labels={"app": "a"}))
    cluster = Cluster([node("n"), node("m")], placed, make("new", 9), objects=[rule])
    found = cluster.preempt()

    assert [names(one) for one in found.candidates] == [["b"], ["c"]]
    assert names(found.tied[0]) == ["c"]


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (None, {"app": "a"}, False),
        (LabelSelector(), {"app": "a"}, False),
        (LabelSelector(match_labels={"app": "a"}), {"app": "a"}, True),
        (LabelSelector(match_labels={"app": "a"}), {}, False),
    ],
)
def test_what_budgets_protect(
    selector: LabelSelector | None, labels: dict[str, str], expected: bool
) -> None:
    """No selector and an empty one protect nothing; nor is a pod without labels."""
    pod = make("a")
    pod.metadata.labels = labels

    assert protects(budget(1, selector), pod) == expected


def test_who_is_not_eligible() -> None:
    """A pod that never preempts, or waits for evicted ones to end, evicts nobody."""
    going = make("a", 1, "4", conditions=[EVICTED])
    going.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    never = make("new", 9)
    never.spec.preemption_policy = "Never"

    assert Cluster([node()], [(going, 0)], never).preempt().message.endswith(NEVER)
    waiting = Cluster([node()], [(going, 0)], make("new", 9))
    assert waiting.preempt(0).message.endswith(TERMINATING)
    assert names(waiting.preempt().tied[0]) == ["a"]


def test_ports_are_a_set() -> None:
    """Of two pods with one port each frees it, so that only the last must go."""
    placed = [(make("a", 1, "1", 80), 0), (make("b", 2, "1", 80), 0)]
    found = Cluster([node()], placed, make("new", 9, "1", 80)).preempt()

    assert names(found.tied[0]) == ["b", "a"]


def test_nominated_pods_keep_their_place() -> None:
    """Room is made for the nominated pod of higher priority as well."""
    placed = [(make("a", 1, "1"), 0), (make("b", 2, "1"), 0), (make("c", 3, "1"), 0)]
    guest = [(make("guest", 20, "2"), 0)]
    pod = make("new", 9, "1")

    assert names(Cluster([node()], placed, pod, guest).preempt().tied[0]) == ["b", "a"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([(1, 0)], [(2, 0)], [0]),
        ([(2, 0), (1, 0)], [(2, 0)], [1]),
        ([(2, 5)], [(2, 7)], [1]),
        ([(2, 5), (1, 9)], [(2, 5), (1, 1)], [0, 1]),
    ],
)
def test_rules(
    first: list[tuple[int, int]], second: list[tuple[int, int]], expected: list[int]
) -> None:
    """Lowest highest priority, least sum, latest start; else nodes stay tied."""
    candidates = [
        Candidate(
            slot, [PlacedPod(make("v", one), 0, slot, start) for one, start in each], 0
        )
        for slot, each in enumerate((first, second))
    ]

    assert [one.slot for one in best(candidates)] == expected

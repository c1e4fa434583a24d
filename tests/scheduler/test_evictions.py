"""What preemption remembers against the dry runs of objects, and the naive twin."""

from __future__ import annotations

import collections
import gc

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from naive import preemption as twin
from naive.cycle import attempt
from naive.placed import Placed
from naive.profile import WHOLE
from naive.world import World as NaiveWorld

from schedbench.cluster.encode import encode
from schedbench.errors import InvariantError
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import (
    Container,
    ContainerPort,
    Pod,
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
from schedbench.scheduler.dry_run import DryRun, PlacedPod, crowded_out
from schedbench.scheduler.evictions import Refused
from schedbench.scheduler.explain import Rejected, explain
from schedbench.scheduler.preemption import Preemption, Search, fit_error, preempt
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.world import World

LOW, HIGH = (0, 0, 1, 1, 5), (1, 5, 20, 20)
STEPS = ("put", "put", "put", "take", "nominate", "end", "budgets", "leave", "join")


def make(
    name: str, *, cpu: int = 1, priority: int = 0, port: int = 0, start: int | None = 0
) -> Pod:
    """Return a pod with a label of its name's first letter."""
    opened = [ContainerPort(container_port=80, host_port=port)] if port else []
    container = Container(
        resources=ResourceRequirements(requests={"cpu": str(cpu)}), ports=opened
    )
    meta = ObjectMeta(name=name, namespace="default", labels={"app": name[0]})
    began = None if start is None else f"2026-01-01T00:00:0{start}Z"
    spec = PodSpec(containers=[container], priority=priority)
    status = PodStatus(start_time=began)
    return default_pod(Pod(metadata=meta, spec=spec, status=status))


def node(name: str, cpu: int, pods: int = 10, *, closed: bool = False) -> Node:
    """Return a node."""
    offered = {"cpu": str(cpu), "memory": "8Gi", "pods": str(pods)}
    spec, status = NodeSpec(unschedulable=closed), NodeStatus(allocatable=offered)
    meta = ObjectMeta(name=name)
    return default_node(Node(metadata=meta, spec=spec, status=status))


def budget(app: str, allowed: int) -> PodDisruptionBudget:
    """Return a disruption budget for the pods of a label."""
    return PodDisruptionBudget(
        metadata=ObjectMeta(name=f"of-{app}", namespace="default"),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(match_labels={"app": app})),
        status=PodDisruptionBudgetStatus(disruptions_allowed=allowed),
    )


@st.composite
def pods(draw: st.DrawFn, name: str, priorities: tuple[int, ...]) -> Pod:
    """Draw a pod."""
    return make(
        name,
        cpu=draw(st.integers(0, 4)),
        priority=draw(st.sampled_from(priorities)),
        port=draw(st.sampled_from((0, 0, 80, 81))),
        start=draw(st.sampled_from((None, 0, 1, 1, 2))),
    )


class Rehearsed:
    """A world, and its nodes and pods by name."""

    def __init__(self, nodes: list[Node], known: list[Pod]) -> None:
        self.nodes = nodes
        self.pods = known
        encoded = encode(Workload("toy", nodes, PodStream.of(known), []))
        self.class_of = dict(
            zip([one.key for one in known], map(int, encoded.class_of), strict=True)
        )
        self.world = World(encoded, read_profiles(None), 0)
        self.away: set[int] = set()

    def put(self, pod: Pod, slot: int) -> None:
        """Let a pod come to a node that is there, unless it is on one."""
        if pod.key not in self.world.placed and slot not in self.away:
            started = twin.started(pod)
            self.world.put(PlacedPod(pod, self.class_of[pod.key], slot, started))

    def nominate(self, pod: Pod, slot: int | None) -> None:
        """Nominate a pod that is on no node."""
        if pod.key not in self.world.placed:
            self.world.nominate(pod, self.class_of[pod.key], slot)

    def leave(self, slot: int) -> None:
        """Let a node leave with its pods."""
        if slot not in self.away and len(self.away) + 1 < len(self.nodes):
            for other in list(self.world.on_node(slot)):
                self.world.take(other.pod.key)
            self.world.leave(self.nodes[slot].metadata.name)
            self.away.add(slot)

    def join(self, slot: int) -> None:
        """Let a node that left come back."""
        if slot in self.away:
            self.world.join(self.nodes[slot])
            self.away.discard(slot)

    def ask(self, pod: Pod, search: Search) -> Refused | None:
        """Ask the memory."""
        world, pod_class = self.world, self.class_of[pod.key]
        return world.evictions.ask(world.session(pod), pod, pod_class, search)

    def rejected(self, pod: Pod) -> dict[int, Rejected] | None:
        """Return who rejects the nodes by the readable engine; None if one passes."""
        session, pod_class = self.world.session(pod), self.class_of[pod.key]
        told = explain(session, pod_class)
        others = list(self.world.nominated.values())
        crowded = crowded_out(DryRun(session, pod_class), pod, others)
        if not set(told.feasible.tolist()) <= crowded.keys():
            return None
        return {**told.rejected, **crowded}

    def preempt(
        self, pod: Pod, rejected: dict[int, Rejected], search: Search | None
    ) -> Preemption:
        """Make room by dry runs of objects."""
        run = DryRun(self.world.session(pod), self.class_of[pod.key])
        return preempt(run, pod, rejected, self.world.around(), None, search)

    def naive(self) -> NaiveWorld:
        """Return the same for the naive twin, which knows no sets of ports."""
        here = [slot for slot in range(len(self.nodes)) if slot not in self.away]
        names = {slot: self.nodes[slot].metadata.name for slot in here}
        return NaiveWorld(
            [self.nodes[slot] for slot in here],
            {
                name: [Placed(one.pod) for one in self.world.on_node(slot)]
                for slot, name in names.items()
            },
            list(self.world.budgets),
            {
                name: [one.pod for one in self.world.nominated_on(slot)]
                for slot, name in names.items()
            },
        )


def plain(found: Preemption) -> object:
    """Return what came of a preemption, to be compared."""
    return (
        found.message,
        found.error,
        found.clears,
        *(
            [
                (one.slot, [v.pod.key for v in one.victims], one.violations)
                for one in some
            ]
            for some in (found.candidates, found.tied)
        ),
    )


@given(data=st.data())
def test_the_memory_equals_dry_runs_and_the_twin(data: st.DataObject) -> None:
    """Whatever happens between, the same nodes, victims, ties, reasons and texts."""
    count = data.draw(st.integers(1, 5))
    nodes = [
        node(
            f"n{slot}",
            data.draw(st.integers(1, 6)),
            data.draw(st.integers(1, 6)),
            closed=data.draw(st.sampled_from((False, False, False, True))),
        )
        for slot in range(count)
    ]
    low = [data.draw(pods(f"{'abc'[i % 3]}{i}", LOW)) for i in range(10)]
    high = [data.draw(pods(f"h{i}", HIGH)) for i in range(3)]
    rehearsed = Rehearsed(nodes, [*low, *high])
    slots = st.integers(0, count - 1)
    for pod in low[: data.draw(st.integers(0, 10))]:
        rehearsed.put(pod, data.draw(slots))
    for _ in range(data.draw(st.integers(1, 30))):
        change(rehearsed, data, slots)
        if data.draw(st.booleans()):
            check(rehearsed, data)
    check(rehearsed, data)


def change(
    rehearsed: Rehearsed, data: st.DataObject, slots: st.SearchStrategy[int]
) -> None:
    """Let something happen."""
    step = data.draw(st.sampled_from(STEPS))
    pod, slot = data.draw(st.sampled_from(rehearsed.pods)), data.draw(slots)
    if step == "put":
        rehearsed.put(pod, slot)
    elif step == "take":
        rehearsed.world.take(pod.key)
    elif step == "nominate":
        rehearsed.nominate(pod, slot)
    elif step == "end":
        rehearsed.nominate(pod, None)
    elif step == "leave":
        rehearsed.leave(slot)
    elif step == "join":
        rehearsed.join(slot)
    else:
        rehearsed.world.budgets = [
            budget(app, data.draw(st.integers(0, 2)))
            for app in data.draw(st.sets(st.sampled_from("abc")))
        ]


def check(rehearsed: Rehearsed, data: st.DataObject) -> None:
    """Ask for a pod that waits and is nominated nowhere."""
    world = rehearsed.world
    world.look()
    waiting = [
        one
        for one in rehearsed.pods
        if one.key not in world.placed and one.key not in world.nominated
    ]
    if not waiting:
        return
    pod = data.draw(st.sampled_from(waiting))
    shift = data.draw(st.integers(0, 4))
    whole = data.draw(st.booleans())
    search = Search(
        world.walk.order,
        start=lambda among: shift % among,
        percentage=100 if whole else 30,
        absolute=1,
    )
    rejected = rehearsed.rejected(pod)
    refused = rehearsed.ask(pod, search)
    event(f"refused: {refused is not None}")
    assert (refused is None) == (rejected is None)
    if refused is None or rejected is None:
        return
    assert dict(refused.rejections) == rejected
    counts = collections.Counter(
        (one.plugin, reason) for one in rejected.values() for reason in one.status[0]
    )
    assert refused.rejections.reasons() == counts
    assert refused.rejectors == {one.plugin for one in rejected.values()}
    reasons: collections.Counter[str] = collections.Counter()
    for (_, reason), some in counts.items():
        reasons[reason] += some
    assert refused.text == fit_error(reasons, len(rejected))
    expected = rehearsed.preempt(pod, rejected, search)
    event(f"candidates: {len(expected.candidates)}")
    assert plain(refused.preemption) == plain(expected)
    naive = rehearsed.naive()
    if whole and not shares_ports(rehearsed):
        told = twin.post_filter(pod, naive, attempt(pod, naive, WHOLE), WHOLE)
        assert [
            (one.node, [v.pod.metadata.name for v in one.victims], one.violations)
            for one in told.tied
        ] == [
            (
                rehearsed.nodes[one.slot].metadata.name,
                [v.pod.metadata.name for v in one.victims],
                one.violations,
            )
            for one in refused.preemption.tied
        ]


def shares_ports(rehearsed: Rehearsed) -> bool:
    """Return whether two pods on a node have a port, which the cache keeps as a set."""
    for slot in range(len(rehearsed.nodes)):
        taken = [
            port.host_port
            for one in rehearsed.world.on_node(slot)
            for port in one.pod.spec.containers[0].ports
            if port.host_port
        ]
        if len(taken) > len(set(taken)):
            return True
    return False


def crowd(nodes: int, cpu: int = 2) -> tuple[Rehearsed, Pod, Search]:
    """Return nodes with two low pods each, a high pod, and a whole search."""
    low = [make(f"l{i}", start=i % 3) for i in range(2 * nodes)]
    high = make("high", cpu=cpu, priority=9)
    full = [node(f"n{i}", 2) for i in range(nodes)]
    rehearsed = Rehearsed(full, [*low, high])
    for place, pod in enumerate(low):
        rehearsed.put(pod, place // 2)
    rehearsed.world.look()
    search = Search(rehearsed.world.walk.order, start=lambda among: 0)
    return rehearsed, high, search


def test_what_was_lent_stays_when_pods_come_and_go() -> None:
    """A refusal tells of the instant at which it was asked for."""
    rehearsed, high, search = crowd(2)
    refused = rehearsed.ask(high, search)
    assert refused is not None
    rehearsed.world.take("default/l0")
    rehearsed.world.take("default/l1")

    assert rehearsed.ask(high, search) is None
    assert set(refused.rejections) == {0, 1}
    assert len(refused.preemption.candidates) == 2


def test_candidates_are_not_worked_out_too_late() -> None:
    """Who would go cannot be said any more once the pods are others."""
    rehearsed, high, search = crowd(2)
    refused = rehearsed.ask(high, search)
    assert refused is not None
    tied = refused.preemption.tied
    refused.preemption.settle(0)
    before = [one.pod.key for one in tied[0].victims]
    rehearsed.world.take("default/l0")

    assert [one.pod.key for one in tied[0].victims] == before
    with pytest.raises(InvariantError, match="older than the pods"):
        _ = refused.preemption.candidates[-1]


def test_nodes_that_did_not_change_are_not_looked_at_again() -> None:
    """After a change on one node, that node alone is rated."""
    rehearsed, high, search = crowd(30)
    rehearsed.ask(high, search)
    memory = next(iter(rehearsed.world.evictions._memories.values()))
    memory.rates.rules[:, 1] = -7
    rehearsed.world.take("default/l0")
    rehearsed.ask(high, search)

    assert np.flatnonzero(memory.rates.rules[:, 1] != -7).tolist() == [0]


def test_more_changes_than_the_log_holds() -> None:
    """A memory that is far behind looks at all nodes."""
    rehearsed, high, search = crowd(2)
    rehearsed.ask(high, search)
    for _ in range(100):
        rehearsed.world.take("default/l0")
        rehearsed.world.evictions.occupants.now()
        rehearsed.put(rehearsed.pods[0], 0)
        rehearsed.world.evictions.occupants.now()
    found = rehearsed.ask(high, search)
    assert found is not None
    rejected = rehearsed.rejected(high)
    assert rejected is not None

    assert plain(found.preemption) == plain(rehearsed.preempt(high, rejected, search))


def test_nothing_is_copied_for_nobody() -> None:
    """What nobody holds any more is not kept when the columns change."""
    rehearsed, high, search = crowd(2)
    rehearsed.ask(high, search)
    gc.collect()
    memory = next(iter(rehearsed.world.evictions._memories.values()))

    assert all(each() is None for each in memory._lent)

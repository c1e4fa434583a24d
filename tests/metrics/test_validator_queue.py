"""The validator on what the scheduling queue promises: gates, gangs, preemption."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.metrics.validator import validate
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import PodSchedulingGate, SchedulingGroup
from schedbench.objects.policy import (
    CompositePodGroup,
    CompositePodGroupSpec,
    GangSchedulingPolicy,
    PodGroup,
    PodGroupSchedulingPolicy,
    PodGroupSpec,
)
from schedbench.objects.workload import PodUpdate

GATES = [PodSchedulingGate(name="example.com/hold")]


@pytest.fixture
def check(make):
    """Validate a log on the nodes a and b; return the rules it breaks."""

    def run(pods, *entries, queue="kube-scheduler", **workload):
        nodes = [make.node("a"), make.node("b")]
        found = validate(
            make.workload(nodes, pods, queue=queue, **workload),
            make.record(*entries),
            ["a", "b"],
        )
        return [violation.rule for violation in found]

    return run


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        pytest.param({}, ["scheduling gate"], id="never opened"),
        pytest.param(
            {"pod_updates": [PodUpdate(9.0, 0, 1)]},
            ["scheduling gate"],
            id="opened later",
        ),
        pytest.param({"pod_updates": [PodUpdate(2.0, 0, 1)]}, [], id="opened before"),
        pytest.param({"pod_updates": [PodUpdate(5.0, 0, 1)]}, [], id="opened just now"),
    ],
)
def test_a_gated_pod_is_not_bound(make, check, more, rule):
    """The pod is bound at 5 s; its other template has no gate."""
    pods = [make.pod(scheduling_gates=GATES), make.pod()]
    log = [(0, "ARRIVE", 0), (5, "BIND", 0, 0)]

    assert check(pods, *log, template=np.array([0]), **more) == rule


@pytest.mark.parametrize(
    ("time", "rule"),
    [
        pytest.param(1.0, [], id="shrunk before the other comes"),
        pytest.param(9.0, ["resources"], id="shrunk after that"),
    ],
)
def test_an_update_of_a_pod_on_a_node_counts(make, check, time, rule):
    """A pod of 3 of 4 cores becomes one of 1; another of 3 comes at 5 s."""
    pods = [make.pod(cpu=3), make.pod(cpu=1)]
    log = [(0, "ARRIVE", 0), (0, "BIND", 0, 0), (5, "ARRIVE", 1), (5, "BIND", 1, 0)]
    log += [(10, "FINISH", 0, 0), (10, "FINISH", 1, 0)]
    updates = [PodUpdate(time, 0, 1)]

    assert check(pods, *log, template=np.array([0, 0]), pod_updates=updates) == rule


@pytest.mark.parametrize(
    ("times", "rule"),
    [
        pytest.param((0, 0, 0), [], id="all at once"),
        pytest.param((0, 0, 5), [], id="the least number, and one later"),
        pytest.param((0, 5, 5), ["gang"], id="one before the others"),
        pytest.param((0,), ["gang"], id="one alone"),
    ],
)
def test_a_gang_is_placed_together(make, check, times, rule):
    """Two pods of three at least are placed at one instant."""
    gang = PodGroup(
        metadata=ObjectMeta(name="ring", namespace="default"),
        spec=PodGroupSpec(
            scheduling_policy=PodGroupSchedulingPolicy(
                gang=GangSchedulingPolicy(min_count=2)
            )
        ),
    )
    member = make.pod(scheduling_group=SchedulingGroup(pod_group_name="ring"))
    log = [(0, "ARRIVE", pod) for pod in range(3)]
    log += [(time, "BIND", pod, 0) for pod, time in enumerate(times)]

    assert check([member] * 3, *log, objects=[gang]) == rule


PREEMPTIONS = [
    pytest.param(
        [(5, "PREEMPT", 1, 0), (5, "DELETE", 0, 0), (5, "BIND", 1, 0)],
        [],
        id="room is made and taken",
    ),
    pytest.param([(5, "DELETE", 0, 0)], ["preemption"], id="without a preemption"),
    pytest.param(
        [(5, "PREEMPT", 1, 1), (5, "DELETE", 0, 0)],
        ["preemption"],
        id="room is made on another node",
    ),
    pytest.param(
        [(5, "PREEMPT", 1, 0), (6, "DELETE", 0, 0)],
        ["preemption"],
        id="room was made before",
    ),
    pytest.param(
        [(5, "PREEMPT", 1, 0), (5, "BIND", 1, 0)],
        ["resources"],
        id="the victim stays",
    ),
    pytest.param(
        [(5, "PREEMPT", 2, 0), (5, "DELETE", 0, 0)],
        ["preemption"],
        id="for a pod of the same priority",
    ),
    pytest.param(
        [(5, "PREEMPT", 3, 0), (5, "DELETE", 0, 0)],
        ["preemption"],
        id="for a pod that never preempts",
    ),
    pytest.param([(9, "DELETE", 0, 0)], [], id="deleted when it is due"),
]


@pytest.mark.parametrize(("log", "rule"), PREEMPTIONS)
def test_pods_go_early_for_preemption_alone(make, check, log, rule):
    """Pod 0 fills node a and is deleted at 9 s; others come at 5 s."""
    pods = [
        make.pod(cpu=4, priority=0),
        make.pod(cpu=4, priority=10),
        make.pod(cpu=4, priority=0),
        make.pod(cpu=4, priority=10, preemption_policy="Never"),
    ]
    start = [(0, "ARRIVE", 0), (0, "BIND", 0, 0)]
    start += [(5, "ARRIVE", pod) for pod in (1, 2, 3)]
    deletion = np.array([9.0, np.inf, np.inf, np.inf])

    assert check(pods, *start, *log, deletion=deletion) == rule


@pytest.mark.parametrize(
    ("own", "above", "rule"),
    [
        pytest.param(None, None, ["preemption"], id="groups without one: the pod's"),
        pytest.param(10, None, ["preemption"], id="not that of a group in a group"),
        pytest.param(None, 10, [], id="that of the topmost group"),
    ],
)
def test_the_priority_of_the_topmost_group_counts(make, check, own, above, rule):
    """A pod of priority 0 in a group of a group makes another one go."""
    group = PodGroup(
        metadata=ObjectMeta(name="ring", namespace="default"),
        spec=PodGroupSpec(parent_composite_pod_group_name="rings", priority=own),
    )
    top = CompositePodGroup(
        metadata=ObjectMeta(name="rings", namespace="default"),
        spec=CompositePodGroupSpec(priority=above),
    )
    member = make.pod(scheduling_group=SchedulingGroup(pod_group_name="ring"))
    log = [(0, "ARRIVE", 0), (0, "BIND", 0, 0), (0, "ARRIVE", 1)]
    log += [(0, "PREEMPT", 1, 0), (0, "DELETE", 0, 0)]

    assert check([make.pod(priority=0), member], *log, objects=[group, top]) == rule

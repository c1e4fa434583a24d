"""The rules of each plugin, one sentence a case."""

from __future__ import annotations

from typing import Any

import pytest
from naive import gpu
from naive.handmade import Case, asking, make_node, make_pod

from schedbench.cluster.encode import encode
from schedbench.cluster.state import bind
from schedbench.errors import UnknownNameError
from schedbench.objects.defaults import default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.base import Plugin, ScorePlugin
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.registry import PLUGINS, plugin_class
from schedbench.plugins.taint_toleration import TaintToleration
from schedbench.scheduler.explain import Explanation, explain
from schedbench.scheduler.profile import Profile, WeightedScore
from schedbench.scheduler.session import Session

FPGA = "example.com/fpga"


def decide(
    pod: Pod, nodes: list[Node], held: list[Pod] | None = None, *scores: ScorePlugin
) -> Explanation:
    """Explain where a pod goes, `held` being on the first node."""
    others = [default_pod(one) for one in held or []]
    stream = PodStream.of([default_pod(pod), *others])
    encoded = encode(Workload("test", nodes, stream))
    weighted = [WeightedScore(plugin) for plugin in scores]
    session = Session(encoded, Profile("test", weighted), 0)
    for index in range(len(others)):
        bind(session.state, encoded.classes, int(encoded.class_of[index + 1]), 0, 0, 1)
    return explain(session, 0)


def taint(effect: str, value: str = "b") -> Case:
    """Return a taint with the key `a`."""
    return {"key": "a", "value": value, "effect": effect}


FIT = "NodeResourcesFit"
REFUSALS = [
    pytest.param(
        {"containers": [asking("4")]}, {"cpu": "4"}, [], None, id="a pod may take all"
    ),
    pytest.param(
        {"containers": [asking("4001m")]},
        {"cpu": "4"},
        [],
        (FIT, ("Insufficient cpu",), True),
        id="more than a node has can never be freed",
    ),
    pytest.param(
        {"containers": [asking("3")]},
        {"cpu": "4"},
        [{"containers": [asking("2")]}],
        (FIT, ("Insufficient cpu",), False),
        id="what other pods hold could be freed",
    ),
    pytest.param(
        {"containers": [asking()]},
        {"cpu": "1"},
        [{"containers": [asking("2")]}],
        None,
        id="a pod that asks for nothing fits an overfull node",
    ),
    pytest.param(
        {"containers": [asking("0")]}, {"cpu": "0"}, [], None, id="zero of zero fits"
    ),
    pytest.param(
        {"containers": [asking(**{FPGA: "1"})]},
        {},
        [],
        (FIT, (f"Insufficient {FPGA}",), True),
        id="an extended resource that the node lacks",
    ),
    pytest.param(
        {"containers": [asking()]},
        {"extra": {"pods": "1"}},
        [{}],
        (FIT, ("Too many pods",), False),
        id="the pod limit counts pods that ask for nothing",
    ),
    pytest.param(
        {"containers": [asking("9", "99Gi")]},
        {"extra": {"pods": "0"}},
        [],
        (FIT, ("Too many pods", "Insufficient cpu", "Insufficient memory"), True),
        id="all that is short is told, the pod limit first",
    ),
    pytest.param(
        {},
        {"unschedulable": True},
        [],
        ("NodeUnschedulable", ("node(s) were unschedulable",), True),
        id="a cordoned node",
    ),
    pytest.param(
        {
            "tolerations": [
                {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
            ]
        },
        {"unschedulable": True},
        [],
        None,
        id="a pod that tolerates the cordon",
    ),
    pytest.param(
        {"nodeName": "other"},
        {},
        [],
        ("NodeName", ("node(s) didn't match the requested node name",), True),
        id="a pod that names another node",
    ),
    pytest.param(
        {},
        {
            "taints": [
                taint("PreferNoSchedule"),
                taint("NoExecute"),
                taint("NoSchedule"),
            ]
        },
        [],
        ("TaintToleration", ("node(s) had untolerated taint {a: b}",), True),
        id="the first hard taint is told",
    ),
    pytest.param(
        {"tolerations": [{"key": "a", "value": "b", "effect": "NoSchedule"}]},
        {"taints": [taint("NoSchedule"), taint("NoSchedule", "c")]},
        [],
        ("TaintToleration", ("node(s) had untolerated taint {a: c}",), True),
        id="every hard taint must be tolerated",
    ),
    pytest.param(
        {}, {"taints": [taint("PreferNoSchedule")]}, [], None, id="a soft taint"
    ),
    pytest.param(
        {"nodeSelector": {"disk": "ssd"}},
        {"labels": {"disk": "hdd"}},
        [],
        ("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), True),
        id="a label of another value",
    ),
    pytest.param(
        {"annotations": {gpu.COUNT: "1", gpu.MODEL: "T4|P100"}},
        {"labels": {gpu.MODEL: "V100"}, "extra": {gpu.COUNT: "1"}},
        [],
        ("GpuShare", ("node(s) had no GPU of an acceptable model",), True),
        id="a GPU of another model",
    ),
    pytest.param(
        {"annotations": {gpu.COUNT: "2"}},
        {"extra": {gpu.COUNT: "1"}},
        [],
        ("GpuShare", ("Insufficient GPU share",), False),
        id="too few GPUs",
    ),
    pytest.param(
        {"annotations": {gpu.COUNT: "0", gpu.MODEL: "T4"}},
        {},
        [],
        None,
        id="a model wanted of no GPU",
    ),
]


@pytest.mark.parametrize(("pod", "node", "held", "refusal"), REFUSALS)
def test_nodes_are_refused(
    pod: Case, node: Case, held: list[Case], refusal: tuple[Any, ...] | None
) -> None:
    """A node is refused by the first plugin that minds, for its reasons."""
    others = [make_pod(f"held-{i}", **spec) for i, spec in enumerate(held)]
    told = decide(make_pod(**pod), [make_node("node", **node)], others)
    one = told.rejected.get(0)
    found = one and (one.plugin, one.status.reasons, one.status.unresolvable)

    assert refusal == found


@pytest.mark.parametrize(
    ("plugin", "pod", "scores"),
    [
        pytest.param(
            NodeResourcesFit(),
            {"containers": [asking("1", "2Gi")]},
            [50, 75],
            id="least allocated: the mean of what would be free",
        ),
        pytest.param(
            NodeResourcesFit("MostAllocated"),
            {"containers": [asking("1", "2Gi")]},
            [50, 25],
            id="most allocated: the mean of what would be taken",
        ),
        pytest.param(
            NodeResourcesFit("LeastAllocated", (("cpu", 3), ("memory", 1))),
            {"containers": [asking("1", "2Gi")]},
            [50, 75],
            id="weights of resources that are alike",
        ),
        pytest.param(
            NodeResourcesFit("LeastAllocated", (("cpu", 3), ("memory", 1))),
            {"containers": [asking("2", "0")]},
            [37, 62],
            id="weights of resources that differ, truncated",
        ),
        pytest.param(
            NodeResourcesFit("LeastAllocated", (("cpu", 1), (FPGA, 1))),
            {"containers": [asking("1", "2Gi")]},
            [50, 75],
            id="an extended resource that nobody asks for does not count",
        ),
        pytest.param(
            NodeResourcesFit(
                "RequestedToCapacityRatio", shape=((0, 0), (50, 10), (100, 0))
            ),
            {"containers": [asking("1", "2Gi")]},
            [100, 50],
            id="a shape that rises and falls",
        ),
        pytest.param(
            NodeResourcesFit("RequestedToCapacityRatio", shape=((40, 3), (60, 8))),
            {"containers": [asking("1", "2Gi")]},
            [55, 30],
            id="a shape is level outside its points",
        ),
        pytest.param(
            NodeResourcesBalancedAllocation(),
            {"containers": [asking("1", "2Gi")]},
            [100, 100],
            id="balanced: equal fractions are best",
        ),
        pytest.param(
            NodeResourcesBalancedAllocation(),
            {"containers": [asking("2", "0")]},
            [75, 75],
            id="balanced: half the difference is lost",
        ),
        pytest.param(
            NodeResourcesBalancedAllocation(),
            {"containers": [asking()]},
            None,
            id="balanced: a pod that asks for nothing is not scored",
        ),
        pytest.param(
            TaintToleration(), {}, [100, 0], id="taints: the fewest soft ones are best"
        ),
        pytest.param(
            TaintToleration(),
            {"tolerations": [{"operator": "Exists"}]},
            [100, 100],
            id="taints: without any all are best",
        ),
        pytest.param(
            NodeAffinity(), {}, None, id="affinity: without a wish nothing is scored"
        ),
    ],
)
def test_nodes_are_scored(
    plugin: ScorePlugin, pod: Case, scores: list[int] | None
) -> None:
    """Scores of a node a quarter full and of an empty one with a soft taint."""
    held = make_pod("held", containers=[asking("1", "2Gi")])
    soft = make_node("empty", taints=[taint("PreferNoSchedule")])
    told = decide(make_pod(**pod), [make_node("used"), soft], [held], plugin)
    found = told.scores.get(plugin.name)

    assert scores == (None if found is None else found.tolist())


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_is_called_what_the_registry_calls_it(name: str) -> None:
    """The registry's key is the plugin's name, and the plugin does something."""
    found = plugin_class(name)

    assert name == found.name
    assert issubclass(found, Plugin)
    assert found.filter_scope or found.score_scope


def test_unknown_plugins_are_suggested() -> None:
    """A slip in a plugin's name is told with the nearest name."""
    with pytest.raises(UnknownNameError, match="did you mean 'NodeName'"):
        plugin_class("NodeNames")

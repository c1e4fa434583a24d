"""Tests of what scheduler_perf workloads become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from perf_cases import NAMED_NODE, POD, build, shipped

from schedbench.errors import InputError
from schedbench.objects.policy import Namespace
from schedbench.sources.scheduler_perf.durations import seconds


def test_scheduling_basic(shared: Path) -> None:
    """Nodes and pods are as many and as large as the file says."""
    found = shipped(shared, "misc", "SchedulingBasic/5000Nodes_50000Pods")

    assert len(found.nodes) == 5000
    assert len(found.pods) == 55_000
    assert int(found.pods.measured.sum()) == 50_000
    assert not found.pods.measured[:5000].any()
    assert found.nodes[7].metadata.name == "scheduler-perf-7"
    assert found.nodes[7].metadata.labels == {
        "kubernetes.io/hostname": "scheduler-perf-7"
    }
    assert found.nodes[0].status.allocatable == {
        "pods": "110",
        "cpu": "4",
        "memory": "32Gi",
    }
    assert [found.pods.name(pod) for pod in (0, 54_999)] == [
        "namespace-1/pod-0",
        "namespace-2/pod-49999",
    ]
    assert len(found.pods.templates) == 2
    assert found.pods.templates[0].spec.priority == 0


def test_extended_resources_differ_by_index(shared: Path) -> None:
    """A template that looks at its index gives distinct objects."""
    found = shipped(shared, "misc", "SchedulingWithExtendedResource/fast")

    assert len(found.nodes) == 11
    assert len(found.pods.templates) == 10
    assert found.nodes[4].status.allocatable["foo.com/bar-3"] == 1
    assert found.pods.name(3) == "test/test-extended-resource-3"


def test_without_templates_the_basic_node_and_pod_are_made(shared: Path) -> None:
    """The built-in node is the same as node-default.yaml."""
    basic = shipped(shared, "misc", "SchedulingBasic/5Nodes").nodes[0]
    from_file = shipped(shared, "affinity", "SchedulingNodeAffinity/5Nodes").nodes[0]

    assert basic.status == from_file.status


def test_ops_follow_each_other_on_the_clock(tmp_path: Path) -> None:
    """Ops come a second apart; a later node joins in between; sleep passes."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: createPods, count: 2
        opcode: barrier
        opcode: createNodes, count: 1
        opcode: sleep, duration: 1m0.5s
        opcode: createPods, count: 1, namespace: other, collectMetrics: true
        """,
    )

    assert [node.metadata.name for node in found.nodes] == ["scheduler-perf-0"]
    (event,) = found.node_events
    assert (event.change, event.node.metadata.name) == ("add", "scheduler-perf-1")
    assert event.time == pytest.approx(1.0002)
    assert found.pods.arrival.tolist() == pytest.approx([0, 0.0002, 62.5002])
    assert found.queue == "kube-scheduler"
    assert found.pods.measured.tolist() == [False, False, True]
    assert found.pods.name(2) == "other/pod-0"
    assert [
        item.metadata.name for item in found.objects if isinstance(item, Namespace)
    ] == ["namespace-1", "other"]


def test_pods_are_created_one_after_another(tmp_path: Path) -> None:
    """An op of 5,000 pods lasts a second, waits for a second, and no barrier adds."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: createPods, count: 5000, skipWaitToCompletion: true
        opcode: barrier, stageRequirement: Attempted
        opcode: barrier
        opcode: createPods, count: 2
        """,
    )

    assert found.pods.arrival[[0, 1, 4999, 5000, 5001]] == pytest.approx(
        [0, 0.0002, 0.9998, 1.9998, 2.0]
    )


@pytest.mark.parametrize(
    ("op", "deletion", "arrival"),
    [
        pytest.param("", [1, 1, 1], 2, id="all at once"),
        pytest.param(", deletePodsPerSecond: 2", [1.5, 2, 2.5], 3.5, id="waited for"),
        pytest.param(
            ", deletePodsPerSecond: 2, skipWaitToCompletion: true",
            [1.5, 2, 2.5],
            2,
            id="in the background",
        ),
        pytest.param(", labelSelector: {app: db}", [np.inf] * 3, 1, id="none chosen"),
    ],
)
def test_pods_are_deleted_at_a_rate(
    tmp_path: Path, op: str, deletion: list[float], arrival: float
) -> None:
    """Deletions follow the op's time; the clock waits for them if the op does."""
    found = build(
        tmp_path,
        f"""
        opcode: createNodes, count: 1
        opcode: createPods, count: 3
        opcode: deletePods, namespace: namespace-1{op}
        opcode: createPods, count: 1
        """,
    )

    last = 2 / 5000

    assert found.pods.deletion.tolist() == pytest.approx(
        [*(last + time for time in deletion), np.inf]
    )
    assert found.pods.arrival[-1] == pytest.approx(last + arrival)


def test_pods_with_finalizers_stay(tmp_path: Path) -> None:
    """A deletion that a finalizer holds up frees nothing, and is noted."""
    held = POD.replace("labels:", "finalizers: [x]\n  labels:")
    found = build(
        tmp_path,
        """
        opcode: createPods, count: 3, podTemplatePath: held.yaml
        opcode: deletePods, namespace: namespace-0
        """,
        held=held,
    )

    assert np.isinf(found.pods.deletion).all()
    assert "3 pods with finalizers" in found.notes[0]


def test_node_strategies(tmp_path: Path) -> None:
    """Labels go round, unique labels are unique, allocatable is added."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 3,
          labelNodePrepareStrategy: {labelKey: zone, labelValues: [a, b]}
        opcode: createNodes, count: 2, uniqueNodeLabelStrategy: {labelKey: id}
        opcode: createNodes, count: 1,
          nodeAllocatableStrategy: {nodeAllocatable: {x: "5"}}
        opcode: createPods, count: 1
        """,
    )
    labels = [node.metadata.labels for node in found.nodes]

    assert [label.get("zone") for label in labels[:3]] == ["a", "b", "a"]
    assert labels[3]["id"] != labels[4]["id"]
    assert found.nodes[5].status.allocatable["x"] == "5"
    assert "x" not in found.nodes[4].status.allocatable
    assert [node.metadata.name for node in found.nodes] == [
        f"scheduler-perf-{number}" for number in range(6)
    ]


def test_namespaces_and_pod_sets(tmp_path: Path) -> None:
    """A pod set makes pods in each namespace; namespaces have their labels."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: createNamespaces, prefix: ns, count: 2, namespaceTemplatePath: ns.yaml
        opcode: createPodSets, namespacePrefix: ns, count: 2,
          createPodsOp: {opcode: createPods, count: 2}
        """,
        ns="apiVersion: v1\nkind: Namespace\nmetadata: {labels: {team: a}}\n",
    )

    assert [found.pods.name(pod) for pod in range(4)] == [
        "ns-0/pod-0",
        "ns-0/pod-1",
        "ns-1/pod-0",
        "ns-1/pod-1",
    ]
    assert [item.metadata.labels for item in found.objects] == [
        {"team": "a", "kubernetes.io/metadata.name": "ns-0"},
        {"team": "a", "kubernetes.io/metadata.name": "ns-1"},
    ]


def test_collections_measure_their_namespaces(tmp_path: Path) -> None:
    """Between start and stop the pods of the chosen namespaces and labels count."""
    found = build(
        tmp_path,
        """
        opcode: createPods, count: 1, namespace: a
        opcode: startCollectingMetrics, namespaces: [a], labelSelector: {app: web}
        opcode: createPods, count: 1, namespace: a
        opcode: createPods, count: 1, namespace: b
        opcode: stopCollectingMetrics
        opcode: createPods, count: 1, namespace: a
        """,
    )

    assert found.pods.measured.tolist() == [False, True, False, False]


def test_names_of_the_index_share_a_template(tmp_path: Path) -> None:
    """Pods that differ in name alone are one template, nodes keep their own shape."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 3, nodeTemplatePath: node.yaml
        opcode: createPods, count: 3, podTemplatePath: named.yaml
        """,
        node=NAMED_NODE,
        named=POD.replace("generateName: pod-", "name: web-{{.Index}}"),
    )

    assert [node.status.allocatable["cpu"] for node in found.nodes] == ["1", "2", "3"]
    assert len(found.pods.templates) == 1
    assert [found.pods.name(pod) for pod in range(3)] == [
        f"namespace-1/web-{number}" for number in range(3)
    ]


def test_pods_may_be_bound_on_arrival(tmp_path: Path) -> None:
    """`spec.nodeName` places a pod without scheduling."""
    bound = POD + "  nodeName: node-{{.Index}}\n"
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 2, nodeTemplatePath: node.yaml
        opcode: createPods, count: 2, podTemplatePath: bound.yaml
        """,
        node=NAMED_NODE,
        bound=bound,
    )

    assert found.pods.node.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        pytest.param(
            "opcode: createNodes, count: 2, nodeTemplatePath: one.yaml",
            "op 0 (createNodes): two Nodes of one name: 'a'",
            id="one name twice",
        ),
        pytest.param(
            "opcode: createNodes, count: 2, nodeTemplatePath: pod.yaml",
            "expected a Node: 'Pod'",
            id="a pod for a node",
        ),
        pytest.param(
            "opcode: createNodes, count: 2, nodeTemplatePath: failing.yaml",
            "(createNodes) line 1, {{.x}}: prints a value",
            id="a parameter that is not given",
        ),
        pytest.param(
            "opcode: createNodes, count: 2, nodeTemplatePath: broken.yaml",
            "malformed YAML",
            id="a template that renders no YAML",
        ),
        pytest.param(
            "opcode: createNodes, count: 1000000",
            "op 0 (createNodes): more than 200,000 objects: 'count = 1000000'",
            id="a million nodes",
        ),
        pytest.param(
            "opcode: createPodSets, namespacePrefix: a, count: 100000, "
            "createPodsOp: {opcode: createPods, count: 1000}",
            "more than 20,000,000 objects: '100000000 in all'",
            id="too many pods in all",
        ),
        pytest.param(
            "opcode: createPods, count: 1, podTemplatePath: lost.yaml",
            "spec.nodeName: no such node: 'nowhere'",
            id="a node that is not there",
        ),
    ],
)
def test_faults_of_objects_name_the_place(
    tmp_path: Path, ops: str, message: str
) -> None:
    """A fault in an object tells the template or the op."""
    with pytest.raises(InputError) as caught:
        build(
            tmp_path,
            ops,
            one="apiVersion: v1\nkind: Node\nmetadata: {name: a}\n",
            failing="apiVersion: {{.x}}\n",
            broken="a: [{{.Index}}\n",
            lost=POD + "  nodeName: nowhere\n",
        )

    assert message in str(caught.value)


def test_harmless_kinds_are_passed_over(tmp_path: Path) -> None:
    """A secret changes nothing; a priority class gives pods their priority."""
    found = build(
        tmp_path,
        """
        opcode: createAny, templatePath: secret.yaml
        opcode: createAny, templatePath: high.yaml
        opcode: createPods, count: 1, podTemplatePath: important.yaml
        """,
        secret="apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
        high=(
            "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\n"
            "metadata: {name: high}\nvalue: 7\n"
        ),
        important=POD + "  priorityClassName: high\n",
    )

    assert found.pods.templates[0].spec.priority == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2s", 2), ("10m0s", 600), ("1.5h", 5400), ("500ms", 0.5), ("1h2m3s", 3723)],
)
def test_durations_are_gos(text: str, expected: float) -> None:
    """Numbers with units add up."""
    assert expected == seconds(text)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s2", "-1s"])
def test_bad_durations_are_refused(text: str) -> None:
    """A duration without unit, or with text beside, is an error."""
    with pytest.raises(InputError, match="not a duration"):
        seconds(text)

"""Tests of objects that come and go in the background of a scheduler_perf case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from perf_cases import NAMED_NODE, NAMED_POD, POD, build, shipped

from schedbench.errors import InputError, NotModelledError

CHURNED_NODE = """
apiVersion: v1
kind: Node
metadata: {generateName: churned-}
status: {capacity: {pods: 0}}
"""

SERVICE = """
apiVersion: v1
kind: Service
metadata: {generateName: service-}
spec: {selector: {app: other}}
"""


def test_create_makes_one_pod_an_interval_until_the_end(tmp_path: Path) -> None:
    """The first comes an interval after the op, the last when the last op ends."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: createPods, count: 1
        opcode: churn, mode: create, intervalMilliseconds: 400,
          templatePaths: [churned.yaml]
        opcode: createPods, count: 5001
        """,
        churned=POD.replace("pod-", "churned-"),
    )
    pods = found.pods
    churned = [pod for pod in range(len(pods)) if "churned" in pods.name(pod)]

    assert pods.arrival[churned].tolist() == pytest.approx([1.4, 1.8, 2.2, 2.6, 3.0])
    assert [pods.name(pod) for pod in churned] == [
        f"namespace-2/churned-{number}" for number in range(5)
    ]
    assert np.isinf(pods.deletion).all()
    assert (np.diff(pods.arrival) >= 0).all()


def test_create_stops_after_its_number(tmp_path: Path) -> None:
    """`number` bounds the turns; the default interval is half a second."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: create, number: 2, namespace: a,
          templatePaths: [pod.yaml]
        opcode: sleep, duration: 1m
        """,
    )

    assert found.pods.arrival.tolist() == [0.5, 1.0]


def test_recreate_fills_its_places_and_empties_them(tmp_path: Path) -> None:
    """Two places: two turns create, two turns delete, and again."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: recreate, number: 2, intervalMilliseconds: 1000,
          templatePaths: [node.yaml, pod.yaml]
        opcode: sleep, duration: 7s
        """,
        node=CHURNED_NODE,
    )

    assert [
        (event.time, event.change, event.node.metadata.name)
        for event in found.node_events
    ] == [
        (1.0, "add", "churned-0"),
        (2.0, "add", "churned-1"),
        (3.0, "remove", "churned-0"),
        (4.0, "remove", "churned-1"),
        (5.0, "add", "churned-2"),
        (6.0, "add", "churned-3"),
        (7.0, "remove", "churned-2"),
    ]
    assert found.pods.arrival.tolist() == [1, 2, 5, 6]
    assert found.pods.deletion.tolist() == [3, 4, 7, np.inf]


def test_churn_that_comes_last_goes_on_for_a_second(tmp_path: Path) -> None:
    """A background op without a foreground still does something."""
    found = build(
        tmp_path,
        """
        opcode: createPods, count: 1
        opcode: churn, mode: create, templatePaths: [pod.yaml]
        """,
    )

    assert found.pods.arrival.tolist() == [0, 1.5, 2.0]


def test_a_taken_name_is_not_made_again(tmp_path: Path) -> None:
    """A named pod is made while there is none of its name."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: recreate, number: 2, intervalMilliseconds: 1000,
          templatePaths: [named.yaml]
        opcode: sleep, duration: 6s
        """,
        named=POD.replace("generateName: pod-", "name: only"),
    )

    assert found.pods.arrival.tolist() == [1, 4]
    assert found.pods.deletion.tolist() == [3, 6]


def test_services_that_select_no_pod_are_counted(tmp_path: Path) -> None:
    """They change nothing that pods see, which a note tells."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: recreate, number: 1, templatePaths: [service.yaml]
        opcode: sleep, duration: 2s
        """,
        service=SERVICE,
    )

    (note,) = found.notes
    assert "op 1 (churn): 4 times a Service came or went in the background" in note


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(SERVICE.replace("other", "web"), "Service", id="selected pods"),
        pytest.param(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {generateName: v-}\n",
            "PersistentVolume",
            id="a volume",
        ),
    ],
)
def test_churn_that_pods_see_is_refused(tmp_path: Path, text: str, kind: str) -> None:
    """Objects that come and go and may change decisions are a need by kind."""
    with pytest.raises(NotModelledError, match=f"churn of {kind}"):
        build(
            tmp_path,
            """
            opcode: churn, mode: create, namespace: a, templatePaths: [thing.yaml]
            opcode: createPods, count: 1, namespace: a
            """,
            thing=text,
        )


def test_collections_measure_churned_pods(tmp_path: Path) -> None:
    """What comes while a collection is on counts, if it is chosen."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: create, namespace: a, templatePaths: [pod.yaml]
        opcode: sleep, duration: 1s
        opcode: startCollectingMetrics, namespaces: [a]
        opcode: sleep, duration: 1s
        opcode: stopCollectingMetrics
        opcode: sleep, duration: 1s
        """,
    )

    assert found.pods.measured.tolist() == [False, False, True, True, False, False]


def test_pods_may_be_bound_to_a_churned_node(tmp_path: Path) -> None:
    """Nodes have their slots in order of their coming, whatever op made them."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: createPods, count: 1
        opcode: churn, mode: create, number: 1, templatePaths: [churned.yaml]
        opcode: sleep, duration: 2s
        opcode: createNodes, count: 1, nodeTemplatePath: node.yaml
        opcode: createPods, count: 1, podTemplatePath: bound.yaml
        """,
        churned=CHURNED_NODE,
        node=NAMED_NODE,
        bound=NAMED_POD + "  nodeName: node-0\n",
    )

    assert [event.node.metadata.name for event in found.node_events] == [
        "churned-0",
        "node-0",
    ]
    assert found.pods.node.tolist() == [-1, 2]


def test_too_much_churn_is_refused(tmp_path: Path) -> None:
    """An interval that makes millions of objects is a typo."""
    with pytest.raises(InputError, match="more than 20,000,000 objects of churn"):
        build(
            tmp_path,
            """
            opcode: churn, mode: create, intervalMilliseconds: 1,
              templatePaths: [pod.yaml]
            opcode: sleep, duration: 6000h
            """,
        )


def test_faults_of_churned_objects_name_their_op(tmp_path: Path) -> None:
    """Whatever op runs when they would come into being."""
    with pytest.raises(
        InputError, match=r"yaml: case Case/one op 0 \(churn\)[: ]+Pod without name"
    ):
        build(
            tmp_path,
            """
            opcode: churn, mode: create, templatePaths: [nameless.yaml]
            opcode: createPods, count: 1
            """,
            nameless=POD.replace("generateName: pod-", ""),
        )


def test_preemption_async_churns_between_its_pods(shared: Path) -> None:
    """The shipped case: one pod each 200 ms from its op to the end of the last op."""
    pods = shipped(shared, "misc", "PreemptionAsync/5000Nodes").pods
    churned = np.array(
        [pods.name(pod).startswith("namespace-2/") for pod in range(len(pods))]
    )
    start = 20_000 / 5000 - 1 / 5000 + 1

    assert pods.arrival[churned] == pytest.approx(start + 0.2 * np.arange(1, 10))
    assert not pods.measured[churned].any()

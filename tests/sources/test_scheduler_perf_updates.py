"""Tests of objects that change in a scheduler_perf case, and of gated pods."""

from __future__ import annotations

from pathlib import Path

import pytest
from perf_cases import NAMED_NODE, NAMED_POD, POD, build, shipped

from schedbench.errors import InputError, NotModelledError

GATED_POD = POD + "  schedulingGates: [{name: hold}]\n"


def test_nodes_are_updated_at_a_rate(tmp_path: Path) -> None:
    """The first change comes after one period; what the template omits is gone."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 3, nodeTemplatePath: node.yaml
        opcode: createPods, count: 1
        opcode: updateAny, count: 2, templatePath: more.yaml, updatePerSecond: 4
        opcode: createPods, count: 1
        """,
        node=NAMED_NODE,
        more=NAMED_NODE.replace("AddInt .Index 1", "AddInt .Index 50"),
    )
    events = found.node_events

    assert [
        (event.time, event.change, event.node.metadata.name) for event in events
    ] == [
        (1.25, "update", "node-0"),
        (1.5, "update", "node-1"),
    ]
    assert [event.node.status.allocatable["cpu"] for event in events] == ["50", "51"]
    assert events[0].node.metadata.labels == {}
    assert found.nodes[0].metadata.labels == {"kubernetes.io/hostname": "node-0"}
    assert found.pods.arrival.tolist() == [0, 2.5]


def test_pods_are_updated_at_once(tmp_path: Path) -> None:
    """An update gives the pod of that name another template; the clock goes on."""
    found = build(
        tmp_path,
        """
        opcode: createPods, count: 1
        opcode: createPods, count: 2, podTemplatePath: web.yaml, namespace: a
        opcode: updateAny, count: 2, templatePath: big.yaml, namespace: a
        opcode: createPods, count: 1
        """,
        web=NAMED_POD,
        big=NAMED_POD.replace("cpu: 1", "cpu: 2"),
    )
    updates = found.pod_updates

    assert [update.pod for update in updates] == [1, 2]
    assert [update.time for update in updates] == pytest.approx([2.0002] * 2)
    (template,) = {update.template for update in updates}
    changed = found.pods.templates[template]
    assert changed.spec.containers[0].resources.requests == {"cpu": 2}
    assert changed.metadata.namespace == "a"
    assert found.pods.arrival[3] == pytest.approx(3.0002)


def test_updates_follow_pods_that_background_ops_push_back(tmp_path: Path) -> None:
    """An update names the pod's index in the order of creation of all."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1
        opcode: churn, mode: create, intervalMilliseconds: 100, number: 5,
          templatePaths: [pod.yaml]
        opcode: createPods, count: 5001, podTemplatePath: web.yaml, namespace: a
        opcode: updateAny, count: 5001, templatePath: web.yaml, namespace: a
        """,
        web=NAMED_POD,
    )
    last = found.pod_updates[-1]

    assert last.pod == 5005
    assert found.pods.name(last.pod) == "a/web-5000"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param(NAMED_POD, "no such pod: 'default/web-0'", id="pod"),
        pytest.param(NAMED_NODE, "no such node: 'node-0'", id="node"),
        pytest.param(POD, "an update without metadata.name", id="no name"),
    ],
)
def test_an_update_of_nothing_is_refused(
    tmp_path: Path, template: str, message: str
) -> None:
    """What is updated must be there, and be named."""
    with pytest.raises(InputError, match=message):
        build(tmp_path, "opcode: updateAny, templatePath: it.yaml", it=template)


def test_other_updates_are_needs_by_kind(tmp_path: Path) -> None:
    """Objects that change while pods wait are refused unless nobody looks at them."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
    ops = "opcode: updateAny, templatePath: it.yaml, namespace: a"
    with pytest.raises(NotModelledError, match="updateAny of Service"):
        build(tmp_path, ops, it=service)
    found = build(tmp_path, ops, it=service.replace("Service", "Secret"))

    assert not found.node_events


def test_resizing_stays_a_need(tmp_path: Path) -> None:
    """The subresource `resize` is not modelled."""
    with pytest.raises(NotModelledError, match="InPlacePodVerticalScaling"):
        build(
            tmp_path,
            """
            opcode: createPods, count: 1, podTemplatePath: web.yaml, namespace: a
            opcode: updateAny, templatePath: web.yaml, namespace: a,
              subresources: [resize]
            """,
            web=NAMED_POD,
        )


def test_gated_pods_keep_their_gates(tmp_path: Path) -> None:
    """Nothing lets them go by itself."""
    found = build(
        tmp_path, "opcode: createPods, count: 2, podTemplatePath: g.yaml", g=GATED_POD
    )

    assert found.pods.templates[0].spec.scheduling_gates[0].name == "hold"
    assert not found.pod_updates


def test_nominated_pods_are_let_go_a_second_after_the_last(tmp_path: Path) -> None:
    """They come gated with their node nominated; the next op waits for the update."""
    found = build(
        tmp_path,
        """
        opcode: createNodes, count: 1, nodeTemplatePath: node.yaml
        opcode: createPods, count: 3, podTemplatePath: g.yaml, nominatedNodeName: node-0
        opcode: createPods, count: 1
        """,
        g=GATED_POD,
        node=NAMED_NODE,
    )
    before, after, _ = found.pods.templates
    updates = found.pod_updates

    assert [update.pod for update in updates] == [0, 1, 2]
    assert [update.time for update in updates] == pytest.approx([1.0004] * 3)
    assert before.status.nominated_node_name == "node-0"
    assert after.status.nominated_node_name == "node-0"
    assert before.spec.scheduling_gates
    assert not after.spec.scheduling_gates
    assert {update.template for update in updates} == {1}
    assert found.pods.arrival[3] == pytest.approx(2.0004)


def test_nominated_pods_without_gates_need_no_update(tmp_path: Path) -> None:
    """A nomination alone is part of the pod."""
    found = build(
        tmp_path, "opcode: createPods, count: 1, nominatedNodeName: somewhere"
    )

    assert found.pods.templates[0].status.nominated_node_name == "somewhere"
    assert not found.pod_updates


def test_node_update_events(shared: Path) -> None:
    """The shipped case: 300 nodes join, each group changes at 100 a second."""
    found = shipped(
        shared, "event_handling", "EventHandlingNodeUpdate/100Nodes_1000Pods"
    )
    updates = [event for event in found.node_events if event.change == "update"]

    assert len(updates) == 400
    assert updates[1].time - updates[0].time == pytest.approx(0.01)
    assert not any(event.node.spec.unschedulable for event in updates)
    assert found.nodes[0].spec.unschedulable

"""Workloads as columns: what is shared, what is numbered, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from hypothesis import given
from naive import gpu, node_ports
from naive.handmade import Case, asking, make_node, make_pod
from naive.resources import allocatable, pod_requests

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.layout import BASE_RESOURCES, PODS
from schedbench.errors import InputError, QuantityError
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload

FPGA = "example.com/fpga"


def encoded(
    pods: list[Pod], nodes: list[Node] | None = None, *events: NodeEvent
) -> EncodedWorkload:
    """Encode pods on one node or on the given ones."""
    cluster = [make_node("node-0")] if nodes is None else nodes
    return encode(Workload("test", cluster, PodStream.of(pods), node_events=events))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param({"containers": [asking("1")]}, True, id="another name"),
        pytest.param({"containers": [asking("2")]}, False, id="another request"),
        pytest.param(
            {"containers": [asking("1")], "priority": 5}, False, id="another priority"
        ),
        pytest.param(
            {"containers": [asking("1")], "nodeSelector": {"disk": "ssd"}},
            False,
            id="a selector",
        ),
        pytest.param(
            {"containers": [asking("1")], "annotations": {"note": "hello"}},
            True,
            id="an annotation that nobody reads",
        ),
        pytest.param(
            {"containers": [asking("1")], "annotations": {gpu.COUNT: "1"}},
            False,
            id="an annotation that asks for a GPU",
        ),
    ],
)
def test_classes_are_interned_by_content(other: Case, same: bool) -> None:
    """Pods share a class if and only if scheduling cannot tell them apart."""
    first = make_pod("first", containers=[asking("1")])
    found = encoded([first, make_pod("other", **other)])

    assert same == (found.class_of[0] == found.class_of[1])
    assert len(found.class_pods) == 2 - same


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        pytest.param({"containers": [asking("2")]}, True, id="another request"),
        pytest.param({"priority": 5}, True, id="another priority"),
        pytest.param({"nodeSelector": {"disk": "ssd"}}, False, id="a selector"),
        pytest.param({"tolerations": [{"operator": "Exists"}]}, False, id="toleration"),
        pytest.param({"nodeName": "node-0"}, False, id="a node name"),
    ],
)
def test_static_rows_are_shared(spec: Case, same: bool) -> None:
    """Classes share a static row if node objects alone treat them alike."""
    first = make_pod("first", containers=[asking("1")])
    found = encoded([first, make_pod("other", **spec)])

    assert len(found.class_pods) == 2
    assert same == (found.classes.static_row[0] == found.classes.static_row[1])


def test_rows_are_base_resources_then_requested_ones_by_name() -> None:
    """Every resource that a pod asks for gets a row, whatever nodes have."""
    zebra = {"example.com/zebra": "1"}
    late = make_node("late", extra=zebra)
    found = encoded(
        [make_pod(containers=[asking("1", **{FPGA: "1"}), asking(**zebra)])],
        [make_node("node-0", extra={"example.com/apple": "1"})],
        NodeEvent(1.0, "add", late),
    )

    assert found.resources == (*BASE_RESOURCES, FPGA, "example.com/zebra")
    assert found.node_names == ["node-0", "late"]
    assert found.state.alive.tolist() == [1, 0]
    assert found.allocatable(late)[found.resources.index("example.com/zebra")] == 1


@given(workload=strategies.workloads(gpu=True))
def test_columns_are_what_the_objects_say(workload: Workload) -> None:
    """Requests, allocatable and devices equal those read naively from the objects."""
    found = encode(workload)
    for index, template in enumerate(workload.pods.templates):
        uses = found.class_of[workload.pods.template == index]
        for pod_class in set(uses.tolist()):
            wanted = pod_requests(template)
            row = [wanted.get(name, 0) for name in found.resources]
            row[PODS] = 1

            assert row == found.classes.request[pod_class].tolist()
            assert gpu.demand(template).count == found.classes.gpu_count[pod_class]
    for slot, node in enumerate(workload.nodes):
        has = allocatable(node)
        column = [has.get(name, 0) for name in found.resources]
        devices = np.count_nonzero(found.state.gpu_free[:, slot] == 1000)

        assert column == found.state.allocatable[:, slot].tolist()
        assert devices == has.get(gpu.COUNT, 0)


def port(number: int, ip: str = "", protocol: str = "TCP") -> Case:
    """Return a container that opens a port of its host."""
    opened = {"hostPort": number, "hostIP": ip, "protocol": protocol}
    return {"ports": [{"containerPort": number, **opened}]}


@pytest.mark.parametrize(
    ("mine", "other", "clash"),
    [
        pytest.param(port(80), port(80), True, id="the same port"),
        pytest.param(port(80), port(81), False, id="another port"),
        pytest.param(port(80), port(80, protocol="UDP"), False, id="another protocol"),
        pytest.param(
            port(80, "10.0.0.1"), port(80, "10.0.0.2"), False, id="another address"
        ),
        pytest.param(
            port(80, "10.0.0.1"), port(80), True, id="an address and all addresses"
        ),
        pytest.param(
            port(80, "0.0.0.0"), port(80), True, id="all addresses, spelt two ways"
        ),
    ],
)
def test_ports_conflict_as_upstream(mine: Case, other: Case, clash: bool) -> None:
    """Which triplets a class must find free is settled when it is encoded."""
    pods = [make_pod("a", containers=[mine]), make_pod("b", containers=[other])]
    classes = encoded(pods).classes
    blocked = classes.conflicts[classes.conflict_start[0] : classes.conflict_start[1]]
    held = classes.ports[classes.port_start[-2] : classes.port_start[-1]]

    assert clash == bool(set(blocked.tolist()) & set(held.tolist()))
    assert clash == bool(node_ports.check(pods[0], make_node("n"), [pods[1]]))


def test_no_nodes_and_no_pods_are_a_workload() -> None:
    """Nothing at all can be encoded."""
    found = encoded([], [])

    assert found.state.allocatable.shape == (4, 0)
    assert found.classes.request.shape == (0, 4)


@pytest.mark.parametrize(
    ("pods", "nodes", "events", "error", "message"),
    [
        pytest.param(
            [], ["a", "a"], [], InputError, "two nodes have the same name", id="twins"
        ),
        pytest.param(
            [],
            ["a"],
            [NodeEvent(3.0, "remove", make_node("b"))],
            InputError,
            "not there cannot remove",
            id="a node leaves that never was",
        ),
        pytest.param(
            [make_pod(containers=[asking(memory="99E")])],
            ["a"],
            [],
            QuantityError,
            "99E",
            id="a request that overflows",
        ),
        pytest.param(
            [make_pod(annotations={gpu.COUNT: "2", gpu.MILLI: "500"})],
            ["a"],
            [],
            InputError,
            "GPU share is out of range",
            id="half of each of two devices",
        ),
        pytest.param(
            [make_pod(annotations={gpu.COUNT: "one"})],
            ["a"],
            [],
            InputError,
            "not a whole number",
            id="devices in words",
        ),
    ],
)
def test_contradictions_are_refused(
    pods: list[Pod],
    nodes: list[str],
    events: list[NodeEvent],
    error: type[InputError],
    message: str,
) -> None:
    """What cannot be encoded is the input's mistake, told with its place."""
    cluster = [make_node(name) for name in nodes]
    with pytest.raises(error, match=message):
        encoded(pods, cluster, *events)


def test_too_many_devices_are_refused() -> None:
    """A set of devices has 63 members at most."""
    with pytest.raises(InputError, match="give 0 to 63"):
        encoded([], [make_node("a", extra={gpu.COUNT: "64"})])

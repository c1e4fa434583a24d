"""The validator finds every kind of broken constraint, and none in sound logs."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.metrics.validator import validate
from schedbench.objects.pod import Affinity, ContainerPort, NodeAffinity
from schedbench.objects.selectors import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.taints import Taint, Toleration
from schedbench.objects.workload import NodeEvent


@pytest.fixture
def check(make):
    """Validate a log; return the rules it breaks."""

    def run(nodes, pods, *entries, names=None, **stream):
        names = names or [node.metadata.name for node in nodes]
        found = validate(
            make.workload(nodes, pods, **stream), make.record(*entries), names
        )
        return [violation.rule for violation in found]

    return run


@pytest.fixture
def place(check):
    """Bind pods on arrival, all on the one node; return the rules that breaks."""

    def run(machine, /, *pods, devices=(), **stream):
        entries = []
        for i in range(len(pods)):
            chosen = devices[i] if devices else 0
            entries += [(0, "ARRIVE", i), (0, "BIND", i, 0, chosen)]
        return check([machine], list(pods), *entries, **stream)

    return run


def test_a_sound_log_has_no_violations(departures):
    """Binds, evictions and finishes in order."""
    encoded = departures.encoded

    assert validate(encoded.workload, departures.record, encoded.node_names) == []


def affinity(key, value):
    """Require a node label."""
    term = NodeSelectorTerm(
        match_expressions=[
            NodeSelectorRequirement(key=key, operator="In", values=[value])
        ]
    )
    return Affinity(
        node_affinity=NodeAffinity(
            required_during_scheduling_ignored_during_execution=NodeSelector(
                node_selector_terms=[term]
            )
        )
    )


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        pytest.param({"cpu": 3}, ["resources"], id="two pods of 3 of 4 cores"),
        pytest.param({"cpu": 2}, [], id="two pods of 2 of 4 cores"),
        pytest.param({"memory": 5}, ["resources"], id="two pods of 5 of 8 GiB"),
        pytest.param({"cpu": 0, "memory": 0}, [], id="pods that ask for nothing"),
    ],
)
def test_requests_stay_within_allocatable(make, place, resource, rule):
    """The second pod breaks the rule, if any does."""
    assert place(make.node("a"), make.pod(**resource), make.pod(**resource)) == rule


def test_a_resource_the_node_lacks_has_no_room(make, place):
    """Absent from allocatable means 0."""
    asking = make.pod()
    asking.spec.containers[0].resources.requests["example.com/foo"] = 1

    assert place(make.node("a"), asking) == ["resources"]


def test_zero_requests_pass_on_an_overcommitted_node(make, place):
    """Only what is asked for is compared, as in kube-scheduler."""
    crowded = make.node("a", cpu=1)
    rules = place(
        crowded,
        make.pod(cpu=2),
        make.pod(cpu=0),
        node=np.array([0, -1]),
    )

    assert rules == []


def test_pods_stay_within_the_pod_limit(make, place):
    """The limit is allocatable `pods`."""
    small = make.pod(cpu=0, memory=0)

    assert place(make.node("a", pods=1), small, small) == ["pod limit"]


STATIC_CASES = [
    pytest.param({"node_name": "b"}, {}, ["node name"], id="another node is named"),
    pytest.param({"node_name": "a"}, {}, [], id="this node is named"),
    pytest.param(
        {"node_selector": {"disk": "ssd"}}, {}, ["node selector"], id="label missing"
    ),
    pytest.param(
        {"node_selector": {"disk": "ssd"}},
        {"labels": {"disk": "ssd"}},
        [],
        id="label there",
    ),
    pytest.param(
        {"affinity": affinity("zone", "x")},
        {"labels": {"zone": "y"}},
        ["node affinity"],
        id="required affinity to another zone",
    ),
    pytest.param(
        {"affinity": affinity("zone", "x")},
        {"labels": {"zone": "x"}},
        [],
        id="required affinity to this zone",
    ),
    pytest.param(
        {},
        {"taints": [Taint(key="t", effect="NoSchedule")]},
        ["taint"],
        id="NoSchedule not tolerated",
    ),
    pytest.param(
        {},
        {"taints": [Taint(key="t", effect="NoExecute")]},
        ["taint"],
        id="NoExecute not tolerated",
    ),
    pytest.param(
        {},
        {"taints": [Taint(key="t", effect="PreferNoSchedule")]},
        [],
        id="PreferNoSchedule is no hard constraint",
    ),
    pytest.param(
        {"tolerations": [Toleration(key="t", operator="Exists")]},
        {"taints": [Taint(key="t", effect="NoSchedule")]},
        [],
        id="tolerated",
    ),
    pytest.param(
        {}, {"unschedulable": True}, ["unschedulable node"], id="node is cordoned"
    ),
    pytest.param(
        {"tolerations": [Toleration(operator="Exists")]},
        {"unschedulable": True},
        [],
        id="a cordoned node can be tolerated",
    ),
]


@pytest.mark.parametrize(("spec", "node", "rule"), STATIC_CASES)
def test_pod_and_node_objects_agree(make, place, spec, node, rule):
    """Node name, selector, affinity, taints, unschedulable."""
    assert place(make.node("a", **node), make.pod(**spec)) == rule


@pytest.mark.parametrize(("spec", "node", "rule"), STATIC_CASES)
def test_pods_bound_by_the_input_are_not_judged(make, place, spec, node, rule):
    """A snapshot is what it is."""
    assert place(make.node("a", **node), make.pod(**spec), node=0) == []


def test_pods_bound_by_the_input_take_room(make, place):
    """They are accounted for when the next pod is judged."""
    rules = place(
        make.node("a"), make.pod(cpu=3), make.pod(cpu=3), node=np.array([0, -1])
    )

    assert rules == ["resources"]


def port(number, protocol="TCP", address=""):
    """Make a host port."""
    return ContainerPort(
        container_port=1, host_port=number, protocol=protocol, host_ip=address
    )


@pytest.mark.parametrize(
    ("one", "other", "rule"),
    [
        pytest.param(port(80), port(80), ["host port"], id="same port"),
        pytest.param(port(80), port(81), [], id="other port"),
        pytest.param(port(80), port(80, "UDP"), [], id="other protocol"),
        pytest.param(
            port(80, address="1.1.1.1"),
            port(80, address="2.2.2.2"),
            [],
            id="other address",
        ),
        pytest.param(
            port(80, address="1.1.1.1"),
            port(80),
            ["host port"],
            id="every address includes that one",
        ),
    ],
)
def test_host_ports_do_not_clash(make, place, one, other, rule):
    """Port and protocol and an address in common."""
    pods = [make.pod(ports=[one]), make.pod(ports=[other])]

    assert place(make.node("a"), *pods) == rule


def test_host_ports_are_free_again_after_a_release(make, check):
    """A deleted pod gives its port back."""
    pods = [make.pod(ports=[port(80)]), make.pod(ports=[port(80)])]
    log = [
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
        (1, "DELETE", 0, 0),
        (1, "ARRIVE", 1),
        (1, "BIND", 1, 0),
    ]

    deletion = np.array([1.0, np.inf])

    assert check([make.node("a")], pods, *log, deletion=deletion) == []


@pytest.mark.parametrize(
    ("gpus", "devices", "rule"),
    [
        pytest.param([(1, 500), (1, 500)], [1, 1], [], id="two halves of a device"),
        pytest.param(
            [(1, 500), (1, 600)], [1, 1], ["GPU capacity"], id="device over-committed"
        ),
        pytest.param([(1, 500), (1, 600)], [1, 2], [], id="a device each"),
        pytest.param([(2, 1000)], [0b11], [], id="two whole devices"),
        pytest.param([(2, 1000)], [0b01], ["GPU count"], id="one of two devices"),
        pytest.param([(1, 500)], [0], ["GPU count"], id="no device"),
        pytest.param([(1, 500)], [0b100], ["GPU device"], id="no such device"),
        pytest.param([None], [0b1], ["GPU count"], id="a device not asked for"),
    ],
)
def test_gpu_devices_are_there_and_have_room(make, place, gpus, devices, rule):
    """Exactly the devices asked for, each with the milli left."""
    pods = [make.pod(gpu=gpu) for gpu in gpus]

    assert place(make.node("a", gpus=2), *pods, devices=devices) == rule


@pytest.mark.parametrize(
    ("models", "rule"),
    [
        pytest.param("", [], id="any model"),
        pytest.param("T4|P100", [], id="one of these"),
        pytest.param("V100", ["GPU model"], id="another model"),
    ],
)
def test_gpu_model_is_one_of_those_wanted(make, place, models, rule):
    """The node's label names its model."""
    asking = make.pod(gpu=(1, 500), models=models)

    assert place(make.node("a", gpus=1, model="P100"), asking, devices=[1]) == rule


@pytest.mark.parametrize(
    ("log", "rule"),
    [
        pytest.param(
            [(0, "BIND", 0, 0)], ["arrival"], id="bound before the pod arrived"
        ),
        pytest.param(
            [(5, "ARRIVE", 0), (5, "ARRIVE", 0)], ["arrival"], id="arrives twice"
        ),
        pytest.param(
            [(6, "ARRIVE", 0), (5, "UNSCHEDULABLE", 0)], ["time"], id="time falls"
        ),
        pytest.param(
            [(5, "ARRIVE", 0), (5, "BIND", 0, 0), (6, "BIND", 0, 1)],
            ["bound twice"],
            id="on two nodes at once",
        ),
        pytest.param(
            [(5, "ARRIVE", 0), (6, "FINISH", 0, 0)],
            ["release"],
            id="finishes without a node",
        ),
        pytest.param(
            [(5, "ARRIVE", 0), (5, "BIND", 0, 0), (6, "FINISH", 0, 1)],
            ["release"],
            id="leaves another node",
        ),
        pytest.param(
            [(5, "ARRIVE", 0), (6, "DELETE", 0)], [], id="deleted while it waits"
        ),
        pytest.param([(5, "ARRIVE", 0), (5, "BIND", 0, 7)], ["node"], id="no node"),
        pytest.param([(5, "ARRIVE", 7)], ["pod"], id="no such pod"),
        pytest.param(
            [(5, "NODE_REMOVE", -1, 0)], ["node change"], id="no change is due"
        ),
    ],
)
def test_the_log_is_coherent(make, check, log, rule):
    """Arrival, bind, release; one node at a time; time never falls."""
    nodes = [make.node("a"), make.node("b")]

    assert check(nodes, [make.pod()], *log, deletion=6.0) == rule


def test_a_pod_cannot_arrive_early(make, check):
    """The workload says when a pod arrives."""
    rules = check([make.node("a")], [make.pod()], (1, "ARRIVE", 0), arrival=2.0)

    assert rules == ["arrival"]


@pytest.mark.parametrize(
    ("log", "rule"),
    [
        pytest.param(
            [(0, "ARRIVE", 0), (0, "BIND", 0, 1)],
            ["node", "node gone"],
            id="before it joins",
        ),
        pytest.param(
            [(1, "NODE_ADD", -1, 1), (1, "ARRIVE", 0), (1, "BIND", 0, 1)],
            [],
            id="after it joined",
        ),
        pytest.param(
            [
                (1, "NODE_ADD", -1, 1),
                (2, "NODE_UPDATE", -1, 1),
                (2, "ARRIVE", 0),
                (2, "BIND", 0, 1),
            ],
            ["taint"],
            id="after it was tainted",
        ),
        pytest.param(
            [
                (1, "NODE_ADD", -1, 1),
                (1, "ARRIVE", 0),
                (1, "BIND", 0, 1),
                (2, "NODE_UPDATE", -1, 1),
                (3, "NODE_REMOVE", -1, 1),
            ],
            ["node gone"],
            id="a pod outlives its node",
        ),
        pytest.param(
            [
                (1, "NODE_ADD", -1, 1),
                (2, "NODE_UPDATE", -1, 1),
                (3, "NODE_REMOVE", -1, 1),
                (3, "ARRIVE", 0),
                (3, "BIND", 0, 1),
            ],
            ["node", "node gone"],
            id="after it left",
        ),
        pytest.param(
            [(1, "NODE_REMOVE", -1, 1)], ["node change"], id="not the change due"
        ),
    ],
)
def test_nodes_are_judged_as_they_are_at_the_bind(make, check, log, rule):
    """Node b joins at 1 s, is tainted at 2 s and leaves at 3 s."""
    tainted = make.node("b", taints=[Taint(key="t", effect="NoSchedule")])
    events = [
        NodeEvent(1.0, "add", make.node("b")),
        NodeEvent(2.0, "update", tainted),
        NodeEvent(3.0, "remove", tainted),
    ]
    rules = check(
        [make.node("a")], [make.pod()], *log, names=["a", "b"], node_events=events
    )

    assert rules == rule


def test_devices_that_an_update_brings_can_be_used(make, check):
    """GPU devices are those of the node as it is at the bind."""
    event = NodeEvent(1.0, "update", make.node("a", gpus=2))
    log = [
        (1, "NODE_UPDATE", -1, 0),
        (1, "ARRIVE", 0),
        (1, "BIND", 0, 0, 0b10),
        (1, "ARRIVE", 1),
        (1, "BIND", 1, 0, 0b10),
    ]
    pods = [make.pod(gpu=(1, 600)), make.pod(gpu=(1, 600))]
    rules = check([make.node("a")], pods, *log, node_events=[event])

    assert rules == ["GPU capacity"]


def test_a_violation_names_pod_node_time_and_values(make):
    """A report that can be acted on."""
    (found,) = validate(
        make.workload([make.node("a")], [make.pod(cpu=9)], names=["default/big"]),
        make.record((3, "ARRIVE", 0), (3, "BIND", 0, 0)),
        ["a"],
    )

    assert (found.pod, found.node, found.time) == ("default/big", "a", 3.0)
    assert found.detail == "cpu: 9000 requested of 4000"

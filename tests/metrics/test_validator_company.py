"""The validator on terms about other pods: affinity, anti-affinity, spreading."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.metrics.validator import validate
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import (
    Affinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
)
from schedbench.objects.policy import Namespace
from schedbench.objects.selectors import LabelSelector, LabelSelectorRequirement
from schedbench.objects.taints import Taint
from schedbench.objects.workload import NodeEvent

ZONE = "zone"
WEB = LabelSelector(match_labels={"app": "web"})
RED = LabelSelector(match_labels={"team": "red"})
NOT_RED = LabelSelector(
    match_expressions=[
        LabelSelectorRequirement(key="team", operator="NotIn", values=["red"])
    ]
)


def near(selector=WEB, key=ZONE, **more):
    """Require pods in the same domain."""
    term = PodAffinityTerm(topology_key=key, label_selector=selector, **more)
    return Affinity(
        pod_affinity=PodAffinity(
            required_during_scheduling_ignored_during_execution=[term]
        )
    )


def away(selector=WEB, key=ZONE, **more):
    """Forbid pods in the same domain."""
    term = PodAffinityTerm(topology_key=key, label_selector=selector, **more)
    return Affinity(
        pod_anti_affinity=PodAntiAffinity(
            required_during_scheduling_ignored_during_execution=[term]
        )
    )


def spread(selector=WEB, skew=1, key=ZONE, **more):
    """Keep pods even over a label of nodes."""
    constraint = TopologySpreadConstraint(
        max_skew=skew,
        topology_key=key,
        when_unsatisfiable=more.pop("when", "DoNotSchedule"),
        label_selector=selector,
        **more,
    )
    return [constraint]


@pytest.fixture
def put(make):
    """Bind pods, each on the node given, of a (zone x), b (x), c (y) and d (none).

    All but the last come bound; return the rules that the log breaks.
    """
    zones = {"a": "x", "b": "x", "c": "y", "d": None}
    nodes = [
        make.node(name, labels={ZONE: zone} if zone else {}, pods=50)
        for name, zone in zones.items()
    ]

    def run(*placed, objects=(), given=None, **stream):
        pods = [pod for pod, _ in placed]
        slots = [list(zones).index(name) for _, name in placed]
        log = [
            entry
            for pod, slot in enumerate(slots)
            for entry in ((0, "ARRIVE", pod), (0, "BIND", pod, slot))
        ]
        node = np.array([*slots[:-1], -1]) if given is None else given
        workload = make.workload(nodes, pods, objects=objects, node=node, **stream)
        found = validate(workload, make.record(*log), list(zones))
        return [violation.rule for violation in found]

    return run


@pytest.mark.parametrize(
    ("node", "rule"),
    [
        pytest.param("b", [], id="in the zone of the other"),
        pytest.param("c", ["pod affinity"], id="in another zone"),
        pytest.param("d", ["pod affinity"], id="on a node without the label"),
    ],
)
def test_required_affinity_is_kept(make, put, node, rule):
    """A web pod is in zone x."""
    web = make.pod(labels={"app": "web"})

    assert put((web, "a"), (make.pod(affinity=near()), node)) == rule


@pytest.mark.parametrize(
    ("labels", "node", "rule"),
    [
        pytest.param({"app": "web"}, "c", [], id="a group that it belongs to"),
        pytest.param({"app": "db"}, "c", ["pod affinity"], id="a group of others"),
        pytest.param(
            {"app": "web"}, "d", ["pod affinity"], id="but the node lacks the label"
        ),
    ],
)
def test_the_first_pod_of_a_group_is_free(make, put, labels, node, rule):
    """Without any pod that matches, one that matches its own terms goes anywhere."""
    assert put((make.pod(labels=labels, affinity=near()), node)) == rule


def test_an_other_pod_has_to_match_all_terms(make, put):
    """Two pods that match a term each do not do."""
    both = near()
    both.pod_affinity.required_during_scheduling_ignored_during_execution.append(
        PodAffinityTerm(
            topology_key=ZONE, label_selector=LabelSelector(match_labels={"tier": "1"})
        )
    )
    web, tier = make.pod(labels={"app": "web"}), make.pod(labels={"tier": "1"})
    whole = make.pod(labels={"app": "web", "tier": "1"})

    assert put((web, "a"), (tier, "a"), (make.pod(affinity=both), "b")) == [
        "pod affinity"
    ]
    assert put((whole, "a"), (make.pod(affinity=both), "b")) == []


@pytest.mark.parametrize(
    ("node", "rule"),
    [
        pytest.param("b", ["pod anti-affinity"], id="in the zone of the other"),
        pytest.param("c", [], id="in another zone"),
        pytest.param("d", [], id="on a node without the label"),
    ],
)
def test_required_anti_affinity_is_kept(make, put, node, rule):
    """A web pod is in zone x."""
    web = make.pod(labels={"app": "web"})

    assert put((web, "a"), (make.pod(affinity=away()), node)) == rule


@pytest.mark.parametrize(
    ("labels", "node", "rule"),
    [
        pytest.param(
            {"app": "web"}, "b", ["anti-affinity of others"], id="one that it minds"
        ),
        pytest.param({"app": "db"}, "b", [], id="one that it does not mind"),
        pytest.param({"app": "web"}, "c", [], id="in another zone"),
    ],
)
def test_the_anti_affinity_of_others_is_kept(make, put, labels, node, rule):
    """A pod that minds web pods is in zone x."""
    shy = make.pod(affinity=away())

    assert put((shy, "a"), (make.pod(labels=labels), node)) == rule


def test_anti_affinity_ends_when_the_pod_goes(make):
    """A deleted pod minds nobody."""
    nodes = [make.node("a", labels={ZONE: "x"})]
    pods = [make.pod(affinity=away()), make.pod(labels={"app": "web"})]
    workload = make.workload(nodes, pods, deletion=np.array([1.0, np.inf]))
    log = [(0, "ARRIVE", 0), (0, "BIND", 0, 0), (1, "DELETE", 0, 0)]
    log += [(1, "ARRIVE", 1), (1, "BIND", 1, 0)]

    assert validate(workload, make.record(*log), ["a"]) == []


def test_domains_are_those_of_the_labels_at_the_bind(make):
    """A node that moves to another zone takes its pods along."""
    nodes = [make.node(name, labels={ZONE: "x"}) for name in ("a", "b")]
    event = NodeEvent(1.0, "update", make.node("a", labels={ZONE: "y"}))
    pods = [make.pod(labels={"app": "web"}), make.pod(affinity=away())]
    workload = make.workload(nodes, pods, node_events=[event])
    log = [(0, "ARRIVE", 0), (0, "BIND", 0, 0), (0, "ARRIVE", 1)]
    early = make.record(*log, (0, "BIND", 1, 1))
    late = make.record(*log, (1, "NODE_UPDATE", -1, 0), (1, "BIND", 1, 1))

    assert len(validate(workload, early, ["a", "b"])) == 1
    assert validate(workload, late, ["a", "b"]) == []


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        pytest.param({}, [], id="its own namespace alone"),
        pytest.param({"namespaces": ["prod"]}, ["x"], id="that namespace"),
        pytest.param({"namespace_selector": RED}, ["x"], id="the labels of that one"),
        pytest.param({"namespace_selector": LabelSelector()}, ["x"], id="all"),
        pytest.param(
            {"namespace_selector": NOT_RED},
            ["x"],
            id="labels that a namespace without labels has too",
        ),
    ],
)
def test_own_terms_mean_namespaces(make, put, more, rule):
    """A web pod is in the namespace prod, of the red team."""
    red = Namespace(metadata=ObjectMeta(name="prod", labels={"team": "red"}))
    web = make.pod(labels={"app": "web"}, namespace="prod")
    found = put((web, "a"), (make.pod(affinity=away(**more)), "b"), objects=[red])

    assert found == ["pod anti-affinity"] * len(rule)


@pytest.mark.parametrize(
    ("selector", "space", "rule"),
    [
        pytest.param(RED, "prod", ["x"], id="selected by its labels"),
        pytest.param(NOT_RED, "prod", [], id="not selected by its labels"),
        pytest.param(NOT_RED, "ghost", ["x"], id="without an object: without labels"),
        pytest.param(RED, "ghost", [], id="without an object, labels are asked for"),
    ],
)
def test_terms_of_others_mean_namespaces(make, put, selector, space, rule):
    """The pod that comes is in the namespace of the case."""
    red = Namespace(metadata=ObjectMeta(name="prod", labels={"team": "red"}))
    shy = make.pod(affinity=away(namespace_selector=selector))
    web = make.pod(labels={"app": "web"}, namespace=space)

    found = put((shy, "a"), (web, "b"), objects=[red])
    assert found == ["anti-affinity of others"] * len(rule)


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        pytest.param({"match_label_keys": ["v"]}, [], id="the same version alone"),
        pytest.param({"mismatch_label_keys": ["v"]}, ["x"], id="other versions alone"),
        pytest.param({"match_label_keys": ["gone"]}, ["x"], id="a key that it lacks"),
    ],
)
def test_label_keys_narrow_a_term(make, put, keys, rule):
    """A web pod of version 1 is there; the pod that minds web pods is of version 2."""
    web = make.pod(labels={"app": "web", "v": "1"})
    shy = make.pod(labels={"v": "2"}, affinity=away(**keys))

    assert put((web, "a"), (shy, "b")) == ["pod anti-affinity"] * len(rule)


@pytest.mark.parametrize(
    ("there", "node", "more", "rule"),
    [
        pytest.param("a", "b", {}, ["x"], id="one more than the least, and itself"),
        pytest.param("a", "c", {}, [], id="in the zone with the least"),
        pytest.param("a", "b", {"skew": 2}, [], id="within maxSkew"),
        pytest.param("", "d", {}, ["x"], id="on a node without the label"),
        pytest.param("a", "b", {"when": "ScheduleAnyway"}, [], id="a soft constraint"),
        pytest.param("a", "b", {"selector": LabelSelector()}, [], id="counts no pods"),
        pytest.param("a", "b", {"selector": None}, [], id="no selector"),
        pytest.param("ac", "a", {"skew": 1}, [], id="even"),
        pytest.param("ac", "a", {"min_domains": 3}, ["x"], id="too few domains"),
        pytest.param("ac", "a", {"min_domains": 2}, [], id="domains enough"),
        pytest.param(
            "a", "b", {"match_label_keys": ["v"]}, [], id="pods of another version"
        ),
    ],
)
def test_hard_spread_constraints_are_kept(make, put, there, node, more, rule):
    """Web pods of version 1 are on these nodes; one of version 2 comes."""
    web = make.pod(labels={"app": "web", "v": "1"})
    new = make.pod(
        labels={"app": "web", "v": "2"}, topology_spread_constraints=spread(**more)
    )
    found = put(*((web, name) for name in there), (new, node))

    assert found == ["topology spread"] * len(rule)


@pytest.mark.parametrize(
    ("spec", "policies", "rule"),
    [
        pytest.param({}, {}, ["x"], id="the empty zone counts"),
        pytest.param({"node_selector": {ZONE: "x"}}, {}, [], id="its nodes alone"),
        pytest.param(
            {"node_selector": {ZONE: "x"}},
            {"node_affinity_policy": "Ignore"},
            ["x"],
            id="all nodes, whatever its selector",
        ),
    ],
)
def test_the_nodes_that_count_follow_the_affinity_policy(
    make, put, spec, policies, rule
):
    """A web pod is in zone x, none in zone y; another one comes to x."""
    web = make.pod(labels={"app": "web"})
    new = make.pod(
        labels={"app": "web"}, topology_spread_constraints=spread(**policies), **spec
    )

    assert put((web, "a"), (new, "b")) == ["topology spread"] * len(rule)


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        pytest.param(None, ["topology spread"], id="ignored, unless said otherwise"),
        pytest.param("Honor", [], id="honoured"),
    ],
)
def test_the_nodes_that_count_follow_the_taints_policy(make, policy, rule):
    """The only node of zone y is tainted; a second pod comes to zone x."""
    taint = Taint(key="t", effect="NoSchedule")
    nodes = [
        make.node("a", labels={ZONE: "x"}),
        make.node("b", labels={ZONE: "y"}, taints=[taint]),
    ]
    pod = make.pod(
        labels={"app": "web"},
        topology_spread_constraints=spread(node_taints_policy=policy),
    )
    log = [(0, "ARRIVE", 0), (0, "BIND", 0, 0), (0, "ARRIVE", 1), (0, "BIND", 1, 0)]
    found = validate(make.workload(nodes, [pod, pod]), make.record(*log), ["a", "b"])

    assert [violation.rule for violation in found] == rule

"""Which events help a pod that a node or other pods refused, a sentence a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import (
    fit,
    node_affinity,
    node_name,
    node_ports,
    node_unschedulable,
    taint_toleration,
)
from naive.handmade import asking
from naive.queue_objects import (
    HINTS,
    WEB,
    ZONE,
    Doc,
    HintCase,
    helped,
    node,
    pod,
    sentences,
    taint,
    there,
    tolerating,
)
from strategies import nodes, pods

from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import NodeSelector
from schedbench.scheduler.queueing.events import (
    Action,
    Event,
    Resource,
)
from schedbench.scheduler.queueing.hints import default_hints


def term(**more: Any) -> Doc:
    """Make an affinity term about the pods with app=web in a zone."""
    return {
        "topologyKey": ZONE,
        "labelSelector": {"matchLabels": {"app": "web"}},
    } | more


def affine(*terms: Doc, kind: str = "podAffinity") -> Pod:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}
    return pod(affinity={kind: required})


def spread(**more: Any) -> Doc:
    return {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    } | more


ASKS = pod(containers=[asking("2", "1Gi")])
AFFINE = affine(term())
AVOIDS = affine(term(), kind="podAntiAffinity")
SPREADS = pod(topologySpreadConstraints=[spread()])
HONOURS = pod(topologySpreadConstraints=[spread(nodeTaintsPolicy="Honor")])
PORT = [{"ports": [{"containerPort": 80, "hostPort": 80}]}]
OTHER_PORT = [{"ports": [{"containerPort": 81, "hostPort": 81}]}]
WANTS_PORT = pod(containers=PORT)
SSD = pod(nodeSelector={"disk": "ssd"})

CASES: dict[str, list[HintCase]] = {
    "NodeResourcesFit": [
        ("a new node with room", ASKS, None, node(), True),
        (
            "a new node too small even when empty",
            ASKS,
            None,
            node(None, {"cpu": "1"}),
            False,
        ),
        ("a new node that holds no pods", ASKS, None, node(None, {"pods": "0"}), False),
        ("more of what the pod asks", ASKS, node(None, {"cpu": "1"}), node(), True),
        (
            "more of what the pod does not ask",
            ASKS,
            node(),
            node(None, {"example.com/gpu": "1"}),
            False,
        ),
        (
            "more, but not enough",
            ASKS,
            node(None, {"cpu": "1"}),
            node(None, {"cpu": "1500m"}),
            False,
        ),
        ("less", ASKS, node(), node(None, {"cpu": "3"}), False),
        (
            "the same amount in other words",
            ASKS,
            node(),
            node(None, {"cpu": "4000m"}),
            False,
        ),
        ("room for more pods", pod(), node(None, {"pods": "1"}), node(), True),
        (
            "more cpu for a pod that asks nothing",
            pod(),
            node(),
            node(None, {"cpu": "8"}),
            False,
        ),
        (
            "an extended resource appears",
            pod(containers=[asking(**{"example.com/gpu": "1"})]),
            node(),
            node(None, {"example.com/gpu": "1"}),
            True,
        ),
        ("a node goes", ASKS, node(), None, False),
        ("labels change", ASKS, node(), node(WEB), False),
        ("a placed pod goes", ASKS, there(), None, True),
        ("a waiting pod goes", ASKS, pod("other"), None, False),
        ("a nominated pod goes", ASKS, pod("other", nominated="node-0"), None, True),
        (
            "a placed pod shrinks",
            ASKS,
            there(containers=[asking("2")]),
            there(containers=[asking("1")]),
            True,
        ),
        (
            "a placed pod shrinks in what is not asked",
            ASKS,
            there(containers=[asking("2", **{"example.com/gpu": "2"})]),
            there(containers=[asking("2", **{"example.com/gpu": "1"})]),
            False,
        ),
        (
            "a placed pod grows",
            ASKS,
            there(containers=[asking("1")]),
            there(containers=[asking("2")]),
            False,
        ),
        (
            "the pod itself shrinks",
            ASKS,
            ASKS,
            pod(containers=[asking("1", "1Gi")]),
            True,
        ),
        (
            "another waiting pod shrinks",
            ASKS,
            pod("other", containers=[asking("2")]),
            pod("other", containers=[asking("1")]),
            False,
        ),
        ("a pod is placed", ASKS, None, there(), False),
    ],
    "NodeName": [
        ("any new node", pod(), None, node(), True),
        ("a node gets labels", pod(), node(), node(WEB), False),
    ],
    "NodeUnschedulable": [
        ("a new node", pod(), None, node(), True),
        ("a new cordoned node", pod(), None, node(unschedulable=True), False),
        ("a node is uncordoned", pod(), node(unschedulable=True), node(), True),
        ("a node is cordoned", pod(), node(), node(unschedulable=True), False),
        ("a free node loses a taint", pod(), node(taints=[taint()]), node(), False),
        (
            "the pod tolerates it now",
            pod(),
            pod(),
            pod(tolerations=tolerating(key="node.kubernetes.io/unschedulable")),
            True,
        ),
        (
            "the pod tolerates something else now",
            pod(),
            pod(),
            pod(tolerations=tolerating(key="a")),
            False,
        ),
        (
            "another pod tolerates it now",
            pod(),
            pod("other"),
            pod("other", tolerations=tolerating()),
            False,
        ),
    ],
    "TaintToleration": [
        ("a new node without taints", pod(), None, node(), True),
        ("a new node with a taint", pod(), None, node(taints=[taint()]), False),
        (
            "a new node with a taint it tolerates",
            pod(tolerations=tolerating(key="a")),
            None,
            node(taints=[taint()]),
            True,
        ),
        (
            "a new node with a taint that only dissuades",
            pod(),
            None,
            node(taints=[taint("PreferNoSchedule")]),
            True,
        ),
        ("a taint goes", pod(), node(taints=[taint()]), node(), True),
        (
            "a taint it tolerated goes",
            pod(tolerations=tolerating(key="a")),
            node(taints=[taint()]),
            node(),
            False,
        ),
        ("a taint comes", pod(), node(), node(taints=[taint()]), False),
        (
            "the pod gets a toleration",
            pod(),
            pod(),
            pod(tolerations=tolerating(key="x")),
            True,
        ),
        (
            "another pod gets a toleration",
            pod(),
            pod("other"),
            pod("other", tolerations=tolerating()),
            False,
        ),
        ("a placed pod goes", pod(), there(), None, False),
    ],
    "NodeAffinity": [
        ("a new node that matches", SSD, None, node({"disk": "ssd"}), True),
        ("a new node that does not match", SSD, None, node(), False),
        ("a node begins to match", SSD, node(), node({"disk": "ssd"}), True),
        (
            "a node that matched gets another label",
            SSD,
            node({"disk": "ssd"}),
            node({"disk": "ssd"} | WEB),
            False,
        ),
        ("a node ceases to match", SSD, node({"disk": "ssd"}), node(), False),
        (
            "a matching node grows",
            SSD,
            node({"disk": "ssd"}),
            node({"disk": "ssd"}, {"cpu": "8"}),
            False,
        ),
    ],
    "NodePorts": [
        ("any new node", WANTS_PORT, None, node(), True),
        ("the holder of the port goes", WANTS_PORT, there(containers=PORT), None, True),
        (
            "the holder of another port goes",
            WANTS_PORT,
            there(containers=OTHER_PORT),
            None,
            False,
        ),
        ("a pod without ports goes", WANTS_PORT, there(), None, False),
        (
            "a waiting pod with the port goes",
            WANTS_PORT,
            pod("other", containers=PORT),
            None,
            False,
        ),
        ("a node gets labels", WANTS_PORT, node(), node(WEB), False),
    ],
    "SchedulingGates": [
        (
            "the last gate opens",
            pod(),
            pod(schedulingGates=[{"name": "g"}]),
            pod(),
            True,
        ),
        (
            "one of two gates opens",
            pod(),
            pod(schedulingGates=[{"name": "g"}, {"name": "h"}]),
            pod(schedulingGates=[{"name": "g"}]),
            False,
        ),
        (
            "another pod's gate opens",
            pod(),
            pod("other", schedulingGates=[{"name": "g"}]),
            pod("other"),
            False,
        ),
        ("a new node", pod(), None, node(), False),
    ],
    "PodTopologySpread": [
        ("a counted pod comes", SPREADS, None, there(labels=WEB), True),
        ("an uncounted pod comes", SPREADS, None, there(), False),
        (
            "a pod of another namespace comes",
            SPREADS,
            None,
            there(labels=WEB, namespace="b"),
            False,
        ),
        ("a counted pod goes", SPREADS, there(labels=WEB), None, True),
        ("a waiting pod goes", SPREADS, pod("other", labels=WEB), None, False),
        ("a pod begins to count", SPREADS, there(), there(labels=WEB), True),
        ("a pod ceases to count", SPREADS, there(labels=WEB), there(), True),
        (
            "a counted pod gets another label",
            SPREADS,
            there(labels=WEB),
            there(labels=WEB | {"x": "y"}),
            False,
        ),
        (
            "a pod matched by a soft constraint alone comes",
            pod(topologySpreadConstraints=[spread(whenUnsatisfiable="ScheduleAnyway")]),
            None,
            there(labels=WEB),
            False,
        ),
        (
            "the pod tolerates more, and taints are honoured",
            HONOURS,
            HONOURS,
            pod(
                topologySpreadConstraints=[spread(nodeTaintsPolicy="Honor")],
                tolerations=tolerating(),
            ),
            True,
        ),
        (
            "the pod tolerates more, and taints are ignored",
            SPREADS,
            SPREADS,
            pod(topologySpreadConstraints=[spread()], tolerations=tolerating()),
            False,
        ),
        ("a node with the key comes", SPREADS, None, node({ZONE: "a"}), True),
        ("a node without the key comes", SPREADS, None, node(), False),
        ("a node with the key goes", SPREADS, node({ZONE: "a"}), None, True),
        ("a node without the key goes", SPREADS, node(), None, False),
        ("a node gets the key", SPREADS, node(), node({ZONE: "a"}), True),
        ("a node loses the key", SPREADS, node({ZONE: "a"}), node(), True),
        (
            "a node moves to another zone",
            SPREADS,
            node({ZONE: "a"}),
            node({ZONE: "b"}),
            True,
        ),
        (
            "a node gets another label",
            SPREADS,
            node({ZONE: "a"}),
            node({ZONE: "a"} | WEB),
            False,
        ),
        (
            "a node with the key gets a taint",
            SPREADS,
            node({ZONE: "a"}),
            node({ZONE: "a"}, taints=[taint()]),
            True,
        ),
        (
            "a node without the key gets a taint",
            SPREADS,
            node(),
            node(taints=[taint()]),
            False,
        ),
        (
            "a node grows",
            SPREADS,
            node({ZONE: "a"}),
            node({ZONE: "a"}, {"cpu": "8"}),
            False,
        ),
    ],
    "InterPodAffinity": [
        ("the company comes", AFFINE, None, there(labels=WEB), True),
        ("another pod comes", AFFINE, None, there(), False),
        ("the company waits too", AFFINE, None, pod("other", labels=WEB), False),
        (
            "the company comes to another namespace",
            AFFINE,
            None,
            there(labels=WEB, namespace="b"),
            False,
        ),
        (
            "the company comes to a namespace that is named",
            affine(term(namespaces=["b"])),
            None,
            there(labels=WEB, namespace="b"),
            True,
        ),
        (
            "company in any namespace comes",
            affine(term(namespaceSelector={})),
            None,
            there(labels=WEB, namespace="b"),
            True,
        ),
        (
            "a pod that meets one of two terms comes",
            affine(term(), term(labelSelector={"matchLabels": {"x": "y"}})),
            None,
            there(labels=WEB),
            False,
        ),
        ("a pod becomes company", AFFINE, there(), there(labels=WEB), True),
        (
            "a pod stays company",
            AFFINE,
            there(labels=WEB),
            there(labels=WEB | {"x": "y"}),
            False,
        ),
        ("a pod ceases to be company", AFFINE, there(labels=WEB), there(), False),
        ("the pod's own labels change", AFFINE, AFFINE, pod(labels=WEB), True),
        ("company goes", AFFINE, there(labels=WEB), None, False),
        ("an avoided pod goes", AVOIDS, there(labels=WEB), None, True),
        ("a pod not avoided goes", AVOIDS, there(), None, False),
        ("an avoided pod comes", AVOIDS, None, there(labels=WEB), False),
        ("a pod ceases to be avoided", AVOIDS, there(labels=WEB), there(), True),
        ("a pod becomes avoided", AVOIDS, there(), there(labels=WEB), False),
        (
            "a pod that avoided us goes (v1.34.1 does not see it)",
            pod(labels=WEB),
            there(
                affinity={
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [term()]
                    }
                }
            ),
            None,
            False,
        ),
        ("a node with the key comes", AFFINE, None, node({ZONE: "a"}), True),
        ("a node without the key comes", AFFINE, None, node(), False),
        ("a node gets the key", AFFINE, node(), node({ZONE: "a"}), True),
        (
            "a node with the key gets another label",
            AFFINE,
            node({ZONE: "a"}),
            node({ZONE: "a"} | WEB),
            False,
        ),
        ("a node moves", AFFINE, node({ZONE: "a"}), node({ZONE: "b"}), True),
        ("a node loses the key", AFFINE, node({ZONE: "a"}), node(), False),
        ("any node comes for one that avoids", AVOIDS, None, node(), True),
        (
            "a node leaves the zone that is avoided",
            AVOIDS,
            node({ZONE: "a"}),
            node(),
            True,
        ),
        (
            "a node moves out of the avoided zone",
            AVOIDS,
            node({ZONE: "a"}),
            node({ZONE: "b"}),
            True,
        ),
        ("a node enters a zone", AVOIDS, node(), node({ZONE: "a"}), False),
        ("a node goes", AVOIDS, node({ZONE: "a"}), None, False),
    ],
}


@pytest.mark.parametrize(("plugin", "waiting", "old", "new", "helps"), sentences(CASES))
def test_hint(
    plugin: str,
    waiting: Pod,
    old: ApiObject | None,
    new: ApiObject | None,
    helps: bool,
) -> None:
    """The rejected pod is tried again on the events that may help, and no others."""
    assert helped(plugin, waiting, old, new) is helps


def test_added_affinity() -> None:
    """A node outside the added affinity helps no pod."""
    required = {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}
    added = msgspec.convert({"nodeSelectorTerms": [required]}, NodeSelector)
    table = default_hints(added_affinity=added)
    matching, inside = {"disk": "ssd"}, {"disk": "ssd", "pool": "a"}
    assert not helped("NodeAffinity", SSD, None, node(matching), table)
    assert helped("NodeAffinity", SSD, None, node(inside), table)


def test_default_spread() -> None:
    """A pod without constraints is judged by the default ones."""
    defaults = SPREADS.spec.topology_spread_constraints
    table = default_hints(spread_defaults=lambda _: defaults)
    placed = there(labels=WEB)
    assert helped("PodTopologySpread", pod(), None, placed, table)
    assert not helped("PodTopologySpread", pod(), None, placed)


def test_match_label_keys() -> None:
    """Pods count only if they share the values of the constraint's keys."""
    own = spread(matchLabelKeys=["version"])
    waiting = pod(labels=WEB | {"version": "2"}, topologySpreadConstraints=[own])
    assert helped(
        "PodTopologySpread", waiting, None, there(labels=WEB | {"version": "2"})
    )
    assert not helped(
        "PodTopologySpread", waiting, None, there(labels=WEB | {"version": "1"})
    )


def test_malformed_objects_help() -> None:
    """A hint that cannot read the objects lets the pod be tried."""
    broken = node(None, {"cpu": "many"})
    event = Event(Resource.NODE, Action.ADD, None, broken)
    assert HINTS.helps("NodeResourcesFit", ASKS, event)


NAIVE: dict[str, Callable[[Pod, Node, list[Pod]], Any]] = {
    "NodeResourcesFit": fit.check,
    "NodeAffinity": node_affinity.check,
    "NodeName": node_name.check,
    "NodePorts": node_ports.check,
    "NodeUnschedulable": node_unschedulable.check,
    "TaintToleration": taint_toleration.check,
}


@given(pods(), nodes(), nodes(), st.lists(pods(name="held"), max_size=2))
def test_mended_nodes_are_never_missed(
    waiting: Pod, old: Node, new: Node, held: list[Pod]
) -> None:
    """If a plugin that refused a pod would let it on a node now, its hint said so."""
    for plugin, check in NAIVE.items():
        if not check(waiting, old, held):
            continue
        if not check(waiting, new, held):
            assert helped(plugin, waiting, old, new), plugin
        if not check(waiting, new, []):
            assert helped(plugin, waiting, None, new), plugin


@given(pods(), nodes(), pods(name="gone"))
def test_room_left_by_pods_is_never_missed(waiting: Pod, on: Node, gone: Pod) -> None:
    """If a pod fits once another has left, the leaving said so."""
    gone.spec.node_name = on.metadata.name
    for plugin, check in NAIVE.items():
        if check(waiting, on, [gone]) and not check(waiting, on, []):
            assert helped(plugin, waiting, gone, None), plugin


@given(pods(), nodes())
def test_nothing_changed_helps_nobody(waiting: Pod, same: Node) -> None:
    """A node that is announced again moves no pod."""
    for plugin in NAIVE:
        assert not helped(plugin, waiting, same, same)

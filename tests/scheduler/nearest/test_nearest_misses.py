"""Nearest misses against deciding again, by objects, on a pod changed by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from naive.handmade import asking, make_node, make_pod
from nearest_cases import HOST, ZONE, Situation, crowds, situations, zoned

from schedbench.objects.defaults import default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import (
    Affinity,
    Pod,
    PodAffinity,
    PodSpec,
    ResourceRequirements,
)
from schedbench.objects.resources import pod_requests
from schedbench.objects.taints import Toleration
from schedbench.scheduler.nearest.misses import MEBI
from schedbench.scheduler.nearest.words import sentence


def asking_for(pod: Pod, requests: dict[str, int]) -> Pod:
    """Return the pod asking for so many base units of each resource."""
    changed = copy.deepcopy(pod)
    wanted = {
        name: f"{value}m" if name == "cpu" else value
        for name, value in requests.items()
        if value
    }
    changed.spec.containers[0].resources = ResourceRequirements(requests=wanted)
    return changed


def with_request(pod: Pod, resource: str, value: int) -> Pod:
    """Return the pod with another request of one resource."""
    return asking_for(pod, pod_requests(pod) | {resource: value})


def at_percent(pod: Pod, percent: int) -> Pod:
    """Return the pod with all its requests scaled down."""
    requests = {name: n * percent // 100 for name, n in pod_requests(pod).items()}
    return asking_for(pod, requests)


def with_max_skew(pod: Pod, key: str, skew: int) -> list[Pod]:
    """Return the pod with another maxSkew in one of its constraints of a key."""
    found = []
    for index, given_one in enumerate(pod.spec.topology_spread_constraints):
        changed = copy.deepcopy(pod)
        changed.spec.topology_spread_constraints[index].max_skew = skew
        if given_one.topology_key == key and given_one.max_skew < skew:
            found.append(changed)
    return found


@given(drawn=situations() | crowds())
def test_requests_that_are_small_enough(drawn: Situation) -> None:
    """The limit opens just these nodes, more would not, and nothing opens others."""
    for miss in drawn.misses():
        if miss.kind != "request":
            continue
        assert miss.limit is not None
        at_limit = with_request(drawn.pod, miss.about, miss.limit)
        step = MEBI if miss.about != "cpu" and miss.limit >= MEBI else 1
        above = with_request(drawn.pod, miss.about, miss.limit + step)

        assert drawn.opened(at_limit) == drawn.names(miss)
        assert drawn.opened(above) < drawn.names(miss)


@given(drawn=situations())
def test_a_smaller_pod(drawn: Situation) -> None:
    """All requests scaled to the limit open just these nodes; a percent more, fewer."""
    for miss in drawn.misses():
        if miss.kind != "size":
            continue
        assert miss.limit is not None

        assert drawn.opened(at_percent(drawn.pod, miss.limit)) == drawn.names(miss)
        assert drawn.opened(at_percent(drawn.pod, miss.limit + 1)) <= drawn.names(miss)


@given(drawn=crowds())
def test_a_greater_skew(drawn: Situation) -> None:
    """The least maxSkew opens just these nodes, one less opens fewer."""
    for miss in drawn.misses():
        if miss.kind != "max skew":
            continue
        assert miss.limit is not None
        enough = with_max_skew(drawn.pod, miss.about, miss.limit)
        less = with_max_skew(drawn.pod, miss.about, miss.limit - 1)

        assert drawn.names(miss) in [drawn.opened(pod) for pod in enough]
        assert all(drawn.opened(pod) != drawn.names(miss) for pod in less)


def without_labels(pod: Pod) -> list[Pod]:
    """Return the pod without each pair of its node selector."""
    return [
        changed(pod, lambda spec: spec.node_selector, key)
        for key in pod.spec.node_selector
    ]


def without_spread(pod: Pod) -> list[Pod]:
    """Return the pod without each of its hard spread constraints."""
    return [
        changed(pod, lambda spec: spec.topology_spread_constraints, index)
        for index, one in enumerate(pod.spec.topology_spread_constraints)
        if one.when_unsatisfiable == "DoNotSchedule"
    ]


def without_affinity(pod: Pod) -> list[Pod]:
    """Return the pod without each required term of pod affinity."""
    return _without_terms(pod, "pod_affinity")


def without_anti_affinity(pod: Pod) -> list[Pod]:
    """Return the pod without each required term of pod anti-affinity."""
    return _without_terms(pod, "pod_anti_affinity")


def _without_terms(pod: Pod, side: str) -> list[Pod]:
    def terms(spec: PodSpec) -> list[Any]:
        group = getattr(spec.affinity or Affinity(), side) or PodAffinity()
        found: list[Any] = group.required_during_scheduling_ignored_during_execution
        return found

    return [changed(pod, terms, index) for index in range(len(terms(pod.spec)))]


def without_ports(pod: Pod) -> list[Pod]:
    """Return the pod without each of its host ports."""
    found = []
    for port in pod.spec.containers[0].ports:
        other = copy.deepcopy(pod)
        other.spec.containers[0].ports = [
            one
            for one in other.spec.containers[0].ports
            if (one.host_port, one.protocol) != (port.host_port, port.protocol)
        ]
        found.append(other)
    return found


def without_node_affinity(pod: Pod) -> list[Pod]:
    """Return the pod without the nodes that it requires."""
    other = copy.deepcopy(pod)
    own = other.spec.affinity and other.spec.affinity.node_affinity
    if own:
        own.required_during_scheduling_ignored_during_execution = None
    return [other]


def changed(pod: Pod, part: Callable[[PodSpec], Any], item: Any) -> Pod:
    """Return the pod without one item of a part of its spec."""
    other = copy.deepcopy(pod)
    del part(other.spec)[item]
    return other


@pytest.mark.parametrize(
    ("kinds", "changes"),
    [
        pytest.param(["node selector"], without_labels, id="node selector"),
        pytest.param(["node affinity"], without_node_affinity, id="node affinity"),
        pytest.param(["host port"], without_ports, id="host port"),
        pytest.param(
            ["topology spread", "max skew", "min domains"], without_spread, id="spread"
        ),
        pytest.param(["pod affinity"], without_affinity, id="pod affinity"),
        pytest.param(["pod anti-affinity"], without_anti_affinity, id="anti-affinity"),
    ],
)
@given(drawn=situations() | crowds())
def test_less_to_ask_for(
    kinds: list[str], changes: Callable[[Pod], list[Pod]], drawn: Situation
) -> None:
    """What is taken away opens the nodes that deciding again on the rest opens."""
    opened = [drawn.opened(pod) for pod in changes(drawn.pod)]
    misses = drawn.misses()
    told = [drawn.names(miss) for miss in misses if miss.kind in kinds]
    most = max(map(len, opened), default=0)

    assert max(map(len, told), default=0) == most
    if kinds != ["node affinity"]:  # which is also told condition by condition
        taken_away = [drawn.names(miss) for miss in misses if miss.kind == kinds[0]]
        assert all(names in opened for names in taken_away)


@given(drawn=situations())
def test_one_more_toleration(drawn: Situation) -> None:
    """Tolerating each taint opens the nodes that deciding again opens."""
    told = {m.about: drawn.names(m) for m in drawn.misses() if m.kind == "toleration"}
    taints = {
        (taint.key, taint.value, taint.effect)
        for node in drawn.nodes
        for taint in node.spec.taints
        if taint.effect != "PreferNoSchedule"
    }
    for key, value, effect in taints:
        changed = copy.deepcopy(drawn.pod)
        consent = Toleration(key=key, value=value, effect=effect)
        changed.spec.tolerations.append(consent)
        name = f"{key}={value}:{effect}" if value else f"{key}:{effect}"

        assert told.get(name, set()) == drawn.opened(changed)


def small(pod: Pod, *nodes: Node, on: dict[int, list[Pod]] | None = None) -> list[str]:
    """Return the sentences of the nearest misses of a pod."""
    kinds = [each for placed in (on or {}).values() for each in placed]
    slots = [slot for slot, placed in (on or {}).items() for _ in placed]
    pods = [default_pod(each) for each in [*kinds, pod]]
    found = Situation(
        list(nodes), pods[:-1], list(enumerate(slots)), [], pods[-1]
    ).misses()
    return [sentence(miss) for miss in found]


def test_steps_of_a_request() -> None:
    """A request is told in steps: the first node, half of them, all."""
    pod = make_pod(containers=[asking("2")])
    nodes = [make_node(f"n{i}", cpu=f"{i}00m") for i in range(1, 6)]

    assert small(pod, *nodes) == [
        "1 more node if cpu request <= 500m (now 2)",
        "3 more nodes if cpu request <= 300m (now 2)",
        "5 more nodes if cpu request <= 100m (now 2)",
    ]


def test_only_nodes_that_pass_all_filters_count() -> None:
    """A node that two filters reject is opened by no single change."""
    pod = make_pod(containers=[asking("2")])
    taint = {"key": "a", "value": "b", "effect": "NoSchedule"}
    both = make_node("both", cpu="1", taints=[taint])
    one = make_node("one", taints=[taint])

    assert small(pod, both, one) == ["1 more node if the pod tolerated a=b:NoSchedule"]


def test_a_zone_that_would_do() -> None:
    """A constraint says which domain would do with which maxSkew."""
    app = {"labels": {"app": "web"}}
    pod = make_pod(
        containers=[asking("1")],
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": ZONE,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": app["labels"]},
            }
        ],
    )
    other = make_pod(containers=[asking("1")])
    pod.metadata.labels = other.metadata.labels = app["labels"]
    full = zoned("a", "a", cpu="500m")

    assert small(pod, full, zoned("b", "b"), on={1: [other]}) == [
        "1 more node if cpu request <= 500m (now 1)",
        f"1 more node in b with maxSkew 2 for {ZONE} (now 1)",
    ]


def test_a_taken_host_port() -> None:
    """A host port that is taken, and whose pods are in the way, are told."""
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    pod, other = make_pod(containers=[port]), make_pod(containers=[port])

    assert small(pod, make_node("a"), make_node("b"), on={0: [other]}) == [
        "1 more node without host port 8080"
    ]


def test_pods_that_keep_others_away() -> None:
    """Anti-affinity of pods that are there is told apart from the pod's own."""
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "web"}}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    loner = make_pod(affinity={"podAntiAffinity": required})
    pod = make_pod()
    pod.metadata.labels = {"app": "web"}

    assert small(pod, zoned("a", "a"), zoned("b", "b"), on={0: [loner]}) == [
        "1 more node without the anti-affinity of pods that are there"
    ]


def test_nothing_helps() -> None:
    """Where everything fits already, nothing would open more nodes."""
    pod = make_pod(containers=[asking("1")])

    assert small(pod, make_node("a")) == []

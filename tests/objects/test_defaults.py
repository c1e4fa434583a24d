"""What the API server would fill in."""

from __future__ import annotations

from typing import Any

import pytest

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import (
    default_node,
    default_pod,
    priority_classes_by_name,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PriorityClass
from schedbench.objects.resources import pod_requests
from schedbench.objects.selectors import LabelSelector, LabelSelectorRequirement


def pod(labels: dict[str, str] | None = None, **spec: Any) -> Pod:
    """Decode a pod of the given spec."""
    document = {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": labels or {}},
        "spec": spec,
    }
    found = decode_object(document)
    assert isinstance(found, Pod)
    return found


def priority_class(name: str, value: int, **more: Any) -> PriorityClass:
    """Make a priority class."""
    return PriorityClass(metadata=ObjectMeta(name=name), value=value, **more)


def test_scalars_of_a_bare_pod() -> None:
    """Namespace, scheduler, priority and the rest have the API's defaults."""
    actual = default_pod(pod())

    assert actual.metadata.namespace == "default"
    assert actual.spec.scheduler_name == "default-scheduler"
    assert actual.spec.restart_policy == "Always"
    assert actual.spec.termination_grace_period_seconds == 30
    assert actual.spec.priority == 0
    assert actual.spec.preemption_policy == "PreemptLowerPriority"


def test_requests_come_from_limits_resource_by_resource() -> None:
    """A limit without a request is the request; a request is left alone."""
    resources = {"limits": {"cpu": 2, "memory": 5}, "requests": {"cpu": 1}}
    actual = default_pod(pod(containers=[{"resources": resources}], initContainers=[]))

    assert pod_requests(actual) == {"cpu": 1000, "memory": 5}


def test_init_containers_get_requests_from_limits() -> None:
    """Init containers are defaulted like containers."""
    actual = default_pod(pod(initContainers=[{"resources": {"limits": {"cpu": 2}}}]))

    assert pod_requests(actual) == {"cpu": 2000}


@pytest.mark.parametrize(
    ("resources", "containers", "expected"),
    [
        pytest.param(
            {"limits": {"cpu": 4, "memory": 9}},
            [{"cpu": 1}],
            {"cpu": 1000, "memory": 9},
            id="with limits, a request is the containers' sum, else the limit",
        ),
        pytest.param(
            {"requests": {"cpu": 4}},
            [{"memory": 1}],
            {"cpu": 4000, "memory": 1},
            id="without limits nothing is derived",
        ),
        pytest.param(
            {"limits": {"cpu": 4}, "requests": {"cpu": 3}},
            [{"cpu": 1}],
            {"cpu": 3000},
            id="a pod-level request is left alone",
        ),
    ],
)
def test_pod_level_requests(
    resources: dict[str, Any],
    containers: list[dict[str, Any]],
    expected: dict[str, int],
) -> None:
    """Pod-level requests are derived from the containers and the pod-level limits."""
    listed = [{"resources": {"requests": amounts}} for amounts in containers]
    actual = default_pod(pod(resources=resources, containers=listed))

    assert expected == pod_requests(actual)


def test_ports() -> None:
    """Protocol is TCP; on the host's network a port is a host port."""
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]
    plain = default_pod(pod(containers=[{"ports": ports}]))
    host = default_pod(pod(containers=[{"ports": ports}], hostNetwork=True))

    assert [
        (port.protocol, port.host_port) for port in plain.spec.containers[0].ports
    ] == [("TCP", 0), ("TCP", 8081)]
    assert [port.host_port for port in host.spec.containers[0].ports] == [80, 8081]


def test_spread_policies() -> None:
    """Spread constraints honour node affinity and ignore taints."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
    }
    actual = default_pod(pod(topologySpreadConstraints=[constraint]))

    assert [
        (item.node_affinity_policy, item.node_taints_policy)
        for item in actual.spec.topology_spread_constraints
    ] == [("Honor", "Ignore")]


CLASSES = priority_classes_by_name(
    [
        priority_class("high", 1000, preemption_policy="Never"),
        priority_class("usual", 10, global_default=True),
        priority_class("low", 5, global_default=True),
    ]
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"priorityClassName": "high"}, (1000, "high", "Never"), id="named class"
        ),
        pytest.param(
            {}, (5, "low", "PreemptLowerPriority"), id="the lowest of two defaults"
        ),
        pytest.param(
            {"priorityClassName": "system-node-critical"},
            (2_000_001_000, "system-node-critical", "PreemptLowerPriority"),
            id="a class that every cluster has",
        ),
        pytest.param(
            {"priority": 7},
            (7, None, "PreemptLowerPriority"),
            id="a priority from a cluster is kept",
        ),
        pytest.param(
            {"priority": 7, "priorityClassName": "gone"},
            (7, "gone", "PreemptLowerPriority"),
            id="with a priority the class is not looked up",
        ),
    ],
)
def test_priority(spec: dict[str, Any], expected: tuple[int, str | None, str]) -> None:
    """Priority and preemption policy come from the class, as admission has it."""
    actual = default_pod(pod(**spec), CLASSES).spec

    assert expected == (
        actual.priority,
        actual.priority_class_name,
        actual.preemption_policy,
    )


def test_unknown_priority_class_is_refused() -> None:
    """A class that is not there is an error that names the pod and the class."""
    with pytest.raises(InputError) as caught:
        default_pod(pod(priorityClassName="gone"))

    assert str(caught.value) == (
        "Pod default/p spec.priorityClassName: no such PriorityClass: 'gone'; "
        "add the PriorityClass to the input, or set spec.priority"
    )


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
def test_label_keys_become_requirements(kind: str) -> None:
    """`matchLabelKeys` are In, `mismatchLabelKeys` NotIn; absent labels are skipped."""
    term = {
        "topologyKey": "zone",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "matchLabelKeys": ["version", "gone"],
        "mismatchLabelKeys": ["team"],
    }
    subject = pod(
        labels={"version": "2", "team": "a"},
        affinity={
            kind: {
                "requiredDuringSchedulingIgnoredDuringExecution": [term],
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": term}
                ],
            }
        },
    )
    expected = LabelSelector(
        match_labels={"app": "web"},
        match_expressions=[
            LabelSelectorRequirement(key="version", operator="In", values=["2"]),
            LabelSelectorRequirement(key="team", operator="NotIn", values=["a"]),
        ],
    )
    affinity = default_pod(default_pod(subject)).spec.affinity
    assert affinity is not None
    found = affinity.pod_affinity or affinity.pod_anti_affinity
    assert found is not None
    required = found.required_during_scheduling_ignored_during_execution
    preferred = found.preferred_during_scheduling_ignored_during_execution

    assert expected == required[0].label_selector
    assert expected == preferred[0].pod_affinity_term.label_selector


def test_label_keys_without_selector_change_nothing() -> None:
    """A term without selector still selects nothing."""
    term = {"topologyKey": "zone", "matchLabelKeys": ["app"]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    subject = default_pod(pod({"app": "web"}, affinity={"podAffinity": required}))
    affinity = subject.spec.affinity
    assert affinity is not None
    assert affinity.pod_affinity is not None
    terms = affinity.pod_affinity.required_during_scheduling_ignored_during_execution

    assert terms[0].label_selector is None


def test_allocatable_from_capacity() -> None:
    """A node without allocatable offers its capacity; else allocatable stands."""
    node = Node()
    node.status.capacity = {"cpu": 4}
    assert default_node(node).status.allocatable == {"cpu": 4}

    node.status.capacity["cpu"] = 8

    assert default_node(node).status.allocatable == {"cpu": 4}

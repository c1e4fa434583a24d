"""What the API server fills in before the scheduler sees an object (v1.34)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from schedbench.errors import InputError
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.pod import Container, Pod, PodAffinityTerm, PodSpec
from schedbench.objects.policy import PriorityClass
from schedbench.objects.resources import (
    container_limits,
    container_requests,
    is_pod_level,
)
from schedbench.objects.selectors import LabelSelectorRequirement

SYSTEM_PRIORITY_CLASSES: Mapping[str, PriorityClass] = {
    name: PriorityClass(metadata=ObjectMeta(name=name), value=value)
    for name, value in (
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    )
}
"""The classes that every cluster has."""


def default_pod(pod: Pod, priority_classes: Mapping[str, PriorityClass] = {}) -> Pod:
    """Fill in what the API server would, in place, and return the pod.

    Parameters
    ----------
    pod
        The pod; filling it in twice changes nothing more.
    priority_classes
        The cluster's priority classes by name; the system's own need not be there.

    Raises
    ------
    InputError
        If the pod names a priority class that does not exist.
    """
    spec = pod.spec
    pod.metadata.namespace = pod.metadata.namespace or "default"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    spec.restart_policy = spec.restart_policy or "Always"
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = 30
    for container in (*spec.containers, *spec.init_containers):
        _default_container(container, host_network=spec.host_network)
    _default_pod_resources(pod)
    for constraint in spec.topology_spread_constraints:
        constraint.node_affinity_policy = constraint.node_affinity_policy or "Honor"
        constraint.node_taints_policy = constraint.node_taints_policy or "Ignore"
    for term in _affinity_terms(spec):
        _merge_label_keys(term, pod.metadata.labels)
    _default_priority(pod, priority_classes)
    return pod


def default_node(node: Node) -> Node:
    """Fill in what the API server would, in place, and return the node."""
    if not node.status.allocatable:
        node.status.allocatable = dict(node.status.capacity)
    return node


def priority_classes_by_name(objects: Iterable[object]) -> dict[str, PriorityClass]:
    """Return the priority classes among the objects, by name."""
    return {
        item.metadata.name: item for item in objects if isinstance(item, PriorityClass)
    }


def _default_container(container: Container, *, host_network: bool) -> None:
    resources = container.resources
    if resources.limits:
        resources.requests = resources.limits | resources.requests
    for port in container.ports:
        port.protocol = port.protocol or "TCP"
        if host_network and not port.host_port:
            port.host_port = port.container_port


def _default_pod_resources(pod: Pod) -> None:
    """Derive pod-level requests from the containers' and from the pod-level limits."""
    resources = pod.spec.resources
    if resources is None or not (resources.limits or resources.requests):
        return
    for name, limit in container_limits(pod).items():
        if name.startswith("hugepages-"):
            resources.limits.setdefault(name, limit)
    if not resources.limits:
        return
    for defaults in (container_requests(pod), resources.limits):
        for name, quantity in defaults.items():
            if is_pod_level(name):
                resources.requests.setdefault(name, quantity)


def _affinity_terms(spec: PodSpec) -> list[PodAffinityTerm]:
    if spec.affinity is None:
        return []
    terms: list[PodAffinityTerm] = []
    for affinity in (spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity):
        if affinity is not None:
            terms += affinity.required_during_scheduling_ignored_during_execution
            terms += [
                wish.pod_affinity_term
                for wish in (
                    affinity.preferred_during_scheduling_ignored_during_execution
                )
            ]
    return terms


def _merge_label_keys(term: PodAffinityTerm, labels: Mapping[str, str]) -> None:
    """Turn `matchLabelKeys` and `mismatchLabelKeys` into requirements.

    Keys that the pod has no label for are passed over; without a selector nothing
    changes.
    """
    if term.label_selector is None:
        return
    expressions = term.label_selector.match_expressions
    operators: tuple[tuple[list[str], Literal["In", "NotIn"]], ...] = (
        (term.match_label_keys, "In"),
        (term.mismatch_label_keys, "NotIn"),
    )
    for keys, operator in operators:
        for key in keys:
            if key not in labels:
                continue
            requirement = LabelSelectorRequirement(
                key=key, operator=operator, values=[labels[key]]
            )
            if requirement not in expressions:
                expressions.append(requirement)


def _default_priority(pod: Pod, classes: Mapping[str, PriorityClass]) -> None:
    """Resolve the priority as the admission plugin Priority does.

    A priority that is already there is kept: the object comes from a cluster.
    """
    spec = pod.spec
    if spec.priority is None:
        chosen = _priority_class(pod, classes)
        if chosen is None:
            spec.priority = 0
        else:
            spec.priority = chosen.value
            spec.priority_class_name = chosen.metadata.name
            spec.preemption_policy = spec.preemption_policy or chosen.preemption_policy
    spec.preemption_policy = spec.preemption_policy or "PreemptLowerPriority"


def _priority_class(
    pod: Pod, classes: Mapping[str, PriorityClass]
) -> PriorityClass | None:
    name = pod.spec.priority_class_name
    if not name:
        return min(
            (item for item in classes.values() if item.global_default),
            key=lambda item: item.value,
            default=None,
        )
    found = SYSTEM_PRIORITY_CLASSES.get(name) or classes.get(name)
    if found is None:
        raise InputError(
            "no such PriorityClass",
            where=f"Pod {pod.key} spec.priorityClassName",
            value=name,
            fix="add the PriorityClass to the input, or set spec.priority",
        )
    return found

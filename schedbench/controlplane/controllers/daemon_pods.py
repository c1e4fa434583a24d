"""The pods of a DaemonSet: where they belong, and what they tolerate.

Source: kubernetes.io/docs/concepts/workloads/controllers/daemonset, "How Daemon Pods
are scheduled" and "Taints and tolerations".
"""

from __future__ import annotations

import msgspec

from schedbench.controlplane.controllers.pods import pod_of
from schedbench.objects.controllers import DaemonSet
from schedbench.objects.node import Node
from schedbench.objects.pod import Affinity, NodeAffinity, Pod, PodSpec
from schedbench.objects.selectors import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    matches_labels,
    matches_node_selector,
)
from schedbench.objects.taints import Taint, Toleration, tolerates

HASH = "controller-revision-hash"
_PREFIX = "node.kubernetes.io/"
_TOLERATED: tuple[Toleration, ...] = (
    Toleration(key=_PREFIX + "not-ready", operator="Exists", effect="NoExecute"),
    Toleration(key=_PREFIX + "unreachable", operator="Exists", effect="NoExecute"),
    Toleration(key=_PREFIX + "disk-pressure", operator="Exists", effect="NoSchedule"),
    Toleration(key=_PREFIX + "memory-pressure", operator="Exists", effect="NoSchedule"),
    Toleration(key=_PREFIX + "pid-pressure", operator="Exists", effect="NoSchedule"),
    Toleration(key=_PREFIX + "unschedulable", operator="Exists", effect="NoSchedule"),
)
_NETWORK = Toleration(
    key=_PREFIX + "network-unavailable", operator="Exists", effect="NoSchedule"
)


def tolerations_of(spec: PodSpec) -> list[Toleration]:
    """Return the template's tolerations and those that are added automatically."""
    added = [*_TOLERATED, _NETWORK] if spec.host_network else list(_TOLERATED)
    return [
        *spec.tolerations,
        *(each for each in added if each not in spec.tolerations),
    ]


def belongs(
    spec: PodSpec, node: Node, tolerations: list[Toleration]
) -> tuple[bool, bool]:
    """Return whether a pod should be made on a node, and whether one may stay there."""
    if not matches_labels(spec.node_selector, node.metadata.labels):
        return False, False
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = (
        affinity.required_during_scheduling_ignored_during_execution
        if affinity
        else None
    )
    if required is not None and not matches_node_selector(required, node):
        return False, False
    taints = list(node.spec.taints)
    if node.spec.unschedulable:
        taints.append(Taint(key=_PREFIX + "unschedulable", effect="NoSchedule"))
    refused = {
        taint.effect
        for taint in taints
        if not any(tolerates(each, taint) for each in tolerations)
    }
    stays = "NoExecute" not in refused
    return stays and "NoSchedule" not in refused, stays


def pod_for(
    item: DaemonSet, node: str, tolerations: list[Toleration], revision: str
) -> Pod:
    """Return the pod for a node: the scheduler is bound to it by its affinity."""
    template = item.spec.template
    assert template is not None
    spec = template.spec
    affinity = spec.affinity or Affinity()
    here = NodeSelectorRequirement(key="metadata.name", operator="In", values=[node])
    required = NodeSelector(node_selector_terms=[NodeSelectorTerm(match_fields=[here])])
    pod = pod_of(template, item, labels={HASH: revision})
    pod.spec = msgspec.structs.replace(
        spec,
        tolerations=tolerations,
        affinity=msgspec.structs.replace(
            affinity,
            node_affinity=msgspec.structs.replace(
                affinity.node_affinity or NodeAffinity(),
                required_during_scheduling_ignored_during_execution=required,
            ),
        ),
    )
    return pod


def node_of(pod: Pod) -> str:
    """Return the node that a pod is on, or made for."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = (
        affinity.required_during_scheduling_ignored_during_execution
        if affinity
        else None
    )
    for term in required.node_selector_terms if required else []:
        for field in term.match_fields:
            if field.key == "metadata.name" and len(field.values) == 1:
                return field.values[0]
    return ""

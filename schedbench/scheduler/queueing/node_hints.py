"""Hints of the plugins that look at one node: what makes a node fit, or fit again.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins: noderesources (fit.go),
nodeaffinity, nodeunschedulable, tainttoleration.
"""

from __future__ import annotations

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.selectors import (
    NodeSelector,
    matches_labels,
    matches_node_selector,
)
from schedbench.objects.taints import Taint, tolerates
from schedbench.scheduler.queueing.events import Event, same_pod

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_NATIVE = {"cpu", "memory", "ephemeral-storage"}
_SCALAR_PREFIXES = ("hugepages-", "attachable-volumes-")


class NodeAffinityHint:
    """A node begins to match the pod's required affinity (and the added one)."""

    def __init__(self, added: NodeSelector | None = None) -> None:
        self._added = added

    def __call__(self, pod: Pod, event: Event) -> bool:
        """Return whether the pod should be tried."""
        old, new = _nodes(event)
        if new is None or (
            self._added is not None and not matches_node_selector(self._added, new)
        ):
            return False
        return _selects(pod, new) and (old is None or not _selects(pod, old))


def became_schedulable(pod: Pod, event: Event) -> bool:
    """Return whether a node was added, or became, not unschedulable."""
    del pod
    old, new = _nodes(event)
    if new is None or new.spec.unschedulable:
        return False
    return old is None or old.spec.unschedulable


def tolerates_unschedulable(pod: Pod, event: Event) -> bool:
    """Return whether the pod itself got a toleration of unschedulable nodes."""
    new = event.new
    return (
        isinstance(new, Pod)
        and same_pod(pod, new)
        and any(tolerates(one, UNSCHEDULABLE) for one in new.spec.tolerations)
    )


def became_tolerated(pod: Pod, event: Event) -> bool:
    """Return whether all taints of a node are tolerated that were not before."""
    old, new = _nodes(event)
    if new is None or _has_untolerated(pod, new):
        return False
    return old is None or _has_untolerated(pod, old)


def has_room(pod: Pod, event: Event) -> bool:
    """Return whether the pod fits the empty node, and the node is new or grew.

    Growing means that it may hold more pods, or has more of what the pod asks for.
    """
    old, new = _nodes(event)
    if new is None:
        return False
    asked, after = _asked(pod), node_allocatable(new)
    if after.get("pods", 0) < 1:
        return False
    if any(amount > after.get(name, 0) for name, amount in asked.items()):
        return False
    if old is None:
        return True
    before = node_allocatable(old)
    return any(after.get(name, 0) > before.get(name, 0) for name in ["pods", *asked])


def freed_resources(pod: Pod, event: Event) -> bool:
    """Return whether a pod left its node, or gave back what the pod asks for.

    A pod nominated to a node counts as if it were there when it leaves. The pod's own
    scaling down always helps.
    """
    old, new = event.old, event.new
    if not isinstance(old, Pod):
        return False
    if not isinstance(new, Pod):
        return bool(old.spec.node_name or old.status.nominated_node_name)
    if same_pod(pod, new):
        return True
    if not new.spec.node_name:
        return False
    before, after = pod_requests(old), pod_requests(new)
    return any(before.get(name, 0) > after.get(name, 0) for name in _asked(pod))


def _nodes(event: Event) -> tuple[Node | None, Node | None]:
    old, new = event.old, event.new
    return (
        old if isinstance(old, Node) else None,
        new if isinstance(new, Node) else None,
    )


def _selects(pod: Pod, node: Node) -> bool:
    spec = pod.spec
    if not matches_labels(spec.node_selector, node.metadata.labels):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity else None
    if affinity is None:
        return True
    required = affinity.required_during_scheduling_ignored_during_execution
    return required is None or matches_node_selector(required, node)


def _has_untolerated(pod: Pod, node: Node) -> bool:
    return any(
        taint.effect in {"NoSchedule", "NoExecute"}
        and not any(tolerates(one, taint) for one in pod.spec.tolerations)
        for taint in node.spec.taints
    )


def _asked(pod: Pod) -> dict[str, int]:
    """Return the requests above zero of resources that nodes account for."""
    return {
        name: amount
        for name, amount in pod_requests(pod).items()
        if amount > 0
        and (name in _NATIVE or "/" in name or name.startswith(_SCALAR_PREFIXES))
    }

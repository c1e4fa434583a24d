"""What the cluster autoscaler reads off pods and nodes, and what it leaves on them.

Source: cluster-autoscaler's FAQ (github.com/kubernetes/autoscaler).
"""

from __future__ import annotations

import msgspec

from schedbench.controlplane.api import WatchEvent
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint

NOT_READY = "node.kubernetes.io/not-ready"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"


def is_open(node: ApiObject) -> bool:
    """Return whether pods may come to a node as soon as the scheduler likes."""
    assert isinstance(node, Node)
    return all(taint.key != NOT_READY for taint in node.spec.taints)


def is_unschedulable(pod: Pod) -> bool:
    """Return whether the scheduler has found no node for a pod."""
    return (
        not pod.spec.node_name
        and pod.metadata.deletion_timestamp is None
        and any(
            c.type == "PodScheduled"
            and c.status == "False"
            and c.reason == "Unschedulable"
            for c in pod.status.conditions
        )
    )


def moved(event: WatchEvent) -> bool:
    """Return whether a bound pod was bound just now, or finished."""
    new, old = event.object, event.old
    assert isinstance(new, Pod)
    if not isinstance(old, Pod):
        return True
    return not old.spec.node_name or old.status.phase != new.status.phase


def tainted(item: ApiObject) -> ApiObject | None:
    """Return a node that takes no pod any more, or None if it is so marked."""
    assert isinstance(item, Node)
    if any(taint.key == TO_BE_DELETED for taint in item.spec.taints):
        return None
    taints = [*item.spec.taints, Taint(key=TO_BE_DELETED, effect="NoSchedule")]
    spec = msgspec.structs.replace(item.spec, taints=taints)
    return msgspec.structs.replace(item, spec=spec)


def untainted(item: ApiObject) -> ApiObject | None:
    """Return a node without the mark."""
    assert isinstance(item, Node)
    taints = [taint for taint in item.spec.taints if taint.key != TO_BE_DELETED]
    spec = msgspec.structs.replace(item.spec, taints=taints)
    return msgspec.structs.replace(item, spec=spec)

"""Nodes without runtimes: every pod runs at once, as on kubemark's hollow nodes.

They leave the control plane alone with its own times. Source: kubernetes
test/kubemark and cmd/kubemark ("hollow-node" with a fake runtime).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from schedbench.controlplane.api import Api, WatchEvent
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodCondition

NOT_READY = "node.kubernetes.io/not-ready"
"""Taint of a node that has not become ready. Source: TaintNodesByCondition."""


class HollowNodes:
    """The kubelets of all nodes, which take no time.

    Parameters
    ----------
    api
        The API as they see it.
    stamp
        Told of the hops of each pod.
    """

    def __init__(self, api: Api, stamp: Callable[[Pod, str], None]) -> None:
        self._api = api
        self._stamp = stamp
        api.watch("Node", self._on_node)
        api.watch("Pod", self._on_pod)

    def _on_node(self, event: WatchEvent) -> None:
        """Let a new node be ready at once, as its kubelet and its controller would."""
        node = cast("Node", event.object)
        if event.type == "ADDED" and _ready(node) is not None:
            self._api.patch("Node", "", node.metadata.name, _ready)

    def _on_pod(self, event: WatchEvent) -> None:
        pod, old = cast("Pod", event.object), cast("Pod | None", event.old)
        if event.type == "DELETED" or not pod.spec.node_name:
            return
        meta = pod.metadata
        if meta.deletion_timestamp is not None:
            if old is None or old.metadata.deletion_timestamp is None:
                self._api.delete("Pod", meta.namespace, meta.name, grace=0.0)
            return
        if old is None or not old.spec.node_name:
            for hop in ("seen_by_kubelet", "sandbox", "pulled", "started"):
                self._stamp(pod, hop)
            self._api.patch(
                "Pod", meta.namespace, meta.name, _running, subresource="status"
            )
        elif pod.status.phase == "Running" and old.status.phase != "Running":
            self._stamp(pod, "ready")


def _ready(item: ApiObject) -> Node | None:
    """Return a node without the taint that admission gives a new one."""
    node = cast("Node", item)
    taints = [taint for taint in node.spec.taints if taint.key != NOT_READY]
    if len(taints) == len(node.spec.taints):
        return None
    spec = msgspec.structs.replace(node.spec, taints=taints)
    return msgspec.structs.replace(node, spec=spec)


def _running(item: ApiObject) -> Pod | None:
    pod = cast("Pod", item)
    if pod.status.phase == "Running":
        return None
    ready = PodCondition(type="Ready", status="True")
    status = msgspec.structs.replace(
        pod.status, phase="Running", conditions=[*pod.status.conditions, ready]
    )
    return msgspec.structs.replace(pod, status=status)

"""The bound pods by node, as an informer tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.informers import Informers
from schedbench.objects.pod import Pod


class PodsByNode:
    """Which pods a node has."""

    def __init__(self, informers: Informers) -> None:
        self._pods: dict[str, dict[str, Pod]] = {}
        informers.listen("Pod", self._changed)

    def of(self, node: str) -> Mapping[str, Pod]:
        """Return a node's pods by key."""
        return self._pods.get(node, {})

    def _changed(self, event: WatchEvent) -> None:
        pod = event.object
        assert isinstance(pod, Pod)
        node = pod.spec.node_name
        if not node:
            return
        if event.type != "DELETED":
            self._pods.setdefault(node, {})[pod.key] = pod
        elif node in self._pods:
            self._pods[node].pop(pod.key, None)
            if not self._pods[node]:
                del self._pods[node]

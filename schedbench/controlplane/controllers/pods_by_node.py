"""The bound pods by node, as an informer tells of them."""

from __future__ import annotations

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.informers import Informers
from schedbench.objects.pod import Pod


class PodsByNode:
    """Which pods a node has; a bound pod never changes its node."""

    def __init__(self, informers: Informers) -> None:
        self._keys: dict[str, dict[str, None]] = {}
        self._store = informers["Pod"].store
        informers.listen("Pod", self._changed)

    def of(self, node: str) -> dict[str, Pod]:
        """Return a node's pods by key."""
        pods = {}
        for key in self._keys.get(node, ()):
            pod = self._store.get(key)
            if isinstance(pod, Pod):
                pods[key] = pod
        return pods

    def _changed(self, event: WatchEvent) -> None:
        pod, old = event.object, event.old
        assert isinstance(pod, Pod)
        node = pod.spec.node_name
        if not node:
            return
        if event.type == "DELETED":
            self._keys.get(node, {}).pop(event.key, None)
        elif not isinstance(old, Pod) or old.spec.node_name != node:
            self._keys.setdefault(node, {})[event.key] = None

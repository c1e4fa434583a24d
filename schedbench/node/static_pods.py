"""Static pods: run by the kubelet alone, shown to the API as mirror pods.

Source: kubernetes.io/docs/tasks/configure-pod-container/static-pod.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from schedbench.controlplane.api import Api
from schedbench.node.status import StatusManager
from schedbench.node.worker import MIRROR, STATIC, Worker
from schedbench.objects.pod import Pod


class StaticPods:
    """The static pods of a node.

    Attributes
    ----------
    pods
        `namespace/name` → pod.
    """

    __slots__ = ("_api", "_node", "_remove", "_statuses", "pods")

    def __init__(
        self,
        api: Api,
        node: str,
        statuses: StatusManager,
        remove: Callable[[Pod], None],
    ) -> None:
        self._api = api
        self._node = node
        self._statuses = statuses
        self._remove = remove
        self.pods: dict[str, Pod] = {}

    def add(self, pod: Pod) -> Pod:
        """Return the pod as it runs here, `-NODE` after its name, and mirror it."""
        pod = copy.deepcopy(pod)
        meta = pod.metadata
        meta.name = f"{meta.name}-{self._node}"
        meta.namespace = meta.namespace or "default"
        meta.annotations |= {STATIC: "file"}
        pod.spec.node_name = self._node
        self.pods[pod.key] = pod
        self._mirror(pod)
        return pod

    def mirrored(self, mirror: Pod, worker: Worker | None, *, gone: bool) -> None:
        """Take a mirror pod as the API has it; one that is deleted is made again."""
        pod = self.pods.get(mirror.key)
        if pod is None or worker is None:
            if not gone:
                self._remove(mirror)
        elif gone:
            worker.mirror = worker.written = None
            self._mirror(pod)
        elif mirror.metadata.deletion_timestamp is not None:
            self._remove(mirror)
        else:
            first = worker.mirror is None
            worker.mirror = mirror
            if first:
                worker.written = None
                self._statuses.mark(worker)

    def _mirror(self, pod: Pod) -> None:
        mirror = copy.deepcopy(pod)
        mirror.metadata.annotations |= {MIRROR: pod.key}
        self._api.create(mirror)

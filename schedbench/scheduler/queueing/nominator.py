"""Nominated pods: those that wait for victims to leave the node meant for them.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/nominator.go.
"""

from __future__ import annotations

from schedbench.objects.pod import Pod


class Nominator:
    """Which pods are nominated to which node, each to one at most."""

    def __init__(self) -> None:
        self._pods: dict[str, dict[str, Pod]] = {}
        self._node: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._node)

    def nominate(self, pod: Pod, node: str | None = None) -> None:
        """Nominate the pod to a node, or by its status; "" ends its nomination.

        It comes behind the pods already nominated to the node.
        """
        self.remove(pod)
        name = pod.status.nominated_node_name if node is None else node
        if name:
            self._node[_identity(pod)] = name
            self._pods.setdefault(name, {})[_identity(pod)] = pod

    def update(self, old: Pod, new: Pod) -> None:
        """Replace a pod by its new version.

        If neither version names a node, one named here only is kept: the update was
        under way before the nomination was written.
        """
        kept: str | None = None
        if not old.status.nominated_node_name and not new.status.nominated_node_name:
            kept = self._node.get(_identity(old))
        self.remove(old)
        self.nominate(new, kept)

    def remove(self, pod: Pod) -> None:
        """End the pod's nomination, if it has one."""
        name = self._node.pop(_identity(pod), None)
        if name is not None:
            del self._pods[name][_identity(pod)]
            if not self._pods[name]:
                del self._pods[name]

    def node_of(self, pod: Pod) -> str | None:
        """Return the node that the pod is nominated to."""
        return self._node.get(_identity(pod))

    def pods(self, node: str, min_priority: int | None = None) -> list[Pod]:
        """Return the pods nominated to the node, in the order of nomination.

        With `min_priority` only those of that priority or more.
        """
        return [
            pod
            for pod in self._pods.get(node, {}).values()
            if min_priority is None or (pod.spec.priority or 0) >= min_priority
        ]

    def nodes(self) -> list[str]:
        """Return the nodes that pods are nominated to."""
        return list(self._pods)


def _identity(pod: Pod) -> str:
    return pod.metadata.uid or pod.key

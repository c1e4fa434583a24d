"""Whether a pod would fit a node, by its resources, selectors and taints alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.selectors import matches_labels, matches_node_selector
from schedbench.objects.taints import tolerates


def may_run(pod: Pod, node: Node) -> bool:
    """Return whether selectors and taints let a pod onto a node."""
    if not matches_labels(pod.spec.node_selector, node.metadata.labels):
        return False
    affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
    if affinity:
        required = affinity.required_during_scheduling_ignored_during_execution
        if required is not None and not matches_node_selector(required, node):
            return False
    if node.spec.unschedulable:
        return False
    return all(
        taint.effect == "PreferNoSchedule"
        or any(tolerates(toleration, taint) for toleration in pod.spec.tolerations)
        for taint in node.spec.taints
    )


class Room:
    """What a node has left.

    Attributes
    ----------
    node
        The node.
    """

    def __init__(self, node: Node, pods: Iterable[Pod]) -> None:
        self.node = node
        self._all = node_allocatable(node)
        self._free = dict(self._all)
        for pod in pods:
            if pod.status.phase not in {"Succeeded", "Failed"}:
                self._add(pod, -1)

    def take(self, pod: Pod) -> bool:
        """Place a pod if it fits, and return whether it did."""
        if not may_run(pod, self.node):
            return False
        if "pods" in self._free and self._free["pods"] < 1:
            return False
        requests = pod_requests(pod)
        if any(n > self._free.get(name, 0) for name, n in requests.items() if n):
            return False
        self._add(pod, -1)
        return True

    def give_back(self, pod: Pod) -> None:
        """Take a pod away again."""
        self._add(pod, 1)

    def utilization(self) -> float:
        """Return the greater of the shares of cpu and memory that are taken."""
        return max(self._shares(), default=0.0)

    def waste(self) -> float:
        """Return the sum of the shares of cpu and memory that are left."""
        return sum(1 - share for share in self._shares())

    def _shares(self) -> list[float]:
        return [
            1 - self._free[name] / self._all[name]
            for name in ("cpu", "memory")
            if self._all.get(name)
        ]

    def _add(self, pod: Pod, sign: int) -> None:
        for name, amount in pod_requests(pod).items():
            if name in self._free:
                self._free[name] += sign * amount
        if "pods" in self._free:
            self._free["pods"] += sign


def placed(pod: Pod, rooms: Sequence[Room]) -> bool:
    """Place a pod into the first room that it fits, and return whether there is one."""
    return any(room.take(pod) for room in rooms)


def all_placed(pods: Sequence[Pod], rooms: Sequence[Room]) -> bool:
    """Return whether the pods fit into the rooms together; takes nothing in the end."""
    taken: list[tuple[Room, Pod]] = []
    for pod in pods:
        room = next((room for room in rooms if room.take(pod)), None)
        if room is None:
            break
        taken.append((room, pod))
    for room, pod in taken:
        room.give_back(pod)
    return len(taken) == len(pods)

"""Whether a pod would fit a node, by its resources, selectors and taints alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodSpec
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.selectors import matches_labels, matches_node_selector
from schedbench.objects.taints import tolerates

_KNOWN: dict[int, tuple[PodSpec, dict[str, int]]] = {}
MOST_KNOWN = 16_384
"""Distinct pod specs whose requests are kept."""


def requests_of(pod: Pod) -> Mapping[str, int]:
    """Return `pod_requests`, worked out once for pods that share their containers.

    Those that came from one template do, bound or not: an object that is changed keeps
    the parts that are not.
    """
    spec, status = pod.spec, pod.status
    for one in (*status.container_statuses, *status.init_container_statuses):
        if one.resources is not None:
            return pod_requests(pod)
    known = _KNOWN.get(id(spec.containers))
    if known is not None and _asks_alike(known[0], spec):
        return known[1]
    if len(_KNOWN) >= MOST_KNOWN:
        _KNOWN.clear()
    requests = pod_requests(pod)
    _KNOWN[id(spec.containers)] = spec, requests
    return requests


def _asks_alike(one: PodSpec, other: PodSpec) -> bool:
    return (
        one.containers is other.containers
        and one.init_containers is other.init_containers
        and one.overhead is other.overhead
        and one.resources is other.resources
    )


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
        requests = requests_of(pod)
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
        for name, amount in requests_of(pod).items():
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

"""What bound pods hold of the nodes, replayed from the store's changes in their order.

So a look now and then finds what a look after every change would have found.
"""

from __future__ import annotations

from collections.abc import Mapping

from schedbench.controlplane.etcd_types import Event
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodSpec
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.simulation.invariants import Breach, on_two_nodes, over

TEMPLATES = 1_000
"""Whose requests are remembered at once."""
ENDED = frozenset({"Succeeded", "Failed"})


class Bookings:
    """Which pods are bound to which nodes, and what is left there.

    Attributes
    ----------
    allocatable
        Node → resource → amount in base units; of the nodes that are there.
    used
        Node → resource → what its bound pods that have not ended ask for.
    nodes
        Uid → node of each bound pod that is there.
    """

    def __init__(self) -> None:
        self.allocatable: dict[str, Mapping[str, int]] = {}
        self.used: dict[str, dict[str, int]] = {}
        self.nodes: dict[str, str] = {}
        self._held: dict[str, Mapping[str, int]] = {}
        self._asked: dict[tuple[int, ...], tuple[PodSpec, Mapping[str, int]]] = {}

    def take(self, event: Event) -> list[Breach]:
        """Follow a change of the store; return what it breaks.

        Whoever binds a pod must leave the node enough of what the pod asks for. Pods
        that are created on a node, and nodes that shrink, are their makers' affair.
        """
        item = event.value
        if type(item) is Node:
            self.allocatable[item.metadata.name] = node_allocatable(item)
        elif type(item) is Pod:
            if item.spec.node_name:
                return self._placed(item, event.previous)
        elif type(event.previous) is Pod:
            self._gone(event.previous)
        elif type(event.previous) is Node:
            self.allocatable.pop(event.previous.metadata.name, None)
        return []

    def _placed(self, pod: Pod, old: Pod | None) -> list[Breach]:
        node = pod.spec.node_name
        assert node is not None
        if old is not None and old.spec.node_name == node:
            if pod.status.phase in ENDED:
                self._release(pod.metadata.uid or pod.key, node)
            return []
        uid = pod.metadata.uid or pod.key
        breaches = on_two_nodes([(uid, node)], self.nodes)
        asked = self._held[uid] = self._requests(pod)
        used = self.used.setdefault(node, {})
        for resource, amount in asked.items():
            used[resource] = used.get(resource, 0) + amount
        if pod.status.phase in ENDED:
            self._release(uid, node)
        elif old is not None:
            there = self.allocatable.get(node)
            if there is not None:
                breaches += over(node, there, used, asked)
        return breaches

    def _requests(self, pod: Pod) -> Mapping[str, int]:
        """Return what a pod asks for; pods of one template share the answer."""
        spec = pod.spec
        parts = spec.containers, spec.init_containers, spec.resources, spec.overhead
        template = tuple(map(id, parts))
        known = self._asked.get(template)
        if known is not None and not pod.status.container_statuses:
            return known[1]
        asked = {**pod_requests(pod), "pods": 1}
        if not pod.status.container_statuses:
            if len(self._asked) == TEMPLATES:
                self._asked.clear()
            self._asked[template] = spec, asked
        return asked

    def _gone(self, pod: Pod) -> None:
        uid = pod.metadata.uid or pod.key
        node = self.nodes.pop(uid, None)
        if node is not None:
            self._release(uid, node)

    def _release(self, uid: str, node: str) -> None:
        used = self.used[node]
        for resource, amount in self._held.pop(uid, {}).items():
            used[resource] -= amount

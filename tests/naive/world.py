"""What a scheduler sees at one instant: nodes, the pods on them, other objects.

A world never changes; `changed` makes another one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from naive.node_ports import HostPort, host_ports
from naive.placed import Placed
from naive.volumes import Storage

from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import Namespace

Kind = TypeVar("Kind", bound=ApiObject)
Images = Mapping[str, Mapping[str, tuple[int, int]]]
"""Node → image → (size, number of nodes that have it), as the node's entry says."""


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Nodes in order, with what is on them and beside them.

    Attributes
    ----------
    nodes
        All nodes that are there, in case order.
    placed
        What is on each node, by its name; names of absent nodes do no harm.
    objects
        Namespaces, services, budgets, … of any kind.
    nominated
        Node → pods of the queue that are to go there.
    images
        What the cache says of images; None = count them in `nodes`.
    ports
        Node → host ports that the cache holds for taken; None = those the pods open.
    storage
        Volumes, claims and what was promised of them; None = volumes do not matter.
    before
        In a dry run or beside nominated pods: the world that PreFilter saw.
    """

    nodes: Sequence[Node]
    placed: Mapping[str, Sequence[Placed]] = dataclasses.field(default_factory=dict)
    objects: Sequence[ApiObject] = ()
    nominated: Mapping[str, Sequence[Pod]] = dataclasses.field(default_factory=dict)
    images: Images | None = None
    ports: Mapping[str, frozenset[HostPort]] | None = None
    storage: Storage | None = None
    before: World | None = None
    memo: dict[Any, Any] = dataclasses.field(default_factory=dict, init=False)
    pods: dict[str, list[Pod]] = dataclasses.field(default_factory=dict, init=False)

    def on(self, node: Node | str) -> list[Pod]:
        """Return the pods on a node."""
        name = node if isinstance(node, str) else node.metadata.name
        if name not in self.pods:
            self.pods[name] = [one.pod for one in self.placed.get(name, ())]
        return self.pods[name]

    def kind(self, kind: type[Kind], namespace: str | None = None) -> list[Kind]:
        """Return the objects of one kind, in one namespace if it is given."""
        return [
            one
            for one in self.objects
            if isinstance(one, kind)
            and (
                namespace is None or (one.metadata.namespace or "default") == namespace
            )
        ]

    def namespace_labels(self, name: str) -> dict[str, str]:
        """Return a namespace's labels; without an object it has none."""
        for namespace in self.kind(Namespace):
            if namespace.metadata.name == name:
                return namespace.metadata.labels
        return {}

    def changed(
        self, node: str, *, added: Iterable[Placed] = (), removed: Iterable[Placed] = ()
    ) -> World:
        """Return the world with pods put on a node or taken from it, in a dry run."""
        added, removed = list(added), list(removed)
        gone = {id(one) for one in removed}
        here = [one for one in self.placed.get(node, ()) if id(one) not in gone]
        ports = self.taken_ports(node)
        ports -= {port for one in removed for port in host_ports(one.pod)}
        ports |= {port for one in added for port in host_ports(one.pod)}
        return dataclasses.replace(
            self,
            placed={**self.placed, node: [*here, *added]},
            ports={**(self.ports or {}), node: ports},
            before=self.before or self,
        )

    def taken_ports(self, node: str) -> frozenset[HostPort]:
        """Return the host ports of a node that are taken."""
        if self.ports is not None and node in self.ports:
            return self.ports[node]
        return frozenset(port for pod in self.on(node) for port in host_ports(pod))

    def changes(self, node: Node) -> tuple[list[Pod], list[Pod]]:
        """Return the pods that came to the node and went since PreFilter."""
        name = node.metadata.name
        new = self.placed.get(name, ())
        old = self.before.placed.get(name, ()) if self.before else new
        if old is new:
            return [], []
        return _without(new, old), _without(old, new)

    def remembered(self, what: str, pod: Pod, make: Callable[[], Any]) -> Any:
        """Return what was made for the pod in this world before, or make it now."""
        key = (what, id(pod))
        if key not in self.memo or self.memo[key][0] is not pod:
            self.memo[key] = (pod, make())
        return self.memo[key][1]


def namespace_of(pod: Pod) -> str:
    """Return the pod's namespace."""
    return pod.metadata.namespace or "default"


def _without(some: Sequence[Placed], others: Sequence[Placed]) -> list[Pod]:
    known = {id(other) for other in others}
    return [one.pod for one in some if id(one) not in known]

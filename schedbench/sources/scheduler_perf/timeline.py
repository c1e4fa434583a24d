"""The cluster of a workload as it grows on a virtual clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.policy import Namespace, PriorityClass
from schedbench.objects.selectors import matches_labels
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.sources.scheduler_perf.names import Names
from schedbench.sources.scheduler_perf.operations import StartCollectingMetrics
from schedbench.sources.scheduler_perf.plan import Rendered
from schedbench.sources.scheduler_perf.pods import PodColumns, Segment

NAMESPACE_NAME = "kubernetes.io/metadata.name"


class Timeline:
    """What there is at the clock's time, and all that came before.

    Attributes
    ----------
    clock
        Simulated seconds at which the next op runs.
    collecting
        The collection of metrics that is on.
    notes
        What was noticed on the way.
    """

    def __init__(self) -> None:
        self.clock = 0.0
        self.names = Names()
        self.pods = PodColumns(self.names)
        self.collecting: StartCollectingMetrics | None = None
        self.notes: list[str] = []
        self.created_nodes = 0
        self._nodes: list[Node] = []
        self._events: list[NodeEvent] = []
        self._objects: list[KubernetesObject] = []
        self._classes: dict[str, PriorityClass] = {}
        self._namespaces: set[str] = set()

    def tick(self) -> None:
        """Let the next op come strictly later, once anything happens."""
        if self._has_begun():
            self.clock += 1.0

    def add_node(self, node: Node) -> None:
        """Let a node join now; before anything happens it is there from the start."""
        self.created_nodes += 1
        if self._has_begun():
            self.change_node(NodeEvent(self.clock, "add", node))
        else:
            self._nodes.append(node)

    def change_node(self, event: NodeEvent) -> None:
        """Let a node join, change or leave at any time."""
        self._events.append(event)

    def add_object(self, item: KubernetesObject) -> None:
        """Add an object that is neither a pod nor a node; it is known from time 0."""
        self._objects.append(item)
        if isinstance(item, PriorityClass):
            self._classes[item.metadata.name] = item

    def add_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Add a namespace unless it is there."""
        if name in self._namespaces:
            return
        self._namespaces.add(name)
        meta = ObjectMeta(name=name, labels={**labels, NAMESPACE_NAME: name})
        self.add_object(Namespace(metadata=meta))

    def add_pods(
        self, rendered: Rendered, source: str, namespace: str, time: float
    ) -> Segment:
        """Create at least one pod, one after another from a time on."""
        self.add_namespace(namespace, {})
        segment = self.pods.add(rendered, source, namespace, time, self._classes)
        op = self.collecting
        segment.measured = (
            op is not None
            and namespace in op.namespaces
            and matches_labels(op.label_selector, self.pods.labels(segment))
        )
        return segment

    def template(self, document: dict[str, Any], source: str, namespace: str) -> int:
        """Return the index of the pod template that a document is."""
        return self.pods.place(document, source, namespace, self._classes)

    def _has_begun(self) -> bool:
        return bool(self.pods.segments or self._events)

    def workload(self, name: str, config: Mapping[str, Any] | None) -> Workload:
        """Return the workload that all this makes."""
        events = sorted(self._events, key=lambda event: event.time)
        slots: dict[str, int] = {}
        for node in (*self._nodes, *(event.node for event in events)):
            slots.setdefault(node.metadata.name, len(slots))
        stream, updates = self.pods.stream(slots)
        return Workload(
            name,
            self._nodes,
            stream,
            objects=self._objects,
            node_events=events,
            pod_updates=updates,
            queue="kube-scheduler",
            scheduler_config=config,
            notes=self.notes,
        )


def decoded(document: dict[str, Any], source: str, kind: type) -> Any:
    """Return the object of a document.

    Raises
    ------
    InputError
        If it is not of the kind.
    """
    item = decode_object(document, source)
    if not isinstance(item, kind):
        raise InputError(
            f"expected a {kind.__name__}",
            source=source,
            value=document.get("kind"),
            fix="name another template",
        )
    return item


def renamed(node: Node, name: str, labels: dict[str, str]) -> Node:
    """Return a node of the same shape; spec and status are shared."""
    meta = msgspec.structs.replace(node.metadata, name=name, labels=labels)
    return msgspec.structs.replace(node, metadata=meta)

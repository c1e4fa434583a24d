"""From a workload's steps to nodes, pods and events on a virtual clock.

Ops run in order. What an op creates comes into being at the op's time; the next op that
makes anything comes a second later, so that all the op's pods have been tried by then:
waiting costs no time in a replay without latencies. The clock stands at 0 until the
first pods; nodes created before them are there from the start, later ones join.
`deletePods` at a rate spreads its deletions behind its time, and the clock goes on
after the last if the op is waited for. `sleep` passes its duration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from schedbench.errors import InputError, NotModelledError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_node, priority_classes_by_name
from schedbench.objects.kinds import NAMESPACED, KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.policy import Namespace
from schedbench.objects.selectors import matches_labels
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.facts import gather, is_decodable
from schedbench.sources.scheduler_perf.names import Names
from schedbench.sources.scheduler_perf.needs import needs_of
from schedbench.sources.scheduler_perf.operations import (
    CreateNamespaces,
    CreateNodes,
    CreatePods,
    CreatePodSets,
    DeletePods,
    Sleep,
    StartCollectingMetrics,
    StopCollectingMetrics,
)
from schedbench.sources.scheduler_perf.plan import Batch, Parameters, Step, plan
from schedbench.sources.scheduler_perf.pods import PodColumns

HOSTNAME = "kubernetes.io/hostname"
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def build_workload(case: Case, workload: PerfWorkload) -> Workload:
    """Make the workload that a case describes.

    Raises
    ------
    NotModelledError
        If it needs what schedbench does not model, naming all of it.
    InputError
        If a template cannot be rendered or an object is malformed.
    """
    steps = plan(case, workload)
    needs = needs_of(gather(case, workload, steps, sample=False))
    if needs:
        raise NotModelledError(
            f"needs what is not modelled yet: {', '.join(needs)}",
            source=case.path,
            where=f"case {case.name}/{workload.name}",
            fix="choose a workload without needs, see `schedbench list scenarios`",
        )
    builder = _Builder(Parameters(workload.params))
    for step in steps:
        try:
            builder.run(step)
        except InputError as error:
            raise error.at(source=case.path, where=step.where) from None
    return builder.workload(f"{case.name}/{workload.name}")


class _Builder:
    """The cluster as it grows, op by op."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.clock = 0.0
        self.nodes: list[Node] = []
        self.node_slots: dict[str, int] = {}
        self.events: list[NodeEvent] = []
        self.objects: list[KubernetesObject] = []
        self.namespaces: set[str] = set()
        self.names = Names()
        self.pods = PodColumns(self.names)
        self.collecting: list[StartCollectingMetrics] = []
        self.notes: list[str] = []

    def run(self, step: Step) -> None:
        match step.op:
            case CreateNodes() as op:
                self.create_nodes(op, step.batches[0])
            case CreateNamespaces() as op:
                self.create_namespaces(op.prefix, step.batches[0])
            case CreatePods() as op:
                self.create_pods(step.batches, measured=op.collect_metrics)
            case CreatePodSets() as op:
                measured = op.create_pods_op.collect_metrics
                self.create_pods(step.batches, measured=measured)
            case DeletePods() as op:
                self.delete_pods(op)
            case Sleep() as op:
                text = self.parameters.text(op.duration, op.duration_param)
                self.clock += seconds(text or "0s")
            case StartCollectingMetrics() as op:
                self.collecting = [op]
            case StopCollectingMetrics():
                self.collecting = []
            case _:
                for batch in step.batches:
                    self.create_any(batch)

    def tick(self) -> None:
        """Let the next op come strictly later, once there are pods."""
        if self.pods.segments:
            self.clock += 1.0

    def create_nodes(self, op: CreateNodes, batch: Batch) -> None:
        rendered = batch.objects
        shapes = [
            default_node(_decode(document, batch, Node))
            for document in rendered.documents
        ]
        if op.node_allocatable_strategy is not None:
            for shape in shapes:
                shape.status.allocatable = {
                    **shape.status.allocatable,
                    **op.node_allocatable_strategy.node_allocatable,
                }
        labelled = op.label_node_prepare_strategy
        unique = op.unique_node_label_strategy
        for position, (which, given) in enumerate(
            zip(rendered.which, rendered.names, strict=True)
        ):
            shape = shapes[which]
            name = self.names.take(given, shape.metadata, "Node", "")
            labels = {**shape.metadata.labels, HOSTNAME: name}
            if labelled is not None:
                values = labelled.label_values
                labels[labelled.label_key] = values[position % len(values)]
            if unique is not None:
                labels[unique.label_key] = f"unique-{len(self.node_slots)}"
            self.add_node(_renamed(shape, name, labels))
        if batch.count:
            self.tick()

    def add_node(self, node: Node) -> None:
        self.node_slots[node.metadata.name] = len(self.node_slots)
        if self.pods.segments:
            self.events.append(NodeEvent(self.clock, "add", node))
        else:
            self.nodes.append(node)

    def create_namespaces(self, prefix: str, batch: Batch) -> None:
        rendered = batch.objects
        for position, which in enumerate(rendered.which):
            item = _decode(rendered.documents[which], batch, Namespace)
            self.add_namespace(f"{prefix}-{position}", item.metadata.labels)

    def add_namespace(self, name: str, labels: dict[str, str]) -> None:
        if name in self.namespaces:
            return
        self.namespaces.add(name)
        meta = ObjectMeta(name=name, labels={**labels, NAMESPACE_NAME: name})
        self.objects.append(Namespace(metadata=meta))

    def create_pods(self, batches: Sequence[Batch], *, measured: bool) -> None:
        for batch in batches:
            self.add_pods(batch, batch.namespace or "default", measured=measured)
        if any(batch.count for batch in batches):
            self.tick()

    def add_pods(self, batch: Batch, namespace: str, *, measured: bool) -> None:
        if not batch.count:
            return
        self.add_namespace(namespace, {})
        classes = priority_classes_by_name(self.objects)
        segment = self.pods.add(batch, namespace, self.clock, classes)
        segment.measured = measured or any(
            namespace in op.namespaces
            and matches_labels(op.label_selector, self.pods.labels(segment))
            for op in self.collecting
        )

    def delete_pods(self, op: DeletePods) -> None:
        rate = op.delete_pods_per_second
        deleted, kept = self.pods.delete(
            op.namespace, op.label_selector, self.clock, rate
        )
        if kept:
            self.notes.append(
                f"{kept} pods with finalizers keep their place when deleted "
                f"in namespace {op.namespace}"
            )
        if rate and not op.skip_wait_to_completion:
            self.clock += deleted / rate
        if deleted:
            self.tick()

    def create_any(self, batch: Batch) -> None:
        rendered = batch.objects
        for which, given in zip(rendered.which, rendered.names, strict=True):
            document = rendered.documents[which]
            kind = str(document.get("kind"))
            if kind == "Pod":
                namespace = batch.namespace or _namespace(document)
                self.add_pods(batch, namespace, measured=False)
                self.tick()
                return
            if not is_decodable(document):
                continue
            item = _decode(document, batch, object)
            if isinstance(item, Node):
                name = self.names.take(given, item.metadata, kind, "")
                self.add_node(
                    _renamed(default_node(item), name, dict(item.metadata.labels))
                )
                continue
            if kind in NAMESPACED:
                item.metadata.namespace = batch.namespace or _namespace(document)
                self.add_namespace(item.metadata.namespace, {})
            namespace = item.metadata.namespace
            item.metadata.name = self.names.take(given, item.metadata, kind, namespace)
            self.objects.append(item)

    def workload(self, name: str) -> Workload:
        return Workload(
            name,
            self.nodes,
            self.pods.stream(self.node_slots),
            objects=self.objects,
            node_events=self.events,
            notes=self.notes,
        )


def _namespace(document: dict[str, Any]) -> str:
    return str(document["metadata"].get("namespace") or "default")


def _decode(document: dict[str, Any], batch: Batch, kind: type) -> Any:
    item = decode_object(document, batch.template.source)
    if not isinstance(item, kind):
        raise InputError(
            f"expected a {kind.__name__}",
            source=batch.template.source,
            value=document.get("kind"),
            fix="name another template",
        )
    return item


def _renamed(node: Node, name: str, labels: dict[str, str]) -> Node:
    """Return a node of the same shape; spec and status are shared."""
    meta = msgspec.structs.replace(node.metadata, name=name, labels=labels)
    return msgspec.structs.replace(node, metadata=meta)


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|ns)")


def seconds(duration: str) -> float:
    """Return the seconds of a Go duration such as `1m30s`.

    Raises
    ------
    InputError
        If it is not a duration.
    """
    parts = _PART.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration or not parts:
        raise InputError("not a duration", value=duration, fix="write such as 90s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)

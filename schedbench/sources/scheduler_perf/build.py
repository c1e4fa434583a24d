"""From a workload's steps to nodes, pods and events on a virtual clock.

Ops run in order. The pods of an op are created one after another, 5,000 a second; the
next op that makes anything comes a second after the last of them, so that all the op's
pods have been tried by then: waiting (`barrier` too) costs no time of its own. The
clock stands at 0 until the first pods; nodes created before them are there from the
start, later ones join. Other objects are known from time 0.
`createPodSets` is one op per namespace. `deletePods` and `updateAny` at a rate spread
what they do behind the op's time, and the clock goes on after the last if the op is
waited for. `sleep` passes its duration. `churn` works in the background, from its op
until the last op has ended, for at least a second. The label `signature` that upstream
puts on pods is left out, since nothing selects by it.
Source: test/integration/scheduler_perf/{executor,operations,update}.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schedbench.errors import InputError, NotModelledError
from schedbench.objects.defaults import default_node
from schedbench.objects.kinds import NAMESPACED
from schedbench.objects.node import Node
from schedbench.objects.policy import Namespace
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.sources.scheduler_perf.churn import Background
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.durations import seconds
from schedbench.sources.scheduler_perf.facts import gather, is_decodable
from schedbench.sources.scheduler_perf.gates import harness_notes
from schedbench.sources.scheduler_perf.needs import needs_of
from schedbench.sources.scheduler_perf.nominations import nominated, ungated
from schedbench.sources.scheduler_perf.operations import (
    Churn,
    CreateNamespaces,
    CreateNodes,
    CreatePods,
    CreatePodSets,
    DeletePods,
    Sleep,
    StartCollectingMetrics,
    StopCollectingMetrics,
    UpdateAny,
)
from schedbench.sources.scheduler_perf.plan import Batch, Parameters, Step, plan
from schedbench.sources.scheduler_perf.storage import (
    bound_volumes,
    csi_node,
    with_claims,
)
from schedbench.sources.scheduler_perf.timeline import Timeline, decoded, renamed

HOSTNAME = "kubernetes.io/hostname"


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
    try:
        for step in steps:
            builder.run(step)
        notes = harness_notes(case, workload.feature_gates)
        builder.timeline.notes.extend(notes)
        name = f"{case.name}/{workload.name}"
        return builder.workload(name, case.scheduler_config())
    except InputError as error:
        raise error.at(source=case.path) from None


class _Builder:
    """What each op does to the timeline."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.timeline = Timeline()
        self.churns: list[Background] = []

    def run(self, step: Step) -> None:
        for churn in self.churns:
            churn.advance(self.timeline.clock)
        try:
            self.run_op(step)
        except InputError as error:
            raise error.at(where=step.where) from None

    def run_op(self, step: Step) -> None:
        match step.op:
            case CreateNodes() as op:
                self.create_nodes(op, step.batches[0])
            case CreateNamespaces() as op:
                self.create_namespaces(op.prefix, step.batches[0])
            case CreatePods() as op:
                self.create_pods(op, step.batches)
            case CreatePodSets() as op:
                size = 3 if op.create_pods_op.persistent_volume_template_path else 1
                for start in range(0, len(step.batches), size):
                    self.create_pods(
                        op.create_pods_op, step.batches[start : start + size]
                    )
            case DeletePods() as op:
                self.delete_pods(op)
            case Churn() as op:
                self.churns.append(
                    Background(op, step.batches, self.timeline, step.where)
                )
            case UpdateAny() as op:
                self.update_any(op, step.batches[0])
            case Sleep() as op:
                text = self.parameters.text(op.duration, op.duration_param)
                self.timeline.clock += seconds(text or "0s")
            case StartCollectingMetrics() as op:
                self.timeline.collecting = op
            case StopCollectingMetrics():
                self.timeline.collecting = None
            case _:
                for batch in step.batches:
                    self.create_any(batch)

    def create_nodes(self, op: CreateNodes, batch: Batch) -> None:
        timeline = self.timeline
        rendered = batch.objects
        shapes = [
            default_node(decoded(document, batch.template.source, Node))
            for document in rendered.documents
        ]
        strategy = op.node_allocatable_strategy
        if strategy is not None:
            for shape in shapes:
                shape.status.allocatable = {
                    **shape.status.allocatable,
                    **strategy.node_allocatable,
                }
        labelled = op.label_node_prepare_strategy
        unique = op.unique_node_label_strategy
        for position, (which, given) in enumerate(
            zip(rendered.which, rendered.names, strict=True)
        ):
            shape = shapes[which]
            name = timeline.names.take(given, shape.metadata, "Node", "")
            labels = {**shape.metadata.labels, HOSTNAME: name}
            if labelled is not None:
                values = labelled.label_values
                labels[labelled.label_key] = values[position % len(values)]
            if unique is not None:
                labels[unique.label_key] = f"unique-{timeline.created_nodes}"
            timeline.add_node(renamed(shape, name, labels))
            if strategy is not None:
                timeline.add_object(csi_node(name, strategy))
        if batch.count:
            timeline.tick()

    def create_namespaces(self, prefix: str, batch: Batch) -> None:
        rendered = batch.objects
        for position, which in enumerate(rendered.which):
            document = rendered.documents[which]
            item = decoded(document, batch.template.source, Namespace)
            self.timeline.add_namespace(f"{prefix}-{position}", item.metadata.labels)

    def create_pods(self, op: CreatePods, batches: Sequence[Batch]) -> None:
        """Create pods; a volume and a claim template follow theirs, if there are any.

        Pods of a nominated node get rid of their gates a second after the last of them
        was created.
        """
        pods, *storage = batches
        if not pods.count:
            return
        timeline = self.timeline
        namespace = pods.namespace or "default"
        source = pods.template.source
        rendered = pods.objects
        if storage:
            rendered = with_claims(rendered)
            for item in bound_volumes(storage[0], storage[1], namespace):
                kind, owner = type(item).__name__, item.metadata.namespace
                timeline.names.take(item.metadata.name, item.metadata, kind, owner)
                timeline.add_object(item)
        if op.nominated_node_name is not None:
            rendered = nominated(rendered, op.nominated_node_name)
        segment = timeline.add_pods(rendered, source, namespace, timeline.clock)
        segment.measured |= op.collect_metrics
        timeline.clock = float(segment.arrival[-1])
        timeline.tick()
        if op.nominated_node_name is None:
            return
        released = ungated(rendered)
        if released is None:
            return
        places = [
            timeline.template(document, source, namespace)
            for document in released.documents
        ]
        for name, which in zip(segment.names, released.which.tolist(), strict=True):
            timeline.pods.update(name, places[which], timeline.clock)
        timeline.tick()

    def delete_pods(self, op: DeletePods) -> None:
        timeline = self.timeline
        rate = op.delete_pods_per_second
        deleted, kept = timeline.pods.delete(
            op.namespace, op.label_selector, timeline.clock, rate
        )
        if kept:
            timeline.notes.append(
                f"{kept} pods with finalizers keep their place when deleted "
                f"in namespace {op.namespace}"
            )
        if rate and not op.skip_wait_to_completion:
            timeline.clock += deleted / rate
        if deleted:
            timeline.tick()

    def update_any(self, op: UpdateAny, batch: Batch) -> None:
        """Replace nodes and pods by what the template says of them now."""
        timeline = self.timeline
        rate = op.update_per_second
        source = batch.template.source
        rendered = batch.objects
        for position, (which, name) in enumerate(
            zip(rendered.which.tolist(), rendered.names, strict=True)
        ):
            document = rendered.documents[which]
            time = timeline.clock + ((position + 1) / rate if rate else 0.0)
            if name is None:
                raise InputError(
                    "an update without metadata.name", source=source, fix="name it"
                )
            if document.get("kind") == "Pod":
                namespace = op.namespace or _namespace(document)
                place = timeline.template(document, source, namespace)
                timeline.pods.update(f"{namespace}/{name}", place, time)
            if document.get("kind") != "Node":
                continue
            if not timeline.names.is_taken("Node", "", name):
                raise InputError("no such node", value=name, fix="create it before")
            node = default_node(decoded(document, source, Node))
            changed = renamed(node, name, dict(node.metadata.labels))
            timeline.change_node(NodeEvent(time, "update", changed))
        if rate:
            timeline.clock += batch.count / rate
        if batch.count:
            timeline.tick()

    def create_any(self, batch: Batch) -> None:
        timeline = self.timeline
        rendered = batch.objects
        source = batch.template.source
        for which, given in zip(rendered.which, rendered.names, strict=True):
            document = rendered.documents[which]
            kind = str(document.get("kind"))
            if kind == "Pod":
                namespace = batch.namespace or _namespace(document)
                segment = timeline.add_pods(rendered, source, namespace, timeline.clock)
                timeline.clock = float(segment.arrival[-1])
                timeline.tick()
                return
            if not is_decodable(document):
                continue
            item = decoded(document, source, object)
            if isinstance(item, Node):
                name = timeline.names.take(given, item.metadata, kind, "")
                labels = dict(item.metadata.labels)
                timeline.add_node(renamed(default_node(item), name, labels))
                continue
            if kind in NAMESPACED:
                item.metadata.namespace = batch.namespace or _namespace(document)
                timeline.add_namespace(item.metadata.namespace, {})
            namespace = item.metadata.namespace
            item.metadata.name = timeline.names.take(
                given, item.metadata, kind, namespace
            )
            timeline.add_object(item)

    def workload(self, name: str, config: Mapping[str, Any] | None) -> Workload:
        end = self.timeline.clock
        for churn in self.churns:
            churn.advance(max(end, churn.start + 1.0))
            self.timeline.notes.extend(churn.notes())
        return self.timeline.workload(name, config)


def _namespace(document: dict[str, Any]) -> str:
    return str(document["metadata"].get("namespace") or "default")

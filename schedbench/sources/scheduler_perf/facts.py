"""What a workload consists of, gathered from its rendered objects."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from schedbench.errors import InputError
from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import GROUP_OF, KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PriorityClass
from schedbench.objects.selectors import matches_label_selector, matches_labels
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.operations import CreatePodSets, Operation
from schedbench.sources.scheduler_perf.plan import Parameters, Step


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """A workload's ops, parameters and objects; pods and nodes are not defaulted.

    Attributes
    ----------
    pods, objects
        Each with its namespace.
    strangers
        `group/Kind` of the objects that schedbench has no type for.
    """

    case: Case
    workload: PerfWorkload
    ops: Sequence[Operation]
    parameters: Parameters
    pods: Sequence[tuple[str, Pod]]
    nodes: Sequence[Node]
    objects: Sequence[tuple[str, KubernetesObject]]
    strangers: frozenset[str]

    def of_type(self, *kinds: type) -> bool:
        """Tell whether there is an object of one of the types."""
        return any(isinstance(item, kinds) for _, item in self.objects)

    def opcodes(self) -> set[str]:
        """Return the op codes that the workload uses."""
        return {op.opcode for op in self.ops}

    def priorities(self) -> set[int]:
        """Return the priorities of the pods."""
        classes = {
            item.metadata.name: item
            for _, item in self.objects
            if isinstance(item, PriorityClass)
        }
        found = set()
        for _, pod in self.pods:
            spec = pod.spec
            named = classes.get(spec.priority_class_name or "")
            value = spec.priority
            if value is None:
                value = named.value if named is not None else 0
            found.add(value)
        return found

    def selected_pods(self) -> bool:
        """Tell whether a service or a controller selects a pod of its namespace."""
        owners = [
            (namespace, item)
            for namespace, item in self.objects
            if isinstance(
                item, Service | ReplicationController | ReplicaSet | StatefulSet
            )
        ]
        return any(
            namespace == place and _selects(owner, pod)
            for place, owner in owners
            for namespace, pod in self.pods
        )


def gather(
    case: Case, workload: PerfWorkload, steps: Sequence[Step], *, sample: bool
) -> Facts:
    """Render a plan's batches, or a few objects of each, and decode what they hold.

    Raises
    ------
    InputError
        If a template cannot be rendered or an object is malformed.
    """
    pods: list[tuple[str, Pod]] = []
    nodes: list[Node] = []
    objects: list[tuple[str, KubernetesObject]] = []
    strangers: set[str] = set()
    for step in steps:
        for namespace, document, source in _documents(case, step, sample=sample):
            if not is_decodable(document):
                strangers.add(kind_of(document))
                continue
            item = _decoded(msgspec.json.encode(document), source)
            place = namespace or item.metadata.namespace or "default"
            if isinstance(item, Pod):
                pods.append((place, item))
            elif isinstance(item, Node):
                nodes.append(item)
            else:
                objects.append((place, item))
    return Facts(
        case,
        workload,
        [op for step in steps for op in _ops_of(step)],
        Parameters(workload.params),
        pods,
        nodes,
        objects,
        frozenset(strangers),
    )


def _ops_of(step: Step) -> Iterator[Operation]:
    yield step.op
    if isinstance(step.op, CreatePodSets):
        yield step.op.create_pods_op


def kind_of(document: dict[str, Any]) -> str:
    """Return `group/Kind` of a document; the core group is empty."""
    group, slash, _ = str(document.get("apiVersion", "")).rpartition("/")
    return f"{group if slash else ''}/{document.get('kind', '')}"


def is_decodable(document: dict[str, Any]) -> bool:
    """Tell whether schedbench has a type for a document's kind."""
    group, _, name = kind_of(document).partition("/")
    return GROUP_OF.get(name) == group


def _documents(
    case: Case, step: Step, *, sample: bool
) -> Iterator[tuple[str | None, dict[str, Any], str]]:
    for batch in step.batches:
        try:
            rendered = batch.render(sample=True) if sample else batch.objects
        except InputError as error:
            raise error.at(source=case.path, where=step.where) from None
        for document in rendered.documents:
            yield batch.namespace, document, batch.template.source


@functools.lru_cache(maxsize=4096)
def _decoded(document: bytes, source: str) -> KubernetesObject:
    return decode_object(msgspec.json.decode(document), source)


def _selects(
    owner: Service | ReplicationController | ReplicaSet | StatefulSet, pod: Pod
) -> bool:
    labels = pod.metadata.labels
    if isinstance(owner, Service | ReplicationController):
        selector = owner.spec.selector
        return bool(selector) and matches_labels(selector, labels)
    return matches_label_selector(owner.spec.selector, labels)

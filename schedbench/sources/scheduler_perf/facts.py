"""What a workload consists of, gathered from its rendered objects."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from schedbench.errors import InputError
from schedbench.objects.controllers import Service
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import GROUP_OF, KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import matches_labels
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.operations import (
    Churn,
    CreatePodSets,
    Operation,
    UpdateAny,
)
from schedbench.sources.scheduler_perf.plan import Parameters, Step

_CHURNED_KINDS = frozenset({"/Pod", "/Node", "/Service"})


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """A workload's ops, parameters and objects; pods and nodes are not defaulted.

    Attributes
    ----------
    pods, objects
        Each with its namespace.
    strangers
        `group/Kind` of the objects that schedbench has no type for.
    updated, churned
        `group/Kind` of the objects, other than pods and nodes, that `updateAny` changes
        and `churn` makes; a Service that churns counts where it selects pods.
    scheduler_config
        The KubeSchedulerConfiguration that the case brings along.
    """

    case: Case
    workload: PerfWorkload
    ops: Sequence[Operation]
    parameters: Parameters
    pods: Sequence[tuple[str, Pod]]
    nodes: Sequence[Node]
    objects: Sequence[tuple[str, KubernetesObject]]
    strangers: frozenset[str]
    updated: frozenset[str]
    churned: frozenset[str]
    scheduler_config: Mapping[str, Any] | None

    def of_type(self, *kinds: type) -> bool:
        """Tell whether there is an object of one of the types."""
        return any(isinstance(item, kinds) for _, item in self.objects)

    def opcodes(self) -> set[str]:
        """Return the op codes that the workload uses."""
        return {op.opcode for op in self.ops}


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
    updated: set[str] = set()
    churned: set[str] = set()
    services: list[tuple[str, Service]] = []
    for step in steps:
        for namespace, document, source in _documents(case, step, sample=sample):
            kind = kind_of(document)
            if isinstance(step.op, UpdateAny) and kind not in {"/Pod", "/Node"}:
                updated.add(kind)
            if isinstance(step.op, Churn) and kind not in _CHURNED_KINDS:
                churned.add(kind)
            if not is_decodable(document):
                strangers.add(kind)
                continue
            item = _decoded(msgspec.json.encode(document), source)
            place = namespace or item.metadata.namespace or "default"
            if isinstance(item, Pod):
                pods.append((place, item))
            elif isinstance(item, Node):
                nodes.append(item)
            elif isinstance(step.op, Churn) and isinstance(item, Service):
                services.append((place, item))
            else:
                objects.append((place, item))
    if any(
        place == namespace
        and service.spec.selector
        and matches_labels(service.spec.selector, pod.metadata.labels)
        for place, service in services
        for namespace, pod in pods
    ):
        churned.add("/Service")
    return Facts(
        case,
        workload,
        [op for step in steps for op in _ops_of(step)],
        Parameters(workload.params),
        pods,
        nodes,
        objects,
        frozenset(strangers),
        frozenset(updated),
        frozenset(churned),
        case.scheduler_config(),
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

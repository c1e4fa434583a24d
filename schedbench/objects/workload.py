"""What a source hands to a simulation: a cluster and what happens to it.

Pods come as columns over a few templates, so that a million pods are a few arrays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

NodeChange = Literal["add", "update", "remove"]
QueueKind = Literal["immediate", "kube-scheduler"]


@dataclasses.dataclass(frozen=True, slots=True)
class PodStream:
    """Pods in the order of their creation, as columns over templates.

    Two pods of one template differ in name alone. Times are simulated seconds.

    Attributes
    ----------
    templates
        The distinct pods; defaulted, with `spec.priority` resolved.
    template : int32[pod]
        Index into `templates`.
    arrival : float64[pod]
        When the pod is created; never falling.
    duration : float64[pod]
        How long it runs once bound; inf = until the end.
    deletion : float64[pod]
        When it is deleted, bound or not; inf = never.
    node : int32[pod]
        Index of the node it is already bound to on arrival; -1 = to be scheduled.
    names
        `namespace/name` of each pod, or None for names made from the template's.
    measured : bool[pod]
        Pods whose scheduling is what the workload measures.
    """

    templates: Sequence[Pod]
    template: NDArray[np.int32]
    arrival: NDArray[np.float64]
    duration: NDArray[np.float64]
    deletion: NDArray[np.float64]
    node: NDArray[np.int32]
    measured: NDArray[np.bool_]
    names: Sequence[str] | None = None

    @classmethod
    def of(
        cls,
        templates: Sequence[Pod],
        template: NDArray[np.int32] | Sequence[int] | None = None,
        *,
        arrival: NDArray[np.float64] | float = 0.0,
        duration: NDArray[np.float64] | float = np.inf,
        deletion: NDArray[np.float64] | float = np.inf,
        node: NDArray[np.int32] | int = -1,
        measured: NDArray[np.bool_] | bool = True,
        names: Sequence[str] | None = None,
    ) -> PodStream:
        """Make a stream; scalars are spread over all pods, no `template` = one each.

        Raises
        ------
        InputError
            If columns differ in length, arrivals are not in order, a duration is not
            positive, or a number is NaN.
        """
        index = np.asarray(
            np.arange(len(templates)) if template is None else template, dtype=np.int32
        )
        count = len(index)
        columns: dict[str, NDArray[Any]] = {
            "arrival": np.asarray(arrival, dtype=np.float64),
            "duration": np.asarray(duration, dtype=np.float64),
            "deletion": np.asarray(deletion, dtype=np.float64),
            "node": np.asarray(node, dtype=np.int32),
            "measured": np.asarray(measured, dtype=np.bool_),
        }
        for name, column in columns.items():
            if column.ndim == 0:
                columns[name] = np.full(count, column)
            elif len(column) != count:
                raise InputError(
                    f"pod column {name} has {len(column)} entries, expected {count}"
                )
            if column.dtype.kind == "f" and np.isnan(column).any():
                raise InputError(f"pod column {name} holds NaN")
        if (np.diff(columns["arrival"]) < 0).any():
            raise InputError("pod arrivals are not in order")
        if (columns["duration"] <= 0).any():
            raise InputError("a pod duration is not above 0")
        if names is not None and len(names) != count:
            raise InputError(f"{len(names)} pod names for {count} pods")
        return cls(templates, index, names=names, **columns)

    def __len__(self) -> int:
        return len(self.template)

    def name(self, pod: int) -> str:
        """Return `namespace/name` of a pod."""
        if self.names is not None:
            return self.names[pod]
        return f"{_prefix(self.templates[int(self.template[pod])])}-{pod}"

    def prefixes(self) -> list[str]:
        """Return what stands before `-` and a pod's number in the names it makes."""
        return [_prefix(template) for template in self.templates]


def _prefix(template: Pod) -> str:
    meta = template.metadata
    name = meta.name or meta.generate_name or "pod-"
    return f"{meta.namespace}/{name.rstrip('-')}"


@dataclasses.dataclass(frozen=True, slots=True)
class NodeEvent:
    """A node that joins, changes or leaves at a simulated time.

    `update` and `remove` name a node that is there; `remove` needs only the name.
    """

    time: float
    change: NodeChange
    node: Node


@dataclasses.dataclass(frozen=True, slots=True)
class PodUpdate:
    """A pod that has another template from a simulated time on.

    `pod` and `template` are indices into the pod stream; the name stays.
    """

    time: float
    pod: int
    template: int


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """A cluster, its pods and its changes: one instance of a scenario.

    Attributes
    ----------
    name
        `scenario/size`, for messages and results.
    nodes
        The nodes at time 0; their order is the node order of ties.
    pods
        The pods.
    objects
        The other API objects that scheduling looks at.
    node_events
        Node changes in order of time.
    pod_updates
        Pod changes in order of time.
    queue
        How pods that found no node wait. `immediate`: each is tried again the moment
        something changes that may help. `kube-scheduler`: in its scheduling queue,
        with gates, backoff, hints, preemption, nominations, volumes and groups.
    scheduler_config
        A KubeSchedulerConfiguration that the workload brings along.
    typical_pods
        Index of templates and their popularity, the target workload M of the
        fragmentation measure; empty = taken from the pods themselves.
    published
        Policy → curve → values: what others published of this very workload, to be
        shown beside our own (`metrics/curves.py`).
    notes
        What the source repaired, dropped or noticed, one sentence each.
    """

    name: str
    nodes: Sequence[Node]
    pods: PodStream
    objects: Sequence[KubernetesObject] = ()
    node_events: Sequence[NodeEvent] = ()
    pod_updates: Sequence[PodUpdate] = ()
    queue: QueueKind = "immediate"
    scheduler_config: Mapping[str, Any] | None = None
    typical_pods: Sequence[tuple[Pod, float]] = ()
    published: Mapping[str, Mapping[str, NDArray[np.float64]]] = dataclasses.field(
        default_factory=dict
    )
    notes: Sequence[str] = ()

    @property
    def needs_scheduling_queue(self) -> bool:
        """Whether it says so, or has pods that only kube-scheduler's queue handles.

        These are pods with gates, groups, claims, nominations or a scheduler's name.
        """
        return self.queue == "kube-scheduler" or any(
            pod.spec.scheduling_gates
            or pod.spec.scheduling_group is not None
            or pod.status.nominated_node_name
            or pod.spec.scheduler_name not in {None, "", "default-scheduler"}
            or any(
                volume.persistent_volume_claim is not None
                or volume.ephemeral is not None
                for volume in pod.spec.volumes
            )
            for pod in self.pods.templates
        )

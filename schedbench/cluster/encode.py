"""Objects → columns: a workload becomes the arrays that kernels run on.

Pods whose scheduling-relevant content is the same share one class. Classes that
agree in node name, selectors, tolerations and GPU models share one static row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import no_domains
from schedbench.cluster.gpu import GPU_COUNT, GpuRequest, gpu_devices, gpu_request
from schedbench.cluster.layout import (
    BASE_RESOURCES,
    GPU_DEVICE_MILLI,
    NO_DEVICE,
    NO_TAG,
    PODS,
    ClusterState,
    PodClasses,
)
from schedbench.cluster.nodes import node_slots
from schedbench.cluster.ports import HostPort, conflicts, host_ports
from schedbench.cluster.terms import no_inter_pod, no_spread
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.errors import InputError
from schedbench.objects.meta import Quantity
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import (
    node_allocatable,
    pod_nonzero_requests,
    pod_requests,
)
from schedbench.objects.workload import Workload


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedWorkload:
    """A workload as columns; runs copy `state` and leave the rest alone.

    Attributes
    ----------
    workload
        What was encoded.
    resources
        Names of the resource rows.
    state
        The empty cluster at time 0.
    classes
        The pod classes.
    class_pods
        One pod object of each class.
    static_pods
        One pod object of each static row.
    class_of : int32[pod]
        Class of each pod.
    class_of_template : int32[template]
        Class of each template.
    priority : int64[pod]
        Priority of each pod.
    initial_nodes
        Slot → the node object at time 0, or with which it first joins.
    """

    workload: Workload
    resources: tuple[str, ...]
    state: ClusterState
    classes: PodClasses
    class_pods: Sequence[Pod]
    static_pods: Sequence[Pod]
    class_of: NDArray[np.int32]
    class_of_template: NDArray[np.int32]
    priority: NDArray[np.int64]
    initial_nodes: Sequence[Node]

    @property
    def nodes(self) -> Sequence[Node]:
        """Slot → node object."""
        return self.initial_nodes

    @property
    def node_names(self) -> list[str]:
        """Slot → node name."""
        return [node.metadata.name for node in self.initial_nodes]

    def allocatable(self, node: Node) -> NDArray[np.int64]:
        """Return the allocatable of a node object, in resource rows."""
        return _amounts([node_allocatable(node)], self.resources).reshape(-1)


def encode(workload: Workload) -> EncodedWorkload:
    """Encode a workload.

    Raises
    ------
    InputError
        On two nodes of one name, a quantity that overflows, or GPU shares that
        contradict each other.
    """
    nodes = _all_nodes(workload)
    class_of_template, class_pods = _intern(workload.pods.templates)
    requests = [pod_requests(pod) for pod in class_pods]
    changed = [event.node for event in workload.node_events]
    resources = _resource_rows(requests)
    static_row, static_pods = _static_rows(class_pods)
    port_columns, port_count = _port_columns(class_pods)
    gpus = [gpu_request(pod) for pod in class_pods]
    gpu_tag, tag_count = _gpu_tags(gpus)
    request = _amounts(requests, resources)
    request[:, PODS] = 1
    rows, row_start = _ragged([np.flatnonzero(amounts).tolist() for amounts in request])
    bound = [pod_nonzero_requests(pod, on_node=True) for pod in class_pods]
    classes = PodClasses(
        request=request,
        rows=rows,
        row_start=row_start,
        fit_rows=rows,
        fit_start=row_start,
        nonzero=_matrix([pod_nonzero_requests(pod) for pod in class_pods], 2),
        nonzero_bound=_matrix(bound, 2),
        static_row=static_row,
        **port_columns,
        gpu_count=np.array([gpu.devices for gpu in gpus], dtype=np.int64),
        gpu_milli=np.array([gpu.milli for gpu in gpus], dtype=np.int64),
        gpu_tag=gpu_tag,
        adds=np.zeros(0, dtype=np.int32),
        add_weight=np.zeros(0, dtype=np.int64),
        add_start=np.zeros(len(class_pods) + 1, dtype=np.int32),
        inter_pod=no_inter_pod(len(class_pods)),
        spread=no_spread(len(class_pods)),
    )
    offer, offering = _offers(nodes)
    gpus_of = np.array([gpu_devices(node) for node in offering], dtype=np.int64)
    later = [gpu_devices(node) for node in changed]
    gpu_rows = max([*gpus_of.tolist(), *later], default=0)
    rows_of = (len(resources), port_count, gpu_rows, tag_count)
    state = _empty_state(len(nodes), *rows_of)
    offered = _amounts([node_allocatable(node) for node in offering], resources)
    there = slice(len(workload.nodes))
    state.alive[there] = 1
    state.allocatable[:, there] = offered[offer[there]].T
    for device in range(gpu_rows):
        has_device = gpus_of[offer[there]] > device
        state.gpu_free[device, there][has_device] = GPU_DEVICE_MILLI
    priorities = [pod.spec.priority or 0 for pod in workload.pods.templates]
    template = workload.pods.template
    return EncodedWorkload(
        workload=workload,
        resources=resources,
        state=state,
        classes=classes,
        class_pods=class_pods,
        static_pods=static_pods,
        class_of=class_of_template[template],
        class_of_template=class_of_template,
        priority=np.array(priorities, dtype=np.int64)[template],
        initial_nodes=nodes,
    )


def _all_nodes(workload: Workload) -> list[Node]:
    nodes = list(workload.nodes)
    known = {node.metadata.name for node in nodes}
    for event in workload.node_events:
        if event.node.metadata.name not in known:
            if event.change != "add":
                raise InputError(
                    f"a node that is not there cannot {event.change}",
                    where=f"node event at {event.time} s",
                    value=event.node.metadata.name,
                    fix="add the node first",
                )
            known.add(event.node.metadata.name)
            nodes.append(event.node)
    node_slots(nodes)
    return nodes


def _offers(nodes: Sequence[Node]) -> tuple[NDArray[np.int64], list[Node]]:
    """Return which offer each node makes, and one node of each offer.

    An offer is all that allocatable amounts and GPU devices are read from.
    """
    offers: Vocabulary[tuple[tuple[tuple[str, Quantity], ...], Quantity | None]]
    offers = Vocabulary()
    offering: list[Node] = []
    offer = np.empty(len(nodes), dtype=np.int64)
    for slot, node in enumerate(nodes):
        status = node.status
        given = (tuple(status.allocatable.items()), status.capacity.get(GPU_COUNT))
        index = offer[slot] = offers.add(given)
        if index == len(offering):
            offering.append(node)
    return offer, offering


def class_content(pod: Pod) -> bytes:
    """Return all of a pod that scheduling looks at, as bytes to intern by."""
    meta = pod.metadata
    owners = [(owner.kind, owner.name) for owner in meta.owner_references]
    return msgspec.json.encode(
        (
            meta.namespace,
            meta.labels,
            owners,
            gpu_request(pod),
            meta.deletion_timestamp is not None,
            pod.spec,
            pod.status.container_statuses,
            pod.status.init_container_statuses,
            pod.status.resize,
        ),
        order="deterministic",
    )


def _intern(templates: Sequence[Pod]) -> tuple[NDArray[np.int32], list[Pod]]:
    contents: Vocabulary[bytes] = Vocabulary()
    class_pods: list[Pod] = []
    class_of = np.empty(len(templates), dtype=np.int32)
    for index, pod in enumerate(templates):
        class_of[index] = contents.add(class_content(pod))
        if class_of[index] == len(class_pods):
            class_pods.append(pod)
    return class_of, class_pods


def _static_content(pod: Pod, gpu: GpuRequest) -> bytes:
    affinity = pod.spec.affinity
    return msgspec.json.encode(
        (
            pod.spec.node_name,
            pod.spec.node_selector,
            affinity.node_affinity if affinity else None,
            pod.spec.tolerations,
            gpu.devices > 0,
            gpu.models,
        ),
        order="deterministic",
    )


def _static_rows(class_pods: Sequence[Pod]) -> tuple[NDArray[np.int32], list[Pod]]:
    contents: Vocabulary[bytes] = Vocabulary()
    static_pods: list[Pod] = []
    row = np.empty(len(class_pods), dtype=np.int32)
    for index, pod in enumerate(class_pods):
        row[index] = contents.add(_static_content(pod, gpu_request(pod)))
        if row[index] == len(static_pods):
            static_pods.append(pod)
    return row, static_pods


def _resource_rows(requests: Sequence[dict[str, int]]) -> tuple[str, ...]:
    """Return the row names: extended resources only where some pod asks for them.

    One that no pod asks for is neither filtered nor scored upstream either.
    """
    named = {name for amounts in requests for name, amount in amounts.items() if amount}
    return (*BASE_RESOURCES, *sorted(named - set(BASE_RESOURCES) - {GPU_COUNT}))


def _matrix(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)


def _amounts(
    given: Sequence[dict[str, int]], resources: Sequence[str]
) -> NDArray[np.int64]:
    index = {name: i for i, name in enumerate(resources)}
    matrix = np.zeros((len(given), len(resources)), dtype=np.int64)
    for row, amounts in zip(matrix, given, strict=True):
        for name, amount in amounts.items():
            if name in index:
                row[index[name]] = amount
    return matrix


def _port_columns(
    class_pods: Sequence[Pod],
) -> tuple[dict[str, NDArray[np.int32]], int]:
    wanted = [host_ports(pod) for pod in class_pods]
    vocabulary: Vocabulary[HostPort] = Vocabulary(
        port for ports in wanted for port in ports
    )
    own = [[vocabulary[port] for port in ports] for ports in wanted]
    clash = [
        sorted({index for port in ports for index in conflicts(port, vocabulary)})
        for ports in wanted
    ]
    ports, port_start = _ragged(own)
    blocked, conflict_start = _ragged(clash)
    columns = {
        "ports": ports,
        "port_start": port_start,
        "conflicts": blocked,
        "conflict_start": conflict_start,
    }
    return columns, len(vocabulary)


def _ragged(
    lists: Sequence[Sequence[int]],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    start = np.zeros(len(lists) + 1, dtype=np.int32)
    start[1:] = np.cumsum([len(items) for items in lists])
    flat = np.array([item for items in lists for item in items], dtype=np.int32)
    return flat, start


def _gpu_tags(gpus: Sequence[GpuRequest]) -> tuple[NDArray[np.int32], int]:
    """Return in which way each class asks for GPUs, and how many ways there are."""
    ways: Vocabulary[int] = Vocabulary()
    tags = []
    for gpu in gpus:
        shares = gpu.devices == 1 and gpu.milli < GPU_DEVICE_MILLI
        tags.append(ways.add(0 if shares else gpu.devices) if gpu.devices else NO_TAG)
    return np.array(tags, dtype=np.int32), len(ways)


def _empty_state(
    nodes: int, resources: int, ports: int, gpus: int, tags: int
) -> ClusterState:
    return ClusterState(
        alive=np.zeros(nodes, dtype=np.uint8),
        allocatable=np.zeros((resources, nodes), dtype=np.int64),
        requested=np.zeros((resources, nodes), dtype=np.int64),
        nonzero=np.zeros((2, nodes), dtype=np.int64),
        port_used=np.zeros((ports, nodes), dtype=np.int32),
        gpu_free=np.full((gpus, nodes), NO_DEVICE, dtype=np.int64),
        gpu_tags=np.zeros((tags, nodes), dtype=np.int32),
        domains=no_domains(nodes),
    )

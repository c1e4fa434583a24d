"""An imported trace as a workload: pods and nodes as Kubernetes would have them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, overload

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta, Quantity
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.sources.gpu import GPU_COUNT, GPU_MODEL, gpu_annotations
from schedbench.sources.synthetic.pods import ranks
from schedbench.sources.traces.folder import (
    ALIKE,
    Columns,
    iterate_pods,
    read_about,
    read_columns,
)
from schedbench.sources.traces.sampling import (
    bootstrap,
    scaled_nodes,
    thin,
    units,
    warp,
)
from schedbench.sources.traces.target import NODES

if TYPE_CHECKING:
    import pyarrow as pa

MAX_PER_NODE = "schedbench.io/max-per-node-{}"
"""An extended resource by which nodes limit the pods of a group."""

SHORTEST = 1e-3
"""Seconds that a pod runs which the trace says ran for none."""

Above = Annotated[float, Meta(gt=0)]


class Trace(Struct, forbid_unknown_fields=True, kw_only=True):
    """An imported trace and how to play it.

    Attributes
    ----------
    file
        The folder that `schedbench import` wrote.
    first, last
        Seconds of the trace between which pods arrive; those that run at `first`
        stay out. Times count from `first`.
    thin
        Share of the gangs and single pods to keep, and of the nodes.
    bootstrap
        Gangs and single pods to draw anew, by class; nodes are scaled alike.
    rate
        How many times as fast pods arrive; durations stay.
    nodes
        Share of the nodes, instead of what `thin` or `bootstrap` imply.
    gangs
        Whether the pods of a gang are placed together or not at all, as PodGroups in
        kube-scheduler's queue; without it each pod is placed alone.
    constraints
        Whether pods keep to the nodes that the trace says they may use.
    namespaces
        Whether each user of the trace has a namespace.
    pods_per_node
        How many pods a node allows.
    """

    file: str | None = None
    first: Annotated[float, Meta(ge=0)] = 0.0
    last: Above | None = None
    thin: Annotated[float, Meta(gt=0, le=1)] = 1.0
    bootstrap: Annotated[int, Meta(ge=1)] | None = None
    rate: Above = 1.0
    nodes: Above | None = None
    gangs: bool = False
    constraints: bool = True
    namespaces: bool = False
    pods_per_node: Annotated[int, Meta(ge=1)] = 10_000


def load_trace(
    folder: Path, options: Trace, seed: int, nodes: Sequence[Node] = ()
) -> Workload:
    """Make the workload of an imported trace.

    Parameters
    ----------
    nodes
        The cluster instead of the trace's own.

    Raises
    ------
    InputError
        If the folder is no import, or nothing of it is left.
    """
    about = read_about(folder)
    pods = _read(folder, options)
    before = len(pods)
    notes: list[str] = []
    pods = _window(pods, options)
    share = options.thin
    if options.thin < 1:
        pods = thin(pods, options.thin, seed)
    if options.bootstrap is not None and len(pods):
        share *= options.bootstrap / (int(units(pods).max()) + 1)
        pods = bootstrap(pods, options.bootstrap, seed)
    if options.rate != 1:
        pods = warp(pods, options.rate)
    if not len(pods):
        raise InputError("no pods are left", source=folder, fix="keep more of them")
    if len(pods) != before:
        notes.append(f"{len(pods):,} pods are played, of {before:,} of the trace.")
    if (np.diff(pods["submit"]) < 0).any():
        pods = pods.take(np.argsort(pods["submit"], kind="stable"))
    held = _limits(pods)
    events: list[NodeEvent] = []
    if not nodes:
        rows = read_columns(folder, pods=False)
        share = options.nodes or share
        if share != 1:
            rows = scaled_nodes(rows, share)
        nodes, events = _cluster(rows, options, held)
        if not nodes and not events:
            raise InputError(
                "the trace has no nodes",
                source=folder / NODES,
                fix="give the scenario a cluster beside the trace",
            )
    stream, objects = _stream(pods, options, notes)
    return Workload(
        f"trace/{about['source']}",
        nodes,
        stream,
        objects=objects,
        node_events=events,
        notes=notes,
    )


def _read(folder: Path, options: Trace) -> Columns:
    """Return the pods, without columns that the workload does not show.

    Names of groups, of which there may be nearly as many as pods, take most of the
    time to read: they count for gangs and limits only.
    """
    but = {"start", "estimate", "queue", "censored"}
    if not options.namespaces:
        but.add("user")
    if not any(
        (rows["gang_size"] > 1).any() or (rows["max_per_node"] > 0).any()
        for rows in iterate_pods(folder, ("gang_size", "max_per_node"))
    ):
        but.add("group")
    return read_columns(folder, but=but)


def _window(pods: Columns, options: Trace) -> Columns:
    if options.first == 0 and options.last is None:
        return pods
    submit = pods["submit"]
    last = math.inf if options.last is None else options.last
    pods = pods.take(np.flatnonzero((submit >= options.first) & (submit < last)))
    return pods.replaced(
        **{name: pods[name] - options.first for name in ("submit", "end")}
    )


def _stream(
    pods: Columns, options: Trace, notes: list[str]
) -> tuple[PodStream, list[Any]]:
    templates, template, objects = _templates(pods, options, notes)
    duration, end = pods["duration"], pods["end"]
    known = ~np.isnan(duration)
    instant = known & (duration < SHORTEST)
    if instant.any():
        notes.append(f"{int(instant.sum()):,} pods that ran for 0 s run for 1 ms.")
    gone = ~known & ~np.isnan(end)
    if gone.any():
        notes.append(
            f"{int(gone.sum()):,} pods never ran in the trace: they are deleted when "
            "they were there."
        )
    namespaces = [each.metadata.namespace or "default" for each in templates]
    stream = PodStream.of(
        templates,
        template,
        arrival=np.maximum(pods["submit"], 0.0),
        duration=np.where(known, np.maximum(duration, SHORTEST), np.inf),
        deletion=np.where(gone, np.maximum(end, 0.0), np.inf),
        names=Names(pods.ids, namespaces, template),
    )
    return stream, objects


def _templates(
    pods: Columns, options: Trace, notes: list[str]
) -> tuple[list[Pod], NDArray[np.int32], list[Any]]:
    """Return the distinct pods, each pod's index, and the groups of gangs."""
    keys = list(ALIKE)
    if not options.constraints:
        keys.remove("constraints")
    if options.namespaces:
        keys.append("user")
    in_gang = pods["gang_size"] > 1
    limited = pods["max_per_node"] > 0
    number = np.zeros(len(pods), dtype=np.int64)
    columns = [pods[name].astype(np.int64) for name in keys]
    group = np.zeros(len(pods), dtype=np.int64)
    if limited.any():
        group = np.where(limited, 1 + pods["group"], 0)
        columns.append(pods["max_per_node"])
    if options.gangs:
        group = np.where(in_gang, 1 + pods["group"], group)
    elif in_gang.any():
        notes.append(
            f"{int(in_gang.sum()):,} pods belong to gangs and are placed one by one; "
            "with trace.gangs=true a gang is placed together or not at all."
        )
    for column in (*columns, group):
        index, count = ranks(column)
        number, _ = ranks(number * count + index)
    first = np.zeros(int(number.max()) + 1, dtype=np.int64)
    first[number[::-1]] = np.arange(len(pods))[::-1]
    limits = _limits(pods)
    templates = [_pod(pods, int(row), options, limits) for row in first]
    objects = _groups(pods, templates, first) if options.gangs else []
    return templates, number.astype(np.int32), objects


def _pod(pods: Columns, row: int, options: Trace, limits: dict[str, int]) -> Pod:
    requests: dict[str, Any] = {"cpu": f"{pods['cpu_milli'][row]}m"}
    if pods["memory_mib"][row] > 0:
        requests["memory"] = f"{pods['memory_mib'][row]}Mi"
    for name, amount in json.loads(pods.text("resources", row) or "{}").items():
        requests[name] = str(amount)
    group = pods.text("group", row)
    most = int(pods["max_per_node"][row])
    if most > 0:
        requests[MAX_PER_NODE.format(group)] = str(limits[group] // most)
    spec: dict[str, Any] = {
        "containers": [{"name": "main", "resources": {"requests": requests}}],
        "priority": int(pods["priority"][row]),
    }
    if options.constraints and pods.text("constraints", row):
        terms = [{"matchExpressions": json.loads(pods.text("constraints", row))}]
        spec["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": terms
                }
            }
        }
    if options.gangs and pods["gang_size"][row] > 1:
        spec["schedulingGroup"] = {"podGroupName": group}
    labels = {"class": kind} if (kind := pods.text("class", row)) else {}
    user = pods.text("user", row) if options.namespaces else ""
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "pod",
            "namespace": user or "default",
            "labels": labels,
            "annotations": gpu_annotations(
                int(pods["num_gpu"][row]),
                int(pods["gpu_milli"][row]),
                pods.text("gpu_models", row),
            ),
        },
        "spec": spec,
    }
    pod = decode_object(document, "trace")
    assert isinstance(pod, Pod)
    return default_pod(pod)


def _groups(
    pods: Columns, templates: Sequence[Pod], first: NDArray[np.int64]
) -> list[Any]:
    """Return a PodGroup for each gang; one that the sample cut is as large as it is."""
    there = np.bincount(pods["group"], minlength=len(pods.words["group"]))
    groups: dict[tuple[str, str], Any] = {}
    for pod, row in zip(templates, first.tolist(), strict=True):
        named = pod.spec.scheduling_group
        if named is None or named.pod_group_name is None:
            continue
        size = min(int(pods["gang_size"][row]), int(there[pods["group"][row]]))
        namespace = pod.metadata.namespace or "default"
        groups[namespace, named.pod_group_name] = decode_object(
            {
                "apiVersion": "scheduling.k8s.io/v1beta1",
                "kind": "PodGroup",
                "metadata": {"name": named.pod_group_name, "namespace": namespace},
                "spec": {"schedulingPolicy": {"gang": {"minCount": size}}},
            },
            "trace",
        )
    return list(groups.values())


def _limits(pods: Columns) -> dict[str, int]:
    """Return how much of its own resource each limited group has on a node.

    A pod that allows k of its group asks for 1 / k of it.
    """
    limited = np.flatnonzero(pods["max_per_node"] > 0)
    pairs = np.unique(
        np.column_stack([pods["group"][limited], pods["max_per_node"][limited]]), axis=0
    )
    most: dict[str, int] = {}
    for group, limit in pairs.tolist():
        name = pods.words["group"][group]
        most[name] = math.lcm(most.get(name, 1), limit)
    return most


def _cluster(
    rows: Columns, options: Trace, limits: dict[str, int]
) -> tuple[list[Node], list[NodeEvent]]:
    """Return the nodes that are there at first, and those that come and go later."""
    assert rows.ids is not None
    there: list[Node] = []
    events: list[NodeEvent] = []
    extra = {MAX_PER_NODE.format(name): str(most) for name, most in limits.items()}
    statuses: dict[tuple[int, ...], NodeStatus] = {}
    shape = ("cpu_milli", "memory_mib", "gpus", "resources")
    names = rows.ids.to_pylist()
    for row, name in enumerate(names):
        key = tuple(int(rows[column][row]) for column in shape)
        if key not in statuses:
            statuses[key] = _status(rows, row, options, extra)
        labels = {"kubernetes.io/hostname": name}
        labels |= json.loads(rows.text("labels", row) or "{}")
        if rows.text("gpu_model", row):
            labels[GPU_MODEL] = rows.text("gpu_model", row)
        meta = ObjectMeta(name=name, labels=labels)
        node = Node(metadata=meta, spec=NodeSpec(), status=statuses[key])
        pace = options.rate
        added = (float(rows["time_add"][row]) - options.first) / pace
        removed = (float(rows["time_remove"][row]) - options.first) / pace
        if removed <= 0:
            continue
        if added <= 0:
            there.append(node)
        else:
            events.append(NodeEvent(added, "add", node))
        if not math.isnan(removed):
            events.append(NodeEvent(removed, "remove", node))
    order = {"remove": 0, "update": 1, "add": 2}
    return there, sorted(events, key=lambda each: (each.time, order[each.change]))


def _status(
    rows: Columns, row: int, options: Trace, extra: dict[str, str]
) -> NodeStatus:
    held: dict[str, Quantity] = {
        "cpu": f"{rows['cpu_milli'][row]}m",
        "pods": str(options.pods_per_node),
    }
    if rows["memory_mib"][row] >= 0:
        held["memory"] = f"{rows['memory_mib'][row]}Mi"
    if rows["gpus"][row]:
        held[GPU_COUNT] = str(rows["gpus"][row])
    for name, amount in json.loads(rows.text("resources", row) or "{}").items():
        held[name] = str(amount)
    held |= extra
    return NodeStatus(capacity=held, allocatable=held)


class Names(Sequence[str]):
    """`namespace/id` of each pod, made when it is asked for."""

    def __init__(
        self, ids: pa.Array, namespaces: Sequence[str], template: NDArray[np.int32]
    ) -> None:
        self._ids, self._namespaces, self._template = ids, namespaces, template

    def __len__(self) -> int:
        return len(self._template)

    @overload
    def __getitem__(self, pod: int) -> str: ...
    @overload
    def __getitem__(self, pod: slice) -> list[str]: ...
    def __getitem__(self, pod: int | slice) -> str | list[str]:
        if isinstance(pod, slice):
            return [self[each] for each in range(*pod.indices(len(self)))]
        namespace = self._namespaces[int(self._template[pod])]
        return f"{namespace}/{self._ids[pod].as_py()}"

    def __iter__(self) -> Iterator[str]:
        spaces = self._namespaces
        for kind, name in zip(
            self._template.tolist(), self._ids.to_pylist(), strict=True
        ):
            yield f"{spaces[kind]}/{name}"

"""Pods, groups and nodes of an imported trace, as Kubernetes would have them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta, Quantity
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent
from schedbench.sources.gpu import GPU_COUNT, GPU_MODEL, gpu_annotations
from schedbench.sources.traces.folder import Columns
from schedbench.sources.traces.options import Trace
from schedbench.sources.traces.sampling import combined

MAX_PER_NODE = "schedbench.io/max-per-node-{}"
"""An extended resource by which nodes limit the pods of a group."""


def make_pod(pods: Columns, row: int, options: Trace, limits: dict[str, int]) -> Pod:
    """Return the pod of a row; `limits` are those of `group_limits`."""
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


def make_groups(
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


def group_limits(pods: Columns) -> dict[str, int]:
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


def limited_nodes(nodes: Sequence[Node], limits: dict[str, int]) -> list[Node]:
    """Return nodes which hold what pods of limited groups ask for."""
    extra = {MAX_PER_NODE.format(name): str(most) for name, most in limits.items()}
    if not extra:
        return list(nodes)
    made: dict[int, NodeStatus] = {}
    for node in nodes:
        status = node.status
        made.setdefault(
            id(status),
            msgspec.structs.replace(
                status,
                capacity=status.capacity | extra,
                allocatable=status.allocatable | extra,
            ),
        )
    return [
        msgspec.structs.replace(node, status=made[id(node.status)]) for node in nodes
    ]


def make_nodes(
    rows: Columns, options: Trace, limits: dict[str, int]
) -> tuple[list[Node], list[NodeEvent]]:
    """Return the nodes that are there at first, and those that come and go later."""
    assert rows.ids is not None
    there: list[Node] = []
    events: list[NodeEvent] = []
    extra = {MAX_PER_NODE.format(name): str(most) for name, most in limits.items()}
    shape = combined(rows, ("cpu_milli", "memory_mib", "gpus", "resources"))
    statuses: dict[int, NodeStatus] = {}
    words = [json.loads(text or "{}") for text in rows.words["labels"]]
    models = [{GPU_MODEL: text} if text else {} for text in rows.words["gpu_model"]]
    table = zip(
        rows.ids.to_pylist(),
        shape.tolist(),
        rows["labels"].tolist(),
        rows["gpu_model"].tolist(),
        ((rows["time_add"] - options.first) / options.rate).tolist(),
        ((rows["time_remove"] - options.first) / options.rate).tolist(),
        strict=True,
    )
    for row, (name, kind, label, model, added, removed) in enumerate(table):
        if kind not in statuses:
            statuses[kind] = _status(rows, row, options, extra)
        labels = {"kubernetes.io/hostname": name} | words[label] | models[model]
        meta = ObjectMeta(name=name, labels=labels)
        node = Node(metadata=meta, spec=NodeSpec(), status=statuses[kind])
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

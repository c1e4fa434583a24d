"""Small workloads for the scheduling queue, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from naive.queue_objects import pod as queue_pod

from schedbench.cluster.encode import encode
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.base import Policy
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

SPEC = "kube-scheduler[ties=first]"
ZONE = "topology.kubernetes.io/zone"
Told = list[tuple[float, str, int, str | None]]


def pod(cpu: str = "1", priority: int = 0, /, **more: Any) -> Pod:
    """Make a pod that asks for cpu."""
    containers = [{"resources": {"requests": {"cpu": cpu}}}]
    return queue_pod("kind", containers=containers, priority=priority, **more)


def node(name: str, cpu: str = "2", **labels: str) -> Node:
    """Make a node."""
    document = {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }
    return default_node(msgspec.convert(document, Node))


def workload(
    nodes: Sequence[Node], pods: Sequence[Pod], *arrival: float, **more: Any
) -> Workload:
    """Make a workload of one pod a template; of `more` some are columns of pods."""
    columns = ("template", "duration", "deletion", "node")
    columns_given = {name: more.pop(name) for name in columns if name in more}
    times = np.array(arrival or np.zeros(len(columns_given.get("template", pods))))
    stream = PodStream.of(pods, arrival=times, **columns_given)
    objects = more.pop("objects", ())
    return Workload("test", nodes, stream, objects, queue="kube-scheduler", **more)


def record_of(given: Workload, policy: Policy | None = None) -> Record:
    """Play a workload."""
    return replay(encode(given), policy or make_policy(SPEC), seed=1)


def told(given: Workload) -> Told:
    """Play a workload and return what happened, without arrivals."""
    record, names = record_of(given), encode(given).node_names
    columns = zip(record.time, record.kind, record.pod, record.node, strict=True)
    return [
        (float(t), EventKind(k).name, int(p), names[n] if n >= 0 else None)
        for t, k, p, n in columns
        if k != EventKind.ARRIVE
    ]

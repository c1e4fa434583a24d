"""The clusters and pods that the benchmarks run on."""

from __future__ import annotations

import functools

import numpy as np

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, QueueKind, Workload

SIZES = 100
"""Classes differ in cpu up to this many, then in memory too: each fits in any node."""


def make_node(index: int) -> Node:
    """Return a node as scheduler_perf's node-default.yaml makes it."""
    offered: dict[str, str | int | float] = {
        "pods": "110",
        "cpu": "4",
        "memory": "32Gi",
    }
    return default_node(
        Node(
            metadata=ObjectMeta(name=f"scheduler-perf-{index}"),
            status=NodeStatus(capacity=offered, allocatable=offered),
        )
    )


def make_pod(milli: int = 100, mebibytes: int = 500, priority: int = 0) -> Pod:
    """Return a pod as scheduler_perf's pod-default.yaml makes it."""
    resources = ResourceRequirements(
        requests={"cpu": f"{milli}m", "memory": f"{mebibytes}Mi"}
    )
    container = Container(name="pause", resources=resources)
    pod = Pod(
        metadata=ObjectMeta(name="pod", namespace="default"),
        spec=PodSpec(containers=[container], priority=priority),
    )
    return default_pod(pod)


def basic(nodes: int, pods: int, classes: int = 1) -> Workload:
    """Return scheduler_perf's SchedulingBasic, with pods of so many sizes."""
    return _workload("basic", nodes, PodStream.of(*_pods(pods, classes)))


def occupied(nodes: int, pods: int, on_each: int) -> Workload:
    """Return small pods that come to nodes with so many of their like already."""
    there = np.repeat(np.arange(nodes, dtype=np.int32), on_each)
    place = np.concatenate([there, np.full(pods, -1, dtype=np.int32)])
    stream = PodStream.of([make_pod(30, 200)], np.zeros_like(place), node=place)
    return _workload("occupied", nodes, stream)


def churning(nodes: int, pods: int, classes: int, on_each: float) -> Workload:
    """Return pods of which one leaves for each that comes, once nodes have so many."""
    templates, index = _pods(pods, classes)
    stay = max(round(nodes * on_each), 1)
    arrival = np.arange(pods, dtype=np.float64)
    stream = PodStream.of(templates, index, arrival=arrival, duration=stay + 0.5)
    return _workload("churning", nodes, stream)


def preemption(nodes: int, pods: int) -> Workload:
    """Return scheduler_perf's PreemptionBasic: four pods a node make room for larger.

    The low-priority pods come bound, so that only preempting pods are decided on.
    """
    there = np.tile(np.arange(nodes, dtype=np.int32), 4)
    place = np.concatenate([there, np.full(pods, -1, dtype=np.int32)])
    templates = [make_pod(900), make_pod(3000, priority=10)]
    arrival = (place < 0).astype(np.float64)
    stream = PodStream.of(
        templates, (place < 0).astype(np.int32), arrival=arrival, node=place
    )
    return _workload("preemption", nodes, stream, queue="kube-scheduler")


def _pods(pods: int, classes: int) -> tuple[list[Pod], np.ndarray]:
    """Return a template a class, and the template of each pod: in turns."""
    templates = [
        make_pod(100 + k % SIZES, 500 + k % SIZES + k // SIZES) for k in range(classes)
    ]
    return templates, np.arange(pods, dtype=np.int32) % classes


def _workload(
    name: str, nodes: int, stream: PodStream, queue: QueueKind = "immediate"
) -> Workload:
    made = [make_node(index) for index in range(nodes)]
    return Workload(f"{name}/{nodes}", made, stream, queue=queue)


@functools.cache
def encoded(nodes: int, pods: int, classes: int = 1) -> EncodedWorkload:
    """Return `basic` as columns."""
    return encode(basic(nodes, pods, classes))

"""The clusters and pods that the benchmarks run on."""

from __future__ import annotations

import functools

import numpy as np

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, Workload


def make_node(index: int) -> Node:
    """Return a node as scheduler_perf's node-default.yaml makes it."""
    offered = {"pods": "110", "cpu": "4", "memory": "32Gi"}
    return default_node(
        Node(
            metadata=ObjectMeta(name=f"scheduler-perf-{index}"),
            status=NodeStatus(capacity=offered, allocatable=offered),
        )
    )


def make_pod(milli: int = 100, mebibytes: int = 500) -> Pod:
    """Return a pod as scheduler_perf's pod-default.yaml makes it."""
    requests = {"cpu": f"{milli}m", "memory": f"{mebibytes}Mi"}
    container = Container(
        name="pause", resources=ResourceRequirements(requests=requests)
    )
    pod = Pod(
        metadata=ObjectMeta(name="pod", namespace="default"),
        spec=PodSpec(containers=[container]),
    )
    return default_pod(pod)


@functools.cache
def basic(nodes: int, pods: int, classes: int = 1) -> Workload:
    """Return scheduler_perf's SchedulingBasic, with pods of so many sizes."""
    templates = [make_pod(100 + k, 500 + k) for k in range(classes)]
    index = np.arange(pods, dtype=np.int32) % classes
    stream = PodStream.of(templates, index)
    return Workload(f"basic/{nodes}", [make_node(i) for i in range(nodes)], stream)


@functools.cache
def encoded(nodes: int, pods: int, classes: int = 1) -> EncodedWorkload:
    """Return the same as columns."""
    return encode(basic(nodes, pods, classes))

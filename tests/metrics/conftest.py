"""Tiny clusters, pods and logs, written by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from schedbench.cluster.encode import encode
from schedbench.metrics.timeline import Timeline
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, Workload
from schedbench.simulation.record import EventKind, Record, WallClock

GPU = "alibabacloud.com/gpu"


def node(name, *, cpu=4, memory=8, pods=10, gpus=0, model="", labels=None, **spec):
    """Make a node; cpu in cores, memory in Gi."""
    labels = {**(labels or {}), **({f"{GPU}-card-model": model} if model else {})}
    allocatable = {"cpu": cpu, "memory": f"{memory}Gi", "pods": pods}
    if gpus:
        allocatable[f"{GPU}-count"] = gpus
    return Node(
        metadata=ObjectMeta(name=name, labels=labels),
        spec=NodeSpec(**spec),
        status=NodeStatus(allocatable=allocatable),
    )


def pod(
    *,
    cpu=1,
    memory=1,
    gpu=None,
    models="",
    namespace="default",
    labels=None,
    ports=(),
    **spec,
):
    """Make a pod; cpu in cores, memory in Gi, `gpu` = (devices, milli of each)."""
    notes = {}
    if gpu:
        notes = {f"{GPU}-count": str(gpu[0]), f"{GPU}-milli": str(gpu[1])}
        if models:
            notes[f"{GPU}-card-model"] = models
    requests = {"cpu": cpu, "memory": f"{memory}Gi"}
    container = Container(
        name="main",
        resources=ResourceRequirements(requests=requests),
        ports=list(ports),
    )
    return Pod(
        metadata=ObjectMeta(
            name="p", namespace=namespace, labels=labels or {}, annotations=notes
        ),
        spec=PodSpec(containers=[container], **spec),
    )


def record(*entries, horizon=None, changes=(), pod_class=()):
    """Make a log of (time, kind[, pod[, node[, devices]]]) entries."""
    defaults = (0.0, 0, -1, -1, 0)
    rows = [(*entry, *defaults[len(entry) :]) for entry in entries]
    time, kind, pods, nodes, devices = zip(*rows, strict=True) if rows else [()] * 5
    return Record(
        time=np.array(time, dtype=np.float64),
        kind=np.array([EventKind[k] if isinstance(k, str) else k for k in kind], "i1"),
        pod=np.array(pods, dtype=np.int32),
        node=np.array(nodes, dtype=np.int32),
        devices=np.array(devices, dtype=np.int64),
        pod_class=np.array(pod_class, dtype=np.int32),
        rejections=(),
        capacity_changes=tuple(changes),
        horizon=max(time, default=0.0) if horizon is None else horizon,
        digest="",
        wall=WallClock(0.5, 2.0, 1.0, 4, np.array([1000, 2000, 3000, 4000]), 77),
    )


def workload(
    nodes,
    pods,
    *,
    objects=(),
    node_events=(),
    pod_updates=(),
    queue="immediate",
    typical=(),
    **stream,
):
    """Make a workload."""
    return Workload(
        "test",
        nodes,
        PodStream.of(pods, **stream),
        objects,
        node_events=node_events,
        pod_updates=pod_updates,
        queue=queue,
        typical_pods=typical,
    )


def timeline(nodes, pods, *entries, horizon=None, changes=(), **more):
    """Make the timeline of a log over a workload."""
    encoded = encode(workload(nodes, pods, **more))
    log = record(*entries, horizon=horizon, changes=changes, pod_class=encoded.class_of)
    return Timeline(encoded, log)


@pytest.fixture(scope="session")
def make():
    """Builders: `node`, `pod`, `record`, `workload`, `timeline`."""
    return SimpleNamespace(
        node=node, pod=pod, record=record, workload=workload, timeline=timeline
    )


@pytest.fixture
def departures(make):
    """Two nodes of 4 cores, three pods of 2, 2 and 4 cores that come and go.

    Time 0: pods 0 and 1 arrive and run on node 0. Time 1: pod 2 arrives and waits.
    Time 4: pod 0 finishes; pod 1 is evicted, and runs on node 1 from time 6. Time 6:
    pod 2 runs on node 0. Time 10: pods 1 and 2 finish.
    """
    return make.timeline(
        [make.node("a"), make.node("b")],
        [make.pod(cpu=2), make.pod(cpu=2), make.pod(cpu=4)],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
        (0, "ARRIVE", 1),
        (0, "BIND", 1, 0),
        (1, "ARRIVE", 2),
        (1, "UNSCHEDULABLE", 2),
        (4, "FINISH", 0, 0),
        (4, "EVICT", 1, 0),
        (6, "BIND", 1, 1),
        (6, "BIND", 2, 0),
        (10, "FINISH", 1, 1),
        (10, "FINISH", 2, 0),
        arrival=np.array([0.0, 0.0, 1.0]),
        duration=np.array([4.0, 4.0, 4.0]),
    )

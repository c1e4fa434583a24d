"""Small workloads on which policies are checked, made in code from a seed."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.gpu import GPU_COUNT, GPU_MILLI
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import (
    Affinity,
    Container,
    ContainerPort,
    NodeAffinity,
    Pod,
    PodSpec,
    PreferredSchedulingTerm,
    ResourceRequirements,
)
from schedbench.objects.selectors import NodeSelectorRequirement, NodeSelectorTerm
from schedbench.objects.taints import Taint, Toleration
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.rng import stream

FPGA = "example.com/fpga"
DISKS = ("ssd", "hdd")


def random_workload(
    seed: int, *, nodes: int = 7, pods: int = 60, together: bool = False
) -> Workload:
    """Return a crowded cluster with taints, selectors, GPUs, ports and changes.

    Parameters
    ----------
    together
        Whether all pods come at time 0 and stay, and the cluster never changes.
    """
    random = stream(seed, "check/workload")
    cluster = [_random_node(random, f"node-{index}") for index in range(nodes)]
    templates = [_random_pod(random, f"kind-{index}") for index in range(8)]
    template = random.integers(len(templates), size=pods).astype(np.int32)
    name = f"check/{seed}"
    if together:
        return Workload(name, cluster, PodStream.of(templates, template))
    arrival = np.sort(random.integers(0, 40, size=pods)).astype(np.float64)
    lifetime = random.integers(1, 60, size=pods).astype(np.float64)
    deleted = random.random(pods) < 0.2
    endless = random.random(pods) < 0.2
    stream_of_pods = PodStream.of(
        templates,
        template,
        arrival=arrival,
        duration=np.where(deleted | endless, np.inf, lifetime),
        deletion=np.where(deleted, arrival + lifetime, np.inf),
    )
    return Workload(
        name, cluster, stream_of_pods, node_events=_changes(random, cluster)
    )


def alike_workload(*, nodes: int = 4, pods: int = 256) -> Workload:
    """Return identical nodes and pods that come one by one, each alone there."""
    cluster = [make_node(f"node-{index}") for index in range(nodes)]
    lonely = PodStream.of(
        [make_pod("lonely")],
        np.zeros(pods, dtype=np.int32),
        arrival=np.arange(0.0, 2.0 * pods, 2.0),
        duration=1.0,
    )
    return Workload("check/alike", cluster, lonely)


def plain_workload(*, nodes: int, pods: int) -> Workload:
    """Return so many nodes with room for two pods each, and pods that stay."""
    cluster = [make_node(f"node-{index}", cpu="2") for index in range(nodes)]
    together = PodStream.of([make_pod("plain")], np.zeros(pods, dtype=np.int32))
    return Workload("check/plain", cluster, together)


def make_node(name: str, cpu: str = "4", memory: str = "8Gi", gpus: int = 0) -> Node:
    """Return an untainted node."""
    sizes = {"cpu": cpu, "memory": memory, "pods": "110", GPU_COUNT: str(gpus)}
    status = NodeStatus(allocatable=dict(sizes), capacity=dict(sizes))
    meta = ObjectMeta(name=name, labels={"kubernetes.io/hostname": name})
    return default_node(Node(metadata=meta, status=status))


def make_pod(name: str, cpu: str = "1", memory: str = "1Gi") -> Pod:
    """Return a pod of one container."""
    requests = ResourceRequirements(requests={"cpu": cpu, "memory": memory})
    spec = PodSpec(containers=[Container(name="main", resources=requests)])
    meta = ObjectMeta(name=name, namespace="default")
    return default_pod(Pod(metadata=meta, spec=spec))


def _random_node(random: np.random.Generator, name: str) -> Node:
    node = make_node(
        name,
        cpu=str(random.integers(2, 9)),
        memory=f"{random.integers(2, 13)}Gi",
        gpus=int(random.choice([0, 0, 2, 4])),
    )
    node.status.allocatable[FPGA] = str(random.integers(0, 3))
    node.metadata.labels["disk"] = DISKS[random.integers(2)]
    node.spec = NodeSpec(
        taints=[
            Taint(key="dedicated", value="batch", effect=effect)
            for effect in ("NoSchedule", "PreferNoSchedule")
            if random.random() < 0.2
        ],
        unschedulable=bool(random.random() < 0.1),
    )
    return node


def _random_pod(random: np.random.Generator, name: str) -> Pod:
    pod = make_pod(
        name,
        cpu=f"{random.integers(1, 9) * 250}m",
        memory=f"{random.integers(1, 9) * 256}Mi",
    )
    main = pod.spec.containers[0]
    pod.spec.priority = int(random.choice([0, 0, 10]))
    if random.random() < 0.3:
        pod.spec.tolerations = [Toleration(key="dedicated", operator="Exists")]
    if random.random() < 0.2:
        pod.spec.node_selector = {"disk": DISKS[random.integers(2)]}
    elif random.random() < 0.3:
        pod.spec.affinity = _preference(DISKS[random.integers(2)])
    if random.random() < 0.2:
        main.resources.requests[FPGA] = "1"
    if random.random() < 0.2:
        main.ports = [ContainerPort(container_port=80, host_port=80, protocol="TCP")]
    if random.random() < 0.4:
        count = int(random.integers(1, 3))
        milli = 1000 if count > 1 else int(random.integers(1, 5)) * 250
        pod.metadata.annotations = {GPU_COUNT: str(count), GPU_MILLI: str(milli)}
    return pod


def _preference(disk: str) -> Affinity:
    wanted = NodeSelectorRequirement(key="disk", operator="In", values=[disk])
    term = NodeSelectorTerm(match_expressions=[wanted])
    preferred = PreferredSchedulingTerm(weight=10, preference=term)
    likes = NodeAffinity(
        preferred_during_scheduling_ignored_during_execution=[preferred]
    )
    return Affinity(node_affinity=likes)


def _changes(random: np.random.Generator, cluster: list[Node]) -> list[NodeEvent]:
    """Let one node leave and return, another be cordoned, and a new one join."""
    leaving, cordoned = random.choice(len(cluster), size=2, replace=False)
    before = cluster[cordoned]
    after = Node(
        metadata=before.metadata,
        spec=NodeSpec(unschedulable=True),
        status=before.status,
    )
    return [
        NodeEvent(10.0, "remove", cluster[leaving]),
        NodeEvent(15.0, "update", after),
        NodeEvent(20.0, "add", _random_node(random, f"node-{len(cluster)}")),
        NodeEvent(25.0, "add", cluster[leaving]),
        NodeEvent(30.0, "update", before),
    ]

"""Hypothesis strategies for workloads that wait in the scheduling queue.

Nodes are tight, so that pods preempt each other; pods have gates that open or not,
claims, nominations, schedulers' names, and change while they wait or run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import strategies
from hypothesis import strategies as st

from schedbench.objects.defaults import default_pod
from schedbench.objects.kinds import KINDS
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec
from schedbench.objects.pod import (
    Container,
    Pod,
    PodSchedulingGate,
    ResourceRequirements,
)
from schedbench.objects.taints import Toleration
from schedbench.objects.volume import PersistentVolumeClaimVolume, Volume
from schedbench.objects.workload import PodStream, PodUpdate, Workload

FEATURE_SETS = (
    ("priorities",),
    ("priorities", "affinity", "spread"),
    ("priorities", "images", "namespaces", "owners"),
    strategies.FEATURES,
)
TWO_PROFILES = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {"schedulerName": "default-scheduler"},
        {
            "schedulerName": "second",
            "plugins": {
                "score": {"disabled": [{"name": "ImageLocality"}]},
                "filter": {"disabled": [{"name": "NodePorts"}]},
                "postFilter": {"disabled": [{"name": "DefaultPreemption"}]},
            },
            "pluginConfig": [
                {
                    "name": "NodeResourcesFit",
                    "args": {"scoringStrategy": {"type": "MostAllocated"}},
                }
            ],
        },
    ],
}
"""The default profile, and one that packs, has no host ports and evicts nobody."""
CLAIMS = 4
_rarely = st.sampled_from((False, False, False, True))
_instants = st.integers(0, 12).map(float) | st.sampled_from((0.5, 1.25, 40.0))


def storage(node_names: Sequence[str]) -> st.SearchStrategy[list[Any]]:
    """Draw classes, volumes and claims: bound, to be bound late, or stuck."""
    return st.lists(_claims(node_names), max_size=CLAIMS).map(storage_of)


@st.composite
def _claims(draw: st.DrawFn, node_names: Sequence[str]) -> dict[str, Any]:
    return {
        "kind": draw(st.sampled_from(("bound", "late", "made", "stuck"))),
        "mode": draw(st.sampled_from(("ReadWriteOnce", "ReadWriteOncePod"))),
        "nodes": draw(st.lists(st.sampled_from(node_names), max_size=2, unique=True)),
    }


def storage_of(claims: Sequence[dict[str, Any]]) -> list[Any]:
    """Return the classes, and claims by number with their volumes."""
    found: list[Any] = [
        _object("StorageClass", name, provisioner=by, volumeBindingMode=mode)
        for name, by, mode in (
            ("late", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
            ("made", "example.com/csi", "WaitForFirstConsumer"),
            ("stuck", "example.com/csi", "Immediate"),
        )
    ]
    for index, claim in enumerate(claims):
        bound = claim["kind"] == "bound"
        name = f"claim-{index}"
        spec: dict[str, Any] = {
            "accessModes": [claim["mode"]],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "late" if bound else claim["kind"],
        }
        meta: dict[str, Any] = {"namespace": "default"}
        if bound:
            spec["volumeName"] = f"volume-{index}"
            meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        phase = {"phase": "Bound" if bound else "Pending"}
        found.append(
            _object("PersistentVolumeClaim", name, meta, spec=spec, status=phase)
        )
        if claim["kind"] in {"bound", "late"}:
            volume: dict[str, Any] = {
                "accessModes": [claim["mode"]],
                "capacity": {"storage": f"{index + 1}Gi"},
                "storageClassName": "late",
            }
            if bound:
                volume["claimRef"] = {"namespace": "default", "name": name}
            if claim["nodes"]:
                hosts = {"key": "kubernetes.io/hostname", "operator": "In"}
                term = {"matchExpressions": [hosts | {"values": claim["nodes"]}]}
                volume["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
            status = {"phase": "Bound" if bound else "Available"}
            volume_name = f"volume-{index}"
            found.append(
                _object("PersistentVolume", volume_name, spec=volume, status=status)
            )
    return found


def _object(
    kind: str, name: str, meta: dict[str, Any] | None = None, **rest: Any
) -> Any:
    document = {"metadata": {"name": name} | (meta or {}), **rest}
    return msgspec.convert(document, KINDS[kind])


@st.composite
def histories(draw: st.DrawFn, pod: Pod, node_names: Sequence[str]) -> list[Pod]:
    """Draw the versions of a pod: as it comes, and what updates make of it.

    Gates only ever open; labels change and tolerations are added.
    """
    spec, meta = pod.spec, pod.metadata
    gates = draw(st.sampled_from((0, 0, 0, 1, 2)))
    spec = msgspec.structs.replace(
        spec,
        scheduling_gates=[PodSchedulingGate(name=f"gate-{i}") for i in range(gates)],
        scheduler_name=draw(
            st.sampled_from(("default-scheduler",) * 5 + ("second", "unknown"))
        ),
    )
    if meta.namespace == "default" and draw(_rarely):
        names = st.integers(0, CLAIMS - 1).map("claim-{}".format)
        spec.volumes = [
            Volume(
                name=f"disk-{i}",
                persistent_volume_claim=PersistentVolumeClaimVolume(claim_name=name),
            )
            for i, name in enumerate(draw(st.lists(names, max_size=2, unique=True)))
        ]
    status = pod.status
    if draw(_rarely) and draw(_rarely):
        name = draw(st.sampled_from(node_names))
        status = msgspec.structs.replace(status, nominated_node_name=name)
    found = [msgspec.structs.replace(pod, spec=spec, status=status)]
    fewer = msgspec.structs.replace(spec, scheduling_gates=spec.scheduling_gates[1:])
    found.append(msgspec.structs.replace(found[0], spec=fewer))
    free = msgspec.structs.replace(spec, scheduling_gates=[])
    labels = meta.labels | draw(
        st.sampled_from(({}, {"app": "db"}, {"app": "web"}, {"rank": "2"}))
    )
    meta = msgspec.structs.replace(meta, labels=labels)
    found.append(msgspec.structs.replace(found[0], metadata=meta, spec=free))
    everything = [*spec.tolerations, Toleration(key="", operator="Exists")]
    tolerant = msgspec.structs.replace(free, tolerations=everything)
    found.append(msgspec.structs.replace(found[0], metadata=meta, spec=tolerant))
    return found


@st.composite
def workloads(draw: st.DrawFn, *, max_nodes: int = 4, max_pods: int = 14) -> Workload:
    """Draw a workload for the scheduling queue."""
    features = draw(st.sampled_from(FEATURE_SETS))
    cluster = draw(strategies.clusters(max_size=max_nodes, features=features))
    names = [node.metadata.name for node in cluster]
    tight = draw(st.sampled_from((True, True, False)))
    if tight:
        cluster = [_tight(node, draw(st.integers(2, 5))) for node in cluster]
    kinds = draw(st.integers(2, 4))
    priorities = draw(st.permutations((0, 5, 10, 100)))
    versions: list[list[Pod]] = []
    for index in range(kinds):
        pod = draw(strategies.pods(names, name=f"kind-{index}", features=features))
        if tight:
            pod.spec.containers = pod.spec.containers[:1]
            pod.spec.containers[0].resources = draw(_large())
            pod.spec.resources = None
            pod.spec.priority = priorities[index]
            pod.spec.preemption_policy = "Never" if draw(_rarely) else None
            pod.spec.node_selector = {}
        versions.append(draw(histories(pod, names)))
    templates = [pod for history in versions for pod in history]
    depth = len(versions[0])
    count = draw(st.integers(max_pods // 2, max_pods) | st.integers(0, max_pods))
    kind = [draw(st.integers(0, kinds - 1)) for _ in range(count)]
    stream = draw(_streams(templates, [depth * one for one in kind], len(cluster)))
    events = draw(strategies.node_events(cluster, features=features, max_size=4))
    updates = []
    for pod in range(count):
        times = sorted(draw(st.lists(_instants, max_size=2))) if draw(_rarely) else []
        steps = st.lists(st.integers(1, depth - 1), min_size=2, max_size=2)
        for time, step in zip(times, sorted(draw(steps)), strict=False):
            updates.append(PodUpdate(time, pod, depth * kind[pod] + step))
    updates.sort(key=lambda one: one.time)
    return Workload(
        "drawn",
        cluster,
        stream,
        [*draw(strategies.cluster_objects(features)), *draw(storage(names))],
        node_events=events,
        pod_updates=updates,
        queue="kube-scheduler",
        scheduler_config=draw(st.sampled_from((None, TWO_PROFILES))),
    )


@st.composite
def crowds(draw: st.DrawFn, *, max_pods: int = 16) -> Workload:
    """Draw few plain nodes and pods of many priorities, which preempt each other."""
    count = draw(st.integers(1, 3))
    cluster = [_tight(_plain(f"node-{index}"), 110) for index in range(count)]
    kinds = [
        draw(_crowding(f"kind-{index}", priority, count))
        for index, priority in enumerate(draw(st.permutations((0, 0, 10, 100))))
    ]
    pods = draw(st.integers(max_pods // 2, max_pods))
    kind = draw(st.lists(st.integers(0, 3), min_size=pods, max_size=pods))
    return Workload(
        "crowd",
        cluster,
        draw(_streams(kinds, kind, count)),
        draw(strategies.cluster_objects(("priorities",))),
        node_events=draw(strategies.node_events(cluster, max_size=1)),
        queue="kube-scheduler",
    )


@st.composite
def _crowding(draw: st.DrawFn, name: str, priority: int, nodes: int) -> Pod:
    pod = Pod(metadata=ObjectMeta(name=name, namespace="default"))
    pod.metadata.labels = {"app": draw(st.sampled_from(("web", "db")))}
    ports = draw(st.lists(strategies.container_ports(), max_size=1))
    pod.spec.containers = [Container(resources=draw(_large()), ports=ports)]
    pod.spec.priority = priority
    pod.spec.preemption_policy = "Never" if draw(_rarely) and draw(_rarely) else None
    if draw(_rarely):
        pod.spec.affinity = draw(strategies.pod_affinities())
    if draw(_rarely):
        pod.spec.topology_spread_constraints = [draw(strategies.spread_constraints())]
    if draw(_rarely):
        places = st.integers(0, nodes - 1).map("node-{}".format)
        pod.status.nominated_node_name = draw(places)
    return default_pod(pod)


def _plain(name: str) -> Node:
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": name[-1]}
    return Node(metadata=ObjectMeta(name=name, labels=labels))


@st.composite
def _streams(
    draw: st.DrawFn, templates: Sequence[Pod], template: Sequence[int], nodes: int
) -> PodStream:
    count = len(template)

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    arrival = np.sort(np.array(column(_instants), dtype=float))
    lengths = st.sampled_from((np.inf, np.inf, np.inf, 1.0, 2.0, 5.0, 20.0))
    lives = st.sampled_from((np.inf, np.inf, np.inf, np.inf, np.inf, 1.0, 4.0))
    places = st.sampled_from((-1, -1, -1, -1, *range(nodes)))
    return PodStream.of(
        templates,
        np.array(template, dtype=np.int32),
        arrival=arrival,
        duration=np.array(column(lengths), dtype=float),
        deletion=arrival + np.array(column(lives), dtype=float),
        node=np.array(column(places), dtype=int),
    )


def _large() -> st.SearchStrategy[ResourceRequirements]:
    """Draw requests of which few fit on a tight node."""
    amounts = st.sampled_from(("500m", "1", "1500m", "2"))
    return amounts.map(lambda cpu: ResourceRequirements(requests={"cpu": cpu}))


def _tight(node: Node, pods: int) -> Node:
    """Return the node with room for few pods, and open to all."""
    sizes = node.status.allocatable | {"cpu": "2", "memory": "8Gi", "pods": pods}
    status = msgspec.structs.replace(node.status, allocatable=sizes)
    return msgspec.structs.replace(node, status=status, spec=NodeSpec())

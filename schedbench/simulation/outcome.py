"""What came of a run on the virtual clock: its log, and the workload that it was.

Pods that controllers made and nodes that an autoscaler added are known only at the
end. So the workload is told anew, with all pods in the order of their arrival.
"""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream
from schedbench.simulation.record import (
    CapacityChange,
    EventKind,
    Record,
    Rejection,
    WallClock,
    placement_digest,
)
from schedbench.simulation.recorder import Recorder
from schedbench.simulation.run import peak_rss_bytes


def outcome(
    encoded: EncodedWorkload, recorder: Recorder, total_seconds: float
) -> tuple[EncodedWorkload, Record]:
    """Return the workload that came to pass, and what happened to it.

    Parameters
    ----------
    encoded
        The workload as it was known beforehand.
    total_seconds
        Wall seconds of the run.
    """
    stream, number = _stream(encoded, recorder)
    workload = dataclasses.replace(
        encoded.workload, pods=stream, node_events=recorder.node_events
    )
    whole = encode(workload)
    slots = {name: slot for slot, name in enumerate(whole.node_names)}
    slot = np.array([slots.get(name, -1) for name in recorder.node_names], np.int32)
    columns = list(zip(*recorder.log, strict=True)) or [()] * 5
    kind = np.array(columns[1], dtype=np.int8)
    pod = _renamed(columns[2], number)
    node = _renamed(columns[3], slot)
    devices = np.array(columns[4], dtype=np.int64)
    made = kind == EventKind.BIND
    latency = np.array(recorder.latencies, dtype=np.int64)
    rejections = [Rejection(*name, nodes) for name, nodes in recorder.reasons.items()]
    record = Record(
        time=np.array(columns[0], dtype=np.float64),
        kind=kind,
        pod=pod,
        node=node,
        devices=devices,
        pod_class=whole.class_of.copy(),
        rejections=sorted(rejections, key=lambda r: (-r.nodes, r.plugin, r.reason)),
        capacity_changes=[
            CapacityChange(
                event.time,
                slots[event.node.metadata.name],
                whole.allocatable(event.node) * (event.change != "remove"),
            )
            for event in recorder.node_events
        ],
        horizon=recorder.last,
        digest=placement_digest(pod[made], node[made], devices[made]),
        wall=WallClock(
            schedule_seconds=float(latency.sum()) / 1e9,
            total_seconds=total_seconds,
            compile_seconds=0.0,
            decisions=len(latency),
            latency_ns=latency,
            peak_rss_bytes=peak_rss_bytes(),
        ),
    )
    return whole, record


def _renamed(column: object, names: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a column with each number but -1 replaced."""
    old = np.array(column, dtype=np.int64)
    return np.append(names, np.int32(-1))[old].astype(np.int32)


def _stream(
    encoded: EncodedWorkload, recorder: Recorder
) -> tuple[PodStream, NDArray[np.int32]]:
    """Return all pods by arrival, and the number of each of the recorder's."""
    known = encoded.workload.pods
    if not recorder.seen:
        return known, np.arange(len(known), dtype=np.int32)
    templates = [*known.templates]
    index: dict[tuple[str, bytes], int] = {}
    first = {node.metadata.name: i for i, node in enumerate(encoded.workload.nodes)}
    template, given = [], []
    for pod, _ in recorder.seen:
        content = pod.metadata.namespace, _content(pod)
        if content not in index:
            index[content] = len(templates)
            spec = msgspec.structs.replace(pod.spec, node_name=None)
            templates.append(msgspec.structs.replace(pod, spec=spec))
        template.append(index[content])
        given.append(first.get(pod.spec.node_name or "", -1))
    count = len(template)
    seen = np.maximum([time for _, time in recorder.seen], 0.0)
    arrival = np.concatenate([known.arrival, seen])
    order = np.argsort(arrival, kind="stable")
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order))
    names = [known.name(pod) for pod in range(len(known))]
    names += [pod.key for pod, _ in recorder.seen]
    stream = PodStream.of(
        templates,
        np.concatenate([known.template, template]).astype(np.int32)[order],
        arrival=arrival[order],
        duration=np.append(known.duration, np.full(count, np.inf))[order],
        deletion=np.append(known.deletion, np.full(count, np.inf))[order],
        node=np.append(known.node, given).astype(np.int32)[order],
        measured=np.append(known.measured, np.ones(count, dtype=np.bool_))[order],
        names=[names[each] for each in order],
    )
    return stream, number


def _content(pod: Pod) -> bytes:
    """Return what makes pods of one template equal, but for their names."""
    owners = [(one.kind, one.name) for one in pod.metadata.owner_references]
    spec = msgspec.structs.replace(pod.spec, node_name=None)
    return msgspec.msgpack.encode([pod.metadata.labels, owners, spec])

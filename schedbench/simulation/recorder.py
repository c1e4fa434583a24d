"""Keeps the event log of a cluster: what an auditor at the API sees, in order."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from schedbench.clock import Clock
from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.scheduler.attempt import Outcome
from schedbench.simulation.record import (
    CapacityChange,
    EventKind,
    Record,
    Rejection,
    WallClock,
    placement_digest,
)
from schedbench.simulation.run import peak_rss_bytes

ENDED = frozenset({"Succeeded", "Failed"})


class Recorder:
    """Watches pods and nodes, and is the scheduler's journal.

    Parameters
    ----------
    clock, api
        The time, and the API of one who sees everything at once.
    pods
        `namespace/name` → number of the pods that are known beforehand.
    nodes
        The nodes at time 0, and those that are known to come.

    Attributes
    ----------
    leaving
        `namespace/name` → why a pod is about to go, where it is not just deleted.
    last
        When something last happened that the log tells.
    """

    def __init__(
        self, clock: Clock, api: Api, pods: Mapping[str, int], nodes: Sequence[Node]
    ) -> None:
        self.leaving: dict[str, EventKind] = {}
        self.last = 0.0
        self._clock = clock
        self._known = dict(pods)
        self._numbers: dict[str, int] = {}
        self._seen: list[tuple[Pod, float]] = []
        self._slots = {node.metadata.name: i for i, node in enumerate(nodes)}
        self._node_of = list(nodes)
        self._node_events: list[NodeEvent] = []
        self._arrived: set[int] = set()
        self._ended: set[int] = set()
        self._devices: dict[str, int] = {}
        self._log: list[tuple[float, int, int, int, int]] = []
        self._found: collections.Counter[tuple[str, str]] = collections.Counter()
        self._latency: list[int] = []
        api.watch("Node", self._on_node)
        api.watch("Pod", self._on_pod)

    def number(self, pod: Pod) -> int:
        """Return the number of a pod."""
        known = self._known.get(pod.key)
        if known is not None:
            return known
        uid = pod.metadata.uid or pod.key
        found = self._numbers.get(uid)
        if found is None:
            found = self._numbers[uid] = len(self._known) + len(self._numbers)
            self._seen.append((pod, self._clock.now))
        return found

    def took(self, nanoseconds: int) -> None:
        """Note an attempt's wall time."""
        self._latency.append(nanoseconds)

    def assumed(self, pod: Pod, node: str, devices: int) -> None:
        """Note a pod that has been given a node and GPU devices."""
        if devices:
            self._devices[pod.key] = devices

    def refused(self, pod: Pod, outcome: Outcome, attempts: int) -> None:
        """Note an attempt that found no node."""
        self._write(EventKind.UNSCHEDULABLE, self.number(pod), -1)
        if attempts == 1:
            self._found.update(
                (one.plugin, reason)
                for one in outcome.rejected.values()
                for reason in one.status.reasons
            )

    def preempting(self, pod: Pod, node: str) -> None:
        """Note that a pod makes room on a node; deletions follow."""
        self._write(EventKind.PREEMPT, self.number(pod), self._slots[node])

    def encoded(
        self, name: str, objects: Sequence[KubernetesObject]
    ) -> EncodedWorkload:
        """Return what came to pass as a workload, of pods not known beforehand."""
        pods = [pod for pod, _ in self._seen]
        stream = PodStream.of(
            pods,
            arrival=np.array([time for _, time in self._seen]),
            names=[pod.key for pod in pods],
        )
        return encode(Workload(name, self._node_of, stream, objects))

    def record(self, encoded: EncodedWorkload, total_seconds: float) -> Record:
        """Return what happened."""
        columns = list(zip(*self._log, strict=True)) or [()] * 5
        kind = np.array(columns[1], dtype=np.int8)
        pod = np.array(columns[2], dtype=np.int32)
        node = np.array(columns[3], dtype=np.int32)
        devices = np.array(columns[4], dtype=np.int64)
        made = kind == EventKind.BIND
        latency = np.array(self._latency, dtype=np.int64)
        rejections = [Rejection(*name, nodes) for name, nodes in self._found.items()]
        return Record(
            time=np.array(columns[0], dtype=np.float64),
            kind=kind,
            pod=pod,
            node=node,
            devices=devices,
            pod_class=encoded.class_of.copy(),
            rejections=sorted(rejections, key=lambda r: (-r.nodes, r.plugin, r.reason)),
            capacity_changes=[
                CapacityChange(
                    event.time,
                    self._slots[event.node.metadata.name],
                    encoded.allocatable(event.node) * (event.change != "remove"),
                )
                for event in self._node_events
            ],
            horizon=self.last,
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

    def _write(self, kind: EventKind, pod: int, node: int, devices: int = 0) -> None:
        self.last = self._clock.now
        self._log.append((self.last, int(kind), pod, node, devices))

    def _on_pod(self, event: WatchEvent) -> None:
        pod, old = cast("Pod", event.object), cast("Pod | None", event.old)
        number = self.number(pod)
        if number not in self._arrived:
            self._arrived.add(number)
            self._write(EventKind.ARRIVE, number, -1)
        name = pod.spec.node_name
        node = -1 if not name else self._slots.get(name, -1)
        devices = self._devices.get(pod.key, 0)
        gone = event.type == "DELETED"
        if not gone and name and (old is None or not old.spec.node_name):
            self._write(EventKind.BIND, number, node, devices)
        if not gone and pod.status.phase in ENDED and number not in self._ended:
            self._ended.add(number)
            self._write(EventKind.FINISH, number, node, devices)
        if gone:
            self._devices.pop(pod.key, None)
            kind = self.leaving.pop(pod.key, EventKind.DELETE)
            if number not in self._ended:
                self._write(kind, number, node, devices)

    def _on_node(self, event: WatchEvent) -> None:
        node, old = cast("Node", event.object), cast("Node | None", event.old)
        name = node.metadata.name
        slot = self._slots.setdefault(name, len(self._slots))
        if slot == len(self._node_of):
            self._node_of.append(node)
        now = self._clock.now
        if event.type == "DELETED":
            self._write(EventKind.NODE_REMOVE, -1, slot)
            self._node_events.append(NodeEvent(now, "remove", node))
        elif old is None and now > 0:
            self._write(EventKind.NODE_ADD, -1, slot)
            self._node_events.append(NodeEvent(now, "add", node))
        elif old is not None and old.status.allocatable != node.status.allocatable:
            self._write(EventKind.NODE_UPDATE, -1, slot)
            self._node_events.append(NodeEvent(now, "update", node))

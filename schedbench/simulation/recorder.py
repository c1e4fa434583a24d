"""Keeps the event log of a cluster: what an auditor at the API sees, in order."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping, Sequence
from typing import cast

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent
from schedbench.scheduler.attempt import Outcome
from schedbench.simulation.record import (
    EventKind,
)

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
    first
        How many of them are there at time 0.

    Attributes
    ----------
    leaving
        `namespace/name` → why a pod is about to go, where it is not just deleted.
    last
        When something last happened that the log tells, or a pod became ready.
    log
        Time, kind, pod, node, devices of each event; what happens before time 0 counts
        as there at time 0.
    seen
        Pods that were not known beforehand, with the time of their creation; numbered
        after those that were.
    node_names, node_events
        Slot → name, and the changes of nodes after time 0, as the log has them.
    ends
        Uid → where the pod is, when it was deleted, and its phase, as last seen.
    unready
        Whenever the number of pods changes that are there, have not ended and are not
        ready: time and number.
    watch
        On the pods.
    reasons
        (plugin, reason) → nodes rejected at pods' first failed attempts.
    latencies
        Wall nanoseconds of each attempt.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        pods: Mapping[str, int],
        nodes: Sequence[Node],
        first: int,
    ) -> None:
        self.leaving: dict[str, EventKind] = {}
        self.last = 0.0
        self._clock = clock
        self.seen: list[tuple[Pod, float]] = []
        self.log: list[tuple[float, int, int, int, int]] = []
        self.node_names = [node.metadata.name for node in nodes]
        self._first = set(self.node_names[:first])
        self.node_events: list[NodeEvent] = []
        self.unready: list[tuple[float, int]] = []
        self.ends: dict[str, tuple[str, float, str]] = {}
        self.reasons: collections.Counter[tuple[str, str]] = collections.Counter()
        self.latencies: list[int] = []
        self._known = dict(pods)
        self._numbers: dict[str, int] = {}
        self._slots = {name: slot for slot, name in enumerate(self.node_names)}
        self._arrived: set[int] = set()
        self._unready: dict[str, bool] = {}
        self._ended: set[int] = set()
        self._devices: dict[str, int] = {}
        api.watch("Node", self._on_node)
        self.watch = api.watch("Pod", self._on_pod)

    def number(self, pod: Pod) -> int:
        """Return the number of a pod."""
        known = self._known.get(pod.key)
        if known is not None:
            return known
        uid = pod.metadata.uid or pod.key
        found = self._numbers.get(uid)
        if found is None:
            found = self._numbers[uid] = len(self._known) + len(self._numbers)
            self.seen.append((pod, self._clock.now))
        return found

    def took(self, nanoseconds: int) -> None:
        """Note an attempt's wall time."""
        self.latencies.append(nanoseconds)

    def assumed(self, pod: Pod, node: str, devices: int) -> None:
        """Note a pod that has been given a node and GPU devices."""
        if devices:
            self._devices[pod.key] = devices

    def refused(self, pod: Pod, outcome: Outcome, attempts: int) -> None:
        """Note an attempt that found no node."""
        self._write(EventKind.UNSCHEDULABLE, self.number(pod), -1)
        if attempts == 1:
            self.reasons.update(outcome.reasons())

    def preempting(self, pod: Pod, node: str) -> None:
        """Note that a pod makes room on a node; deletions follow."""
        self._write(EventKind.PREEMPT, self.number(pod), self._slots[node])

    def _write(self, kind: EventKind, pod: int, node: int, devices: int = 0) -> None:
        self.last = max(self._clock.now, 0.0)
        self.log.append((self.last, int(kind), pod, node, devices))

    def _on_pod(self, event: WatchEvent) -> None:
        pod, old = cast("Pod", event.object), cast("Pod | None", event.old)
        number = self.number(pod)
        if number not in self._arrived:
            self._arrived.add(number)
            self._write(EventKind.ARRIVE, number, -1)
        name = pod.spec.node_name
        node = -1 if not name else self._slots.get(name, -1)
        devices = self._devices.get(event.key, 0)
        gone = event.type == "DELETED"
        uid = pod.metadata.uid or pod.key
        self._note_ready(uid, pod, gone=gone)
        phase = pod.status.phase or "Pending"
        self.ends[uid] = (name or "", self._clock.now if gone else math.nan, phase)
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

    @property
    def starting(self) -> int:
        """How many pods have a node and are not ready."""
        return sum(self._unready.values())

    def _note_ready(self, uid: str, pod: Pod, *, gone: bool) -> None:
        before = len(self._unready)
        if gone or pod.status.phase in ENDED or _is_ready(pod):
            self._unready.pop(uid, None)
        else:
            self._unready[uid] = bool(pod.spec.node_name)
        if len(self._unready) != before:
            self.last = max(self._clock.now, 0.0)
            self.unready.append((self._clock.now, len(self._unready)))

    def _on_node(self, event: WatchEvent) -> None:
        node, old = cast("Node", event.object), cast("Node | None", event.old)
        name = node.metadata.name
        slot = self._slots.setdefault(name, len(self._slots))
        if slot == len(self.node_names):
            self.node_names.append(name)
        now = max(self._clock.now, 0.0)
        if event.type == "DELETED":
            self._write(EventKind.NODE_REMOVE, -1, slot)
            self.node_events.append(NodeEvent(now, "remove", node))
        elif name in self._first:
            self._first.discard(name)
        elif old is None:
            self._write(EventKind.NODE_ADD, -1, slot)
            self.node_events.append(NodeEvent(now, "add", node))
        elif old is not None and old.status.allocatable != node.status.allocatable:
            self._write(EventKind.NODE_UPDATE, -1, slot)
            self.node_events.append(NodeEvent(now, "update", node))


def _is_ready(pod: Pod) -> bool:
    return any(
        one.type == "Ready" and one.status == "True" for one in pod.status.conditions
    )

"""The cluster of a case as it changes: pods, nodes, the scheduler's node list."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.node_order import NodeOrder
from schedbench.cluster.state import bind
from schedbench.cluster.volumes import VolumeWorld
from schedbench.experiment.conformance.cases import Case, Event
from schedbench.experiment.conformance.profiles import Settings, read_profiles
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.scheduler.dry_run import PlacedPod, as_set
from schedbench.scheduler.preemption import Around, Candidate
from schedbench.scheduler.session import Session

START = np.datetime64("2026-01-01T00:00:00")


@dataclasses.dataclass(frozen=True, slots=True)
class Placed:
    """A pod on a node; `slot` is None if the cluster never sees that node."""

    pod: Pod
    pod_class: int
    slot: int | None


class World:
    """The cluster of a case between attempts.

    Attributes
    ----------
    case
        The case.
    encoded
        All its nodes and pods as columns; slots are in case order, nodes that events
        add behind, by first appearance.
    settings
        schedulerName → its profile.
    sessions
        schedulerName → the profile at work; every one sees every change.
    classes
        Class of each pending pod.
    slots
        Node name → slot.
    names
        Slot → node name.
    placed
        `namespace/name` → pod, in the order in which they came to their nodes.
    nominated
        `namespace/name` → waiting pod, with the node to which it is nominated.
    order
        The scheduler's own node list.
    start
        Where in it the next sampled attempt begins.
    volumes
        The storage objects, and the volumes of the placed pods.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        pods = PodStream.of([*case.bound, *case.pending])
        events = [
            NodeEvent(0.0, "add", event.node) for event in case.events if event.node
        ]
        self.encoded: EncodedWorkload = encode(
            Workload(case.identity, case.nodes, pods, case.objects, node_events=events)
        )
        self.names = self.encoded.node_names
        self.slots = {name: slot for slot, name in enumerate(self.names)}
        self.settings: dict[str, Settings] = read_profiles(case.config)
        self.sessions = {
            name: Session(self.encoded, settings.profile, 0)
            for name, settings in self.settings.items()
        }
        self.classes = self.encoded.class_of[len(case.bound) :]
        self.placed: dict[str, Placed] = {}
        self.nominated: dict[str, PlacedPod] = {}
        self.order = NodeOrder()
        self.volumes = self._read_volumes()
        self.start = 0
        self._assumed = 0
        self._before: dict[int, list[Event]] = {}
        for slot, node in enumerate(case.nodes):
            self.order.add(slot, node)
        for event in case.events:
            self._before.setdefault(event.before, []).append(event)
        for pod, pod_class in zip(case.bound, self.encoded.class_of, strict=False):
            self._put(pod, int(pod_class), self.slots.get(pod.spec.node_name or ""))
        for pod, pod_class in zip(case.pending, self.classes, strict=True):
            nominated = self.slots.get(pod.status.nominated_node_name or "")
            self.nominate(pod, int(pod_class), nominated)

    def advance(self, index: int) -> bool:
        """Make the changes before an attempt; return whether there were any."""
        events = self._before.get(index, ())
        for event in events:
            if event.operation == "deletePod":
                self.release(event.name)
            elif event.operation == "removeNode":
                self.order.remove(self.slots[event.name])
                for session in self.sessions.values():
                    session.leave(event.name)
                self.volumes.alive[self.slots[event.name]] = 0
                self._recount()
            elif event.node is not None:
                self.order.add(self.slots[event.name], event.node)
                for session in self.sessions.values():
                    session.join(event.node)
                self.volumes.alive[self.slots[event.name]] = 1
                self.volumes.update_node(self.slots[event.name], event.node)
                self._recount()
        for session in self.sessions.values():
            session.images.look()
        return bool(events)

    def alive(self) -> NDArray[np.int64]:
        """Return the slots of the nodes that are in the cluster, in case order."""
        session = next(iter(self.sessions.values()))
        return np.flatnonzero(session.state.alive)

    def assume(self, pod: Pod, pod_class: int, slot: int) -> None:
        """Place a pod; it starts one second after the one that was placed last."""
        start = START + np.timedelta64(self._assumed, "s")
        self._assumed += 1
        status = msgspec.structs.replace(pod.status, start_time=f"{start}Z")
        self._put(msgspec.structs.replace(pod, status=status), pod_class, slot)

    def release(self, key: str) -> None:
        """Take a pod off its node; nothing happens if it is on none."""
        found = self.placed.pop(key, None)
        if found is not None and found.slot is not None:
            self._bind(found.pod_class, found.slot, -1)
            self.volumes.remove_pod(found.pod, found.slot)
            if found.slot not in self.alive():
                self._recount()  # it was not counted while its node is away

    def nominate(self, pod: Pod, pod_class: int, slot: int | None) -> None:
        """Nominate a waiting pod to a node, or to none."""
        self.nominated.pop(pod.key, None)
        if slot is not None:
            self.nominated[pod.key] = PlacedPod(pod, pod_class, slot)

    def nominated_slot(self, pod: Pod) -> int | None:
        """Return the node to which a pod is nominated, if it is in the cluster."""
        found = self.nominated.get(pod.key)
        return found.slot if found and found.slot in self.alive() else None

    def around(self) -> Around:
        """Return what preemption looks at besides the columns."""
        placed: dict[int, list[PlacedPod]] = {}
        for each in self.placed.values():
            if each.slot is not None:
                found = PlacedPod(
                    each.pod, each.pod_class, each.slot, _started(each.pod)
                )
                placed.setdefault(each.slot, []).append(found)
        budgets = [
            one for one in self.case.objects if isinstance(one, PodDisruptionBudget)
        ]
        return Around(placed, list(self.nominated.values()), budgets)

    def make_room(self, pod: Pod, pod_class: int, chosen: Candidate) -> None:
        """Evict the victims and nominate the pod in the place of lower ones."""
        for victim in chosen.victims:
            self.release(victim.pod.key)
        priority = pod.spec.priority or 0
        for key, other in list(self.nominated.items()):
            if other.slot == chosen.slot and other.priority < priority:
                del self.nominated[key]
        self.nominate(pod, pod_class, chosen.slot)
        for session in self.sessions.values():
            session.images.look()

    def _put(self, pod: Pod, pod_class: int, slot: int | None) -> None:
        self.nominated.pop(pod.key, None)
        self.placed[pod.key] = Placed(pod, pod_class, slot)
        if slot is not None:
            self._bind(pod_class, slot, 1)
            self.volumes.add_pod(pod, slot)

    def _read_volumes(self) -> VolumeWorld:
        """Return the storage of the case, which sees all nodes whoever masks some."""
        session = next(iter(self.sessions.values()))
        alive = session.state.alive.copy()
        return VolumeWorld(self.case.objects, session.nodes, alive)

    def _recount(self) -> None:
        """Count the pods of topology domains anew, after node objects changed."""
        alive = set(self.alive().tolist())
        here = [(p.pod_class, p.slot) for p in self.placed.values() if p.slot in alive]
        columns = np.array(here, dtype=np.int32).reshape(-1, 2).T
        for session in self.sessions.values():
            session.recount(columns[0], columns[1])

    def _bind(self, pod_class: int, slot: int, sign: int) -> None:
        for session in self.sessions.values():
            classes = session.compiled.classes
            bind(session.state, classes, pod_class, slot, 0, sign)
            as_set(session.state, slot)
            session.images.touch(slot)


def _started(pod: Pod) -> float:
    start = pod.status.start_time
    return float("inf") if start is None else datetime.fromisoformat(start).timestamp()

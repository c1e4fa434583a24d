"""The cluster as a scheduler's profiles share it: pods, nodes, nominations, volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, ValuesView
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.state import bind
from schedbench.cluster.volume_objects import uses_volumes
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.dry_run import PlacedPod, as_set
from schedbench.scheduler.evictions import Evictions
from schedbench.scheduler.node_memory import Memory
from schedbench.scheduler.occupants import UNNUMBERED, OnNodes
from schedbench.scheduler.preemption import Around, Candidate
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.sampling import NodeWalk
from schedbench.scheduler.session import Session

NOWHERE = -1
"""The slot of a pod whose node the cluster does not have."""


class Columns(Protocol):
    """The pods on nodes, as somebody has them in columns."""

    def bound(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return class and slot of every pod on a node."""

    def made(self, entry: int) -> PlacedPod | None:
        """Return the pod that came by an entry, None if it has gone since."""

    def on_nodes(self, slots: NDArray[np.int64]) -> OnNodes | None:
        """Return the pods on some nodes; None if the columns do not tell all."""

    def number(self, pod: Pod) -> int:
        """Return the number of a pod."""

    def changed(self, slot: int) -> None:
        """Note that pods came to a node, or went, in the columns of the sessions."""


class World:
    """What all profiles of a scheduler see, and keep seeing alike.

    Parameters
    ----------
    encoded
        The nodes and pods as columns.
    settings
        schedulerName → its profile.
    seed
        Of the ties.
    walk
        The node list of the scheduler, if it has one already.

    Attributes
    ----------
    sessions
        schedulerName → the profile at work.
    names
        Slot → node name.
    slots
        Node name → slot.
    columns
        Who has the pods in columns, if somebody has.
    nominated
        `namespace/name` → waiting pod, with the node to which it is nominated.
    walk
        The scheduler's own node list, and where sampling begins.
    volumes
        The storage objects, and the volumes of the placed pods.
    budgets
        The disruption budgets.
    touched
        Slots of nodes that pods came to or went from, since somebody cleared it.
    reshaped
        Counts the changes of nodes.
    """

    def __init__(
        self,
        encoded: EncodedWorkload,
        settings: Mapping[str, Settings],
        seed: int,
        walk: NodeWalk | None = None,
    ) -> None:
        self.encoded = encoded
        self.settings = settings
        self.names = encoded.node_names
        self.walk = NodeWalk(len(self.names)) if walk is None else walk
        self.sessions = {
            name: Session(encoded, one.profile, seed, self.walk)
            for name, one in settings.items()
        }
        self.slots = {name: slot for slot, name in enumerate(self.names)}
        self.columns: Columns | None = None
        self._placed: dict[str, PlacedPod] = {}
        self.nominated: dict[str, PlacedPod] = {}
        objects = encoded.workload.objects
        self.budgets = [one for one in objects if isinstance(one, PodDisruptionBudget)]
        first = next(iter(self.sessions.values()))
        self.volumes = VolumeWorld(objects, first.nodes, first.state.alive.copy())
        self.touched: set[int] = set()
        self.reshaped = 0
        self._on_node: dict[int, dict[str, PlacedPod]] = {}
        self._later: dict[int, list[int]] = {}
        self._nominated_on: dict[int, dict[str, PlacedPod]] = {}
        self._evictions: Evictions | None = None
        self._lowest = _lowest_priority(encoded.class_pods)
        for session in self.sessions.values():
            for slot in np.flatnonzero(session.state.alive):
                session.images.touch(int(slot))  # no attempt has looked so far

    def session(self, pod: Pod) -> Session:
        """Return the session of the profile that the pod asks for."""
        return self.sessions[pod.spec.scheduler_name or DEFAULT_SCHEDULER]

    def profile(self, pod: Pod) -> Settings | None:
        """Return the profile that the pod asks for, None if there is none."""
        return self.settings.get(pod.spec.scheduler_name or DEFAULT_SCHEDULER)

    def alive(self) -> NDArray[np.int64]:
        """Return the slots of the nodes that are in the cluster."""
        session = next(iter(self.sessions.values()))
        return np.flatnonzero(session.state.alive)

    def is_alive(self, slot: int) -> bool:
        """Return whether a node is in the cluster."""
        session = next(iter(self.sessions.values()))
        return bool(session.state.alive[slot])

    def node(self, slot: int) -> Node:
        """Return a node as the columns know it."""
        return next(iter(self.sessions.values())).nodes.objects[slot]

    @property
    def placed(self) -> dict[str, PlacedPod]:
        """The pods on nodes by `namespace/name`; on one node in the order they came."""
        for slot in list(self._later):
            self.settle(slot)
        return self._placed

    def on_node(self, slot: int) -> ValuesView[PlacedPod]:
        """Return the pods on a node, in the order in which they came."""
        self.settle(slot)
        return self._on_node.get(slot, {}).values()

    def on_nodes(self, slots: NDArray[np.int64]) -> OnNodes | None:
        """Return the pods on some nodes, None if nobody has them in columns."""
        return None if self.columns is None else self.columns.on_nodes(slots)

    def number(self, placed: PlacedPod) -> int:
        """Return the number of a pod in the columns; `UNNUMBERED` without any."""
        return UNNUMBERED if self.columns is None else self.columns.number(placed.pod)

    def later(self, slot: int, entry: int) -> None:
        """Let a pod without volumes be on a node, to be made when somebody asks."""
        self.touch(slot)
        self._later.setdefault(slot, []).append(entry)

    def settle(self, slot: int) -> None:
        """Make the pods that came to a node and were not asked for so far."""
        for entry in self._later.pop(slot, ()):
            assert self.columns is not None
            placed = self.columns.made(entry)
            if placed is not None:
                self._enter(placed)

    def nominated_on(self, slot: int) -> ValuesView[PlacedPod]:
        """Return the pods that are nominated to a node."""
        return self._nominated_on.get(slot, {}).values()

    @property
    def evictions(self) -> Evictions:
        """What preemption remembers, from when it is first asked for."""
        if self._evictions is None:
            self._evictions = Evictions(self, len(self.names))
        return self._evictions

    def remembers(self, pod: Pod, pod_class: int) -> Memory | None:
        """Return what preemption knows of nodes for pods of a class, if it was asked.

        Nothing where the pod's profile has no DefaultPreemption.
        """
        settings = self.profile(pod)
        if self._evictions is None or settings is None:
            return None
        if not settings.runs("DefaultPreemption", "postFilter"):
            return None
        return self._evictions.known(self.session(pod), pod, pod_class)

    def put(self, placed: PlacedPod) -> None:
        """Let a pod come to its node."""
        self.register(placed)
        self.bind(placed, 1)

    def take(self, key: str) -> PlacedPod | None:
        """Take a pod off its node and return it; None if it is on none."""
        found = self.forget(key)
        if found is not None and found.slot != NOWHERE:
            self.bind(found, -1)
            if not self.is_alive(found.slot):
                self.recount()  # it was not counted while its node is away
        return found

    def register(self, placed: PlacedPod) -> None:
        """Note that a pod is on its node; the columns know already."""
        self.end_nomination(placed.pod.key)
        self.settle(placed.slot)
        self._enter(placed)
        if placed.slot == NOWHERE:
            return
        self.touch(placed.slot)
        if uses_volumes(placed.pod):
            self.volumes.add_pod(placed.pod, placed.slot)

    def nobody_below(self, priority: int) -> bool:
        """Return whether no pod that came to a node has a lower priority."""
        return self._lowest >= priority

    def _enter(self, placed: PlacedPod) -> None:
        key = placed.pod.key
        self._lowest = min(self._lowest, placed.priority)
        self._placed[key] = placed
        if placed.slot != NOWHERE:
            self._on_node.setdefault(placed.slot, {})[key] = placed

    def adopt(self, other: World) -> None:
        """Know the pods that another world of the same slots and classes knows.

        The columns are the caller's to fill.
        """
        self._placed, self._on_node = other.placed, other._on_node
        self._lowest = min(self._lowest, other._lowest)
        for placed in self._placed.values():
            if placed.slot != NOWHERE and uses_volumes(placed.pod):
                self.volumes.add_pod(placed.pod, placed.slot)

    def renew(self, placed: PlacedPod) -> None:
        """Replace a pod on its node by a new version, in its place among the others."""
        key = placed.pod.key
        self._placed[key] = placed
        if placed.slot != NOWHERE:
            self._on_node[placed.slot][key] = placed
            self.touch(placed.slot)

    def forget(self, key: str) -> PlacedPod | None:
        """Note that a pod is on no node any more; the columns know already."""
        found = self._placed.pop(key, None)
        if found is not None and found.slot != NOWHERE:
            del self._on_node[found.slot][key]
            self.touch(found.slot)
            if uses_volumes(found.pod):
                self.volumes.remove_pod(found.pod, found.slot)
        return found

    def bind(self, placed: PlacedPod, sign: int) -> None:
        """Let the columns of every session know that a pod came (+1) or went (−1)."""
        if placed.slot == NOWHERE:
            return
        self.touch(placed.slot)
        for session in self.sessions.values():
            classes = session.compiled.classes
            bind(
                session.state,
                classes,
                placed.pod_class,
                placed.slot,
                placed.devices,
                sign,
            )
            as_set(session.state, placed.slot)
            session.images.touch(placed.slot)
        if self.columns is not None:
            self.columns.changed(placed.slot)

    def nominate(self, pod: Pod, pod_class: int, slot: int | None) -> None:
        """Nominate a waiting pod to a node, or to none."""
        self.end_nomination(pod.key)
        if slot is not None:
            placed = PlacedPod(pod, pod_class, slot)
            self.nominated[pod.key] = placed
            self._nominated_on.setdefault(slot, {})[pod.key] = placed
            self.touch(slot)

    def nominated_slot(self, pod: Pod) -> int | None:
        """Return the node to which a pod is nominated, if it is in the cluster."""
        found = self.nominated.get(pod.key)
        return found.slot if found and self.is_alive(found.slot) else None

    def clear_lower(self, pod: Pod, chosen: Candidate) -> list[PlacedPod]:
        """End the nominations of lower pods to a node that a pod makes room on."""
        priority = pod.spec.priority or 0
        lower = [
            other
            for other in self.nominated_on(chosen.slot)
            if other.priority < priority
        ]
        for other in lower:
            self.end_nomination(other.pod.key)
        return lower

    def end_nomination(self, key: str) -> None:
        """Let a pod be nominated to no node."""
        found = self.nominated.pop(key, None)
        if found is not None:
            del self._nominated_on[found.slot][key]
            self.touch(found.slot)

    def touch(self, slot: int) -> None:
        """Note that pods came to a node, went, or are nominated there."""
        self.touched.add(slot)
        if self._evictions is not None:
            self._evictions.touch(slot)

    def _forget_nodes(self) -> None:
        self.reshaped += 1
        if self._evictions is not None:
            self._evictions.forget()

    def around(self) -> Around:
        """Return what preemption looks at besides the columns."""
        return Around(self.on_node, list(self.nominated.values()), self.budgets)

    def join(self, node: Node, *, recount: bool = True) -> bool:
        """Let a node join or change; return whether domains count other pods now.

        Without `recount` the caller is to count them anew after the last of many.
        """
        slot = self.slots[node.metadata.name]
        self._forget_nodes()
        changed = [session.join(node) for session in self.sessions.values()]
        self.volumes.alive[slot] = 1
        self.volumes.update_node(slot, node)
        if recount and any(changed):
            self.recount()
        return any(changed)

    def see_images(self, node: Node) -> None:
        """Take in a node of which only the images changed: no domain counts them."""
        self.reshaped += 1
        for session in self.sessions.values():
            session.see_images(node)

    def leave(self, name: str, *, recount: bool = True) -> int:
        """Let a node leave, and return its slot."""
        slot = self.slots[name]
        self._forget_nodes()
        for session in self.sessions.values():
            session.leave(name)
        self.volumes.alive[slot] = 0
        if recount:
            self.recount()
        return slot

    def look(self) -> None:
        """Take in what changed on nodes that were touched since the last attempt."""
        for session in self.sessions.values():
            session.look()

    def recount(self) -> None:
        """Count the pods of topology domains anew, after node objects changed."""
        if self.columns is not None:
            classes, slots = self.columns.bound()
        else:
            alive = set(self.alive().tolist())
            placed = self.placed.values()
            here = [(p.pod_class, p.slot) for p in placed if p.slot in alive]
            classes, slots = np.array(here, dtype=np.int32).reshape(-1, 2).T
        for session in self.sessions.values():
            session.recount(classes, slots)


def _lowest_priority(pods: Sequence[Pod]) -> float:
    """Return the lowest priority of some pods; −∞ if groups may give them others."""
    if any(pod.spec.scheduling_group is not None for pod in pods):
        return -math.inf
    return min((pod.spec.priority or 0 for pod in pods), default=math.inf)

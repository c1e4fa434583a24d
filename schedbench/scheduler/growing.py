"""A world whose pods and nodes become known as they come.

Columns know all classes and nodes beforehand; a scheduler in a cluster does not. So
what it hears is noted, and the columns are made anew before an attempt that would miss
a class or a node: everything known by then is in them, so that a burst costs one time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.gpu import gpu_devices
from schedbench.cluster.images import ImageTable
from schedbench.cluster.state import remove_node
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.workload import PodStream, Workload
from schedbench.scheduler.changes import (
    SELECTING,
    changes_class,
    changes_images_only,
    node_parts,
    selection,
)
from schedbench.scheduler.devices import take_devices
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.pod_classes import PodClasses, keys_in_object
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.sampling import NodeWalk
from schedbench.scheduler.snapshot import put_all
from schedbench.scheduler.world import NOWHERE, World


class GrowingWorld:
    """The cluster as one scheduler has heard of it.

    Parameters
    ----------
    settings
        schedulerName → its profile.
    seed
        Of the ties.
    pods, nodes
        Pods and nodes that may come; to know them spares making the columns anew.

    Attributes
    ----------
    pods
        `namespace/name` → pod on a node, or assumed there.
    nominated
        `namespace/name` → waiting pod, and the node to which it is nominated.
    nodes
        Node name → its newest version, of those that are there.
    objects
        The objects of other kinds.
    version
        Counts the changes that may let another pod in.
    rebuilds
        How often the columns were made.
    """

    def __init__(
        self,
        settings: Mapping[str, Settings],
        seed: int,
        *,
        pods: Iterable[Pod] = (),
        nodes: Iterable[Node] = (),
    ) -> None:
        self.settings = settings
        self.pods: dict[str, PlacedPod] = {}
        self.nominated: dict[str, tuple[Pod, str]] = {}
        self.nodes: dict[str, Node] = {}
        self.objects: list[KubernetesObject] = []
        self.version = 0
        self.rebuilds = 0
        self._seed = seed
        self._foreseen = list(pods)
        self._waiting: dict[str, tuple[Pod, int]] = {}
        self._classes = PodClasses()
        self._objects: dict[tuple[str, str], KubernetesObject] = {}
        self._slots: dict[str, int] = {}
        self._node_of: list[Node] = []
        self._changes: list[tuple[str, Node | None]] = []
        self._stale = True
        self._miscounted = False
        self._renumbered = False
        self._walk = NodeWalk(0)
        self._world: World | None = None
        for node in nodes:
            self._add_slot(node)
        for pod in self._foreseen:
            self._classes.number(pod)

    @property
    def world(self) -> World:
        """The columns, as the last `refresh` made them."""
        assert self._world is not None
        return self._world

    def put_object(self, item: KubernetesObject) -> None:
        """Take in an object of another kind, new or changed."""
        key = type(item).__name__, item.key
        before = self._objects.get(key)
        self._objects[key] = item
        changed = before is None or selection(before) != selection(item)
        if changed and isinstance(item, SELECTING):
            self._classes.see(keys_in_object(item))
            self._select_anew()
        if self._world is not None:
            self._world.volumes.put(item)
            self._note_budgets(item)

    def drop_object(self, item: KubernetesObject) -> None:
        """Forget an object of another kind."""
        if self._objects.pop((type(item).__name__, item.key), None) is None:
            return
        if isinstance(item, SELECTING):
            self._select_anew()
        if self._world is not None:
            self._world.volumes.drop(item)
            self._note_budgets(item)

    def put_node(self, node: Node) -> None:
        """Take in a node that joined or changed."""
        name = node.metadata.name
        before = self.nodes.get(name)
        self.nodes[name] = node
        if before is None or node_parts(before) != node_parts(node):
            self._add_slot(node)
            self._changes.append((name, node))
            self.version += 1
            if self._world is not None:
                state = next(iter(self._world.sessions.values())).state
                self._stale |= gpu_devices(node) > len(state.gpu_free)

    def drop_node(self, name: str) -> None:
        """Take in that a node left; pods on it stay until they go themselves."""
        if self.nodes.pop(name, None) is not None:
            self._changes.append((name, None))
            self.version += 1

    def wait(self, pod: Pod) -> int:
        """Take in a pod that waits, or its newest version, and return its class."""
        before = self._waiting.get(pod.key)
        if before is not None and not changes_class(before[0], pod):
            number = before[1]
        else:
            number = self._classes.number(pod)
        self._waiting[pod.key] = pod, number
        return number

    def leave(self, pod: Pod) -> None:
        """Take in that a pod waits no more."""
        self._waiting.pop(pod.key, None)
        self.nominate(pod, None)

    def class_of(self, pod: Pod) -> int:
        """Return the class of a pod that waits."""
        return self._waiting[pod.key][1]

    def place(self, pod: Pod, start: float) -> PlacedPod:
        """Let a pod be on the node that it names; return what it holds there."""
        waited = self._waiting.pop(pod.key, None)
        if waited is None or changes_class(waited[0], pod):
            number = self._classes.number(pod)
        else:
            number = waited[1]
        slot = self._slots.get(pod.spec.node_name or "", NOWHERE)
        placed = PlacedPod(pod, number, slot, start)
        self.pods[pod.key] = placed
        self.nominated.pop(pod.key, None)
        self.version += 1
        return self._put(placed) if self._knows(placed) else placed

    def take(self, key: str) -> PlacedPod | None:
        """Take a pod off its node; None if it is on none."""
        placed = self.pods.pop(key, None)
        if placed is None:
            return None
        if self._world is not None:
            there = self._world.forget(key)
            if there is not None:
                self._world.bind(there, -1)
                self._count_later(there)
        self.version += 1
        return placed

    def update(self, pod: Pod) -> None:
        """Take in a new version of a pod that is on its node."""
        before = self.pods[pod.key]
        number = before.pod_class
        if changes_class(before.pod, pod):
            number = self._classes.number(pod)
        slot, start, devices = before.slot, before.start, before.devices
        after = PlacedPod(pod, number, slot, start, devices)
        self.pods[pod.key] = after
        there = None if self._world is None else self._world.placed.get(pod.key)
        if there is not None:
            if number == there.pod_class:
                self.world.renew(after)
            elif self._knows(after):
                self.world.bind(there, -1)
                self.world.bind(after, 1)
                self._count_later(after)
                self.world.renew(after)
        self.version += number != before.pod_class

    def nominate(self, pod: Pod, node: str | None) -> None:
        """Nominate a waiting pod to a node, or to none; its newest version counts."""
        before = self.nominated.pop(pod.key, None)
        if before is None and node is None:
            return
        if node is not None:
            self.nominated[pod.key] = pod, node
        if self._world is not None:
            self._nominate(pod, node)
        if before is None or before[1] != node:
            self.version += 1

    def refresh(self) -> bool:
        """Let the columns have what was heard; return whether they were made anew."""
        world = self._world
        made = (
            world is None
            or self._stale
            or self._classes.outdated
            or len(self._classes) > len(world.encoded.class_pods)
            or len(self._node_of) > len(world.names)
        )
        if made:
            self._make()
        elif self._changes:
            self._change_nodes()
        if self._miscounted:
            self.world.recount()
            self._miscounted = False
        self.world.look()
        return made

    def _add_slot(self, node: Node) -> None:
        slot = self._slots.setdefault(node.metadata.name, len(self._node_of))
        if slot == len(self._node_of):
            self._node_of.append(node)
        self._node_of[slot] = node

    def _select_anew(self) -> None:
        self.objects[:] = self._objects.values()
        self._stale = True

    def _note_budgets(self, item: KubernetesObject) -> None:
        if isinstance(item, PodDisruptionBudget):
            self.world.budgets = [
                one
                for one in self._objects.values()
                if isinstance(one, PodDisruptionBudget)
            ]

    def _knows(self, placed: PlacedPod) -> bool:
        world = self._world
        return (
            world is not None
            and not self._classes.outdated
            and placed.pod_class < len(world.encoded.class_pods)
            and placed.slot < len(world.names)
        )

    def _put(self, placed: PlacedPod) -> PlacedPod:
        world = self.world
        session = next(iter(world.sessions.values()))
        compiled, slot = session.compiled, placed.slot
        if slot != NOWHERE and compiled.classes.gpu_count[placed.pod_class]:
            chosen = take_devices(
                session.state, compiled, np.int64(placed.pod_class), np.int64(slot)
            )
            placed = dataclasses.replace(placed, devices=int(chosen))
            self.pods[placed.pod.key] = placed
        world.put(placed)
        self._count_later(placed)
        return placed

    def _count_later(self, placed: PlacedPod) -> None:
        """Note that a pod came or went that no domain counts: its node is away."""
        if placed.slot != NOWHERE and not self.world.is_alive(placed.slot):
            self._miscounted = True

    def _nominate(self, pod: Pod, node: str | None) -> None:
        slot = self.world.slots.get(node or "")
        known = self._waiting.get(pod.key)
        number = self._classes.number(pod) if known is None else known[1]
        if slot is None or number < len(self.world.encoded.class_pods):
            self.world.nominate(pod, number, slot)

    def _change_nodes(self) -> None:
        world = self.world
        for name, node in self._changes:
            slot = self._slots[name]
            if node is None:
                if world.is_alive(slot):
                    self._drop_devices(slot)
                    world.leave(name, recount=False)
                    self._miscounted = True
            elif world.is_alive(slot) and changes_images_only(world.node(slot), node):
                world.see_images(node)
            else:
                self._miscounted |= world.join(node, recount=False)
        self._changes.clear()

    def _drop_devices(self, slot: int) -> None:
        """Let the pods on a node that leaves hold no devices: they leave with it."""
        for placed in list(self.world.on_node(slot)):
            if placed.devices:
                bare = dataclasses.replace(placed, devices=0)
                self.pods[placed.pod.key] = bare
                self.world.renew(bare)

    def _make(self) -> None:
        """Make the columns of everything that is known."""
        before = self._world
        if self._classes.outdated:
            self._number_anew()
        encoded = self._encode()
        self._walk.grow(len(self._node_of))
        tables = {
            name: ImageTable((), 0) if before is None else before.sessions[name].images
            for name in self.settings
        }
        for name, node in self._changes:
            slot = self._slots[name]
            for table in tables.values():
                table.drop(slot) if node is None else table.put(slot, node)
            if node is None:
                self._walk.remove(slot)
            else:
                self._walk.add(slot, node)
        self._changes.clear()
        world = World(encoded, self.settings, self._seed, self._walk)
        for name, session in world.sessions.items():
            session.images.adopt(tables[name])
        if before is not None:
            world.volumes.adopt(before.volumes)
        self._world = world
        self._stale = False
        self._fill(before)
        self.rebuilds += 1
        for pod, node_name in list(self.nominated.values()):
            self._nominate(pod, node_name)

    def _number_anew(self) -> None:
        self._renumbered = True
        known = [
            *(placed.pod for placed in self.pods.values()),
            *(pod for pod, _ in self._waiting.values()),
            *self._foreseen,
        ]
        self._classes.renew(known)
        for key, placed in self.pods.items():
            number = self._classes.number(placed.pod)
            self.pods[key] = dataclasses.replace(placed, pod_class=number)
        for key, (pod, _) in self._waiting.items():
            self._waiting[key] = pod, self._classes.number(pod)

    def _encode(self) -> EncodedWorkload:
        stream = PodStream.of(self._classes.pods)
        objects = [*self._objects.values()]
        encoded = encode(Workload("heard of", self._node_of, stream, objects))
        for name, slot in self._slots.items():
            if name not in self.nodes:
                remove_node(encoded.state, slot)
        return encoded

    def _fill(self, before: World | None) -> None:
        """Put the pods on their nodes; who is new there gets its devices now."""
        world = self.world
        counts = next(iter(world.sessions.values())).compiled.classes.gpu_count
        known: Mapping[str, PlacedPod] = {}
        if before is not None and not self._renumbered:
            world.adopt(before)
            known = before.placed
        there: list[PlacedPod] = []
        later: list[PlacedPod] = []
        for key, placed in self.pods.items():
            if placed.slot != NOWHERE and known.get(key) is placed:
                there.append(placed)
                continue
            slot = self._slots.get(placed.pod.spec.node_name or "", NOWHERE)
            found = self.pods[key] = dataclasses.replace(placed, slot=slot)
            is_new = before is None or key not in before.placed
            if key in known or slot == NOWHERE or (is_new and counts[found.pod_class]):
                later.append(found)
            else:
                there.append(found)
                world.register(found)
        self._renumbered = False
        classes = np.array([one.pod_class for one in there], dtype=np.int32)
        slots = np.array([one.slot for one in there], dtype=np.int32)
        held = {place: one.devices for place, one in enumerate(there)}
        put_all(world, classes, slots, held)
        for found in later:
            world.forget(found.pod.key)
            self._put(found)
        self._miscounted = len(self.nodes) < len(self._node_of)

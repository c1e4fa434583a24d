"""The volume world: storage objects, what a cycle assumed of them, what pods hold.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins (volumebinding/binder.go,
nodevolumelimits/csi.go) and util/assumecache. No volume controller runs here: a claim
that waits for its first consumer stays as `VolumeWorld.reserve` left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.matching import Mask
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.volume_binder import plan_volumes
from schedbench.cluster.volume_objects import (
    IN_TREE_DRIVERS,
    SELECTED_NODE,
    Attachable,
    Key,
    attachable_inline,
    attachable_volume,
    claims_of,
    class_of_claim,
    key_of,
    namespace_of,
    uses_volumes,
)
from schedbench.cluster.volume_topology import reach
from schedbench.cluster.volume_usage import VolumeUsage
from schedbench.objects.meta import ObjectReference
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)

NO_LIMIT = -1


class VolumeWorld:
    """The storage objects of a cluster and the volumes that its pods hold.

    Objects of other kinds are passed over. The counts follow `add_pod` and
    `remove_pod`; what a node's labels say is read from the node table, so `update_node`
    has to follow every change of it.

    Parameters
    ----------
    objects
        The API objects; among volumes of equal size, the first given is taken first.
    nodes
        The node objects, shared with the session.
    alive : uint8[N]
        Which slots are in the cluster, shared with the state; by default all are.

    Attributes
    ----------
    claims, volumes, classes, drivers, csi_nodes, capacities, attachments
        The objects, by name (or namespace and name).
    usage
        What the pods hold.
    """

    def __init__(
        self,
        objects: Iterable[object],
        nodes: NodeTable,
        alive: NDArray[Any] | None = None,
    ) -> None:
        self.nodes = nodes
        self.alive = np.ones(len(nodes), dtype=np.uint8) if alive is None else alive
        self.claims: dict[Key, PersistentVolumeClaim] = {}
        self.volumes: dict[str, PersistentVolume] = {}
        self.classes: dict[str, StorageClass] = {}
        self.drivers: dict[str, CSIDriver] = {}
        self.csi_nodes: dict[str, CSINode] = {}
        self.capacities: dict[str, CSIStorageCapacity] = {}
        self.attachments: dict[str, VolumeAttachment] = {}
        self.usage = VolumeUsage(len(nodes))
        self._taken: dict[str, ObjectReference] = {}
        self._selected: dict[Key, str] = {}
        self._reach: dict[str, Mask] = {}
        self._limits: dict[str, NDArray[np.int64]] = {}
        self._pods: dict[tuple[int, str], tuple[Pod, list[Attachable]]] = {}
        self._asked: set[tuple[type, object]] = set()
        self._stale = False
        self._tables: dict[type, dict[Any, Any]] = {
            PersistentVolumeClaim: self.claims,
            PersistentVolume: self.volumes,
            StorageClass: self.classes,
            CSIDriver: self.drivers,
            CSINode: self.csi_nodes,
            CSIStorageCapacity: self.capacities,
            VolumeAttachment: self.attachments,
        }
        for item in objects:
            self.put(item)

    def put(self, item: object) -> None:
        """Add an object or replace it; what was assumed of it is forgotten."""
        table = self._tables.get(type(item))
        if table is not None:
            table[_name(item)] = item
            self._forget(item)

    def drop(self, item: object) -> None:
        """Remove an object, if it is there."""
        table = self._tables.get(type(item))
        if table is not None and table.pop(_name(item), None) is not None:
            self._forget(item)

    def add_pod(self, pod: Pod, slot: int) -> None:
        """Let a pod be on a node."""
        if uses_volumes(pod):
            self._refresh()
            held = list(self.attachables(pod))
            self._pods[slot, pod.key] = (pod, held)
            self.usage.add(pod, slot, 1)
            self.usage.attach(held, slot, 1)

    def remove_pod(self, pod: Pod, slot: int) -> None:
        """Take a pod off a node; nothing happens if it is not there."""
        if (slot, pod.key) in self._pods:
            self._refresh()
            there, held = self._pods.pop((slot, pod.key))
            self.usage.add(there, slot, -1)
            self.usage.attach(held, slot, -1)

    def update_node(self, slot: int, node: Node) -> None:
        """Read a node's labels anew after it joined or changed."""
        if self.nodes.objects[slot] is not node:
            self.nodes.update(slot, node)
        here = slice(slot, slot + 1)
        for name, reached in self._reach.items():
            reached[here] = reach(self.volumes[name], self.nodes, here)

    def claim(self, pod: Pod, name: str) -> PersistentVolumeClaim | None:
        """Return a claim in the pod's namespace, None if there is none."""
        return self.claims.get((namespace_of(pod), name))

    def owner_of(self, volume: PersistentVolume) -> ObjectReference | None:
        """Return the claim that a volume is bound to, or was promised to."""
        return self._taken.get(volume.metadata.name, volume.spec.claim_ref)

    def selected_node(self, claim: PersistentVolumeClaim) -> str | None:
        """Return the node where a claim is to be provisioned, as far as decided."""
        found = self._selected.get(key_of(claim))
        return found or claim.metadata.annotations.get(SELECTED_NODE)

    def reserve(self, pod: Pod, slot: int) -> str | None:
        """Take the volumes that a pod needs on the node chosen for it.

        Returns the error that stops the pod, None if it may stay. Upstream fails only
        if an object changed since the filters ran, which cannot happen here.
        """
        plan = plan_volumes(pod, self, np.array([slot]))
        for matched in plan.matched:
            if matched.volume[0] >= 0:
                self._promise(matched.candidates[matched.volume[0]], matched.claim)
            else:
                self._selected[key_of(matched.claim)] = self.nodes.objects[
                    slot
                ].metadata.name
        return None

    def unreserve(self, pod: Pod) -> None:
        """Give back what was assumed for the claims of a pod."""
        keys = {(namespace_of(pod), use.name) for use in claims_of(pod)}
        for key in keys:
            self._selected.pop(key, None)
        for volume, owner in list(self._taken.items()):
            if (owner.namespace, owner.name) in keys:
                del self._taken[volume]

    def adopt(self, other: VolumeWorld) -> None:
        """Assume what another world assumed of its claims and volumes."""
        self._taken.update(other._taken)
        self._selected.update(other._selected)

    def _promise(self, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
        namespace, name = key_of(claim)
        self._taken[volume.metadata.name] = ObjectReference(
            namespace=namespace, name=name, uid=claim.metadata.uid
        )

    def reached(self, volume: PersistentVolume) -> Mask:
        """Return which nodes a volume's affinity lets reach it, bool[N]."""
        name = volume.metadata.name
        if name not in self._reach:
            self._reach[name] = reach(volume, self.nodes, slice(None))
        return self._reach[name]

    def limit(self, driver: str) -> NDArray[np.int64]:
        """Return how many volumes of a driver each node can attach, int64[N].

        `NO_LIMIT` where the node's CSINode does not say, or is missing.
        """
        if driver not in self._limits:
            limit = np.full(len(self.nodes), NO_LIMIT, dtype=np.int64)
            for name, item in self.csi_nodes.items():
                slot = self.nodes.slots.get(name)
                for one in item.spec.drivers if slot is not None else ():
                    given = one.allocatable.count if one.allocatable else None
                    if one.name == driver and given is not None:
                        limit[slot] = given
            self._limits[driver] = limit
        return self._limits[driver]

    def attached_count(self, driver: str) -> NDArray[np.int64]:
        """Return how many volumes of a driver each node has attached, int64[N].

        Counted are those of its pods, and those of its VolumeAttachments besides.
        """
        self._refresh()
        none = np.zeros(len(self.nodes), dtype=np.int64)
        count = self.usage.count.get(driver, none).copy()
        for slot, volume in set(self._attachments(driver)):
            if slot not in self.usage.attached.get(volume, ()):
                count[slot] += 1
        return count

    def holders(self, volume: Attachable) -> list[int]:
        """Return the slots whose pods hold a volume."""
        self._refresh()
        return list(self.usage.attached.get(volume, ()))

    def attachables(self, pod: Pod) -> Iterator[Attachable]:
        """Yield the volumes of a pod that attach limits count.

        A claim without a volume counts for the driver of its class, under its own
        name; missing claims do not count.
        """
        for volume in pod.spec.volumes:
            if volume.persistent_volume_claim is None and volume.ephemeral is None:
                inline = attachable_inline(volume)
                if inline is not None:
                    yield inline
        for use in claims_of(pod):
            self._asked.add((PersistentVolumeClaim, (namespace_of(pod), use.name)))
            claim = self.claim(pod, use.name)
            found = self._attachable(claim) if claim is not None else None
            if found is not None:
                yield found

    def _attachable(self, claim: PersistentVolumeClaim) -> Attachable | None:
        name, storage_class = claim.spec.volume_name or "", class_of_claim(claim)
        self._asked.add((PersistentVolume, name))
        volume = self.volumes.get(name)
        if volume is not None:
            return attachable_volume(volume)
        self._asked.add((StorageClass, storage_class))
        storage = self.classes.get(storage_class)
        if storage is None or not storage.provisioner:
            return None
        driver = IN_TREE_DRIVERS.get(storage.provisioner, storage.provisioner)
        return Attachable(driver, "\0" + "/".join(key_of(claim)))

    def _attachments(self, driver: str) -> Iterator[tuple[int, Attachable]]:
        for item in self.attachments.values():
            slot = self.nodes.slots.get(item.spec.node_name)
            name = item.spec.source.persistent_volume_name
            volume = self.volumes.get(name or "")
            if item.spec.attacher == driver and slot is not None and volume is not None:
                csi = volume.spec.csi
                if csi is not None:
                    yield slot, Attachable(driver, csi.volume_handle)

    def _forget(self, item: object) -> None:
        """Forget what was derived from an object that changed."""
        name = _name(item)
        match item:
            case PersistentVolumeClaim():
                self._selected.pop(name, None)
            case PersistentVolume():
                self._taken.pop(item.metadata.name, None)
                self._reach.pop(item.metadata.name, None)
            case CSINode():
                self._limits.clear()
        self._stale |= (type(item), name) in self._asked

    def _refresh(self) -> None:
        """Count attached volumes anew if claims may lead elsewhere now."""
        if self._stale:
            self._stale = False
            self.usage.detach_all()
            for (slot, _), (pod, held) in self._pods.items():
                held[:] = self.attachables(pod)
                self.usage.attach(held, slot, 1)


def _name(item: Any) -> Any:
    """Return what an object is found by: its name, a claim's namespace besides."""
    if isinstance(item, PersistentVolumeClaim):
        return key_of(item)
    return item.key if isinstance(item, CSIStorageCapacity) else item.metadata.name

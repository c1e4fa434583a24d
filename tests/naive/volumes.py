"""Volumes, after "Persistent Volumes" and "Storage Classes" in the documentation.

One pod and one node at a time, straight from the objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from naive.node_selectors import term_matches
from naive.quantity import exact, round_up
from naive.verdict import PASS, Reasons

from schedbench.objects.meta import ApiObject, ObjectReference
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import NodeSelectorRequirement, NodeSelectorTerm
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)
from schedbench.objects.volume import Volume

PLUGINS = ("VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone")
IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access "
    "mode already in-use by another pod"
)
BETA = "failure-domain.beta.kubernetes.io/"
STABLE = "topology.kubernetes.io/"
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
MIGRATED = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
}


@dataclasses.dataclass
class Storage:
    """All objects, and what earlier pods made the scheduler assume.

    Attributes
    ----------
    promised
        Name of a volume → the claim that will take it.
    sent
        Name of a claim → the node where it will be provisioned.
    """

    objects: list[Any]
    promised: dict[str, PersistentVolumeClaim] = dataclasses.field(default_factory=dict)
    sent: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)

    def find(self, kind: type, name: str | None, namespace: str = "") -> Any:
        """Return the object of a kind and a name, or None."""
        for one in self.every(kind):
            meta = one.metadata
            if meta.name == name and meta.namespace == namespace:
                return one
        return None

    def every(self, kind: type) -> list[Any]:
        """Return all objects of a kind."""
        return [one for one in self.objects if isinstance(one, kind)]


def stop(pod: Pod, storage: Storage) -> tuple[str, Reasons] | None:
    """Return which plugin stops the pod before any node is looked at, and why."""
    checks = {
        "VolumeRestrictions": _missing,
        "VolumeBinding": _not_ready,
        "VolumeZone": _nowhere,
    }
    for plugin, check in checks.items():
        reason = check(pod, storage)
        if reason:
            return plugin, Reasons([reason], unresolvable=True)
    return None


def refusal(
    pod: Pod,
    node: Node,
    storage: Storage,
    here: list[Pod],
    everywhere: list[Pod],
    changes: tuple[list[Pod], list[Pod]] = ((), ()),
) -> tuple[str, Reasons] | None:
    """Return the first plugin that refuses the node, and why.

    `here` are the pods on the node, `everywhere` those that PreFilter saw on all nodes,
    `changes` those that came to the node and went since.
    """
    checks = {
        "VolumeRestrictions": lambda: _restricted(
            pod, here, storage, everywhere, changes
        ),
        "NodeVolumeLimits": lambda: _too_many(pod, node, here, storage),
        "VolumeBinding": lambda: _unbindable(pod, node, storage),
        "VolumeZone": lambda: _out_of_zone(pod, node, storage),
    }
    for plugin, check in checks.items():
        if reasons := check():
            return plugin, reasons
    return None


def reserve(pod: Pod, node: Node, storage: Storage) -> None:
    """Remember what the pod's claims take on the node."""
    _, matches, provisioned = _bind(pod, node, storage)
    for volume, claim in matches:
        storage.promised[volume.metadata.name] = claim
    for claim in provisioned:
        storage.sent[_key(claim)] = node.metadata.name


def _key(item: ApiObject) -> tuple[str, str]:
    return item.metadata.namespace, item.metadata.name


def _claims(
    pod: Pod, storage: Storage, *, own: bool = True
) -> Iterator[tuple[str, PersistentVolumeClaim | None]]:
    """Yield name and object of each claim; `own` = of ephemeral volumes too."""
    for volume in pod.spec.volumes:
        name = None
        if volume.persistent_volume_claim:
            name = volume.persistent_volume_claim.claim_name
        elif volume.ephemeral and own:
            name = f"{pod.metadata.name}-{volume.name}"
        if name is not None:
            kind = PersistentVolumeClaim
            yield name, storage.find(kind, name, pod.metadata.namespace)


def _class_name(claim: PersistentVolumeClaim) -> str:
    return claim.metadata.annotations.get(
        OLD_CLASS, claim.spec.storage_class_name or ""
    )


def _complete(claim: PersistentVolumeClaim) -> bool:
    return (
        bool(claim.spec.volume_name)
        and "pv.kubernetes.io/bind-completed" in claim.metadata.annotations
    )


def _waiting(claim: PersistentVolumeClaim, storage: Storage) -> bool:
    found = storage.find(StorageClass, _class_name(claim))
    mode = found.volume_binding_mode if found else None
    return not claim.spec.volume_name and mode == "WaitForFirstConsumer"


def _missing(pod: Pod, storage: Storage) -> str | None:
    for name, claim in _claims(pod, storage, own=False):
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
    return None


def _not_ready(pod: Pod, storage: Storage) -> str | None:
    own = {
        f"{pod.metadata.name}-{volume.name}"
        for volume in pod.spec.volumes
        if volume.ephemeral and not volume.persistent_volume_claim
    }
    waits = False
    for name, claim in _claims(pod, storage):
        if claim is None and name in own:
            return (
                "waiting for ephemeral volume controller to create the "
                f'persistentvolumeclaim "{name}"'
            )
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.status.phase == "Lost":
            return (
                f'persistentvolumeclaim "{name}" bound to non-existent '
                f'persistentvolume "{claim.spec.volume_name or ""}"'
            )
        if claim.metadata.deletion_timestamp:
            return f'persistentvolumeclaim "{name}" is being deleted'
        owner = next(
            (one for one in claim.metadata.owner_references if one.controller), None
        )
        if name in own and (owner is None or owner.uid != pod.metadata.uid):
            space = pod.metadata.namespace
            return (
                f"PVC {space}/{name} was not created for pod "
                f"{space}/{pod.metadata.name} (pod is not owner)"
            )
        waits |= not _complete(claim) and not _waiting(claim, storage)
    return "pod has unbound immediate PersistentVolumeClaims" if waits else None


def _nowhere(pod: Pod, storage: Storage) -> str | None:
    for _, claim in _claims(pod, storage, own=False):
        if claim is None or _waiting(claim, storage):
            continue
        name = claim.spec.volume_name
        if name and storage.find(PersistentVolume, name) is None:
            return f'persistentvolume "{name}" not found'
    return None


def _restricted(
    pod: Pod,
    here: list[Pod],
    storage: Storage,
    everywhere: list[Pod],
    changes: tuple[list[Pod], list[Pod]],
) -> Reasons:
    """Upstream's counter of conflicts: made in PreFilter, moved by AddPod, RemovePod.

    If PreFilter finds nothing to do the plugin is skipped, whoever comes to the node.
    """
    alone = {
        _key(claim)
        for _, claim in _claims(pod, storage, own=False)
        if claim is not None and "ReadWriteOncePod" in claim.spec.access_modes
    }
    conflicts = len(alone & {key for other in everywhere for key in _mounted(other)})
    disks = any(_is_disk(volume) for volume in pod.spec.volumes)
    if not disks and not conflicts:
        return PASS
    there = [volume for other in here for volume in other.spec.volumes]
    if any(_same_disk(a, b) for a, b in product(pod.spec.volumes, there)):
        return Reasons(["node(s) had no available disk"])
    names = {name for _, name in alone}
    came, went = changes
    conflicts += sum(name in names for other in came for _, name in _mounted(other))
    conflicts -= sum(name in names for other in went for _, name in _mounted(other))
    return Reasons([IN_USE]) if conflicts > 0 else PASS


def _mounted(pod: Pod) -> Iterator[tuple[str, str]]:
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim:
            yield pod.metadata.namespace, volume.persistent_volume_claim.claim_name


def _is_disk(volume: Volume) -> bool:
    return bool(
        volume.gce_persistent_disk
        or volume.aws_elastic_block_store
        or volume.iscsi
        or volume.rbd
    )


def _same_disk(mine: Volume, other: Volume) -> bool:
    if mine.gce_persistent_disk and other.gce_persistent_disk:
        a, b = mine.gce_persistent_disk, other.gce_persistent_disk
        return a.pd_name == b.pd_name and not (a.read_only and b.read_only)
    if mine.aws_elastic_block_store and other.aws_elastic_block_store:
        return (
            mine.aws_elastic_block_store.volume_id
            == other.aws_elastic_block_store.volume_id
        )
    if mine.iscsi and other.iscsi:
        c, d = mine.iscsi, other.iscsi
        return c.iqn == d.iqn and not (c.read_only and d.read_only)
    if mine.rbd and other.rbd:
        e, f = mine.rbd, other.rbd
        return (
            bool({*e.monitors} & {*f.monitors})
            and (e.pool, e.image) == (f.pool, f.image)
            and not (e.read_only and f.read_only)
        )
    return False


def _too_many(pod: Pod, node: Node, here: list[Pod], storage: Storage) -> Reasons:
    csi_node = storage.find(CSINode, node.metadata.name)
    limits = {
        driver.name: driver.allocatable.count
        for driver in (csi_node.spec.drivers if csi_node else [])
        if driver.allocatable and driver.allocatable.count is not None
    }
    held = {disk for other in here for disk in _attached(other, storage)}
    wanted = set(_attached(pod, storage)) - held
    for one in storage.every(VolumeAttachment):
        volume = storage.find(PersistentVolume, one.spec.source.persistent_volume_name)
        if one.spec.node_name == node.metadata.name and volume and volume.spec.csi:
            held.add((one.spec.attacher, volume.spec.csi.volume_handle))
    for driver, limit in limits.items():
        new = sum(disk[0] == driver for disk in wanted)
        old = sum(disk[0] == driver for disk in held)
        if new and old + new > limit:
            return Reasons(["node(s) exceed max volume count"])
    return PASS


def _attached(pod: Pod, storage: Storage) -> Iterator[tuple[str, str]]:
    """Yield driver and identity of the volumes of a pod that a driver attaches."""
    for volume in pod.spec.volumes:
        if volume.aws_elastic_block_store:
            yield "ebs.csi.aws.com", volume.aws_elastic_block_store.volume_id
        if volume.gce_persistent_disk:
            yield "pd.csi.storage.gke.io", volume.gce_persistent_disk.pd_name
        if volume.azure_disk:
            yield "disk.csi.azure.com", volume.azure_disk.disk_uri
    for _, claim in _claims(pod, storage):
        if claim is None:
            continue
        bound = storage.find(PersistentVolume, claim.spec.volume_name)
        if bound and bound.spec.csi:
            if bound.spec.csi.volume_handle:
                yield bound.spec.csi.driver, bound.spec.csi.volume_handle
        elif bound and bound.spec.aws_elastic_block_store:
            yield "ebs.csi.aws.com", bound.spec.aws_elastic_block_store.volume_id
        elif bound and bound.spec.azure_disk:
            yield "disk.csi.azure.com", bound.spec.azure_disk.disk_uri
        elif not bound:
            found = storage.find(StorageClass, _class_name(claim))
            if found and found.provisioner:
                driver = MIGRATED.get(found.provisioner, found.provisioner)
                yield driver, f"claim {_key(claim)}"


def _unbindable(pod: Pod, node: Node, storage: Storage) -> Reasons:
    reasons, _, _ = _bind(pod, node, storage)
    return Reasons(sorted(reasons), unresolvable=True) if reasons else PASS


def _bind(
    pod: Pod, node: Node, storage: Storage
) -> tuple[
    set[str],
    list[tuple[PersistentVolume, PersistentVolumeClaim]],
    list[PersistentVolumeClaim],
]:
    """Return why the claims cannot be served, or what each takes."""
    reasons: set[str] = set()
    claims = [claim for _, claim in _claims(pod, storage) if claim is not None]
    for claim in filter(_complete, claims):
        volume = storage.find(PersistentVolume, claim.spec.volume_name)
        if volume is None:
            reasons.add(
                "node(s) unavailable due to one or more pvc(s) bound to "
                "non-existent pv(s)"
            )
            break
        if not _reaches(node, volume):
            reasons.add("node(s) didn't match PersistentVolume's node affinity")
            break
    matches: list[tuple[PersistentVolume, PersistentVolumeClaim]] = []
    unserved, free = [], []
    unbindable = "node(s) didn't find available persistent volumes to bind"
    for claim in claims:
        if _complete(claim):
            continue
        where = storage.sent.get(
            _key(claim),
            claim.metadata.annotations.get("volume.kubernetes.io/selected-node"),
        )
        if where is None:
            free.append(claim)
        elif where == node.metadata.name:
            unserved.append(claim)
        else:
            return reasons | {unbindable}, [], []
    for claim in sorted(free, key=lambda one: _asked(one) or 0):
        used = [volume.metadata.name for volume, _ in matches]
        found = _match(claim, node, storage, used)
        if found is None:
            unserved.append(claim)
        else:
            matches.append((found, claim))
    for claim in unserved:
        kind = storage.find(StorageClass, _class_name(claim))
        never = kind.provisioner in {"", "kubernetes.io/no-provisioner"}
        if never or not _allowed(kind, node):
            return reasons | {unbindable}, matches, []
        if not _room(claim, kind, node, storage):
            full = "node(s) did not have enough free storage"
            return reasons | {full}, matches, []
    return reasons, matches, unserved


def _asked(claim: PersistentVolumeClaim) -> Fraction | None:
    size = claim.spec.resources.requests.get("storage")
    return None if size is None else exact(size)


def _match(
    claim: PersistentVolumeClaim, node: Node, storage: Storage, used: Iterable[str]
) -> PersistentVolume | None:
    fitting = []
    for volume in storage.every(PersistentVolume):
        spec = volume.spec
        size = exact(spec.capacity.get("storage", 0))
        owner = spec.claim_ref
        if volume.metadata.name in storage.promised:
            taker = storage.promised[volume.metadata.name]
            owner = ObjectReference(
                namespace=taker.metadata.namespace,
                name=taker.metadata.name,
                uid=taker.metadata.uid,
            )
        if (
            volume.metadata.name in used
            or volume.metadata.deletion_timestamp
            or volume.metadata.annotations.get(OLD_CLASS, spec.storage_class_name)
            != _class_name(claim)
            or size < (_asked(claim) or 0)
            or (spec.volume_mode or "Filesystem")
            != (claim.spec.volume_mode or "Filesystem")
            or (spec.volume_attributes_class_name or "")
            != (claim.spec.volume_attributes_class_name or "")
        ):
            continue
        if owner is not None:
            mine = (owner.namespace, owner.name) == _key(claim)
            if mine and (owner.uid or claim.metadata.uid) == claim.metadata.uid:
                return volume if _reaches(node, volume) else None
            continue
        if (
            volume.status.phase == "Available"
            and {*claim.spec.access_modes} <= {*spec.access_modes}
            and (
                claim.spec.selector is None
                or _selects(claim.spec.selector, volume.metadata.labels)
            )
            and _reaches(node, volume)
        ):
            fitting.append((size, volume))
    return min(fitting, key=lambda one: one[0])[1] if fitting else None


def _selects(selector: Any, labels: dict[str, str]) -> bool:
    conditions = [
        NodeSelectorRequirement(key=key, operator="In", values=[value])
        for key, value in selector.match_labels.items()
    ]
    conditions += [
        NodeSelectorRequirement(key=one.key, operator=one.operator, values=one.values)
        for one in selector.match_expressions
    ]
    thing = Node()
    thing.metadata.labels = labels
    return not conditions or term_matches(
        NodeSelectorTerm(match_expressions=conditions), thing
    )


def _reaches(node: Node, volume: PersistentVolume) -> bool:
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return True
    nameless = Node()
    nameless.metadata.labels = node.metadata.labels
    terms = affinity.required.node_selector_terms
    return any(term_matches(term, nameless) for term in terms)


def _allowed(kind: StorageClass, node: Node) -> bool:
    labels = node.metadata.labels
    return not kind.allowed_topologies or any(
        term.match_label_expressions
        and all(
            labels.get(one.key) in one.values for one in term.match_label_expressions
        )
        for term in kind.allowed_topologies
    )


def _room(
    claim: PersistentVolumeClaim, kind: StorageClass, node: Node, storage: Storage
) -> bool:
    driver = storage.find(CSIDriver, kind.provisioner)
    size = _asked(claim)
    if size is None or driver is None or not driver.spec.storage_capacity:
        return True
    for one in storage.every(CSIStorageCapacity):
        most = one.maximum_volume_size
        most = one.capacity if most is None else most
        if (
            one.storage_class_name == kind.metadata.name
            and most is not None
            and round_up(exact(most)) >= round_up(size)
            and one.node_topology is not None
            and _selects(one.node_topology, node.metadata.labels)
        ):
            return True
    return False


def _out_of_zone(pod: Pod, node: Node, storage: Storage) -> Reasons:
    labels = node.metadata.labels
    keys = [
        f"{prefix}{what}" for prefix in (BETA, STABLE) for what in ("zone", "region")
    ]
    if not labels.keys() & set(keys):
        return PASS
    for _, claim in _claims(pod, storage, own=False):
        volume = claim and storage.find(PersistentVolume, claim.spec.volume_name)
        for key in keys if volume else []:
            wanted = volume.metadata.labels.get(key)
            if wanted is None:
                continue
            parts = [part.strip() for part in wanted.split("__")]
            mine = labels.get(key, labels.get(key.replace(BETA, STABLE)))
            if all(parts) and mine not in parts:
                reason = "node(s) had no available volume zone"
                return Reasons([reason], unresolvable=True)
    return PASS

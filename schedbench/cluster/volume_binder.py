"""Which volumes a pod's claims would take, on all nodes at once.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/volumebinding/binder.go and
k8s.io/component-helpers/storage/volume/pv_helpers.go. Claims are served from the
smallest up; a volume that is promised to the claim goes before all others, else the
smallest that fits is taken. Upstream leaves the choice among equals to the order of a
Go map; here the first given is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.matching import Mask
from schedbench.cluster.nodes import ABSENT
from schedbench.cluster.volume_objects import (
    NO_PROVISIONER,
    claims_of,
    class_of_claim,
    class_of_volume,
    is_bound,
    is_taken_by,
)
from schedbench.cluster.volume_topology import in_topologies, selected
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import LabelSelector, matches_label_selector
from schedbench.objects.storage import PersistentVolume, PersistentVolumeClaim
from schedbench.units import nano_value, value

if TYPE_CHECKING:
    from schedbench.cluster.volumes import VolumeWorld

STORAGE = "storage"
NO_VOLUME = -1


class PodClaims(NamedTuple):
    """The claims of a pod: bound, to be bound with the pod, and those that wait."""

    bound: list[PersistentVolumeClaim]
    delayed: list[PersistentVolumeClaim]
    immediate: list[PersistentVolumeClaim]


class Matched(NamedTuple):
    """What a claim would take.

    Attributes
    ----------
    claim
        The claim.
    candidates
        The volumes that may suit it.
    volume : int64[S]
        Index of the one that it takes on each node asked for, `NO_VOLUME` where it has
        to be provisioned.
    """

    claim: PersistentVolumeClaim
    candidates: Sequence[PersistentVolume]
    volume: NDArray[np.int64]


class Plan(NamedTuple):
    """How a pod's claims fare on the nodes asked for, each array bool[S].

    Attributes
    ----------
    apart
        A bound volume cannot be reached from the node.
    unmatched
        A claim finds no volume and cannot be provisioned.
    full
        A claim could be provisioned, but there is too little storage.
    lost
        A claim is bound to a volume that does not exist.
    matched
        The claims to be bound.
    """

    apart: Mask
    unmatched: Mask
    full: Mask
    lost: Mask
    matched: Sequence[Matched]


def sort_claims(pod: Pod, world: VolumeWorld) -> PodClaims:
    """Sort a pod's claims by what has to become of them; missing ones are left out."""
    found = PodClaims([], [], [])
    for use in claims_of(pod):
        claim = world.claim(pod, use.name)
        if claim is None:
            continue
        storage = world.classes.get(class_of_claim(claim))
        mode = storage.volume_binding_mode if storage is not None else None
        if is_bound(claim):
            found.bound.append(claim)
        elif mode == "WaitForFirstConsumer" and not claim.spec.volume_name:
            found.delayed.append(claim)
        else:
            found.immediate.append(claim)
    return found


def plan_volumes(pod: Pod, world: VolumeWorld, slots: NDArray[np.int64]) -> Plan:
    """Find volumes for the claims of a pod on each of some nodes."""
    claims = sort_claims(pod, world)
    apart, unmatched, full, lost = np.zeros((4, len(slots)), dtype=np.bool_)
    open_ = np.ones(len(slots), dtype=np.bool_)
    for claim in claims.bound:
        volume = world.volumes.get(claim.spec.volume_name or "")
        if volume is None:
            lost[open_] = True
            break
        apart[open_ & ~world.reached(volume)[slots]] = True
        open_ &= ~apart
    decided = [(claim, world.selected_node(claim)) for claim in claims.delayed]
    open_ = np.ones(len(slots), dtype=np.bool_)
    for _, node in decided:
        if node is not None:
            open_ &= slots == world.nodes.slots.get(node, ABSENT)
    unmatched[~open_] = True
    nothing = np.full(len(slots), NO_VOLUME, dtype=np.int64)
    matched = [Matched(claim, [], nothing) for claim, node in decided if node]
    free = [claim for claim, node in decided if node is None]
    taken: dict[str, Mask] = {}
    matched += [_match(claim, world, slots, taken) for claim in sorted(free, key=_size)]
    for one in matched:
        asked = open_ & (one.volume == NO_VOLUME)
        if asked.any():
            able = _provisionable(one.claim, world, slots)
            roomy = _has_capacity(one.claim, world, slots, asked & able)
            unmatched[asked & ~able] = True
            full[asked & able & ~roomy] = True
            open_ &= ~asked | (able & roomy)
    return Plan(apart, unmatched, full, lost, matched)


def _match(
    claim: PersistentVolumeClaim,
    world: VolumeWorld,
    slots: NDArray[np.int64],
    taken: dict[str, Mask],
) -> Matched:
    """Choose a volume for a claim; `taken` are those of the claims before it."""
    promised, others = _candidates(claim, world)
    candidates = [*promised, *sorted(others, key=_capacity)]
    choice = np.full(len(slots), NO_VOLUME, dtype=np.int64)
    open_ = np.ones(len(slots), dtype=np.bool_)
    for index, volume in enumerate(candidates):
        if not open_.any():
            break
        name = volume.metadata.name
        there = open_ & ~taken[name] if name in taken else open_
        hit = there & world.reached(volume)[slots]
        choice[hit] = index
        taken[name] = taken[name] | hit if name in taken else hit
        open_ = open_ & ~(there if index < len(promised) else hit)
    return Matched(claim, candidates, choice)


def _candidates(
    claim: PersistentVolumeClaim, world: VolumeWorld
) -> tuple[list[PersistentVolume], list[PersistentVolume]]:
    """Return the volumes promised to a claim, and the free ones that suit it."""
    promised, others = [], []
    wanted, size = class_of_claim(claim), _size(claim)
    for volume in world.volumes.values():
        spec = volume.spec
        if class_of_volume(volume) != wanted or _capacity(volume) < size:
            continue
        if (
            (claim.spec.volume_mode or "Filesystem")
            != (spec.volume_mode or "Filesystem")
            or (claim.spec.volume_attributes_class_name or "")
            != (spec.volume_attributes_class_name or "")
            or volume.metadata.deletion_timestamp is not None
        ):
            continue
        owner = world.owner_of(volume)
        if owner is not None:
            if is_taken_by(owner, claim):
                promised.append(volume)
        elif (
            volume.status.phase == "Available"
            and _selects(claim.spec.selector, volume)
            and set(claim.spec.access_modes) <= set(spec.access_modes)
        ):
            others.append(volume)
    return promised, others


def _selects(selector: LabelSelector | None, volume: PersistentVolume) -> bool:
    return selector is None or matches_label_selector(selector, volume.metadata.labels)


def _size(claim: PersistentVolumeClaim) -> int:
    return nano_value(claim.spec.resources.requests.get(STORAGE, 0))


def _capacity(volume: PersistentVolume) -> int:
    return nano_value(volume.spec.capacity.get(STORAGE, 0))


def _provisionable(
    claim: PersistentVolumeClaim, world: VolumeWorld, slots: NDArray[np.int64]
) -> Mask:
    """Return on which nodes the class of a claim can make a volume."""
    storage = world.classes[class_of_claim(claim)]
    if storage.provisioner in {"", NO_PROVISIONER}:
        return np.zeros(len(slots), dtype=np.bool_)
    return in_topologies(storage.allowed_topologies, world.nodes)[slots]


def _has_capacity(
    claim: PersistentVolumeClaim,
    world: VolumeWorld,
    slots: NDArray[np.int64],
    asked: Mask,
) -> Mask:
    """Return where a driver that publishes capacity has enough of it for a claim.

    Nodes that are not asked for may be left out.
    """
    storage = world.classes[class_of_claim(claim)]
    driver = world.drivers.get(storage.provisioner)
    size = claim.spec.resources.requests.get(STORAGE)
    if size is None or driver is None or not driver.spec.storage_capacity:
        return np.ones(len(slots), dtype=np.bool_)
    result = np.zeros(len(slots), dtype=np.bool_)
    for item in world.capacities.values():
        if not (asked & ~result).any():
            break
        limit = item.maximum_volume_size
        limit = item.capacity if limit is None else limit
        if (
            item.storage_class_name == storage.metadata.name
            and limit is not None
            and value(limit) >= value(size)
        ):
            result |= selected(item.node_topology, world.nodes)[slots]
    return result

"""A cluster snapshot as questions take it: who stays, who is placed anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.pod import Pod
from schedbench.simulation.record import EventKind, Record
from schedbench.sources.manifests import Manifests, load_manifests, workload_of

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload
    from schedbench.policies.base import Policy

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of static pods, which no scheduler places."""
GOING = "DELETE", "EVICT", "FINISH"


@dataclasses.dataclass(frozen=True, slots=True)
class Loosened:
    """A snapshot of which the pods are to be placed anew, in the order they came.

    Attributes
    ----------
    workload
        The cluster; pods that stay are bound, the others wait, by creation.
    was_on
        `namespace/name` → the node that a pod had.
    fixed
        How many pods stay where they are.
    notes
        What was passed over, one sentence each.
    """

    workload: Workload
    was_on: Mapping[str, str]
    fixed: int
    notes: list[str]


def read_snapshot(target: str) -> Manifests:
    """Read a cluster snapshot.

    Raises
    ------
    InputError
        If it is not there, cannot be read, or has no nodes.
    """
    from schedbench.objects.node import Node

    if target != "-" and not Path(target).exists():
        raise InputError("no such file or folder", source=target)
    found = load_manifests(target)
    if not any(isinstance(item, Node) for item in found.objects):
        raise InputError(
            "no nodes in the snapshot",
            source=target,
            fix="take it with kubectl get nodes,pods,… -A -o json",
        )
    return found


def as_workload(manifests: Manifests, target: str) -> Workload:
    """Return the snapshot as a workload.

    Raises
    ------
    InputError
        If its objects contradict each other.
    """
    try:
        return workload_of(manifests, Path(target).name)
    except InputError as error:
        raise error.at(source=target) from None


def loosen(target: str, schedulers: Collection[str]) -> Loosened:
    """Read a snapshot and take the pods off their nodes.

    Static pods stay where they are, and so do pods that are being deleted and those
    of schedulers that are not asked about; of the latter, waiting ones are left out.
    DaemonSet pods go back by themselves: their affinity names their node.

    Raises
    ------
    InputError
        As `read_snapshot` does.
    """
    manifests = read_snapshot(target)
    was_on: dict[str, str] = {}
    kept, fixed, foreign = [], 0, 0
    for item in manifests.objects:
        if isinstance(item, Pod) and item.status.phase not in {"Succeeded", "Failed"}:
            mine = scheduler_of(item) in schedulers
            if not mine and not item.spec.node_name:
                foreign += 1
                continue
            if item.spec.node_name:
                if mine and movable(item):
                    was_on[_key(item)] = item.spec.node_name
                    unbind(item)
                else:
                    fixed += 1
        kept.append(item)
    workload = as_workload(Manifests(kept, manifests.notes), target)
    notes = [*workload.notes]
    if foreign:
        notes.append(f"{foreign:,} waiting pods of other schedulers are left out")
    return Loosened(workload, was_on, fixed, notes)


def scheduler_of(pod: Pod) -> str:
    """Return the name of the scheduler that a pod asks for."""
    from schedbench.scheduler.config import DEFAULT_SCHEDULER

    return pod.spec.scheduler_name or DEFAULT_SCHEDULER


def movable(pod: Pod) -> bool:
    """Tell whether a scheduler might have put a pod elsewhere."""
    static = MIRROR in pod.metadata.annotations
    return not static and pod.metadata.deletion_timestamp is None


def unbind(pod: Pod) -> None:
    """Take a pod off its node, with all that it has from being there."""
    pod.spec.node_name = None
    pod.status.nominated_node_name = None
    pod.status.container_statuses = []
    pod.status.init_container_statuses = []
    pod.status.resize = None


def configured(config: str | None) -> Policy:
    """Return kube-scheduler by a configuration file, or by its defaults.

    Unlike in runs the defaults sample nodes, as the scheduler itself does.

    Raises
    ------
    InputError
        If the file is not there, or kube-scheduler would refuse it.
    """
    from schedbench.policies.base import Policy
    from schedbench.policies.kube_scheduler import NAME, SUMMARY, make
    from schedbench.scheduler.profile import Tie
    from schedbench.scheduler.profiles import read_profiles

    if config is not None:
        if not Path(config).is_file():
            raise InputError("no such file", source=config)
        return make(config=config)
    profiles = read_profiles(None, tie=Tie.RANDOM)
    first = next(iter(profiles.values()))
    return Policy(NAME, SUMMARY, first.profile, profiles=profiles)


def last_places(record: Record, pods: int) -> NDArray[np.int32]:
    """Return the slot on which each pod is in the end, int32[pod]; −1 = on none."""
    moves = np.isin(record.kind, [EventKind.BIND, *(EventKind[one] for one in GOING)])
    entries = np.flatnonzero(moves & (record.pod >= 0))
    place = np.full(pods, -1, dtype=np.int32)
    last = np.full(pods, -1, dtype=np.int64)
    np.maximum.at(last, record.pod[entries], entries)
    known = np.flatnonzero(last >= 0)
    bound = known[record.kind[last[known]] == EventKind.BIND]
    place[bound] = record.node[last[bound]]
    return place


def _key(pod: Pod) -> str:
    meta = pod.metadata
    return f"{meta.namespace or 'default'}/{meta.name or meta.generate_name or ''}"

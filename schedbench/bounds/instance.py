"""A workload as a packing problem: kinds of pods, groups of nodes, who may go where.

Kinds are pods alike in requests, GPU shares, host ports and in what they demand of node
objects. Groups are nodes alike in what they offer and whom they take.

Two facts make a packing of this instance a bound for any run:

1. At any instant, on any node, the pods there that a policy bound fit the node *as it
   was at its best*: when the last of them was bound, all the others were there, for
   none left in between, and the filter let the last one pass. So a node counts with the
   most it ever offers, and takes whom any version of it takes.
2. Pods that come bound are not judged. Those that come before any pod is scheduled, and
   stay, take their room from the first instant on; the others are taken to need none.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.offers import Offers, offers_of

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload

MOST_PAIRS = 400_000
"""Kinds × groups beyond which nodes that take the same pods are one group."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kinds:
    """`K` kinds of pods, in `Q` columns: resources, then host ports.

    Attributes
    ----------
    request : int64[K, Q]
        Millicores, bytes, counts; 1 in the column of a port.
    devices, milli : int64[K]
        GPU devices and milli of each; 0 for none.
    static_row : int64[K]
        Row of what the kind demands of node objects.
    """

    request: NDArray[np.int64]
    devices: NDArray[np.int64]
    milli: NDArray[np.int64]
    static_row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.devices)


@dataclasses.dataclass(frozen=True, slots=True)
class Groups:
    """`G` groups of nodes.

    Attributes
    ----------
    size : int64[G]
        How many nodes.
    largest, total : int64[G, Q]
        The most that one of them offers, and all of them together.
    devices_largest, devices_total : int64[G]
        GPU devices, likewise.
    fits : bool[K, G]
        Whether a pod of the kind fits some empty node of the group.
    """

    size: NDArray[np.int64]
    largest: NDArray[np.int64]
    total: NDArray[np.int64]
    devices_largest: NDArray[np.int64]
    devices_total: NDArray[np.int64]
    fits: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.size)

    @property
    def uniform(self) -> bool:
        """Whether the nodes of each group offer the same."""
        alike = self.largest * self.size[:, None] == self.total
        devices = self.devices_largest * self.size == self.devices_total
        return bool(alike.all() and devices.all())


@dataclasses.dataclass(frozen=True, slots=True)
class Instance:
    """A workload as a packing problem.

    Attributes
    ----------
    kinds, groups
        See there; `groups` offer what early, lasting, bound pods leave.
    kind : int64[P]
        Kind of each pod of the stream.
    arrives, scheduled : bool[P]
        Pods that arrive; those of them that do not come bound.
    measured : bool[P]
        Scheduled pods whose waiting counts.
    arrival, duration, deletion : float64[P]
        As in the stream.
    end : float64[P]
        When a pod leaves that starts on arrival; inf = never.
    lasting : bool[P]
        Pods that stay to the end of the run once they are bound.
    offers
        The nodes one by one, without the pods that come bound.
    preempts, leaves
        Whether pods may be preempted; whether nodes leave.
    queued, changes
        Whether pods wait in kube-scheduler's queue; whether node objects change.
    """

    kinds: Kinds
    groups: Groups
    kind: NDArray[np.int64]
    arrives: NDArray[np.bool_]
    scheduled: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    arrival: NDArray[np.float64]
    duration: NDArray[np.float64]
    deletion: NDArray[np.float64]
    end: NDArray[np.float64]
    lasting: NDArray[np.bool_]
    offers: Offers
    preempts: bool
    leaves: bool
    queued: bool
    changes: bool

    @property
    def placeable(self) -> NDArray[np.bool_]:
        """Whether each kind fits some empty node, bool[K]."""
        return np.asarray(self.groups.fits.any(axis=1))

    def counts(self, pods: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count some pods by kind, int64[K]."""
        return np.bincount(self.kind[pods], minlength=len(self.kinds))


def instance_of(encoded: EncodedWorkload) -> Instance:
    """Return the packing problem of a workload."""
    stream = encoded.workload.pods
    offers = offers_of(encoded)
    kinds, kind_of_class = _kinds(encoded, offers)
    kind = kind_of_class[encoded.class_of]
    arrives = stream.deletion > stream.arrival
    bound = arrives & (stream.node >= 0)
    scheduled = arrives & ~bound
    end = np.minimum(stream.arrival + stream.duration, stream.deletion)
    preempts = may_preempt(encoded)
    first = stream.arrival[scheduled].min(initial=np.inf)
    early = bound & np.isinf(end) & (stream.arrival <= first)
    if preempts or encoded.workload.node_events:
        early[:] = False
    left = offers.amount.copy()
    np.subtract.at(left, stream.node[early], kinds.request[kind[early]])
    return Instance(
        kinds=kinds,
        groups=_groups(kinds, np.maximum(left, 0), offers),
        kind=kind,
        arrives=arrives,
        scheduled=scheduled,
        measured=scheduled & stream.measured,
        arrival=stream.arrival,
        duration=stream.duration,
        deletion=stream.deletion,
        end=end,
        lasting=arrives & np.isinf(stream.duration) & np.isinf(stream.deletion),
        offers=offers,
        preempts=preempts,
        leaves=any(each.change == "remove" for each in encoded.workload.node_events),
        queued=encoded.workload.needs_scheduling_queue,
        changes=bool(encoded.workload.node_events),
    )


def may_preempt(encoded: EncodedWorkload) -> bool:
    """Tell whether the workload's queue lets pods make room for others."""
    workload = encoded.workload
    if not workload.needs_scheduling_queue:
        return False
    grouped = any(pod.spec.scheduling_group is not None for pod in encoded.class_pods)
    return grouped or len(np.unique(encoded.priority)) > 1


def _kinds(encoded: EncodedWorkload, offers: Offers) -> tuple[Kinds, NDArray[np.int64]]:
    """Return the kinds, and the kind of each class."""
    classes = encoded.classes
    columns = np.column_stack(
        [
            classes.request,
            offers.ports,
            classes.gpu_count,
            classes.gpu_milli * (classes.gpu_count > 0),
            classes.static_row,
        ]
    )
    distinct, kind_of = np.unique(columns, axis=0, return_inverse=True)
    request, rest = distinct[:, :-3], distinct[:, -3:]
    kinds = Kinds(np.ascontiguousarray(request), *np.ascontiguousarray(rest.T))
    return kinds, kind_of.reshape(-1)


def _groups(kinds: Kinds, left: NDArray[np.int64], offers: Offers) -> Groups:
    """Group nodes that offer the same to the same pods; of many, coarser."""
    takes = offers.takes.T.astype(np.int64)
    exact = np.column_stack([takes, offers.devices, left])
    shapes, group = np.unique(exact, axis=0, return_inverse=True)
    if len(shapes) * len(kinds) > MOST_PAIRS:
        shapes, group = np.unique(takes, axis=0, return_inverse=True)
    group, count = group.reshape(-1), len(shapes)
    largest = np.zeros((count, left.shape[1]), dtype=np.int64)
    total = np.zeros_like(largest)
    devices_largest = np.zeros(count, dtype=np.int64)
    devices_total = np.zeros_like(devices_largest)
    np.maximum.at(largest, group, left)
    np.add.at(total, group, left)
    np.maximum.at(devices_largest, group, offers.devices)
    np.add.at(devices_total, group, offers.devices)
    allowed = shapes[:, : len(offers.takes)].T[kinds.static_row].astype(np.bool_)
    for column in range(largest.shape[1]):
        asked = kinds.request[:, column]
        allowed &= asked[:, None] <= largest[:, column]
    allowed &= kinds.devices[:, None] <= devices_largest
    size = np.bincount(group, minlength=count)
    return Groups(size, largest, total, devices_largest, devices_total, allowed)

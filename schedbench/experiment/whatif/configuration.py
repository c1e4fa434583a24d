"""A cluster under another scheduler configuration: what moves, what pends.

Both configurations place all pods of the snapshot from scratch: the nodes are empty
but for pods that stay, all others wait from the start and are taken in the queue's
order (priority, then creation). So the difference is that of the configurations alone,
and not of what happened in the cluster's life. Preemption, gates, claims and groups
are as in kube-scheduler's queue; time to back off passes as fast as possible.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.experiment.whatif.snapshot import Loosened, last_places

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload
    from schedbench.policies.base import Policy
    from schedbench.simulation.record import Rejection


class Change(NamedTuple):
    """A pod that the configurations treat differently; None = it waits."""

    pod: str
    was_on: str | None
    base: str | None
    new: str | None

    @property
    def kind(self) -> str:
        """`pends`, `is placed` or `moves`."""
        if self.new is None:
            return "pends"
        return "is placed" if self.base is None else "moves"


class Side(NamedTuple):
    """What one configuration comes to.

    Attributes
    ----------
    pending, nodes_used
        Pods on no node in the end; nodes with a pod, one that stays included.
    as_it_was
        Pods that come to the node which they have in the snapshot.
    reasons
        Why pods found no node at their first failed attempt, most nodes first.
    """

    pending: int
    nodes_used: int
    as_it_was: int
    reasons: Sequence[Rejection]


@dataclasses.dataclass(frozen=True, slots=True)
class WhatIf:
    """Two configurations on one snapshot.

    Attributes
    ----------
    nodes, pods, fixed
        Nodes, pods placed anew, pods that stay.
    moved_alike
        Moves that are left when pods of one kind are interchangeable.
    moved_by_ties
        Pods that move under the base when ties are drawn from another seed: what a
        difference of nothing at all looks like.
    changes
        Every pod that is treated differently, those that pend first.
    """

    nodes: int
    pods: int
    fixed: int
    base: Side
    new: Side
    moved_alike: int
    moved_by_ties: int
    changes: Sequence[Change]
    notes: Sequence[str]

    def counts(self) -> Mapping[str, int]:
        """Return how many pods pend, are placed and move, under the new one only."""
        found = collections.Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ("pends", "is placed", "moves")}

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        counts = self.counts()
        return {
            "nodes": self.nodes,
            "pods": self.pods,
            "fixed": self.fixed,
            "base": _side(self.base),
            "new": _side(self.new),
            "newly_pending": counts["pends"],
            "newly_placed": counts["is placed"],
            "moved": counts["moves"],
            "moved_alike": self.moved_alike,
            "moved_by_ties": self.moved_by_ties,
            "changes": [
                each._asdict() | {"change": each.kind} for each in self.changes
            ],
            "notes": list(self.notes),
        }


def what_if(loosened: Loosened, base: Policy, new: Policy, *, seed: int) -> WhatIf:
    """Place the pods of a snapshot under two configurations, and compare."""
    from schedbench.cluster.encode import encode

    workload = dataclasses.replace(loosened.workload, queue="kube-scheduler")
    encoded = encode(workload)
    free = np.flatnonzero(workload.pods.node < 0)
    places, sides = [], []
    for policy in (base, new):
        place, reasons = _placed(encoded, policy, seed)
        places.append(place)
        sides.append(_told(loosened, encoded, place, free, reasons))
    again, _ = _placed(encoded, base, seed + 1)
    names = encoded.node_names
    differ = free[places[0][free] != places[1][free]].tolist()
    changes = [
        Change(
            workload.pods.name(pod),
            loosened.was_on.get(workload.pods.name(pod)),
            *(names[place[pod]] if place[pod] >= 0 else None for place in places),
        )
        for pod in differ
    ]
    order = ("pends", "is placed", "moves")
    changes.sort(key=lambda change: order.index(change.kind))
    return WhatIf(
        nodes=len(names),
        pods=len(free),
        fixed=loosened.fixed,
        base=sides[0],
        new=sides[1],
        moved_alike=_flow(encoded.class_of, free, *places),
        moved_by_ties=_flow(encoded.class_of, free, places[0], again),
        changes=changes,
        notes=loosened.notes,
    )


def _placed(
    encoded: EncodedWorkload, policy: Policy, seed: int
) -> tuple[NDArray[np.int32], Sequence[Rejection]]:
    from schedbench.simulation.replay import replay

    record = replay(encoded, policy, seed=seed)
    return last_places(record, len(encoded.class_of)), record.rejections


def _told(
    loosened: Loosened,
    encoded: EncodedWorkload,
    place: NDArray[np.int32],
    free: NDArray[np.int64],
    reasons: Sequence[Rejection],
) -> Side:
    pods, names = loosened.workload.pods, encoded.node_names
    same = sum(
        place[pod] >= 0 and loosened.was_on.get(pods.name(pod)) == names[place[pod]]
        for pod in free.tolist()
    )
    used = np.unique(place[place >= 0])
    return Side(int((place[free] < 0).sum()), len(used), int(same), reasons)


def _flow(
    pod_class: NDArray[np.int32],
    free: NDArray[np.int64],
    one: NDArray[np.int32],
    other: NDArray[np.int32],
) -> int:
    """Return how many pods must move when those of a class are interchangeable."""
    both = free[(one[free] >= 0) & (other[free] >= 0)]
    counts: collections.Counter[tuple[int, int]] = collections.Counter()
    classes = pod_class[both].tolist()
    counts.update(zip(classes, other[both].tolist(), strict=True))
    counts.subtract(zip(classes, one[both].tolist(), strict=True))
    return sum(count for count in counts.values() if count > 0)


def _side(side: Side) -> dict[str, Any]:
    reasons = [dataclasses.asdict(each) for each in side.reasons]
    return side._asdict() | {"reasons": reasons}

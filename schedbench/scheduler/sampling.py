"""Adaptive sampling: of how many nodes, and of which, a pod's node is chosen.

Source: kubernetes v1.34 pkg/scheduler/schedule_one.go (numFeasibleNodesToFind,
findNodesThatPassFilters) at parallelism 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.node_order import NodeOrder
from schedbench.jit import by_reference, kernel
from schedbench.objects.node import Node
from schedbench.scheduler.score import Scratch

LEAST_NODES = 100
LEAST_PERCENT = 5
ALL_NODES = 100
UNSEEN = -(2**63)
"""In `bad`: the node was not looked at; no filter leaves this value."""


@by_reference
class Sampling(NamedTuple):
    """Which nodes an attempt looks at; `N` node slots, `C` classes.

    Attributes
    ----------
    percentage
        Of the nodes that suffice if they are feasible; 0 = adaptive.
    order : int32[N]
        The scheduler's node list, by slot; of length 0 if nothing is ever sampled.
    is_listed : uint8[N]
        1 for the nodes in the list.
    listed, start : int64[1]
        Length of the list, and where in it the next attempt begins, modulo that.
    evaluated : int64[1]
        How many nodes the last attempt looked at.
    attempted : uint8[1]
        1 if an attempt has seen the list since it was written.
    narrows : uint8[C]
        1 for classes whose required node affinity names the nodes.
    named : int32[], named_start : int32[C + 1]
        Their slots: `named[named_start[c]:named_start[c + 1]]`.
    """

    percentage: int
    order: NDArray[np.int32]
    is_listed: NDArray[np.uint8]
    listed: NDArray[np.int64]
    start: NDArray[np.int64]
    evaluated: NDArray[np.int64]
    attempted: NDArray[np.uint8]
    narrows: NDArray[np.uint8]
    named: NDArray[np.int32]
    named_start: NDArray[np.int32]


class NodeWalk:
    """The node list and the rotating start, which all profiles of a scheduler share.

    Upstream's list changes at an attempt, not at an event: `look` writes what an
    attempt made now would see, and only if one is made does it stay.

    Attributes
    ----------
    columns
        What kernels see of it, for a profile that samples nothing and narrows nothing.
    """

    def __init__(self, nodes: int) -> None:
        self._tree = NodeOrder()
        self._changed = True
        self.columns = Sampling(
            percentage=ALL_NODES,
            order=np.zeros(nodes, dtype=np.int32),
            is_listed=np.zeros(nodes, dtype=np.uint8),
            listed=np.zeros(1, dtype=np.int64),
            start=np.zeros(1, dtype=np.int64),
            evaluated=np.zeros(1, dtype=np.int64),
            attempted=np.zeros(1, dtype=np.uint8),
            narrows=np.zeros(0, dtype=np.uint8),
            named=np.zeros(0, dtype=np.int32),
            named_start=np.zeros(1, dtype=np.int32),
        )

    @property
    def order(self) -> NDArray[np.int32]:
        """The list as attempts see it, int32[nodes]."""
        return self.columns.order[: self.columns.listed[0]]

    def add(self, slot: int, node: Node) -> None:
        """Let a node join or change."""
        self._changed = True
        self._settle()
        self._tree.add(slot, node)

    def remove(self, slot: int) -> None:
        """Let a node leave."""
        self._changed = True
        self._settle()
        self._tree.remove(slot)

    def grow(self, nodes: int) -> None:
        """Have room for more slots; the list and the start stay."""
        old = self.columns
        more = np.zeros(nodes - len(old.order), dtype=np.int32)
        self.columns = old._replace(
            order=np.concatenate([old.order, more]),
            is_listed=np.concatenate([old.is_listed, more.astype(np.uint8)]),
        )

    def look(self) -> None:
        """Write the list for an attempt that follows changes of nodes."""
        if not self._changed:
            return
        self._changed = False
        order, columns = self._tree.peek(), self.columns
        columns.order[: len(order)] = order
        columns.listed[0] = len(order)
        columns.is_listed[:] = 0
        columns.is_listed[order] = 1

    def _settle(self) -> None:
        """Keep the list that an attempt has seen."""
        if self.columns.attempted[0]:
            self._tree.refresh()
            self.columns.attempted[0] = 0

    def sampling(
        self, percentage: int, named: Sequence[Sequence[int] | None]
    ) -> Sampling:
        """Return what a profile samples.

        Parameters
        ----------
        named
            Class → slots of the nodes that its affinity names; None = it names none.
        """
        start = np.zeros(len(named) + 1, dtype=np.int32)
        start[1:] = np.cumsum([len(slots or ()) for slots in named])
        slots = [slot for slots in named for slot in slots or ()]
        return self.columns._replace(
            percentage=percentage,
            narrows=np.array([slots is not None for slots in named], dtype=np.uint8),
            named=np.array(slots, dtype=np.int32),
            named_start=start,
        )


@kernel
def ordered(sampling: Sampling) -> int:
    """Return how many nodes of the list tell the order of ties; 0 = the slots do.

    Where all nodes are scored there may be no list.
    """
    return int(sampling.listed[0]) if sampling.percentage < ALL_NODES else 0


@kernel
def nodes_to_find(nodes: int, percentage: int) -> int:
    """Return how many feasible nodes are enough; percentage 0 = adaptive."""
    if nodes < LEAST_NODES or percentage >= ALL_NODES:
        return nodes
    percent = percentage
    if percent == 0:
        percent = max(LEAST_PERCENT, 50 - nodes // 125)
    return max(LEAST_NODES, nodes * percent // 100)


@kernel
def looked_at(
    sampling: Sampling,
    pod_class: int,
    is_named: NDArray[np.int64],
    nodes: NDArray[np.int64],
) -> int:
    """Write the nodes that a class may look at, in walking order; return how many.

    `is_named` is scratch of one entry a node.
    """
    every = not sampling.narrows[pod_class]
    if not every:
        is_named[:] = 0
        first = sampling.named_start[pod_class]
        for index in range(first, sampling.named_start[pod_class + 1]):
            is_named[sampling.named[index]] = 1
    count = 0
    for index in range(sampling.listed[0]):
        node = np.int64(sampling.order[index])
        if every or is_named[node]:
            nodes[count] = node
            count += 1
    return count


@kernel
def walk(
    nodes: NDArray[np.int64], start: int, wanted: int, bad: NDArray[np.int64]
) -> int:
    """Keep the first `wanted` feasible nodes round the list; return how many were seen.

    It ends before the first feasible node too many; that one and those behind it
    become `UNSEEN`.
    """
    kept, seen = 0, nodes.size
    at = start % nodes.size
    for step in range(nodes.size):
        node = nodes[at]
        at = at + 1 if at + 1 < nodes.size else 0
        if bad[node] >= 0:
            if kept == wanted and seen == nodes.size:
                seen = step
            kept += 1
        if step >= seen:
            bad[node] = UNSEEN
    return seen


@kernel
def sample(sampling: Sampling, pod_class: int, scratch: Scratch) -> None:
    """Leave feasible in `scratch.bad` only the nodes that an attempt keeps."""
    count = sampling.listed[0]
    narrows = sampling.narrows[pod_class] != 0
    if narrows or nodes_to_find(count, sampling.percentage) < count:
        count = looked_at(sampling, pod_class, scratch.score, scratch.helper)
        wanted = nodes_to_find(count, sampling.percentage)
        if wanted < count:
            nodes = scratch.helper[:count]
            count = walk(nodes, sampling.start[0], wanted, scratch.bad)
    sampling.evaluated[0] = count


@kernel
def advance(sampling: Sampling) -> None:
    """Let the next attempt begin behind the nodes that the last one looked at."""
    if sampling.listed[0] > 0:
        start = sampling.start[0] + sampling.evaluated[0]
        sampling.start[0] = start % sampling.listed[0]
        sampling.attempted[0] = 1


def advance_in_vain(sampling: Sampling, pod_class: int, attempts: int = 1) -> None:
    """Let the next attempt begin behind what attempts of a class looked at in vain.

    Each looked at all nodes of the list, or at those that the class names.
    """
    listed = int(sampling.listed[0])
    if listed == 0:
        return
    evaluated = listed
    if len(sampling.narrows) and sampling.narrows[pod_class]:
        first, last = sampling.named_start[pod_class : pod_class + 2]
        named = np.unique(sampling.named[first:last])
        evaluated = int(sampling.is_listed[named].sum())
    sampling.evaluated[0] = evaluated
    sampling.start[0] = (sampling.start[0] + attempts * evaluated) % listed
    sampling.attempted[0] = 1

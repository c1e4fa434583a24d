"""The pods on nodes, and those nominated to them, as columns that follow a world."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.jit import by_reference
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.preemption import importance, protects
from schedbench.scheduler.victims import Columns

MOST_BUDGETS = 62
"""A pod's budgets are bits of an int64."""
MANY = 64
"""So many nodes are read from columns, which looks at all pods."""
UNNUMBERED = -1


@by_reference
class OnNodes(NamedTuple):
    """The pods on nodes in columns, by node, the most important first.

    Attributes
    ----------
    number, slot, pod_class, priority : int64[pod]
        The pod's number, its node, its class and its priority.
    start : float64[pod]
        When it started, in seconds.
    """

    number: NDArray[np.int64]
    slot: NDArray[np.int64]
    pod_class: NDArray[np.int64]
    priority: NDArray[np.int64]
    start: NDArray[np.float64]


class Crowd(Protocol):
    """Who knows the pods of a cluster."""

    @property
    def budgets(self) -> Sequence[PodDisruptionBudget]:
        """The disruption budgets; others come in another sequence."""

    @property
    def nominated(self) -> Mapping[str, PlacedPod]:
        """The pods that are nominated to nodes."""

    def on_node(self, slot: int) -> Collection[PlacedPod]:
        """Return the pods on a node, in the order in which they came."""

    def on_nodes(self, slots: NDArray[np.int64]) -> OnNodes | None:
        """Return the pods on some nodes, None if nobody has them in columns."""

    def number(self, placed: PlacedPod) -> int:
        """Return the number of a pod in the columns; `UNNUMBERED` without any."""

    def nominated_on(self, slot: int) -> Collection[PlacedPod]:
        """Return the pods that are nominated to a node."""


class Occupants:
    """The columns, and a log of the nodes on which they changed.

    A node is read anew when somebody asks after it was touched.

    Attributes
    ----------
    columns
        What kernels read.
    version
        Counts the touches.
    """

    def __init__(self, crowd: Crowd, nodes: int) -> None:
        self._crowd = crowd
        self.nodes = nodes
        self.version = 0
        self._touched: set[int] = set()
        self._log = np.zeros(4 * nodes + 64, dtype=np.int64)
        self._everything = np.arange(nodes)
        self._logged = 0
        self._epoch = 0
        self._budgets: Sequence[PodDisruptionBudget] | None = None
        self._known: dict[int, list[PlacedPod]] = {}
        self._use(_columns(nodes, 4, 1, ()))

    @property
    def able(self) -> bool:
        """Whether the columns can hold what there is."""
        return len(self._crowd.budgets) <= MOST_BUDGETS

    def touch(self, slot: int) -> None:
        """Note that pods came to a node or went, or were nominated to it or not."""
        self._touched.add(slot)
        self.version += 1

    def now(self) -> tuple[int, int]:
        """Read what was touched, and return the place in the log."""
        if self._crowd.budgets is not self._budgets:
            self._read_all()
        elif self._touched:
            if self._logged + len(self._touched) > len(self._log):
                self._logged = 0
                self._epoch += 1
            slots = np.fromiter(self._touched, np.int64, len(self._touched))
            self._read_some(slots)
            self._log[self._logged : self._logged + len(slots)] = slots
            self._logged += len(slots)
            self._touched.clear()
        return self._epoch, self._logged

    def follow(self, slots: NDArray[np.int64]) -> tuple[int, int]:
        """Note that the columns of nodes were changed; return the place in the log."""
        for slot in slots.tolist():
            self._known.pop(slot, None)
        self.version += 1
        if self._logged + len(slots) > len(self._log):
            self._logged = 0
            self._epoch += 1
        self._log[self._logged : self._logged + len(slots)] = slots
        self._logged += len(slots)
        self._touched.difference_update(slots.tolist())
        return self._epoch, self._logged

    def since(self, place: tuple[int, int]) -> NDArray[np.int64]:
        """Return the nodes that were read after a place in the log, int64[]."""
        epoch, logged = place
        if epoch != self._epoch:
            return self._everything
        return self._log[logged : self._logged]

    def on(self, slot: int) -> list[PlacedPod]:
        """Return the pods of a node, in the order of the columns."""
        if slot not in self._known:
            self._known[slot] = sorted(self._crowd.on_node(slot), key=importance)
        return self._known[slot]

    def use_volumes(self, slot: int) -> bool:
        """Return whether a pod on a node, or nominated to it, uses volumes."""
        pods = [*self.on(slot), *self._crowd.nominated_on(slot)]
        return any(one.pod.spec.volumes and uses_volumes(one.pod) for one in pods)

    def _read_all(self) -> None:
        self._budgets = self._crowd.budgets
        room = self.columns.pods.shape[1], self.columns.guests.shape[1]
        self._use(_columns(self.nodes, *room, self._budgets))
        self._read_some(self._everything)
        self._touched.clear()
        self._logged = 0
        self._epoch += 1

    def _read_some(self, slots: NDArray[np.int64]) -> None:
        """Read nodes; many from the columns of who has them, if no budget counts."""
        there = None
        if len(slots) >= MANY and not self._budgets:
            there = self._crowd.on_nodes(slots)
        if there is None:
            for slot in slots.tolist():
                self._read_pods(slot)
                self._read_guests(slot)
            return
        self._copy(there, slots)
        self.columns.counts[slots, 1] = 0
        hosts = {one.slot for one in self._crowd.nominated.values()}
        for slot in hosts.intersection(slots.tolist()):
            self._read_guests(slot)

    def _copy(self, there: OnNodes, slots: NDArray[np.int64]) -> None:
        """Copy the pods of nodes from columns."""
        self._known.clear()
        count = np.bincount(there.slot, minlength=self.nodes)
        self._grow(int(count.max()), 0)
        place = np.arange(len(there.slot)) - (np.cumsum(count) - count)[there.slot]
        pods = self.columns.pods
        pods[there.slot, place, 0] = there.pod_class
        pods[there.slot, place, 1] = there.priority
        pods[there.slot, place, 2] = 0
        pods.view(np.float64)[there.slot, place, 3] = there.start + 0.0
        pods[there.slot, place, 4] = there.number
        self.columns.counts[slots, 0] = count[slots]

    def _read_pods(self, slot: int) -> None:
        self._known.pop(slot, None)
        pods = self.on(slot)
        self._grow(len(pods), 0)
        self._counts[slot, 0] = len(pods)
        budgets = self._budgets
        for place, one in enumerate(pods):
            self._pods[slot, place, 0] = one.pod_class
            self._pods[slot, place, 1] = one.priority
            self._pods[slot, place, 2] = _protected(one, budgets) if budgets else 0
            self._starts[slot, place, 3] = one.start + 0.0  # −0.0 has other bits
            self._pods[slot, place, 4] = self._crowd.number(one)

    def _read_guests(self, slot: int) -> None:
        guests = self._crowd.nominated_on(slot)
        self._grow(0, len(guests))
        self._counts[slot, 1] = len(guests)
        for place, one in enumerate(guests):
            self._guests[slot, place, 0] = one.pod_class
            self._guests[slot, place, 1] = one.priority

    def _grow(self, pods: int, guests: int) -> None:
        """Have room for so many on a node."""
        if pods <= self._most_pods and guests <= self._most_guests:
            return
        old = self.columns
        most = _enough(self._most_pods, pods), _enough(self._most_guests, guests)
        new = _columns(self.nodes, *most, self._budgets or ())
        new.pods[:, : self._most_pods] = old.pods
        new.guests[:, : self._most_guests] = old.guests
        new.counts[:] = old.counts
        self._use(new)

    def _use(self, columns: Columns) -> None:
        """Write into these columns: an item of a view costs half of an array's."""
        self.columns = columns
        self._most_pods, self._most_guests = (
            columns.pods.shape[1],
            columns.guests.shape[1],
        )
        self._pods = columns.pods.data
        self._starts = cast("memoryview[float]", columns.pods.view(np.float64).data)
        self._guests = columns.guests.data
        self._counts = columns.counts.data


def _columns(
    nodes: int, pods: int, guests: int, budgets: Sequence[PodDisruptionBudget]
) -> Columns:
    allowed = [one.status.disruptions_allowed for one in budgets]
    return Columns(
        pods=np.zeros((nodes, pods, 5), dtype=np.int64),
        guests=np.zeros((nodes, guests, 2), dtype=np.int64),
        counts=np.zeros((nodes, 2), dtype=np.int64),
        budgets=np.array([allowed, allowed], dtype=np.int64),
        fate=np.zeros(pods, dtype=np.int64),
    )


def _enough(room: int, wanted: int) -> int:
    while room < wanted:
        room *= 2
    return room


def _protected(placed: PlacedPod, budgets: Iterable[PodDisruptionBudget]) -> int:
    """Return which budgets protect a pod, as bits."""
    return sum(
        1 << number
        for number, budget in enumerate(budgets)
        if protects(budget, placed.pod)
    )

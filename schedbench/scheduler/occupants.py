"""The pods on nodes, and those nominated to them, as columns that follow a world."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schedbench.objects.policy import PodDisruptionBudget
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.preemption import importance, protects
from schedbench.scheduler.victims import Columns

MOST_BUDGETS = 62
"""A pod's budgets are bits of an int64."""


class Crowd(Protocol):
    """Who knows the pods of a cluster."""

    budgets: Sequence[PodDisruptionBudget]

    def on_node(self, slot: int) -> Collection[PlacedPod]:
        """Return the pods on a node, in the order in which they came."""

    def nominated_on(self, slot: int) -> Collection[PlacedPod]:
        """Return the pods that are nominated to a node."""


class Occupants:
    """The columns, and a log of the nodes on which they changed.

    A node is read anew when somebody asks after it was touched.

    Attributes
    ----------
    columns
        What kernels read.
    pods
        Slot → its pods, in the order of the columns.
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
        self.pods: list[list[PlacedPod]] = [[] for _ in range(nodes)]
        self.columns = _columns(nodes, 4, 1, np.zeros(0, dtype=np.int64))

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
            for slot in self._touched:
                self._read(slot)
                self._log[self._logged] = slot
                self._logged += 1
            self._touched.clear()
        return self._epoch, self._logged

    def since(self, place: tuple[int, int]) -> NDArray[np.int64]:
        """Return the nodes that were read after a place in the log, int64[]."""
        epoch, logged = place
        if epoch != self._epoch:
            return self._everything
        return self._log[logged : self._logged]

    def _read_all(self) -> None:
        budgets = self._budgets = self._crowd.budgets
        allowed = [one.status.disruptions_allowed for one in budgets]
        room = self.columns.pods.shape[1], self.columns.guests.shape[1]
        self.columns = _columns(self.nodes, *room, np.array(allowed, dtype=np.int64))
        for slot in range(self.nodes):
            self._read(slot)
        self._touched.clear()
        self._logged = 0
        self._epoch += 1

    def _read(self, slot: int) -> None:
        pods = sorted(self._crowd.on_node(slot), key=importance)
        guests = self._crowd.nominated_on(slot)
        columns = self._with_room(len(pods), len(guests))
        self.pods[slot] = pods
        count = len(pods)
        columns.count[slot] = count
        if count:
            budgets = self._budgets or ()
            columns.pods[slot, :count] = [
                (one.pod_class, one.priority, _protected(one, budgets)) for one in pods
            ]
            columns.start[slot, :count] = [one.start for one in pods]
        columns.guest_count[slot] = len(guests)
        for place, one in enumerate(guests):
            columns.guests[slot, place] = one.pod_class, one.priority

    def _with_room(self, pods: int, guests: int) -> Columns:
        """Return the columns, with room for so many on a node."""
        old = self.columns
        if pods > old.pods.shape[1] or guests > old.guests.shape[1]:
            width = _enough(old.pods.shape[1], pods)
            new = _columns(
                self.nodes, width, _enough(old.guests.shape[1], guests), old.allowed
            )
            new.pods[:, : old.pods.shape[1]] = old.pods
            new.start[:, : old.start.shape[1]] = old.start
            new.guests[:, : old.guests.shape[1]] = old.guests
            new.count[:], new.guest_count[:] = old.count, old.guest_count
            self.columns = new
        return self.columns


def _columns(
    nodes: int, pods: int, guests: int, allowed: NDArray[np.int64]
) -> Columns:
    return Columns(
        pods=np.zeros((nodes, pods, 3), dtype=np.int64),
        start=np.zeros((nodes, pods), dtype=np.float64),
        count=np.zeros(nodes, dtype=np.int64),
        guests=np.zeros((nodes, guests, 2), dtype=np.int64),
        guest_count=np.zeros(nodes, dtype=np.int64),
        allowed=allowed,
        left=np.zeros_like(allowed),
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

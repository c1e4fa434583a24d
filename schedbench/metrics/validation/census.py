"""Pods counted by the value of a node label, kept up to date bind by bind."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

from schedbench.metrics.validation.wish import Machine, Wish

Counted: TypeAlias = Callable[[Wish], bool]


class Tally:
    """How many of certain pods run on the nodes of each value of a label."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.counts: dict[str, int] = {}
        self.total = 0

    def here(self, machine: Machine) -> int:
        """Return how many there are in the domain of a node, 0 without the label."""
        value = machine.node.metadata.labels.get(self.key)
        return 0 if value is None else self.counts.get(value, 0)

    def change(self, machine: Machine, by: int) -> None:
        """Count pods that come to a node or go."""
        value = machine.node.metadata.labels.get(self.key)
        if value is not None:
            self.counts[value] = self.counts.get(value, 0) + by
            self.total += by

    def enter(self, machine: Machine) -> None:
        """Let an empty node come to the cluster."""

    def leave(self, machine: Machine) -> None:
        """Let an empty node go."""


class Census:
    """All tallies; each is told of the pods that it counts and of no others."""

    def __init__(self) -> None:
        self.tallies: dict[Hashable, Tally] = {}
        self._counted: list[tuple[Tally, Counted]] = []
        self._told: dict[bytes, list[Tally]] = {}

    def tally(
        self, content: Hashable, make: Callable[[], Tally], counted: Counted
    ) -> Tally:
        """Return the tally of a content, made where it is new.

        Every tally has to be there before the first node enters.
        """
        if content not in self.tallies:
            self.tallies[content] = make()
            self._counted.append((self.tallies[content], counted))
        return self.tallies[content]

    def change(self, wish: Wish, machine: Machine, by: int) -> None:
        """Count pods that come to a node or go."""
        if self._counted:
            for tally in self._tallies_of(wish):
                tally.change(machine, by)

    def enter(self, machine: Machine) -> None:
        """Let a node come to the cluster with the pods that it holds."""
        for tally in self.tallies.values():
            tally.enter(machine)
        for wish, count in machine.held.items():
            self.change(wish, machine, count)

    def leave(self, machine: Machine) -> None:
        """Let a node go with the pods that it holds, before its object changes."""
        for wish, count in machine.held.items():
            self.change(wish, machine, -count)
        for tally in self.tallies.values():
            tally.leave(machine)

    def _tallies_of(self, wish: Wish) -> list[Tally]:
        found = self._told.get(wish.company)
        if found is None:
            found = [tally for tally, counted in self._counted if counted(wish)]
            self._told[wish.company] = found
        return found

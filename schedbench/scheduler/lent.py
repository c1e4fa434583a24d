"""What a memory says of nodes, as others read it: copied if it changes meanwhile."""

from __future__ import annotations

import collections
import functools
from collections.abc import Sequence
from typing import NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InvariantError
from schedbench.scheduler.diagnose import Diagnosis, Rejections
from schedbench.scheduler.preemption import Candidate


class Told(NamedTuple):
    """How many nodes reject a class, who does and why, and the FitError's text."""

    nodes: int
    rejectors: frozenset[str]
    reasons: collections.Counter[tuple[str, str]]
    text: str


class Lender(Protocol):
    """Who lends what it knows, and has it kept before it knows better."""

    @property
    def version(self) -> int:
        """Counts the changes of the cluster."""

    def told(self) -> Told:
        """Return who rejects nodes, and the text that says why."""

    def lend(self, reader: Remembered | Candidates) -> None:
        """Let somebody read what is known until it changes."""

    def diagnosis(self) -> Diagnosis:
        """Return a copy of who rejects which node."""

    def candidate(self, slot: int) -> Candidate:
        """Work out who would have to go from a node that is a candidate."""


class Remembered(Rejections):
    """Who rejects the nodes, as a memory knows it now."""

    def __init__(self, memory: Lender) -> None:
        self._memory = memory
        self._told = memory.told()
        memory.lend(self)

    @functools.cached_property
    def _diagnosis(self) -> Diagnosis:  # type: ignore[override]
        return self._memory.diagnosis()

    def keep(self) -> None:
        """Copy what is known now."""
        _ = self._diagnosis

    def reasons(self) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → on how many nodes."""
        return self._told.reasons


class Candidates(Sequence[Candidate]):
    """Candidates by slot, each worked out when it is looked at.

    Raises
    ------
    InvariantError
        If the cluster changed before a candidate was looked at first.
    """

    def __init__(self, memory: Lender, slots: NDArray[np.int64]) -> None:
        self._memory = memory
        self._slots = slots
        self._version = memory.version
        self._made: dict[int, Candidate] = {}
        memory.lend(self)

    @functools.cached_property
    def _by_slot(self) -> NDArray[np.int64]:
        return np.sort(self._slots)

    def keep(self) -> None:
        """Copy what is known now."""
        _ = self._by_slot

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...

    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        """Return one, or some."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        slot = int(self._by_slot[index])
        if slot not in self._made:
            if self._version != self._memory.version:
                raise InvariantError("preemption's candidates are older than the pods")
            self._made[slot] = self._memory.candidate(slot)
        return self._made[slot]

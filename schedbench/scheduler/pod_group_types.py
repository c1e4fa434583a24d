"""What the group cycle is given, and what it gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from schedbench.scheduler.pod_group_kernel import Trials

M = TypeVar("M", bound=Hashable)
M_contra = TypeVar("M_contra", bound=Hashable, contravariant=True)


class Placement(NamedTuple):
    """A set of nodes that a group may use: slots in node order, and a name."""

    name: str
    nodes: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why a member or a group was not placed.

    Attributes
    ----------
    message
        As upstream words it.
    plugins, pending
        Who rejected it, or put it off; their hints decide when it is tried again.
    error
        Whether it is no rejection but an error, which ends the cycle.
    """

    message: str
    plugins: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    error: bool = False


class Attempts(Protocol[M_contra]):
    """How single members are tried, and how that is taken back."""

    def attempt(self, member: M_contra, within: Placement | None) -> int | Refusal:
        """Try a member, on some nodes or on all of them, without preemption.

        If it fits, assume and reserve it, and return the slot of its node.
        """

    def assume(self, member: M_contra, slot: int) -> None:
        """Assume and reserve a member on the node where an attempt had put it."""

    def undo(self, member: M_contra, slot: int) -> None:
        """Take back the last `attempt` or `assume` that was not taken back yet."""

    def attempt_all(
        self,
        members: Sequence[M_contra],
        within: Placement | None,
        spare: int,
        *,
        again: bool = False,
    ) -> list[int | Refusal]:
        """Try members in turn, up to an error or until more than `spare` are refused.

        `again` says that this was tried before and came to the same.
        """
        found: list[int | Refusal] = []
        for member in members:
            one = self.attempt(member, within)
            found.append(one)
            if isinstance(one, Refusal):
                spare -= 1
                if one.error or spare < 0:
                    break
        return found

    def survey(
        self, members: Sequence[M_contra], places: Sequence[Placement], spare: int
    ) -> Trials | None:
        """Try members on each place and take them back; None if that is not done.

        Then the places have to be tried one by one.
        """
        return None

    def assume_all(self, placed: Collection[tuple[M_contra, int]]) -> None:
        """Assume and reserve members where they had been put, in order."""
        for member, slot in placed:
            self.assume(member, slot)

    def undo_all(self, placed: Collection[tuple[M_contra, int]]) -> None:
        """Take members back that were assumed in this order."""
        for member, slot in reversed(list(placed)):
            self.undo(member, slot)

    def filled(self, within: Placement) -> int:
        """Return how full the nodes are now, from 0 to 100, as `most_allocated`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Group(Generic[M]):
    """A pod group to be scheduled, or a group of groups.

    Attributes
    ----------
    key
        Names it in the outcome.
    min_count
        How many members, or child groups, must be placed; 1 for a basic group.
    members
        The members that wait, in the order in which they are tried.
    bound
        Slots of the nodes of the members placed earlier.
    children
        The groups of a group of groups, in the order in which they are tried.
    composite
        Whether it is a group of groups, which has no members of its own.
    topology
        The node label of which all its pods share one value, if they have to.
    nominated
        Member → slot of the node that it is nominated to.
    """

    key: Hashable
    min_count: int = 1
    members: Sequence[M] = ()
    bound: Collection[int] = ()
    children: Sequence[Group[M]] = ()
    composite: bool = False
    topology: str | None = None
    nominated: Mapping[M, int] = dataclasses.field(default_factory=dict)

    def everybody(self) -> Iterator[M]:
        """Return the waiting members of the group and of the groups below."""
        yield from self.members
        for child in self.children:
            yield from child.everybody()

    def slots(self) -> Iterator[int]:
        """Return the slots of all members placed earlier, in groups below too."""
        yield from self.bound
        for child in self.children:
            yield from child.slots()


@dataclasses.dataclass(slots=True)
class Outcome(Generic[M]):
    """What became of a group.

    Attributes
    ----------
    refusal
        Why the group failed; None if it has its minimum.
    placed
        Member → slot: those that are assumed, in that order; none if it failed.
    returned
        Member → why it goes back to the queue.
    below
        Key → outcome of the child groups.
    """

    refusal: Refusal | None = None
    placed: dict[M, int] = dataclasses.field(default_factory=dict)
    returned: dict[M, Refusal] = dataclasses.field(default_factory=dict)
    below: dict[Hashable, Outcome[M]] = dataclasses.field(default_factory=dict)

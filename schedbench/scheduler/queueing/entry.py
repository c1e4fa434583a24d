"""A pod in the queue, and what the queue knows of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum, auto
from typing import TypeAlias

from schedbench.objects.pod import Pod

PreEnqueue: TypeAlias = Callable[[Pod], bool]
"""Whether the pod may enter the active queue."""


class Place(Enum):
    """Where a pod is."""

    ACTIVE = auto()
    BACKOFF = auto()
    ERROR_BACKOFF = auto()
    UNSCHEDULABLE = auto()
    IN_FLIGHT = auto()
    GONE = auto()


class QueuedPod:
    """A pod that waits or is being scheduled; compared by identity.

    Attributes
    ----------
    pod
        The newest version.
    kind
        Pods of one kind differ in name and uid alone.
    place
        Where it is.
    timestamp
        Second at which it was added, or came back from its last attempt.
    sequence
        Rank among pods of one timestamp, in the order of the calls.
    added
        Second at which it was first added.
    attempts
        How often it was popped.
    unschedulable_count, error_count
        Rejections so far; errors since the last rejection.
    backoff_until
        End of its backoff, when that has been worked out.
    unschedulable_plugins, pending_plugins
        Who rejected it at the last attempt, or put it off.
    gating_plugin
        Who keeps it from the active queue.
    """

    __slots__ = (
        "added",
        "attempts",
        "backoff_until",
        "error_count",
        "gating_plugin",
        "kind",
        "pending_plugins",
        "place",
        "pod",
        "sequence",
        "timestamp",
        "unschedulable_count",
        "unschedulable_plugins",
    )

    def __init__(self, pod: Pod, kind: Hashable) -> None:
        self.pod = pod
        self.kind = kind
        self.place = Place.GONE
        self.timestamp = 0.0
        self.sequence = 0
        self.added = 0.0
        self.attempts = 0
        self.unschedulable_count = 0
        self.error_count = 0
        self.backoff_until: float | None = None
        self.unschedulable_plugins: frozenset[str] = frozenset()
        self.pending_plugins: frozenset[str] = frozenset()
        self.gating_plugin: str | None = None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return self.pod.key

    @property
    def priority(self) -> int:
        """The pod's priority; 0 if it has none."""
        return self.pod.spec.priority or 0

    @property
    def rejectors(self) -> frozenset[str]:
        """The plugins whose hints decide whether it is tried again."""
        return self.unschedulable_plugins | self.pending_plugins

    @property
    def order(self) -> tuple[float, ...]:
        """What PrioritySort sorts by: priority down, then time, then sequence."""
        return (-self.priority, self.timestamp, self.sequence)

    def __repr__(self) -> str:
        return f"QueuedPod({self.key!r}, {self.place.name})"

"""What happened in a simulation: an event log from which every metric is derived."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class EventKind(enum.IntEnum):
    """What an entry of the log says.

    `PREEMPT` names the pod that makes room and the node; its victims' `DELETE`s follow.
    """

    ARRIVE = 0
    BIND = 1
    FINISH = 2
    DELETE = 3
    EVICT = 4
    UNSCHEDULABLE = 5
    NODE_ADD = 6
    NODE_UPDATE = 7
    NODE_REMOVE = 8
    PREEMPT = 9


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """Nodes that a plugin was the first to reject, for one reason."""

    plugin: str
    reason: str
    nodes: int


@dataclasses.dataclass(frozen=True, slots=True)
class CapacityChange:
    """The allocatable of a node from a time on: int64[resource], zeros once removed."""

    time: float
    node: int
    allocatable: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class WallClock:
    """How long this machine took; never mixed with simulated time.

    Attributes
    ----------
    schedule_seconds
        Time in scheduling calls only.
    total_seconds
        Time of the whole replay, without compiling.
    compile_seconds
        Time spent compiling or loading compiled code before the replay.
    decisions
        Scheduling calls, successful or not.
    latency_ns : int64[decision]
        Time of each scheduling call.
    peak_rss_bytes
        Highest resident memory of the process so far.
    """

    schedule_seconds: float
    total_seconds: float
    compile_seconds: float
    decisions: int
    latency_ns: NDArray[np.int64]
    peak_rss_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """The log of a run, in causal order, with what cannot be derived from it.

    Attributes
    ----------
    time : float64[event]
        Simulated seconds, never falling.
    kind : int8[event]
        An `EventKind`.
    pod : int32[event]
        Index into the pod stream; -1 for node events.
    node : int32[event]
        Node slot; -1 where none is concerned.
    devices : int64[event]
        Bit i is set if the pod holds GPU device i of the node.
    pod_class : int32[pod]
        The class of each pod at the end, or at the bind for those that had a node.
    rejections
        Why pods found no node at their first failed attempt, summed.
    capacity_changes
        Changes of the nodes' allocatable after time 0.
    horizon
        Simulated time of the last event, in seconds.
    digest
        Hash of the placements, equal wherever the placements are equal.
    wall
        This machine's times.
    notes
        What of the workload was left out, one sentence each.
    breaches
        The laws that a run on the virtual clock broke, a sentence each; None for a
        replay, whose placements are judged from its log.
    filters_off
        Default filters that a profile of the policy does without, in whole or part.
    """

    time: NDArray[np.float64]
    kind: NDArray[np.int8]
    pod: NDArray[np.int32]
    node: NDArray[np.int32]
    devices: NDArray[np.int64]
    pod_class: NDArray[np.int32]
    rejections: Sequence[Rejection]
    capacity_changes: Sequence[CapacityChange]
    horizon: float
    digest: str
    wall: WallClock
    notes: Sequence[str] = ()
    breaches: Sequence[str] | None = None
    filters_off: frozenset[str] = frozenset()


def placement_digest(
    pod: NDArray[Any], node: NDArray[Any], devices: NDArray[Any]
) -> str:
    """Return the hash of bindings, given in the order in which they were made."""
    digest = hashlib.blake2b(digest_size=16)
    for column, dtype in ((pod, "<i4"), (node, "<i4"), (devices, "<i8")):
        digest.update(column.astype(dtype).tobytes())
    return digest.hexdigest()

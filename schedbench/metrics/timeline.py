"""The log of a run as step functions, from which every metric is read.

A *step* has one value for every prefix of the log: `step[k]` is the state after the
first k events, `step[0]` the state before any. Simulated time enters only as the
seconds each of these states lasts, so that means are exact integrals.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.states import NodeStates, node_states
from schedbench.simulation.record import EventKind, Record

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload

Step = NDArray[np.float64]
Found = TypeVar("Found")


def quotient(above: NDArray, below: NDArray, empty: float) -> NDArray[np.float64]:
    """Return above ÷ below, and `empty` where below is not positive."""
    out = np.full(np.broadcast_shapes(above.shape, below.shape), empty)
    return np.asarray(np.divide(above, below, out=out, where=below > 0))


def remembered(function: Callable[..., Found]) -> Callable[..., Found]:
    """Compute something once for each timeline and further arguments."""

    @functools.wraps(function)
    def found(timeline: Timeline, *arguments: Any) -> Found:
        key = (function.__qualname__, *arguments)
        if key not in timeline.known:
            timeline.known[key] = function(timeline, *arguments)
        known: Found = timeline.known[key]
        return known

    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Intervals:
    """The stays of pods on nodes, one for each bind, in the order of the pods.

    Attributes
    ----------
    pod, node : int32[stay]
        Who and where.
    devices : int64[stay]
        Bit i is set if the pod holds GPU device i.
    start, end : int64[stay]
        Index of the event that begins and ends the stay; the number of events if it
        lasts to the end of the run.
    """

    pod: NDArray[np.int32]
    node: NDArray[np.int32]
    devices: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A run seen through its log; everything derived is computed once, when asked."""

    encoded: EncodedWorkload
    record: Record
    known: dict[tuple[Any, ...], Any] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def events(self) -> int:
        """The number of events in the log."""
        return len(self.record.time)

    @functools.cached_property
    def dwell(self) -> NDArray[np.float64]:
        """Simulated seconds each state lasts, float64[event + 1]."""
        time, horizon = self.record.time, self.record.horizon
        return (
            np.diff(time, prepend=0.0, append=max(horizon, float(time[-1])))
            if len(time)
            else np.array([horizon])
        )

    @functools.cached_property
    def timeless(self) -> bool:
        """Whether the whole log happens at one instant."""
        time = self.record.time
        return len(time) == 0 or float(time[0]) == float(time[-1])

    def mean(self, step: NDArray[np.number]) -> float | None:
        """Return the mean of a step over simulated time from 0 to the horizon.

        States where the step is NaN do not count. A run without time has no mean:
        its last state stands for it.
        """
        if self.timeless or not self.dwell.any():
            return self.final(step)
        defined = np.isfinite(step)
        weight = np.where(defined, self.dwell, 0.0)
        total = float(weight.sum())
        if total == 0.0:
            return None
        return float(np.where(defined, step, 0.0) @ weight) / total

    def final(self, step: NDArray[np.number]) -> float | None:
        """Return the last value of a step, None if it is NaN."""
        last = float(step[-1])
        return None if np.isnan(last) else last

    def count(self, kind: EventKind) -> int:
        """Return how many events of a kind the log holds."""
        return int(np.count_nonzero(self.record.kind == kind))

    @functools.cached_property
    def _by_pod(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Events that change a pod's state, pod by pod, and where a pod begins."""
        moves = np.flatnonzero(self.record.kind <= EventKind.EVICT)
        pod = self.record.pod[moves]
        order = np.argsort(pod, kind="stable")
        moves, pod = moves[order], pod[order]
        begins = np.ones(len(moves), dtype=np.bool_)
        begins[1:] = pod[1:] != pod[:-1]
        return moves, begins

    @functools.cached_property
    def intervals(self) -> Intervals:
        """The stays of pods on nodes."""
        moves, begins = self._by_pod
        record = self.record
        until = np.full(len(moves), self.events, dtype=np.int64)
        until[:-1] = np.where(begins[1:], self.events, moves[1:])
        bound = record.kind[moves] == EventKind.BIND
        start = moves[bound]
        return Intervals(
            record.pod[start],
            record.node[start],
            record.devices[start],
            start,
            until[bound],
        )

    def _pods_in(self, *entering: EventKind) -> NDArray[np.int64]:
        """Step of the number of pods whose last event is one of these kinds."""
        moves, begins = self._by_pod
        inside = np.isin(self.record.kind[moves], entering).astype(np.int64)
        before = np.zeros_like(inside)
        before[1:] = np.where(begins[1:], 0, inside[:-1])
        change = np.zeros(self.events + 1, dtype=np.int64)
        change[moves + 1] = inside - before
        return np.cumsum(change)

    @functools.cached_property
    def waiting(self) -> NDArray[np.int64]:
        """Step of the number of pods that wait for a node, int64[event + 1]."""
        return self._pods_in(EventKind.ARRIVE, EventKind.EVICT)

    @functools.cached_property
    def running(self) -> NDArray[np.int64]:
        """Step of the number of pods on nodes, int64[event + 1]."""
        return self._pods_in(EventKind.BIND)

    @functools.cached_property
    def decided(self) -> NDArray[np.int64]:
        """Indices of the events that first bind or first reject a pod, ascending."""
        kind = self.record.kind
        tries = np.flatnonzero(
            (kind == EventKind.BIND) | (kind == EventKind.UNSCHEDULABLE)
        )
        pod = self.record.pod[tries]
        first = np.full(len(self.encoded.workload.pods), -1, dtype=np.int64)
        first[pod[::-1]] = tries[::-1]  # the last assignment stays
        return np.sort(first[first >= 0])

    @functools.cached_property
    def states(self) -> NodeStates:
        """The state of every node whenever it changed."""
        return node_states(self.encoded, self.record, self.intervals)

    def total(self, values: NDArray) -> Step:
        """Return the step of the sum over nodes of a value of `states`."""
        states = self.states
        change = states.changes(values)
        return np.cumsum(
            np.bincount(states.position, weights=change, minlength=self.events + 1)
        )

    def share(self, part: NDArray, whole: NDArray) -> Step:
        """Return the step of a quotient of two sums over nodes, NaN for 0 / 0."""
        return quotient(self.total(part), self.total(whole), np.nan)

    @remembered
    def first(self, kind: EventKind) -> NDArray[np.float64]:
        """Return when each pod first had such an event, float64[pod], NaN if never."""
        return self._pod_times(kind, first=True)

    @remembered
    def last(self, kind: EventKind) -> NDArray[np.float64]:
        """Return when each pod last had such an event, float64[pod], NaN if never."""
        return self._pod_times(kind, first=False)

    def _pod_times(self, kind: EventKind, *, first: bool) -> NDArray[np.float64]:
        times = np.full(len(self.encoded.workload.pods), np.nan)
        found = np.flatnonzero(self.record.kind == kind)
        if first:
            found = found[::-1]  # of equal indices the last assignment stays
        times[self.record.pod[found]] = self.record.time[found]
        return times

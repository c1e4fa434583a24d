"""How many pods found a node, and on how many nodes they ran."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.timeline import Step, Timeline, remembered
from schedbench.simulation.record import EventKind


def pods_total(timeline: Timeline) -> int:
    """Count the pods that arrived."""
    return timeline.count(EventKind.ARRIVE)


def pods_bound(timeline: Timeline) -> int:
    """Count the pods that got a node at least once, those bound on arrival too."""
    return _different(timeline, timeline.intervals.pod)


def pods_pending(timeline: Timeline) -> int:
    """Count the pods that wait for a node at the end of the run."""
    return int(timeline.waiting[-1])


def pods_evicted(timeline: Timeline) -> int:
    """Count the pods that lost their node at least once."""
    record = timeline.record
    return _different(timeline, record.pod[record.kind == EventKind.EVICT])


def _different(timeline: Timeline, pods: NDArray[np.int32]) -> int:
    """Count the pods among some, each once."""
    there = np.zeros(len(timeline.encoded.workload.pods), dtype=np.bool_)
    there[pods] = True
    return int(np.count_nonzero(there))


def preemptions(timeline: Timeline) -> int:
    """Count how often a pod made room by preemption."""
    return timeline.count(EventKind.PREEMPT)


def pods_preempted(timeline: Timeline) -> int:
    """Count the victims of preemption: pods deleted on a node before they were due."""
    record = timeline.record
    deleted = (record.kind == EventKind.DELETE) & (record.node >= 0)
    due = timeline.encoded.workload.pods.deletion[record.pod[deleted]]
    return int(np.count_nonzero(record.time[deleted] < due))


def attempts(timeline: Timeline) -> int:
    """Count the scheduling attempts, successful or not."""
    return timeline.record.wall.decisions


def unschedulable_attempts(timeline: Timeline) -> int:
    """Count the first failed attempts: one for each time a pod began to wait."""
    return timeline.count(EventKind.UNSCHEDULABLE)


@remembered
def occupied(timeline: Timeline) -> Step:
    """Return the step of the number of nodes that run at least one pod."""
    states = timeline.states
    pods = timeline.encoded.resources.index("pods")
    return timeline.total(states.alive & (states.used[pods] > 0))


def nodes_used(timeline: Timeline) -> int:
    """Return the largest number of nodes that ran pods at one time."""
    return int(occupied(timeline).max())


def nodes_used_mean(timeline: Timeline) -> float | None:
    """Return the mean over time of the number of nodes that run pods."""
    return timeline.mean(occupied(timeline))

"""How long pods must wait, even for somebody who knows all arrivals and durations.

All relaxations here look at the cluster as one large machine per resource, and let
pods run in parts. A schedule of the cluster is one of this machine: at any instant the
pods on the nodes ask for no more than all nodes offer.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.bound import floor_whole
from schedbench.bounds.course import capacities, course_of, requests
from schedbench.bounds.instance import Instance
from schedbench.bounds.linear import Relaxed, ceiling

INSTANTS = 64
MOST_ENTRIES = 8_000_000
MOST_PODS = 50_000
INTERVALS = 40
WINDOWS = 8


def fewest_that_wait(instance: Instance, limit: float) -> Relaxed:
    """Bound from below how many pods cannot start on arrival.

    A pod that starts on arrival runs from then to its end, and no longer; at some
    chosen instants, those that run then fit the cluster. The linear program starts as
    many as possible. Pods that wait are taken to need no room.
    """
    pods = instance.scheduled & instance.placeable[instance.kind]
    hopeless = int(instance.scheduled.sum() - pods.sum())
    course = course_of(instance, pods)
    room, asked = capacities(instance), requests(instance)
    columns = np.flatnonzero((course.demand > room).any(axis=0))
    if not len(columns):
        return Relaxed(float(hopeless), "optimal")
    chosen = np.flatnonzero(pods)
    most = min(INSTANTS, 1 + MOST_ENTRIES // len(chosen))
    instants = _instants(course.time, course.demand[:, columns] / room[columns], most)
    first = np.searchsorted(instants, instance.arrival[chosen])
    after = np.searchsorted(instants, instance.end[chosen])
    alike = np.column_stack([instance.kind[chosen], first, after])
    alike, one, count = np.unique(alike, axis=0, return_index=True, return_counts=True)
    need = asked[chosen[one]][:, columns] / room[columns]
    at = np.arange(len(instants))[:, None]
    runs = (alike[:, 1] <= at) & (at < alike[:, 2])
    matrix = _sparse([runs * need[:, q] for q in range(len(columns))])
    deadline, upper = time.monotonic() + limit, count.astype(np.float64)
    value, x = ceiling(
        np.ones(len(upper)), upper, matrix, np.ones(matrix.shape[0]), deadline
    )
    late = hopeless + len(chosen) - floor_whole(value)
    return Relaxed(float(late), "optimal" if x is not None else "time limit")


def least_mean_wait(instance: Instance, limit: float) -> Relaxed | None:
    """Bound the mean wait from below, in seconds, of runs that bind every pod.

    None for more pods than the linear programs are meant for.

    The sum of all waits is the integral of the number that wait. Between two instants
    s < t no fewer wait than arrived by s, less the most of these that can have started
    by t. One that has either runs at t, and all that do fit the cluster; or it has
    ended, and has used its requests for its duration since it arrived: of those that
    arrived after u, all these uses together are at most the capacity for t − u. One
    that is deleted by t is taken to have started. A linear program counts the most.
    """
    pods = np.flatnonzero(instance.measured & instance.placeable[instance.kind])
    room = capacities(instance).astype(np.float64)
    asked = requests(instance)[pods]
    columns = np.flatnonzero((asked > 0).any(axis=0))
    everyone = int(instance.measured.sum())
    if len(pods) > MOST_PODS:
        return None
    if not len(columns) or not everyone:
        return Relaxed(0.0, "optimal")
    need = asked[:, columns] / room[columns]
    calm = _calm_until(instance, room)
    edges = _edges(instance, pods, need, calm)
    deadline, total = time.monotonic() + limit, 0.0
    for begin, end in itertools.pairwise(edges):
        here = instance.arrival[pods] <= begin
        started, solved = _most_started(instance, pods[here], need[here], end, deadline)
        total += max(0, int(here.sum()) - floor_whole(started)) * (end - begin)
        if not solved:
            return Relaxed(total / everyone, "time limit")
    return Relaxed(total / everyone, "optimal")


def _most_started(
    instance: Instance,
    pods: NDArray[np.int64],
    need: NDArray[np.float64],
    end: float,
    deadline: float,
) -> tuple[float, bool]:
    """Return the most of some pods that can have started by a time."""
    deleted = instance.deletion[pods] <= end
    free, pods, need = int(deleted.sum()), pods[~deleted], need[~deleted]
    if not len(pods):
        return float(free), True
    arrival, duration = instance.arrival[pods], instance.duration[pods]
    ended = np.flatnonzero(arrival + duration <= end)
    windows = np.unique(np.quantile(arrival, np.linspace(0, 0.95, WINDOWS)))
    rows, right = [], []
    empty = np.zeros(len(ended))
    for q in range(need.shape[1]):
        rows.append(np.append(need[:, q], empty))
        right.append(1.0)
        use = need[ended, q] * duration[ended]
        for begin in windows:
            if end > begin:
                inside = use * (arrival[ended] >= begin) / (end - begin)
                rows.append(np.append(np.zeros(len(pods)), inside))
                right.append(1.0)
    either = _either(len(pods), ended)
    matrix = _joined(np.array(rows), either)
    limits = np.append(right, np.ones(len(pods)))
    ones = np.ones(len(pods) + len(ended))
    value, x = ceiling(ones, ones, matrix, limits, deadline)
    return free + min(value, float(len(pods))), x is not None


def _instants(
    times: NDArray[np.float64], load: NDArray[np.float64], most: int
) -> NDArray[np.float64]:
    """Return the fullest instant of each of several stretches that are too full."""
    fullest = load.max(axis=1)
    full = np.flatnonzero(fullest > 1)
    stretches = np.array_split(full, min(most, len(full)))
    return np.array([times[part[fullest[part].argmax()]] for part in stretches])


def _calm_until(instance: Instance, room: NDArray[np.float64]) -> float:
    """Return up to when all pods fit if they start on arrival, by volume."""
    course = course_of(instance, instance.measured)
    full = (course.demand > room).any(axis=1)
    return float(course.time[full.argmax()]) if full.any() else np.inf


def _edges(
    instance: Instance,
    pods: NDArray[np.int64],
    need: NDArray[np.float64],
    calm: float,
) -> NDArray[np.float64]:
    """Return the instants between which those that wait are counted."""
    arrival, duration = instance.arrival[pods], instance.duration[pods]
    late = arrival[arrival >= calm]
    if not len(late):
        return np.zeros(1)
    ending = np.isfinite(duration)
    work = (need[ending] * duration[ending, None]).sum(axis=0).max(initial=0.0)
    last = float(arrival.max())
    during = np.quantile(late, np.linspace(0, 1, INTERVALS * 3 // 4 + 1))
    tail = last + work * np.linspace(0, 1, INTERVALS // 4 + 1)
    return np.unique(np.concatenate([[calm], during, tail]))


def _sparse(blocks: list[NDArray[np.float64]]) -> Any:
    from scipy.sparse import csr_array, vstack

    return vstack([csr_array(block) for block in blocks]).tocsr()


def _either(pods: int, ended: NDArray[np.int64]) -> Any:
    """Return rows by which a pod has ended or runs, not both."""
    from scipy.sparse import coo_array, eye_array, hstack

    which = ended, np.arange(len(ended))
    done = coo_array((np.ones(len(ended)), which), shape=(pods, len(ended)))
    return hstack([eye_array(pods), done])


def _joined(rows: NDArray[np.float64], below: Any) -> Any:
    from scipy.sparse import csr_array, vstack

    return vstack([csr_array(rows), below]).tocsr()

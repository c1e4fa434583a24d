"""Runs as tables over time, for plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.allocation import allocation, dominant
from schedbench.metrics.counts import occupied
from schedbench.metrics.fragmentation import fragmentation_gpu_step, stranded
from schedbench.metrics.timeline import Timeline, quotient

if TYPE_CHECKING:
    import pandas as pd

_UNPLOTTED = {"ephemeral-storage", "pods"}


def samples(timeline: Timeline, points: int = 200) -> pd.DataFrame:
    """Return the state of the run at evenly spaced moments, one row each.

    Moments are even in simulated time from 0 to the horizon. A run without time is
    sampled evenly in `progress` instead: the number of pods that had their first
    decision, bound or not.

    Returns
    -------
    DataFrame
        `time` (s), `progress` (pods), `pods_bound` (on nodes now), `pods_pending`,
        `nodes_used`, `nodes_total`, `allocation_<resource>` (fraction; `/` as `.`;
        only resources that a node has), `fragmentation` (F ÷ idle GPU where there are
        shared GPUs, else the stranded share of the free CPU).
    """
    import pandas as pd

    time, position, progress = _moments(timeline, points)
    columns: dict[str, NDArray] = {
        "time": time,
        "progress": progress,
        "pods_bound": timeline.running[position],
        "pods_pending": timeline.waiting[position],
        "nodes_used": _whole(occupied(timeline)[position]),
        "nodes_total": _whole(timeline.total(timeline.states.alive)[position]),
    }
    for resource in _resources(timeline):
        step = allocation(timeline, resource)
        if step is not None:
            columns[f"allocation_{resource.replace('/', '.')}"] = step[position]
    step = fragmentation_gpu_step(timeline)
    step = stranded(timeline, "cpu") if step is None else step
    if step is not None:
        columns["fragmentation"] = step[position]
    return pd.DataFrame(columns)


def node_fill(timeline: Timeline, bins: int = 60, times: int = 80) -> pd.DataFrame:
    """Return how full the nodes are at evenly spaced moments, nodes in order in bins.

    Returns
    -------
    DataFrame
        `time` and `progress` as in `samples`, `node_bin` (0 ..., at most one for a
        node), `fill`: mean over the nodes of the bin of their largest allocation over
        all resources, 0..1; NaN while no node of the bin is in the cluster.
    """
    import pandas as pd

    states = timeline.states
    slots = len(timeline.encoded.nodes)
    bins = min(bins, slots)
    time, position, progress = _moments(timeline, times)
    row = np.searchsorted(position, states.position, side="left")
    cell = row * bins + states.node * bins // max(slots, 1)

    def table(values: NDArray) -> NDArray[np.float64]:
        """Sum the nodes' values for each moment and bin, float64[moment, bin]."""
        sums = np.bincount(cell, states.changes(values), (len(position) + 1) * bins)
        return np.cumsum(sums.reshape(-1, bins)[:-1], axis=0)

    nodes = np.rint(table(states.alive))
    filled = table(np.where(states.alive, dominant(timeline), 0.0))
    fill = quotient(filled, nodes, np.nan)
    return pd.DataFrame(
        {
            "time": np.repeat(time, bins),
            "progress": np.repeat(progress, bins),
            "node_bin": np.tile(np.arange(bins), len(time)),
            "fill": np.clip(fill, 0.0, 1.0).reshape(-1),
        }
    )


def _moments(
    timeline: Timeline, points: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the time of each sample, the events before it, the pods decided."""
    record, decided = timeline.record, timeline.decided
    if timeline.timeless:
        wanted = np.rint(np.linspace(0, len(decided), points)).astype(np.int64)
        position = np.append(decided + 1, timeline.events)[wanted - 1]
        position[wanted == 0] = 0
        position[-1:] = timeline.events
        time = np.full(points, record.horizon)
    else:
        time = np.linspace(0.0, record.horizon, points)
        position = np.searchsorted(record.time, time, side="right")
        position[-1:] = timeline.events
    return time, position, np.searchsorted(decided, position, side="left")


def _resources(timeline: Timeline) -> list[str]:
    names = [name for name in timeline.encoded.resources if name not in _UNPLOTTED]
    return [*names, "gpu"]


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)

"""Curves over the GPU request that arrived, as the FGD paper draws them.

Source: "Beware of Fragmentation" (Weng et al., USENIX ATC 2023) and the analysis in its
artifact: after each arrival, pods that found no node included, the request arrived so
far is rounded to a whole percent of the cluster's GPU capacity; a point of a curve is
the mean of the arrivals that were rounded to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.fragmentation import fragments
from schedbench.metrics.timeline import Timeline, quotient

if TYPE_CHECKING:
    import pandas as pd

ALLOCATION = "allocation_pct"
FRAGMENTATION = "fragmentation_pct"
FRAGMENTATION_OF_IDLE = "fragmentation_of_idle_pct"
CURVES = (ALLOCATION, FRAGMENTATION, FRAGMENTATION_OF_IDLE)


def arrival_curves(timeline: Timeline) -> dict[str, NDArray[np.float64]] | None:
    """Return each curve, float64[point]: a point for every percent from 0 on.

    `allocation_pct` is allocated GPU ÷ capacity, `fragmentation_pct` is F ÷ capacity,
    `fragmentation_of_idle_pct` is F ÷ idle GPU; all in percent. A point at which no pod
    arrived is the mean of the arrivals beside it. None without shared GPUs, where
    nodes change, or where pods leave: what arrived would not be what is there.
    """
    workload, states = timeline.encoded.workload, timeline.states
    leaves = np.isfinite(workload.pods.duration) | np.isfinite(workload.pods.deletion)
    lost = fragments(timeline)
    if lost is None or leaves.any() or workload.node_events:
        return None
    decided = timeline.decided
    after = decided + 1
    capacity = float(timeline.total(states.gpu_capacity)[-1])
    classes = timeline.encoded.classes
    request = np.asarray(classes.gpu_count * classes.gpu_milli)
    pods = timeline.encoded.class_of[timeline.record.pod[decided]]
    arrived = np.cumsum(request[pods])
    used = np.rint(timeline.total(states.gpu_used)[after])
    idle = capacity - used
    point = np.rint(100 * arrived / capacity).astype(np.int64)
    allocated = np.round(100 * used / capacity, 2)
    of_idle = np.round(100 * quotient(lost[after], idle, 0.0), 2)
    return {
        ALLOCATION: np.round(_means(point, allocated), 2),
        FRAGMENTATION: np.round(100 * _means(point, lost[after]) / capacity, 2),
        FRAGMENTATION_OF_IDLE: np.round(_means(point, of_idle), 4),
    }


def curve_table(
    curves: Mapping[str, NDArray[np.float64]],
    published: Mapping[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """Return curves as a table, beside what was published of the same run.

    Returns
    -------
    DataFrame
        `curve` (its name), `arrived_pct`, `ours`, `published` (NaN where nothing was).
    """
    import pandas as pd

    parts = []
    for name, ours in curves.items():
        theirs = np.full(len(ours), np.nan)
        known = published.get(name, theirs)[: len(ours)]
        theirs[: len(known)] = known
        at = np.arange(len(ours))
        parts.append(
            pd.DataFrame(
                {"curve": name, "arrived_pct": at, "ours": ours, "published": theirs}
            )
        )
    return pd.concat(parts, ignore_index=True)


def _means(
    point: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of the values at each point, or of those beside it.

    Points never fall. The means are numpy's, as in the artifact: a sum in another
    order may print another last digit.
    """
    length = int(point.max(initial=-1)) + 1
    first = np.searchsorted(point, np.arange(-1, length + 2))
    means = np.full(length, np.nan)
    for at in range(length):
        before, begin, end, after = first[at : at + 4]
        if begin == end:
            begin, end = before, after
        if begin < end:
            means[at] = values[begin:end].mean()
    return means

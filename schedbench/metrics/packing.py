"""Nodes used against the fewest that could have carried the same load."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.counts import nodes_used
from schedbench.metrics.timeline import Timeline


def fewest_nodes(capacity: NDArray[np.int64], demand: float) -> int:
    """Return the smallest k such that the k largest nodes together hold the demand.

    All nodes, if even they do not.
    """
    if demand <= 0:
        return 0
    filled = np.cumsum(np.sort(capacity)[::-1].astype(np.float64))
    return min(int(np.searchsorted(filled, demand)) + 1, len(capacity))


def nodes_lower_bound(timeline: Timeline) -> int:
    """Return a number of nodes below which no policy could have carried the load.

    The largest, over resources and GPUs, of the fewest nodes whose capacity reaches
    the highest demand that was bound at one time. A node counts with the most it ever
    had; whether single pods fit is not looked at, so the optimum may be higher.
    """
    states = timeline.states
    first = np.flatnonzero(states.begins)
    columns = list(zip(states.used, states.capacity, strict=True))
    columns.append((states.gpu_used, states.gpu_capacity))
    return max(
        fewest_nodes(
            np.maximum.reduceat(capacity, first), float(timeline.total(used).max())
        )
        for used, capacity in columns
    )


def packing_ratio(timeline: Timeline) -> float | None:
    """Return nodes used ÷ their lower bound, at best 1; None if nothing was bound."""
    bound = nodes_lower_bound(timeline) if len(timeline.states.node) else 0
    return nodes_used(timeline) / bound if bound else None

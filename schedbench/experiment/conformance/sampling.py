"""Adaptive sampling: of how many nodes, and of which, a pod's node is chosen.

Source: kubernetes v1.34 pkg/scheduler/schedule_one.go (numFeasibleNodesToFind,
findNodesThatPassFilters, parallelism 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_NODES = 100
LEAST_PERCENT = 5


class Sample(NamedTuple):
    """The part of the node list that an attempt looks at.

    Attributes
    ----------
    kept : int64[]
        Slots of the feasible nodes that are scored, rising.
    evaluated
        How many nodes were looked at, without the feasible one too many.
    """

    kept: NDArray[np.int64]
    evaluated: int


def nodes_to_find(nodes: int, percentage: int) -> int:
    """Return how many feasible nodes are enough; percentage 0 = adaptive."""
    if nodes < LEAST_NODES or percentage >= 100:
        return nodes
    percent = percentage or max(LEAST_PERCENT, 50 - nodes // 125)
    return max(LEAST_NODES, nodes * percent // 100)


def walk(
    passes: NDArray[np.bool_], order: NDArray[np.int32], start: int, wanted: int
) -> Sample:
    """Walk the list from `start` round to the first feasible node too many.

    Parameters
    ----------
    passes : bool[slots]
        Whether a node passes all filters.
    order : int32[nodes]
        The node list.
    """
    turned = np.roll(order, -(start % max(len(order), 1)))
    feasible = np.flatnonzero(passes[turned])
    end = feasible[wanted] if len(feasible) > wanted else len(turned)
    kept = np.sort(turned[feasible[:wanted]]).astype(np.int64)
    return Sample(kept, int(end))

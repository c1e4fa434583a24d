"""The scores that compare nodes, of the cells that a decision looks at.

The same as the normalizers in `scheduler/score.py` and `plugins/`, over cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses
from schedbench.jit import inner_kernel
from schedbench.plugins.inter_pod_affinity import scores_nothing
from schedbench.plugins.node_resources_fit import MAX_SCORE
from schedbench.plugins.pod_topology_spread import IGNORED
from schedbench.scheduler.index.features import WIDE, attraction
from schedbench.scheduler.index.layout import (
    GROUP,
    INTER_POD,
    NODE_AFFINITY,
    OF_INTER_POD,
    OF_NODE_AFFINITY,
    OF_SPREAD,
    OF_TAINTS,
    TAINTS,
    Ballot,
    Plan,
)
from schedbench.scheduler.index.spread_scores import rate_spread


@inner_kernel
def add_scores(
    domains: DomainState,
    classes: PodClasses,
    plan: Plan,
    weight: NDArray[np.int64],
    features: NDArray[np.int64],
    ballot: Ballot,
    pod_class: int,
    count: int,
) -> None:
    """Write what the scores that compare nodes add to the totals of cells."""
    raw, add, live = ballot.raw, ballot.add, ballot.live
    for i in range(count):
        add[i] = 0
    if not plan.coupled[pod_class]:
        return
    if weight[OF_TAINTS] != 0:
        for i in range(count):
            raw[i] = features[live[i], TAINTS]
        normalize_by_greatest(raw, add, count, weight[OF_TAINTS], True)
    if weight[OF_NODE_AFFINITY] != 0:
        for i in range(count):
            raw[i] = features[live[i], NODE_AFFINITY]
        normalize_by_greatest(raw, add, count, weight[OF_NODE_AFFINITY], False)
    terms = classes.inter_pod
    if weight[OF_INTER_POD] != 0 and not scores_nothing(domains, terms, pod_class):
        for i in range(count):
            group = features[live[i], GROUP]
            node = np.int64(plan.delegate[plan.grouping[pod_class], group])
            raw[i] = features[live[i], INTER_POD] + attraction(
                domains, terms, plan.narrow, WIDE, pod_class, node
            )
        normalize_between(raw, add, count, weight[OF_INTER_POD])
    if weight[OF_SPREAD] != 0:
        rate_spread(domains, classes.spread, plan, features, ballot, pod_class, count)
        normalize_counts(raw, add, count, weight[OF_SPREAD])


@inner_kernel
def normalize_by_greatest(
    raw: NDArray[np.int64],
    add: NDArray[np.int64],
    count: int,
    weight: int,
    reverse: bool,
) -> None:
    """Add 100 · s // max, or 100 − that; the cells have nodes to take."""
    greatest = np.int64(0)
    for i in range(count):
        greatest = max(greatest, raw[i])
    for i in range(count):
        scaled = raw[i] * MAX_SCORE // max(greatest, 1)
        add[i] += weight * (MAX_SCORE - scaled if reverse else scaled)


@inner_kernel
def normalize_between(
    raw: NDArray[np.int64], add: NDArray[np.int64], count: int, weight: int
) -> None:
    """Add scores spread over 0 to 100, in float64; 0 if they are equal."""
    lowest, greatest = raw[0], raw[0]
    for i in range(count):
        lowest = min(lowest, raw[i])
        greatest = max(greatest, raw[i])
    if greatest == lowest:
        return
    for i in range(count):
        share = np.float64(raw[i] - lowest) / np.float64(greatest - lowest)
        add[i] += weight * np.int64(100.0 * share)


@inner_kernel
def normalize_counts(
    raw: NDArray[np.int64], add: NDArray[np.int64], count: int, weight: int
) -> None:
    """Add 100 · (max + min − s) // max; 0 where a key is missing."""
    lowest, greatest = np.int64(2**62), np.int64(0)
    for i in range(count):
        if raw[i] != IGNORED:
            lowest = min(lowest, raw[i])
            greatest = max(greatest, raw[i])
    for i in range(count):
        if raw[i] == IGNORED:
            continue
        if greatest == 0:
            add[i] += weight * MAX_SCORE
        else:
            scaled = MAX_SCORE * (greatest + lowest - raw[i]) // greatest
            add[i] += weight * scaled

"""PodTopologySpread's score of cells: the counts of their domains, weighed by size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState
from schedbench.cluster.terms import SpreadTerms
from schedbench.jit import inner_kernel
from schedbench.plugins.inter_pod_affinity import count_at
from schedbench.plugins.pod_topology_spread import IGNORED, round_half_up
from schedbench.scheduler.index.layout import COUNTS, GROUP, NO_LABEL, Ballot, Plan


@inner_kernel
def rate_spread(
    domains: DomainState,
    spread: SpreadTerms,
    plan: Plan,
    features: NDArray[np.int64],
    ballot: Ballot,
    pod_class: int,
    count: int,
) -> None:
    """Write the raw score of each cell, as `spread_score` those of nodes."""
    soft, hard, raw = spread.soft, spread.hard, ballot.raw
    first, last = soft.start[pod_class], soft.start[pod_class + 1]
    offset = np.int64(COUNTS)
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        offset += np.int64(plan.narrow[domains.key[hard.counter[t]]])
    taking_part = np.int64(0)
    for i in range(count):
        feature = features[ballot.live[i]]
        node = np.int64(plan.delegate[plan.grouping[pod_class], feature[GROUP]])
        raw[i] = 0
        at = offset
        for t in range(first, last):
            lacks = feature[at] == NO_LABEL
            if plan.narrow[domains.key[soft.counter[t]]]:
                at += 1
            else:
                lacks = count_at(domains, soft.key_counter[t], node) < 0
            if lacks and soft.all_keys[pod_class]:
                raw[i] = IGNORED
        if raw[i] != IGNORED:
            taking_part += ballot.inside[i]
    for t in range(first, last):
        size = taking_part
        if not plan.narrow[domains.key[soft.counter[t]]]:
            size = np.int64(
                domains_of_cells(
                    domains, soft.counter[t], plan, features, ballot, pod_class, count
                )
            )
        ballot.spread_weight[t - first] = np.log(np.float64(size + 2))
    for i in range(count):
        if raw[i] == IGNORED:
            continue
        feature = features[ballot.live[i]]
        node = np.int64(plan.delegate[plan.grouping[pod_class], feature[GROUP]])
        total = 0.0
        at = offset
        for t in range(first, last):
            number = feature[at]
            has_label = number != NO_LABEL
            if plan.narrow[domains.key[soft.counter[t]]]:
                at += 1
            else:
                number = np.int64(count_at(domains, soft.counter[t], node))
                has_label = count_at(domains, soft.key_counter[t], node) >= 0
            if has_label:
                total += np.float64(number) * ballot.spread_weight[t - first] + (
                    np.float64(soft.max_skew[t] - 1)
                )
        raw[i] = round_half_up(total)


@inner_kernel
def domains_of_cells(
    domains: DomainState,
    counter: int,
    plan: Plan,
    features: NDArray[np.int64],
    ballot: Ballot,
    pod_class: int,
    count: int,
) -> int:
    """Count the domains of a wide key over the cells that take part."""
    key = domains.key[counter]
    ballot.turn[0] += 1
    size = 0
    for i in range(count):
        if ballot.raw[i] != IGNORED:
            group = features[ballot.live[i], GROUP]
            node = np.int64(plan.delegate[plan.grouping[pod_class], group])
            domain = domains.domain[key, node]
            size += ballot.stamp[domain] != ballot.turn[0]
            ballot.stamp[domain] = ballot.turn[0]
    return size

"""What a cell's nodes have in common, read of one node."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses, StaticTable
from schedbench.cluster.terms import InterPodTerms, Ragged, SpreadTerms
from schedbench.jit import inner_kernel
from schedbench.plugins.inter_pod_affinity import count_at
from schedbench.scheduler.index.layout import (
    COUNTS,
    GROUP,
    INTER_POD,
    NO_LABEL,
    NODE_AFFINITY,
    OF_INTER_POD,
    OF_NODE_AFFINITY,
    OF_SPREAD,
    OF_TAINTS,
    REQUIRED,
    TAINTS,
    Plan,
)

SOME_LACKING, ALL_FOUND = 0, 1
"""Whether a node has pods for all required terms over narrow keys."""
WIDE, NARROW = 0, 1
"""Keys whose domains hold several nodes, and keys by which every node is a domain."""


@inner_kernel
def read_features(
    domains: DomainState,
    classes: PodClasses,
    static: StaticTable,
    plan: Plan,
    weight: NDArray[np.int64],
    pod_class: int,
    node: int,
    feature: NDArray[np.int64],
) -> bool:
    """Write a node's features; return whether it is in a cell.

    It is in none if a term over a narrow key rejects it, whatever pods are elsewhere.
    """
    terms = classes.inter_pod
    row = classes.static_row[pod_class]
    feature[:] = 0
    feature[GROUP] = plan.group[plan.grouping[pod_class], node]
    if weight[OF_TAINTS] != 0:
        feature[TAINTS] = static.raw[OF_TAINTS, row, node]
    if weight[OF_NODE_AFFINITY] != 0:
        feature[NODE_AFFINITY] = static.raw[OF_NODE_AFFINITY, row, node]
    if is_avoided(domains, terms.own_anti, plan.narrow, NARROW, pod_class, node):
        return False
    if is_avoided(domains, terms.existing_anti, plan.narrow, NARROW, pod_class, node):
        return False
    if weight[OF_INTER_POD] != 0:
        feature[INTER_POD] = attraction(
            domains, terms, plan.narrow, NARROW, pod_class, node
        )
    if not read_required(
        domains, terms.affinity, plan.narrow, pod_class, node, feature
    ):
        return False
    scored, spread = weight[OF_SPREAD] != 0, classes.spread
    has_labels = read_counts(
        domains, spread, plan.narrow, scored, pod_class, node, feature
    )
    return bool(has_labels)


@inner_kernel
def read_required(
    domains: DomainState,
    affinity: Ragged,
    narrow: NDArray[np.uint8],
    pod_class: int,
    node: int,
    feature: NDArray[np.int64],
) -> bool:
    """Write whether the required terms find pods; return False without a label."""
    feature[REQUIRED] = ALL_FOUND
    for i in range(affinity.start[pod_class], affinity.start[pod_class + 1]):
        counter = affinity.item[i]
        if narrow[domains.key[counter]]:
            here = count_at(domains, counter, node)
            if here < 0:
                return False
            if here == 0:
                feature[REQUIRED] = SOME_LACKING
    return True


@inner_kernel
def read_counts(
    domains: DomainState,
    spread: SpreadTerms,
    narrow: NDArray[np.uint8],
    is_scored: bool,
    pod_class: int,
    node: int,
    feature: NDArray[np.int64],
) -> bool:
    """Write the counts of spread constraints, hard and then soft.

    Returns
    -------
    bool
        False without the label of a hard one.
    """
    hard, soft = spread.hard, spread.soft
    at = COUNTS
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        if narrow[domains.key[hard.counter[t]]]:
            feature[at] = count_at(domains, hard.counter[t], node)
            if feature[at] < 0:
                return False
            at += 1
    if is_scored:
        for t in range(soft.start[pod_class], soft.start[pod_class + 1]):
            if narrow[domains.key[soft.counter[t]]]:
                feature[at] = NO_LABEL
                if count_at(domains, soft.key_counter[t], node) >= 0:
                    feature[at] = count_at(domains, soft.counter[t], node)
                at += 1
    return True


@inner_kernel
def is_avoided(
    domains: DomainState,
    anti: Ragged,
    narrow: NDArray[np.uint8],
    width: int,
    pod_class: int,
    node: int,
) -> bool:
    """Return whether an anti-affinity term of a width of keys rejects a node."""
    for i in range(anti.start[pod_class], anti.start[pod_class + 1]):
        counter = anti.item[i]
        if narrow[domains.key[counter]] == width and (
            count_at(domains, counter, node) > 0
        ):
            return True
    return False


@inner_kernel
def attraction(
    domains: DomainState,
    terms: InterPodTerms,
    narrow: NDArray[np.uint8],
    width: int,
    pod_class: int,
    node: int,
) -> int:
    """Return what terms of a width of keys add to the raw score."""
    scored = terms.scored
    total = np.int64(0)
    for i in range(scored.start[pod_class], scored.start[pod_class + 1]):
        key = domains.key[scored.item[i]]
        if narrow[key] == width and domains.domain[key, node] >= 0:
            total += scored.weight[i] * count_at(domains, scored.item[i], node)
    return int(total)

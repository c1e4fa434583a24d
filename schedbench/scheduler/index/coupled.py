"""What couples the nodes of a class: the verdicts and scores of its cells.

The same decisions as in `plugins/`, over cells instead of nodes. All nodes of a cell
are in the same domains of the wide keys, of which one node of the group tells; what
they have of the narrow keys, by which every node is a domain, are the features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, DomainState
from schedbench.cluster.terms import InterPodTerms, Ragged
from schedbench.jit import inner_kernel
from schedbench.plugins.inter_pod_affinity import count_at, scores_nothing
from schedbench.plugins.node_resources_fit import MAX_SCORE
from schedbench.plugins.pod_topology_spread import (
    IGNORED,
    least_count,
    round_half_up,
)
from schedbench.scheduler.cycle import Compiled
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
    Index,
)

SOME_LACKING, ALL_FOUND = 0, 1


@inner_kernel
def read_features(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, node: int
) -> bool:
    """Write a node's features into `work.feature`; return whether it is in a cell.

    It is in none if a term by which every node is a domain rejects it, whatever pods
    are elsewhere.
    """
    domains, classes, static = state.domains, compiled.classes, compiled.static
    narrow, feature = index.plan.narrow, index.work.feature
    row = np.int64(index.row[pod_class])
    terms, spread = classes.inter_pod, classes.spread
    feature[:] = 0
    feature[GROUP] = index.plan.group[index.plan.grouping[pod_class], node]
    if index.rows.weight[row, OF_TAINTS] != 0:
        feature[TAINTS] = static.raw[OF_TAINTS, classes.static_row[pod_class], node]
    if index.rows.weight[row, OF_NODE_AFFINITY] != 0:
        raw = static.raw[OF_NODE_AFFINITY, classes.static_row[pod_class], node]
        feature[NODE_AFFINITY] = raw
    if is_avoided(domains, terms.own_anti, narrow, 1, pod_class, node):
        return False
    if is_avoided(domains, terms.existing_anti, narrow, 1, pod_class, node):
        return False
    feature[REQUIRED] = ALL_FOUND
    affinity = terms.affinity
    for i in range(affinity.start[pod_class], affinity.start[pod_class + 1]):
        counter = affinity.item[i]
        if narrow[domains.key[counter]]:
            here = count_at(domains, counter, node)
            if here < 0:
                return False
            if here == 0:
                feature[REQUIRED] = SOME_LACKING
    if index.rows.weight[row, OF_INTER_POD] != 0:
        feature[INTER_POD] = attraction(domains, terms, narrow, 1, pod_class, node)
    at = COUNTS
    hard, soft = spread.hard, spread.soft
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        if narrow[domains.key[hard.counter[t]]]:
            feature[at] = count_at(domains, hard.counter[t], node)
            if feature[at] < 0:
                return False
            at += 1
    if index.rows.weight[row, OF_SPREAD] != 0:
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
    """Return whether an anti-affinity term over narrow (1) or wide (0) keys rejects."""
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
    """Return what terms over narrow (1) or wide (0) keys add to the raw score."""
    scored = terms.scored
    total = np.int64(0)
    for i in range(scored.start[pod_class], scored.start[pod_class + 1]):
        key = domains.key[scored.item[i]]
        if narrow[key] == width and domains.domain[key, node] >= 0:
            total += scored.weight[i] * count_at(domains, scored.item[i], node)
    return total


@inner_kernel
def live_cells(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, row: int
) -> int:
    """Write the feasible cells with nodes into `work.live`; return how many."""
    rows, cells, live = index.rows, index.cells, index.work.live
    first = rows.first[row]
    if not index.plan.coupled[pod_class]:
        live[0] = first
        return int(np.int64(rows.cells[row] > 0 and cells.size[first] > 0))
    count = 0
    for cell in range(first, first + rows.cells[row]):
        if cells.size[cell] > 0 and is_open(state, compiled, index, pod_class, cell):
            live[count] = cell
            count += 1
    return count


@inner_kernel
def is_open(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, cell: int
) -> bool:
    """Return whether spread constraints and pod affinity let a pod into a cell."""
    domains, plan, classes = state.domains, index.plan, compiled.classes
    feature = index.cells.feature[cell]
    node = np.int64(plan.delegate[plan.grouping[pod_class], feature[GROUP]])
    hard = classes.spread.hard
    at = COUNTS
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        most = hard.max_skew[t] - hard.itself[t] + least_count(state, hard, t)
        if plan.narrow[domains.key[hard.counter[t]]]:
            count = feature[at]
            at += 1
        else:
            count = np.int64(count_at(domains, hard.counter[t], node))
        if count < 0 or count > most:
            return False
    terms = classes.inter_pod
    if is_avoided(domains, terms.own_anti, plan.narrow, 0, pod_class, node):
        return False
    if is_avoided(domains, terms.existing_anti, plan.narrow, 0, pod_class, node):
        return False
    affinity = terms.affinity
    found = feature[REQUIRED] == ALL_FOUND
    anywhere = np.int64(0)
    for i in range(affinity.start[pod_class], affinity.start[pod_class + 1]):
        counter = affinity.item[i]
        anywhere += domains.total[counter]
        if not plan.narrow[domains.key[counter]]:
            here = count_at(domains, counter, node)
            if here < 0:
                return False
            found &= here > 0
    return bool(found or (anywhere == 0 and terms.self_match[pod_class] != 0))


@inner_kernel
def add_scores(
    state: ClusterState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    row: int,
    count: int,
) -> None:
    """Write what the coupled scores add to the totals of the live cells."""
    work, cells, weight = index.work, index.cells, index.rows.weight[row]
    raw, add = work.raw, work.add
    for i in range(count):
        add[i] = 0
    if not index.plan.coupled[pod_class]:
        return
    if weight[OF_TAINTS] != 0:
        for i in range(count):
            raw[i] = cells.feature[work.live[i], TAINTS]
        normalize_by_greatest(index, count, weight[OF_TAINTS], True)
    if weight[OF_NODE_AFFINITY] != 0:
        for i in range(count):
            raw[i] = cells.feature[work.live[i], NODE_AFFINITY]
        normalize_by_greatest(index, count, weight[OF_NODE_AFFINITY], False)
    terms = compiled.classes.inter_pod
    if weight[OF_INTER_POD] != 0 and not scores_nothing(
        state.domains, terms, pod_class
    ):
        for i in range(count):
            feature = cells.feature[work.live[i]]
            node = delegate(index, pod_class, feature[GROUP])
            raw[i] = feature[INTER_POD] + attraction(
                state.domains, terms, index.plan.narrow, 0, pod_class, node
            )
        normalize_between(index, count, weight[OF_INTER_POD])
    if weight[OF_SPREAD] != 0:
        rate_spread(state, compiled, index, pod_class, count)
        normalize_counts(index, count, weight[OF_SPREAD])


@inner_kernel
def delegate(index: Index, pod_class: int, group: int) -> int:
    """Return a node of a group: its domains of the wide keys are the group's."""
    plan = index.plan
    return np.int64(plan.delegate[plan.grouping[pod_class], group])


@inner_kernel
def normalize_by_greatest(index: Index, count: int, weight: int, reverse: bool) -> None:
    """Add 100 · s // max, or 100 − that; the cells have nodes to take."""
    raw, add = index.work.raw, index.work.add
    greatest = np.int64(0)
    for i in range(count):
        greatest = max(greatest, raw[i])
    for i in range(count):
        scaled = raw[i] * MAX_SCORE // max(greatest, 1)
        add[i] += weight * (MAX_SCORE - scaled if reverse else scaled)


@inner_kernel
def normalize_between(index: Index, count: int, weight: int) -> None:
    """Add scores spread over 0 to 100, in float64; 0 if they are equal."""
    raw, add = index.work.raw, index.work.add
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
def normalize_counts(index: Index, count: int, weight: int) -> None:
    """Add 100 · (max + min − s) // max; 0 where a key is missing."""
    raw, add = index.work.raw, index.work.add
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


@inner_kernel
def rate_spread(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, count: int
) -> None:
    """Write the raw score of topology spread of each live cell into `work.raw`."""
    domains, work, narrow = state.domains, index.work, index.plan.narrow
    raw = work.raw
    soft, hard = compiled.classes.spread.soft, compiled.classes.spread.hard
    first, last = soft.start[pod_class], soft.start[pod_class + 1]
    offset = COUNTS
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        offset += np.int64(narrow[domains.key[hard.counter[t]]])
    taking_part = np.int64(0)
    for i in range(count):
        feature = index.cells.feature[work.live[i]]
        node = delegate(index, pod_class, feature[GROUP])
        raw[i] = 0
        at = offset
        for t in range(first, last):
            if narrow[domains.key[soft.counter[t]]]:
                lacks = feature[at] == NO_LABEL
                at += 1
            else:
                lacks = count_at(domains, soft.key_counter[t], node) < 0
            if lacks and soft.all_keys[pod_class]:
                raw[i] = IGNORED
        if raw[i] != IGNORED:
            taking_part += work.inside[i]
    for t in range(first, last):
        size = taking_part
        key = np.int64(domains.key[soft.counter[t]])
        if not soft.by_node[t] and not narrow[key]:
            size = np.int64(0)
            work.turn[0] += 1
            for i in range(count):
                if raw[i] != IGNORED:
                    group = index.cells.feature[work.live[i], GROUP]
                    node = delegate(index, pod_class, group)
                    domain = domains.domain[key, node]
                    size += np.int64(work.stamp[domain] != work.turn[0])
                    work.stamp[domain] = work.turn[0]
        work.spread_weight[t - first] = np.log(np.float64(size + 2))
    for i in range(count):
        if raw[i] == IGNORED:
            continue
        feature = index.cells.feature[work.live[i]]
        node = delegate(index, pod_class, feature[GROUP])
        total = 0.0
        at = offset
        for t in range(first, last):
            if narrow[domains.key[soft.counter[t]]]:
                number = feature[at]
                has_label = number != NO_LABEL
                at += 1
            else:
                number = np.int64(count_at(domains, soft.counter[t], node))
                has_label = count_at(domains, soft.key_counter[t], node) >= 0
            if has_label:
                total += np.float64(number) * work.spread_weight[t - first] + (
                    np.float64(soft.max_skew[t] - 1)
                )
        raw[i] = round_half_up(total)

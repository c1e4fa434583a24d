"""Which cells a pod may go to: the verdicts of terms that look at other nodes.

The same decisions as in `plugins/`, over cells instead of nodes. All nodes of a cell
are in the same domains of the wide keys, of which one node of the group tells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses
from schedbench.jit import inner_kernel
from schedbench.plugins.inter_pod_affinity import count_at
from schedbench.plugins.pod_topology_spread import least_count
from schedbench.scheduler.index.features import ALL_FOUND, WIDE, is_avoided
from schedbench.scheduler.index.layout import COUNTS, GROUP, REQUIRED, Cells, Plan, Rows


@inner_kernel
def open_cells(
    domains: DomainState,
    classes: PodClasses,
    plan: Plan,
    rows: Rows,
    cells: Cells,
    pod_class: int,
    row: int,
    live: NDArray[np.int64],
) -> int:
    """Write the cells with nodes that a pod may go to; return how many."""
    first = rows.first[row]
    if not plan.coupled[pod_class]:
        live[0] = first
        return int(cells.size[first] > 0)
    count = 0
    for cell in range(first, first + rows.cells[row]):
        if cells.size[cell] > 0 and is_open(
            domains, classes, plan, cells.feature[cell], pod_class
        ):
            live[count] = cell
            count += 1
    return count


@inner_kernel
def is_open(
    domains: DomainState,
    classes: PodClasses,
    plan: Plan,
    feature: NDArray[np.int64],
    pod_class: int,
) -> bool:
    """Return whether spread constraints and pod affinity let a pod into a cell."""
    node = np.int64(plan.delegate[plan.grouping[pod_class], feature[GROUP]])
    hard, terms = classes.spread.hard, classes.inter_pod
    at = COUNTS
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        most = hard.max_skew[t] - hard.itself[t] + least_count(domains, hard, t)
        if plan.narrow[domains.key[hard.counter[t]]]:
            count = feature[at]
            at += 1
        else:
            count = np.int64(count_at(domains, hard.counter[t], node))
        if count < 0 or count > most:
            return False
    if is_avoided(domains, terms.own_anti, plan.narrow, WIDE, pod_class, node):
        return False
    if is_avoided(domains, terms.existing_anti, plan.narrow, WIDE, pod_class, node):
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

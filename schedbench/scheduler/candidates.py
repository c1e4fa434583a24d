"""Which candidates of preemption are found, and which of them no rule puts behind.

Source: kubernetes v1.34 pkg/scheduler/framework/preemption (DryRunPreemption,
pickOneNodeForPreemption).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import inner_kernel, kernel
from schedbench.scheduler.victims import CANDIDATE, NOT_TRIED, TRIED, Rates


@kernel
def find_candidates(
    rates: Rates,
    order: NDArray[np.int32],
    start: int,
    enough: int,
    found: NDArray[np.int64],
) -> tuple[int, int]:
    """Look at nodes in order, from the `start`-th where eviction may help.

    Returns
    -------
    How many candidates were found, whose slots are in `found[0]`, and how many of them
    no rule puts behind another, in `found[1]`.
    """
    at = np.int64(start)
    if rates.tally[TRIED] != order.size:
        left = np.int64(start)
        at = np.int64(0)
        while left > 0 or rates.after[order[at]] == NOT_TRIED:
            left -= np.int64(rates.after[order[at]] != NOT_TRIED)
            at += 1
    count, tied = np.int64(0), np.int64(0)
    best = np.int64(-1)
    all_violate = True
    for _ in range(order.size):
        node = np.int64(order[at])
        at = at + 1 if at + 1 < order.size else np.int64(0)
        if rates.after[node] == NOT_TRIED:
            continue
        if count >= enough and not all_violate:
            break
        if rates.after[node] != CANDIDATE:
            continue
        found[0, count] = node
        count += 1
        all_violate = all_violate and rates.rules[node, 0] > 0
        order_of = -1 if best < 0 else compare(rates, node, best)
        if order_of < 0:
            best = node
            tied = np.int64(0)
        if order_of <= 0:
            found[1, tied] = node
            tied += 1
    return int(count), int(tied)


@inner_kernel
def compare(rates: Rates, one: int, other: int) -> int:
    """Return −1, 0 or 1 as a candidate is better than another, alike or worse."""
    for rule in range(rates.rules.shape[1]):
        here, there = rates.rules[one, rule], rates.rules[other, rule]
        if here != there:
            return -1 if here < there else 1
    return 0

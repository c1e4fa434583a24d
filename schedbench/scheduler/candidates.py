"""Which candidates of preemption are found, and which of them no rule puts behind.

Source: kubernetes v1.34 pkg/scheduler/framework/preemption (DryRunPreemption,
pickOneNodeForPreemption).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import by_reference, inner_kernel, kernel
from schedbench.scheduler.index.bits import below, lowest, nth, ones
from schedbench.scheduler.victims import CANDIDATE, NOT_TRIED, TRIED, Rates

NO_RULES = (np.int64(0),) * 5
WORD, SHIFT = 64, 6


@by_reference
class Walk(NamedTuple):
    """The scheduler's order of `L` nodes, and words of 64 places each.

    To go from one candidate to the next costs a third of going from node to node where
    a fifth of the nodes are candidates (5,000 nodes, measured).

    Attributes
    ----------
    order : int32[L]
        Node slots.
    place : int32[N]
        The place of each node in the order; those that it leaves out have any.
    tried, fit : int64[B]
        Bit i of word b is set if eviction may help on the node of place 64 b + i, and
        if that is a candidate.
    """

    order: NDArray[np.int32]
    place: NDArray[np.int32]
    tried: NDArray[np.int64]
    fit: NDArray[np.int64]


@kernel
def read_walk(rates: Rates, walk: Walk) -> None:
    """Set the words."""
    order = walk.order
    for word in range(walk.fit.size):
        tried, fit = np.int64(0), np.int64(0)
        first = word * WORD
        for bit in range(min(order.size - first, WORD)):
            after = np.int64(rates.after[order[first + bit]])
            walk.place[order[first + bit]] = first + bit
            tried |= np.int64(after != NOT_TRIED) << bit
            fit |= np.int64(after == CANDIDATE) << bit
        walk.tried[word] = tried
        walk.fit[word] = fit


@inner_kernel
def read_node(rates: Rates, walk: Walk, node: int) -> None:
    """Set the bits of a node that was rated anew."""
    place = np.int64(walk.place[node])
    word, bit = place >> SHIFT, place & (WORD - 1)
    mask = np.int64(1) << bit
    tried = np.int64(rates.after[node] != NOT_TRIED) << bit
    fit = np.int64(rates.after[node] == CANDIDATE) << bit
    walk.tried[word] = (walk.tried[word] & ~mask) | tried
    walk.fit[word] = (walk.fit[word] & ~mask) | fit


@kernel
def find_candidates(
    rates: Rates, walk: Walk, start: int, enough: int, found: NDArray[np.int64]
) -> tuple[int, int]:
    """Look at nodes in order, from the `start`-th where eviction may help.

    Returns
    -------
    How many candidates were found, whose slots are in `found[0]`, and how many of them
    no rule puts behind another, in `found[1]`.
    """
    first = place_of_nth(rates, walk, start)
    words = walk.fit.size
    rules = rates.rules
    count, tied = np.int64(0), np.int64(0)
    best = np.int64(-1)
    all_violate = True
    # The best one's rules are kept apart: 2 µs less of 5 where 500 are alike.
    one, two, three, four, five = NO_RULES
    at, upper = first >> SHIFT, np.int64(below(first & (WORD - 1)))
    for step in range(words + 1):
        word = walk.fit[at]
        if step == 0:
            word &= ~upper
        elif step == words:
            word &= upper
        while word != 0:
            bit = np.int64(lowest(word))
            word &= ~(np.int64(1) << bit)
            node = np.int64(walk.order[at * WORD + bit])
            found[0, count] = node
            count += 1
            if best >= 0 and (
                (rules[node, 0] == one)
                & (rules[node, 1] == two)
                & (rules[node, 2] == three)
                & (rules[node, 3] == four)
                & (rules[node, 4] == five)
            ):
                found[1, tied] = node
                tied += 1
            else:
                all_violate = all_violate and rules[node, 0] > 0
                if best < 0 or is_better(rules, node, best):
                    best, tied = node, np.int64(1)
                    found[1, 0] = node
                    one, two, three = rules[node, 0], rules[node, 1], rules[node, 2]
                    four, five = rules[node, 3], rules[node, 4]
            if count >= enough and not all_violate:
                return int(count), int(tied)
        at = at + 1 if at + 1 < words else np.int64(0)
    return int(count), int(tied)


@inner_kernel
def place_of_nth(rates: Rates, walk: Walk, start: int) -> int:
    """Return the place of the `start`-th node where eviction may help."""
    if rates.tally[TRIED] == walk.order.size:
        return int(start)
    left, word = np.int64(start), np.int64(0)
    while left >= ones(walk.tried[word]):
        left -= ones(walk.tried[word])
        word += 1
    return int(word * WORD + nth(walk.tried[word], left))


@inner_kernel
def is_better(rules: NDArray[np.int64], one: int, other: int) -> bool:
    """Return whether the first rule that tells two candidates apart is for the one."""
    for rule in range(rules.shape[1]):
        if rules[one, rule] != rules[other, rule]:
            return bool(rules[one, rule] < rules[other, rule])
    return False


@kernel
def nth_least(values: NDArray[np.int64], count: int, n: int) -> int:
    """Return the value that is more than `n` of the first `count`, which differ.

    Values in order but for where it begins are looked up; others are moved: quickselect
    (Hoare, CACM 1961).
    """
    breaks, begin = np.int64(0), np.int64(0)
    for i in range(1, count):
        if values[i - 1] > values[i]:
            breaks += 1
            begin = np.int64(i)
    if breaks == 0 or (breaks == 1 and values[count - 1] < values[0]):
        at = begin + n
        return int(values[at if at < count else at - count])
    low, high = np.int64(0), np.int64(count - 1)
    while low < high:
        pivot = values[(low + high) >> 1]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += np.int64(1)
            while values[right] > pivot:
                right -= np.int64(1)
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += np.int64(1)
                right -= np.int64(1)
        if n <= right:
            high = right
        elif n >= left:
            low = left
        else:
            break
    return int(values[n])

"""The nodes that adaptive sampling looks at: a stretch of the list, round its end.

The same as `scheduler/sampling.walk`, by words of 64 nodes. A window goes from `start`
up to, not including, `end`; in node order, the nodes behind the list's end come last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import inner_kernel
from schedbench.scheduler.index.bits import EVERY, below, lowest, nth, ones
from schedbench.scheduler.index.layout import BLOCK, INFEASIBLE, Ballot, Cells

EVERYWHERE = -1


@inner_kernel
def find_end(
    cells: Cells, live: NDArray[np.int64], start: int, listed: int, wanted: int
) -> int:
    """Return before which position the walk ends; `EVERYWHERE` if it sees all nodes.

    That is the first feasible node after `wanted` of them, from `start` on.
    """
    feasible = np.int64(0)
    for i in range(live.size):
        feasible += cells.size[live[i]]
    if feasible <= wanted:
        return EVERYWHERE
    blocks = (listed + BLOCK - 1) // BLOCK
    block = np.int64(start // BLOCK)
    within = np.int64(~below(start % BLOCK))
    left = np.int64(wanted)
    for _ in range(blocks + 1):
        word = np.int64(0)
        for i in range(live.size):
            word |= cells.member[live[i], block]
        word &= within
        here = np.int64(ones(word))
        if here > left:
            return int(block * BLOCK + nth(word, left))
        left -= here
        within = np.int64(EVERY)
        block = block + 1 if block + 1 < blocks else np.int64(0)
    return EVERYWHERE


@inner_kernel
def stretch(part: int, start: int, end: int, listed: int) -> tuple[int, int]:
    """Return the positions of the first or second part of a window, in node order."""
    if start < end:
        return (int(start), int(end)) if part == 0 else (int(end), int(end))
    return (0, int(end)) if part == 0 else (int(start), int(listed))


@inner_kernel
def word_of(block: int, low: int, high: int) -> int:
    """Return the word of a block's positions from `low` up to `high`, without it."""
    word = np.int64(EVERY)
    first = block * BLOCK
    if low > first:
        word &= ~below(low - first)
    if high < first + BLOCK:
        word &= below(high - first)
    return int(word)


@inner_kernel
def look_inside(
    cells: Cells,
    ballot: Ballot,
    totals: NDArray[np.int64],
    count: int,
    start: int,
    end: int,
    listed: int,
) -> int:
    """Write how many nodes in a window the open cells have, and the greatest totals.

    Returns
    -------
    int
        How many cells have some there; the others are left out.
    """
    kept = 0
    for i in range(count):
        cell = ballot.live[i]
        inside, most = np.int64(0), np.int64(INFEASIBLE)
        for part in range(2):
            low, high = stretch(part, start, end, listed)
            for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
                within = np.int64(word_of(block, low, high))
                here = ones(cells.member[cell, block] & within)
                if here > 0:
                    inside += here
                    best = np.int64(greatest(cells, totals, cell, block, within))
                    most = max(most, best)
        if inside > 0:
            ballot.live[kept] = cell
            ballot.inside[kept] = inside
            ballot.best[kept] = most
            kept += 1
    return kept


@inner_kernel
def greatest(
    cells: Cells, totals: NDArray[np.int64], cell: int, block: int, within: int
) -> int:
    """Return the greatest total of a cell's nodes in a part of a block."""
    if within == EVERY or cells.tied[cell, block] & within:
        return int(cells.top[cell, block])
    most = np.int64(INFEASIBLE)
    word = cells.member[cell, block] & within
    while word != 0:
        most = max(most, totals[block * BLOCK + lowest(word)])
        word &= word - 1
    return int(most)


@inner_kernel
def mark_tied(
    cells: Cells,
    ballot: Ballot,
    totals: NDArray[np.int64],
    count: int,
    start: int,
    end: int,
    listed: int,
) -> int:
    """Write the words of the best nodes in a window; return how many there are."""
    tied, at = np.int64(0), 0
    for part in range(2):
        low, high = stretch(part, start, end, listed)
        for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
            within = np.int64(word_of(block, low, high))
            word = np.int64(0)
            for i in range(count):
                if ballot.best[i] != INFEASIBLE:
                    word |= tied_in(
                        cells, totals, ballot.live[i], block, within, ballot.best[i]
                    )
            ballot.word[at] = word
            tied += ones(word)
            at += 1
    return int(tied)


@inner_kernel
def tied_in(
    cells: Cells,
    totals: NDArray[np.int64],
    cell: int,
    block: int,
    within: int,
    most: int,
) -> int:
    """Return the word of a cell's nodes in a part of a block that have a total.

    None of them has a greater one.
    """
    if cells.top[cell, block] == most:
        return int(cells.tied[cell, block] & within)
    tied = np.int64(0)
    if within != EVERY and cells.top[cell, block] > most:
        word = cells.member[cell, block] & within
        while word != 0:
            bit = word & -word
            if totals[block * BLOCK + lowest(word)] == most:
                tied |= bit
            word ^= bit
    return int(tied)


@inner_kernel
def nth_inside(ballot: Ballot, n: int, start: int, end: int, listed: int) -> int:
    """Return the position of the n-th of the nodes marked in a window."""
    at, left = 0, np.int64(n)
    for part in range(2):
        low, high = stretch(part, start, end, listed)
        for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
            here = np.int64(ones(ballot.word[at]))
            if left < here:
                return int(block * BLOCK + nth(ballot.word[at], left))
            left -= here
            at += 1
    return -1


@inner_kernel
def first_inside(
    ballot: Ballot, slot: NDArray[np.int32], start: int, end: int, listed: int
) -> int:
    """Return the position of the lowest slot of the nodes marked in a window."""
    at, place = 0, np.int64(-1)
    for part in range(2):
        low, high = stretch(part, start, end, listed)
        for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
            word = ballot.word[at]
            while word != 0:
                here = np.int64(block * BLOCK + lowest(word))
                if place < 0 or slot[here] < slot[place]:
                    place = here
                word &= word - 1
            at += 1
    return int(place)

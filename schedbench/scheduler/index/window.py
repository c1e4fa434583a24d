"""The nodes that adaptive sampling looks at: a stretch of the list, round its end.

The same as `scheduler/sampling.walk`, by words of 64 nodes.
"""

from __future__ import annotations

import numpy as np

from schedbench.jit import inner_kernel
from schedbench.scheduler.index.bits import EVERY, below, lowest, nth, ones
from schedbench.scheduler.index.layout import BLOCK, INFEASIBLE, Cells, Index

EVERYWHERE = -1


@inner_kernel
def find_end(index: Index, count: int, start: int, listed: int, wanted: int) -> int:
    """Return before which position the walk ends; `EVERYWHERE` if it sees all nodes.

    That is the first feasible node after `wanted` of them, from `start` on.
    """
    cells, live = index.cells, index.work.live
    feasible = np.int64(0)
    for i in range(count):
        feasible += cells.size[live[i]]
    if feasible <= wanted:
        return EVERYWHERE
    blocks = (listed + BLOCK - 1) // BLOCK
    block = start // BLOCK
    within = ~below(start % BLOCK)
    left = np.int64(wanted)
    for _ in range(blocks + 1):
        word = np.int64(0)
        for i in range(count):
            word |= cells.member[live[i], block]
        word &= within
        here = ones(word)
        if here > left:
            return block * BLOCK + nth(word, left)
        left -= here
        within = np.int64(EVERY)
        block = block + 1 if block + 1 < blocks else 0
    return EVERYWHERE


@inner_kernel
def part(block: int, low: int, high: int) -> int:
    """Return the word of a block's positions from `low` up to, not including, `high`."""
    word = np.int64(EVERY)
    first = block * BLOCK
    if low > first:
        word &= ~below(low - first)
    if high < first + BLOCK:
        word &= below(high - first)
    return word


@inner_kernel
def best_of(index: Index, row: int, cell: int, block: int, within: int) -> int:
    """Return the greatest total of a cell's nodes in a part of a block."""
    cells = index.cells
    if within == EVERY or cells.tied[cell, block] & within:
        return cells.top[cell, block]
    total = index.rows.total[row]
    most = np.int64(INFEASIBLE)
    word = cells.member[cell, block] & within
    while word != 0:
        most = max(most, total[block * BLOCK + lowest(word)])
        word &= word - 1
    return most


@inner_kernel
def tied_in(
    index: Index, row: int, cell: int, block: int, within: int, most: int
) -> int:
    """Return the word of a cell's nodes in a part of a block that have a total.

    None of them has a greater one.
    """
    cells: Cells = index.cells
    if cells.top[cell, block] == most:
        return cells.tied[cell, block] & within
    if within == EVERY:
        return np.int64(0)
    total = index.rows.total[row]
    tied = np.int64(0)
    word = cells.member[cell, block] & within
    while word != 0:
        bit = word & -word
        if total[block * BLOCK + lowest(word)] == most:
            tied |= bit
        word ^= bit
    return tied

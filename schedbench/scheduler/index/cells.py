"""Nodes come to cells, change within them, and leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import inner_kernel, kernel
from schedbench.scheduler.index.bits import lowest, ones
from schedbench.scheduler.index.layout import (
    BLOCK,
    INFEASIBLE,
    NOWHERE,
    Cells,
    Rows,
)

FULL = -2
"""Instead of a cell: there is no room for one more."""
_GOLDEN = np.int64(-7046029254386353131)


@inner_kernel
def find_cell(rows: Rows, cells: Cells, row: int, wanted: NDArray[np.int64]) -> int:
    """Return the cell of some features, made if there is none; `FULL` without room."""
    hashed = np.int64(0)
    for i in range(wanted.size):
        hashed = (hashed ^ wanted[i]) * _GOLDEN
        hashed ^= (hashed >> np.int64(32)) & np.int64(0xFFFFFFFF)
    mask = rows.table.shape[1] - 1
    at = hashed & mask
    while rows.table[row, at] >= 0:
        cell = np.int64(rows.table[row, at])
        same = True
        for i in range(wanted.size):
            same &= cells.feature[cell, i] == wanted[i]
        if same:
            return int(cell)
        at = (at + 1) & mask
    if rows.cells[row] == rows.room[row]:
        return FULL
    cell = np.int64(add_cell(rows, cells, row))
    rows.table[row, at] = cell
    for i in range(wanted.size):
        cells.feature[cell, i] = wanted[i]
    return int(cell)


@inner_kernel
def add_cell(rows: Rows, cells: Cells, row: int) -> int:
    """Return a new cell of a row, without nodes; there is room for it."""
    cell = rows.first[row] + rows.cells[row]
    rows.cells[row] += 1
    cells.size[cell] = 0
    for block in range(cells.top.shape[1]):
        cells.member[cell, block] = 0
        cells.tied[cell, block] = 0
        cells.top[cell, block] = INFEASIBLE
    for chunk in range(cells.chunk_top.shape[1]):
        cells.chunk_top[cell, chunk] = INFEASIBLE
        cells.chunk_tied[cell, chunk] = 0
    return int(cell)


@inner_kernel
def put(rows: Rows, cells: Cells, row: int, place: int, cell: int, total: int) -> None:
    """Let the node at a position have a cell, or `NOWHERE`, and a total."""
    before, old = np.int64(rows.cell[row, place]), rows.total[row, place]
    if before == cell and (cell == NOWHERE or old == total):
        return
    rows.cell[row, place] = cell
    rows.total[row, place] = total
    if before == cell:
        change(cells, rows.total[row], place, cell, total)
        return
    if before != NOWHERE:
        leave(cells, rows.total[row], place, before)
    if cell != NOWHERE:
        join(cells, place, cell, total)


@inner_kernel
def change(
    cells: Cells, totals: NDArray[np.int64], place: int, cell: int, total: int
) -> None:
    """Note the new total of a member, which `totals` has already."""
    block, bit = place // BLOCK, np.int64(1) << np.int64(place % BLOCK)
    top, tied = cells.top[cell, block], cells.tied[cell, block]
    if total > top:
        cells.top[cell, block] = total
        cells.tied[cell, block] = bit
    elif total == top:
        cells.tied[cell, block] = tied | bit
    elif tied == bit:
        rate_block(cells, totals, cell, block)
    elif tied & bit:
        cells.tied[cell, block] = tied & ~bit
    else:
        return
    note_block(cells, cell, block, top, ones(tied))


@inner_kernel
def leave(cells: Cells, totals: NDArray[np.int64], place: int, cell: int) -> None:
    """Let a node leave its cell."""
    block, bit = place // BLOCK, np.int64(1) << np.int64(place % BLOCK)
    top, tied = cells.top[cell, block], cells.tied[cell, block]
    cells.member[cell, block] &= ~bit
    cells.size[cell] -= 1
    if tied == bit:
        rate_block(cells, totals, cell, block)
    elif tied & bit:
        cells.tied[cell, block] = tied & ~bit
    else:
        return
    note_block(cells, cell, block, top, ones(tied))


@inner_kernel
def join(cells: Cells, place: int, cell: int, total: int) -> None:
    """Let a node come to a cell."""
    block, bit = place // BLOCK, np.int64(1) << np.int64(place % BLOCK)
    top, tied = cells.top[cell, block], cells.tied[cell, block]
    cells.member[cell, block] |= bit
    cells.size[cell] += 1
    if total > top or tied == 0:
        cells.top[cell, block] = total
        cells.tied[cell, block] = bit
    elif total == top:
        cells.tied[cell, block] = tied | bit
    else:
        return
    note_block(cells, cell, block, top, ones(tied))


@inner_kernel
def rate_block(cells: Cells, totals: NDArray[np.int64], cell: int, block: int) -> None:
    """Find the greatest total of a cell's members in a block, and who has it."""
    word = cells.member[cell, block]
    top, tied = np.int64(INFEASIBLE), np.int64(0)
    while word != 0:
        bit = word & -word
        total = totals[block * BLOCK + lowest(word)]
        if total > top:
            top, tied = total, np.int64(0)
        if total == top:
            tied |= bit
        word ^= bit
    cells.top[cell, block] = top
    cells.tied[cell, block] = tied


@inner_kernel
def note_block(cells: Cells, cell: int, block: int, top: int, tied: int) -> None:
    """Let a chunk know of a block that had a greatest total, and so many tied."""
    chunk = block // BLOCK
    now, most = cells.top[cell, block], cells.chunk_top[cell, chunk]
    count = ones(cells.tied[cell, block])
    if now > most:
        cells.chunk_top[cell, chunk] = now
        cells.chunk_tied[cell, chunk] = count
        return
    if top == most:
        cells.chunk_tied[cell, chunk] -= tied
    if now == most:
        cells.chunk_tied[cell, chunk] += count
    if cells.chunk_tied[cell, chunk] == 0:
        rate_chunk(
            cells.top[cell], cells.tied[cell],
            cells.chunk_top[cell], cells.chunk_tied[cell], chunk,
        )  # fmt: skip


@kernel
def rate_chunk(
    top: NDArray[np.int64],
    tied: NDArray[np.int64],
    chunk_top: NDArray[np.int64],
    chunk_tied: NDArray[np.int64],
    chunk: int,
) -> None:
    """Find the greatest total of a chunk, and how many nodes have it."""
    low = chunk * BLOCK
    high = min(low + BLOCK, top.size)
    most = np.int64(INFEASIBLE)
    for block in range(low, high):
        most = max(most, top[block])
    count = np.int64(0)
    for block in range(low, high):
        if top[block] == most:
            count += ones(tied[block])
    chunk_top[chunk] = most
    chunk_tied[chunk] = count


@inner_kernel
def rate_cells(rows: Rows, cells: Cells, row: int) -> None:
    """Find what the blocks and chunks of a row's cells have, members known."""
    first = rows.first[row]
    for cell in range(first, first + rows.cells[row]):
        for block in range(cells.top.shape[1]):
            rate_block(cells, rows.total[row], cell, block)
        for chunk in range(cells.chunk_top.shape[1]):
            rate_chunk(
                cells.top[cell], cells.tied[cell],
                cells.chunk_top[cell], cells.chunk_tied[cell], chunk,
            )  # fmt: skip


@inner_kernel
def clear_cells(rows: Rows, row: int) -> None:
    """Let a row have no cells."""
    rows.cells[row] = 0
    if row < rows.table.shape[0]:
        rows.table[row, :] = -1

"""The best node of the best cells, of all nodes or of those that are looked at."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.jit import inner_kernel
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.index.bits import nth, ones
from schedbench.scheduler.index.coupled import add_scores, live_cells
from schedbench.scheduler.index.layout import BLOCK, INFEASIBLE, Index
from schedbench.scheduler.index.window import (
    EVERYWHERE,
    best_of,
    find_end,
    part,
    tied_in,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import nodes_to_find
from schedbench.scheduler.select import draw

NO_NODE = -1


@inner_kernel
def choose(
    state: ClusterState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    row: int,
    counter: int,
) -> int:
    """Return the node that a scan would take; −1 if none is feasible."""
    count = np.int64(live_cells(state, compiled, index, pod_class, row))
    if count == 0:
        return NO_NODE
    sampling = compiled.sampling
    listed = sampling.listed[0]
    end = np.int64(EVERYWHERE)
    start = np.int64(0)
    wanted = nodes_to_find(listed, sampling.percentage)
    if wanted < listed:
        start = sampling.start[0] % listed
        end = np.int64(find_end(index, count, start, listed, wanted))
    if end == EVERYWHERE:
        sampling.evaluated[0] = listed
        look_everywhere(index, count)
    else:
        seen = end - start
        sampling.evaluated[0] = seen if seen > 0 else seen + listed
        count = np.int64(look_inside(index, row, count, start, end, listed))
    add_scores(state, compiled, index, pod_class, row, count)
    work = index.work
    most = np.int64(INFEASIBLE)
    for i in range(count):
        most = max(most, work.best[i] + work.add[i])
    for i in range(count):
        if work.best[i] + work.add[i] != most:
            work.best[i] = INFEASIBLE
    if end == EVERYWHERE:
        place = np.int64(take_anywhere(index, compiled, count, counter))
    else:
        place = np.int64(
            take_inside(index, compiled, row, count, counter, start, end, listed)
        )
    return np.int64(index.plan.slot[place])


@inner_kernel
def wanted_of(compiled: Compiled, counter: int, tied: int) -> int:
    """Return which of so many tied nodes is taken."""
    choice = compiled.choice
    return draw(choice.key, counter, tied) if choice.tie == Tie.RANDOM else 0


@inner_kernel
def look_everywhere(index: Index, count: int) -> None:
    """Write how many nodes the live cells have, and the greatest totals."""
    work, cells = index.work, index.cells
    for i in range(count):
        cell = work.live[i]
        most = np.int64(INFEASIBLE)
        for chunk in range(cells.chunk_top.shape[1]):
            most = max(most, cells.chunk_top[cell, chunk])
        work.best[i] = most
        work.inside[i] = cells.size[cell]


@inner_kernel
def take_anywhere(index: Index, compiled: Compiled, count: int, counter: int) -> int:
    """Return the position of the node taken, of the cells that have a best total."""
    work, cells = index.work, index.cells
    tied = np.int64(0)
    for i in range(count):
        if work.best[i] != INFEASIBLE:
            for chunk in range(cells.chunk_top.shape[1]):
                if cells.chunk_top[work.live[i], chunk] == work.best[i]:
                    tied += cells.chunk_tied[work.live[i], chunk]
    wanted = wanted_of(compiled, counter, tied)
    for chunk in range(cells.chunk_top.shape[1]):
        here = np.int64(0)
        for i in range(count):
            if cells.chunk_top[work.live[i], chunk] == work.best[i]:
                here += cells.chunk_tied[work.live[i], chunk]
        if wanted >= here:
            wanted -= here
            continue
        low = chunk * BLOCK
        for block in range(low, min(low + BLOCK, cells.top.shape[1])):
            word = np.int64(0)
            for i in range(count):
                if cells.top[work.live[i], block] == work.best[i]:
                    word |= cells.tied[work.live[i], block]
            here = ones(word)
            if wanted < here:
                return block * BLOCK + nth(word, wanted)
            wanted -= here
    return NO_NODE


@inner_kernel
def look_inside(
    index: Index, row: int, count: int, start: int, end: int, listed: int
) -> int:
    """Write the same of the nodes in a window; return how many cells have some there."""
    work, cells = index.work, index.cells
    kept = 0
    for i in range(count):
        cell = work.live[i]
        inside = np.int64(0)
        most = np.int64(INFEASIBLE)
        for stretch in range(2):
            low, high = stretch_of(stretch, start, end, listed)
            for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
                within = part(block, low, high)
                here = ones(cells.member[cell, block] & within)
                if here > 0:
                    inside += here
                    best = best_of(index, row, cell, block, within)
                    most = max(most, np.int64(best))
        if inside > 0:
            work.live[kept] = cell
            work.inside[kept] = inside
            work.best[kept] = most
            kept += 1
    return kept


@inner_kernel
def stretch_of(stretch: int, start: int, end: int, listed: int) -> tuple[int, int]:
    """Return the positions of a window, in node order: it may go round the end."""
    if start < end:
        return (start, end) if stretch == 0 else (end, end)
    return (np.int64(0), end) if stretch == 0 else (start, listed)


@inner_kernel
def take_inside(
    index: Index,
    compiled: Compiled,
    row: int,
    count: int,
    counter: int,
    start: int,
    end: int,
    listed: int,
) -> int:
    """Return the position of the node taken, in the window."""
    work = index.work
    tied = np.int64(0)
    at = 0
    for stretch in range(2):
        low, high = stretch_of(stretch, start, end, listed)
        for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
            within = part(block, low, high)
            word = np.int64(0)
            for i in range(count):
                if work.best[i] != INFEASIBLE:
                    word |= tied_in(
                        index, row, work.live[i], block, within, work.best[i]
                    )
            work.word[at] = word
            at += 1
            tied += ones(word)
    wanted = wanted_of(compiled, counter, tied)
    at = 0
    for stretch in range(2):
        low, high = stretch_of(stretch, start, end, listed)
        for block in range(low // BLOCK, (high + BLOCK - 1) // BLOCK):
            here = ones(work.word[at])
            if wanted < here:
                return block * BLOCK + nth(work.word[at], wanted)
            wanted -= here
            at += 1
    return NO_NODE

"""The best node of the best cells, of all nodes or of those that are looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState
from schedbench.jit import inner_kernel
from schedbench.scheduler.cycle import Choice, Compiled
from schedbench.scheduler.index.bits import lowest, nth, ones
from schedbench.scheduler.index.coupled_scores import add_scores
from schedbench.scheduler.index.layout import (
    BLOCK,
    INFEASIBLE,
    Ballot,
    Cells,
    Index,
)
from schedbench.scheduler.index.open_cells import open_cells
from schedbench.scheduler.index.window import (
    EVERYWHERE,
    find_end,
    first_inside,
    look_inside,
    mark_tied,
    nth_inside,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES, nodes_to_find
from schedbench.scheduler.select import draw

NO_NODE = -1


@inner_kernel
def choose(
    domains: DomainState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    row: int,
    counter: int,
) -> int:
    """Return the node that a scan would take; −1 if none is feasible."""
    plan, cells, ballot = index.plan, index.cells, index.ballot
    classes, sampling, choice = compiled.classes, compiled.sampling, compiled.choice
    count = np.int64(
        open_cells(
            domains, classes, plan, index.rows, cells, pod_class, row, ballot.live
        )
    )
    if count == 0:
        return NO_NODE
    listed = sampling.listed[0]
    start, end = np.int64(0), np.int64(EVERYWHERE)
    wanted = nodes_to_find(listed, sampling.percentage)
    if wanted < listed:
        start = sampling.start[0] % listed
        end = np.int64(find_end(cells, ballot.live[:count], start, listed, wanted))
    totals = index.rows.total[row]
    if end == EVERYWHERE:
        sampling.evaluated[0] = listed
        look_everywhere(cells, ballot, count)
    else:
        seen = end - start
        sampling.evaluated[0] = seen if seen > 0 else seen + listed
        count = np.int64(look_inside(cells, ballot, totals, count, start, end, listed))
    weight = index.rows.weight[row]
    add_scores(domains, classes, plan, weight, cells.feature, ballot, pod_class, count)
    keep_best(ballot, count)
    by_slot = choice.tie == Tie.FIRST and sampling.percentage < ALL_NODES
    if end == EVERYWHERE and by_slot:
        place = np.int64(first_anywhere(cells, ballot, count, plan.slot))
    elif end == EVERYWHERE:
        place = np.int64(nth_anywhere(cells, ballot, choice, count, counter))
    else:
        tied = mark_tied(cells, ballot, totals, count, start, end, listed)
        if by_slot:
            place = np.int64(first_inside(ballot, plan.slot, start, end, listed))
        else:
            nth_tied = which(choice, counter, tied)
            place = np.int64(nth_inside(ballot, nth_tied, start, end, listed))
    return int(plan.slot[place])


@inner_kernel
def which(choice: Choice, counter: int, tied: int) -> int:
    """Return which of so many tied nodes is taken."""
    drawn = draw(choice.key, counter, tied) if choice.tie == Tie.RANDOM else 0
    return int(drawn)


@inner_kernel
def look_everywhere(cells: Cells, ballot: Ballot, count: int) -> None:
    """Write how many nodes the open cells have, and the greatest totals."""
    for i in range(count):
        cell = ballot.live[i]
        most = np.int64(INFEASIBLE)
        for chunk in range(cells.chunk_top.shape[1]):
            most = max(most, cells.chunk_top[cell, chunk])
        ballot.best[i] = most
        ballot.inside[i] = cells.size[cell]


@inner_kernel
def keep_best(ballot: Ballot, count: int) -> None:
    """Leave a greatest total only to the cells that have the greatest of all."""
    most = np.int64(INFEASIBLE)
    for i in range(count):
        most = max(most, ballot.best[i] + ballot.add[i])
    for i in range(count):
        if ballot.best[i] + ballot.add[i] != most:
            ballot.best[i] = INFEASIBLE


@inner_kernel
def nth_anywhere(
    cells: Cells, ballot: Ballot, choice: Choice, count: int, counter: int
) -> int:
    """Return the position of the node taken, of the best cells."""
    tied = np.int64(0)
    for i in range(count):
        for chunk in range(cells.chunk_top.shape[1]):
            if cells.chunk_top[ballot.live[i], chunk] == ballot.best[i]:
                tied += cells.chunk_tied[ballot.live[i], chunk]
    left = np.int64(which(choice, counter, tied))
    for chunk in range(cells.chunk_top.shape[1]):
        here = np.int64(0)
        for i in range(count):
            if cells.chunk_top[ballot.live[i], chunk] == ballot.best[i]:
                here += cells.chunk_tied[ballot.live[i], chunk]
        if left >= here:
            left -= here
            continue
        low = chunk * BLOCK
        for block in range(low, min(low + BLOCK, cells.top.shape[1])):
            word = np.int64(best_word(cells, ballot, count, block))
            here = np.int64(ones(word))
            if left < here:
                return int(block * BLOCK + nth(word, left))
            left -= here
    return NO_NODE


@inner_kernel
def best_word(cells: Cells, ballot: Ballot, count: int, block: int) -> int:
    """Return the nodes of a block that have the greatest total of all."""
    word = np.int64(0)
    for i in range(count):
        if cells.top[ballot.live[i], block] == ballot.best[i]:
            word |= cells.tied[ballot.live[i], block]
    return int(word)


@inner_kernel
def first_anywhere(
    cells: Cells, ballot: Ballot, count: int, slot: NDArray[np.int32]
) -> int:
    """Return the position of the lowest slot of the best cells."""
    place = np.int64(NO_NODE)
    for block in range(cells.top.shape[1]):
        word = np.int64(best_word(cells, ballot, count, block))
        while word != 0:
            here = np.int64(block * BLOCK + lowest(word))
            if place == NO_NODE or slot[here] < slot[place]:
                place = here
            word &= word - 1
    return int(place)

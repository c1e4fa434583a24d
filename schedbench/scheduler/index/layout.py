"""The arrays of the index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.jit import by_reference

BLOCK = 64
"""Nodes in a block, and blocks in a chunk."""
INFEASIBLE = -(2**63)
"""The greatest total of no nodes."""
NOWHERE = -1
"""The cell of a node that a filter rejects."""
NOT_INDEXED, FREE, STALE = -1, -1, -1

OF_TAINTS, OF_NODE_AFFINITY, OF_INTER_POD, OF_SPREAD = range(4)
"""The scores whose normalizers compare nodes, in `Rows.weight`."""
GROUP, TAINTS, NODE_AFFINITY, INTER_POD, REQUIRED, COUNTS = range(6)
"""The features of a cell; from `COUNTS` on, one a spread constraint by node."""
NO_LABEL = -1
"""The count of a spread constraint on a node without the label."""

FAN, LEVELS = 16, 3
"""Of a team: so many nodes make an item of level 1, so many items one of the next."""
NO_TEAM = -1
REJECTED, LEAST = 0, 1
"""The points of a node that a filter rejects, and the least of another."""
WIDTH, STATIC_ROW, ASKS = range(3)
POINTS = 3
"""In `Teams.shape`: where the points of the nodes begin, then those of each level."""
TIED = POINTS + LEVELS
"""`TIED + level`: where the numbers of tied nodes begin; those of level 1 are bytes."""


@by_reference
class Plan(NamedTuple):
    """What the index needs to know of C classes, D keys, and N nodes.

    Attributes
    ----------
    alike : int32[C]
        The first class that is decided by the same rules; the index knows it only.
    able : uint8[C]
        1 for the classes that may be in the index.
    coupled : uint8[C]
        1 for those whose nodes are in more than one cell.
    narrow : uint8[D]
        1 for the topology keys by which every node is a domain of its own.
    grouping : int32[C]
        Which partition of the nodes the class's other keys make.
    group : int32[U, N], delegate : int32[U, N]
        The group of each node in each partition, and one node of each group.
    place : int32[N], slot : int32[N]
        The position of each node in node order, and the node of each position.
    """

    alike: NDArray[np.int32]
    able: NDArray[np.uint8]
    coupled: NDArray[np.uint8]
    narrow: NDArray[np.uint8]
    grouping: NDArray[np.int32]
    group: NDArray[np.int32]
    delegate: NDArray[np.int32]
    place: NDArray[np.int32]
    slot: NDArray[np.int32]


@by_reference
class Rows(NamedTuple):
    """What S classes remember of N nodes; T rows, the first, have many cells.

    Attributes
    ----------
    holder : int32[S]
        The class of each row, or `FREE`.
    used : int64[S]
        How much of the log there was when the row was used last.
    seen : int64[S]
        How much of the log the row knows of; `STALE` if nothing.
    total : int64[S, N], cell : int32[S, N]
        The total and the cell, or `NOWHERE`, of the node of each position.
    scores : int32[S, K], score_count : int64[S], constant : int64[S]
        The scores that look at one node only, and the sum of those that are the same
        on all nodes.
    weight : int64[S, 4]
        The weights of the scores that are normalized; 0 for those left out.
    simple : uint8[S]
        1 where `fused.rate` tells verdict and scores of a node.
    first, room, cells : int64[S]
        The first cell of each row, for how many there is room, and how many there are.
    table : int32[T, H]
        The cells of a row by the hash of their features, or −1.
    """

    holder: NDArray[np.int32]
    used: NDArray[np.int64]
    seen: NDArray[np.int64]
    total: NDArray[np.int64]
    cell: NDArray[np.int32]
    scores: NDArray[np.int32]
    score_count: NDArray[np.int64]
    constant: NDArray[np.int64]
    weight: NDArray[np.int64]
    simple: NDArray[np.uint8]
    first: NDArray[np.int64]
    room: NDArray[np.int64]
    cells: NDArray[np.int64]
    table: NDArray[np.int32]


@by_reference
class Cells(NamedTuple):
    """Q cells over B blocks and G chunks of nodes.

    Attributes
    ----------
    size : int64[Q]
        How many nodes are in the cell.
    feature : int64[Q, F]
        What is the same for all of them.
    member : int64[Q, B], tied : int64[Q, B]
        A word for the nodes of each block that are in the cell, and for those of them
        that have the greatest total.
    top : int64[Q, B]
        That total; `INFEASIBLE` if there are none.
    chunk_top : int64[Q, G], chunk_tied : int64[Q, G]
        The greatest total of each chunk, and how many nodes have it.
    """

    size: NDArray[np.int64]
    feature: NDArray[np.int64]
    member: NDArray[np.int64]
    tied: NDArray[np.int64]
    top: NDArray[np.int64]
    chunk_top: NDArray[np.int64]
    chunk_tied: NDArray[np.int64]


@by_reference
class Work(NamedTuple):
    """What a class writes while it catches up.

    Attributes
    ----------
    nodes : int64[E]
        The nodes that are evaluated side by side.
    reason : int16[E]
        Why static filters reject them; 0 = they do not.
    gathered
        Their columns; no domains.
    bad, total, score, helper : int64[E], points : int32[E]
        As in `Scratch`.
    mark : int64[N], turn : int64[1]
        The turn in which each node was evaluated last.
    feature : int64[F]
        Those of one node.
    """

    nodes: NDArray[np.int64]
    reason: NDArray[np.int16]
    gathered: ClusterState
    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    score: NDArray[np.int64]
    helper: NDArray[np.int64]
    points: NDArray[np.int32]
    mark: NDArray[np.int64]
    turn: NDArray[np.int64]
    feature: NDArray[np.int64]


@by_reference
class Ballot(NamedTuple):
    """What a decision writes of the cells between which it chooses.

    Attributes
    ----------
    live, inside, best, add, raw : int64[L]
        The cells that are feasible; how many of their nodes may be taken, the greatest
        total of these, what is added to it, and a score of the cell.
    stamp : int64[V], turn : int64[1]
        The turn in which each domain of a key was seen last.
    spread_weight : float64[X]
        The weights of a class's soft constraints.
    word : int64[B + 2]
        The tied nodes of the blocks of a window.
    """

    live: NDArray[np.int64]
    inside: NDArray[np.int64]
    best: NDArray[np.int64]
    add: NDArray[np.int64]
    raw: NDArray[np.int64]
    stamp: NDArray[np.int64]
    turn: NDArray[np.int64]
    spread_weight: NDArray[np.float64]
    word: NDArray[np.int64]


@by_reference
class Teams(NamedTuple):
    """T teams of classes that look at a changed node together: Y columns.

    Attributes
    ----------
    place : int32[C, 2]
        The team of each class, or `NO_TEAM`, and its column there.
    shape : int64[T, TIED + LEVELS + 1]
        How many columns a team has, the row of its classes in the static tables, its
        first column in `asks`, and where in `points` or `tied` its parts begin.
    seen : int64[T]
        How much of the log each team knows of; `STALE` if nothing.
    asks : float64[7, Y]
        Of each class: the requests of cpu and memory, the same with upstream's defaults
        for absent requests, and what must be free of cpu, memory and pods.
    points : uint8[]
        The points of each node, or `REJECTED`; of each item of a level, the greatest
        points; of those of level 1, how many nodes have them. One a column, columns
        side by side.
    tied : int16[]
        How many nodes have the greatest points of the items of the other levels.
    """

    place: NDArray[np.int32]
    shape: NDArray[np.int64]
    seen: NDArray[np.int64]
    asks: NDArray[np.float64]
    points: NDArray[np.uint8]
    tied: NDArray[np.int16]


@by_reference
class Index(NamedTuple):
    """The memory of a session's classes.

    Attributes
    ----------
    row : int32[C]
        The row of each class, or `NOT_INDEXED`.
    asked : int64[C]
        How much of the log there was when a class without a row was decided last.
    log : int32[M], changes : int64[1]
        A ring of the nodes that changed, and how many changes there were. A class that
        is further behind than M begins anew.
    plan, rows, cells, work, ballot, teams
        See there.
    """

    row: NDArray[np.int32]
    asked: NDArray[np.int64]
    log: NDArray[np.int32]
    changes: NDArray[np.int64]
    plan: Plan
    rows: Rows
    cells: Cells
    work: Work
    ballot: Ballot
    teams: Teams

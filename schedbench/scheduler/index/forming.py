"""Which classes form teams: those that are decided in turns and look at little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    CPU,
    EPHEMERAL_STORAGE,
    MEMORY,
    PODS,
    PodClasses,
)
from schedbench.objects.workload import PodStream
from schedbench.plugins.base import ScoreColumns, ScoreKind
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.index.layout import (
    ASKS,
    FAN,
    LEVELS,
    NO_TEAM,
    POINTS,
    REJECTED,
    STALE,
    STATIC_ROW,
    TIED,
    WIDTH,
    Teams,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES
from schedbench.scheduler.session import Session

LANES, MOST_COLUMNS = 32, 128
"""A team's columns are a multiple of the one, and not more than the other."""
MOST_BYTES = 128 * 2**20
ALONE, SCANNED, ANEW = 47.0, 2.0, 3.0
"""Nanoseconds for a class to look at a changed node by itself, to scan a node, and for
a team to begin anew, a node and column (measured)."""
TOGETHER, COLUMN = 100.0, 4.0
"""Nanoseconds for a team to look at a changed node, and more for each column."""
FREE = -(2.0**62)
"""What must be free of a resource that need not fit."""


def form_teams(
    session: Session,
    alike: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    pods: PodStream,
    remembered: int,
) -> Teams:
    """Return the teams that save time for pods that come in this order.

    Parameters
    ----------
    alike : int32[C]
        The first class that is decided by the same rules as each.
    wanted : bool[C]
        The classes that may be in a team.
    remembered
        The changes that the log holds: a team that is further behind begins anew.
    """
    compiled, nodes = session.compiled, len(session.nodes)
    decided = np.flatnonzero(pods.node < 0)
    of = alike[session.encoded.class_of[decided]].astype(np.int64)
    leave = np.isfinite(pods.duration) | np.isfinite(pods.deletion)
    changes = 1 + np.count_nonzero(leave) / max(len(pods), 1)
    able = wanted & plain_classes(compiled) & (alike == np.arange(len(alike)))
    alone = _spent(of, decided, len(alike), changes * ALONE, nodes * SCANNED)
    groups: list[NDArray[np.int64]] = []
    room = MOST_BYTES
    for group in _groups(of, able, compiled.classes.static_row):
        width = -(-len(group) // LANES) * LANES
        begin = nodes * width * ANEW
        inside = np.isin(of, group)
        one = np.zeros(np.count_nonzero(inside), dtype=np.int64)
        each = TOGETHER + COLUMN * width
        together = _spent(
            one, decided[inside], 1, changes * each, begin, remembered / changes
        ).sum()
        size = _bytes(nodes, width)
        if together + begin < alone[group].sum() and size <= room:
            groups.append(group)
            room -= size
    return make_teams(groups, compiled, nodes)


def plain_classes(compiled: Compiled) -> NDArray[np.bool_]:
    """Return the classes that `teams.rate_together` decides on, bool[C].

    Those of which the nodes differ in the default scores of cpu and memory alone, and
    are short of nothing but these and pods.
    """
    classes, columns = compiled.classes, compiled.columns
    found = _asks_for_little(compiled) & ~_has_terms(classes)
    if compiled.sampling.percentage < ALL_NODES or compiled.choice.tie == Tie.NEXT:
        return ~np.ones_like(found)
    if len(compiled.sampling.narrows):
        found &= compiled.sampling.narrows == 0
    static, row = compiled.static, compiled.classes.static_row
    times = {ScoreKind.LEAST_ALLOCATED: 0, ScoreKind.BALANCED_ALLOCATION: 0}
    for k, kind in enumerate(map(ScoreKind, columns.kind.tolist())):
        if kind in times:
            times[kind] += 1
            if columns.weight[k] != 1 or not _is_cpu_and_memory(columns, k):
                return ~np.ones_like(found)
        elif kind <= ScoreKind.NODE_AFFINITY:
            found &= (static.skip[kind, row] != 0) | (static.scored[kind, row] == 0)
        elif kind == ScoreKind.IMAGE_LOCALITY:
            found &= static.image_scored[static.image_row] == 0
        elif kind not in {ScoreKind.INTER_POD_AFFINITY, ScoreKind.POD_TOPOLOGY_SPREAD}:
            return ~np.ones_like(found)
    if set(times.values()) != {1}:
        return ~np.ones_like(found)
    asks = (classes.request[:, [CPU, MEMORY]] > 0).any(axis=1)
    return np.asarray(found & asks)


def _has_terms(classes: PodClasses) -> NDArray[np.bool_]:
    """Return the classes that look at pods elsewhere in a topology domain."""
    terms, spread = classes.inter_pod, classes.spread
    lists = (
        spread.hard.start,
        spread.soft.start,
        terms.affinity.start,
        terms.own_anti.start,
        terms.existing_anti.start,
        terms.scored.start,
    )
    return np.asarray(np.any([np.diff(start) > 0 for start in lists], axis=0))


def _asks_for_little(compiled: Compiled) -> NDArray[np.bool_]:
    """Return the classes whose filters look at a node's cpu, memory and pods only."""
    classes, switches = compiled.classes, compiled.switches
    found = np.full(len(classes.static_row), switches.resources)
    if switches.ports:
        found &= np.diff(classes.conflict_start) == 0
    if switches.gpus:
        found &= classes.gpu_count == 0
    other = (classes.fit_rows == EPHEMERAL_STORAGE) | (classes.fit_rows > PODS)
    owner = np.repeat(np.arange(len(found)), np.diff(classes.fit_start))
    found[owner[other]] = False
    return found


def _is_cpu_and_memory(columns: ScoreColumns, k: int) -> bool:
    rows, weights = columns.rows[k], columns.row_weight[k]
    if columns.row_count[k] != 2 or weights[0] != weights[1]:
        return False
    return bool(rows[0] == CPU and rows[1] == MEMORY)


def _spent(
    of: NDArray[np.int64],
    position: NDArray[np.int64],
    count: int,
    change: float,
    most: float,
    longest: float = np.inf,
) -> NDArray[np.float64]:
    """Return what each of some owners spends on changes between its decisions.

    Parameters
    ----------
    of, position
        The owner of each decision, and how many pods came before.
    change, most
        What a change costs, and the most that a decision does.
    longest
        After more pods than that a decision costs the most.
    """
    # Of 16 bits and less, numpy sorts a million in 8 ms; of 64 bits in 80 ms.
    order = np.argsort(of.astype(np.min_scalar_type(count)), kind="stable")
    owner = of[order]
    gap = np.diff(position[order])
    cost = np.where(gap > longest, most, np.minimum(gap * change, most))
    again = owner[1:] == owner[:-1]
    spent = np.bincount(owner[1:][again], weights=cost[again], minlength=count)
    return spent.astype(np.float64)


def _groups(
    of: NDArray[np.int64], able: NDArray[np.bool_], static_row: NDArray[np.int32]
) -> list[NDArray[np.int64]]:
    """Return able classes of one static row, in the order in which they come."""
    classes, first = np.unique(of, return_index=True)
    coming = classes[np.argsort(first)]
    coming = coming[able[coming]].astype(np.int64)
    groups = []
    for row in np.unique(static_row[coming]):
        alike = coming[static_row[coming] == row]
        parts = -(-len(alike) // MOST_COLUMNS)
        groups += np.array_split(alike, parts)
    return groups


def _items(nodes: int) -> list[int]:
    """Return of how many nodes, then items of each level, a team has room for points.

    What lies above looks at whole items.
    """
    items = [nodes]
    for _ in range(LEVELS):
        items.append(-(-items[-1] // FAN))
    return [FAN * above for above in items[1:]] + items[-1:]


def _bytes(nodes: int, width: int) -> int:
    nodes, first, *others = _items(nodes)
    return width * (nodes + 2 * first + 3 * sum(others))


def make_teams(
    groups: Sequence[NDArray[np.int64]], compiled: Compiled, nodes: int
) -> Teams:
    """Return the teams of some groups of plain classes, each of one static row."""
    classes, items = compiled.classes, np.array(_items(nodes))
    place = np.full((len(classes.static_row), 2), NO_TEAM, dtype=np.int32)
    shape = np.zeros((len(groups), TIED + LEVELS + 1), dtype=np.int64)
    asks, column, byte, number = [], 0, 0, 0
    for team, group in enumerate(groups):
        place[group, 0], place[group, 1] = team, np.arange(len(group))
        width = -(-len(group) // LANES) * LANES
        shape[team, [WIDTH, STATIC_ROW, ASKS]] = (
            width,
            classes.static_row[group[0]],
            column,
        )
        bytewise = byte + np.cumsum([0, *(width * items), width * items[1]])
        wide = number + np.cumsum([0, *(width * items[2:])])
        shape[team, POINTS : TIED + 2] = bytewise[:-1]
        shape[team, TIED + 2 :] = wide[:-1]
        column, byte, number = column + width, int(bytewise[-1]), int(wide[-1])
        asks.append(np.zeros((7, width)))
        asks[-1][:, : len(group)] = _asks(classes, group)
    return Teams(
        place=place,
        shape=shape,
        seen=np.full(len(groups), STALE, dtype=np.int64),
        asks=np.concatenate(asks, axis=1) if asks else np.zeros((7, 0)),
        points=np.full(byte, REJECTED, dtype=np.uint8),
        tied=np.zeros(number, dtype=np.int16),
    )


def _asks(classes: PodClasses, group: NDArray[np.int64]) -> NDArray[np.float64]:
    must_fit = np.full((3, len(group)), FREE)
    for at, pod_class in enumerate(group):
        first, last = classes.fit_start[pod_class : pod_class + 2]
        for nth, row in enumerate((CPU, MEMORY, PODS)):
            if row in classes.fit_rows[first:last]:
                must_fit[nth, at] = classes.request[pod_class, row]
    both = [CPU, MEMORY]
    needs = classes.request[group][:, both].T, classes.nonzero[group].T
    return np.concatenate([*needs, must_fit])

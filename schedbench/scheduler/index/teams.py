"""Classes that come in turns look at a changed node together.

Each decision changes one node, and each class looks at it before its next decision.
Alone a class takes 47 ns for that, most of it to wait for memory. In a team all of them
do it at once: their points of the node stand side by side, their requests too, and so
do the greatest points of 16 nodes, of 256 and of 4,096. 64 classes take 300 ns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, MEMORY, PODS, ClusterState
from schedbench.jit import array_kernel, inner_kernel
from schedbench.plugins.arithmetic import NARROW
from schedbench.plugins.node_resources_balanced_allocation import balance_of_two
from schedbench.plugins.node_resources_fit import least_of_two
from schedbench.scheduler.cycle import Choice, Compiled
from schedbench.scheduler.index.choose import NO_NODE, which
from schedbench.scheduler.index.layout import (
    ASKS,
    FAN,
    LEAST,
    LEVELS,
    NO_TEAM,
    POINTS,
    REJECTED,
    STALE,
    STATIC_ROW,
    TIED,
    WIDTH,
    Index,
    Teams,
)


@inner_kernel
def decide_in_team(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, counter: int
) -> int:
    """Return the node that a scan would take; −1 if none is feasible or known."""
    teams = index.teams
    team, column = np.int64(teams.place[pod_class, 0]), teams.place[pod_class, 1]
    if not catch_up(state, compiled.static.reason, index, team):
        disband(teams, team)
        return NO_NODE
    nodes = state.alive.size
    return int(choose_alike(teams, team, column, nodes, compiled.choice, counter))


@inner_kernel
def catch_up(
    state: ClusterState, reasons: NDArray[np.int16], index: Index, team: int
) -> bool:
    """Let a team know all nodes; return False if one has too much of a resource.

    `reasons` are those of the static filters, of all rows and nodes.
    """
    teams, log = index.teams, index.log
    mark, turn = index.work.mark, index.work.turn
    at, end = teams.seen[team], index.changes[0]
    if at == end:
        return True
    anew = at == STALE or end - at > log.size
    if anew:
        at, end = np.int64(0), np.int64(state.alive.size)
    turn[0] += 1
    entry = at % log.size
    while at < end:
        node = at if anew else np.int64(log[entry])
        at += 1
        entry = entry + 1 if entry + 1 < log.size else 0
        if mark[node] == turn[0]:
            continue
        mark[node] = turn[0]
        if not rate_node(state, reasons, teams, team, node):
            return False
        if not anew:
            item = node
            for level in range(1, LEVELS + 1):
                item //= FAN
                compare(teams, team, level, item)
    if anew:
        items = end
        for level in range(1, LEVELS + 1):
            items = (items + FAN - 1) // FAN
            for item in range(items):
                compare(teams, team, level, item)
    teams.seen[team] = index.changes[0]
    return True


@inner_kernel
def rate_node(
    state: ClusterState,
    reasons: NDArray[np.int16],
    teams: Teams,
    team: int,
    node: int,
) -> bool:
    """Write a team's points of a node; return False if it has too much of a resource.

    The amounts are below 2**53, or so far above what there is that rounding them
    changes nothing.
    """
    width, column = teams.shape[team, WIDTH], teams.shape[team, ASKS]
    first = teams.shape[team, POINTS] + node * width
    points = teams.points[first : first + width]
    if not state.alive[node] or reasons[teams.shape[team, STATIC_ROW], node] > 0:
        points[:] = REJECTED
        return True
    capacity_1 = state.allocatable[CPU, node]
    capacity_2 = state.allocatable[MEMORY, node]
    if capacity_1 | capacity_2 >= NARROW:
        return False
    requested_1, requested_2 = state.requested[CPU, node], state.requested[MEMORY, node]
    rate_together(
        np.float64(capacity_1),
        np.float64(capacity_2),
        np.float64(requested_1),
        np.float64(requested_2),
        np.float64(state.nonzero[CPU, node]),
        np.float64(state.nonzero[MEMORY, node]),
        np.float64(capacity_1 - requested_1),
        np.float64(capacity_2 - requested_2),
        np.float64(state.allocatable[PODS, node] - state.requested[PODS, node]),
        teams.asks[:, column : column + width],
        points,
    )
    return True


@array_kernel
def rate_together(
    capacity_1: float,
    capacity_2: float,
    requested_1: float,
    requested_2: float,
    nonzero_1: float,
    nonzero_2: float,
    free_1: float,
    free_2: float,
    free_pods: float,
    asks: NDArray[np.float64],
    points: NDArray[np.uint8],
) -> None:
    """Write LeastAllocated + BalancedAllocation of a node by each of some classes."""
    request_1, request_2, default_1, default_2 = asks[0], asks[1], asks[2], asks[3]
    fit_1, fit_2, one = asks[4], asks[5], asks[6]
    for i in range(points.size):
        total = least_of_two(
            capacity_1, nonzero_1 + default_1[i], capacity_2, nonzero_2 + default_2[i]
        )
        total += balance_of_two(
            capacity_1, requested_1 + request_1[i],
            capacity_2, requested_2 + request_2[i],
        )  # fmt: skip
        fits = (free_1 >= fit_1[i]) & (free_2 >= fit_2[i]) & (free_pods >= one[i])
        points[i] = np.uint8(total + LEAST) if fits else np.uint8(REJECTED)


@inner_kernel
def compare(teams: Teams, team: int, level: int, item: int) -> None:
    """Write the greatest points of an item of a level, and how many nodes have them."""
    width, shape = teams.shape[team, WIDTH], teams.shape[team]
    below = shape[POINTS + level - 1] + item * FAN * width
    here = shape[POINTS + level] + item * width
    points = teams.points[below : below + FAN * width]
    greatest = teams.points[here : here + width]
    here = shape[TIED + level] + item * width
    below = shape[TIED + level - 1] + item * FAN * width
    if level == 1:
        compare_nodes(points, greatest, teams.points[here : here + width])
    elif level == 2:
        times = teams.points[below : below + FAN * width]
        compare_items(points, times, greatest, teams.tied[here : here + width])
    else:
        more = teams.tied[below : below + FAN * width]
        compare_items(points, more, greatest, teams.tied[here : here + width])


@array_kernel
def compare_nodes(
    points: NDArray[np.uint8], greatest: NDArray[np.uint8], tied: NDArray[np.uint8]
) -> None:
    """Find the greatest of 16 nodes' points by each class, and how many have it."""
    width = greatest.size
    for i in range(width):
        most = points[i]
        for node in range(1, FAN):
            most = max(most, points[node * width + i])
        count = np.uint8(0)
        for node in range(FAN):
            count = np.uint8(count + np.uint8(points[node * width + i] == most))
        greatest[i] = most
        tied[i] = count


@array_kernel
def compare_items(
    points: NDArray[np.uint8],
    times: NDArray[Any],
    greatest: NDArray[np.uint8],
    tied: NDArray[np.int16],
) -> None:
    """Find the greatest points of 16 items by each class; count the nodes there."""
    width = greatest.size
    for i in range(width):
        most = points[i]
        for item in range(1, FAN):
            most = max(most, points[item * width + i])
        count = np.int16(0)
        for item in range(FAN):
            here = item * width + i
            more = np.int16(times[here]) if points[here] == most else np.int16(0)
            count = np.int16(count + more)
        greatest[i] = most
        tied[i] = count


@inner_kernel
def choose_alike(
    teams: Teams, team: int, column: int, nodes: int, choice: Choice, counter: int
) -> int:
    """Return the node that a scan of all nodes would take; −1 if none is feasible."""
    points, shape = teams.points, teams.shape[team]
    width = shape[WIDTH]
    items = (nodes + FAN**LEVELS - 1) // FAN**LEVELS
    most, tied = np.int64(REJECTED), np.int64(0)
    for item in range(items):
        here = np.int64(points[shape[POINTS + LEVELS] + item * width + column])
        if here > most:
            most, tied = here, np.int64(0)
        if here == most:
            tied += teams.tied[shape[TIED + LEVELS] + item * width + column]
    if most == REJECTED:
        return NO_NODE
    left = np.int64(which(choice, counter, tied))
    at = np.int64(0)
    for step in range(LEVELS):
        level = LEVELS - step
        greatest, times = shape[POINTS + level] + column, shape[TIED + level] + column
        while True:
            if points[greatest + at * width] == most:
                here = times + at * width
                many = np.int64(points[here] if level == 1 else teams.tied[here])
                if left < many:
                    break
                left -= many
            at += 1
        at *= FAN
    first = shape[POINTS] + column
    while points[first + at * width] != most or left > 0:
        left -= points[first + at * width] == most
        at += 1
    return int(at)


@inner_kernel
def disband(teams: Teams, team: int) -> None:
    """Let the classes of a team go their own ways."""
    for pod_class in range(teams.place.shape[0]):
        if teams.place[pod_class, 0] == team:
            teams.place[pod_class, 0] = NO_TEAM

"""Members of a pod group are placed one after the other, compiled.

Of each class the total of every node is kept, and a log of the nodes that changed, as
in the index; but the best node is sought among the nodes of a place, and what was
tried there is taken back before the next place is tried. Only for classes whose
verdicts and scores are of single nodes (`alone`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import bind
from schedbench.jit import by_reference, inner_kernel, kernel
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.score import (
    Scratch,
    add_weighted,
    constant_score,
    is_constant,
    node_score,
    skips,
)
from schedbench.scheduler.select import draw

INFEASIBLE = -(2**63)
NEVER = -1


@by_reference
class Totals(NamedTuple):
    """What S classes know of N nodes.

    Attributes
    ----------
    row : int32[C]
        The row of each class, or `NEVER`.
    total : int64[S, N]
        The total of each node; `INFEASIBLE` where a filter rejects it.
    seen : int64[S]
        How much of the log each class has looked at; `NEVER` before it was rated.
    failed : int64[S]
        After how many changes a class fitted nowhere in the place at hand.
    log : int32[M], changes : int64[1]
        A ring of the nodes that changed, and how many changes there were.
    scratch : Scratch
        For N nodes.
    """

    row: NDArray[np.int32]
    total: NDArray[np.int64]
    seen: NDArray[np.int64]
    failed: NDArray[np.int64]
    log: NDArray[np.int32]
    changes: NDArray[np.int64]
    scratch: Scratch


@by_reference
class Batch(NamedTuple):
    """Members in the order in which they are tried: class, number of the draw."""

    pod_class: NDArray[np.int32]
    counter: NDArray[np.int64]


@by_reference
class Places(NamedTuple):
    """Sets of nodes in node order, that of place p at `nodes[start[p]:start[p + 1]]`.

    A place without nodes is the whole cluster.
    """

    nodes: NDArray[np.int64]
    start: NDArray[np.int64]


@by_reference
class Trials(NamedTuple):
    """What came of trying members on each of P places.

    Attributes
    ----------
    slots : int64[P, members]
        Their nodes, −1 for those that fit nowhere.
    tried, placed : int64[P]
        How many members were tried until the group was lost, and how many fitted.
    filled : int64[P]
        How full the nodes would be, from 0 to 100; −1 if the group was lost.
    """

    slots: NDArray[np.int64]
    tried: NDArray[np.int64]
    placed: NDArray[np.int64]
    filled: NDArray[np.int64]


@kernel
def try_places(
    state: ClusterState,
    compiled: Compiled,
    totals: Totals,
    places: Places,
    batch: Batch,
    spare: int,
    weights: NDArray[np.int64],
    trials: Trials,
) -> None:
    """Try members on each place, and take them back again.

    Parameters
    ----------
    spare
        How many members may fit nowhere before the group is lost.
    weights : int64[R]
        Those of the resources by which nodes are full.
    """
    for place in range(places.start.size - 1):
        nodes = places.nodes[places.start[place] : places.start[place + 1]]
        slots = trials.slots[place]
        forget_failures(totals, batch)
        tried = np.int64(
            place_members(state, compiled, totals, nodes, batch, 0, spare, False, slots)
        )
        placed = np.int64(0)
        for member in range(tried):
            placed += np.int64(slots[member] >= 0)
        lost = tried - placed > spare
        trials.tried[place] = tried
        trials.placed[place] = placed
        trials.filled[place] = -1 if lost else fullness(state, nodes, weights)
        shift_members(
            state, compiled.classes, totals, batch.pod_class[:tried], slots, -1
        )


@kernel
def place_members(
    state: ClusterState,
    compiled: Compiled,
    totals: Totals,
    nodes: NDArray[np.int64],
    batch: Batch,
    first: int,
    spare: int,
    tells: bool,
    slots: NDArray[np.int64],
) -> int:
    """Put members from `first` on where each fits best; return which is to be next.

    It ends early with one that fits nowhere, if more than `spare` do, or, if that is
    to be told, after the first for which it is not known yet (`Totals.failed`).
    """
    choice = compiled.choice
    refused = 0
    for member in range(first, batch.pod_class.size):
        pod_class = np.int64(batch.pod_class[member])
        row = np.int64(totals.row[pod_class])
        known = totals.failed[row] == totals.changes[0]
        node = np.int64(-1)
        if not known:
            catch_up(state, compiled, totals, pod_class, row)
            node = np.int64(
                best_of(
                    totals.total[row],
                    nodes,
                    choice.tie,
                    choice.key,
                    batch.counter[member],
                )
            )
        slots[member] = node
        if node >= 0:
            bind(state, compiled.classes, pod_class, node, 0, 1)
            note(totals, node)
            continue
        refused += 1
        if refused > spare or (tells and not known):
            return member + 1
        totals.failed[row] = totals.changes[0]
    return int(batch.pod_class.size)


@kernel
def shift_members(
    state: ClusterState,
    classes: PodClasses,
    totals: Totals,
    pod_class: NDArray[np.int32],
    slots: NDArray[np.int64],
    sign: int,
) -> None:
    """Let members come to their nodes (`sign` 1) or go (−1); slot −1 is none."""
    for member in range(pod_class.size):
        if slots[member] >= 0:
            bind(state, classes, np.int64(pod_class[member]), slots[member], 0, sign)
            note(totals, slots[member])


@kernel
def all_pass(
    state: ClusterState,
    compiled: Compiled,
    pod_class: NDArray[np.int32],
    slots: NDArray[np.int64],
    bad: NDArray[np.int64],
) -> bool:
    """Return whether members pass on their nodes, each with those before it there.

    `bad` is scratch of one entry. Afterwards all is as before.
    """
    classes, passing = compiled.classes, 0
    for member in range(pod_class.size):
        own, node = np.int64(pod_class[member]), np.int64(slots[member])
        mark_infeasible(
            state, classes, compiled.static, compiled.switches, own, node, node + 1, bad
        )
        if bad[0] < 0:
            break
        bind(state, classes, own, node, 0, 1)
        passing += 1
    for member in range(passing):
        bind(state, classes, np.int64(pod_class[member]), slots[member], 0, -1)
    return passing == pod_class.size


@kernel
def forget_failures(totals: Totals, batch: Batch) -> None:
    """Let it be open again whether the classes fit anywhere, for another place."""
    for member in range(batch.pod_class.size):
        totals.failed[totals.row[batch.pod_class[member]]] = NEVER


@inner_kernel
def note(totals: Totals, node: int) -> None:
    """Note that pods came to a node or went."""
    totals.log[totals.changes[0] % totals.log.size] = node
    totals.changes[0] += 1


@inner_kernel
def catch_up(
    state: ClusterState, compiled: Compiled, totals: Totals, pod_class: int, row: int
) -> None:
    """Rate the nodes that changed since the class looked last, or all."""
    behind = totals.changes[0] - totals.seen[row]
    if totals.seen[row] == NEVER or behind > totals.log.size:
        rate(state, compiled, totals, pod_class, row, 0, totals.total.shape[1])
    else:
        for change in range(totals.seen[row], totals.changes[0]):
            node = np.int64(totals.log[change % totals.log.size])
            rate(state, compiled, totals, pod_class, row, node, node + 1)
    totals.seen[row] = totals.changes[0]


@kernel
def rate(
    state: ClusterState,
    compiled: Compiled,
    totals: Totals,
    pod_class: int,
    row: int,
    low: int,
    high: int,
) -> None:
    """Write the totals of the nodes `low` to `high` for a class."""
    classes, static, columns = compiled.classes, compiled.static, compiled.columns
    bad, score = totals.scratch.bad[low:high], totals.scratch.score[low:high]
    helper = totals.scratch.helper[low:high]
    total = totals.total[row, low:high]
    mark_infeasible(
        state, classes, static, compiled.switches, pod_class, low, high, bad
    )
    constant = 0
    for k in range(columns.kind.size):
        if is_constant(classes, static, columns, k, pod_class):
            constant += columns.weight[k] * constant_score(columns.kind[k])
    for i in range(total.size):
        total[i] = constant
    for k in range(columns.kind.size):
        if not (
            skips(state, classes, static, columns, k, pod_class)
            or is_constant(classes, static, columns, k, pod_class)
        ):
            node_score(
                state, classes, static, columns, k, pod_class, low, high, score, helper
            )
            add_weighted(total, columns.weight[k], score)
    for i in range(total.size):
        if bad[i] < 0:
            total[i] = INFEASIBLE


@kernel
def best_of(
    total: NDArray[np.int64], nodes: NDArray[np.int64], tie: int, key: int, counter: int
) -> int:
    """Return the feasible node of greatest total among some, −1 if none.

    Ties as `select_node` settles them, but for `NEXT`.
    """
    if nodes.size == 0:
        return int(best_of_all(total, tie, key, counter))
    most, tied = np.int64(INFEASIBLE), 0
    for i in range(nodes.size):
        here = total[nodes[i]]
        if here > most:
            most, tied = here, 1
        elif here == most:
            tied += 1
    if most == INFEASIBLE:
        return -1
    wanted = draw(key, counter, tied) if tie == Tie.RANDOM else 0
    for i in range(nodes.size):
        if total[nodes[i]] == most:
            if wanted == 0:
                return int(nodes[i])
            wanted -= 1
    return -1


@kernel
def best_of_all(total: NDArray[np.int64], tie: int, key: int, counter: int) -> int:
    """Return the feasible node of greatest total of the whole cluster, or −1."""
    most, tied = np.int64(INFEASIBLE), np.int64(0)
    for i in range(total.size):
        most = max(most, total[i])
    if most == INFEASIBLE:
        return -1
    for i in range(total.size):
        tied += np.int64(total[i] == most)
    wanted = draw(key, counter, tied) if tie == Tie.RANDOM else 0
    for i in range(total.size):
        if total[i] == most:
            if wanted == 0:
                return i
            wanted -= 1
    return -1


@kernel
def fullness(
    state: ClusterState, nodes: NDArray[np.int64], weights: NDArray[np.int64]
) -> int:
    """Return how full nodes are, as `most_allocated` does.

    The percentage is divided out digit by digit, so that sums up to 2**63 / 10 hold.
    """
    total, weight_sum = np.int64(0), np.int64(0)
    for row in range(weights.size):
        if weights[row] == 0:
            continue
        used, capacity = np.int64(0), np.int64(0)
        for i in range(nodes.size):
            used += state.requested[row, nodes[i]]
            capacity += state.allocatable[row, nodes[i]]
        if capacity > 0:
            used = min(used, capacity) * 10
            tens = used // capacity
            percent = tens * 10 + (used - tens * capacity) * 10 // capacity
            total += weights[row] * percent
            weight_sum += weights[row]
    return int(total // weight_sum) if weight_sum > 0 else 0

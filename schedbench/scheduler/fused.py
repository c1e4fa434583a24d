"""The default scores of a pod that asks for cpu and memory: one pass over the nodes.

Filters, LeastAllocated and BalancedAllocation of a node are computed together, eight
nodes at a time, in blocks whose points stay in the first cache. What the pass reads is
67 bytes a node; a decision takes 1.8 ns a node, by the cycle 3.9 ns (5,000 nodes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    CPU,
    EPHEMERAL_STORAGE,
    MEMORY,
    PODS,
    ClusterState,
    PodClasses,
    StaticTable,
)
from schedbench.jit import inner_kernel, kernel
from schedbench.plugins.arithmetic import NARROW
from schedbench.plugins.base import ScoreColumns, ScoreKind
from schedbench.plugins.node_resources_balanced_allocation import balance_of_two
from schedbench.plugins.node_resources_fit import is_cpu_and_memory, least_of_two
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.feasible import FilterSwitches, mark_infeasible
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES
from schedbench.scheduler.score import Scratch, is_constant, skips
from schedbench.scheduler.select import draw

BLOCK = 1024
NOT_PLAIN = -2
"""The class, or a node, needs more than this pass knows."""
_FEWER = 128
_REJECTED = -(2**31)
_NOTHING = -(2**62)


@kernel
def is_plain(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    switches: FilterSwitches,
    pod_class: int,
) -> bool:
    """Return whether the pass decides for a class what all the kernels decide.

    It does where nothing but cpu, memory and the number of pods can be short and the
    nodes differ in the two scores alone, each as upstream configures it.
    """
    if reads_terms(classes, pod_class) or not asks_for_little(
        classes, switches, pod_class
    ):
        return False
    least = balanced = 0
    for k in range(columns.kind.size):
        if is_constant(classes, static, columns, k, pod_class) or skips(
            state, classes, static, columns, k, pod_class
        ):
            continue
        if columns.weight[k] != 1 or not is_cpu_and_memory(columns, k):
            return False
        if columns.kind[k] == ScoreKind.LEAST_ALLOCATED:
            least += 1
        elif columns.kind[k] == ScoreKind.BALANCED_ALLOCATION:
            balanced += 1
        else:
            return False
    return least == 1 and balanced == 1


@kernel
def reads_terms(classes: PodClasses, pod_class: int) -> bool:
    """Return whether filters look at pods elsewhere in a topology domain."""
    after = pod_class + 1
    terms, hard = classes.inter_pod, classes.spread.hard
    return (
        hard.start[pod_class] != hard.start[after]
        or terms.affinity.start[pod_class] != terms.affinity.start[after]
        or terms.own_anti.start[pod_class] != terms.own_anti.start[after]
        or terms.existing_anti.start[pod_class] != terms.existing_anti.start[after]
    )


@kernel
def asks_for_little(
    classes: PodClasses, switches: FilterSwitches, pod_class: int
) -> bool:
    """Return whether a node's filters look at its cpu, memory and number of pods only.

    That is, of those that look at the pods on the node.
    """
    after = pod_class + 1
    if not switches.resources:
        return False
    if switches.ports and (
        classes.conflict_start[pod_class] != classes.conflict_start[after]
    ):
        return False
    if switches.gpus and classes.gpu_count[pod_class] != 0:
        return False
    for index in range(classes.fit_start[pod_class], classes.fit_start[after]):
        row = classes.fit_rows[index]
        if row == EPHEMERAL_STORAGE or row > PODS:
            return False
    return True


@kernel
def must_fit(classes: PodClasses, pod_class: int, row: int) -> int:
    """Return how much of a resource must be free: very little if it need not fit."""
    for index in range(classes.fit_start[pod_class], classes.fit_start[pod_class + 1]):
        if classes.fit_rows[index] == row:
            return classes.request[pod_class, row]
    return np.int64(_NOTHING)


@inner_kernel
def rate(
    state: ClusterState,
    classes: PodClasses,
    reasons: NDArray[np.int16],
    pod_class: int,
    low: int,
    high: int,
    points: NDArray[np.int32],
) -> bool:
    """Write LeastAllocated + BalancedAllocation of the nodes `low` to `high`.

    `reasons` are those of the static filters, of all nodes.

    Infeasible nodes get a very small number. The result says whether the points hold:
    they do not if a node has 2**45 or more of cpu or memory.
    """
    capacity_1 = state.allocatable[CPU, low:high]
    capacity_2 = state.allocatable[MEMORY, low:high]
    most_pods = state.allocatable[PODS, low:high]
    requested_1 = state.requested[CPU, low:high]
    requested_2 = state.requested[MEMORY, low:high]
    pods = state.requested[PODS, low:high]
    nonzero_1, nonzero_2 = state.nonzero[CPU, low:high], state.nonzero[MEMORY, low:high]
    alive = state.alive[low:high]
    reason = reasons[low:high]
    request_1 = classes.request[pod_class, CPU]
    request_2 = classes.request[pod_class, MEMORY]
    default_1 = classes.nonzero[pod_class, CPU]
    default_2 = classes.nonzero[pod_class, MEMORY]
    fit_1 = must_fit(classes, pod_class, np.int64(CPU))
    fit_2 = must_fit(classes, pod_class, np.int64(MEMORY))
    one = must_fit(classes, pod_class, np.int64(PODS))
    seen = np.int64(0)
    for i in range(points.size):
        first, second = capacity_1[i], capacity_2[i]
        seen |= first | second
        bad = np.int64(alive[i]) - 1 - np.int64(reason[i])
        bad |= most_pods[i] - pods[i] - one
        bad |= first - requested_1[i] - fit_1
        bad |= second - requested_2[i] - fit_2
        total = least_of_two(
            first, nonzero_1[i] + default_1, second, nonzero_2[i] + default_2
        )
        total += balance_of_two(
            first, requested_1[i] + request_1, second, requested_2[i] + request_2
        )
        points[i] = total if bad >= 0 else np.int64(_REJECTED)
    return bool(seen < NARROW)


@inner_kernel
def rate_one(
    state: ClusterState,
    classes: PodClasses,
    reasons: NDArray[np.int16],
    pod_class: int,
    node: int,
) -> int:
    """Return the points of one node as `rate` writes them; `NOT_PLAIN` if too large."""
    first, second = state.allocatable[CPU, node], state.allocatable[MEMORY, node]
    requested_1, requested_2 = state.requested[CPU, node], state.requested[MEMORY, node]
    if first | second >= NARROW:
        return NOT_PLAIN
    bad = np.int64(state.alive[node]) - 1 - np.int64(reasons[node])
    for index in range(classes.fit_start[pod_class], classes.fit_start[pod_class + 1]):
        row = classes.fit_rows[index]
        request = classes.request[pod_class, row]
        bad |= state.allocatable[row, node] - state.requested[row, node] - request
    if bad < 0:
        return _REJECTED
    total = least_of_two(
        first, state.nonzero[CPU, node] + classes.nonzero[pod_class, CPU],
        second, state.nonzero[MEMORY, node] + classes.nonzero[pod_class, MEMORY],
    )  # fmt: skip
    total += balance_of_two(
        first, requested_1 + classes.request[pod_class, CPU],
        second, requested_2 + classes.request[pod_class, MEMORY],
    )  # fmt: skip
    return int(total)


@kernel
def scan(
    state: ClusterState,
    compiled: Compiled,
    pod_class: int,
    counter: int,
    cursor: int,
    scratch: Scratch,
) -> int:
    """Return the node of a pod of a plain class as `schedule_one` does; −1 if none.

    Other classes, profiles that sample, and very large nodes get `NOT_PLAIN`. Only
    where no node is feasible, `scratch.bad` tells the verdicts.
    """
    classes, static = compiled.classes, compiled.static
    switches, choice = compiled.switches, compiled.choice
    sampling = compiled.sampling
    if sampling.percentage < ALL_NODES or (
        sampling.order.size > 0 and sampling.narrows[pod_class]
    ):
        return NOT_PLAIN
    if not is_plain(state, classes, static, compiled.columns, switches, pod_class):
        return NOT_PLAIN
    sampling.evaluated[0] = sampling.listed[0]
    points = scratch.points
    reasons = static.reason[classes.static_row[pod_class]]
    most, tied = np.int64(_REJECTED), np.int64(0)
    for low in range(0, points.size, BLOCK):
        high = min(low + BLOCK, points.size)
        block = points[low:high]
        if not rate(state, classes, reasons, pod_class, low, high, block):
            return NOT_PLAIN
        top = greatest(block)
        if top > most:
            most, tied = top, np.int64(0)
        if top == most:
            tied += occurrences(block, np.int32(most))
    if most == _REJECTED:
        mark_infeasible(
            state, classes, static, switches, pod_class,
            np.int64(0), points.size, scratch.bad,
        )  # fmt: skip
        return -1
    wanted = draw(choice.key, counter, tied) if choice.tie == Tie.RANDOM else 0
    if choice.tie == Tie.NEXT:
        node = nth(points[cursor:], np.int32(most), 0)
        if node >= 0:
            return cursor + node
    return nth(points, np.int32(most), wanted)


@kernel
def greatest(points: NDArray[np.int32]) -> int:
    """Return the greatest of some points."""
    most = np.int32(_REJECTED)
    for i in range(points.size):
        most = max(most, points[i])
    return np.int64(most)


@kernel
def occurrences(points: NDArray[np.int32], value: int) -> int:
    """Return how often a value is among some points."""
    count = np.int32(0)
    for i in range(points.size):
        count = np.int32(count + np.int32(points[i] == value))
    return np.int64(count)


@kernel
def nth(points: NDArray[np.int32], value: int, wanted: int) -> int:
    """Return where a value is the n-th time, counted from 0; −1 if it is not."""
    left = np.int64(wanted)
    for low in range(0, points.size, _FEWER):
        high = min(low + _FEWER, points.size)
        count = occurrences(points[low:high], value)
        if left >= count:
            left -= count
            continue
        for i in range(low, high):
            if points[i] == value:
                if left == 0:
                    return i
                left -= 1
    return -1

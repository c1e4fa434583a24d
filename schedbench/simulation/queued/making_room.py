"""Pods of one kind that fit nowhere make room, and take it: compiled stretches.

The same as `Attempt` and what follows it, pod by pod, for what `scheduler/victims.py`
and `scheduler/candidates.py` can decide: the columns of the run, those of the pods on
nodes and what is known of nodes change together.
"""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import bind
from schedbench.jit import inner_kernel, kernel, monotonic_ns
from schedbench.scheduler.candidates import (
    find_candidates,
    nth_least,
    read_node,
    read_walk,
)
from schedbench.scheduler.select import draw
from schedbench.scheduler.victims import (
    ODD,
    PASSING,
    STAYS,
    TRIED,
    VERDICTS,
    Columns,
    Question,
    Rates,
    passes,
    rate_nodes,
)
from schedbench.simulation.columns import (
    ADD,
    BOUND,
    GONE,
    NO_DEVICES,
    NO_NODE,
    REMOVE,
    Log,
    Pods,
    Progress,
    write,
)
from schedbench.simulation.heap import timed_push
from schedbench.simulation.queued.line import Line, Rules
from schedbench.simulation.record import EventKind

BIND, UNSCHEDULABLE, PREEMPT, DELETE = (
    np.int64(EventKind.BIND),
    np.int64(EventKind.UNSCHEDULABLE),
    np.int64(EventKind.PREEMPT),
    np.int64(EventKind.DELETE),
)
CLASS, PRIORITY, BUDGETS, START, NUMBER = range(5)
"""Columns of a pod on a node."""


@kernel
def play_line(
    state: ClusterState,
    classes: PodClasses,
    question: Question,
    columns: Columns,
    rates: Rates,
    rules: Rules,
    pods: Pods,
    progress: Progress,
    log: Log,
    line: Line,
) -> int:
    """Let pods in line make room, or bind them if they are nominated.

    What is known of the nodes must be up to date. One kernel for both: most of its
    compile time goes into taking the columns apart.

    Returns
    -------
    How many pods did so, up to the first that is not that simple, or to the end of
    the log.
    """
    read_walk(rates, rules.walk)
    at = progress.counters
    most = 2 + columns.pods.shape[1]
    for i in range(line.pods.size):
        if at.logged[0] + most > log.time.size or (at.decisions[0] >= log.latency.size):
            return i
        started = monotonic_ns()
        pod, node = line.pods[i], line.slot[i]
        if node >= 0:
            if not may_take(question, columns, node):
                return i
            settle(state, classes, pods, progress, log, line, pod, node)
            at.cursor[0] = (node + 1) % state.alive.size
            as_set(state, node)
            enter(columns, line, node, question.priority, pod)
        else:
            node = choose_candidate(question, columns, rates, rules, line, pod)
            if node < 0:
                return i
            line.slot[i] = node
            line.rejectors[i] = count_verdicts(rates, rules, line, line.is_first[i])
            write(progress, log, UNSCHEDULABLE, pod, NO_NODE, NO_DEVICES)
            write(progress, log, PREEMPT, pod, node, NO_DEVICES)
            line.node[0] = node
            rate_nodes(question, columns, rates, line.node)
            first = at.logged[0]
            evict(state, classes, columns, progress, log, node)
            line.victims[i] = at.logged[0] - first
            invite(columns, node, line.pod_class, question.priority)
            rate_nodes(question, columns, rates, line.node)
            read_node(rates, rules.walk, node)
        line.changed[line.changes[0] % line.changed.size] = node
        line.changes[0] += 1
        log.latency[at.decisions[0]] = monotonic_ns() - started
        at.decisions[0] += 1
    return line.pods.size


@inner_kernel
def settle(
    state: ClusterState,
    classes: PodClasses,
    pods: Pods,
    progress: Progress,
    log: Log,
    line: Line,
    pod: int,
    node: int,
) -> None:
    """Bind a pod to a node, as `loop.place` where no GPU device is to be chosen."""
    at = progress.counters
    bind(state, classes, line.pod_class, node, NO_DEVICES, ADD)
    progress.status[pod] = BOUND
    progress.place[pod] = node
    progress.devices[pod] = NO_DEVICES
    write(progress, log, BIND, pod, node, NO_DEVICES)
    progress.finish[pod] = at.now[0] + pods.duration[pod]
    if progress.finish[pod] < np.inf:
        timed_push(
            progress.finish_time,
            progress.finish_pod,
            at.finishing,
            progress.finish[pod],
            pod,
        )


@inner_kernel
def may_take(question: Question, columns: Columns, node: int) -> bool:
    """Return whether a node passes that one pod is nominated to, and has a place."""
    guests, pods = columns.counts[node, 1], columns.counts[node, 0]
    has_place = guests == 1 and pods < columns.pods.shape[1]
    return bool(has_place and passes(question, node))


@inner_kernel
def choose_candidate(
    question: Question,
    columns: Columns,
    rates: Rates,
    rules: Rules,
    line: Line,
    pod: int,
) -> int:
    """Return the node on which a pod makes room, −1 if that is not known."""
    tally = rates.tally
    tried = tally[TRIED]
    rejecting = np.int64(0)
    for v in range(line.whys.size):
        rejecting += tally[VERDICTS + v]
    if (
        tally[PASSING] > 0
        or tally[ODD] > 0
        or tried == 0
        or rejecting != rules.walk.order.size
    ):
        return -1
    start = draw(rules.start, pod, tried)
    enough = min(tried, max(tried * rules.percentage // 100, rules.absolute))
    count, tied = find_candidates(rates, rules.walk, start, enough, line.found)
    if count == 0:
        return -1
    wanted = draw(rules.ties, pod, tied) if rules.random else np.int64(0)
    node = nth_least(line.found[1], tied, wanted)
    guests = columns.counts[node, 1]
    for g in range(guests):
        if columns.guests[node, g, 1] < question.priority:
            return -1
    return node if guests < columns.guests.shape[1] else -1


@inner_kernel
def count_verdicts(rates: Rates, rules: Rules, line: Line, is_first: int) -> int:
    """Return who rejects nodes, as bits; sum the verdicts of first attempts."""
    rejectors = np.int64(0)
    for v in range(line.whys.size):
        nodes = rates.tally[VERDICTS + v]
        if nodes > 0:
            rejectors |= rules.plugin[v]
            line.whys[v] += nodes * is_first
    return int(rejectors)


@inner_kernel
def evict(
    state: ClusterState,
    classes: PodClasses,
    columns: Columns,
    progress: Progress,
    log: Log,
    node: int,
) -> None:
    """Take the victims off the node that was rated last."""
    kept = np.int64(0)
    for i in range(columns.counts[node, 0]):
        if columns.fate[i] == STAYS:
            for field in range(columns.pods.shape[2]):
                columns.pods[node, kept, field] = columns.pods[node, i, field]
            kept += 1
            continue
        pod = columns.pods[node, i, NUMBER]
        pod_class, devices = columns.pods[node, i, CLASS], progress.devices[pod]
        bind(state, classes, pod_class, node, devices, REMOVE)
        as_set(state, node)
        progress.status[pod] = GONE
        write(progress, log, DELETE, pod, node, devices)
    columns.counts[node, 0] = kept


@inner_kernel
def invite(columns: Columns, node: int, pod_class: int, priority: int) -> None:
    """Put a pod behind those nominated to a node."""
    guest = columns.counts[node, 1]
    columns.guests[node, guest, 0] = pod_class
    columns.guests[node, guest, 1] = priority
    columns.counts[node, 1] = guest + 1


@inner_kernel
def enter(columns: Columns, line: Line, node: int, priority: int, pod: int) -> None:
    """Put the nominated pod among those of its node, behind the more important."""
    count, there = columns.counts[node, 0], columns.pods
    while count > 0 and there[node, count - 1, PRIORITY] < priority:
        for field in range(there.shape[2]):
            there[node, count, field] = there[node, count - 1, field]
        count -= 1
    there[node, count, CLASS] = line.pod_class
    there[node, count, PRIORITY] = priority
    there[node, count, BUDGETS] = 0
    there[node, count, START] = line.now
    there[node, count, NUMBER] = pod
    columns.counts[node, 0] += 1
    columns.counts[node, 1] = 0


@inner_kernel
def as_set(state: ClusterState, node: int) -> None:
    """Let the host ports of a node be a set again, after a pod came or went."""
    for port in range(state.port_used.shape[0]):
        state.port_used[port, node] = min(max(state.port_used[port, node], 0), 1)

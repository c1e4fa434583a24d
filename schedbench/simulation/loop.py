"""The compiled event loop of a replay: arrivals, departures and retries in order.

At equal times departures come before node changes before arrivals; arrivals keep
the order of the queue (priority, then creation). Node changes are made in Python:
the loop runs up to the time of the next one and returns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import bind
from schedbench.jit import kernel, monotonic_ns
from schedbench.plugins.gpu_share import choose_devices
from schedbench.scheduler.cycle import Compiled, schedule_one
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.score import Scratch
from schedbench.simulation.heap import heap_pop, heap_push, timed_pop, timed_push
from schedbench.simulation.record import EventKind
from schedbench.simulation.rejections import count_rejections

ABSENT, WAITING, BOUND, GONE = 0, 1, 2, 3
DONE, LOG_FULL, LIMIT_REACHED = 0, 1, 2
NO_RANK = 2**31 - 1

# Typed constants: a literal argument makes numba compile the callee once more for it.
ADD, REMOVE = np.int64(1), np.int64(-1)
NO_NODE, NO_DEVICES = np.int64(-1), np.int64(0)


class Pods(NamedTuple):
    """What is known of the pods beforehand; `P` pods, `D` of them get deleted.

    Attributes
    ----------
    pod_class : int32[P]
        Class.
    arrival, duration, deletion : float64[P]
        Simulated seconds.
    node : int32[P]
        Node to which the pod comes bound, or −1.
    order : int32[P]
        The pods in the order in which they arrive.
    rank : int32[P]
        Place of each pod among all that wait: by priority, then creation.
    by_rank : int32[P]
        The pod of each rank.
    deletions : int32[D]
        The pods that get deleted, by time.
    """

    pod_class: NDArray[np.int32]
    arrival: NDArray[np.float64]
    duration: NDArray[np.float64]
    deletion: NDArray[np.float64]
    node: NDArray[np.int32]
    order: NDArray[np.int32]
    rank: NDArray[np.int32]
    by_rank: NDArray[np.int32]
    deletions: NDArray[np.int32]


class Counters(NamedTuple):
    """Scalars of the loop, each an array of length 1 so that it can change."""

    now: NDArray[np.float64]
    next_arrival: NDArray[np.int64]
    next_deletion: NDArray[np.int64]
    finishing: NDArray[np.int64]
    logged: NDArray[np.int64]
    decisions: NDArray[np.int64]
    cursor: NDArray[np.int64]
    changed: NDArray[np.int64]
    active: NDArray[np.int64]
    evicted: NDArray[np.int64]
    retrying: NDArray[np.int64]


class Progress(NamedTuple):
    """Where the loop is; `C` classes, `N` nodes.

    Attributes
    ----------
    counters
        The scalars.
    status : int8[P]
        `ABSENT`, `WAITING`, `BOUND` or `GONE`.
    place : int32[P], devices : int64[P]
        Node and GPU devices of a bound pod.
    finish : float64[P]
        When a bound pod will have run its duration.
    finish_time : float64[P], finish_pod : int32[P]
        Heap of the pods that will finish.
    waiting : int32[P], waiting_start : int32[C + 1], waiting_count : int32[C]
        Per class, a heap of the ranks of its waiting pods (some of them gone).
    active : int32[C], active_at : int32[C]
        The classes with waiting pods, and where each class stands among them.
    evicted : int32[P]
        Heap of the ranks of the pods that lost their node and were not tried since.
    refused : uint8[C]
        Scratch of a retry: classes found to fit nowhere.
    changed_nodes : int32[N], is_changed : uint8[N]
        Nodes that may have more room than at the last retry.
    """

    counters: Counters
    status: NDArray[np.int8]
    place: NDArray[np.int32]
    devices: NDArray[np.int64]
    finish: NDArray[np.float64]
    finish_time: NDArray[np.float64]
    finish_pod: NDArray[np.int32]
    waiting: NDArray[np.int32]
    waiting_start: NDArray[np.int32]
    waiting_count: NDArray[np.int32]
    active: NDArray[np.int32]
    active_at: NDArray[np.int32]
    evicted: NDArray[np.int32]
    refused: NDArray[np.uint8]
    changed_nodes: NDArray[np.int32]
    is_changed: NDArray[np.uint8]


class Log(NamedTuple):
    """The event log under construction, and what each decision took.

    Attributes
    ----------
    time, kind, pod, node, devices
        As in `Record`, with room for more.
    latency : int64[decision]
        Nanoseconds of each scheduling call.
    rejections : int64[reason]
        Nodes rejected at first failed attempts: static reasons by id, then host
        ports, then one for each resource, then GPU shares.
    """

    time: NDArray[np.float64]
    kind: NDArray[np.int8]
    pod: NDArray[np.int32]
    node: NDArray[np.int32]
    devices: NDArray[np.int64]
    latency: NDArray[np.int64]
    rejections: NDArray[np.int64]


@kernel
def run_loop(
    state: ClusterState,
    compiled: Compiled,
    pods: Pods,
    progress: Progress,
    log: Log,
    scratch: Scratch,
    limit: float,
    most_decisions: int,
) -> int:
    """Run all events before `limit` and the departures at it.

    The cycle is called in one place only: each kernel that contains it costs its
    whole compile time again.

    Returns
    -------
    int
        `DONE`; `LOG_FULL` if the log must grow first; `LIMIT_REACHED` after
        `most_decisions` scheduling calls. The loop goes on where it stopped.
    """
    at = progress.counters
    classes = compiled.classes
    stop_at = at.decisions[0] + most_decisions
    while True:
        if log_is_full(progress, log):
            return LOG_FULL
        if at.decisions[0] >= stop_at:
            return LIMIT_REACHED
        if at.retrying[0]:
            pod = next_to_retry(state, compiled, pods, progress)
            if pod < 0:
                end_retry(progress)
                continue
        else:
            departure = next_departure(pods, progress)
            arrival = next_arrival(pods, progress)
            if at.changed[0] > 0 and departure > at.now[0] and limit > at.now[0]:
                begin_retry(progress)
                continue
            if departure <= arrival and departure <= limit and departure < np.inf:
                at.now[0] = departure
                depart(state, classes, pods, progress, log)
                continue
            if arrival >= limit:
                return DONE
            at.now[0] = arrival
            pod = arrive(state, classes, pods, progress, log)
            if pod < 0:
                continue
        pod_class = np.int64(pods.pod_class[pod])
        started = monotonic_ns()
        node = schedule_one(state, compiled, pod_class, pod, at.cursor[0], scratch)
        log.latency[at.decisions[0]] = monotonic_ns() - started
        at.decisions[0] += 1
        if node >= 0:
            at.cursor[0] = (node + 1) % state.alive.size
            place(state, classes, pods, progress, log, pod, node)
        else:
            progress.refused[pod_class] = 1
            wait(pods, progress, pod)
            write(
                progress,
                log,
                np.int64(EventKind.UNSCHEDULABLE),
                pod,
                NO_NODE,
                NO_DEVICES,
            )
            count_rejections(state, compiled, pod_class, scratch.bad, log.rejections)


@kernel
def log_is_full(progress: Progress, log: Log) -> bool:
    """Return whether one more step, of two entries at most, might overrun the log."""
    at = progress.counters
    return at.logged[0] + 2 > log.time.size or at.decisions[0] >= log.latency.size


@kernel
def write(
    progress: Progress, log: Log, kind: int, pod: int, node: int, devices: int
) -> None:
    """Append an entry to the log."""
    at = progress.counters
    entry = at.logged[0]
    log.time[entry] = at.now[0]
    log.kind[entry] = kind
    log.pod[entry] = pod
    log.node[entry] = node
    log.devices[entry] = devices
    at.logged[0] = entry + 1


@kernel
def next_departure(pods: Pods, progress: Progress) -> float:
    """Return when the next pod finishes or is deleted; inf if none will."""
    at = progress.counters
    while at.finishing[0] > 0:
        pod = progress.finish_pod[0]
        if (
            progress.status[pod] == BOUND
            and progress.finish[pod] == progress.finish_time[0]
        ):
            break
        timed_pop(progress.finish_time, progress.finish_pod, at.finishing)
    time = np.inf
    if at.finishing[0] > 0:
        time = progress.finish_time[0]
    if at.next_deletion[0] < pods.deletions.size:
        time = min(time, pods.deletion[pods.deletions[at.next_deletion[0]]])
    return time


@kernel
def depart(
    state: ClusterState, classes: PodClasses, pods: Pods, progress: Progress, log: Log
) -> None:
    """Let the next pod finish, or be deleted where no pod finishes at this time."""
    at = progress.counters
    kind = np.int64(EventKind.FINISH)
    if at.finishing[0] > 0 and progress.finish_time[0] == at.now[0]:
        pod = np.int64(progress.finish_pod[0])
        timed_pop(progress.finish_time, progress.finish_pod, at.finishing)
    else:
        pod = np.int64(pods.deletions[at.next_deletion[0]])
        at.next_deletion[0] += 1
        kind = np.int64(EventKind.DELETE)
    if progress.status[pod] == BOUND:
        node = np.int64(progress.place[pod])
        devices = progress.devices[pod]
        bind(state, classes, np.int64(pods.pod_class[pod]), node, devices, REMOVE)
        write(progress, log, kind, pod, node, devices)
        mark_changed(progress, node)
    elif progress.status[pod] == WAITING:
        write(progress, log, kind, pod, NO_NODE, NO_DEVICES)
    progress.status[pod] = GONE


@kernel
def mark_changed(progress: Progress, node: int) -> None:
    """Note that a node may have more room than at the last retry."""
    if not progress.is_changed[node]:
        progress.is_changed[node] = 1
        at = progress.counters
        progress.changed_nodes[at.changed[0]] = node
        at.changed[0] += 1


@kernel
def wait(pods: Pods, progress: Progress, pod: int) -> None:
    """Put a pod among those that wait."""
    pod_class = np.int64(pods.pod_class[pod])
    progress.status[pod] = WAITING
    first = progress.waiting_start[pod_class]
    last = progress.waiting_start[pod_class + 1]
    count = progress.waiting_count[pod_class]
    heap_push(progress.waiting[first:last], count, pods.rank[pod])
    progress.waiting_count[pod_class] = count + 1
    at = progress.counters
    if count == 0:
        progress.active[at.active[0]] = pod_class
        progress.active_at[pod_class] = at.active[0]
        at.active[0] += 1


@kernel
def drop_head(progress: Progress, pod_class: int) -> None:
    """Take the first of the waiting pods of a class off its heap."""
    first = progress.waiting_start[pod_class]
    last = progress.waiting_start[pod_class + 1]
    heap_pop(progress.waiting[first:last], progress.waiting_count[pod_class])
    progress.waiting_count[pod_class] -= 1
    at = progress.counters
    if progress.waiting_count[pod_class] == 0:
        at.active[0] -= 1
        moved = progress.active[at.active[0]]
        hole = progress.active_at[pod_class]
        progress.active[hole] = moved
        progress.active_at[moved] = hole


@kernel
def next_arrival(pods: Pods, progress: Progress) -> float:
    """Return when the next pod arrives; inf if none will."""
    index = progress.counters.next_arrival[0]
    if index == pods.order.size:
        return np.inf
    return pods.arrival[pods.order[index]]


@kernel
def arrive(
    state: ClusterState, classes: PodClasses, pods: Pods, progress: Progress, log: Log
) -> int:
    """Let the next pod arrive; return it if it is to be scheduled, else −1."""
    at = progress.counters
    pod = np.int64(pods.order[at.next_arrival[0]])
    at.next_arrival[0] += 1
    if progress.status[pod] == GONE:
        return -1
    write(progress, log, np.int64(EventKind.ARRIVE), pod, NO_NODE, NO_DEVICES)
    node = np.int64(pods.node[pod])
    if node >= 0 and state.alive[node]:
        place(state, classes, pods, progress, log, pod, node)
        return -1
    return pod


@kernel
def place(
    state: ClusterState,
    classes: PodClasses,
    pods: Pods,
    progress: Progress,
    log: Log,
    pod: int,
    node: int,
) -> None:
    """Bind a pod to a node and note when it will finish."""
    pod_class = np.int64(pods.pod_class[pod])
    devices = choose_devices(state, classes, pod_class, node)
    bind(state, classes, pod_class, node, devices, ADD)
    progress.status[pod] = BOUND
    progress.place[pod] = node
    progress.devices[pod] = devices
    write(progress, log, np.int64(EventKind.BIND), pod, node, devices)
    at = progress.counters
    progress.finish[pod] = at.now[0] + pods.duration[pod]
    if progress.finish[pod] < np.inf:
        timed_push(
            progress.finish_time,
            progress.finish_pod,
            at.finishing,
            progress.finish[pod],
            pod,
        )


@kernel
def head(pods: Pods, progress: Progress, pod_class: int) -> int:
    """Return the rank of the first waiting pod of a class, dropping those gone."""
    first = progress.waiting_start[pod_class]
    while progress.waiting_count[pod_class] > 0:
        rank = progress.waiting[first]
        if progress.status[pods.by_rank[rank]] == WAITING:
            return rank
        drop_head(progress, pod_class)
    return NO_RANK


@kernel
def fits_changed(
    state: ClusterState, compiled: Compiled, progress: Progress, pod_class: int
) -> bool:
    """Return whether the class fits on a node that changed since the last retry."""
    bad = np.empty(1, dtype=np.int64)
    for index in range(progress.counters.changed[0]):
        node = np.int64(progress.changed_nodes[index])
        mark_infeasible(
            state,
            compiled.classes,
            compiled.static,
            compiled.switches,
            pod_class,
            node,
            node + 1,
            bad,
        )
        if bad[0] >= 0:
            return True
    return False


@kernel
def begin_retry(progress: Progress) -> None:
    """Begin to try the waiting pods again, in the order of the queue, each once."""
    at = progress.counters
    at.retrying[0] = 1
    for index in range(at.active[0]):
        progress.refused[progress.active[index]] = 0


@kernel
def next_to_retry(
    state: ClusterState, compiled: Compiled, pods: Pods, progress: Progress
) -> int:
    """Take the first pod of the queue that may fit now, or was not tried; −1 if none.

    A class that failed everywhere can only fit on nodes that changed since, and what
    fits nowhere in this pass will not fit later in it. So the pass asks each class
    once a binding, instead of each pod on each node.
    """
    at = progress.counters
    best = np.int64(NO_RANK)
    for index in range(at.active[0] - 1, -1, -1):
        pod_class = np.int64(progress.active[index])
        if progress.refused[pod_class]:
            continue
        rank = np.int64(head(pods, progress, pod_class))
        if rank >= best:
            continue
        if fits_changed(state, compiled, progress, pod_class):
            best = rank
        else:
            progress.refused[pod_class] = 1
    if at.evicted[0] > 0 and progress.evicted[0] < best:
        best = np.int64(progress.evicted[0])
        heap_pop(progress.evicted, at.evicted[0])
        at.evicted[0] -= 1
        return np.int64(pods.by_rank[best])
    if best == NO_RANK:
        return np.int64(-1)
    pod = np.int64(pods.by_rank[best])
    drop_head(progress, np.int64(pods.pod_class[pod]))
    return pod


@kernel
def evict(pods: Pods, progress: Progress, pod: int) -> None:
    """Let a pod that lost its node be tried in the next retry."""
    at = progress.counters
    progress.status[pod] = WAITING
    heap_push(progress.evicted, at.evicted[0], pods.rank[pod])
    at.evicted[0] += 1


@kernel
def end_retry(progress: Progress) -> None:
    """Forget which nodes changed: every waiting pod has been tried on them."""
    at = progress.counters
    for index in range(at.changed[0]):
        progress.is_changed[progress.changed_nodes[index]] = 0
    at.changed[0] = 0
    at.retrying[0] = 0

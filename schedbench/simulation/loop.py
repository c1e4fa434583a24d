"""The compiled event loop of a replay: arrivals, departures and retries in order.

At equal times departures come before node changes before arrivals; arrivals keep
the order of the queue (priority, then creation). Node changes are made in Python:
the loop runs up to the time of the next one and returns.
"""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import bind
from schedbench.jit import kernel, monotonic_ns
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.devices import take_devices
from schedbench.scheduler.index.decide import decide, note_change
from schedbench.scheduler.index.layout import Index
from schedbench.scheduler.sampling import advance
from schedbench.scheduler.score import Scratch
from schedbench.simulation.columns import (
    ADD,
    BOUND,
    GONE,
    NO_DEVICES,
    NO_NODE,
    REMOVE,
    WAITING,
    Log,
    Pods,
    Progress,
    log_is_full,
    write,
)
from schedbench.simulation.heap import timed_pop, timed_push
from schedbench.simulation.record import EventKind
from schedbench.simulation.rejections import count_rejections
from schedbench.simulation.waiting import (
    begin_retry,
    end_retry,
    mark_changed,
    next_to_retry,
    wait,
    wake_domain_readers,
)

DONE, LOG_FULL, LIMIT_REACHED, STUCK = 0, 1, 2, 3


@kernel
def run_loop(
    state: ClusterState,
    compiled: Compiled,
    pods: Pods,
    progress: Progress,
    log: Log,
    scratch: Scratch,
    index: Index,
    limit: float,
    most_decisions: int,
) -> int:
    """Run all events before `limit` and the departures at it.

    The cycle is called in one place only: each kernel that contains it costs its
    whole compile time again. An attempt in vain does not move the start of sampling:
    this loop leaves out most of those that the scheduling queue would make.

    Returns
    -------
    int
        `DONE`; `LOG_FULL` if the log must grow first; `LIMIT_REACHED` after
        `most_decisions` scheduling calls; `STUCK` if it is to halt at a pod that fits
        nowhere, whose decision then does not count. The loop goes on where it stopped.
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
            pod = next_to_retry(state, compiled, pods, progress, scratch.bad[:1])
            if pod < 0:
                end_retry(progress)
                continue
        else:
            departure = next_departure(pods, progress)
            arrival = next_arrival(pods, progress)
            waking = at.changed[0] > 0 or at.woken[0] > 0
            if waking and departure > at.now[0] and limit > at.now[0]:
                begin_retry(progress)
                continue
            if departure <= arrival and departure <= limit and departure < np.inf:
                at.now[0] = departure
                depart(state, classes, pods, progress, log, index)
                continue
            if arrival >= limit:
                return DONE
            at.now[0] = arrival
            pod = arrive(state, compiled, pods, progress, log, index)
            if pod < 0:
                continue
            at.first_try[0] = 1
        pod_class = np.int64(pods.pod_class[pod])
        started = monotonic_ns()
        node = decide(state, compiled, index, pod_class, pod, at.cursor[0], scratch)
        if node < 0 and at.halting[0]:
            return STUCK
        log.latency[at.decisions[0]] = monotonic_ns() - started
        at.decisions[0] += 1
        if node >= 0:
            at.cursor[0] = (node + 1) % state.alive.size
            advance(compiled.sampling)
            place(state, compiled, pods, progress, log, index, pod, node)
        else:
            progress.refused[pod_class] = 1
            wait(pods, progress, pod)
            if at.first_try[0]:
                kind = np.int64(EventKind.UNSCHEDULABLE)
                write(progress, log, kind, pod, NO_NODE, NO_DEVICES)
                bad, counts = scratch.bad, log.rejections
                count_rejections(state, compiled, pod_class, bad, counts)


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
    while at.next_deletion[0] < pods.deletions.size:
        pod = pods.deletions[at.next_deletion[0]]
        if progress.status[pod] != GONE:
            return min(time, pods.deletion[pod])
        at.next_deletion[0] += 1
    return time


@kernel
def depart(
    state: ClusterState,
    classes: PodClasses,
    pods: Pods,
    progress: Progress,
    log: Log,
    index: Index,
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
        note_change(index, node)
        mark_changed(progress, node)
    elif progress.status[pod] == WAITING:
        write(progress, log, kind, pod, NO_NODE, NO_DEVICES)
    progress.status[pod] = GONE


@kernel
def next_arrival(pods: Pods, progress: Progress) -> float:
    """Return when the next pod arrives; inf if none will."""
    index = progress.counters.next_arrival[0]
    if index == pods.order.size:
        return np.inf
    return pods.arrival[pods.order[index]]


@kernel
def arrive(
    state: ClusterState,
    compiled: Compiled,
    pods: Pods,
    progress: Progress,
    log: Log,
    index: Index,
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
        place(state, compiled, pods, progress, log, index, pod, node)
        return -1
    return pod


@kernel
def place(
    state: ClusterState,
    compiled: Compiled,
    pods: Pods,
    progress: Progress,
    log: Log,
    index: Index,
    pod: int,
    node: int,
) -> None:
    """Bind a pod to a node and note when it will finish."""
    pod_class = np.int64(pods.pod_class[pod])
    devices = take_devices(state, compiled, pod_class, node)
    bind(state, compiled.classes, pod_class, node, devices, ADD)
    note_change(index, node)
    progress.status[pod] = BOUND
    progress.place[pod] = node
    progress.devices[pod] = devices
    write(progress, log, np.int64(EventKind.BIND), pod, node, devices)
    wake_domain_readers(compiled.classes, progress)
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

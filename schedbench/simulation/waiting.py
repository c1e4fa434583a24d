"""The pods that wait: who is tried again when capacity returns, and in what order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.simulation.columns import WAITING, Pods, Progress
from schedbench.simulation.heap import heap_pop, heap_push

NO_RANK = 2**31 - 1


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
def mark_changed(progress: Progress, node: int) -> None:
    """Note that a node may have more room than at the last retry."""
    if not progress.is_changed[node]:
        progress.is_changed[node] = 1
        at = progress.counters
        progress.changed_nodes[at.changed[0]] = node
        at.changed[0] += 1


@kernel
def evict(pods: Pods, progress: Progress, pod: int) -> None:
    """Let a pod that lost its node be tried in the next retry."""
    at = progress.counters
    progress.status[pod] = WAITING
    heap_push(progress.evicted, at.evicted[0], pods.rank[pod])
    at.evicted[0] += 1


@kernel
def begin_retry(progress: Progress) -> None:
    """Begin to try the waiting pods again, in the order of the queue, each once."""
    at = progress.counters
    at.retrying[0] = 1
    at.woken[0] = 0
    for index in range(at.active[0]):
        progress.refused[progress.active[index]] = 0


@kernel
def fits_changed(
    state: ClusterState,
    compiled: Compiled,
    progress: Progress,
    pod_class: int,
    bad: NDArray[np.int64],
) -> bool:
    """Return whether the class fits on a node that changed since the last retry.

    `bad` is scratch of length 1.
    """
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
def reads_domains(classes: PodClasses, pod_class: int) -> bool:
    """Return whether pods elsewhere decide on which nodes the class fits."""
    terms, hard = classes.inter_pod, classes.spread.hard
    return (
        terms.affinity.start[pod_class] < terms.affinity.start[pod_class + 1]
        or terms.own_anti.start[pod_class] < terms.own_anti.start[pod_class + 1]
        or terms.existing_anti.start[pod_class]
        < terms.existing_anti.start[pod_class + 1]
        or hard.start[pod_class] < hard.start[pod_class + 1]
    )


@kernel
def next_to_retry(
    state: ClusterState,
    compiled: Compiled,
    pods: Pods,
    progress: Progress,
    bad: NDArray[np.int64],
) -> int:
    """Take the first pod of the queue that may fit now, or was not tried; −1 if none.

    A class that failed everywhere can only fit on nodes that changed since; what
    fits nowhere when its turn comes is not asked again in this pass. So the pass asks
    each class once a binding, instead of each pod on each node. A class that reads
    domains may fit on any node. `bad` is scratch of length 1.
    """
    at = progress.counters
    while True:
        best = np.int64(NO_RANK)
        for index in range(at.active[0] - 1, -1, -1):
            pod_class = np.int64(progress.active[index])
            if not progress.refused[pod_class]:
                best = min(best, np.int64(head(pods, progress, pod_class)))
        if at.evicted[0] > 0 and progress.evicted[0] < best:
            best = np.int64(progress.evicted[0])
            heap_pop(progress.evicted, at.evicted[0])
            at.evicted[0] -= 1
            at.first_try[0] = 1
            return np.int64(pods.by_rank[best])
        if best == NO_RANK:
            return np.int64(-1)
        pod = np.int64(pods.by_rank[best])
        pod_class = np.int64(pods.pod_class[pod])
        if reads_domains(compiled.classes, pod_class) or fits_changed(
            state, compiled, progress, pod_class, bad
        ):
            drop_head(progress, pod_class)
            at.first_try[0] = 0
            return pod
        progress.refused[pod_class] = 1


@kernel
def wake_domain_readers(classes: PodClasses, progress: Progress) -> None:
    """Call for a retry if what came, or a node that left, may be what pods wait for."""
    at = progress.counters
    for index in range(at.active[0]):
        if reads_domains(classes, np.int64(progress.active[index])):
            at.woken[0] = 1
            return


@kernel
def end_retry(progress: Progress) -> None:
    """Forget which nodes changed: every waiting pod has been tried on them."""
    at = progress.counters
    for index in range(at.changed[0]):
        progress.is_changed[progress.changed_nodes[index]] = 0
    at.changed[0] = 0
    at.retrying[0] = 0

"""The columns of the event loop: what it is given, where it is, what it logs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import by_reference, kernel

ABSENT, WAITING, BOUND, GONE = 0, 1, 2, 3

# Typed constants: a literal argument makes numba compile the callee once more for it.
ADD, REMOVE = np.int64(1), np.int64(-1)
NO_NODE, NO_DEVICES = np.int64(-1), np.int64(0)


@by_reference
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


@by_reference
class Counters(NamedTuple):
    """Scalars of the loop, each an array of length 1 so that it can change.

    `halting` is 1 if the loop is to stop at the first pod that fits nowhere.
    """

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
    first_try: NDArray[np.int64]
    woken: NDArray[np.int64]
    halting: NDArray[np.int64]


@by_reference
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


@by_reference
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

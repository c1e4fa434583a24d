"""Binary heaps over arrays that the caller owns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import kernel


@kernel
def heap_push(heap: NDArray[np.int32], count: int, item: int) -> None:
    """Add an item to a heap that holds `count` items."""
    child = count
    while child > 0:
        parent = (child - 1) // 2
        if heap[parent] <= item:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = item


@kernel
def heap_pop(heap: NDArray[np.int32], count: int) -> None:
    """Remove the least item of a heap that holds `count` items."""
    last = heap[count - 1]
    size = count - 1
    parent = 0
    while 2 * parent + 1 < size:
        child = 2 * parent + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[parent] = heap[child]
        parent = child
    if size > 0:
        heap[parent] = last


@kernel
def earlier(time_1: float, pod_1: int, time_2: float, pod_2: int) -> bool:
    """Return whether the first pair comes before the second."""
    return time_1 < time_2 or (time_1 == time_2 and pod_1 < pod_2)


@kernel
def timed_push(
    times: NDArray[np.float64],
    pods: NDArray[np.int32],
    count: NDArray[np.int64],
    time: float,
    pod: int,
) -> None:
    """Add a (time, pod) pair; pairs of one time come out by pod."""
    child = count[0]
    count[0] += 1
    while child > 0:
        parent = (child - 1) // 2
        if earlier(times[parent], np.int64(pods[parent]), time, pod):
            break
        times[child] = times[parent]
        pods[child] = pods[parent]
        child = parent
    times[child] = time
    pods[child] = pod


@kernel
def timed_pop(
    times: NDArray[np.float64], pods: NDArray[np.int32], count: NDArray[np.int64]
) -> None:
    """Remove the earliest pair."""
    count[0] -= 1
    size = count[0]
    time, pod = times[size], np.int64(pods[size])
    parent = 0
    while 2 * parent + 1 < size:
        child = 2 * parent + 1
        if child + 1 < size and earlier(
            times[child + 1],
            np.int64(pods[child + 1]),
            times[child],
            np.int64(pods[child]),
        ):
            child += 1
        if earlier(time, pod, times[child], np.int64(pods[child])):
            break
        times[parent] = times[child]
        pods[parent] = pods[child]
        parent = child
    if size > 0:
        times[parent] = time
        pods[parent] = pod

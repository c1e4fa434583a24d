"""Bind and release: the only ways a decision changes the cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    GPU_DEVICE_MILLI,
    NO_COUNT,
    NO_DEVICE,
    NO_TAG,
    PODS,
    ClusterState,
    DomainState,
    PodClasses,
)
from schedbench.cluster.least_counts import keep_least_count
from schedbench.errors import InputError, InvariantError
from schedbench.jit import kernel


@kernel
def bind(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    node: int,
    devices: int,
    sign: int,
) -> None:
    """Add a pod of a class to a node (`sign` 1) or take it away (`sign` -1).

    `devices` has bit i set if the pod holds GPU device i. Releasing what was bound
    restores the state to the bit, since all amounts are integers.
    """
    for i in range(classes.row_start[pod_class], classes.row_start[pod_class + 1]):
        row = classes.rows[i]
        state.requested[row, node] += sign * classes.request[pod_class, row]
    state.nonzero[0, node] += sign * classes.nonzero_bound[pod_class, 0]
    state.nonzero[1, node] += sign * classes.nonzero_bound[pod_class, 1]
    for i in range(classes.port_start[pod_class], classes.port_start[pod_class + 1]):
        state.port_used[classes.ports[i], node] += sign
    domains = state.domains
    for i in range(classes.add_start[pod_class], classes.add_start[pod_class + 1]):
        counter = classes.adds[i]
        domain = domains.domain[domains.key[counter], node]
        if domain >= 0 and domains.eligible[domains.mask[counter], node]:
            weight = sign * classes.add_weight[i]
            place = domains.start[counter] + domain
            domains.counts[place] += weight
            domains.total[counter] += weight
            if domains.ranked[counter] and domains.present[place] > 0:
                now = domains.counts[place]
                keep_least_count(domains, counter, now - weight, now)
    if classes.gpu_tag[pod_class] != NO_TAG:
        state.gpu_tags[classes.gpu_tag[pod_class], node] += sign
    if devices:
        for device in range(state.gpu_free.shape[0]):
            if (devices >> device) & 1:
                state.gpu_free[device, node] -= sign * classes.gpu_milli[pod_class]


def copy_state(state: ClusterState) -> ClusterState:
    """Return a state of its own arrays, so that runs do not disturb each other."""
    columns: dict[str, Any] = {
        name: column.copy()
        for name, column in state._asdict().items()
        if name != "domains"
    }
    counted: dict[str, Any] = {
        name: column.copy() for name, column in state.domains._asdict().items()
    }
    domains = DomainState(**counted)
    return ClusterState(**columns, domains=domains)


def set_node(
    state: ClusterState, node: int, allocatable: NDArray[np.int64], gpus: int
) -> None:
    """Let a node with this allocatable and this many GPU devices be in the cluster.

    What its pods hold of a device that stays is kept.

    Raises
    ------
    InputError
        If a GPU device that a pod holds would vanish.
    """
    state.alive[node] = 1
    state.allocatable[:, node] = allocatable
    for device in range(state.gpu_free.shape[0]):
        free = state.gpu_free[device, node]
        if device < gpus and free == NO_DEVICE:
            state.gpu_free[device, node] = GPU_DEVICE_MILLI
        elif device >= gpus and free != NO_DEVICE:
            if free != GPU_DEVICE_MILLI:
                raise InputError(
                    "a GPU device vanishes while a pod holds it",
                    where=f"node slot {node}, device {device}",
                    fix="remove the node and add it with fewer devices",
                )
            state.gpu_free[device, node] = NO_DEVICE


def remove_node(state: ClusterState, node: int) -> None:
    """Take an empty node out of the cluster."""
    state.alive[node] = 0
    state.allocatable[:, node] = 0
    state.gpu_free[:, node] = NO_DEVICE


def check_invariants(
    state: ClusterState,
    classes: PodClasses,
    bound_class: NDArray[np.int32],
    bound_node: NDArray[np.int32],
    bound_devices: NDArray[np.int64],
    gpu_total: NDArray[np.int64],
) -> None:
    """Recount the pods on every node and compare with the columns.

    Parameters
    ----------
    bound_class, bound_node, bound_devices
        Class, node slot and device bits of every bound pod.
    gpu_total : int64[G, N]
        Free milli of each device of an empty cluster.

    Raises
    ------
    InvariantError
        Naming the column, node slot and both values at the first difference.
    """
    expected: dict[str, NDArray[Any]] = {
        "requested": np.zeros_like(state.requested),
        "nonzero": np.zeros_like(state.nonzero),
        "port_used": np.zeros_like(state.port_used),
        "gpu_free": gpu_total.copy(),
        "gpu_tags": np.zeros_like(state.gpu_tags),
    }
    for row, amounts in enumerate(classes.request.T):
        np.add.at(expected["requested"][row], bound_node, amounts[bound_class])
    for row, amounts in enumerate(classes.nonzero_bound.T):
        np.add.at(expected["nonzero"][row], bound_node, amounts[bound_class])
    ports = np.diff(classes.port_start)[bound_class]
    pod = np.repeat(np.arange(len(bound_class)), ports)
    nth = np.arange(len(pod)) - np.repeat(np.cumsum(ports) - ports, ports)
    port = classes.ports[classes.port_start[bound_class[pod]] + nth]
    np.add.at(expected["port_used"], (port, bound_node[pod]), 1)
    for device, free in enumerate(expected["gpu_free"]):
        held = (bound_devices >> device & 1).astype(np.bool_)
        np.subtract.at(free, bound_node[held], classes.gpu_milli[bound_class[held]])
    tag = classes.gpu_tag[bound_class]
    np.add.at(expected["gpu_tags"], (tag[tag >= 0], bound_node[tag >= 0]), 1)
    for name, column in expected.items():
        actual = getattr(state, name)
        if not np.array_equal(column, actual):
            row, node = np.argwhere(column != actual)[0]
            raise InvariantError(
                f"{name}[{row}] of node slot {node} is {actual[row, node]}, "
                f"but its pods add up to {column[row, node]}"
            )
    recounted = recount(state.domains, classes, bound_class, bound_node)
    if not np.array_equal(recounted, state.domains.counts):
        raise InvariantError("the counts of a topology domain are not its pods'")
    for counter in np.flatnonzero(state.domains.ranked):
        first, last = state.domains.start[counter : counter + 2]
        counted = recounted[first:last][state.domains.present[first:last] > 0]
        if state.domains.least[counter] != counted.min(initial=NO_COUNT):
            raise InvariantError("the least count of a spread constraint is wrong")
    if (state.requested[PODS, state.alive == 0] != 0).any():
        raise InvariantError("pods are bound to a node that is not in the cluster")


def recount(
    domains: DomainState,
    classes: PodClasses,
    bound_class: NDArray[np.int32],
    bound_node: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Return what `domains.counts` should be, counted from the bound pods."""
    count = np.zeros_like(domains.counts)
    if not len(classes.adds) or not len(bound_class):
        return count
    order = np.argsort(bound_class, kind="stable")
    present, begin = np.unique(bound_class[order], return_index=True)
    for pod_class, pods in zip(present, np.split(order, begin[1:]), strict=True):
        first, last = classes.add_start[pod_class], classes.add_start[pod_class + 1]
        for i in range(first, last):
            counter, node = classes.adds[i], bound_node[pods]
            domain = domains.domain[domains.key[counter]][node]
            eligible = domains.eligible[domains.mask[counter]][node].astype(np.bool_)
            counted = eligible & (domain >= 0)
            places = domains.start[counter] + domain[counted]
            np.add.at(count, places, classes.add_weight[i])
    return count

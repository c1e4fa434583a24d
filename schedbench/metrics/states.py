"""What every node held whenever that changed, as columns sorted by node.

Each node has a row for time 0 and one for every bind, release and change of capacity
that concerns it. A quantity of one node is computed once for every row, however many
nodes there are, and `Timeline.total` turns it into a step of the whole cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.gpu import gpu_devices
from schedbench.cluster.layout import GPU_DEVICE_MILLI
from schedbench.simulation.record import EventKind, Record

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload
    from schedbench.metrics.timeline import Intervals


class NodeStates(NamedTuple):
    """Rows sorted by node, then by the order of the log.

    Attributes
    ----------
    node : int64[row]
        Node slot.
    position : int64[row]
        Number of events after which the state holds; 0 for the state at time 0.
    begins : bool[row]
        The first row of a node.
    ends : bool[row]
        The last row of a node: its state at the end of the run.
    alive : bool[row]
        Whether the node is in the cluster.
    used, capacity : int64[resource, row]
        Requests of its pods and allocatable; millicores, bytes, counts.
    gpu_free : int64[device, row]
        Milli-GPU left on each device, -1 where there is none.
    gpu_used, gpu_capacity : int64[row]
        Milli-GPU over all devices.
    """

    node: NDArray[np.int64]
    position: NDArray[np.int64]
    begins: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    alive: NDArray[np.bool_]
    used: NDArray[np.int64]
    capacity: NDArray[np.int64]
    gpu_free: NDArray[np.int64]
    gpu_used: NDArray[np.int64]
    gpu_capacity: NDArray[np.int64]

    def changes(self, values: NDArray) -> NDArray[np.float64]:
        """Return by how much each row's value differs from its node's last one."""
        change = values.astype(np.float64)
        before = change[:-1].copy()
        before[self.begins[1:]] = 0.0
        change[1:] -= before
        return change


def node_states(
    encoded: EncodedWorkload, record: Record, stays: Intervals
) -> NodeStates:
    """Derive the states of all nodes from the log by one sort and running sums."""
    events = len(record.time)
    slots = len(encoded.nodes)
    left = stays.end < events
    change_position, change_delta = _capacity_changes(encoded, record)
    turns = _node_events(record)
    changed_node = np.array(
        [change.node for change in record.capacity_changes], dtype=np.int64
    )
    sources = (
        (np.arange(slots), np.zeros(slots, dtype=np.int64)),
        (stays.node, stays.start + 1),
        (stays.node[left], stays.end[left] + 1),
        (changed_node, change_position),
        (record.node[turns], turns + 1),
    )
    node = np.concatenate([source[0] for source in sources]).astype(np.int64)
    position = np.concatenate([source[1] for source in sources]).astype(np.int64)
    edge = np.cumsum([len(source[0]) for source in sources])
    order = np.lexsort((position, node))
    node, position = node[order], position[order]
    begins = np.ones(len(node), dtype=np.bool_)
    begins[1:] = node[1:] != node[:-1]

    first_row = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1

    def accumulate(*parts: tuple[int, NDArray]) -> NDArray[np.int64]:
        """Sum the changes of each source along each node's rows."""
        change = np.zeros(len(node), dtype=np.int64)
        later = False
        for source, values in parts:
            begin = 0 if source == 0 else edge[source - 1]
            change[begin : edge[source]] = values
            later |= source > 0 and edge[source] > begin
        if not later:
            return change[:slots][node]
        change = change[order]
        running = np.cumsum(change)
        offset = running[first_row] - change[first_row]
        return np.asarray(running - offset[group])

    vectors = np.asarray(encoded.classes.request)
    held = record.pod_class[stays.pod]
    present = np.asarray(encoded.state.alive).astype(np.int64)
    allocatable = np.asarray(encoded.state.allocatable) * present
    resources = range(len(encoded.resources))
    used = np.stack(
        [
            accumulate((1, vectors[held, r]), (2, -vectors[held[left], r]))
            for r in resources
        ]
    )
    capacity = np.stack(
        [accumulate((0, allocatable[r]), (3, change_delta[:, r])) for r in resources]
    )
    came = (record.kind[turns] == EventKind.NODE_ADD).astype(np.int64)
    went = record.kind[turns] == EventKind.NODE_REMOVE
    alive = accumulate((0, present), (4, came - went)).astype(np.bool_)

    at_first, more = _devices(encoded, record, turns)
    devices = np.where(alive, accumulate((0, at_first), (4, more)), 0)
    milli = np.asarray(encoded.classes.gpu_milli, dtype=np.int64)[held]
    gpu_free = np.empty((int(devices.max(initial=0)), len(node)), dtype=np.int64)
    gpu_used = np.zeros(len(node), dtype=np.int64)
    for device in range(len(gpu_free)):
        taken = milli * ((stays.devices >> device) & 1)
        on_device = accumulate((1, taken), (2, -taken[left]))
        gpu_free[device] = np.where(devices > device, GPU_DEVICE_MILLI - on_device, -1)
        gpu_used += on_device
    return NodeStates(
        node=node,
        position=position,
        begins=begins,
        ends=np.append(begins[1:], True) if len(node) else begins,
        alive=alive,
        used=used,
        capacity=capacity,
        gpu_free=gpu_free,
        gpu_used=gpu_used,
        gpu_capacity=devices * GPU_DEVICE_MILLI,
    )


def _node_events(record: Record) -> NDArray[np.int64]:
    """Return where the log tells of a node."""
    changes = (EventKind.NODE_ADD, EventKind.NODE_UPDATE, EventKind.NODE_REMOVE)
    return np.flatnonzero(np.isin(record.kind, changes))


def _devices(
    encoded: EncodedWorkload, record: Record, turns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each node's GPU devices at time 0 and their change at node events.

    The node events of the log are those of the workload, in the same order.
    """
    free = np.asarray(encoded.state.gpu_free)
    at_first: NDArray[np.int64] = np.count_nonzero(free >= 0, axis=0).astype(np.int64)
    now = at_first.copy()
    change = np.zeros(len(turns), dtype=np.int64)
    pairs = zip(turns.tolist(), encoded.workload.node_events, strict=False)
    for i, (turn, event) in enumerate(pairs):
        slot = record.node[turn]
        count = 0 if event.change == "remove" else gpu_devices(event.node)
        change[i] = count - now[slot]
        now[slot] = count
    return at_first, change


def _capacity_changes(
    encoded: EncodedWorkload, record: Record
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return after how many events each change holds and by how much it changes."""
    changes = record.capacity_changes
    events = _node_events(record)
    if len(events) == len(changes):
        position = events + 1
    else:
        times = np.array([change.time for change in changes])
        position = np.searchsorted(record.time, times, side="right")
    alive = np.asarray(encoded.state.alive).astype(np.int64)
    current = np.asarray(encoded.state.allocatable) * alive
    delta = np.zeros((len(changes), len(encoded.resources)), dtype=np.int64)
    for i, change in enumerate(changes):
        delta[i] = change.allocatable - current[:, change.node]
        current[:, change.node] = change.allocatable
    return position.astype(np.int64), delta

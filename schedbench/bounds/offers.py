"""What each node offers at its best, over all its versions, and to whom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.gpu import gpu_devices
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.ports import conflicts, host_ports
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.plugins.registry import plugin_class
from schedbench.scheduler.profile import DEFAULT_FILTERS

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload

MOST_PORTS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Offers:
    """The nodes one by one: `N` slots, `S` static rows, `Q` columns.

    Attributes
    ----------
    amount : int64[N, Q]
        The most of each resource that the node ever offers, then 1 for each port.
    devices : int64[N]
        The most GPU devices it ever has.
    takes : bool[S, N]
        Whether some version of the node takes the pods of a static row.
    ports : int64[C, ports]
        1 where a class takes the port; two ports that clash have a column together.
    final : int64[R]
        What the nodes of the end offer together, by resource row.
    final_devices
        Their GPU devices.
    """

    amount: NDArray[np.int64]
    devices: NDArray[np.int64]
    takes: NDArray[np.bool_]
    ports: NDArray[np.int64]
    final: NDArray[np.int64]
    final_devices: int


def offers_of(encoded: EncodedWorkload) -> Offers:
    """Return what the nodes offer."""
    table = NodeTable(encoded.initial_nodes)
    filters = [plugin_class(name)() for name in DEFAULT_FILTERS]

    def taken(slots: slice) -> NDArray[np.bool_]:
        rows = [
            [plugin.static_filter(pod, table, slots).code == 0 for plugin in filters]
            for pod in encoded.static_pods
        ]
        count = len(range(*slots.indices(len(table))))
        shape = (len(encoded.static_pods), len(filters), count)
        return np.asarray(np.array(rows, dtype=np.bool_).reshape(shape).all(axis=1))

    now = np.asarray(encoded.state.allocatable).T.copy()
    devices = np.count_nonzero(np.asarray(encoded.state.gpu_free) >= 0, axis=0)
    alive = np.asarray(encoded.state.alive).astype(np.bool_)
    takes = taken(slice(0, len(table))) & alive
    amount, most = now.copy(), devices.copy()
    for event in encoded.workload.node_events:
        slot = table.slots[event.node.metadata.name]
        if event.change == "remove":
            now[slot], devices[slot] = 0, 0
            continue
        table.update(slot, event.node)
        now[slot], devices[slot] = (
            encoded.allocatable(event.node),
            gpu_devices(event.node),
        )
        np.maximum(amount[slot], now[slot], out=amount[slot])
        most[slot] = max(most[slot], devices[slot])
        takes[:, slot] |= taken(slice(slot, slot + 1))[:, 0]
    ports = _ports(encoded)
    ones = np.ones((len(amount), ports.shape[1]), dtype=np.int64)
    return Offers(
        amount=np.hstack([amount, ones]),
        devices=most.astype(np.int64),
        takes=takes,
        ports=ports,
        final=now.sum(axis=0),
        final_devices=int(devices.sum()),
    )


def _ports(encoded: EncodedWorkload) -> NDArray[np.int64]:
    """Return which classes take which ports, or pairs of ports that clash.

    Of two pods in one column at most one fits a node; beyond `MOST_PORTS` columns the
    rest is left out, which only allows more.
    """
    wanted = [host_ports(pod) for pod in encoded.class_pods]
    known = Vocabulary(port for ports in wanted for port in ports)
    columns = {(index, index) for index in range(len(known))}
    for index, port in enumerate(known):
        columns |= {(index, other) for other in conflicts(port, known) if other > index}
    chosen = sorted(columns)[:MOST_PORTS]
    found = np.zeros((len(wanted), len(chosen)), dtype=np.int64)
    own = [{known[port] for port in ports} for ports in wanted]
    for place, pair in enumerate(chosen):
        found[:, place] = [not ports.isdisjoint(pair) for ports in own]
    return found

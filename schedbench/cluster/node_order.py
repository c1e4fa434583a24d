"""The order in which the scheduler walks the nodes: zone by zone in turn.

Source: kubernetes v1.34 pkg/scheduler/backend/cache (node_tree.go, cache.go) and
component-helpers node/topology. The tree changes with every node event; the list is
read from it again only at an attempt before which the set of nodes has changed.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.objects.node import Node

Zone: TypeAlias = tuple[str, str]

_REGION = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
_ZONE = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")


class NodeOrder:
    """The scheduler's own list of nodes, by slot.

    A node that leaves and returns between two attempts, or changes its zone, moves in
    the tree, but keeps its place in the list until the set of nodes changes.
    """

    def __init__(self) -> None:
        self._zones: dict[Zone, dict[int, None]] = {}
        self._zone_of: dict[int, Zone] = {}
        self._unlisted: set[int] = set()
        self._list = np.empty(0, dtype=np.int32)

    def __len__(self) -> int:
        return len(self._zone_of)

    def add(self, slot: int, node: Node) -> None:
        """Let a node join or change; one whose zone stays the same keeps its place."""
        zone = zone_of(node)
        before = self._zone_of.get(slot)
        if before == zone:
            return
        if before is None:
            self._unlisted ^= {slot}
        else:
            self._take(slot, before)
        self._zones.setdefault(zone, {})[slot] = None
        self._zone_of[slot] = zone

    def remove(self, slot: int) -> None:
        """Let a node leave; nothing happens if it is not there."""
        zone = self._zone_of.pop(slot, None)
        if zone is not None:
            self._take(slot, zone)
            self._unlisted ^= {slot}

    def refresh(self) -> NDArray[np.int32]:
        """Return the list for an attempt, int32[nodes]: slots in walking order.

        One node of each zone a turn, zones in the order first seen; zones that have
        no more are passed over. The array is shared until the next change.
        """
        self._list = self.peek()
        self._unlisted.clear()
        return self._list

    def peek(self) -> NDArray[np.int32]:
        """Return the list that an attempt made now would see, int32[nodes]."""
        return self._interleaved() if self._unlisted else self._list

    def _take(self, slot: int, zone: Zone) -> None:
        """Take a node out of its zone; an emptied zone is forgotten."""
        nodes = self._zones[zone]
        del nodes[slot]
        if not nodes:
            del self._zones[zone]

    def _interleaved(self) -> NDArray[np.int32]:
        turn = [index for nodes in self._zones.values() for index in range(len(nodes))]
        slots = [slot for nodes in self._zones.values() for slot in nodes]
        order = np.argsort(np.array(turn, dtype=np.int64), kind="stable")
        return np.array(slots, dtype=np.int32)[order]


def zone_of(node: Node) -> Zone:
    """Return the (region, zone) of a node; where both labels are there the beta wins.

    A beta label that is there but empty wins too. Without any it is ("", "").
    """
    labels = node.metadata.labels
    region, zone = (
        next((labels[key] for key in keys if key in labels), "")
        for keys in (_REGION, _ZONE)
    )
    return region, zone

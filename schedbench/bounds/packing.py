"""A snapshot: so many pods of each kind at one instant, and what limits them.

A column is anything that items fill bins with: a resource or a port (one bin a node,
one item a pod), or the GPU devices (several bins a node, as many items a pod as it
wants devices). What holds in each column alone is necessary for a placement, so every
bound on it bounds the placements.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.instance import Groups, Instance, Kinds
from schedbench.cluster.layout import GPU_DEVICE_MILLI


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """Items and bins of one resource.

    Attributes
    ----------
    size, items : int64[K]
        Size of each item of a kind, and how many a pod has, each in another bin.
    capacity : int64[G]
        Size of the largest bin of a group.
    total : int64[G]
        All bins of a group together.
    bins, bins_of_node : int64[G]
        How many bins a group has, and at most one of its nodes.
    """

    size: NDArray[np.int64]
    items: NDArray[np.int64]
    capacity: NDArray[np.int64]
    total: NDArray[np.int64]
    bins: NDArray[np.int64]
    bins_of_node: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Packing:
    """Pods of `K` kinds, each occurring, that may go to `G` groups of nodes.

    Attributes
    ----------
    count : int64[K]
        Pods of each kind; all of them fit some empty node.
    kinds, groups
        The kinds that occur, and all groups.
    index : int64[K]
        Number of each kind in the instance.
    """

    count: NDArray[np.int64]
    kinds: Kinds
    groups: Groups
    index: NDArray[np.int64]

    @property
    def pods(self) -> int:
        """How many pods there are."""
        return int(self.count.sum())

    def columns(self) -> list[Column]:
        """Return the columns that some pod asks for."""
        kinds, groups = self.kinds, self.groups
        one = np.ones(len(kinds), dtype=np.int64)
        found = [
            Column(
                kinds.request[:, q],
                one,
                groups.largest[:, q],
                groups.total[:, q],
                groups.size,
                np.ones(len(groups), dtype=np.int64),
            )
            for q in np.flatnonzero(kinds.request.any(axis=0))
        ]
        if kinds.devices.any():
            found.append(
                Column(
                    kinds.milli,
                    kinds.devices,
                    np.full(len(groups), GPU_DEVICE_MILLI, dtype=np.int64),
                    groups.devices_total * GPU_DEVICE_MILLI,
                    groups.devices_total,
                    groups.devices_largest,
                )
            )
        return found

    def most_on_node(self) -> NDArray[np.int64]:
        """Return how many pods of a kind fit a node without others, int64[K, G]."""
        most = np.where(self.groups.fits, self.count[:, None], 0)
        for column in self.columns():
            in_bin = column.capacity // np.maximum(column.size, 1)[:, None]
            items = np.maximum(column.items, 1)[:, None]
            asked = ((column.size > 0) & (column.items > 0))[:, None]
            limit = np.where(asked, column.bins_of_node * in_bin // items, most)
            most = np.minimum(most, limit)
        return most

    def most(self) -> NDArray[np.int64]:
        """Return how many pods of a kind fit a group without others, int64[K, G]."""
        on_nodes = self.most_on_node() * self.groups.size
        return np.asarray(np.minimum(on_nodes, self.count[:, None]))


def packing_of(instance: Instance, pods: NDArray[np.bool_]) -> Packing:
    """Return the snapshot of some pods, without those that fit no node.

    Parameters
    ----------
    pods : bool[P]
        Which pods of the stream.
    """
    count = instance.counts(pods) * instance.placeable
    index = np.flatnonzero(count)
    kinds, groups = instance.kinds, instance.groups
    return Packing(
        count[index],
        Kinds(
            kinds.request[index],
            kinds.devices[index],
            kinds.milli[index],
            kinds.static_row[index],
        ),
        dataclasses.replace(groups, fits=groups.fits[index]),
        index,
    )

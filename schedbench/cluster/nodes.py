"""The node objects as columns of ids: what static filters and scores read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schedbench.cluster.vocabulary import Vocabulary
from schedbench.errors import InputError
from schedbench.objects.node import Node
from schedbench.objects.taints import Taint

ABSENT = -1


def node_slots(nodes: Sequence[Node]) -> dict[str, int]:
    """Return node name → slot.

    Raises
    ------
    InputError
        If two nodes have the same name.
    """
    slots = {node.metadata.name: slot for slot, node in enumerate(nodes)}
    if len(slots) < len(nodes):
        seen: set[str] = set()
        for name in (node.metadata.name for node in nodes):
            if name in seen:
                raise InputError(
                    "two nodes have the same name",
                    where=f"Node {name}",
                    fix="rename one of them",
                )
            seen.add(name)
    return slots


class LabelColumn:
    """The values of one label key over all node slots.

    Attributes
    ----------
    ids : int32[N]
        Id of the node's value, `ABSENT` without the label.
    values
        The numbering of the values.
    """

    def __init__(self, key: str, nodes: Sequence[Node]) -> None:
        self.key = key
        self.values: Vocabulary[str] = Vocabulary()
        given = [node.metadata.labels.get(key) for node in nodes]
        ids = {value: self.values.add(value) for value in given if value is not None}
        found = [ABSENT if value is None else ids[value] for value in given]
        self.ids = np.array(found, dtype=np.int32)

    def set(self, slot: int, node: Node) -> None:
        """Read the label anew from a node object."""
        value = node.metadata.labels.get(self.key)
        self.ids[slot] = ABSENT if value is None else self.values.add(value)


class NodeTable:
    """Every node that a run will ever see, one slot each, in node order.

    Slots of nodes that join later hold the object they join with; whether a node is
    in the cluster is `ClusterState.alive`.

    Attributes
    ----------
    objects
        Slot → the node's present object.
    slots
        Node name → slot.
    taint_lists
        The distinct lists of taints.
    taint_list : int32[N]
        Index of the node's list.
    unschedulable : bool[N]
        `spec.unschedulable`.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.objects = list(nodes)
        self.slots = node_slots(nodes)
        self._taints: Vocabulary[tuple[tuple[str, str, str], ...]] = Vocabulary()
        self.taint_lists: list[tuple[Taint, ...]] = []
        self._labels: dict[str, LabelColumn] = {}
        lists = [self._taint_list(node) for node in self.objects]
        self.taint_list = np.array(lists, dtype=np.int32)
        unschedulable = [node.spec.unschedulable for node in self.objects]
        self.unschedulable = np.array(unschedulable, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.objects)

    def label(self, key: str) -> LabelColumn:
        """Return the column of a label key, made when it is first asked for."""
        if key not in self._labels:
            self._labels[key] = LabelColumn(key, self.objects)
        return self._labels[key]

    def update(self, slot: int, node: Node) -> None:
        """Replace the object of a slot."""
        self.objects[slot] = node
        self.taint_list[slot] = self._taint_list(node)
        self.unschedulable[slot] = node.spec.unschedulable
        for column in self._labels.values():
            column.set(slot, node)

    def _taint_list(self, node: Node) -> int:
        taints = node.spec.taints
        key = tuple([(taint.key, taint.value, taint.effect) for taint in taints])
        index = self._taints.add(key)
        if index == len(self.taint_lists):
            self.taint_lists.append(tuple(taints))
        return index

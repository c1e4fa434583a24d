"""What the scheduler's cache knows of the images on the nodes.

Source: kubernetes v1.34 pkg/scheduler/backend/cache: an image has the size that the
first node with it reported; a node's own entry holds how many nodes had the image
when that entry was last refreshed, which a change of the node or its pods causes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schedbench.cluster.vocabulary import Vocabulary
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

MIB = 2**20
LEAST_SIZE = 23 * MIB
MOST_SIZE = 1000 * MIB
MAX_SCORE = 100


class ImageTable:
    """The image score of each class of pods on each node, kept as the cache keeps it.

    Attributes
    ----------
    row : int32[C]
        Row of each class: classes that agree in their images share one.
    score : int64[rows, N]
        0..100; the size of the pod's images on the node, weighed by how many have them.
    scored : uint8[rows]
        1 where some score of the row is not zero.
    """

    def __init__(self, pods: Sequence[Pod], nodes: int) -> None:
        lists: Vocabulary[tuple[str, ...]] = Vocabulary()
        self.row = np.array([lists.add(_images(pod)) for pod in pods], dtype=np.int32)
        self._lists = list(lists)
        self._owners: dict[str, tuple[int, set[int]]] = {}
        self._nodes: dict[int, Node] = {}
        self._touched: set[int] = set()
        self._entries: dict[int, dict[str, tuple[int, int]]] = {}
        self._counted = 0
        self._has_any = False
        self.score = np.zeros((len(self._lists), nodes), dtype=np.int64)
        self.scored = np.zeros(len(self._lists), dtype=np.uint8)

    def put(self, slot: int, node: Node) -> None:
        """Let a node come, or change."""
        self.drop(slot)
        self._nodes[slot] = node
        self.touch(slot)
        for image in node.status.images:
            self._has_any = True
            for name in image.names:
                owners = self._owners.setdefault(name, (image.size_bytes, set()))
                owners[1].add(slot)

    def drop(self, slot: int) -> None:
        """Let a node go."""
        node = self._nodes.pop(slot, None)
        for image in node.status.images if node else ():
            for name in image.names:
                if name in self._owners:
                    self._owners[name][1].discard(slot)
                    if not self._owners[name][1]:
                        del self._owners[name]

    def touch(self, slot: int) -> None:
        """Note that a node or its pods changed: its entry is refreshed at a look."""
        self._touched.add(slot)

    def adopt(self, other: ImageTable) -> None:
        """Know what another table knows, of the same slots and perhaps more."""
        self._owners, self._nodes = other._owners, other._nodes
        self._touched, self._entries = other._touched, other._entries
        self._counted, self._has_any = other._counted, other._has_any
        for slot, entry in self._entries.items():
            if entry and slot in self._nodes and self._counted:
                self._rate(slot, entry)

    def look(self) -> None:
        """Refresh the entries of touched nodes, as an attempt does, and the scores."""
        if not self._has_any:
            return
        stale = self._touched & self._nodes.keys()
        for slot in stale:
            self._entries[slot] = {
                name: (self._owners[name][0], len(self._owners[name][1]))
                for image in self._nodes[slot].status.images
                for name in image.names
            }
        self._touched.clear()
        if self._counted != len(self._nodes):
            self._counted = len(self._nodes)
            stale = set(self._nodes)
        for slot in stale:
            self._rate(slot, self._entries[slot])
        self.scored[:] = self.score.any(axis=1)

    def _rate(self, slot: int, entry: dict[str, tuple[int, int]]) -> None:
        for row, images in enumerate(self._lists):
            self.score[row, slot] = self._score(images, entry) if entry else 0

    def _score(self, images: tuple[str, ...], entry: dict[str, tuple[int, int]]) -> int:
        total = 0
        for name in images:
            size, count = entry.get(name, (0, 0))
            total += int(size * (count / self._counted))
        most = MOST_SIZE * len(images)
        clamped = min(max(total, LEAST_SIZE), most)
        return MAX_SCORE * (clamped - LEAST_SIZE) // (most - LEAST_SIZE)


def _images(pod: Pod) -> tuple[str, ...]:
    containers = [*pod.spec.init_containers, *pod.spec.containers]
    return tuple(normalized_name(container.image) for container in containers)


def normalized_name(image: str) -> str:
    """Return an image's name with the tag `latest` if it has none."""
    tagged = ":" in image.rsplit("/", 1)[-1]
    return image if tagged else f"{image}:latest"

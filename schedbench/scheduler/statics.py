"""The static tables of a profile: filters and scores of the node object alone.

They are computed once for each (static row, node), and again for a node whose object
changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schedbench.cluster.images import ImageTable
from schedbench.cluster.layout import StaticTable
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Plugin
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.taint_toleration import TaintToleration


class Statics:
    """The table of a profile over the static rows of a workload.

    Attributes
    ----------
    table
        What kernels read.
    reasons
        (plugin, reason) by id; the table holds id + 1.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        pods: Sequence[Pod],
        nodes: NodeTable,
        images: ImageTable,
        affinity: NodeAffinity,
    ) -> None:
        self._plugins = plugins
        self._pods = pods
        self._nodes = nodes
        self._affinity = affinity
        self._scores = (TaintToleration().static_score, affinity.static_score)
        self.reasons: Vocabulary[tuple[str, str]] = Vocabulary()
        shape = (len(pods), len(nodes))
        self.table = StaticTable(
            reason=np.zeros(shape, dtype=np.int16),
            raw=np.zeros((2, *shape), dtype=np.int64),
            skip=np.zeros((2, len(pods)), dtype=np.uint8),
            scored=np.zeros((2, len(pods)), dtype=np.uint8),
            image_row=images.row,
            image=images.score,
            image_scored=images.scored,
        )
        self.refresh(slice(0, len(nodes)))

    def refresh(self, slots: slice) -> None:
        """Compute the tables anew for some node slots."""
        for row, pod in enumerate(self._pods):
            self._refresh_filters(row, pod, slots)
            for index, score in enumerate(self._scores):
                raw = self.table.raw[index, row]
                raw[slots] = score(pod, self._nodes, slots)
                self.table.scored[index, row] = raw.any()
            self.table.skip[1, row] = not self._affinity.preferred(pod)

    def _refresh_filters(self, row: int, pod: Pod, slots: slice) -> None:
        result = self.table.reason[row, slots]
        result[:] = 0
        for plugin in self._plugins:
            verdict = plugin.static_filter(pod, self._nodes, slots)
            ids = [
                self.reasons.add((plugin.name, reason)) + 1
                for reason in verdict.reasons
            ]
            code = np.array([0, *ids], dtype=np.int16)[verdict.code]
            np.copyto(result, code, where=result == 0)

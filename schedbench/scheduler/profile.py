"""A profile: which plugins filter and score, their weights, and the tie rule.

A policy made of plugins is a profile; kube-scheduler's default is one of them.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.plugins.base import (
    Plugin,
    ScoreColumns,
    ScoreKind,
    ScorePlugin,
    no_target,
)
from schedbench.plugins.gpu_share import DeviceRule
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.registry import plugin_class

DEFAULT_FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "GpuShare",
    "PodTopologySpread",
    "InterPodAffinity",
)
"""The default filters of v1.34 in their order, as far as modelled, then GPU sharing.

GpuShare is not upstream's; it rejects only for pods that ask for shares.
"""


Configured = TypeVar("Configured", bound=ScorePlugin)


class Tie(enum.IntEnum):
    """Which of the nodes of greatest total is taken.

    `FIRST` in node order; `RANDOM` uniformly, as kube-scheduler does; `NEXT` in node
    order after the node that was chosen last, cyclically.
    """

    FIRST = 0
    RANDOM = 1
    NEXT = 2


@dataclasses.dataclass(frozen=True, slots=True)
class WeightedScore:
    """A score plugin and the weight of its normalized score in the total."""

    plugin: ScorePlugin
    weight: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """How to choose a node.

    Attributes
    ----------
    name
        For messages.
    scores
        The score plugins; none = every feasible node is as good as any other.
    filters
        Names of the filter plugins, in the order in which they reject.
    tie
        The tie rule.
    configured
        Plugins with arguments, for those that filter without scoring.
    custom
        A compiled `score(cluster, node, pod)` that replaces all score plugins.
    custom_key
        Names what `custom` computes: its source and parameters, hashed.
    devices
        Which GPU device a share takes on the chosen node.
    percentage
        Of the nodes, enough to score if they are feasible (percentageOfNodesToScore);
        100 = all nodes, 0 = adaptive.
    """

    name: str
    scores: Sequence[WeightedScore] = ()
    filters: Sequence[str] = DEFAULT_FILTERS
    tie: Tie = Tie.RANDOM
    configured: Sequence[ScorePlugin] = ()
    custom: Callable[..., float] | None = None
    custom_key: str = ""
    devices: DeviceRule = DeviceRule.FULLEST
    percentage: int = 100

    def plugin(self, kind: type[Configured]) -> Configured | None:
        """Return the profile's plugin of a kind, as configured; None if it has none."""
        scored = (score.plugin for score in self.scores)
        for plugin in (*self.configured, *scored):
            if isinstance(plugin, kind):
                return plugin
        return kind() if kind.name in self.filters else None

    def filter_plugins(self) -> list[Plugin]:
        """Return the filter plugins, in order, as configured."""
        known: dict[str, Plugin] = {
            score.plugin.name: score.plugin for score in self.scores
        }
        known |= {plugin.name: plugin for plugin in self.configured}
        return [known.get(name) or plugin_class(name)() for name in self.filters]

    def filters_off(self) -> frozenset[str]:
        """Return the default filters that are off, or let some resources pass."""
        off = set(DEFAULT_FILTERS) - set(self.filters)
        fit = self.plugin(NodeResourcesFit)
        if fit is not None and (fit.ignored or fit.ignored_groups):
            off.add(fit.name)
        return frozenset(off)

    def columns(self, resources: Sequence[str], state: ClusterState) -> ScoreColumns:
        """Return the scores as kernels read them.

        Resources without a row are left out: no pod asks for them, so they would
        drop out of every score.
        """
        if self.custom is not None:
            return _columns([(ScoreKind.CUSTOM, 1, [], [])], state)
        row_of = {name: row for row, name in enumerate(resources)}
        entries = [
            (
                score.plugin.kind,
                score.weight,
                [
                    (row_of[name], weight)
                    for name, weight in score.plugin.resources
                    if name in row_of
                ],
                list(score.plugin.shape),
            )
            for score in self.scores
        ]
        return _columns(entries, state)


def _columns(
    entries: list[tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]]],
    state: ClusterState,
) -> ScoreColumns:
    count = len(entries)
    width = max((len(entry[2]) for entry in entries), default=0)
    points = max((len(entry[3]) for entry in entries), default=0)
    rows = np.zeros((count, width), dtype=np.int64)
    weights = np.zeros((count, width), dtype=np.int64)
    shape = np.zeros((count, 2, points), dtype=np.int64)
    for k, (_, _, scored, shape_points) in enumerate(entries):
        for m, (row, weight) in enumerate(scored):
            rows[k, m] = row
            weights[k, m] = weight
        for x, point in enumerate(shape_points):
            shape[k, :, x] = point
    largest = state.allocatable.max(axis=1, initial=0).astype(np.float64)
    gpu_total = np.maximum(state.gpu_free, 0).sum(axis=0).max(initial=0)
    return ScoreColumns(
        kind=_ints(entry[0] for entry in entries),
        weight=_ints(entry[1] for entry in entries),
        rows=rows,
        row_weight=weights,
        row_count=_ints(len(entry[2]) for entry in entries),
        shape=shape,
        shape_count=_ints(len(entry[3]) for entry in entries),
        largest=np.where(largest > 0, largest, 1.0),
        largest_gpu=float(max(gpu_total, 1)),
        target=no_target(),
    )


def _ints(values: Any) -> Any:
    return np.array(list(values), dtype=np.int64)

"""A synthetic cluster and its streams of pods, made into one workload."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable
from schedbench.objects.workload import PodStream
from schedbench.sources.gpu import GPU_COUNT, GPU_MILLI, MILLI_PER_GPU
from schedbench.sources.synthetic.nodes import (
    NodePool,
    make_nodes,
    pool_counts,
)


class SyntheticCluster(Struct, forbid_unknown_fields=True, kw_only=True):
    """Pools of nodes over zones; `nodes` is divided among the pools with a share."""

    pools: Annotated[list[NodePool], Meta(min_length=1)]
    nodes: Annotated[int, Meta(ge=0)] | None = None
    zones: Annotated[int, Meta(ge=0, le=1000)] = 0
    regions: Annotated[int, Meta(ge=1, le=1000)] = 1

    def __post_init__(self) -> None:
        names = [pool.name for pool in self.pools]
        if len(set(names)) < len(names):
            raise ValueError("two pools have the same name")
        try:
            pool_counts(self.pools, self.nodes)
        except InputError as error:
            raise ValueError(str(error)) from None

    def counts(self) -> list[int]:
        """Return the number of nodes of each pool."""
        return pool_counts(self.pools, self.nodes)

    def make(self) -> list[Node]:
        """Return the nodes."""
        return make_nodes(self.pools, self.counts(), self.zones, self.regions)


def cluster_capacity(nodes: Sequence[Node]) -> dict[str, int]:
    """Return the allocatable resources of all nodes together, in base units.

    Shared devices count as thousandths, under `GPU_MILLI`.
    """
    alike = Counter(id(node.status) for node in nodes)
    total: Counter[str] = Counter()
    for node in {id(node.status): node for node in nodes}.values():
        for name, amount in node_allocatable(node).items():
            total[name] += amount * alike[id(node.status)]
    total[GPU_MILLI] = MILLI_PER_GPU * total[GPU_COUNT]
    return dict(total)


def join_streams(streams: Sequence[PodStream]) -> PodStream:
    """Merge streams by arrival; at equal times the earlier stream comes first."""
    if len(streams) == 1:
        return streams[0]
    templates: list[Pod] = []
    index: list[np.ndarray] = []
    given: list[str | None] = []
    for each in streams:
        index.append(each.template + len(templates))
        templates.extend(each.templates)
        given.extend([None] * len(each) if each.names is None else each.names)
    arrival = np.concatenate([each.arrival for each in streams])
    order = np.argsort(arrival, kind="stable")
    joined = PodStream.of(
        templates,
        np.concatenate(index).astype(np.int32)[order],
        arrival=arrival[order],
        duration=np.concatenate([each.duration for each in streams])[order],
        deletion=np.concatenate([each.deletion for each in streams])[order],
        node=np.concatenate([each.node for each in streams])[order],
        measured=np.concatenate([each.measured for each in streams])[order],
    )
    if all(each.names is None for each in streams):
        return joined
    names = [given[old] or joined.name(new) for new, old in enumerate(order)]
    return dataclasses.replace(joined, names=names)


def decode_objects(documents: Sequence[dict[str, Any]], source: str) -> list[Any]:
    """Decode further API objects of a scenario, such as priority classes."""
    return [decode_object(document, source) for document in documents]

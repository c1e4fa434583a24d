"""An imported trace as a workload: pods and nodes as Kubernetes would have them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.sources.synthetic.pods import ranks
from schedbench.sources.traces.folder import (
    ALIKE,
    Columns,
    iterate_pods,
    read_about,
    read_columns,
)
from schedbench.sources.traces.made import (
    group_limits,
    limited_nodes,
    make_groups,
    make_nodes,
    make_pod,
)
from schedbench.sources.traces.options import Trace
from schedbench.sources.traces.sampling import (
    bootstrap,
    scaled_nodes,
    thin,
    units,
    warp,
)
from schedbench.sources.traces.target import NODES
from schedbench.sources.traces.writer import numbered

if TYPE_CHECKING:
    import pyarrow as pa

SHORTEST = 1e-3
"""Seconds that a pod runs which the trace says ran for none."""


def load_trace(
    folder: Path, options: Trace, seed: int, nodes: Sequence[Node] = ()
) -> Workload:
    """Make the workload of an imported trace.

    Parameters
    ----------
    nodes
        The cluster instead of the trace's own.

    Raises
    ------
    InputError
        If the folder is no import, or nothing of it is left.
    """
    about = read_about(folder)
    pods = _read(folder, options)
    before = len(pods)
    notes: list[str] = []
    pods = _window(pods, options)
    share = options.thin
    if options.thin < 1:
        pods = thin(pods, options.thin, seed)
    if options.bootstrap is not None and len(pods):
        share *= options.bootstrap / (int(units(pods).max()) + 1)
        pods = bootstrap(pods, options.bootstrap, seed)
    if options.rate != 1:
        pods = warp(pods, options.rate)
    pods = _distinct(pods, notes)
    if not len(pods):
        raise InputError("no pods are left", source=folder, fix="keep more of them")
    if len(pods) != before:
        notes.append(f"{len(pods):,} pods are played, of {before:,} of the trace.")
    if (np.diff(pods["submit"]) < 0).any():
        pods = pods.take(np.argsort(pods["submit"], kind="stable"))
    held = group_limits(pods)
    events: list[NodeEvent] = []
    if nodes:
        nodes = limited_nodes(nodes, held)
    else:
        rows = read_columns(folder, pods=False)
        share = options.nodes or share
        if share != 1:
            rows = scaled_nodes(rows, share)
        nodes, events = make_nodes(rows, options, held)
        if not nodes and not events:
            raise InputError(
                "the trace has no nodes",
                source=folder / NODES,
                fix="give the scenario a cluster beside the trace",
            )
    stream, objects = _stream(pods, options, notes)
    return Workload(
        f"trace/{about['source']}",
        nodes,
        stream,
        objects=objects,
        node_events=events,
        notes=notes,
    )


def _read(folder: Path, options: Trace) -> Columns:
    """Return the pods, without columns that the workload does not show.

    Names of groups, of which there may be nearly as many as pods, take most of the
    time to read: they count for gangs and limits only.
    """
    but = {"start", "estimate", "queue", "censored"}
    if not options.namespaces:
        but.add("user")
    if not any(
        (rows["gang_size"] > 1).any() or (rows["max_per_node"] > 0).any()
        for rows in iterate_pods(folder, ("gang_size", "max_per_node"))
    ):
        but.add("group")
    return read_columns(folder, but=but)


def _distinct(pods: Columns, notes: list[str]) -> Columns:
    """Add numbers to pods whose id an earlier one has."""
    import dataclasses

    import pyarrow as pa
    import pyarrow.compute as pc

    assert pods.ids is not None
    if pc.count_distinct(pods.ids).as_py() == len(pods):
        return pods
    codes = np.asarray(pods.ids.dictionary_encode().indices)
    order = np.argsort(codes, kind="stable")
    fresh = np.diff(codes[order], prepend=-1) != 0
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    copy = np.empty(len(order), dtype=np.int64)
    copy[order] = np.arange(len(order)) - start
    notes.append(
        f"{int((copy > 0).sum()):,} pods have the id of an earlier one: they are "
        "numbered."
    )
    told = pc.if_else(pa.array(copy == 0), pods.ids, numbered(pods.ids, copy))
    return dataclasses.replace(pods, ids=told)


def _window(pods: Columns, options: Trace) -> Columns:
    if options.first == 0 and options.last is None:
        return pods
    submit = pods["submit"]
    last = math.inf if options.last is None else options.last
    pods = pods.take(np.flatnonzero((submit >= options.first) & (submit < last)))
    return pods.replaced(
        **{name: pods[name] - options.first for name in ("submit", "end")}
    )


def _stream(
    pods: Columns, options: Trace, notes: list[str]
) -> tuple[PodStream, list[Any]]:
    templates, template, objects = _templates(pods, options, notes)
    duration, end = pods["duration"], pods["end"]
    known = ~np.isnan(duration)
    instant = known & (duration < SHORTEST)
    if instant.any():
        notes.append(f"{int(instant.sum()):,} pods that ran for 0 s run for 1 ms.")
    gone = ~known & ~np.isnan(end)
    if gone.any():
        notes.append(
            f"{int(gone.sum()):,} pods never ran in the trace: they are deleted when "
            "they were there."
        )
    namespaces = [each.metadata.namespace or "default" for each in templates]
    stream = PodStream.of(
        templates,
        template,
        arrival=np.maximum(pods["submit"], 0.0),
        duration=np.where(known, np.maximum(duration, SHORTEST), np.inf),
        deletion=np.where(gone, np.maximum(end, 0.0), np.inf),
        names=Names(pods.ids, namespaces, template),
    )
    return stream, objects


def _templates(
    pods: Columns, options: Trace, notes: list[str]
) -> tuple[list[Pod], NDArray[np.int32], list[Any]]:
    """Return the distinct pods, each pod's index, and the groups of gangs."""
    keys = list(ALIKE)
    if not options.constraints:
        keys.remove("constraints")
    if options.namespaces:
        keys.append("user")
    in_gang = pods["gang_size"] > 1
    limited = pods["max_per_node"] > 0
    number = np.zeros(len(pods), dtype=np.int64)
    columns = [pods[name].astype(np.int64) for name in keys]
    group = np.zeros(len(pods), dtype=np.int64)
    if limited.any():
        group = np.where(limited, 1 + pods["group"], 0)
        columns.append(pods["max_per_node"])
    if options.gangs:
        group = np.where(in_gang, 1 + pods["group"], group)
    elif in_gang.any():
        notes.append(
            f"{int(in_gang.sum()):,} pods belong to gangs and are placed one by one; "
            "with trace.gangs=true a gang is placed together or not at all."
        )
    for column in (*columns, group):
        index, count = ranks(column)
        number, _ = ranks(number * count + index)
    first = np.zeros(int(number.max()) + 1, dtype=np.int64)
    first[number[::-1]] = np.arange(len(pods))[::-1]
    limits = group_limits(pods)
    templates = [make_pod(pods, int(row), options, limits) for row in first]
    objects = make_groups(pods, templates, first) if options.gangs else []
    return templates, number.astype(np.int32), objects


class Names(Sequence[str]):
    """`namespace/id` of each pod, made when it is asked for."""

    def __init__(
        self, ids: pa.Array, namespaces: Sequence[str], template: NDArray[np.int32]
    ) -> None:
        self._ids, self._namespaces, self._template = ids, namespaces, template

    def __len__(self) -> int:
        return len(self._template)

    @overload
    def __getitem__(self, pod: int) -> str: ...
    @overload
    def __getitem__(self, pod: slice) -> list[str]: ...
    def __getitem__(self, pod: int | slice) -> str | list[str]:
        if isinstance(pod, slice):
            return [self[each] for each in range(*pod.indices(len(self)))]
        namespace = self._namespaces[int(self._template[pod])]
        return f"{namespace}/{self._ids[pod].as_py()}"

    def __iter__(self) -> Iterator[str]:
        spaces = self._namespaces
        for kind, name in zip(
            self._template.tolist(), self._ids.to_pylist(), strict=True
        ):
            yield f"{spaces[kind]}/{name}"

"""Pods as they come and go, and whole workloads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from schedbench.objects.workload import PodStream, Workload
from strategies.node_objects import clusters, instants, node_events
from strategies.other_objects import cluster_objects
from strategies.pod_objects import pods
from strategies.words import GPU


@st.composite
def pod_streams(
    draw: st.DrawFn,
    node_names: Sequence[str],
    *,
    max_size: int = 15,
    gpu: bool = False,
    time: bool = True,
    bound: bool = True,
    features: Collection[str] = (),
) -> PodStream:
    """Draw pods over a few templates.

    With `time` they arrive, end and are deleted at instants that often coincide;
    without, all come at 0 and stay. With `bound` some that want no GPU come bound.
    """
    kinds = draw(st.integers(1, 4))
    templates = [
        draw(pods(node_names, name=f"kind-{i}", gpu=gpu, features=features))
        for i in range(kinds)
    ]
    count = draw(st.integers(0, max_size))
    template = draw(_column(st.integers(0, kinds - 1), count))
    arrival = np.zeros(count)
    duration = deletion = np.full(count, np.inf)
    if time:
        arrival = np.sort(np.array(draw(_column(instants, count)), dtype=float))
        lengths = st.sampled_from((1.0, 2.0, 3.0, 5.0, np.inf))
        duration = np.array(draw(_column(lengths, count)), dtype=float)
        lives = st.sampled_from((1.0, 4.0, np.inf, np.inf, np.inf))
        deletion = arrival + np.array(draw(_column(lives, count)), dtype=float)
    node = np.full(count, -1)
    if bound:
        places = st.sampled_from((-1, -1, -1, *range(len(node_names))))
        node = np.array(draw(_column(places, count)), dtype=int)
        wants = [f"{GPU}-count" in pod.metadata.annotations for pod in templates]
        node[[wants[i] for i in template]] = -1
    return PodStream.of(
        templates,
        np.array(template, dtype=np.int32),
        arrival=arrival,
        duration=duration,
        deletion=deletion,
        node=node,
    )


@st.composite
def workloads(
    draw: st.DrawFn,
    *,
    max_nodes: int = 6,
    max_pods: int = 15,
    gpu: bool = False,
    time: bool = True,
    bound: bool = True,
    changes: bool = True,
    features: Collection[str] = (),
) -> Workload:
    """Draw a cluster, its pods and, with `changes`, its node events.

    With `features` of `FEATURES` also the objects that these need.
    """
    cluster = draw(clusters(max_size=max_nodes, gpu=gpu, features=features))
    names = [node.metadata.name for node in cluster]
    stream = pod_streams(
        names, max_size=max_pods, gpu=gpu, time=time, bound=bound, features=features
    )
    events = draw(node_events(cluster, gpu=gpu, features=features)) if changes else []
    objects = draw(cluster_objects(features)) if features else []
    return Workload("drawn", cluster, draw(stream), objects, node_events=events)


def _column(values: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=count, max_size=count)

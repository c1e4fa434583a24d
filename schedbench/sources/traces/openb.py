"""The Alibaba GPU trace of 2023, openb, as the experiment of FGD uses it.

Source: Weng, Yang et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads
with Fragmentation Gradient Descent" (USENIX ATC 2023), and its public simulator's data.
Pods come in a shuffled order, then clones of them until the requests reach a multiple
of the cluster's GPU capacity ("tuning"); none of them ends. Nodes are in the order of
a random rank, which decides ties.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta, Quantity
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, Workload
from schedbench.rng import stream
from schedbench.sources.gpu import MILLI_PER_GPU, gpu_annotations
from schedbench.sources.traces.columns import read_table, whole_numbers
from schedbench.sources.traces.openb_published import (
    Curves,
    published_curves,
)
from schedbench.sources.traces.openb_tables import (
    NODES,
    ORDER,
    RANK,
    Key,
    TracePods,
    pods_file,
    published,
    read_nodes,
    read_pods,
)

TUNE = 1.3
TYPICAL_SHARE = 0.95


def load_openb(
    data: Path, trace: str, seed: int, *, tune: float = TUNE, times: bool = False
) -> Workload:
    """Read the cluster and one list of pods, in the arrival order of a seed.

    For the seeds and the ratio of the published runs the order and the node ranks are
    those of the data; any other seed draws its own, by the same rules.

    Parameters
    ----------
    tune
        Request of all pods in multiples of the GPU capacity; 0 = the file as it is.
    times
        Whether pods arrive and end at the trace's times. Without it, one pod arrives
        each simulated second, and none ends. With it nothing is shuffled or tuned.

    Raises
    ------
    InputError
        If a file is missing or a cell is wrong, told by file, row and column.
    """
    path = pods_file(data, trace)
    nodes, gpus = read_nodes(data / NODES)
    pods = read_pods(path)
    notes: list[str] = []
    rank = published(data / RANK.format(trace=trace), seed, len(nodes))
    if rank is None:
        names = [node.metadata.name for node in nodes]
        rank = np.empty(len(nodes), dtype=np.int64)
        by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=int)
        rank[by_name] = stream(seed, "openb/ranks").permutation(len(nodes))
        notes.append(f"Seed {seed} is not among the data's: it drew its own ranks.")
    ordered = [nodes[index] for index in np.argsort(rank, kind="stable")]
    if times:
        arriving = _timed(pods, path)
    else:
        order = _arrival_order(data, trace, pods, gpus, tune, seed, notes)
        arriving = _stream(pods, order)
    return Workload(
        f"openb/{trace}",
        ordered,
        arriving,
        typical_pods=typical_pods(pods),
        published={} if times or tune != TUNE else _published(data, trace, seed),
        notes=notes,
    )


def _published(data: Path, trace: str, seed: int) -> Curves:
    """Return the published curves of a seed whose order is published, too."""
    if not (data / ORDER.format(trace=trace)).is_file():
        return {}
    return published_curves(data, trace, seed)


def typical_pods(pods: TracePods) -> list[tuple[Pod, float]]:
    """Return the most frequent kinds of pods and their popularity, which sums to 1.

    Kinds are taken by falling count, ties by falling key, until they cover 95 % of all
    pods; memory is ignored (FGD, section 5 of the paper and the simulator's code).
    """
    total = len(pods)
    counts = Counter(pods.keys())
    ranked = sorted(counts, key=lambda key: (counts[key], key), reverse=True)
    covered = taken = 0
    for key in ranked:
        if covered >= TYPICAL_SHARE * total:
            break
        covered += counts[key]
        taken += 1
    return [
        (
            _pod(f"typical-{index}", {"cpu": f"{key[0]}m"}, *key[1:]),
            (counts[key] / total) / (covered / total),
        )
        for index, key in enumerate(ranked[:taken])
    ]


def tuned_order(
    pods: TracePods, capacity: int, tune: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Shuffle the pods, then clone or drop some until they ask for `tune` x capacity.

    Returns row numbers in order of arrival; those behind the first n are clones. The
    first clone that would not fit ends the cloning, judged by one of its devices, as
    in the published simulator.
    """
    by_name = np.array(sorted(range(len(pods)), key=pods.names.__getitem__), dtype=int)
    order = rng.permutation(by_name)
    request = pods.request
    wanted = int(request.sum())
    target = tune * capacity
    if wanted > target:
        leaving = rng.permutation(len(order))
        left = wanted - np.cumsum(request[order[leaving]])
        gone = leaving[: int(np.argmax(left <= target)) + 1]
        return np.delete(order, gone)
    parts = [order]
    while wanted < target and wanted > 0:
        drawn = by_name[rng.integers(0, len(by_name), 1024)]
        before = wanted + np.cumsum(request[drawn]) - request[drawn]
        stops = before + pods.gpu_milli[drawn] > target
        if stops.any():
            parts.append(drawn[: int(np.argmax(stops))])
            break
        parts.append(drawn)
        wanted += int(request[drawn].sum())
    return np.concatenate(parts)


def _arrival_order(
    data: Path,
    trace: str,
    pods: TracePods,
    gpus: int,
    tune: float,
    seed: int,
    notes: list[str],
) -> NDArray[np.int64]:
    if tune == 0:
        return np.arange(len(pods))
    if tune == TUNE:
        order = published(data / ORDER.format(trace=trace), seed, len(pods))
        if order is not None:
            return order
    notes.append(f"Seed {seed} at ratio {tune:g} drew its own order of arrival.")
    rng = stream(seed, "openb/order")
    return tuned_order(pods, MILLI_PER_GPU * gpus, tune, rng)


def _stream(pods: TracePods, order: NDArray[np.int64]) -> PodStream:
    templates, template = _templates(pods)
    count = len(pods)
    rows = order.tolist()
    names = [f"default/{pods.names[row]}" for row in rows[:count]]
    names += [
        f"default/{pods.names[row]}-tuned-{clone}"
        for clone, row in enumerate(rows[count:])
    ]
    arrival = np.arange(len(order), dtype=np.float64)
    return PodStream.of(templates, template[order], arrival=arrival, names=names)


def _timed(pods: TracePods, path: Path) -> PodStream:
    """Return the pods at their own times; one never scheduled is deleted, not ended."""
    columns = ("creation_time", "deletion_time", "scheduled_time")
    table = read_table(path, columns)
    created, deleted, scheduled = (
        whole_numbers(path, column, table[column], empty=-1) for column in columns
    )
    deleted = np.where(deleted < 0, created, deleted)
    ran = scheduled >= 0
    order = np.argsort(created, kind="stable")
    lived = np.maximum(deleted - np.where(ran, scheduled, created), 0)
    duration = np.where(ran, lived, np.inf)
    deletion = np.where(ran, np.inf, np.maximum(deleted, created))
    templates, template = _templates(pods)
    return PodStream.of(
        templates,
        template[order],
        arrival=created[order].astype(np.float64),
        duration=duration[order],
        deletion=deletion[order],
        names=[f"default/{pods.names[row]}" for row in order],
    )


def _templates(pods: TracePods) -> tuple[list[Pod], NDArray[np.int32]]:
    """Return the distinct pods, in order of first use, and each row's index."""
    index: dict[tuple[Key, int], int] = {}
    keys = zip(pods.keys(), pods.memory_mib.tolist(), strict=True)
    template = [index.setdefault(key, len(index)) for key in keys]
    templates = [
        _pod(f"openb-{n}", {"cpu": f"{key[0]}m", "memory": f"{memory}Mi"}, *key[1:])
        for n, (key, memory) in enumerate(index)
    ]
    return templates, np.array(template, dtype=np.int32)


def _pod(
    name: str, requests: dict[str, Quantity], gpu_milli: int, num_gpu: int, spec: str
) -> Pod:
    annotations = gpu_annotations(num_gpu, gpu_milli, spec)
    meta = ObjectMeta(name=name, namespace="default", annotations=annotations)
    container = Container(
        name="main", resources=ResourceRequirements(requests=requests)
    )
    pod = Pod(metadata=meta, spec=PodSpec(containers=[container], priority=0))
    return default_pod(pod)

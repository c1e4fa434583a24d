"""The Alibaba GPU trace of 2023, openb, as the experiment of FGD uses it.

Source: Weng, Yang et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads
with Fragmentation Gradient Descent" (USENIX ATC 2023), and its public simulator's data.
Pods come in a shuffled order, then clones of them until the requests reach a multiple
of the cluster's GPU capacity ("tuning"); none of them ends. Nodes are in the order of
a random rank, which decides ties.
"""

from __future__ import annotations

import dataclasses
import zipfile
from collections import Counter
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError, UnknownNameError
from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta, Quantity
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, Workload
from schedbench.rng import stream
from schedbench.sources.gpu import GPU_COUNT, GPU_MODEL, MILLI_PER_GPU, gpu_annotations
from schedbench.sources.traces.columns import read_table, whole_numbers

NODES = "nodes/openb_node_list_gpu_node.csv"
PODS = "pods/openb_pod_list_{trace}.csv"
ORDER = "arrival/pod_order_{trace}.npz"
RANK = "arrival/node_rank_{trace}.npz"
PODS_PER_NODE = 1001
TUNE = 1.3
TYPICAL_SHARE = 0.95

Key: TypeAlias = tuple[int, int, int, str]
"""cpu_milli, gpu_milli, num_gpu and gpu_spec: what makes a pod typical."""


def openb_files(data: Path, trace: str) -> list[Path]:
    """Return the files that `load_openb` reads, those of them that are there.

    Raises
    ------
    InputError
        If the folder holds no such trace.
    """
    spelled = (each.format(trace=trace) for each in (NODES, PODS, ORDER, RANK))
    _pods_file(data, trace)
    return [data / each for each in spelled if (data / each).is_file()]


@dataclasses.dataclass(frozen=True, slots=True)
class TracePods:
    """The rows of a list of pods, in the order of the file; int64[row] columns."""

    names: list[str]
    cpu_milli: NDArray[np.int64]
    memory_mib: NDArray[np.int64]
    num_gpu: NDArray[np.int64]
    gpu_milli: NDArray[np.int64]
    gpu_spec: list[str]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def request(self) -> NDArray[np.int64]:
        """Thousandths of all devices that each pod asks for."""
        return self.num_gpu * self.gpu_milli

    def keys(self) -> list[Key]:
        """Return what makes each pod typical."""
        columns = (self.cpu_milli, self.gpu_milli, self.num_gpu)
        numbers = zip(*(column.tolist() for column in columns), strict=True)
        return [
            (cpu, milli, count, spec)
            for (cpu, milli, count), spec in zip(numbers, self.gpu_spec, strict=True)
        ]


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
    pods_file = _pods_file(data, trace)
    nodes, gpus = _read_nodes(data / NODES)
    pods = _read_pods(pods_file)
    notes: list[str] = []
    rank = _published(data / RANK.format(trace=trace), seed, len(nodes))
    if rank is None:
        names = [node.metadata.name for node in nodes]
        rank = np.empty(len(nodes), dtype=np.int64)
        by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=int)
        rank[by_name] = stream(seed, "openb/ranks").permutation(len(nodes))
        notes.append(f"Seed {seed} is not among the data's: it drew its own ranks.")
    ordered = [nodes[index] for index in np.argsort(rank, kind="stable")]
    if times:
        arriving = _timed(pods, pods_file)
    else:
        order = _arrival_order(data, trace, pods, gpus, tune, seed, notes)
        arriving = _stream(pods, order)
    return Workload(
        f"openb/{trace}",
        ordered,
        arriving,
        typical_pods=typical_pods(pods),
        notes=notes,
    )


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


def _pods_file(data: Path, trace: str) -> Path:
    if not (data / "pods").is_dir():
        raise InputError(
            "no openb data: the folder has no pods/",
            source=data,
            fix="give the folder that holds nodes/ and pods/ as data",
        )
    path = data / PODS.format(trace=trace)
    if not path.is_file():
        prefix, suffix = PODS.format(trace="*").split("/")[1].split("*")
        names = [each.name for each in (data / "pods").glob(f"{prefix}*{suffix}")]
        known = [name[len(prefix) : -len(suffix)] for name in names]
        raise UnknownNameError("trace", trace, known, source=data / "pods")
    return path


def _read_nodes(path: Path) -> tuple[list[Node], int]:
    table = read_table(path, ("sn", "cpu_milli", "memory_mib", "gpu", "model"))
    cpu = whole_numbers(path, "cpu_milli", table["cpu_milli"])
    memory = whole_numbers(path, "memory_mib", table["memory_mib"])
    gpus = whole_numbers(path, "gpu", table["gpu"], most=64)
    _distinct(path, "sn", table["sn"])
    nodes = []
    for index, name in enumerate(table["sn"]):
        held: dict[str, Quantity] = {
            "cpu": f"{cpu[index]}m",
            "memory": f"{memory[index]}Mi",
            "pods": str(PODS_PER_NODE),
        }
        labels = {"kubernetes.io/hostname": name}
        if gpus[index]:
            held[GPU_COUNT] = str(gpus[index])
        if table["model"][index]:
            labels[GPU_MODEL] = table["model"][index]
        meta = ObjectMeta(name=name, labels=labels)
        status = NodeStatus(capacity=held, allocatable=held)
        nodes.append(Node(metadata=meta, spec=NodeSpec(), status=status))
    return nodes, int(gpus.sum())


def _read_pods(path: Path) -> TracePods:
    needed = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
    table = read_table(path, needed, ("gpu_spec",))
    most = {"num_gpu": 64, "gpu_milli": MILLI_PER_GPU}
    numbers = {
        column: whole_numbers(path, column, table[column], most=most.get(column, 2**53))
        for column in needed[1:]
    }
    count, milli = numbers["num_gpu"], numbers["gpu_milli"]
    _distinct(path, "name", table["name"])
    shared = (count > 1) & (milli < MILLI_PER_GPU)
    for wrong, problem in (
        (shared, "a part of a device with num_gpu over 1"),
        ((count == 1) & (milli == 0), "a device without any of it"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                problem,
                source=path,
                where=f"row {row + 2}, column gpu_milli",
                value=int(milli[row]),
                fix="whole devices have gpu_milli 1000",
            )
    specs = table.get("gpu_spec", [""] * len(count))
    return TracePods(
        table["name"],
        numbers["cpu_milli"],
        numbers["memory_mib"],
        count,
        np.where(count > 0, milli, 0),
        [spec if many else "" for spec, many in zip(specs, count, strict=True)],
    )


def _distinct(path: Path, column: str, names: list[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not name or name in seen:
            raise InputError(
                "the name is used twice" if name else "the name is empty",
                source=path,
                where=f"row {index + 2}, column {column}",
                value=name,
                fix="name each row once",
            )
        seen.add(name)


def _published(path: Path, seed: int, rows: int) -> NDArray[np.int64] | None:
    """Return a seed's published array of row numbers, or None if there is none."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if f"s{seed}" not in arrays:
                return None
            found = np.asarray(arrays[f"s{seed}"]).astype(np.int64)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"not a NumPy archive ({error})", source=path) from None
    if len(np.unique(found)) != rows or found.min() < 0 or found.max() >= rows:
        raise InputError(
            f"array s{seed} does not fit a list of {rows} rows",
            source=path,
            fix="use the arrays that belong to the data, or remove them",
        )
    return found


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
        order = _published(data / ORDER.format(trace=trace), seed, len(pods))
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

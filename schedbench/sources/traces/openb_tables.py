"""The files of the openb trace: nodes, pods, and the published orders.

Their columns are those of Alibaba's cluster-trace-gpu-v2023. `gpu_milli` is per device;
a row with `num_gpu` 0 has no device whatever else it says.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError, UnknownNameError
from schedbench.objects.meta import ObjectMeta, Quantity
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.sources.gpu import GPU_COUNT, GPU_MODEL, MILLI_PER_GPU
from schedbench.sources.traces.columns import read_table, whole_numbers
from schedbench.sources.traces.openb_published import published_files

NODES = "nodes/openb_node_list_gpu_node.csv"
PODS = "pods/openb_pod_list_{trace}.csv"
ORDER = "arrival/pod_order_{trace}.npz"
RANK = "arrival/node_rank_{trace}.npz"
PODS_PER_NODE = 1001
DEFAULT = "default"

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
    pods_file(data, trace)
    found = [data / each for each in spelled if (data / each).is_file()]
    return found + published_files(data)


def trace_names(data: Path) -> list[str]:
    """Return the names of all lists of pods in a folder, the default one first.

    Raises
    ------
    InputError
        If the folder has no lists of pods.
    """
    prefix, suffix = PODS.split("/")[1].split("{trace}")
    paths = sorted((data / "pods").glob(f"{prefix}*{suffix}"))
    names = [path.name[len(prefix) : -len(suffix)] for path in paths]
    if not names:
        raise InputError(
            "no openb data: the folder has no lists of pods in pods/",
            source=data,
            fix="give the folder that holds nodes/ and pods/ as data",
        )
    return sorted(names, key=lambda name: (name != DEFAULT, name))


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


def pods_file(data: Path, trace: str) -> Path:
    """Return the file with a trace's pods.

    Raises
    ------
    InputError
        If the folder holds no such trace; the nearest name is suggested.
    """
    if not (data / "pods").is_dir():
        raise InputError(
            "no openb data: the folder has no pods/",
            source=data,
            fix="give the folder that holds nodes/ and pods/ as data",
        )
    path = data / PODS.format(trace=trace)
    if not path.is_file():
        raise UnknownNameError("trace", trace, trace_names(data), source=data / "pods")
    return path


def read_nodes(path: Path) -> tuple[list[Node], int]:
    """Return the nodes in the order of the file, and the number of all devices.

    Raises
    ------
    InputError
        If a cell is wrong, told by row and column.
    """
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


def read_pods(path: Path) -> TracePods:
    """Return the pods in the order of the file.

    Raises
    ------
    InputError
        If a cell is wrong, told by row and column.
    """
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


def published(path: Path, seed: int, rows: int) -> NDArray[np.int64] | None:
    """Return a seed's published array of row numbers, or None if there is none.

    Raises
    ------
    InputError
        If the array does not name each of the `rows` rows.
    """
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

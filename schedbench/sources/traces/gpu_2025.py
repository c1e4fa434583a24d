"""Alibaba's GPU-disaggregated cluster of 2025: instances of recommendation models.

Source: alibaba/clusterdata, cluster-trace-gpu-v2025; Yang et al., "GPU-Disaggregated
Serving for Deep Learning Recommendation Models at Scale" (Prism), NSDI 2025. No nodes
are published: they are made up, in the shapes of the settings.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.sources.gpu import MILLI_PER_GPU
from schedbench.sources.traces.demand import Demand
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.rows import Rows

TABLE = "disaggregated_DLRM_trace"
PAIRS = ("cpu", "gpu", "rdma", "memory", "disk")
HEADER = (
    "instance_sn", "role", "app_name",
    *(f"{name}_{kind}" for name in PAIRS for kind in ("request", "limit")),
    "max_instance_per_node", "creation_time", "scheduled_time", "deletion_time",
)  # fmt: skip
ROLES = {"CN": 0, "HN": 1}
RDMA = "schedbench.io/rdma-percent"
DISK = "ephemeral-storage"
ROLE = "schedbench.io/role"


def read(trace: Import) -> None:
    """Read the instances, then make nodes for the most they ask for at a time."""
    files = find_tables(trace.paths, (TABLE,), ledger=trace.ledger)
    demand = [Demand(len(PAIRS)), Demand(len(PAIRS))]
    for rows in read_csv(files[TABLE], TABLE, trace.ledger, header=HEADER):
        _instances(trace, rows, demand)
    for role, number in ROLES.items():
        _nodes(trace, role, demand[number].peak())


def _instances(trace: Import, rows: Rows, demand: list[Demand]) -> None:
    request = {
        "cpu": rows.numbers("cpu_request", most=100_000),
        "gpu": rows.whole("gpu_request", most=1).astype(np.float64),
        "rdma": rows.whole("rdma_request", most=100).astype(np.float64),
        "memory": rows.numbers("memory_request", most=1e9),
        "disk": rows.numbers("disk_request", most=1e9),
    }
    for name, mine in request.items():
        limit = rows.numbers(f"{name}_limit", most=1e9)
        rows.check(mine > limit, f"{name}_request", "a request over its limit")
    role = rows.choice("role", ROLES)
    limit_per_node = rows.whole("max_instance_per_node", least=-1, most=100_000)
    rows.check(limit_per_node == 0, "max_instance_per_node", "no instance on any node")
    created = rows.numbers("creation_time", empty=np.nan)
    scheduled = rows.numbers("scheduled_time", empty=np.nan)
    deleted = rows.numbers("deletion_time", empty=np.nan)
    rows.check(
        np.isnan(created) != np.isnan(scheduled),
        "scheduled_time",
        "creation_time and scheduled_time are not both there or both empty",
    )
    rows.check(scheduled < created, "scheduled_time", "scheduled before it was created")
    start = np.nan_to_num(scheduled, nan=0.0)
    rows.check(deleted < start, "deletion_time", "deleted before it was scheduled")
    amounts = np.column_stack(list(request.values()))
    for number, each in enumerate(demand):
        mine = role == number
        each.add(start[mine], deleted[mine], amounts[mine])
    gpus = request["gpu"].astype(np.int64)
    left, right = np.isnan(created), np.isnan(deleted)
    trace.writer.pods(
        {
            "id": rows.texts("instance_sn"),
            "group": rows.texts("app_name"),
            "submit": np.nan_to_num(created, nan=0.0),
            "start": scheduled,
            "end": deleted,
            "duration": deleted - start,
            "censored": np.select(
                [left & right, left, right], ["both", "left", "right"], ""
            ),
            "cpu_milli": np.rint(1000 * request["cpu"]),
            "memory_mib": np.ceil(1024 * request["memory"]),
            "num_gpu": gpus,
            "gpu_milli": MILLI_PER_GPU * gpus,
            "class": rows.texts("role"),
            "constraints": np.array([_on(each) for each in ROLES])[role],
            "resources": _resources(request["rdma"], request["disk"]),
            "max_per_node": limit_per_node,
        }
    )


def _resources(rdma: NDArray[np.float64], disk: NDArray[np.float64]) -> list[str]:
    return [
        json.dumps({RDMA: int(percent), DISK: math.ceil(gib * 2**30)})
        for percent, gib in zip(rdma.tolist(), disk.tolist(), strict=True)
    ]


def _on(role: str) -> str:
    return json.dumps([{"key": ROLE, "operator": "In", "values": [role]}])


def _nodes(trace: Import, role: str, peak: NDArray[np.float64]) -> None:
    settings = trace.settings
    shape = {name: float(settings[f"{role.lower()}_{name}"]) for name in PAIRS}
    wanted = dict(zip(PAIRS, peak.tolist(), strict=True))
    needed = {
        name: amount / shape[name] if shape[name] else math.inf
        for name, amount in wanted.items()
        if amount > 0
    }
    count = settings[f"{role.lower()}_nodes"]
    if count == 0 and needed:
        count = math.ceil(max(needed.values()) / settings["fill"])
    trace.ledger.note(
        f"{count:,} nodes of role {role} are made up ({_told(shape)} each): the trace "
        f"names none. Its instances fill {settings['fill']:.0%} of the scarcest "
        "resource at the peak unless the numbers were set."
    )
    held: dict[str, Any] = {
        RDMA: round(shape["rdma"]), DISK: round(shape["disk"] * 2**30),
    }  # fmt: skip
    trace.writer.nodes(
        {
            "name": [f"{role.lower()}-{number}" for number in range(count)],
            "cpu_milli": round(1000 * shape["cpu"]),
            "memory_mib": round(1024 * shape["memory"]),
            "gpus": round(shape["gpu"]),
            "labels": json.dumps({ROLE: role}),
            "resources": json.dumps(held),
        }
    )


def _told(shape: dict[str, float]) -> str:
    return (
        f"{shape['cpu']:g} CPUs, {shape['memory']:g} GiB memory, {shape['disk']:g} GiB "
        f"disk, {shape['gpu']:g} GPUs, {shape['rdma']:g} % RDMA"
    )


_SHAPES = {
    "cn": {"cpu": 192, "memory": 1024, "disk": 4096, "gpu": 0, "rdma": 100},
    "hn": {"cpu": 128, "memory": 1024, "disk": 4096, "gpu": 4, "rdma": 100},
}
_MEANINGS = {
    "cpu": "CPUs", "memory": "memory in GiB", "disk": "disk in GiB", "gpu": "GPUs",
    "rdma": "RDMA in percent of one RNIC",
}  # fmt: skip

IMPORTER = Importer(
    title="Alibaba GPU-disaggregated DLRM serving 2025 (Prism)",
    licence="none stated; research or study",
    drops="nothing",
    units={
        "time": "s from the trace's start; no creation = there at the start",
        "cpu": "vCPU, 1 = 1000 milli",
        "memory": "GiB, 1 = 1024 MiB",
        "disk": "GiB, as ephemeral-storage in bytes",
        "rdma": f"percent of one RNIC, as {RDMA}",
    },
    settings={
        "fill": Setting(0.9, "share of the made-up nodes asked for at the peak", 0.01),
        **{
            f"{role}_nodes": Setting(0, f"nodes of role {role.upper()}; 0 = as needed")
            for role in _SHAPES
        },
        **{
            f"{role}_{name}": Setting(
                value, f"{_MEANINGS[name]} of a node of role {role.upper()}"
            )
            for role, shape in _SHAPES.items()
            for name, value in shape.items()
        },
    },
    read=read,
)

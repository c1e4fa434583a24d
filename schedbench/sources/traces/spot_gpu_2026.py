"""Alibaba's spot GPU cluster of 2026: high-priority and spot jobs of several workers.

Source: alibaba/clusterdata, cluster-trace-v2026-spot-gpu; Duan et al., "GFS", ASPLOS
2026. Requests are per worker; upstream's text says per job, its rows fit workers only.
"""

from __future__ import annotations

import numpy as np

from schedbench.sources.gpu import MILLI_PER_GPU
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.rows import Rows
from schedbench.sources.traces.target import MAX_GPUS

NODE_TABLE, JOB_TABLE = "node_info_df", "job_info_df"
NODE_HEADER = ("gpu_model", "gpu_capacity_num", "cpu_num", "node_name")
JOB_HEADER = (
    "job_name", "organization", "gpu_model", "cpu_request", "gpu_request",
    "worker_num", "submit_time", "duration", "job_type",
)  # fmt: skip
PRIORITY = {"HP": 1, "Spot": 0}


def read(trace: Import) -> None:
    """Read nodes, then jobs: a job is a gang of `worker_num` pods."""
    ledger = trace.ledger
    files = find_tables(trace.paths, (NODE_TABLE, JOB_TABLE), ledger=ledger)
    largest: dict[str, tuple[int, int]] = {}
    for rows in read_csv(files[NODE_TABLE], NODE_TABLE, ledger, header=NODE_HEADER):
        _nodes(trace, rows, largest)
    unfit = 0
    for rows in read_csv(files[JOB_TABLE], JOB_TABLE, ledger, header=JOB_HEADER):
        unfit += _jobs(trace, rows, largest)
    if unfit:
        ledger.note(
            f"{unfit:,} jobs have workers larger than every node of their model; if "
            "requests are per job in this file, import it with --set requests=job."
        )
    ledger.note("Nodes name no memory and jobs ask for none.")


def _nodes(trace: Import, rows: Rows, largest: dict[str, tuple[int, int]]) -> None:
    import pyarrow.compute as pc

    gpus = rows.whole("gpu_capacity_num", most=MAX_GPUS)
    cpus = rows.numbers("cpu_num", most=100_000)
    models = rows.texts("gpu_model")
    for model, gpu, cpu in zip(models.to_pylist(), gpus, cpus, strict=True):
        most = largest.get(model, (0, 0))
        largest[model] = (max(most[0], int(gpu)), max(most[1], round(1000 * cpu)))
    names = rows.texts("node_name")
    rows.check(rows.is_empty("node_name"), "node_name", "the name is empty")
    trace.writer.nodes(
        {
            "name": pc.binary_join_element_wise("node", names, "-"),
            "cpu_milli": np.rint(1000 * cpus),
            "gpus": gpus,
            "gpu_model": models,
        }
    )


def _jobs(trace: Import, rows: Rows, largest: dict[str, tuple[int, int]]) -> int:
    workers = rows.whole("worker_num", least=1, most=1_000_000)
    cpus = rows.numbers("cpu_request", most=100_000)
    gpus = rows.numbers("gpu_request", most=MAX_GPUS)
    if trace.settings["requests"] == "job":
        cpus, gpus = cpus / workers, gpus / workers
    part = (gpus > 0) & (gpus < 1)
    rows.check(
        ~part & (gpus != np.floor(gpus)),
        "gpu_request",
        "neither whole devices nor a part of one",
    )
    submit = rows.numbers("submit_time")
    kind = rows.choice("job_type", PRIORITY)
    models = rows.texts("gpu_model")
    cpu_milli = np.rint(1000 * cpus).astype(np.int64)
    devices = np.where(part, 1, gpus).astype(np.int64)
    milli = np.rint(MILLI_PER_GPU * np.where(part, gpus, 1))
    names = rows.texts("job_name")
    rows.check(rows.is_empty("job_name"), "job_name", "the name is empty")
    trace.writer.repeated(
        {
            "id": names,
            "group": names,
            "submit": submit,
            "duration": rows.numbers("duration"),
            "censored": np.where(submit == 0, "left", ""),
            "cpu_milli": cpu_milli,
            "num_gpu": devices,
            "gpu_milli": np.where(devices > 0, milli, 0),
            "gpu_models": models,
            "priority": kind,
            "class": rows.texts("job_type"),
            "user": rows.texts("organization"),
            "gang_size": workers,
        },
        workers,
    )
    return sum(
        devices[at] > most[0] or cpu_milli[at] > most[1]
        for at, model in enumerate(models.to_pylist())
        for most in [largest.get(model, (0, 0))]
    )


IMPORTER = Importer(
    title="Alibaba spot GPU cluster 2026 (GFS)",
    licence="none stated; research or study",
    drops="nothing",
    units={
        "time": "s since the first job",
        "cpu": "vCPU, 1 = 1000 milli",
        "gpu": "whole devices; a part of one is kept as thousandths",
        "memory": "not in the trace",
        "priority": "HP 1, Spot 0",
    },
    settings={
        "requests": Setting(
            "worker",
            "whether requests are of a worker or of the whole job",
            choices=("worker", "job"),
        ),
    },
    read=read,
)

"""Alibaba's PAI cluster of 2020: machine learning jobs on 6,500 GPUs.

Source: alibaba/clusterdata, cluster-trace-gpu-v2020; Weng et al., "MLaaS in the Wild",
NSDI 2022. The tables are headerless. A job is a gang of all instances of its tasks;
it waits from its start to the launch of its tasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from schedbench.sources.gpu import MILLI_PER_GPU
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer
from schedbench.sources.traces.rows import Floats, Ints, Rows
from schedbench.sources.traces.spill import Spill
from schedbench.sources.traces.target import MAX_GPUS
from schedbench.sources.traces.writer import ROW_GROUP

COLUMNS = {
    "pai_job_table": (
        "job_name", "inst_id", "user", "status", "start_time", "end_time",
    ),
    "pai_task_table": (
        "job_name", "task_name", "inst_num", "status", "start_time", "end_time",
        "plan_cpu", "plan_mem", "plan_gpu", "gpu_type",
    ),
    "pai_group_tag_table": ("inst_id", "user", "gpu_type_spec", "group", "workload"),
    "pai_machine_spec": ("machine", "gpu_type", "cap_cpu", "cap_mem", "cap_gpu"),
}  # fmt: skip
JOBS, TASKS, TAGS, MACHINES = COLUMNS
STATES = {"Terminated": 0, "Failed": 1, "Running": 2, "Waiting": 3}
RUNNING, WAITING = STATES["Running"], STATES["Waiting"]
DAY = 86_400
TASK = (
    "job", "task", "instances", "start", "end", "cpu", "memory", "gpus", "milli",
)  # fmt: skip


def read(trace: Import) -> None:
    """Read machines and tables, join jobs, tags and tasks on disk, and write pods."""
    files = find_tables(
        trace.paths, (JOBS, TASKS, MACHINES), (TAGS,), ledger=trace.ledger
    )
    for rows in _table(trace, MACHINES, files[MACHINES]):
        _machines(trace, rows)
    with Spill(trace.writer.scratch) as spill:
        spill.create("job", ("name UNIQUE", "id", "user", "start"))
        spill.create("tag", ("id UNIQUE", "spec"))
        spill.create("task", TASK)
        for rows in _table(trace, JOBS, files[JOBS]):
            _jobs(rows, spill)
        for rows in _table(trace, TAGS, files.get(TAGS, [])):
            _tags(rows, spill)
        if TAGS not in files:
            trace.ledger.note(
                "Without pai_group_tag_table jobs may run on every GPU model."
            )
        for rows in _table(trace, TASKS, files[TASKS]):
            _tasks(rows, spill)
        _pods(trace, spill)


def _table(trace: Import, name: str, files: Sequence[Path]) -> Iterator[Rows]:
    return read_csv(files, name, trace.ledger, names=COLUMNS[name])


def _machines(trace: Import, rows: Rows) -> None:
    gpus = rows.whole("cap_gpu", most=MAX_GPUS)
    models = np.array(rows.texts("gpu_type").to_pylist(), dtype=object)
    models[gpus == 0] = ""
    rows.check(rows.is_empty("machine"), "machine", "the name is empty")
    trace.writer.nodes(
        {
            "name": rows.texts("machine"),
            "cpu_milli": np.rint(1000 * rows.numbers("cap_cpu", most=100_000)),
            "memory_mib": np.ceil(1024 * rows.numbers("cap_mem", most=1e9)),
            "gpus": gpus,
            "gpu_model": models,
        }
    )


def _jobs(rows: Rows, spill: Spill) -> None:
    rows.choice("status", STATES)
    rows = rows.drop(rows.is_empty("start_time"), "a job without start_time")
    names = rows.texts("job_name").to_pylist()
    table = zip(
        names, rows.texts("inst_id").to_pylist(), rows.texts("user").to_pylist(),
        rows.numbers("start_time").tolist(), strict=True,
    )  # fmt: skip
    again = len(names) - spill.insert("job", table, 4)
    if again:
        rows.ledger.repair(
            JOBS, "a job of the same name: the first kept", again, rows.source
        )


def _tags(rows: Rows, spill: Spill) -> None:
    ids = rows.texts("inst_id").to_pylist()
    table = zip(ids, rows.texts("gpu_type_spec").to_pylist(), strict=True)
    again = len(ids) - spill.insert("tag", table, 2)
    if again:
        rows.ledger.repair(
            TAGS, "tags of the same inst_id: the first kept", again, rows.source
        )


def _tasks(rows: Rows, spill: Spill) -> None:
    status = rows.choice("status", STATES)
    begun = ~rows.is_empty("start_time")
    rows = rows.drop(~begun, "a task that was never launched")
    status = status[begun]
    ended = ~rows.is_empty("end_time")
    endless = ~ended & (status != RUNNING)
    rows = rows.drop(endless, "neither running nor with an end_time")
    start = rows.numbers("start_time")
    end = rows.numbers("end_time", empty=np.nan)
    before = end < start
    rows = rows.drop(before, "end_time before start_time")
    start, end = start[~before], end[~before]
    cpu, memory, gpu = (_planned(rows, name) for name in (
        "plan_cpu", "plan_mem", "plan_gpu",
    ))  # fmt: skip
    gpus, milli = _devices(rows, gpu)
    table = zip(
        rows.texts("job_name").to_pylist(), rows.texts("task_name").to_pylist(),
        rows.whole("inst_num", least=1, most=1_000_000).tolist(), start.tolist(),
        end.tolist(), np.rint(10 * cpu).tolist(), np.ceil(1024 * memory).tolist(),
        gpus.tolist(), milli.tolist(), strict=True,
    )  # fmt: skip
    spill.insert("task", table, len(TASK))


def _planned(rows: Rows, name: str) -> Floats:
    rows.repaired(rows.is_empty(name), f"{name} is empty: 0")
    return rows.numbers(name, empty=0.0, most=1e9)


def _devices(rows: Rows, percent: Floats) -> tuple[Ints, Ints]:
    """Return devices and thousandths of each, of a plan in percent of a device."""
    rows.check(percent > 100 * MAX_GPUS, "plan_gpu", f"more than {MAX_GPUS} devices")
    gpus = np.ceil(percent / 100).astype(np.int64)
    broken = (percent > 100) & (percent % 100 != 0)
    rows.repaired(broken, "plan_gpu over 100 and no multiple: whole devices")
    part = np.maximum(np.rint(10 * percent), 1).astype(np.int64)
    milli = np.where(gpus > 1, MILLI_PER_GPU, part)
    return gpus, np.where(gpus == 0, 0, milli)


def _pods(trace: Import, spill: Spill) -> None:
    first = spill.one("SELECT MIN(start) FROM job")
    origin = 0.0 if first is None else float(first // DAY * DAY)
    trace.writer.about["origin_s"] = origin
    joined = spill.select(
        "SELECT task.*, job.start, job.user, COALESCE(tag.spec, ''), gang.size "
        "FROM task LEFT JOIN job ON job.name = task.job "
        "LEFT JOIN tag ON tag.id = job.id "
        "JOIN (SELECT job, SUM(instances) AS size FROM task GROUP BY job) AS gang "
        "ON gang.job = task.job ORDER BY task.rowid"
    )
    while piece := list(itertools.islice(joined, ROW_GROUP // 2)):
        known = [row for row in piece if row[9] is not None]
        orphans = [row[0] for row in piece if row[9] is None]
        if orphans:
            trace.ledger.drop(
                TASKS, "its job is not in pai_job_table", len(orphans),
                f"{TASKS}: job {orphans[0]}",
            )  # fmt: skip
        if known:
            _write(trace, known, origin)


def _write(trace: Import, rows: Sequence[Sequence[object]], origin: float) -> None:
    (
        job, task, instances, start, end, cpu, memory, gpus, milli, submitted, user,
        spec, size,
    ) = zip(*rows, strict=True)  # fmt: skip
    launch = np.array(start, dtype=np.float64) - origin
    submit = np.minimum(np.array(submitted, dtype=np.float64) - origin, launch)
    early = np.array(submitted, dtype=np.float64) - origin > launch
    if early.any():
        trace.ledger.repair(
            TASKS, "launched before its job's start: submitted then", int(early.sum()),
            f"{TASKS}: job {job[int(np.argmax(early))]}",
        )  # fmt: skip
    ended = np.array([np.nan if e is None else e for e in end], dtype=np.float64)
    trace.writer.repeated(
        {
            "id": [f"{one}-{name}" for one, name in zip(job, task, strict=True)],
            "group": job,
            "submit": np.maximum(submit, 0.0),
            "start": launch,
            "end": ended - origin,
            "duration": ended - origin - launch,
            "censored": np.where(np.isnan(ended), "right", ""),
            "cpu_milli": np.array(cpu),
            "memory_mib": np.array(memory),
            "num_gpu": np.array(gpus),
            "gpu_milli": np.array(milli),
            "gpu_models": [
                model if count else "" for model, count in zip(spec, gpus, strict=True)
            ],
            "class": task,
            "user": user,
            "gang_size": np.array(size),
        },
        np.array(instances, dtype=np.int64),
    )


IMPORTER = Importer(
    title="Alibaba PAI GPU cluster 2020 (MLaaS in the Wild)",
    licence="CC-BY-4.0",
    drops="tasks never launched, without an end though not running, or without a job",
    units={
        "time": "s; origin_s, midnight before the first job, is 0 s: hours of the day "
        "are UTC+8",
        "cpu": "percent of a core, 100 = 1000 milli; machines in cores",
        "gpu": "percent of a device, 50 = 500 milli of one",
        "memory": "GB, taken as 1024 MiB, of requests and machines alike",
    },
    settings={},
    read=read,
)

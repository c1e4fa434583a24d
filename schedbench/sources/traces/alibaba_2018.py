"""Alibaba's colocated cluster of 2018: services beside batch jobs with dependencies.

Source: alibaba/clusterdata, cluster-trace-v2018, schema.txt. The tables are headerless.
The machines are over-committed by design, so that not everything fits at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from schedbench.sources.traces.borg import Sample, sample_of
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.rows import Floats, Rows
from schedbench.sources.traces.spill import Spill
from schedbench.sources.traces.writer import ROW_GROUP

COLUMNS = {
    "machine_meta": (
        "machine_id", "time_stamp", "failure_domain_1", "failure_domain_2", "cpu_num",
        "mem_size", "status",
    ),
    "container_meta": (
        "container_id", "machine_id", "time_stamp", "app_du", "status", "cpu_request",
        "cpu_limit", "mem_size",
    ),
    "batch_task": (
        "task_name", "instance_num", "job_name", "task_type", "status", "start_time",
        "end_time", "plan_cpu", "plan_mem",
    ),
}  # fmt: skip
MACHINES, SERVICES, TASKS = COLUMNS
WHOLE = 100.0
"""Of normalised memory; also centicores of a core."""

RUNNING = "Running"
_PARTS = re.compile(r"[A-Za-z]+(\d+)((?:_\d+)*)$")


def read(trace: Import) -> None:
    """Read machines, then services and batch tasks, whichever are given."""
    files = find_tables(
        trace.paths, (MACHINES,), (SERVICES, TASKS), ledger=trace.ledger
    )
    _machines(trace, files[MACHINES])
    if SERVICES in files:
        _services(trace, files[SERVICES])
    if TASKS in files:
        _tasks(trace, files[TASKS])


def dependencies(task_name: str) -> list[int]:
    """Return the numbers of the tasks that a task waits for: `M5_3_4` → 3 and 4."""
    match = _PARTS.match(task_name)
    return [int(each) for each in match[2].split("_") if each] if match else []


def _table(trace: Import, name: str, files: Sequence[Path]) -> Iterator[Rows]:
    return read_csv(files, name, trace.ledger, names=COLUMNS[name])


def _sound(rows: Rows, name: str) -> Rows:
    """Drop rows whose memory is empty, −1 or 101, which the trace is known to have."""
    rows = rows.drop(rows.is_empty(name), f"{name} is empty")
    memory = rows.numbers(name, least=-1, most=101)
    return rows.drop((memory < 0) | (memory > WHOLE), f"{name} is -1 or 101")


def _mib(trace: Import, rows: Rows, name: str) -> Floats:
    share = rows.numbers(name, most=WHOLE) / WHOLE
    return np.asarray(np.ceil(share * trace.settings["memory"] - 1e-9))


def _machines(trace: Import, files: Sequence[Path]) -> None:
    names = ("machine", "time", "cpu", "memory", "domain_1", "domain_2", "place")
    with Spill(trace.writer.scratch) as spill:
        spill.create("machine", names)
        for every in _table(trace, MACHINES, files):
            rows = _sound(every, "mem_size")
            if not len(rows):
                continue
            rows.check(rows.is_empty("machine_id"), "machine_id", "the name is empty")
            table = zip(
                rows.texts("machine_id").to_pylist(),
                rows.numbers("time_stamp").tolist(),
                rows.numbers("cpu_num", most=100_000).tolist(),
                _mib(trace, rows, "mem_size").tolist(),
                rows.texts("failure_domain_1").to_pylist(),
                rows.texts("failure_domain_2").to_pylist(),
                [f"{rows.source}: row {row}" for row in rows.row.tolist()],
                strict=True,
            )
            spill.insert("machine", table, len(names))
        sample = sample_of(trace)
        columns: dict[str, list[object]] = {
            key: [] for key in ("name", "cpu_milli", "memory_mib", "labels")
        }
        before = ""
        for name, _, cpu, memory, *domains, place in spill.select(
            "SELECT * FROM machine ORDER BY machine, time, rowid"
        ):
            if name == before:
                reason = "a later row of a machine: the first kept"
                trace.ledger.repair(MACHINES, reason, 1, place)
                continue
            before = name
            if not sample.keeps_text("machine", name):
                trace.ledger.skip(MACHINES, "machine not in the sample", 1, place)
                continue
            labels = {
                f"schedbench.io/failure-domain-{n}": value
                for n, value in enumerate(domains, start=1)
                if value
            }
            columns["name"].append(name)
            columns["cpu_milli"].append(round(1000 * cpu))
            columns["memory_mib"].append(round(memory))
            columns["labels"].append(json.dumps(labels) if labels else "")
    trace.writer.nodes(columns)


def _services(trace: Import, files: Sequence[Path]) -> None:
    names = ("container", "time", "app", "cpu", "memory", "place")
    with Spill(trace.writer.scratch) as spill:
        spill.create("container", names)
        for every in _table(trace, SERVICES, files):
            rows = _sound(every, "mem_size")
            rows = _with_cpu(rows, "cpu_request")
            rows = _sampled(rows, "app_du", sample_of(trace))
            table = zip(
                rows.texts("container_id").to_pylist(),
                rows.numbers("time_stamp").tolist(),
                rows.texts("app_du").to_pylist(),
                np.rint(10 * rows.numbers("cpu_request")).tolist(),
                _mib(trace, rows, "mem_size").tolist(),
                [f"{rows.source}: row {row}" for row in rows.row.tolist()],
                strict=True,
            )
            spill.insert("container", table, len(names))
        found: list[tuple[object, ...]] = []
        before = ""
        for row in spill.select(
            "SELECT * FROM container ORDER BY container, time, rowid"
        ):
            if row[0] == before:
                reason = "a later row of a container: the first kept"
                trace.ledger.repair(SERVICES, reason, 1, row[-1])
                continue
            before = row[0]
            found.append(row)
            if len(found) == ROW_GROUP:
                _write_services(trace, found)
                found = []
        if found:
            _write_services(trace, found)


def _write_services(trace: Import, found: Sequence[Sequence[object]]) -> None:
    name, time, app, cpu, memory, _ = zip(*found, strict=True)
    submit = np.array(time, dtype=np.float64)
    trace.writer.pods(
        {
            "id": name,
            "group": app,
            "submit": submit,
            "start": submit,
            "censored": np.where(submit == 0, "both", "right"),
            "cpu_milli": np.array(cpu, dtype=np.float64),
            "memory_mib": np.array(memory, dtype=np.float64),
            "priority": 1,
            "class": "service",
        }
    )


def _with_cpu(rows: Rows, name: str) -> Rows:
    rows = rows.drop(rows.is_empty(name), f"{name} is empty")
    return rows.drop(rows.numbers(name, least=-1) < 0, f"{name} is -1")


def _tasks(trace: Import, files: Sequence[Path]) -> None:
    import pyarrow.compute as pc

    waiting = 0
    for every in _table(trace, TASKS, files):
        rows = _sampled(every, "job_name", sample_of(trace))
        rows = _sound(_with_cpu(rows, "plan_cpu"), "plan_mem")
        if not len(rows):
            continue
        running = rows.equals("status", RUNNING)
        start = rows.numbers("start_time", empty=0)
        end = rows.numbers("end_time", empty=0)
        open_end = running & (end == 0) & (start > 0)
        never = (start == 0) & (end == 0)
        wrong = ~open_end & (never | (end < start))
        rows = rows.drop(wrong, "end_time is 0 or before start_time")
        start, end, open_end = start[~wrong], end[~wrong], open_end[~wrong]
        rows.repaired(open_end, "running, end_time 0: without an end")
        end = np.where(open_end, np.nan, end)
        instances = rows.whole("instance_num", least=1, most=10_000_000)
        waiting += sum(
            bool(dependencies(name)) for name in rows.texts("task_name").to_pylist()
        )
        trace.writer.repeated(
            {
                "id": pc.binary_join_element_wise(
                    rows.texts("job_name"), rows.texts("task_name"), "-"
                ),
                "group": rows.texts("job_name"),
                "submit": start,
                "start": start,
                "end": end,
                "duration": end - start,
                "censored": np.where(open_end, "right", ""),
                "cpu_milli": np.rint(10 * rows.numbers("plan_cpu")),
                "memory_mib": _mib(trace, rows, "plan_mem"),
                "class": "batch",
            },
            instances,
        )
    if waiting:
        trace.ledger.note(
            f"{waiting:,} tasks wait for others of their job: they come when they "
            "started in the trace, not when the others end."
        )
    trace.ledger.note("Batch instances come when they started; submission is unknown.")


def _sampled(rows: Rows, name: str, sample: Sample) -> Rows:
    """Keep the rows whose job or application is in the sample."""
    if sample.share >= 1 or not len(rows):
        return rows
    encoded = rows.texts(name).dictionary_encode()
    kept = [sample.keeps_text("job", word) for word in encoded.dictionary.to_pylist()]
    codes = np.asarray(encoded.indices)
    return rows.skip(~np.array(kept, dtype=np.bool_)[codes], "not in the sample")


IMPORTER = Importer(
    title="Alibaba cluster 2018 (services and batch)",
    licence="none stated; research or study",
    drops="sizes empty, -1 or 101; tasks whose end is 0 or before their start",
    units={
        "time": "s",
        "cpu": "100 = 1 core = 1000 milli; machines in cores",
        "memory": "0 to 100, one normalisation for all; 100 = the setting memory; no "
        "absolute sizes",
        "priority": "services 1, batch 0",
    },
    settings={
        "share": Setting(1.0, "share of jobs and applications, and of machines"),
        "seed": Setting(0, "seed of the sample"),
        "memory": Setting(524_288, "MiB of a memory of 100", 1),
    },
    read=read,
)

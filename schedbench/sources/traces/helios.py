"""SenseTime's Helios clusters of 2020: GPU and CPU jobs in virtual clusters.

Source: S-Lab-System-Group/HeliosData, README; Hu et al., "Characterization and
Prediction of Deep Learning Workloads in Large-Scale GPU Datacenters", SC 2021. Sizes
are those of whole jobs, which are divided over their nodes; a job is a gang.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from schedbench.errors import InputError
from schedbench.sources.gpu import MILLI_PER_GPU
from schedbench.sources.traces.files import find_tables, opened, read_csv
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.rows import Rows
from schedbench.sources.traces.target import MAX_GPUS
from schedbench.sources.traces.writer import numbered, spread

LOG, CAPACITY = "cluster_log", "cluster_gpu_number"
HEADER = (
    "job_id", "user", "vc", "gpu_num", "cpu_num", "node_num", "state", "submit_time",
    "start_time", "end_time", "duration", "queue",
)  # fmt: skip
STATES = {
    name: number
    for number, name in enumerate(
        ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "SUSPENDED")
    )
}
VC = "schedbench.io/vc"
DAY = 86_400.0
BLANK = ("None", "nan", "NaN")


def read(trace: Import) -> None:
    """Read the capacity by day, then the jobs."""
    files = find_tables(trace.paths, (LOG, CAPACITY), ledger=trace.ledger)
    if len(files[LOG]) + len(files[CAPACITY]) > 2:
        raise InputError(
            "more than one cluster",
            value=[str(path) for path in (*files[LOG], *files[CAPACITY])],
            fix="import each cluster on its own",
        )
    origin = _origin(files[LOG])
    trace.writer.about["origin_s"] = origin
    for path in files[CAPACITY]:
        _capacity(trace, path, origin)
    for rows in read_csv(files[LOG], LOG, trace.ledger, header=HEADER):
        _jobs(trace, rows, origin)


def _origin(files: Sequence[Path]) -> float:
    """Return the midnight before the first submission, as seconds since 1970."""
    first = min(
        (
            float(rows.seconds("submit_time").min())
            for rows in read_csv(files, LOG, Ledger(), header=HEADER)
            if len(rows)
        ),
        default=0.0,
    )
    return first // DAY * DAY


def _capacity(trace: Import, path: Path, origin: float) -> None:
    """Write nodes for the GPUs that each virtual cluster has on each day."""
    days, counts = _days(trace, path)
    each = trace.settings["node_gpus"]
    start = np.array(days) - origin
    for vc, gpus in counts.items():
        for index in range(-(-max(gpus, default=0) // each)):
            there = [count > index * each for count in gpus]
            size = min(each, max(gpus) - index * each)
            stays = list(_stays(start, there))
            trace.writer.nodes(
                {
                    "name": [f"{vc}-{index}"] * len(stays),
                    "time_add": [begin for begin, _ in stays],
                    "time_remove": [end for _, end in stays],
                    "cpu_milli": 1000 * trace.settings["node_cpus"],
                    "gpus": size,
                    "labels": json.dumps({VC: vc}),
                }
            )
    trace.ledger.note(
        f"Nodes have {each} GPUs and {trace.settings['node_cpus']} CPUs, which the "
        "trace does not tell; memory is not known. Each belongs to one virtual "
        "cluster."
    )


def _stays(start: np.ndarray, there: Sequence[bool]) -> Iterator[tuple[float, float]]:
    """Yield from when to when; what is there first or last was so before and after."""
    began: float | None = None
    for day, present in enumerate(there):
        if present and began is None:
            began = 0.0 if day == 0 else max(0.0, float(start[day]))
        elif not present and began is not None:
            if start[day] > began:
                yield began, float(start[day])
            began = None
    if began is not None:
        yield began, float("nan")


def _days(trace: Import, path: Path) -> tuple[list[float], dict[str, list[int]]]:
    with opened(path) as stream:
        text = stream.read().decode("utf-8-sig", errors="replace")
    table = [row for row in csv.reader(text.splitlines()) if row]
    header = [cell.strip() for cell in table[0]] if table else []
    if len(header) < 3 or header[0] != "date" or header[-1] != "total":
        raise InputError(
            "not a table of GPUs by day", source=path, where="row 1",
            value=",".join(header), fix="expected date, virtual clusters, total",
        )  # fmt: skip
    days: list[float] = []
    counts: dict[str, list[int]] = {vc: [] for vc in header[1:-1]}
    trace.ledger.read(CAPACITY, len(table) - 1)
    for number, row in enumerate(table[1:], start=2):
        if len(row) != len(header):
            raise InputError(
                f"{len(row)} cells, expected {len(header)}", source=path,
                where=f"row {number}", value=",".join(row),
                fix="the file may be truncated: mend or remove the row",
            )  # fmt: skip
        days.append(_day(path, number, row[0].strip()))
        for vc, cell in zip(header[1:], row[1:], strict=True):
            count = _count(path, number, vc, cell.strip())
            if vc in counts:
                counts[vc].append(count)
        if sum(mine[-1] for mine in counts.values()) != int(float(row[-1])):
            trace.ledger.repair(
                CAPACITY, "total is not the sum: the virtual clusters' own", 1,
                f"{path.name}: row {number}",
            )  # fmt: skip
    order = np.argsort(days, kind="stable")
    return (
        [days[at] for at in order],
        {vc: [mine[at] for at in order] for vc, mine in counts.items()},
    )


def _day(path: Path, number: int, text: str) -> float:
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S"):
        try:
            day = datetime.strptime(text, form)
        except ValueError:
            continue
        return float(np.datetime64(day, "s").astype(np.int64))
    raise InputError(
        "not a date such as 2020-04-01", source=path,
        where=f"row {number}, column date", value=text, fix="mend or remove the row",
    )  # fmt: skip


def _count(path: Path, number: int, vc: str, text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 <= value <= 1_000_000 and value == int(value)):
        raise InputError(
            "not a number of GPUs", source=path, where=f"row {number}, column {vc}",
            value=text, fix="mend or remove the row",
        )  # fmt: skip
    return int(value)


def _jobs(trace: Import, rows: Rows, origin: float) -> None:
    rows.choice("state", STATES)
    nodes = rows.whole("node_num", most=100_000, empty=0)
    rows = rows.drop(nodes == 0, "node_num is 0: it never had nodes")
    nodes = nodes[nodes > 0]
    submit = rows.seconds("submit_time") - origin
    start = _time(rows, "start_time") - origin
    end = _time(rows, "end_time") - origin
    rows.check(start < submit, "start_time", "a start before the submission")
    rows.check(end < np.fmax(start, submit), "end_time", "an end before the start")
    never = np.isnan(start)
    rows.repaired(never, "never started: deleted when it went away")
    open_end = np.isnan(end)
    rows.repaired(open_end & ~never, "no end_time: without an end")
    gpus = rows.whole("gpu_num", most=1_000_000)
    cpus = rows.whole("cpu_num", most=10_000_000)
    rows.check(
        -(-gpus // nodes) > MAX_GPUS, "gpu_num", f"more than {MAX_GPUS} GPUs on a node"
    )
    uneven = (gpus % nodes > 0) | (cpus % nodes > 0)
    rows.repaired(uneven, "sizes no multiple of node_num: some pods get one more")
    vcs = rows.texts("vc").to_pylist()
    names = rows.texts("job_id")
    columns = {
        "group": names,
        "user": rows.texts("user"),
        "queue": rows.texts("vc"),
        "class": rows.texts("state"),
        "constraints": [_in(vc) if trace.settings["vc"] else "" for vc in vcs],
    }
    _write(trace, columns, names, nodes, gpus, cpus, {
        "submit": submit, "start": start, "end": end, "duration": end - start,
    }, np.where(open_end, "right", ""))  # fmt: skip


def _write(
    trace: Import,
    columns: dict[str, object],
    names: object,
    nodes: np.ndarray,
    gpus: np.ndarray,
    cpus: np.ndarray,
    times: dict[str, np.ndarray],
    censored: np.ndarray,
) -> None:
    """Write a pod for each node of each job; the first ones get what is left over."""
    import pyarrow as pa

    arrays = {
        name: each if isinstance(each, pa.Array) else pa.array(each)
        for name, each in columns.items()
    }
    for at, worker in spread(nodes):
        devices = gpus[at] // nodes[at] + (worker < gpus[at] % nodes[at])
        cores = cpus[at] // nodes[at] + (worker < cpus[at] % nodes[at])
        trace.writer.pods(
            {name: each.take(pa.array(at)) for name, each in arrays.items()}
            | {name: each[at] for name, each in times.items()}
            | {
                "id": numbered(names.take(pa.array(at)), worker),  # type: ignore[attr-defined]
                "censored": censored[at],
                "cpu_milli": 1000 * cores,
                "num_gpu": devices,
                "gpu_milli": np.where(devices > 0, MILLI_PER_GPU, 0),
                "gang_size": nodes[at],
            }
        )


def _time(rows: Rows, name: str) -> np.ndarray:
    import dataclasses

    import pyarrow as pa
    import pyarrow.compute as pc

    blank = pa.array(rows.is_empty(name, *BLANK))
    told = pc.if_else(blank, "", rows.columns[name])
    mine = dataclasses.replace(rows, columns={**rows.columns, name: told})
    return mine.seconds(name, empty=np.nan)


def _in(vc: str) -> str:
    return json.dumps([{"key": VC, "operator": "In", "values": [vc]}])


IMPORTER = Importer(
    title="SenseTime Helios 2020 (Earth, Saturn, Uranus, Venus)",
    licence="academic purposes; cite SC'21",
    drops="jobs whose node_num is 0",
    units={
        "time": "local time to s; midnight before the first job is 0 s",
        "gpu, cpu": "totals of a job, divided over node_num pods",
        "memory": "not in the trace",
    },
    settings={
        "node_gpus": Setting(8, "GPUs of a node", 1),
        "node_cpus": Setting(64, "CPUs of a node, which the trace does not tell", 1),
        "vc": Setting(True, "whether jobs keep to the nodes of their virtual cluster"),
    },
    read=read,
)

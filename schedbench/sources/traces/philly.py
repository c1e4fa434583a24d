"""Microsoft's Philly cluster of 2017: deep learning jobs in virtual clusters.

Source: msr-fiddle/philly-traces, README; Jeon et al., "Analysis of Large-Scale
Multi-Tenant GPU Clusters for DNN Training Workloads", ATC 2019. Requests are not
recorded: a job asks for the GPUs that its last attempt had, a gang over machines.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schedbench.errors import InputError
from schedbench.sources.gpu import MILLI_PER_GPU
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer
from schedbench.sources.traces.json_rows import read_array
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.target import MAX_GPUS
from schedbench.sources.traces.writer import ROW_GROUP

LOG, MACHINES = "cluster_job_log", "cluster_machine_list"
MACHINE_HEADER = ("machineId", "number of GPUs", "single GPU mem")
STATES = ("Pass", "Killed", "Failed")
NONE = frozenset({"", "None", None})

FALL_BACK = dt.datetime(2017, 11, 5, 1)
"""From here an hour of local time happened twice; the first of them is assumed."""

ZONE = re.compile(r" P[DS]T$")


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    ip: str
    gpus: list[str]


class _Attempt(msgspec.Struct, forbid_unknown_fields=True):
    start_time: str | None = None
    end_time: str | None = None
    detail: list[_Part] = msgspec.field(default_factory=list)


class _Job(msgspec.Struct, forbid_unknown_fields=True):
    status: str
    vc: str
    jobid: str
    submitted_time: str
    attempts: list[_Attempt]
    user: str = ""


def read(trace: Import) -> None:
    """Read the log, then the list of machines, which the log corrects."""
    files = find_tables(
        trace.paths, (LOG,), (MACHINES,), suffixes=("",), ledger=trace.ledger
    )
    used: dict[str, int] = {}
    origin = _origin(files[LOG])
    trace.writer.about["origin_s"] = origin
    batch: list[dict[str, Any]] = []
    for path in files[LOG]:
        for number, item in read_array(path, LOG, trace.ledger):
            batch += _pods(trace.ledger, path, number, item, used, origin)
            if len(batch) >= ROW_GROUP // 2:
                _write(trace, batch)
                batch = []
    _write(trace, batch)
    _machines(trace, files.get(MACHINES, []), used)
    trace.ledger.note("Jobs name no CPU and no memory, and machines neither.")


def _write(trace: Import, rows: list[dict[str, Any]]) -> None:
    if rows:
        trace.writer.pods({name: [row[name] for row in rows] for name in rows[0]})


def _job(path: Path, number: int, item: Any) -> _Job:
    try:
        job = msgspec.convert(item, _Job)
    except msgspec.ValidationError as error:
        raise InputError(
            f"malformed job: {error}", source=path, where=f"item {number}",
            fix="mend or remove the job",
        ) from None  # fmt: skip
    if job.status not in STATES:
        raise InputError(
            "unknown status", source=path, where=f"item {number}, status",
            value=job.status, fix=f"known: {', '.join(STATES)}",
        )  # fmt: skip
    return job


def _origin(files: Sequence[Path]) -> float:
    """Return the midnight before the first submission, in seconds since 1970, UTC."""
    first = min(
        (
            _seconds(
                path, number, "submitted_time", _job(path, number, item).submitted_time
            )
            for path in files
            for number, item in read_array(path, LOG, Ledger())
        ),
        default=0.0,
    )
    west = 7 * 3600.0
    return (first - west) // 86_400 * 86_400 + west


def _seconds(path: Path, number: int, column: str, text: str) -> float:
    """Return seconds since 1970 of a local time in California."""
    zone = ZONE.search(text)
    try:
        local = dt.datetime.strptime(ZONE.sub("", text), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise InputError(
            "not a time such as 2017-10-09 07:03:23",
            source=path,
            where=f"item {number}, {column}",
            value=text,
            fix="mend or remove the job",
        ) from None
    summer = local < FALL_BACK + dt.timedelta(hours=1)
    if zone:
        summer = zone[0] == " PDT"
    hours = 7 if summer else 8
    return local.replace(tzinfo=dt.UTC).timestamp() + 3600.0 * hours


def _pods(
    ledger: Ledger,
    path: Path,
    number: int,
    item: Any,
    used: dict[str, int],
    origin: float,
) -> list[dict[str, Any]]:
    job = _job(path, number, item)
    place = f"{path.name}: item {number}"
    for attempt in job.attempts:
        for part in attempt.detail:
            used[part.ip] = max(used.get(part.ip, 0), _devices(part))
    held = [each for each in job.attempts if any(part.gpus for part in each.detail)]
    if not held:
        ledger.drop(LOG, "no attempt tells its GPUs", 1, place)
        return []
    submit = _seconds(path, number, "submitted_time", job.submitted_time) - origin
    runs = [_run(ledger, path, number, each, origin, place) for each in job.attempts]
    known = [(start, end) for start, end in runs if start is not None]
    if not known:
        ledger.drop(LOG, "no attempt has a start_time", 1, place)
        return []
    if len(known) > 1:
        ledger.repair(LOG, "several attempts: one run as long as all", 1, place)
    start, last = known[0][0], known[-1][1]
    assert start is not None
    if start < submit:
        ledger.repair(LOG, "started before it was submitted: then", 1, place)
    if last is None:
        ledger.repair(LOG, "no end_time: without an end", 1, place)
    served = sum(e - s for s, e in known if s is not None and e is not None)
    parts = [part for part in held[-1].detail if part.gpus]
    common = {
        "group": job.jobid,
        "submit": submit,
        "start": max(start, submit),
        "end": float("nan") if last is None else max(last, submit),
        "duration": float("nan") if last is None else served,
        "censored": "right" if last is None else "",
        "gpu_milli": MILLI_PER_GPU,
        "user": job.user,
        "queue": job.vc,
        "class": job.status,
        "gang_size": len(parts),
    }
    return [
        {"id": f"{job.jobid}-{n}", "num_gpu": len(part.gpus)} | common
        for n, part in enumerate(parts)
    ]


def _run(
    ledger: Ledger,
    path: Path,
    number: int,
    attempt: _Attempt,
    origin: float,
    place: str,
) -> tuple[float | None, float | None]:
    """Return when an attempt began and ended, None = it is not told."""
    times = [
        None if text in NONE else _seconds(path, number, column, str(text)) - origin
        for column, text in (
            ("start_time", attempt.start_time), ("end_time", attempt.end_time),
        )
    ]  # fmt: skip
    start, end = times
    if start is not None and end is not None and end < start:
        if start - end <= 3600:
            ledger.repair(LOG, "ends in the hour that came twice", 1, place)
            return start, end + 3600
        raise InputError(
            "an attempt ends before it starts", source=path, where=f"item {number}",
            value=attempt.end_time, fix="mend or remove the job",
        )  # fmt: skip
    return start, end


def _devices(part: _Part) -> int:
    """Return how many devices a machine has at least: one above the highest index."""
    numbers = [re.search(r"(\d+)$", gpu) for gpu in part.gpus]
    highest = max((int(each[1]) + 1 for each in numbers if each), default=0)
    return min(max(highest, len(set(part.gpus))), MAX_GPUS)


def _machines(trace: Import, files: Sequence[Path], used: dict[str, int]) -> None:
    memory: dict[str, str] = {}
    gpus = dict(used)
    for rows in read_csv(files, MACHINES, trace.ledger, header=MACHINE_HEADER):
        counts = rows.whole("number of GPUs", most=MAX_GPUS)
        names = rows.texts("machineId").to_pylist()
        larger = np.array([used.get(name, 0) for name in names]) > counts
        rows.repaired(larger, "the log uses more GPUs: as many as the log")
        sizes = rows.texts("single GPU mem").to_pylist()
        for name, count, size in zip(names, counts.tolist(), sizes, strict=True):
            gpus[name] = max(count, used.get(name, 0))
            memory[name] = size
    unlisted = sum(name not in memory for name in used)
    if unlisted:
        trace.ledger.note(f"{unlisted:,} machines are in the log only.")
    names = sorted(gpus)
    trace.writer.nodes(
        {
            "name": names,
            "cpu_milli": 0,
            "gpus": [gpus[name] for name in names],
            "labels": [
                f'{{"schedbench.io/gpu-memory": "{memory[name]}"}}'
                if re.fullmatch(r"[0-9]+ ?[GM]i?B", memory.get(name, ""))
                else ""
                for name in names
            ],
        }
    )


IMPORTER = Importer(
    title="Microsoft Philly 2017",
    licence="as is; cite ATC'19",
    drops="jobs of which no attempt tells its GPUs or its start",
    units={
        "time": "local time in California, across the change of 2017-11-05, to s; "
        "midnight before the first job is 0 s",
        "gpu": "those of the last attempt",
        "cpu, memory": "not in the trace",
    },
    settings={},
    read=read,
)

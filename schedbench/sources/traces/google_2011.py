"""Google's cell of May 2011 (clusterdata-2011, trace v2).

Source: google/cluster-data, "Google cluster-usage traces: format + schema"; Reiss et
al., "Heterogeneity and Dynamicity of Clouds at Scale", SoCC 2012. The tables are
headerless CSV in shards: task_events/part-00000-of-00500.csv.gz and so on.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from schedbench.sources.traces.borg import (
    AFTER,
    SETTINGS,
    UNITS,
    Event,
    MachineEvent,
    Sample,
    event_table,
    requirement,
    sample_of,
    spill_events,
    write_machines,
    write_tasks,
)
from schedbench.sources.traces.files import find_tables, read_csv
from schedbench.sources.traces.importer import Import, Importer
from schedbench.sources.traces.rows import Rows
from schedbench.sources.traces.spill import Spill

COLUMNS = {
    "task_events": (
        "timestamp", "missing_info", "job_id", "task_index", "machine_id", "event_type",
        "user", "scheduling_class", "priority", "cpu_request", "memory_request",
        "disk_request", "different_machine",
    ),
    "machine_events": (
        "timestamp", "machine_id", "event_type", "platform_id", "cpus", "memory",
    ),
    "machine_attributes": ("timestamp", "machine_id", "name", "value", "deleted"),
    "task_constraints": (
        "timestamp", "job_id", "task_index", "operator", "name", "value",
    ),
}  # fmt: skip
KINDS = np.array([0, 3, 4, 5, 6, 7, 8, 9, 10])
"""Event type of 2011 → that of 2019, which has QUEUE and ENABLE between."""

IDS = 2**53


def read(trace: Import) -> None:
    """Read the tables, each streamed; events are sorted on disk."""
    files = find_tables(
        trace.paths,
        ("task_events", "machine_events"),
        ("machine_attributes", "task_constraints"),
        ledger=trace.ledger,
    )
    attributes = _attributes(trace, files.get("machine_attributes", []))
    machines = _machines(trace, files["machine_events"])
    write_machines(trace, machines, attributes, "machine_events")
    constrained = "machine_attributes" in files
    with Spill(trace.writer.scratch) as spill:
        event_table(spill)
        constraints = _constraints(
            trace, files.get("task_constraints", []), constrained
        )
        spill_events(spill, _tasks(trace, files["task_events"], constraints))
        write_tasks(trace, spill, tier)


def tier(priority: int) -> str:
    """Return the tier of a priority.

    Source: Reiss et al., section 2.
    """
    if priority <= 1:
        return "free"
    return {9: "production", 10: "monitoring", 11: "infrastructure"}.get(
        priority, "other"
    )


def _table(trace: Import, name: str, files: Sequence[Path]) -> Iterator[Rows]:
    return read_csv(files, name, trace.ledger, names=COLUMNS[name])


def _times(rows: Rows) -> list[int]:
    """Return µs; what is after the window is beyond all numbers a float tells."""
    late = rows.equals("timestamp", str(AFTER))
    times = rows.numbers("timestamp", most=float(AFTER)).astype(np.float64)
    return [AFTER if after else int(t) for t, after in zip(times, late, strict=True)]


def _machines(trace: Import, files: Sequence[Path]) -> dict[int, list[MachineEvent]]:
    events: dict[int, list[MachineEvent]] = defaultdict(list)
    for rows in _table(trace, "machine_events", files):
        table = zip(
            rows.whole("machine_id").tolist(), _times(rows),
            rows.whole("event_type", most=2).tolist(),
            _optional(rows, "cpus"), _optional(rows, "memory"),
            rows.texts("platform_id").to_pylist(), rows.row.tolist(), strict=True,
        )  # fmt: skip
        for machine, time, kind, cpu, memory, platform, row in table:
            place = f"{rows.source}: row {row}"
            events[machine].append(
                MachineEvent(time, kind, cpu, memory, platform, place)
            )
    return events


def _optional(rows: Rows, name: str) -> list[float | None]:
    values = rows.numbers(name, empty=-1.0, most=1000)
    return [None if value < 0 else value for value in values.tolist()]


def _attributes(trace: Import, files: Sequence[Path]) -> dict[int, dict[str, str]]:
    """Return each machine's attributes: the first value of each that is not deleted."""
    first: dict[int, dict[str, tuple[int, str]]] = defaultdict(dict)
    for rows in _table(trace, "machine_attributes", files):
        deleted = rows.whole("deleted", most=1) == 1
        rows.repaired(deleted, "deleted later: it stays")
        changed = np.zeros(len(rows), dtype=np.bool_)
        table = zip(
            rows.whole("machine_id").tolist(), rows.texts("name").to_pylist(),
            rows.texts("value").to_pylist(), _times(rows), deleted.tolist(),
            strict=True,
        )  # fmt: skip
        for at, (machine, name, value, time, gone) in enumerate(table):
            if gone:
                continue
            held = first[machine].get(name)
            changed[at] = held is not None and held[1] != value
            if held is None or time < held[0]:
                first[machine][name] = (time, value)
        rows.repaired(changed, "changed later: the first kept")
    return {
        machine: {name: value for name, (_, value) in mine.items()}
        for machine, mine in first.items()
    }


def _constraints(
    trace: Import, files: Sequence[Path], constrained: bool
) -> dict[tuple[int, int], str]:
    """Return the constraints of the tasks in the sample that have some."""
    found: dict[tuple[int, int], dict[str, dict[str, object]]] = defaultdict(dict)
    sample = sample_of(trace)
    for rows in _table(trace, "task_constraints", files):
        if not constrained:
            everything = np.ones(len(rows), dtype=np.bool_)
            rows.drop(everything, "no machine_attributes to hold it against")
            continue
        mine = _sampled(rows, sample)
        lost = np.zeros(len(mine), dtype=np.bool_)
        table = zip(
            mine.whole("job_id", most=IDS).tolist(), mine.whole("task_index").tolist(),
            mine.whole("operator", most=3).tolist(), mine.texts("name").to_pylist(),
            mine.texts("value").to_pylist(), strict=True,
        )  # fmt: skip
        for at, (job, task, operator, name, value) in enumerate(table):
            one = requirement(name, operator, value)
            lost[at] = one is None
            if one is not None:
                found[job, task].setdefault(json.dumps(one), one)
        mine.repaired(lost, "comparison with a text left out")
    return {key: json.dumps(list(each.values())) for key, each in found.items()}


def _sampled(rows: Rows, sample: Sample) -> Rows:
    if sample.share >= 1:
        return rows
    jobs, inverse = np.unique(rows.whole("job_id", most=IDS), return_inverse=True)
    kept = np.array([sample.keeps("job", job) for job in jobs.tolist()], dtype=np.bool_)
    return rows.skip(~kept[inverse], "job not in the sample")


def _tasks(
    trace: Import, files: Sequence[Path], constraints: dict[tuple[int, int], str]
) -> Iterator[Event]:
    sample = sample_of(trace)
    for every in _table(trace, "task_events", files):
        rows = _sampled(every, sample)
        missing = ~rows.is_empty("missing_info")
        rows.repaired(missing, "made up by Google (missing info): used")
        different = rows.whole("different_machine", most=1, empty=0).tolist()
        table = zip(
            rows.whole("job_id", most=IDS).tolist(), rows.whole("task_index").tolist(),
            _times(rows), KINDS[rows.whole("event_type", most=8)].tolist(),
            _optional(rows, "cpu_request"), _optional(rows, "memory_request"),
            rows.whole("priority", most=11).tolist(), rows.texts("user").to_pylist(),
            different, rows.row.tolist(), strict=True,
        )  # fmt: skip
        for job, task, time, kind, cpu, memory, priority, user, alone, row in table:
            yield Event(
                job, task, time, kind, cpu, memory, priority, user,
                constraints.get((job, task), ""), alone, 0, f"{rows.source}: row {row}",
            )  # fmt: skip


IMPORTER = Importer(
    title="Google cluster 2011 (clusterdata-2011-2)",
    licence="CC-BY-4.0",
    drops="tasks and machines without sizes; constraints without machine_attributes",
    units=UNITS | {"priority": "as in the trace, 0 to 11", "disk": "left out"},
    settings=SETTINGS,
    read=read,
)

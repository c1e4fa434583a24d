"""Google's Borg cells of May 2019 (ClusterData2019, trace v3).

Source: google/cluster-data, clusterdata_trace_format_v3.proto and its document. The
tables are JSON lines or Parquet, in shards of any order. A task is one pod: alloc
instances are charged, what runs inside them is not; of a task submitted again the last
run counts; LOST is an end; rows that Google made up (missing_type) are used.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from schedbench.errors import InputError
from schedbench.sources.traces.borg import (
    SETTINGS,
    UNITS,
    Event,
    MachineEvent,
    checked_fraction,
    checked_time,
    event_table,
    requirement,
    sample_of,
    spill_events,
    write_machines,
    write_tasks,
)
from schedbench.sources.traces.files import find_tables
from schedbench.sources.traces.importer import Import, Importer
from schedbench.sources.traces.json_rows import Numbered, read_rows
from schedbench.sources.traces.spill import Spill

TASKS, JOBS = "instance_events", "collection_events"
MACHINES, ATTRIBUTES = "machine_events", "machine_attributes"
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".parquet")
KINDS = range(11)
ADD, REMOVE, UPDATE = 1, 2, 3


class _Resources(msgspec.Struct, forbid_unknown_fields=True):
    cpus: float | None = None
    memory: float | None = None


_NO_RESOURCES = _Resources()


class _Constraint(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    value: str | None = None
    relation: int = 0


class _Machine(msgspec.Struct, forbid_unknown_fields=True):
    machine_id: int
    type: int
    time: int
    switch_id: str | None = None
    capacity: _Resources | None = None
    platform_id: str | None = None
    missing_data_reason: int | None = None


class _Attribute(msgspec.Struct, forbid_unknown_fields=True):
    machine_id: int
    name: str
    time: int
    value: str | None = None
    deleted: bool = False


class _Job(msgspec.Struct, forbid_unknown_fields=True):
    collection_id: int
    time: int
    type: int
    scheduling_class: int | None = None
    missing_type: int | None = None
    collection_type: int | None = None
    priority: int | None = None
    alloc_collection_id: int | None = None
    user: str | None = None
    collection_name: str | None = None
    collection_logical_name: str | None = None
    parent_collection_id: int | None = None
    start_after_collection_ids: list[int] | None = None
    max_per_machine: int | None = None
    max_per_switch: int | None = None
    vertical_scaling: int | None = None
    scheduler: int | None = None


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    collection_id: int
    instance_index: int
    time: int
    type: int
    scheduling_class: int | None = None
    missing_type: int | None = None
    collection_type: int | None = None
    priority: int | None = None
    alloc_collection_id: int | None = None
    machine_id: int | None = None
    alloc_instance_index: int | None = None
    resource_request: _Resources | None = None
    constraint: list[_Constraint] | None = None


def read(trace: Import) -> None:
    """Read the tables, each streamed; events are sorted on disk."""
    files = find_tables(
        trace.paths, (TASKS, MACHINES), (JOBS, ATTRIBUTES), SUFFIXES, trace.ledger
    )
    attributes = _attributes(trace, files.get(ATTRIBUTES, []))
    write_machines(trace, _machines(trace, files[MACHINES]), attributes, MACHINES)
    with Spill(trace.writer.scratch) as spill:
        event_table(spill)
        spill_events(spill, _jobs(trace, files.get(JOBS, [])))
        constrained = ATTRIBUTES in files
        spill_events(spill, _tasks(trace, files[TASKS], constrained))
        write_tasks(trace, spill, tier)


def tier(priority: int) -> str:
    """Return the tier of a priority.

    Source: the document of trace v3.
    """
    for most, name in ((99, "free"), (115, "best-effort-batch"), (119, "mid")):
        if priority <= most:
            return name
    return "production" if priority < 360 else "monitoring"


def _machines(trace: Import, files: Sequence[Path]) -> dict[int, list[MachineEvent]]:
    events: dict[int, list[MachineEvent]] = defaultdict(list)
    for found in read_rows(files, MACHINES, _Machine, trace.ledger):
        row: _Machine = found.row
        if not ADD <= row.type <= UPDATE:
            raise _bad(found, "type", row.type, "not 1 (ADD), 2 (REMOVE) or 3 (UPDATE)")
        size = row.capacity or _NO_RESOURCES
        events[row.machine_id].append(
            MachineEvent(
                checked_time(row.time, found.place),
                row.type - 1,
                checked_fraction(size.cpus, "capacity.cpus", found.place),
                checked_fraction(size.memory, "capacity.memory", found.place),
                row.platform_id or "",
                found.place,
            )
        )
    return events


def _attributes(trace: Import, files: Sequence[Path]) -> dict[int, dict[str, str]]:
    """Return each machine's attributes: the first value of each that is not deleted."""
    first: dict[int, dict[str, tuple[int, str]]] = defaultdict(dict)
    for found in read_rows(files, ATTRIBUTES, _Attribute, trace.ledger):
        row: _Attribute = found.row
        if row.deleted:
            trace.ledger.repair(ATTRIBUTES, "deleted later: it stays", 1, found.place)
            continue
        mine = first[row.machine_id]
        held, value = mine.get(row.name), row.value or ""
        if held is not None and held[1] != value:
            trace.ledger.repair(
                ATTRIBUTES, "changed later: the first kept", 1, found.place
            )
        if held is None or row.time < held[0]:
            mine[row.name] = (row.time, value)
    return {
        machine: {name: value for name, (_, value) in mine.items()}
        for machine, mine in first.items()
    }


def _jobs(trace: Import, files: Sequence[Path]) -> Iterator[Event]:
    """Yield an event of task −1 for each submission of a job."""
    sample = sample_of(trace)
    for found in read_rows(files, JOBS, _Job, trace.ledger):
        row: _Job = found.row
        if row.type not in KINDS:
            raise _bad(found, "type", row.type, "not 0 to 10")
        if not sample.keeps("job", row.collection_id):
            trace.ledger.skip(JOBS, "job not in the sample", 1, found.place)
            continue
        if row.type == 0:
            yield Event(
                row.collection_id, -1, checked_time(row.time, found.place), 0, None,
                None, row.priority or 0, row.user or "", "", row.max_per_machine or 0,
                0, found.place,
            )  # fmt: skip


def _tasks(trace: Import, files: Sequence[Path], constrained: bool) -> Iterator[Event]:
    sample, ledger = sample_of(trace), trace.ledger
    for found in read_rows(files, TASKS, _Task, ledger):
        row: _Task = found.row
        if row.type not in KINDS:
            raise _bad(found, "type", row.type, "not 0 to 10")
        if row.instance_index < 0:
            raise _bad(found, "instance_index", row.instance_index, "below 0")
        if not sample.keeps("job", row.collection_id):
            ledger.skip(TASKS, "job not in the sample", 1, found.place)
            continue
        if row.missing_type:
            ledger.repair(
                TASKS, "made up by Google (missing_type): used", 1, found.place
            )
        size, place = row.resource_request or _NO_RESOURCES, found.place
        yield Event(
            row.collection_id,
            row.instance_index,
            checked_time(row.time, place),
            row.type,
            checked_fraction(size.cpus, "resource_request.cpus", place),
            checked_fraction(size.memory, "resource_request.memory", place),
            row.priority or 0,
            "",
            _constraints(trace, found, constrained) if row.constraint else "",
            0,
            int(bool(row.alloc_collection_id)),
            place,
        )


def _constraints(trace: Import, found: Numbered, constrained: bool) -> str:
    given: list[_Constraint] = found.row.constraint
    if not constrained:
        trace.ledger.repair(
            TASKS, "constraints left out: no machine_attributes", 1, found.place
        )
        return ""
    made = []
    for each in given:
        if not 0 <= each.relation <= 7:
            raise _bad(found, "constraint.relation", each.relation, "not 0 to 7")
        one = requirement(each.name, each.relation, each.value or "")
        if one is None:
            trace.ledger.repair(
                TASKS, "comparison with a text left out", 1, found.place
            )
        else:
            made.append(one)
    return json.dumps(made) if made else ""


def _bad(found: Numbered, column: str, value: object, problem: str) -> InputError:
    return InputError(
        problem,
        source=found.source,
        where=f"row {found.number}, column {column}",
        value=value,
        fix="mend or remove the row",
    )


IMPORTER = Importer(
    title="Google Borg 2019 (ClusterData2019)",
    licence="CC-BY-4.0",
    drops="tasks inside alloc instances, tasks and machines without sizes",
    units=UNITS | {"priority": "as in the trace, 0 to 450"},
    settings=SETTINGS,
    read=read,
)

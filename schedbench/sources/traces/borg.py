"""What Google's traces of 2011 and 2019 share: machines, and tasks made of events.

Source: google/cluster-data, trace documents v2 and v3; Tirmazi et al., "Borg: the Next
Generation", EuroSys 2020. Events may come in any order: they are sorted on disk, and a
task is in memory only while it is put together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schedbench.errors import InputError
from schedbench.sources.traces.importer import Import, Setting
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.spill import Spill
from schedbench.sources.traces.writer import ROW_GROUP

SUBMIT, SCHEDULE, LOST = 0, 3, 8
ENDS = frozenset({4, 5, 6, 7, 8})
ADD, REMOVE, UPDATE = range(3)

MICRO = 1e-6
START = 600.0
"""Seconds into the trace at which its window opens; 0 = before the window."""

AFTER = 2**63 - 1
"""The time of what happened after the window."""

TASKS = "tasks"
ATTRIBUTE = "google.com/"

SETTINGS = {
    "share": Setting(1.0, "share of jobs to read, and of machines to keep"),
    "seed": Setting(0, "seed of the sample"),
    "cpu": Setting(100_000, "millicores of the largest machine", 1),
    "memory": Setting(524_288, "MiB of the largest machine", 1),
}
UNITS = {
    "time": "µs; 600 s after its zero is 0 s, what was before is at 0 s",
    "cpu, memory": "fractions of the largest machine, in units of the settings; "
    "no absolute sizes",
}


class Event(NamedTuple):
    """One event of a task, as the spill holds it; a job's own has task −1.

    `request` is in fractions; `text` is the user or constraints in JSON.
    """

    job: int
    task: int
    time: int
    kind: int
    cpu: float | None
    memory: float | None
    priority: int
    user: str
    constraints: str
    max_per_node: int
    inside: int
    place: str


COLUMNS = Event._fields


@dataclasses.dataclass(slots=True)
class Sample:
    """Which jobs and machines a sample keeps: the same, whatever the file order."""

    share: float
    seed: int

    def keeps(self, kind: str, number: int) -> bool:
        """Tell whether a job or machine is in the sample."""
        return self.keeps_text(kind, str(number))

    def keeps_text(self, kind: str, name: str) -> bool:
        """Tell whether a job or machine that has a name is in the sample."""
        if self.share >= 1:
            return True
        text = f"{self.seed} {kind} {name}".encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.share * 2**64


class MachineEvent(NamedTuple):
    """One event of a machine; capacities are fractions."""

    time: int
    kind: int
    cpu: float | None
    memory: float | None
    platform: str
    place: str


def write_machines(
    trace: Import,
    events: Mapping[int, list[MachineEvent]],
    attributes: Mapping[int, Mapping[str, str]],
    table: str,
) -> None:
    """Write a node for each stay of each machine of the sample."""
    ledger, columns = trace.ledger, _Batch(trace.writer.nodes)
    sample = sample_of(trace)
    for machine in sorted(events):
        mine = sorted(events[machine], key=lambda each: (each.time, each.kind))
        if not sample.keeps("machine", machine):
            ledger.skip(table, "machine not in the sample", len(mine), mine[0].place)
            continue
        sizes = [each for each in mine if each.cpu and each.memory]
        if not sizes:
            ledger.drop(table, "machine without capacity", len(mine), mine[0].place)
            continue
        first = sizes[0]
        other = [e for e in sizes if (e.cpu, e.memory) != (first.cpu, first.memory)]
        if other:
            ledger.repair(
                table, "capacity changed: the first kept", len(other), other[0].place
            )
        labels = {ATTRIBUTE + k: v for k, v in attributes.get(machine, {}).items()}
        if first.platform:
            labels[ATTRIBUTE + "platform"] = first.platform
        for start, end in _stays(mine, ledger, table):
            columns.add(
                {
                    "name": f"machine-{machine}",
                    "time_add": start,
                    "time_remove": end,
                    "cpu_milli": _units(first.cpu, trace.settings["cpu"]),
                    "memory_mib": _units(first.memory, trace.settings["memory"]),
                    "labels": json.dumps(labels) if labels else "",
                }
            )
    columns.flush()


def _stays(
    events: Sequence[MachineEvent], ledger: Ledger, table: str
) -> Iterator[tuple[float, float]]:
    start: float | None = None
    for event in events:
        when = seconds(event.time)
        if event.kind == ADD and start is None:
            start = when
        elif event.kind == REMOVE and start is not None:
            yield start, when
            start = None
        elif event.kind == REMOVE:
            ledger.repair(table, "removed, not there: passed over", 1, event.place)
    if start is not None:
        yield start, float("nan")


def write_tasks(
    trace: Import,
    spill: Spill,
    tiers: Callable[[int], str],
) -> None:
    """Put tasks together from the spilled events, and write a pod for each.

    Parameters
    ----------
    tiers
        Name of the tier of a priority.
    """
    batch = _Batch(trace.writer.pods)
    spill_order = "SELECT * FROM event ORDER BY job, task, time, rowid"
    owner: Event | None = None
    rows = map(Event._make, spill.select(spill_order))
    for (job, task), group in itertools.groupby(rows, operator.itemgetter(0, 1)):
        events = list(group)
        if task < 0:
            owner = events[0]
            continue
        trace.ledger.read(TASKS, 1)
        mine = owner if owner is not None and owner.job == job else None
        pod = _pod(trace, events, mine)
        if pod is not None:
            batch.add(pod | {"class": tiers(int(pod["priority"]))})
    batch.flush()


def _pod(
    trace: Import, events: Sequence[Event], owner: Event | None
) -> dict[str, Any] | None:
    ledger, first = trace.ledger, events[0]
    if first.inside:
        ledger.drop(
            TASKS, "runs inside an alloc instance, which is charged", 1, first.place
        )
        return None
    sizes = [e for e in events if e.cpu is not None and e.memory is not None]
    if not sizes:
        ledger.drop(TASKS, "no resource request", 1, first.place)
        return None
    asked = (sizes[0].cpu, sizes[0].memory)
    if len({(each.cpu, each.memory) for each in sizes}) > 1:
        ledger.repair(TASKS, "request changed later: the first kept", 1, first.place)
    submitted = [each for each in events if each.kind == SUBMIT]
    if not submitted:
        ledger.repair(TASKS, "no SUBMIT: its first event taken", 1, first.place)
    elif len(submitted) > 1:
        ledger.repair(
            TASKS, "submitted again: its last run kept", 1, submitted[1].place
        )
    start, end = _last_run(events)
    submit = seconds((submitted or events)[0].time)
    left = (submitted or events)[0].time == 0
    right = end is None or end == AFTER
    if LOST in [each.kind for each in events]:
        ledger.repair(TASKS, "LOST: taken for its end", 1, first.place)
    began = float("nan") if start is None else max(submit, seconds(start))
    ended = float("nan") if right or end is None else max(submit, seconds(end))
    settings = trace.settings
    if owner is not None:
        user, most = owner.user, owner.max_per_node
    else:
        user, most = first.user, max(e.max_per_node for e in events)
    return {
        "id": f"{first.job}-{first.task}",
        "group": str(first.job),
        "submit": submit,
        "start": began,
        "end": ended,
        "duration": ended - began if start is not None else float("nan"),
        "censored": {
            (True, True): "both", (True, False): "left", (False, True): "right",
        }.get((left, right), ""),
        "cpu_milli": _units(asked[0], settings["cpu"]),
        "memory_mib": _units(asked[1], settings["memory"]),
        "priority": first.priority,
        "user": user,
        "constraints": next((e.constraints for e in events if e.constraints), ""),
        "max_per_node": most if most > 0 else -1,
    }  # fmt: skip


def _last_run(events: Sequence[Event]) -> tuple[int | None, int | None]:
    """Return when the last run began and ended, None = it did not.

    Without any run, when the task went away.
    """
    start: int | None = None
    end: int | None = None
    gone: int | None = None
    for event in events:
        if event.kind == SCHEDULE:
            start, end = event.time, None
        elif event.kind in ENDS:
            end, gone = event.time if end is None else end, event.time
    return start, gone if start is None else end


def requirement(name: str, relation: int, value: str) -> dict[str, Any] | None:
    """Return a constraint as a node selector requirement; None = it has no such form.

    Relations are EQUAL, NOT_EQUAL, LESS_THAN, GREATER_THAN, ≤, ≥, PRESENT and
    NOT_PRESENT; equal to nothing means not present.
    """
    key = ATTRIBUTE + name
    if relation in {0, 1} and value:
        return {"key": key, "operator": ("In", "NotIn")[relation], "values": [value]}
    if relation in {0, 7}:
        return {"key": key, "operator": "DoesNotExist"}
    if relation in {1, 6}:
        return {"key": key, "operator": "Exists"}
    try:
        bound = int(value)
    except ValueError:
        return None
    operator, shift = {2: ("Lt", 0), 3: ("Gt", 0), 4: ("Lt", 1), 5: ("Gt", -1)}[
        relation
    ]
    return {"key": key, "operator": operator, "values": [str(bound + shift)]}


def seconds(time: int) -> float:
    """Return seconds from the opening of the window; what was before is at 0."""
    return max(0.0, time * MICRO - START)


def sample_of(trace: Import) -> Sample:
    """Return the sample that the settings ask for.

    Raises
    ------
    InputError
        If the share is not above 0 and at most 1.
    """
    share = float(trace.settings["share"])
    if not 0 < share <= 1:
        raise InputError(
            "share is not above 0 and at most 1", source="--set", value=share
        )
    return Sample(share, int(trace.settings["seed"]))


def checked_fraction(value: float | None, column: str, place: str) -> float | None:
    """Return a fraction of a machine.

    Raises
    ------
    InputError
        If it is negative, or no number.
    """
    if value is not None and not 0 <= value <= 1000:
        raise InputError(
            "not a fraction of a machine", source=place, where=f"column {column}",
            value=value, fix="mend or remove the row",
        )  # fmt: skip
    return value


def checked_time(time: int, place: str) -> int:
    """Return a time in µs.

    Raises
    ------
    InputError
        If it is negative.
    """
    if not 0 <= time <= AFTER:
        raise InputError(
            "not a time", source=place, where="column time", value=time,
            fix="mend or remove the row",
        )  # fmt: skip
    return time


def event_table(spill: Spill) -> None:
    """Make the table of events."""
    spill.create("event", COLUMNS)


def spill_events(spill: Spill, events: Iterable[Event]) -> None:
    """Put events into the spill."""
    for piece in _pieces(events):
        spill.insert("event", piece, len(COLUMNS))


def _pieces(events: Iterable[Event]) -> Iterator[list[Event]]:
    iterator = iter(events)
    while piece := list(itertools.islice(iterator, ROW_GROUP)):
        yield piece


def _units(fraction: float | None, scale: int) -> int:
    """Return a fraction in integer units, to the nearest; above 0 it stays above."""
    amount = float(fraction or 0) * scale
    return max(round(amount), 1 if amount > 0 else 0)


class _Batch:
    """Rows collected into columns of bounded length."""

    def __init__(self, sink: Callable[[Mapping[str, Any]], None]) -> None:
        self._sink = sink
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= ROW_GROUP // 2:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            names = self._rows[0]
            self._sink({name: [row[name] for row in self._rows] for name in names})
            self._rows = []

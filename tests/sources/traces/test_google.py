"""Google's traces: tasks put together from events, in samples made to the schemas."""

from __future__ import annotations

import json

import numpy as np
import pytest
from trace_cases import import_trace, write

from schedbench.errors import InputError

HALF = {"cpus": 0.5, "memory": 0.25}
S = 1_000_000


def event(kind, time, job=1, task=0, **more):
    """An instance event; 64-bit integers are texts, as BigQuery writes them."""
    row = {"time": str(time), "type": kind, "collection_id": str(job),
           "instance_index": task, "priority": 103, "machine_id": "0",
           "alloc_collection_id": "0"}  # fmt: skip
    return json.dumps(row | more)


def machine(kind=1, time=0, number="7", size=None):
    """A machine event."""
    row = {"time": str(time), "machine_id": number, "type": kind, "switch_id": "s",
           "platform_id": "p"}  # fmt: skip
    return json.dumps(row | ({"capacity": size} if size else {}))


LIFE = [
    event(0, 700 * S, resource_request=HALF, scheduling_class=2),
    event(3, 710 * S, resource_request=HALF, machine_id="7"),
    event(6, 760 * S),
]
MACHINES = [machine(size={"cpus": 1.0, "memory": 1.0})]


@pytest.fixture
def borg(tmp_path):
    """Import the tables given as lists of lines."""

    def run(tasks=LIFE, machines=MACHINES, *, strict=False, settings=None, **more):
        folder = write(
            tmp_path / "t",
            **{"instance_events-000000000000__json_gz": tasks},
            **{"machine_events-000000000000__json": machines},
            **{f"{name}-000000000000__json": lines for name, lines in more.items()},
        )
        return import_trace(
            "google-2019", folder, tmp_path / "out", strict=strict, **(settings or {})
        )

    return run


def test_a_task_is_a_pod(borg):
    """Submit, schedule and finish become times in s; fractions become units."""
    found = borg()
    (pod,) = found.pods

    assert (pod["submit"], pod["start"], pod["end"]) == (100.0, 110.0, 160.0)
    assert pod["duration"] == 50.0
    assert (pod["cpu_milli"], pod["memory_mib"]) == (50_000, 131_072)
    assert (pod["priority"], pod["class"]) == (103, "best-effort-batch")
    assert pod["group"] == "1"
    assert found.nodes[0]["cpu_milli"] == 100_000
    assert json.loads(found.nodes[0]["labels"]) == {"google.com/platform": "p"}


def test_order_of_rows_does_not_matter(borg):
    """Shards may hold events in any order."""
    assert borg(LIFE[::-1]).pods == borg(LIFE).pods


def test_last_run_counts(borg):
    """A task evicted and submitted again runs as long as its last run."""
    tasks = [
        *LIFE[:2],
        event(4, 720 * S),
        event(0, 730 * S),
        event(3, 740 * S),
        event(7, 745 * S),
    ]
    found = borg(tasks)
    (pod,) = found.pods

    assert (pod["submit"], pod["start"], pod["duration"]) == (100.0, 140.0, 5.0)
    assert found.counts("repaired", "tasks") == {
        "submitted again: its last run kept": 1
    }


@pytest.mark.parametrize(
    ("tasks", "censored", "duration"),
    [
        pytest.param(LIFE[:2], "right", None, id="it still runs"),
        pytest.param(
            [event(0, 0, resource_request=HALF), event(3, 0), event(6, 650 * S)],
            "left",
            50.0,
            id="it ran before the window",
        ),
        pytest.param(
            [*LIFE[:2], event(6, 2**63 - 1)], "right", None, id="it ends behind"
        ),
        pytest.param([LIFE[0], event(7, 720 * S)], "", None, id="it never ran"),
    ],
)
def test_censoring(borg, tasks, censored, duration):
    """What lies outside the window is marked."""
    (pod,) = borg(tasks).pods

    assert (pod["censored"], pod["duration"]) == (censored, duration)


def test_what_is_dropped_is_counted(borg):
    """Tasks inside alloc instances, or without a size, give no pod."""
    tasks = [
        *LIFE,
        event(0, 700 * S, job=2, alloc_collection_id="9", resource_request=HALF),
        event(0, 700 * S, job=3),
        event(0, 700 * S, job=4, resource_request=HALF, collection_type=1),
    ]
    found = borg(tasks)

    assert [pod["group"] for pod in found.pods] == ["1", "4"]
    assert found.counts("dropped", "tasks") == {
        "runs inside an alloc instance, which is charged": 1,
        "no resource request": 1,
    }


def test_strict_refuses_drops(borg, tmp_path):
    """With strict the first drop is an error, and nothing is written."""
    with pytest.raises(InputError, match="would be dropped: no resource request"):
        borg([event(0, 700 * S)], strict=True)

    assert not (tmp_path / "out").exists()


def test_jobs_tell_user_and_limit(borg):
    """Collection events give user and the most tasks on a machine."""
    job = {"time": "700000000", "type": 0, "collection_id": "1", "user": "u",
           "max_per_machine": 2, "scheduler": 1}  # fmt: skip
    (pod,) = borg(collection_events=[json.dumps(job)]).pods

    assert (pod["user"], pod["max_per_node"]) == ("u", 2)


def test_constraints(borg):
    """Relations become requirements on labels from machine_attributes."""
    given = [
        {"name": "a", "value": "x", "relation": 0},
        {"name": "b", "value": "3", "relation": 5},
        {"name": "c", "relation": 6},
        {"name": "d", "value": "y", "relation": 2},
    ]
    attributes = [
        {"time": "0", "machine_id": "7", "name": "a", "value": "x", "deleted": False}
    ]
    tasks = [event(0, 700 * S, resource_request=HALF, constraint=given)]
    found = borg(tasks, machine_attributes=[json.dumps(each) for each in attributes])

    assert json.loads(found.pods[0]["constraints"]) == [
        {"key": "google.com/a", "operator": "In", "values": ["x"]},
        {"key": "google.com/b", "operator": "Gt", "values": ["2"]},
        {"key": "google.com/c", "operator": "Exists"},
    ]
    assert json.loads(found.nodes[0]["labels"])["google.com/a"] == "x"
    assert found.counts("repaired", "instance_events") == {
        "comparison with a text left out": 1
    }


def test_machines_come_and_go(borg):
    """A machine without capacity is dropped; one that came back has two stays."""
    size = {"cpus": 0.5, "memory": 0.5}
    machines = [
        machine(size=size),
        machine(2, 700 * S),
        machine(1, 800 * S, size=size),
        machine(number="8"),
    ]
    found = borg(machines=machines)

    stays = [(node["time_add"], node["time_remove"]) for node in found.nodes]
    assert stays == [(0.0, 100.0), (200.0, None)]
    assert found.counts("dropped", "machine_events") == {"machine without capacity": 1}


def test_sample_is_by_job(borg):
    """A sample keeps whole jobs, about its share, whatever their order."""
    tasks = [
        event(0, 700 * S, job=job, task=task, resource_request=HALF)
        for job in range(400)
        for task in range(2)
    ]
    found = borg(tasks, settings={"share": 0.25, "seed": 3}, machines=[
        machine(number=str(n), size=HALF) for n in range(400)
    ])  # fmt: skip
    jobs, sizes = np.unique([pod["group"] for pod in found.pods], return_counts=True)

    assert 70 <= len(jobs) <= 130
    assert set(sizes) == {2}
    assert 70 <= len(found.nodes) <= 130
    assert found.about["tables"]["instance_events"]["read"] == 800
    assert sum(found.counts("skipped", "instance_events").values()) == 800 - 2 * len(
        jobs
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param('{"time": 1, "type"', "row 4", id="truncated"),
        pytest.param(event(11, 1), "row 4, column type", id="unknown type"),
        pytest.param(event(0, 1, resource_request={"cpus": -1}), "cpus", id="negative"),
        pytest.param(event(0, 1).replace("103", "NaN"), "row 4", id="NaN"),
        pytest.param(event(0, 1, extra=1), "unknown field", id="unknown column"),
        pytest.param(event(0, "soon"), "column time", id="no time"),
        pytest.param('{"collection_id": 1}', "row 4.*required field", id="too short"),
    ],
)
def test_malformed_rows(borg, line, words):
    """A malformed row is an error with its place."""
    with pytest.raises(InputError, match=words):
        borg([*LIFE, line])


def test_parquet_is_read_alike(borg, tmp_path):
    """A table in Parquet gives the pods of the same table in JSON lines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    expected = borg().pods
    rows = [json.loads(line) for line in LIFE]
    for row in rows:
        row["time"] = int(row["time"])
    folder = write(tmp_path / "p", **{"machine_events-000000000000__json": MACHINES})
    pq.write_table(pa.Table.from_pylist(rows), folder / "instance_events-0.parquet")

    assert import_trace("google-2019", folder, tmp_path / "o2").pods == expected


TASKS_2011 = [
    "700000000,,5,0,,0,u,2,9,0.5,0.25,0.001,1",
    "710000000,,5,0,7,1,u,2,9,0.5,0.25,0.001,1",
    "760000000,,5,0,7,4,u,2,9,0.5,0.25,0.001,1",
    "700000000,2,6,0,,0,v,0,0,,,,0",
    "9223372036854775807,,5,1,,4,u,2,9,0.5,0.25,0.001,0",
]


@pytest.fixture
def cell(tmp_path):
    """Import the tables of 2011, in their folders."""

    def run(tasks=TASKS_2011, **more):
        write(tmp_path / "c/task_events", **{"part-00000-of-00500__csv_gz": tasks})
        lines = ["0,7,0,p,0.5,0.75", "0,8,0,p,,"]
        write(tmp_path / "c/machine_events", **{"part-00000-of-00001__csv_gz": lines})
        for name, rows in more.items():
            write(tmp_path / "c" / name, **{"part-00000-of-00001__csv": rows})
        return import_trace("google-2011", tmp_path / "c", tmp_path / "out")

    return run


def test_2011(cell):
    """The events of 2011 are numbered otherwise and mean the same."""
    found = cell()
    pod = found.pod("5-0")

    assert (pod["submit"], pod["start"], pod["duration"]) == (100.0, 110.0, 50.0)
    assert (pod["class"], pod["user"], pod["max_per_node"]) == ("production", "u", 1)
    assert found.pod("5-1")["censored"] == "right"
    assert [node["name"] for node in found.nodes] == ["machine-7"]
    assert found.counts("dropped", "tasks") == {"no resource request": 1}
    assert found.counts("repaired", "task_events") == {
        "made up by Google (missing info): used": 1
    }


def test_2011_constraints(cell):
    """Constraints come from their own table; equal to nothing means not there."""
    found = cell(
        task_constraints=["0,5,0,0,k,v", "0,5,0,0,m,"],
        machine_attributes=["0,7,k,v,0"],
    )

    assert json.loads(found.pod("5-0")["constraints"]) == [
        {"key": "google.com/k", "operator": "In", "values": ["v"]},
        {"key": "google.com/m", "operator": "DoesNotExist"},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("1,,5,0,7,9,u,2,9,0.5,0.25,0,0", "event_type", id="type"),
        pytest.param("1,,5,0,7,1,u,2,12,0.5,0.25,0,0", "priority", id="priority"),
        pytest.param("1,,5,0,7,1,u,2,9,nan,0.25,0,0", "row 6.*cpu_request", id="NaN"),
        pytest.param("1,,5,0,7,1,u,2,9,0.5", "row 6.*expected 13", id="truncated"),
    ],
)
def test_2011_malformed(cell, line, words):
    """A malformed cell is an error with its place."""
    with pytest.raises(InputError, match=words):
        cell([*TASKS_2011, line])

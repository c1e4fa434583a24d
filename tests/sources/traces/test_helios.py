"""Helios: jobs divided over nodes, capacity by day; samples made to the README."""

from __future__ import annotations

import json

import pytest
from trace_cases import import_trace, write

from schedbench.errors import InputError

HEADER = (
    "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,"
    "duration,queue"
)
DAY = "2020-04-02"
JOBS = [
    HEADER,
    f"1,u1,vc1,16,33,2,COMPLETED,{DAY} 01:00:00,{DAY} 01:00:30,{DAY} 02:00:30,3600,30",
    f"2,u2,vc2,0,1,1,FAILED,{DAY} 00:00:10,{DAY} 00:00:10,{DAY} 00:00:20,10,0",
    f"3,u1,vc1,8,8,1,CANCELLED,{DAY} 03:00:00,None,{DAY} 03:10:00,0,600",
]
CAPACITY = [
    "date,vc1,vc2,total",
    "2020-04-01,16,0,16",
    "2020-04-02,16,8,24",
    "2020-04-03,8,8,16",
]


@pytest.fixture
def helios(tmp_path):
    """Import a log and its capacity."""

    def run(jobs=JOBS, capacity=CAPACITY, **settings):
        folder = write(
            tmp_path / "Venus",
            cluster_log__csv=jobs,
            cluster_gpu_number__csv=capacity,
        )
        return import_trace("helios", folder, tmp_path / "out", **settings)

    return run


def test_jobs_are_divided_over_their_nodes(helios):
    """Totals are divided; what is left over goes to the first pods."""
    found = helios()
    pods = [pod for pod in found.pods if pod["group"] == "1"]

    assert [(p["id"], p["num_gpu"], p["cpu_milli"]) for p in pods] == [
        ("1-0", 8, 17_000), ("1-1", 8, 16_000),
    ]  # fmt: skip
    assert (pods[0]["submit"], pods[0]["start"]) == (3600.0, 3630.0)
    assert (pods[0]["duration"], pods[0]["gang_size"]) == (3600.0, 2)
    assert json.loads(pods[0]["constraints"]) == [
        {"key": "schedbench.io/vc", "operator": "In", "values": ["vc1"]}
    ]
    assert found.pod("2-0")["num_gpu"] == 0


def test_never_started(helios):
    """A job cancelled while it waited has an end and no run."""
    found = helios()
    pod = found.pod("3-0")

    assert (pod["start"], pod["duration"]) == (None, None)
    assert pod["end"] - pod["submit"] == 600.0
    assert found.counts("repaired", "cluster_log")[
        "never started: deleted when it went away"
    ] == 1  # fmt: skip


def test_capacity_changes_by_day(helios):
    """Nodes of a virtual cluster come and go with its GPUs."""
    stays = [
        (n["name"], n["gpus"], n["time_add"], n["time_remove"]) for n in helios().nodes
    ]

    assert stays == [
        ("vc1-0", 8, 0.0, None),
        ("vc1-1", 8, 0.0, 86_400.0),
        ("vc2-0", 8, 0.0, None),
    ]


def test_virtual_clusters_can_be_left_out(helios):
    """Without them jobs may run everywhere."""
    found = helios(vc=False, node_gpus=4)

    assert {pod["constraints"] for pod in found.pods} == {""}
    assert {node["gpus"] for node in found.nodes} == {4}


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        pytest.param([JOBS[1]], "missing column 'job_id'", id="no header"),
        pytest.param([HEADER + ",x"], "unknown column: 'x'", id="column"),
        pytest.param(
            [HEADER, JOBS[1].replace("COMPLETED", "DONE")], "unknown state", id="state"
        ),
        pytest.param(
            [HEADER, JOBS[1].replace("01:00:30", "25:00:30")], "start_time", id="hour"
        ),
        pytest.param(
            [HEADER, JOBS[1].replace(f"{DAY} 01:00:30", "1585789230")],
            "row 2, column start_time: not a time",
            id="unit",
        ),
        pytest.param(
            [HEADER, JOBS[1].replace("02:00:30", "00:00:30")],
            "an end before the start",
            id="end",
        ),
        pytest.param([HEADER, JOBS[1].replace("16,33", "999,33")], "gpu_num", id="gpu"),
        pytest.param([*JOBS, JOBS[1][:40]], "row 5: expected 12", id="truncated"),
    ],
)
def test_malformed(helios, jobs, words):
    """A malformed row is an error with its place."""
    with pytest.raises(InputError, match=words):
        helios(jobs)


def test_one_cluster_at_a_time(tmp_path, helios):
    """Clusters number their jobs alike, so two of them are refused."""
    helios()
    write(tmp_path / "Earth", cluster_log__csv=JOBS, cluster_gpu_number__csv=CAPACITY)

    with pytest.raises(InputError, match="more than one cluster"):
        import_trace(
            "helios", [tmp_path / "Venus", tmp_path / "Earth"], tmp_path / "o2"
        )


@pytest.mark.parametrize(
    ("capacity", "words"),
    [
        pytest.param(["date,vc1"], "not a table of GPUs by day", id="header"),
        pytest.param([CAPACITY[0], "1 April,8,0,8"], "not a date", id="date"),
        pytest.param([CAPACITY[0], "2020-04-01,x,0,8"], "column vc1", id="text"),
        pytest.param([CAPACITY[0], "2020-04-01,8"], "2 cells, expected 4", id="short"),
    ],
)
def test_malformed_capacity(helios, capacity, words):
    """A malformed table of capacity is an error with its place."""
    with pytest.raises(InputError, match=words):
        helios(capacity=capacity)

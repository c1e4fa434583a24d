"""Alibaba 2018: services beside batch tasks, in samples made to schema.txt."""

from __future__ import annotations

import json

import pytest
from trace_cases import import_trace, write

from schedbench.errors import InputError
from schedbench.sources.traces.alibaba_2018 import dependencies

MACHINES = [
    "m_1,0,1,2,96,100,USING",
    "m_2,500,1,3,96,50,USING",
    "m_2,0,4,5,96,25,USING",
    "m_3,0,1,2,96,101,USING",
]
SERVICES = [
    "c_1,m_1,300,app_1,started,400,400,1.56",
    "c_1,m_1,0,app_1,allocated,800,800,3.12",
    "c_2,m_2,7,app_1,started,400,400,",
]
TASKS = [
    "M1,2,j_1,1,Terminated,100,160,100,0.5",
    "R2_1,1.0,j_1,1,Terminated,160,170,50,0.25",
    "task_TG9uZw==,1,j_2,1,Running,200,0,100,0.5",
]


@pytest.fixture
def cluster(tmp_path):
    """Import the tables given."""

    def run(tasks=TASKS, machines=MACHINES, services=SERVICES, **settings):
        folder = write(
            tmp_path / "a",
            machine_meta__csv=machines,
            container_meta__csv=services,
            batch_task__csv_gz=tasks,
        )
        return import_trace("alibaba-2018", folder, tmp_path / "out", **settings)

    return run


def test_machines(cluster):
    """The first row of a machine counts; a memory of 101 is no machine."""
    found = cluster(memory=1000)

    assert [(n["name"], n["cpu_milli"], n["memory_mib"]) for n in found.nodes] == [
        ("m_1", 96_000, 1000),
        ("m_2", 96_000, 250),
    ]
    assert json.loads(found.nodes[1]["labels"]) == {
        "schedbench.io/failure-domain-1": "4",
        "schedbench.io/failure-domain-2": "5",
    }
    assert found.counts("dropped", "machine_meta") == {"mem_size is -1 or 101": 1}
    assert found.counts("repaired", "machine_meta") == {
        "a later row of a machine: the first kept": 1
    }


def test_services(cluster):
    """A container comes with its first row and stays; 100 is a core."""
    pod = cluster(memory=1000).pod("c_1")

    assert (pod["submit"], pod["duration"], pod["censored"]) == (0.0, None, "both")
    assert (pod["cpu_milli"], pod["memory_mib"]) == (8000, 32)
    assert (pod["priority"], pod["class"], pod["group"]) == (1, "service", "app_1")


def test_batch(cluster):
    """Each instance of a task is a pod with the task's times and plan."""
    found = cluster(memory=1000)
    batch = [pod for pod in found.pods if pod["class"] == "batch"]

    assert [pod["id"] for pod in batch] == [
        "j_1-M1-0", "j_1-M1-1", "j_1-R2_1-0", "j_2-task_TG9uZw==-0",
    ]  # fmt: skip
    assert (batch[0]["submit"], batch[0]["duration"]) == (100.0, 60.0)
    assert (batch[0]["cpu_milli"], batch[0]["memory_mib"]) == (1000, 5)
    assert (batch[3]["end"], batch[3]["censored"]) == (None, "right")
    assert any("1 tasks wait for others" in note for note in found.about["notes"])


def test_known_quirks_are_counted(cluster):
    """Ends before starts, empty plans and invalid sizes are dropped with a reason."""
    tasks = [
        *TASKS,
        "M1,1,j_3,1,Terminated,100,0,100,0.5",
        "M1,1,j_3,1,Failed,100,90,100,0.5",
        "M1,1,j_3,1,Waiting,0,0,100,0.5",
        "M1,1,j_3,1,Terminated,100,200,,0.5",
        "M1,1,j_3,1,Terminated,100,200,100,",
        "M1,1,j_3,1,Terminated,100,200,-1,0.5",
        "M1,1,j_3,1,Terminated,100,200,100,101",
    ]
    found = cluster(tasks)

    assert found.counts("dropped", "batch_task") == {
        "plan_cpu is empty": 1,
        "plan_cpu is -1": 1,
        "plan_mem is empty": 1,
        "plan_mem is -1 or 101": 1,
        "end_time is 0 or before start_time": 3,
    }
    assert found.about["tables"]["batch_task"]["kept"] == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("M1,1,j,1,Running,1,2,100", "row 4: expected 9", id="truncated"),
        pytest.param("M1,0,j,1,Running,1,2,100,1", "column instance_num", id="none"),
        pytest.param("M1,1,j,1,Running,1,nan,100,1", "column end_time", id="NaN"),
        pytest.param("M1,1,j,1,Running,1,2,100,102", "column plan_mem", id="unit"),
        pytest.param("M1,x,j,1,Running,1,2,100,1", "column instance_num", id="text"),
    ],
)
def test_malformed(cluster, line, words):
    """A malformed row is an error with its place."""
    with pytest.raises(InputError, match=words):
        cluster([*TASKS, line])


def test_header_is_told(cluster):
    """A header line, which these files have not, is named as what it is."""
    header = "machine_id,time_stamp,d1,d2,cpu_num,mem_size,status"

    with pytest.raises(InputError, match="no header line"):
        cluster(machines=[header, *MACHINES])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("M1", []), ("R4_2", [2]), ("M5_3_4", [3, 4]), ("task_TG9uZw==", []),
        ("MergeTask", []),
    ],
)  # fmt: skip
def test_dependencies(name, expected):
    """Only numbers matter, and names of independent tasks have none."""
    actual = dependencies(name)

    assert actual == expected

"""PAI 2020: jobs joined with tasks and tags; rows as upstream's README has them."""

from __future__ import annotations

import pytest
from trace_cases import import_trace, write

from schedbench.errors import InputError

DAY = 86_400
JOBS = [
    "4b3f04b66a525d2df903eb16,id1,58540f191766,Terminated,4550879.0,4551416.0",
    "4f057009a5d481acec67b088,id2,u2,Terminated,4550900.0,4551000.0",
]
TASKS = [
    "4f057009a5d481acec67b088,tensorflow,1.0,Terminated,4550910.0,4550948.0,600.0,29.296875,50.0,MISC",
    "4b3f04b66a525d2df903eb16,worker,2.0,Terminated,4550900.0,4551416.0,600.0,10,100.0,T4",
    "4b3f04b66a525d2df903eb16,ps,1.0,Running,4550900.0,,100.0,10,,T4",
]
TAGS = ["id1,u,V100,g,bert", "id2,u,,g,ctr"]
MACHINES = ["82e5af3cd5c4af3f56c62c54,T4,96,512,2", "c,CPU,96,512,0"]
ORIGIN = 4550879 // DAY * DAY


@pytest.fixture
def pai(tmp_path):
    """Import the tables given."""

    def run(tasks=TASKS, jobs=JOBS, tags=TAGS, machines=MACHINES, **settings):
        folder = write(
            tmp_path / "p",
            pai_job_table__csv=jobs,
            pai_task_table__csv_gz=tasks,
            pai_group_tag_table__csv=tags,
            pai_machine_spec__csv=machines,
        )
        return import_trace("pai-2020", folder, tmp_path / "out", **settings)

    return run


def test_shared_device(pai):
    """50 percent of a GPU is half a device; a plan of 600 is 6 cores."""
    found = pai()
    pod = found.pod("4f057009a5d481acec67b088-tensorflow-0")

    assert (pod["num_gpu"], pod["gpu_milli"], pod["gpu_models"]) == (1, 500, "")
    assert (pod["cpu_milli"], pod["memory_mib"]) == (6000, 30_000)
    assert (pod["submit"], pod["start"]) == (4550900.0 - ORIGIN, 4550910.0 - ORIGIN)
    assert (pod["duration"], pod["gang_size"], pod["user"]) == (38.0, 1, "u2")
    assert found.about["origin_s"] == ORIGIN


def test_a_job_is_a_gang(pai):
    """All instances of a job's tasks are a gang, on the GPU model that it asked for."""
    found = pai()
    gang = [pod for pod in found.pods if pod["group"].startswith("4b3f")]

    assert {pod["gang_size"] for pod in gang} == {3}
    assert [(p["class"], p["num_gpu"], p["gpu_models"]) for p in gang] == [
        ("worker", 1, "V100"), ("worker", 1, "V100"), ("ps", 0, ""),
    ]  # fmt: skip
    assert (gang[2]["duration"], gang[2]["censored"]) == (None, "right")
    assert found.counts("repaired", "pai_task_table") == {"plan_gpu is empty: 0": 1}


def test_machines(pai):
    """Machines are in cores and GB; one without GPUs has no model."""
    names = ("cpu_milli", "memory_mib", "gpus", "gpu_model")

    assert [tuple(node[name] for name in names) for node in pai().nodes] == [
        (96_000, 524_288, 2, "T4"), (96_000, 524_288, 0, ""),
    ]  # fmt: skip


def test_known_quirks_are_counted(pai):
    """Tasks without launch, end or job are dropped; odd plans are rounded up."""
    job = "4f057009a5d481acec67b088"
    tasks = [
        *TASKS,
        f"{job},a,1.0,Waiting,,,100.0,1,100.0,",
        f"{job},b,1.0,Failed,4550910.0,,100.0,1,100.0,",
        "nobody,c,1.0,Terminated,4550910.0,4550911.0,100.0,1,100.0,",
        f"{job},d,1.0,Terminated,4550910.0,4550911.0,,,150.0,",
    ]
    found = pai(tasks)

    assert found.counts("dropped", "pai_task_table") == {
        "a task that was never launched": 1,
        "neither running nor with an end_time": 1,
        "its job is not in pai_job_table": 1,
    }
    assert found.pod(f"{job}-d-0")["num_gpu"] == 2
    assert found.counts("repaired", "pai_task_table") == {
        "plan_gpu is empty: 0": 1,
        "plan_cpu is empty: 0": 1,
        "plan_mem is empty: 0": 1,
        "plan_gpu over 100 and no multiple: whole devices": 1,
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("j,t,1,Done,1,2,1,1,1,", "unknown status: 'Done'", id="status"),
        pytest.param("j,t,1.5,Failed,1,2,1,1,1,", "column inst_num", id="half"),
        pytest.param("j,t,1,Failed,1,2,1,NaN,1,", "row 4, column plan_mem", id="NaN"),
        pytest.param("j,t,1,Failed,1,2", "row 4: expected 10", id="truncated"),
        pytest.param("j,t,1,Failed,1,2,1,1,9900,", "column plan_gpu", id="devices"),
    ],
)
def test_malformed(pai, line, words):
    """A malformed row is an error with its place."""
    with pytest.raises(InputError, match=words):
        pai([*TASKS, line])


def test_columns_are_the_published_ones(shared):
    """The columns are those of the official header files."""
    from schedbench.sources.traces.pai_2020 import COLUMNS

    lines = (shared / "traces/gpu-v2020/pai_headers.csv").read_text().splitlines()
    official = dict(line.split(",") for line in lines[1:])

    assert {name: "|".join(columns) for name, columns in COLUMNS.items()} == {
        name: official[name] for name in COLUMNS
    }

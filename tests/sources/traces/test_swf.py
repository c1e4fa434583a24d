"""The Standard Workload Format: fields, header and quirks of version 2.2."""

from __future__ import annotations

import gzip

import pytest
from trace_cases import import_trace

from schedbench.errors import InputError

HEADER = [
    "; Version: 2.2",
    "; MaxNodes: 4",
    "; MaxProcs: 16",
    "; Note: all made up",
    "",
]


def row(
    job=1, submit=0, wait=10, run=100, allocated=6, requested=6, *, estimate=200,
    memory=-1, status=1, user=3, queue=1,
):  # fmt: skip
    """One of the 18 fields' rows."""
    return (
        f"{job} {submit} {wait} {run} {allocated} -1 -1 {requested} {estimate} "
        f"{memory} {status} {user} 1 -1 {queue} 1 -1 -1"
    )


@pytest.fixture
def log(tmp_path):
    """Import rows behind a header."""

    def run(*rows, header=HEADER, gz=False, strict=False, **settings):
        path = tmp_path / ("l.swf.gz" if gz else "l.swf")
        data = "".join(f"{line}\n" for line in (*header, *rows)).encode()
        path.write_bytes(gzip.compress(data) if gz else data)
        return import_trace("swf", path, tmp_path / "out", strict=strict, **settings)

    return run


def test_a_job_is_a_gang(log):
    """Six processors are a whole node of four and a half one."""
    found = log(row(), gz=True)

    assert [(p["id"], p["cpu_milli"], p["gang_size"]) for p in found.pods] == [
        ("1-n-0", 4000, 2), ("1-r-0", 2000, 2),
    ]  # fmt: skip
    pod = found.pods[0]
    assert (pod["submit"], pod["start"], pod["end"]) == (0.0, 10.0, 110.0)
    assert (pod["duration"], pod["estimate"], pod["user"]) == (100.0, 200.0, "3")
    assert [node["cpu_milli"] for node in found.nodes] == [4000] * 4


def test_a_pod_a_processor(log):
    """Pods may also hold one processor each."""
    found = log(row(), pods="processor")

    assert [pod["cpu_milli"] for pod in found.pods] == [1000] * 6


def test_checkpoints_are_dropped(log):
    """Rows of status 2 to 4 are parts of a job that has a row of its own."""
    found = log(row(), row(2, status=2), row(2, status=3), row(2, status=4))

    assert {pod["group"] for pod in found.pods} == {"1"}
    assert found.counts("dropped", "jobs") == {
        "status 2 to 4: a checkpoint of a job in the log": 3
    }


def test_cancelled_jobs(log):
    """One cancelled while it waited is deleted then; of others nothing is known."""
    found = log(
        row(1, 0, 5, -1, status=5),
        row(2, 0, 5, 0, status=5),
        row(3, 0, -1, -1, status=5),
        row(4, 0, 5, -1),
        row(5, 0, 5, 60, status=5),
    )
    rows = {p["group"]: (p["start"], p["end"], p["duration"]) for p in found.pods}

    assert rows == {
        "1": (None, 5.0, None), "2": (None, 5.0, None), "5": (5.0, 65.0, 60.0),
    }  # fmt: skip
    assert found.counts("dropped", "jobs") == {"no run time, and no wait that ended": 2}


def test_unknown_processors(log):
    """Allocated processors stand in for requested ones; without both it is dropped."""
    found = log(row(1, requested=-1, allocated=2), row(2, requested=-1, allocated=-1))

    assert [pod["cpu_milli"] for pod in found.pods] == [2000]
    assert found.counts("dropped", "jobs") == {
        "neither requested nor allocated processors are known": 1
    }


def test_memory_only_where_nodes_have_some(log):
    """KiB a processor count once the memory of a node is given."""
    without, with_memory = (
        log(row(memory=2048)), log(row(memory=2048), node_memory=1000),
    )  # fmt: skip

    assert [pod["memory_mib"] for pod in without.pods] == [None, None]
    assert [pod["memory_mib"] for pod in with_memory.pods] == [8, 4]
    assert without.counts("repaired", "jobs") == {
        "request for memory left out: give --set node_memory=MIB": 1
    }


def test_decimals_and_interactive_queue(log):
    """Decimals are legal; queue 0 is interactive."""
    (pod,) = log(row(run=30.5, requested=4, queue=0)).pods

    assert (pod["duration"], pod["class"]) == (30.5, "interactive")


def test_machine_from_the_header(log):
    """Processors without nodes are nodes of one processor; settings win."""
    odd = log(row(), header=["; MaxProcs: 14", "; MaxNodes: 4"])
    one = log(row(), header=["; MaxProcs: 8"])
    two = log(row(), header=["; MaxProcs: 8"], node_processors=4)

    assert [node["cpu_milli"] for node in odd.nodes] == [4000, 4000, 3000, 3000]
    assert len(one.nodes) == 8
    assert [node["cpu_milli"] for node in two.nodes] == [4000, 4000]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("1 2 3", "l.swf: row 7: 3 fields, expected 18", id="truncated"),
        pytest.param(row(submit="x"), "row 7, column submit", id="text"),
        pytest.param(row(run="nan"), "row 7, column run", id="NaN"),
        pytest.param(row(status=9), "column status", id="status"),
        pytest.param(row(submit=-5), "column submit", id="negative"),
    ],
)
def test_malformed(log, line, words):
    """A malformed row is an error with its line."""
    with pytest.raises(InputError, match=words):
        log(row(), line)


def test_no_machine(log):
    """Without a machine the message says which settings give one."""
    with pytest.raises(InputError, match="--set nodes=N"):
        log(row(), header=[])
    with pytest.raises(InputError, match="header maxprocs: not a number: 'many'"):
        log(row(), header=["; MaxProcs: many"])


def test_strict(log):
    """Strict refuses the first row that would be dropped, and says which."""
    with pytest.raises(InputError, match=r"l.swf: row 7: a row would be dropped"):
        log(row(), row(2, status=2), strict=True)

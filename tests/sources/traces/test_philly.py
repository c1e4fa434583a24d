"""Philly: attempts become gangs; samples made to the README's form."""

from __future__ import annotations

import json

import pytest
from trace_cases import import_trace

from schedbench.errors import InputError


def job(number=1, attempts=(), **more):
    """A job of the log."""
    row = {
        "status": "Pass", "vc": "ee9e8c", "jobid": f"application_{number}",
        "attempts": list(attempts), "submitted_time": "2017-10-09 07:02:00",
        "user": "ce2f",
    }  # fmt: skip
    return row | more


def attempt(start="2017-10-09 07:02:30", end="2017-10-09 07:03:30", **machines):
    """An attempt on machines with so many GPUs."""
    detail = [
        {"ip": ip, "gpus": [f"gpu{n}" for n in range(count)]}
        for ip, count in machines.items()
    ]
    return {"start_time": start, "end_time": end, "detail": detail}


MACHINES = "machineId, number of GPUs, single GPU mem\nm1, 2, 24GB\nm9, 8, 12GB\n"


@pytest.fixture
def philly(tmp_path):
    """Import a log, given as jobs or as text."""

    def run(log, machines=MACHINES):
        folder = tmp_path / "trace-data"
        folder.mkdir(exist_ok=True)
        text = log if isinstance(log, str) else json.dumps(log)
        (folder / "cluster_job_log").write_text(text)
        (folder / "cluster_machine_list").write_text(machines)
        return import_trace("philly", folder, tmp_path / "out")

    return run


def test_a_job_over_machines_is_a_gang(philly):
    """Each machine of the last attempt gives a pod with its GPUs."""
    found = philly([job(attempts=[attempt(m1=8, m2=4)])])

    assert [(p["num_gpu"], p["gang_size"], p["group"]) for p in found.pods] == [
        (8, 2, "application_1"), (4, 2, "application_1"),
    ]  # fmt: skip
    pod = found.pods[0]
    assert (pod["submit"], pod["start"] - pod["submit"]) == (7 * 3600 + 120.0, 30.0)
    assert (pod["duration"], pod["queue"], pod["user"]) == (60.0, "ee9e8c", "ce2f")


def test_nodes_come_from_the_log(philly):
    """Where the log uses more GPUs than the list names, the log is right."""
    found = philly([job(attempts=[attempt(m1=8, m2=4)])])

    assert {node["name"]: node["gpus"] for node in found.nodes} == {
        "m1": 8, "m2": 4, "m9": 8,
    }  # fmt: skip
    assert found.counts("repaired", "cluster_machine_list") == {
        "the log uses more GPUs: as many as the log": 1
    }


def test_attempts_are_joined(philly):
    """Several attempts are one run as long as all; one without an end has none."""
    later = attempt("2017-10-09 08:00:00", "2017-10-09 08:10:00", m2=2)
    running = attempt("2017-10-09 08:00:00", "None", m2=2)
    found = philly(
        [job(1, [attempt(m1=8), later]), job(2, [running]), job(3, []),
         job(4, [attempt("None", None, m1=1)])]
    )  # fmt: skip

    assert found.pod("application_1-0")["duration"] == 660.0
    assert found.pod("application_1-0")["num_gpu"] == 2
    assert found.pod("application_2-0")["censored"] == "right"
    assert found.counts("dropped", "cluster_job_log") == {
        "no attempt tells its GPUs": 1, "no attempt has a start_time": 1,
    }  # fmt: skip


def test_clocks_went_back(philly):
    """A run over the change of 2017-11-05 is an hour longer than the clock says."""
    over = attempt("2017-11-05 00:30:00", "2017-11-05 03:30:00", m1=1)
    twice = attempt("2017-11-05 01:50:00", "2017-11-05 01:10:00", m1=1)
    found = philly([job(1, [over]), job(2, [twice])])

    assert found.pod("application_1-0")["duration"] == 4 * 3600
    assert found.pod("application_2-0")["duration"] == 20 * 60
    assert found.counts("repaired", "cluster_job_log") == {
        "ends in the hour that came twice": 1
    }


@pytest.mark.parametrize(
    ("log", "words"),
    [
        pytest.param('[{"status": "Pass"', "item 1.*truncated", id="truncated"),
        pytest.param('{"a": 1}', "no JSON array", id="no array"),
        pytest.param("[NaN]", "malformed or truncated", id="NaN"),
        pytest.param([job(status="Done")], "unknown status", id="status"),
        pytest.param([job(extra=1)], "unknown field", id="column"),
        pytest.param([job(submitted_time="9 October")], "submitted_time", id="no time"),
        pytest.param(
            [job(attempts=[attempt(end="2017-10-08 01:00:00", m1=1)])],
            "ends before it starts",
            id="end before start",
        ),
    ],
)
def test_malformed(philly, log, words):
    """A malformed job is an error with its place."""
    with pytest.raises(InputError, match=words):
        philly(log)


def test_long_logs_are_read_piecewise(philly, monkeypatch):
    """Items that lie across reads are put together."""
    from schedbench.sources.traces import json_rows

    monkeypatch.setattr(json_rows, "READ", 100)
    found = philly([job(n, [attempt(m1=1)]) for n in range(50)])

    assert [pod["group"] for pod in found.pods] == [
        f"application_{n}" for n in range(50)
    ]

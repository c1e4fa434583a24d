"""Azure 2020: fractions of a machine type, in databases made to the schema."""

from __future__ import annotations

import json
import sqlite3

import pytest
from trace_cases import import_trace

from schedbench.errors import InputError

TYPES = [
    (0, "1", "16", 1 / 6, 0.25, None, 0.1, 0.05),
    (1, "1", "17", 0.5, 0.5, None, 0.1, 0.05),
    (2, "2", "17", 1.0, 1.0, 0.5, 0.1, 0.05),
    (3, "3", "16", 0.5, 0.5, None, None, None),
]
VMS = [
    (0, 7, "1", 0, -1.5, 0.5),
    (1, 7, "1", 1, 0.25, None),
    (2, 8, "3", 1, "0.25", "0.75"),
    (3, 8, "2", 0, 1.0, 2.0),
]


@pytest.fixture
def azure(tmp_path):
    """Import a database with the rows given."""

    def run(vms=VMS, types=TYPES, vm="endtime", **settings):
        path = tmp_path / "packing_trace_zone_a_v1.sqlite"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.execute(
                "CREATE TABLE vmType"
                " (id, vmTypeId, machineId, core, memory, hdd, ssd, nic)"
            )
            database.execute(
                f"CREATE TABLE vm (vmId, tenantId, vmTypeId, priority, starttime, {vm})"
            )
            database.executemany("INSERT INTO vmType VALUES (?,?,?,?,?,?,?,?)", types)
            database.executemany("INSERT INTO vm VALUES (?,?,?,?,?,?)", vms)
        database.close()
        return import_trace("azure-packing-2020", path, tmp_path / "out", **settings)

    return run


def test_the_machine_that_hosts_most_is_taken(azure):
    """The fleet is of one type; what cannot run on it is dropped and counted."""
    found = azure()

    assert [pod["id"] for pod in found.pods] == ["vm-0", "vm-1", "vm-2"]
    assert found.counts("dropped", "vm") == {
        "its type cannot run on machine type 16": 1
    }
    assert {node["labels"] for node in found.nodes} == {
        '{"schedbench.io/machine": "16"}'
    }


def test_times_and_censoring(azure):
    """Days become seconds, texts too; before 0 is left, NULL is right."""
    pods = azure().pods

    assert [(p["submit"], p["duration"], p["censored"]) for p in pods] == [
        (0.0, 43_200.0, "left"),
        (21_600.0, None, "right"),
        (21_600.0, 43_200.0, ""),
    ]
    assert pods[0]["start"] == -129_600.0


def test_six_sixths_fit(azure):
    """Fractions are rounded down, so that n of 1/n fit on a machine."""
    found = azure()
    pod = found.pods[0]

    assert pod["cpu_milli"] == 16_666
    assert 6 * pod["cpu_milli"] <= found.nodes[0]["cpu_milli"]
    assert pod["memory_mib"] == 25_000
    assert json.loads(pod["resources"]) == {
        "schedbench.io/ssd": 10_000, "schedbench.io/nic": 5000,
    }  # fmt: skip
    assert found.counts("repaired", "vmType")["hdd is NULL: 0"] == 3


def test_priorities(azure):
    """0 is high: it becomes the greater number."""
    pods = azure().pods

    assert [(p["priority"], p["class"]) for p in pods] == [
        (1, "high"), (0, "low"), (0, "low"),
    ]  # fmt: skip


def test_fleet_settings(azure):
    """Machine type and number can be chosen."""
    found = azure(machine=17, machines=5)

    assert len(found.nodes) == 5
    assert [pod["id"] for pod in found.pods] == ["vm-0", "vm-1", "vm-3"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param({"vms": [(0, 7, "1", 2, 0, 1)]}, "column priority", id="prio"),
        pytest.param({"vms": [(0, 7, "1", 0, "x", 1)]}, "column starttime", id="text"),
        pytest.param({"vms": [(0, 7, "1", 0, 2, 1)]}, "end before the start", id="end"),
        pytest.param(
            {"types": [(0, "1", "16", 1.5, 0, 0, 0, 0)]}, "column core", id="unit"
        ),
        pytest.param(
            {"types": [(0, "1", "16", None, 0, 0, 0, 0)]}, "column core", id="NULL"
        ),
        pytest.param({"types": [TYPES[0]] * 2}, "there twice", id="twice"),
        pytest.param({"vm": "ended"}, "no column 'endtime'", id="column"),
        pytest.param({"machine": 3}, "no such machine type", id="machine"),
    ],
)
def test_malformed(azure, rows, words):
    """A malformed row or table is an error with its place."""
    with pytest.raises(InputError, match=words):
        azure(**rows)


def test_damaged_file(azure, tmp_path):
    """A file that is no database, or only a part of one, is an error."""
    azure()
    path = tmp_path / "packing_trace_zone_a_v1.sqlite"
    data = path.read_bytes()
    for content in (b"no database" * 200, data[: len(data) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as sqlite"):
            import_trace("azure-packing-2020", path, tmp_path / "o2")

    assert not (tmp_path / "o2").exists()

"""The table of the real kube-scheduler beside schedbench, and where both begin."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benchmarks.cases import make_node, make_pod
from benchmarks.start import begin
from benchmarks.versus import documents
from benchmarks.versus_ours import measure_ours
from benchmarks.versus_table import versus_table
from schedbench.objects.workload import PodStream, Workload

REAL = {"wallSeconds": 2.0, "cpuSeconds": 3.0, "gomaxprocs": 2}
MACHINE = {"cpu": {"model": "Chip"}}


def found(**changes: Any) -> dict[str, Any]:
    """Return results of one workload."""
    real = REAL | {"kubernetes": "v1.34.1", "go": "go1.26"}
    row = {
        "what": "basic",
        "scoring": "adaptive",
        "nodes": 5000,
        "pods": 1000,
        "algorithm": real,
        "binding": real | {"wallSeconds": 4.0},
        "ours": {"decide": 0.001, "wall": 0.01, "cpu": 0.02, "placed": 1000},
    }
    return {
        "rows": [row | changes],
        "environment": MACHINE,
        "date": "2026-11-24",
        "load": 0.0,
    }


def workload() -> Workload:
    """Return two nodes, four pods, of which the last two are measured."""
    stream = PodStream.of([make_pod()], [0, 0, 0, 0])
    measured = np.array([False, False, True, True])
    nodes = [make_node(0), make_node(1)]
    pods = dataclasses.replace(stream, measured=measured)
    return Workload("small", nodes, pods, queue="kube-scheduler")


def test_ratios_are_of_the_same_things() -> None:
    """Scheduling calls to the algorithm, the replay to the scheduler with its queue."""
    cells = [cell.strip() for cell in versus_table(found()).splitlines()[2].split("|")]

    assert cells[1:3] == ["basic", "sampled"]
    assert cells[3:7] == ["500/s", "250/s", "1,000,000/s", "100,000/s"]
    assert cells[7:10] == ["2,000 ×", "400 ×", "150 ×"]


def test_what_is_not_measured_is_on_nodes_before() -> None:
    """The others come at once, as many as were asked for."""
    begun = begin(workload(), 1)

    assert begun.there == 2
    assert (begun.workload.pods.node >= 0).tolist() == [True, True, False]
    assert begun.workload.pods.names == [workload().pods.name(pod) for pod in (0, 1, 2)]


def test_both_are_given_the_same() -> None:
    """The documents hold the nodes, the pods on them by name, and those to place."""
    begun = begin(workload(), 2)

    given = documents(begun)

    names = {node["metadata"]["name"] for node in given["nodes"]}
    assert {pod["spec"]["nodeName"] for pod in given["bound"]} <= names
    assert [("nodeName" in pod["spec"]) for pod in given["pods"]] == [False, False]
    assert measure_ours(begun, "all")["placed"] == len(given["pods"])

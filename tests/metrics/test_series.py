"""Runs as tables over time."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.metrics.evaluate import evaluate
from schedbench.metrics.series import node_fill, samples


def test_samples_show_the_state_at_each_moment(departures):
    """Moments are even in time; events at a moment are included."""
    frame = samples(departures, points=6)

    assert list(frame.columns) == [
        "time",
        "progress",
        "pods_bound",
        "pods_pending",
        "nodes_used",
        "nodes_total",
        "allocation_cpu",
        "allocation_memory",
        "fragmentation",
    ]
    assert frame["time"].tolist() == [0, 2, 4, 6, 8, 10]
    assert frame["progress"].tolist() == [2, 3, 3, 3, 3, 3]
    assert frame["pods_bound"].tolist() == [2, 2, 0, 2, 2, 0]
    assert frame["pods_pending"].tolist() == [0, 1, 2, 0, 0, 0]
    assert frame["nodes_used"].tolist() == [1, 1, 0, 2, 2, 0]
    assert frame["allocation_cpu"].tolist() == [0.5, 0.5, 0, 0.75, 0.75, 0]


def test_the_last_sample_is_the_final_state(departures):
    """Tables and metrics agree."""
    frame = samples(departures)
    found = evaluate(departures)

    assert len(frame) == 200
    assert frame["allocation_cpu"].iloc[-1] == found["allocation_cpu_final"]
    assert frame["pods_pending"].iloc[-1] == found["pods_pending"]


def everything_at_once(make, interleaved):
    """Four pods at time 0 on one node of 4 cores; the last finds no room."""
    decisions = [(0, "BIND", i, 0) for i in range(3)] + [(0, "UNSCHEDULABLE", 3)]
    arrivals = [(0, "ARRIVE", i) for i in range(4)]
    pairs = zip(arrivals, decisions, strict=True)
    log = [e for pair in pairs for e in pair] if interleaved else arrivals + decisions
    return make.timeline([make.node("a")], [make.pod()] * 3 + [make.pod(cpu=2)], *log)


@pytest.mark.parametrize("interleaved", [True, False])
def test_runs_without_time_are_sampled_by_progress(make, interleaved):
    """Whether pods arrive one by one or all before the first decision."""
    line = everything_at_once(make, interleaved)
    frame = samples(line, points=5)

    assert frame["progress"].tolist() == [0, 1, 2, 3, 4]
    assert frame["time"].tolist() == [0.0] * 5
    assert frame["pods_bound"].tolist() == [0, 1, 2, 3, 3]
    assert frame["allocation_cpu"].tolist() == [0, 0.25, 0.5, 0.75, 0.75]


def test_an_empty_log_can_be_sampled(make):
    """Nothing happened, so all samples are alike."""
    line = make.timeline([make.node("a")], [make.pod()])
    frame = samples(line, points=3)

    assert frame["pods_bound"].tolist() == [0, 0, 0]


def test_extended_resources_have_columns_without_slashes(make):
    """A column a resource that some pod asks for."""
    big = make.node("a", gpus=1)
    big.status.allocatable["example.com/foo"] = 4
    big.status.allocatable["example.com/unasked"] = 4
    pod = make.pod()
    pod.spec.containers[0].resources.requests["example.com/foo"] = 1
    line = make.timeline([big], [pod], (0, "ARRIVE", 0), (0, "BIND", 0, 0))
    frame = samples(line, points=2)

    assert frame["allocation_example.com.foo"].tolist() == [0, 0.25]
    assert "allocation_example.com.unasked" not in frame
    assert frame["allocation_gpu"].tolist() == [0, 0]
    assert "fragmentation" in frame


def test_node_fill_is_the_largest_allocation_of_each_node(departures):
    """Node a: 4 of 4 cores, then 4; node b: 2 of 4 cores from 6 s."""
    frame = node_fill(departures, bins=60, times=6)
    table = frame.pivot_table(index="time", columns="node_bin", values="fill")

    assert table.to_numpy().tolist() == [
        [1, 0],
        [1, 0],
        [0, 0],
        [1, 0.5],
        [1, 0.5],
        [0, 0],
    ]


def test_node_fill_averages_over_the_nodes_of_a_bin(make):
    """Nodes stay in order; the first two of three share a bin."""
    line = make.timeline(
        [make.node(name) for name in "abc"],
        [make.pod(cpu=4), make.pod(cpu=2)],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
        (0, "ARRIVE", 1),
        (0, "BIND", 1, 2),
    )
    frame = node_fill(line, bins=2, times=2)

    assert frame["node_bin"].tolist() == [0, 1, 0, 1]
    assert frame["progress"].tolist() == [0, 0, 2, 2]
    assert frame["fill"].tolist() == [0, 0, 0.5, 0.5]


def test_bins_whose_nodes_are_gone_are_not_a_number(make):
    """A removed node is not an empty one."""
    from schedbench.simulation.record import CapacityChange

    gone = CapacityChange(5.0, 1, np.zeros(4, dtype=np.int64))
    line = make.timeline(
        [make.node("a"), make.node("b")],
        [make.pod()],
        (0, "ARRIVE", 0),
        (5, "NODE_REMOVE", -1, 1),
        horizon=10.0,
        changes=[gone],
    )
    frame = node_fill(line, times=2)

    assert np.isnan(frame["fill"].tolist()).tolist() == [False, False, False, True]

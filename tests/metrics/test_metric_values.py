"""Every metric on tiny logs, against values worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from schedbench.metrics.evaluate import evaluate, wall_clock
from schedbench.metrics.fairness import jain
from schedbench.metrics.packing import fewest_nodes
from schedbench.metrics.table import METRICS
from schedbench.metrics.timeline import Timeline


def values(line):
    """Evaluate a timeline."""
    return evaluate(line)


def test_departures_have_the_values_worked_out_by_hand(departures):
    """Means are over 10 s; the cluster is empty at the end."""
    found = values(departures)

    expected = {
        "pods_total": 3,
        "pods_bound": 3,
        "pods_pending": 0,
        "pods_evicted": 1,
        "preemptions": 0,
        "pods_preempted": 0,
        "attempts": 4,
        "unschedulable_attempts": 1,
        "allocation_cpu_mean": (4 * 4 / 8 + 4 * 6 / 8) / 10,
        "allocation_cpu_final": 0.0,
        "allocation_gpu_mean": None,
        "allocation_gpu_final": None,
        "nodes_used": 2,
        "nodes_used_mean": (4 * 1 + 4 * 2) / 10,
        "fragmentation_gpu": None,
        "fragmentation_gpu_mean": None,
        "balance_nodes_cpu": 0.0,
        "balance_nodes_cpu_mean": (4 * 0.5 + 4 * 0.25) / 10,
        "balance_zones_cpu": None,
        "packing_ratio": 2 / 2,
        "queue_wait_mean_s": 5 / 3,
        "makespan_s": 10.0,
        "slowdown_mean": (1 + 10 / 4 + 9 / 4) / 3,
        "jain_fairness_namespaces": None,
        "constraint_violations": 0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert set(found) == {m.name for m in METRICS.values() if m.kind == "quality"}


def test_preemptions_and_their_victims_are_counted(make):
    """A deletion that was planned has no victim; a preemption is no node event."""
    found = values(
        make.timeline(
            [make.node("n")],
            [make.pod(cpu=2), make.pod(cpu=2), make.pod(cpu=4, priority=1)],
            (0, "ARRIVE", 0),
            (0, "BIND", 0, 0),
            (0, "ARRIVE", 1),
            (0, "BIND", 1, 0),
            (1, "DELETE", 0, 0),
            (2, "ARRIVE", 2),
            (2, "UNSCHEDULABLE", 2),
            (2, "PREEMPT", 2, 0),
            (2, "DELETE", 1, 0),
            (2, "BIND", 2, 0),
            deletion=np.array([1.0, 9.0, np.inf]),
            arrival=np.array([0.0, 0.0, 2.0]),
        )
    )

    assert (found["preemptions"], found["pods_preempted"]) == (1, 1)
    assert found["nodes_used"] == 1
    assert found["constraint_violations"] == 0


def test_requests_on_a_node_are_those_of_the_class_at_the_bind(make):
    """A pod that shrank before it was bound takes what it asked for then."""
    line = make.timeline(
        [make.node("n")],
        [make.pod(cpu=4), make.pod(cpu=1)],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
    )
    record = dataclasses.replace(line.record, pod_class=np.array([1, 1], np.int32))
    changed = Timeline(line.encoded, record)

    assert evaluate(changed)["allocation_cpu_final"] == 0.25


def test_values_are_plain_numbers(departures):
    """Results are written as JSON: no numpy scalars."""
    assert {type(value) for value in values(departures).values()} <= {
        int,
        float,
        type(None),
    }


def test_an_empty_workload_has_values(make):
    """Without pods nothing fails, and what is not defined is None."""
    found = values(make.timeline([make.node("a")], []))

    assert found["pods_total"] == 0
    assert found["allocation_cpu_mean"] == 0.0
    assert found["queue_wait_mean_s"] is None
    assert found["packing_ratio"] is None
    assert found["fragmentation_stranded_cpu"] is None


def test_a_cluster_without_nodes_has_values(make):
    """Without nodes there is no allocation."""
    found = values(make.timeline([], [make.pod()], (0, "ARRIVE", 0)))

    assert found["pods_pending"] == 1
    assert found["nodes_used"] == 0
    assert found["allocation_cpu_final"] is None
    assert found["balance_nodes_cpu"] is None


def test_pods_bound_on_arrival_do_not_count_as_waits(make):
    """The input placed them; the scheduler did not."""
    found = values(
        make.timeline(
            [make.node("a")],
            [make.pod(), make.pod()],
            (0, "ARRIVE", 0),
            (0, "BIND", 0, 0),
            (0, "ARRIVE", 1),
            (8, "BIND", 1, 0),
            node=np.array([0, -1]),
        )
    )

    assert found["queue_wait_mean_s"] == 8.0
    assert found["pods_bound"] == 2


def test_pods_that_are_not_measured_do_not_count_as_waits(make):
    """A workload's initial pods are not what it measures."""
    found = values(
        make.timeline(
            [make.node("a")],
            [make.pod(), make.pod()],
            (0, "ARRIVE", 0),
            (4, "BIND", 0, 0),
            (4, "ARRIVE", 1),
            (6, "BIND", 1, 0),
            arrival=np.array([0.0, 4.0]),
            measured=np.array([False, True]),
        )
    )

    assert found["queue_wait_mean_s"] == 2.0


def test_extended_gpus_count_where_no_gpu_is_shared(make):
    """`nvidia.com/gpu` is a GPU."""
    big = make.node("a")
    big.status.allocatable["nvidia.com/gpu"] = 4
    asking = make.pod()
    asking.spec.containers[0].resources.requests["nvidia.com/gpu"] = 1
    found = values(make.timeline([big], [asking], (0, "ARRIVE", 0), (0, "BIND", 0, 0)))

    assert found["allocation_gpu_final"] == 0.25


@pytest.mark.parametrize(
    ("capacity", "demand", "expected"),
    [
        pytest.param([4, 4, 4], 0, 0, id="no demand needs no node"),
        pytest.param([4, 4, 4], 4, 1, id="a full node is enough"),
        pytest.param([4, 4, 4], 5, 2, id="one more needs another"),
        pytest.param([1, 10, 2], 11, 2, id="the largest nodes come first"),
        pytest.param([1, 1], 9, 2, id="overcommitted: all nodes"),
    ],
)
def test_fewest_nodes(capacity, demand, expected):
    """The k largest nodes hold the demand, k - 1 do not."""
    assert fewest_nodes(np.array(capacity), demand) == expected


def test_packing_takes_the_scarcest_resource(make):
    """Two pods of 6 of 8 GiB need two nodes, whatever their CPU."""
    found = values(
        make.timeline(
            [make.node(name) for name in "abc"],
            [make.pod(memory=6), make.pod(memory=6), make.pod(memory=1)],
            *((0, "ARRIVE", i) for i in range(3)),
            *((0, "BIND", i, i) for i in range(3)),
        )
    )

    assert found["packing_ratio"] == 3 / 2


def test_balance_is_the_standard_deviation(make):
    """Nodes at 100 %, 0 % and zones at 50 %, 0 %."""
    zones = [{"topology.kubernetes.io/zone": zone} for zone in ("x", "x", "y")]
    found = values(
        make.timeline(
            [make.node(n, labels=z) for n, z in zip("abc", zones, strict=True)],
            [make.pod(cpu=4)],
            (0, "ARRIVE", 0),
            (0, "BIND", 0, 0),
        )
    )

    assert found["balance_nodes_cpu"] == pytest.approx(np.std([1, 0, 0]))
    assert found["balance_nodes_cpu_mean"] == pytest.approx(np.std([1, 0, 0]))
    assert found["balance_zones_cpu"] == pytest.approx(np.std([0.5, 0]))


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([0.5, 0.5], 1.0, id="equal is 1"),
        pytest.param([1.0, 0.0, 0.0, 0.0], 0.25, id="one of four takes all"),
        pytest.param([0.0, 0.0], None, id="nobody gets anything"),
    ],
)
def test_jain(shares, expected):
    """(Σx)² ÷ (n Σx²)."""
    assert jain(np.array(shares)) == expected


def test_fairness_compares_received_with_demanded(make):
    """Namespace a gets one of two pods, b its only one."""
    found = values(
        make.timeline(
            [make.node("n")],
            [make.pod(cpu=2, namespace=space) for space in ("a", "a", "b")],
            *((0, "ARRIVE", i) for i in range(3)),
            (0, "BIND", 0, 0),
            (0, "BIND", 2, 0),
        )
    )

    assert found["jain_fairness_namespaces"] == pytest.approx(1.5**2 / (2 * 1.25))


def test_fairness_weighs_with_time(make):
    """Waiting half of its time halves what a namespace receives."""
    found = values(
        make.timeline(
            [make.node("n")],
            [make.pod(cpu=4, namespace=space) for space in ("a", "b")],
            (0, "ARRIVE", 0),
            (0, "BIND", 0, 0),
            (0, "ARRIVE", 1),
            (5, "FINISH", 0, 0),
            (5, "BIND", 1, 0),
            (10, "FINISH", 1, 0),
        )
    )

    assert found["jain_fairness_namespaces"] == pytest.approx(1.5**2 / (2 * 1.25))


def test_wall_clock_is_apart(make):
    """Wall-clock figures come from the record's timer alone."""
    assert wall_clock(make.record()) == {
        "decisions_per_second": 8.0,
        "schedule_seconds": 0.5,
        "total_seconds": 2.0,
        "compile_seconds": 1.0,
        "peak_rss_bytes": 77,
        "latency_p50_us": 2.5,
        "latency_p90_us": pytest.approx(3.7),
        "latency_p99_us": pytest.approx(3.97),
        "latency_max_us": 4.0,
    }


def test_the_table_names_each_metric_once_and_describes_it():
    """Every row has a name of its own, and a sentence."""
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.description.endswith(".")

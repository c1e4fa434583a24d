"""Bounds over time against all schedules of a few pods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive.best_schedule import schedules

from schedbench.bounds.allocation import mean_ceiling
from schedbench.bounds.instance import instance_of
from schedbench.bounds.table import bounds_of, tightest
from schedbench.bounds.waiting import fewest_that_wait, least_mean_wait
from schedbench.cluster.encode import encode
from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.objects.workload import PodStream, Workload

LIMIT = 20.0


def _workload(nodes, cpus, arrival, duration):
    """Make nodes of 4 cpu, and a pod for each number of cpus."""
    cluster = [make_node(f"node-{index}") for index in range(nodes)]
    templates = [make_pod(f"p{index}", cpu=str(cpu)) for index, cpu in enumerate(cpus)]
    times = np.array(arrival, dtype=float), np.array(duration, dtype=float)
    return Workload(
        "t", cluster, PodStream.of(templates, arrival=times[0], duration=times[1])
    )


@st.composite
def small(draw):
    """Draw three pods on one node, or two on two."""
    nodes = draw(st.sampled_from((1, 1, 2)))
    count = 3 if nodes == 1 else 2
    cpus = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    starts = st.lists(st.integers(0, 2), min_size=count, max_size=count)
    lengths = st.lists(st.integers(1, 3), min_size=count, max_size=count)
    return _workload(nodes, cpus, sorted(draw(starts)), draw(lengths))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(small())
def test_no_schedule_beats_the_bounds(workload):
    """Neither waits, nor pods that start on arrival, nor the makespan."""
    stream = workload.pods
    arrival, duration = stream.arrival, stream.duration
    best_wait, most_on_time, shortest = np.inf, 0, np.inf
    for chosen in schedules(
        workload.nodes, stream.templates, arrival, duration, latest=8
    ):
        on_time = sum(
            each is not None and each[0] == arrived
            for each, arrived in zip(chosen, arrival, strict=True)
        )
        most_on_time = max(most_on_time, on_time)
        if None not in chosen:
            starts = np.array([start for start, _ in chosen])
            best_wait = min(best_wait, (starts - arrival).mean())
            shortest = min(shortest, (starts + duration).max() - arrival[0])
    encoded = encode(workload)
    instance = instance_of(encoded)
    assert fewest_that_wait(instance, LIMIT).value <= len(stream) - most_on_time
    assert least_mean_wait(instance, LIMIT).value <= best_wait + 1e-9
    best = tightest(bounds_of(encoded, LIMIT))

    assert best["makespan_s"].value <= shortest + 1e-9


def test_waits_that_nobody_can_avoid_are_found():
    """Of three pods that fill the node for 10 s each, two wait, 10 s and 20 s."""
    workload = _workload(1, [4, 4, 4], [0, 0, 0], [10, 10, 10])
    instance = instance_of(encode(workload))

    assert fewest_that_wait(instance, LIMIT).value == 2
    assert least_mean_wait(instance, LIMIT).value == pytest.approx(10.0, rel=0.15)
    assert least_mean_wait(instance, LIMIT).value <= 10.0


def test_where_only_pods_that_fit_nowhere_are_too_many_nobody_must_wait():
    """They end no stretch: the others all start when they come."""
    instance = instance_of(encode(_workload(1, [1, 9], [0, 1], [1, 1])))

    assert least_mean_wait(instance, LIMIT).value == 0.0


def test_a_makespan_is_the_work_over_the_capacity():
    """Three pods of 10 s that exclude each other take 30 s, by volume alone."""
    workload = _workload(1, [4, 4, 4], [0, 0, 0], [10, 10, 10])
    best = tightest(bounds_of(encode(workload), LIMIT))

    assert best["makespan_s"].value == pytest.approx(30.0)


def test_the_mean_allocation_counts_no_more_than_the_pods_take():
    """A pod of 1 cpu for 1 s, then one at 9 s: alone for ever, or for a second."""
    workload = _workload(1, [1, 1], [0, 9], [1, np.inf])
    instance = instance_of(encode(workload))
    amount = np.array([1000.0, 1000.0])
    found = mean_ceiling(instance, amount, peak=2000.0, lasting_peak=1000.0)

    assert found == pytest.approx(1000.0, rel=0.002)
    short = instance_of(encode(_workload(1, [1, 1], [0, 9], [1, 1])))
    found = mean_ceiling(short, amount, peak=2000.0, lasting_peak=0.0)

    assert 1000 / 9 <= found <= 2000 / 9 * 1.001

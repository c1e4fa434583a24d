"""Stopped solvers, scenarios that no bound is made of, and what bounds leave out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from schedbench.bounds import exact, linear
from schedbench.bounds.bound import ceil_whole, floor_whole, holds_for
from schedbench.bounds.instance import instance_of
from schedbench.bounds.packing import packing_of
from schedbench.bounds.table import bounds_of
from schedbench.cluster.encode import encode
from schedbench.experiment.check_workloads import (
    make_node,
    make_pod,
    plain_workload,
    random_workload,
)
from schedbench.objects.pod import TopologySpreadConstraint
from schedbench.objects.workload import PodStream, PodUpdate, Workload


def _packing(workload):
    instance = instance_of(encode(workload))
    return packing_of(instance, instance.scheduled)


def test_a_stopped_solver_says_so_and_its_bound_still_holds():
    """Without time the linear program falls back to the pods that there are."""
    packing = _packing(random_workload(1, together=True))
    ones = np.ones(len(packing.count))
    solved, stopped = (linear.most_weight(packing, ones, t) for t in (20.0, 1e-9))

    assert stopped.status == "time limit"
    assert stopped.value >= solved.value


def test_every_bound_tells_status_time_and_limit():
    """Whatever was computed, how long it took and was allowed is told."""
    found = bounds_of(encode(random_workload(1)), 3.0)

    assert {bound.time_limit for bound in found} == {3.0}
    assert {bound.status for bound in found} == {"optimal"}
    assert all(bound.seconds > 0 for bound in found)


def test_pods_that_change_have_no_bounds():
    """A pod that gets another template later may ask for anything."""
    workload = plain_workload(nodes=1, pods=3)
    changed = dataclasses.replace(workload, pod_updates=[PodUpdate(1.0, 0, 0)])

    assert bounds_of(encode(changed), 1.0) == []


def test_rules_that_are_left_out_are_named():
    """A hard spread constraint is no part of any bound, and said to be missing."""
    pod = make_pod("even")
    pod.spec.topology_spread_constraints = [
        TopologySpreadConstraint(
            max_skew=1, topology_key="zone", when_unsatisfiable="DoNotSchedule"
        )
    ]
    workload = Workload("t", [make_node("node-0")], PodStream.of([pod]))
    found = bounds_of(encode(workload), 1.0)

    assert {bound.ignores for bound in found} == {"hard topology spread"}


def test_pods_that_came_before_take_their_room():
    """Of two places of a node one is taken by a pod that came bound."""
    workload = plain_workload(nodes=1, pods=3)
    stream = dataclasses.replace(workload.pods, node=np.array([0, -1, -1], "i4"))
    encoded = encode(dataclasses.replace(workload, pods=stream))
    best = {bound.metric: bound.value for bound in bounds_of(encoded, 5.0)}

    assert best["pods_pending"] == 1
    assert best["pods_bound"] == 2


def test_many_nodes_of_many_shapes_become_few_groups(monkeypatch):
    """Groups of nodes that are not alike bound less tightly, but bound."""
    cluster = [make_node(f"node-{size}", cpu=str(size)) for size in range(1, 6)]
    pods = PodStream.of([make_pod("p", cpu="2")], np.zeros(9, dtype=np.int32))
    workload = Workload("t", cluster, pods)
    fine = _packing(workload)
    monkeypatch.setattr("schedbench.bounds.instance.MOST_PAIRS", 1)
    coarse = _packing(workload)
    values = [
        linear.most_weight(each, np.ones(1), 5.0).value for each in (fine, coarse)
    ]

    assert len(coarse.groups) == 1 < len(fine.groups)
    assert not exact.is_small(coarse)
    assert floor_whole(values[0]) == 6
    assert values[1] >= values[0]
    six = dataclasses.replace(coarse, count=np.array([6]))
    assert ceil_whole(linear.fewest_nodes(six, 5.0).value) == 3


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, (True, True, True), id="every pod at once"),
        pytest.param(
            {"unschedulable_attempts": 1}, (True, True, False), id="one pod waited"
        ),
        pytest.param({"pods_bound": 8}, (True, False, False), id="two pods pend"),
        pytest.param({"pods_preempted": 1}, (True, False, False), id="one had to go"),
        pytest.param({"pods_evicted": 1}, (True, True, False), id="one moved"),
    ],
)
def test_bounds_bind_the_runs_that_they_are_about(changed, expected):
    """Nodes in use are bounded where no pod waits, waits where every pod is bound."""
    counts = {
        "pods_total": 10,
        "pods_bound": 10,
        "unschedulable_attempts": 0,
        "pods_evicted": 0,
        "pods_preempted": 0,
    }
    kinds = ("every run", "runs that bind every pod", "runs in which no pod waits")

    assert tuple(holds_for(kind, counts | changed) for kind in kinds) == expected


def test_no_bound_is_about_runs_that_cannot_be():
    """Where two of eight pods must pend, nothing is said of runs that bind all."""
    found = bounds_of(encode(plain_workload(nodes=3, pods=8)), 5.0)

    assert {bound.valid_for for bound in found} == {"every run"}

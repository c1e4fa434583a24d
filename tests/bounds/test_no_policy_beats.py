"""Runs of many policies against the bounds of what they ran."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import workloads, worlds

from schedbench.bounds.bound import holds_for
from schedbench.bounds.table import bounds_of, tightest
from schedbench.cluster.encode import encode
from schedbench.metrics.evaluate import evaluate
from schedbench.metrics.table import METRICS
from schedbench.metrics.timeline import Timeline
from schedbench.policies.base import Policy
from schedbench.policies.registry import make_policy
from schedbench.scheduler.profile import Profile
from schedbench.simulation.replay import replay

LIMIT = 20.0
NAMES = ("first-fit", "best-fit", "worst-fit", "random", "kube-scheduler")


def _smallest_first(_cluster, pods):
    """Place the smallest pods first, each on the fullest node: a hard one to beat."""
    nodes = np.full(len(pods), -1)
    for index in np.argsort(pods.request.sum(axis=1), kind="stable"):
        fits = np.flatnonzero(pods.feasible(index))
        if len(fits):
            nodes[index] = fits[pods.cluster.requested[3, fits].argmax()]
            pods.take(index, nodes[index])
    return nodes


def _choosy(_cluster, pods):
    """Let every other pod wait."""
    nodes = _smallest_first(_cluster, pods)
    nodes[::2] = -1
    taken = [index for index in pods.taken if nodes[index] >= 0]
    pods.taken[:] = taken
    return nodes


BATCHES = [
    Policy(name, name, Profile(name), batch=function)
    for name, function in (("smallest", _smallest_first), ("choosy", _choosy))
]
POLICIES = [*map(make_policy, NAMES), *BATCHES]


def _beaten(workload, policies):
    """Return the bounds that some policy's run beats."""
    encoded = encode(workload)
    bounds = bounds_of(encoded, LIMIT)
    found = []
    for policy in policies:
        if workload.needs_scheduling_queue and policy.batch is not None:
            continue
        record = replay(encoded, policy, seed=1)
        metrics = evaluate(Timeline(encoded, record))
        for bound in bounds:
            value = metrics[bound.metric]
            if value is None or not holds_for(bound.valid_for, metrics):
                continue
            sign = 1 if METRICS[bound.metric].better == "down" else -1
            if sign * value < sign * bound.value - 1e-9 * max(1.0, abs(value)):
                found.append((policy.name, value, bound))
    return found


SNAPSHOTS = workloads(max_nodes=4, max_pods=12, time=False, changes=False)
KINDS = {
    "snapshots": SNAPSHOTS,
    "GPU shares": workloads(max_nodes=3, max_pods=10, gpu=True, changes=False),
    "arrivals and departures": workloads(max_nodes=3, max_pods=14, changes=False),
    "nothing bound before": workloads(
        max_nodes=2, max_pods=14, changes=False, bound=False
    ),
    "nodes that change": workloads(max_nodes=3, max_pods=12),
    "worlds": worlds(max_nodes=8, max_pods=40, max_changes=0),
    "changing worlds": worlds(max_nodes=8, max_pods=40),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_policy_beats_a_bound(kind):
    """Whatever a policy does, each metric stays on the bound's side."""

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(KINDS[kind], st.randoms(use_true_random=False))
    def check(workload, random):
        policies = [*BATCHES, *random.sample(POLICIES[: len(NAMES)], 3)]

        assert _beaten(workload, policies) == []

    check()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(worlds(max_nodes=5, max_pods=30, max_changes=2))
def test_no_run_in_the_scheduling_queue_beats_a_bound(workload):
    """Preemption and backoff do not help either."""
    queued = dataclasses.replace(workload, queue="kube-scheduler")

    assert _beaten(queued, [make_policy("kube-scheduler")]) == []


def test_the_tightest_bound_of_each_metric_is_taken():
    """Of a floor the highest, of a ceiling the lowest; the proven one of equal ones."""
    encoded = encode(_drawn())
    bounds = bounds_of(encoded, LIMIT)
    best = tightest(bounds)

    for each in bounds:
        sign = 1 if METRICS[each.metric].better == "down" else -1
        assert sign * best[each.metric].value >= sign * each.value
    assert best["pods_bound"].gap == 0.0
    assert math.isnan(best["allocation_cpu_mean"].gap)


def _drawn():
    from schedbench.experiment.check_workloads import plain_workload

    return plain_workload(nodes=3, pods=8)

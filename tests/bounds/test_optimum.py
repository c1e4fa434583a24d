"""Bounds and optima of snapshots against all placements of a few pods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from naive import best_placement as brute_force
from strategies import workloads

from schedbench.bounds import exact, linear
from schedbench.bounds.bound import ceil_whole, floor_whole
from schedbench.bounds.instance import instance_of
from schedbench.bounds.packing import packing_of
from schedbench.cluster.encode import encode

LIMIT = 20.0

snapshots = workloads(max_nodes=3, max_pods=5, time=False, bound=False, changes=False)
gpu_snapshots = workloads(
    max_nodes=2, max_pods=5, gpu=True, time=False, bound=False, changes=False
)


def _read(workload):
    """Return nodes, pods one by one, and the packing problem."""
    stream = workload.pods
    pods = [stream.templates[index] for index in stream.template]
    instance = instance_of(encode(workload))
    return workload.nodes, pods, instance, packing_of(instance, instance.scheduled)


def _weights(instance, packing, pods):
    """Return weights of pods and of kinds: cpu in cores plus one."""
    kind = packing.kinds.request[:, 0] / 1000 + 1
    by_kind = instance.kinds.request[:, 0] / 1000 + 1
    return kind, [float(by_kind[instance.kind[pod]]) for pod in range(len(pods))]


@pytest.mark.parametrize(
    "drawn", [snapshots, gpu_snapshots], ids=["plain", "GPU shares"]
)
def test_the_optimum_equals_brute_force(drawn):
    """Most pods, most weight and fewest nodes are those of the best placement."""

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(drawn)
    def check(workload):
        nodes, pods, instance, packing = _read(workload)
        by_kind, by_pod = _weights(instance, packing, pods)
        count = exact.most_weight(packing, np.ones(len(packing.count)), LIMIT)
        weight = exact.most_weight(packing, by_kind, LIMIT)
        expected = brute_force.most_weight(nodes, pods, by_pod)
        assert floor_whole(count.value + 1e-5) == brute_force.most_weight(
            nodes, pods, [1] * len(pods)
        )
        assert weight.best == pytest.approx(expected)
        assert weight.value == pytest.approx(expected, rel=1e-5)
        fewest = brute_force.fewest_nodes(nodes, pods)
        all_fit = packing.pods == len(pods)
        found = exact.fewest_nodes(packing, LIMIT) if all_fit else None
        assert (None if found is None else ceil_whole(found.value - 1e-5)) == fewest

    check()


@pytest.mark.parametrize(
    "drawn", [snapshots, gpu_snapshots], ids=["plain", "GPU shares"]
)
def test_no_placement_beats_the_linear_bound(drawn):
    """Linear bounds are on the right side of the best placement."""

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(drawn)
    def check(workload):
        nodes, pods, instance, packing = _read(workload)
        by_kind, by_pod = _weights(instance, packing, pods)
        found = linear.most_weight(packing, by_kind, LIMIT)
        best = brute_force.most_weight(nodes, pods, by_pod)
        assert found.value >= best * (1 - 1e-9)
        fewest = brute_force.fewest_nodes(nodes, pods)
        if fewest is not None:
            assert ceil_whole(linear.fewest_nodes(packing, LIMIT).value) <= fewest

    check()

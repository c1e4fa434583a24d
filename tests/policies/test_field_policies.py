"""What the sources of the policies from papers and plugins claim of them."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.cluster.encode import encode
from schedbench.cluster.layout import NO_DEVICE, ClusterState, Pod
from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies import (
    allocatable,
    load_variation_risk_balancing,
    peaks,
    target_load_packing,
)
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

GIB = 2**30


def _placed(spec, nodes, pods, seed=0, arrival=0.0):
    """Return the node of each pod, −1 for those that found none.

    Nodes are (cpu, GiB), pods cpu alone or (cpu, GiB).
    """
    cluster = [
        make_node(f"node-{i}", cpu=str(cpu), memory=f"{memory}Gi")
        for i, (cpu, memory) in enumerate(nodes)
    ]
    sizes = [pod if isinstance(pod, tuple) else (pod, 0.25) for pod in pods]
    templates = [
        make_pod(f"p{i}", cpu=str(cpu), memory=f"{int(1024 * memory)}Mi")
        for i, (cpu, memory) in enumerate(sizes)
    ]
    stream = PodStream.of(templates, arrival=np.asarray(arrival))
    record = replay(
        encode(Workload("t", cluster, stream)), make_policy(spec), seed=seed
    )
    found = np.full(len(pods), -1)
    bound = record.kind == EventKind.BIND
    found[record.pod[bound]] = record.node[bound]
    return found.tolist()


def _cluster(allocatable, requested, pods=1):
    """Return a cluster of (cpu millicores, bytes) columns."""
    count = len(allocatable)
    full = np.zeros((4, count), dtype=np.int64)
    used = full.copy()
    full[:2], used[:2], used[3] = np.array(allocatable).T, np.array(requested).T, pods
    return ClusterState(
        **dict.fromkeys(ClusterState._fields)
        | {
            "allocatable": full,
            "requested": used,
            "gpu_free": np.full((0, count), NO_DEVICE, dtype=np.int64),
        }
    )


def _pod(cpu, memory=0):
    request = np.array([cpu, memory, 0, 1], dtype=np.int64)
    return Pod(request, request[:2], 0, 0)


ALL = np.ones(2, dtype=bool)


def test_l2_norm_takes_the_room_that_is_nearest_to_the_requests():
    """Squares count a lopsided rest more than best fit, which sums it up."""
    nodes = [(1, 6), (4, 4), (8, 8)]

    assert _placed("best-fit", nodes, [(1, 1)]) == [0]
    assert _placed("l2-norm-bin-packing", nodes, [(1, 1)]) == [1]


@pytest.mark.parametrize(("mode", "expected"), [("Least", [0, 0]), ("Most", [1, 1])])
def test_allocatable_looks_at_the_size_alone(mode, expected):
    """Least takes the smallest node until it is full, Most the largest."""
    spec = f"allocatable[mode={mode},ties=first]"

    assert _placed(spec, [(2, 4), (8, 16)], [1, 1]) == expected


def test_allocatable_is_normalized_to_a_hundred():
    """Of three sizes the middle one scores in proportion, whole numbers."""
    cluster = _cluster([(1000, 0), (2000, 0), (4000, 0)], [(0, 0)] * 3)
    found = allocatable.score(cluster, _pod(1), np.ones(3, dtype=bool))

    assert found.tolist() == [100.0, 66.0, 0.0]


def test_a_second_choice_evens_out_the_load():
    """The fullest of 30 nodes holds fewer of 300 pods with two choices."""
    nodes, pods = [(30, 60)] * 30, [0.1] * 300
    fullest = {
        choices: np.bincount(
            _placed(f"power-of-two-choices[choices={choices}]", nodes, pods)
        ).max()
        for choices in (1, 2)
    }

    assert fullest[2] < fullest[1]
    assert fullest[2] <= 14


def test_choices_are_drawn_from_the_seed():
    """The same seed gives the same nodes, another one others."""
    given = "power-of-two-choices", [(8, 16)] * 9, [0.1] * 40

    assert _placed(*given, seed=1) == _placed(*given, seed=1)
    assert _placed(*given, seed=1) != _placed(*given, seed=2)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        pytest.param(0, 40, id="an empty node scores the target"),
        pytest.param(200, 70, id="half way to it"),
        pytest.param(400, 100, id="at the target"),
        pytest.param(700, 20, id="half way from it to full"),
        pytest.param(1000, 0, id="full"),
    ],
)
def test_target_load_packing_rises_to_the_target_and_falls_behind(used, expected):
    """The score is piecewise linear in the predicted use, with its top at 40 %."""
    cluster = _cluster([(1000, GIB)] * 2, [(used, 0)] * 2)
    told = {"utilization": 1.0, "multiplier": 1e-9}
    found = target_load_packing.score(cluster, _pod(1), ALL, **told)

    assert found.tolist() == [expected] * 2


def test_risk_is_mean_and_deviation():
    """Of two nodes of the same use, the one with more, smaller pods is steadier."""
    cluster = _cluster([(1000, GIB)] * 2, [(400, 0)] * 2, pods=[1, 4])
    told = {"utilization": 1.0, "variation": 0.5}
    found = load_variation_risk_balancing.score(cluster, _pod(200), ALL, **told)

    assert found.tolist() == [100 - (60 + 20) / 2, 100 - (60 + 10) / 2]


def test_peaks_takes_the_node_whose_power_rises_least():
    """With the shipped model that is the busier one; with K2 above 0 the idle one."""
    cluster = _cluster([(1000, GIB)] * 2, [(0, 0), (500, 0)])

    assert peaks.score(cluster, _pod(100), ALL).tolist() == [0.0, 100.0]
    found = peaks.score(cluster, _pod(100), ALL, k1=1.0, k2=0.01)
    assert found.tolist() == [100.0, 0.0]


def test_tetris_lets_the_best_aligned_pod_go_first():
    """A large pod at the end of the queue gets the node; pod by pod it would not."""
    nodes, pods = [(4, 8)], [1, 2, 4]

    assert _placed("tetris", nodes, pods) == [-1, -1, 0]
    assert _placed("dot-product", nodes, pods) == [0, 0, -1]


def test_a_flow_goes_on_in_rounds():
    """More pods than nodes are placed, each node taking one a round."""
    found = _placed("min-cost-flow", [(4, 8)] * 2, [1] * 9)

    assert sorted(found) == [-1] + [0] * 4 + [1] * 4


def test_drf_equalizes_dominant_shares():
    """The example of the paper: of 9 cpu and 18 GB, A gets three tasks, B two."""
    cluster = [make_node("node-0", cpu="9", memory="18Gi")]
    templates = [make_pod("a", "1", "4Gi"), make_pod("b", "3", "1Gi")]
    for template, space in zip(templates, "ab", strict=True):
        template.metadata.namespace = space
    kinds = np.repeat(np.array([0, 1], dtype=np.int32), 9)
    workload = Workload("t", cluster, PodStream.of(templates, kinds))
    record = replay(encode(workload), make_policy("drf"), seed=0)
    bound = kinds[record.pod[record.kind == EventKind.BIND]]

    assert np.bincount(bound).tolist() == [3, 2]


def test_drf_counts_what_runs_already():
    """A namespace whose pods came before waits for the other one's."""
    cluster = [make_node("node-0", cpu="4", memory="18Gi")]
    templates = [make_pod("a", "1", "1Gi"), make_pod("b", "1", "1Gi")]
    templates[1].metadata.namespace = "b"
    kinds = np.array([0, 0, 0, 1], dtype=np.int32)
    arrival = np.array([0.0, 0.0, 1.0, 1.0])
    stream = PodStream.of(templates, kinds, arrival=arrival)
    record = replay(encode(Workload("t", cluster, stream)), make_policy("drf"), seed=0)

    assert record.pod[record.kind == EventKind.BIND].tolist()[2:] == [3, 2]


@pytest.mark.parametrize("spec", ["lookahead", "batch-milp"])
def test_looking_ahead_places_what_best_fit_cannot(spec):
    """Best fit takes the gap that a later pod needs; looking ahead leaves it."""
    nodes, pods = [(4, 8), (5, 8)], [2, 4, 3]

    assert _placed("best-fit", nodes, pods) == [0, 1, -1]
    assert _placed(spec, nodes, pods) == [1, 0, 1]


def test_a_window_opens_as_few_nodes_as_it_can():
    """Eight pods of half a node share four nodes."""
    found = _placed("batch-milp", [(2, 8)] * 8, [1] * 8)

    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("power-of-two-choices[choices=0]", "choices is not within 1..64"),
        ("allocatable[mode=Lest]", "did you mean 'Least'"),
        ("target-load-packing[target=100]", "target is not below 100"),
        ("target-load-packing[utilization=-1]", "utilization is not above 0"),
        ("peaks[utilization=nan]", "utilization is not above 0"),
        ("load-variation-risk-balancing[margin=0]", "margin is not above 0"),
    ],
)
def test_parameters_out_of_range_are_refused(spec, message):
    """The message names the parameter and what it may be."""
    with pytest.raises((InputError, UnknownNameError), match=message):
        make_policy(spec)

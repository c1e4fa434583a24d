"""Policies that optimize over a batch: against all placements there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.cluster.encode import encode
from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.check import check_policy
from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.min_cost_flow import cheapest_flow
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

Sizes = Sequence[tuple[int, int]]
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
NAMES = ("batch-milp", "lookahead", "min-cost-flow")


def played(spec: str, nodes: Sizes, pods: Sizes) -> dict[int, int]:
    """Return pod → node of pods that come together; sizes are cpu and GiB."""
    templates = [
        make_pod(f"pod-{i}", str(cpu), f"{memory}Gi")
        for i, (cpu, memory) in enumerate(pods)
    ]
    cluster = [
        make_node(f"node-{i}", str(cpu), f"{memory}Gi")
        for i, (cpu, memory) in enumerate(nodes)
    ]
    stream = PodStream.of(templates, np.arange(len(pods), dtype=np.int32))
    return bound(
        replay(encode(Workload("t", cluster, stream)), make_policy(spec), seed=0)
    )


def bound(record: Record) -> dict[int, int]:
    """Return pod → node of a record."""
    made = record.kind == EventKind.BIND
    return dict(zip(record.pod[made].tolist(), record.node[made].tolist(), strict=True))


def all_placements(nodes: Sizes, pods: Sizes) -> Iterator[dict[int, int]]:
    """Yield every placement that fits, by trying them all."""
    for chosen in itertools.product(range(-1, len(nodes)), repeat=len(pods)):
        room = [list(size) for size in nodes]
        for pod, node in enumerate(chosen):
            if node >= 0:
                room[node][0] -= pods[pod][0]
                room[node][1] -= pods[pod][1]
        if all(cpu >= 0 and memory >= 0 for cpu, memory in room):
            yield {pod: node for pod, node in enumerate(chosen) if node >= 0}


def waiting_and_used(placement: dict[int, int], pods: Sizes) -> tuple[int, int]:
    """Return how many pods wait, and how many nodes are used."""
    return len(pods) - len(placement), len(set(placement.values()))


@settings(max_examples=20)
@given(
    nodes=st.lists(SIZES, min_size=1, max_size=3),
    pods=st.lists(SIZES, min_size=1, max_size=5),
)
def test_the_program_finds_what_trying_all_placements_finds(
    nodes: Sizes, pods: Sizes
) -> None:
    """No placement of a window has more pods, or as many on fewer nodes."""
    best = min(waiting_and_used(each, pods) for each in all_placements(nodes, pods))

    assert best == waiting_and_used(played("batch-milp", nodes, pods), pods)


def test_a_window_of_one_pod_is_greedy() -> None:
    """What the program gains, it gains by seeing pods together."""
    nodes, pods = [(4, 4)], [(3, 1), (2, 1), (2, 1)]

    assert set(played("batch-milp", nodes, pods)) == {1, 2}
    assert set(played("batch-milp[window=1]", nodes, pods)) == {0}


def all_flows(
    fits: np.ndarray, cost: np.ndarray, supply: np.ndarray, size: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Yield minus the size and the cost of every flow, by trying them all."""
    arcs = [tuple(arc) for arc in np.argwhere(fits)]
    most = [min(supply[c], size[g]) for c, g in arcs]
    for amounts in itertools.product(*(range(each + 1) for each in most)):
        flow = np.zeros(fits.shape, dtype=int)
        for arc, amount in zip(arcs, amounts, strict=True):
            flow[arc] = amount
        if (flow.sum(axis=1) <= supply).all() and (flow.sum(axis=0) <= size).all():
            yield -int(flow.sum()), int((flow * cost).sum())


@settings(max_examples=20)
@given(
    fits=st.lists(st.booleans(), min_size=4, max_size=4),
    cost=st.lists(st.integers(0, 9), min_size=4, max_size=4),
    supply=st.lists(st.integers(1, 3), min_size=2, max_size=2),
    size=st.lists(st.integers(1, 3), min_size=2, max_size=2),
)
def test_the_flow_is_the_cheapest_of_the_largest(
    fits: list[bool], cost: list[int], supply: list[int], size: list[int]
) -> None:
    """No flow is larger, and none as large is cheaper."""
    arcs = np.array(fits).reshape(2, 2), np.array(cost).reshape(2, 2)
    ends = np.array(supply), np.array(size)
    flow = cheapest_flow(*arcs, *ends)

    assert (flow >= 0).all()
    assert min(all_flows(*arcs, *ends)) == (-flow.sum(), (flow * arcs[1]).sum())


def test_a_flow_gives_way_to_the_pod_that_can_go_nowhere_else() -> None:
    """A pod that fits two nodes leaves the only one of another to it."""
    nodes, pods = [(2, 4), (4, 1)], [(2, 1), (2, 4)]

    assert played("first-fit", nodes, pods) == {0: 0}
    assert played("min-cost-flow", nodes, pods) == {0: 1, 1: 0}


def test_a_flow_spreads() -> None:
    """Costs rise with what a node has given, so pods go to all nodes."""
    placed = played("min-cost-flow", [(4, 4)] * 3, [(1, 1)] * 6)

    assert np.bincount(list(placed.values())).tolist() == [2, 2, 2]


@settings(max_examples=20)
@given(
    nodes=st.lists(SIZES, min_size=1, max_size=4),
    pods=st.lists(SIZES, min_size=1, max_size=7),
    base=st.sampled_from(["best-fit", "worst-fit", "least-allocated"]),
)
def test_looking_ahead_is_never_worse_than_the_base(
    nodes: Sizes, pods: Sizes, base: str
) -> None:
    """With a horizon over all pods, no more wait, nor as many on more nodes."""
    ahead, alone = (
        played(f"lookahead[base={base},candidates={most},horizon=9]", nodes, pods)
        for most in (3, 1)
    )

    assert waiting_and_used(ahead, pods) <= waiting_and_used(alone, pods)


def test_without_a_choice_it_is_its_base() -> None:
    """One candidate, or no horizon, is best-fit."""
    nodes, pods = [(6, 4), (3, 4), (4, 2)], [(1, 1), (3, 2), (2, 2), (2, 1)]
    alone = played("best-fit", nodes, pods)

    assert played("lookahead[candidates=1]", nodes, pods) == alone
    assert played("lookahead[horizon=0]", nodes, pods) == alone


def test_looking_ahead_keeps_room_for_the_next_pod() -> None:
    """Best-fit takes the only node that the next pod fits; a rollout sees it."""
    nodes, pods = [(2, 4), (4, 3)], [(1, 1), (2, 4)]

    assert set(played("best-fit", nodes, pods)) == {0}
    assert played("lookahead", nodes, pods) == {0: 1, 1: 0}


@pytest.mark.parametrize("name", NAMES)
def test_pods_of_higher_priority_come_first(name: str) -> None:
    """A pod of higher priority is not left out for two of lower."""
    templates = [make_pod("high", "2"), make_pod("low", "1")]
    templates[0].spec.priority = 10
    stream = PodStream.of(templates, np.array([1, 1, 0], dtype=np.int32))
    workload = Workload("t", [make_node("node", "2")], stream)

    assert set(bound(replay(encode(workload), make_policy(name), seed=0))) == {2}


@pytest.mark.parametrize("name", NAMES)
def test_every_check_passes(name: str) -> None:
    """Taints, ports, GPUs and changing nodes are respected."""
    assert [result for result in check_policy(name) if not result.passed] == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("batch-milp[window=0]", "window is not above 0"),
        ("batch-milp[gap=2]", "gap is not within"),
        ("lookahead[candidates=0]", "candidates is below 1"),
        ("lookahead[base=bestfit]", "did you mean 'best-fit'"),
    ],
)
def test_parameters_out_of_range_are_refused(spec: str, message: str) -> None:
    """A number that makes no sense is the user's mistake."""
    with pytest.raises((InputError, UnknownNameError), match=message):
        make_policy(spec)

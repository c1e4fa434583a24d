"""low-risk-overcommitment: what its source claims, and what a twin computes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import low_risk as naive

from schedbench.cluster.encode import encode
from schedbench.errors import InputError
from schedbench.experiment.check import check_policy
from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.low_risk_overcommitment import Amounts, risk
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

NAME = "low-risk-overcommitment"


def pod_of(cpu: str, limit: str | None = None) -> Pod:
    """Return a pod with a cpu request and perhaps a limit."""
    pod = make_pod("pod", cpu, "64Mi")
    if limit is not None:
        pod.spec.containers[0].resources.limits["cpu"] = limit
    return pod


def placed(pods: list[Pod], arrival: float | list[float] = 0.0, spec: str = NAME):
    """Return the node of each pod, on two nodes of four cpus."""
    nodes = [make_node(name, "4", "64Gi") for name in "ab"]
    stream = PodStream.of(pods, arrival=np.asarray(arrival))
    record = replay(encode(Workload("t", nodes, stream)), make_policy(spec), seed=0)
    made = record.kind == EventKind.BIND
    return dict(zip(record.pod[made].tolist(), record.node[made].tolist(), strict=True))


def test_pods_keep_away_from_limits_beyond_the_capacity() -> None:
    """A node whose pods may burst over its cpus is avoided, though it holds less."""
    pods = [pod_of("1", "8"), pod_of("1500m"), pod_of("1", "2")]

    assert placed(pods) == {0: 0, 1: 1, 2: 1}


def test_limits_of_running_pods_count() -> None:
    """Pods that came at another time are avoided as well, until they have no limits."""
    times = [0.0, 1.0, 2.0]

    assert placed([pod_of("1", "8"), pod_of("1"), pod_of("1")], times)[2] == 1
    assert placed([pod_of("1"), pod_of("1"), pod_of("1")], times) == {0: 0, 1: 0, 2: 0}


def test_limits_that_are_the_requests_carry_no_risk() -> None:
    """Nobody can use more than what was set aside: nodes are filled in their order."""
    assert placed([pod_of("1", "1") for _ in range(5)]) == {
        0: 0,
        1: 0,
        2: 0,
        3: 0,
        4: 1,
    }


def test_the_load_counts_what_the_limits_do_not() -> None:
    """Where limits have no weight, a node that may use more than is requested loses."""
    amounts = Amounts(*np.array([[400, 400], [900, 400], [1000, 1000]]), 100.0, 100.0)
    mean, deviation = np.full(2, 0.3), np.full(2, 0.1)
    steady, bursting = risk(amounts, mean, deviation, 0.0)[::-1]

    assert steady == 0
    assert bursting == pytest.approx(1 - naive.chance_below(0.3, 0.1, 0.4), abs=1e-3)


@settings(max_examples=60)
@given(
    pods=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 900)), max_size=4),
    waiting=st.tuples(st.integers(0, 500), st.integers(0, 900)),
    mean=st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.9, 1.0]),
    deviation=st.sampled_from([0.0, 0.02, 0.1, 0.4, 1.0]),
    weight=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_risk_equals_a_plain_computation(
    pods: list[tuple[int, int]],
    waiting: tuple[int, int],
    mean: float,
    deviation: float,
    weight: float,
) -> None:
    """The risk of a node is what a twin says that adds its pods up one by one."""
    amounts = Amounts(
        requests=np.array([float(sum(request for request, _ in pods))]),
        limits=np.array([float(sum(map(max, pods)))]),
        capacity=np.array([1000.0]),
        request=float(waiting[0]),
        limit=float(max(waiting)),
    )
    (found,) = risk(amounts, np.array([mean]), np.array([deviation]), weight)
    expected = naive.risk(pods, waiting, 1000, mean, deviation, weight)

    assert found == pytest.approx(min(max(expected, 0), 1), abs=1e-6)


def test_it_is_a_proper_policy() -> None:
    """It passes every check that a policy of one's own has to pass."""
    assert all(result.passed for result in check_policy(NAME))


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("weight=1.5", "weight is not within 0..1"),
        ("weight=nan", "weight is not within 0..1"),
        ("windows=0", "windows is not above 0"),
        ("variation=-1", "variation is not above 0"),
    ],
)
def test_parameters_out_of_range_are_refused(parameter: str, message: str) -> None:
    """The message names the parameter and what it may be."""
    with pytest.raises(InputError, match=message):
        make_policy(f"{NAME}[{parameter}]")

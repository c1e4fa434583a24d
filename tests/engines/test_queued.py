"""Runs in the scheduling queue: every engine tells the same, with preemption."""

from __future__ import annotations

import queued_strategies
import strategies
from engines import queue_worlds
from engines.amounts import examples
from engines.playing import assert_alike, events
from hypothesis import given, target
from hypothesis import strategies as st

from schedbench.objects.workload import Workload

REMEMBERING = ("indexed", "auto")
SPECS = (
    "kube-scheduler",
    "kube-scheduler[ties=first]",
    "kube-scheduler[percentageOfNodesToScore=0]",
    "most-allocated",
    "round-robin",
)


@examples(0.8)
@given(
    workload=queue_worlds.worlds(max_nodes=8, max_pods=40) | queue_worlds.worlds(),
    spec=st.sampled_from(SPECS),
)
def test_what_is_remembered_decides_as_a_scan(workload: Workload, spec: str) -> None:
    """Pods wait, change, displace each other and are evicted."""
    found = assert_alike(workload, spec, REMEMBERING)

    target(float(len(events(found.log, "PREEMPT"))), label="preemptions")
    target(float(len(events(found.log, "BIND"))), label="bindings")


@examples(0.6)
@given(
    workload=queue_worlds.worlds(max_nodes=10, max_pods=30)
    | queued_strategies.workloads()
    | queued_strategies.crowds(),
    spec=st.sampled_from(SPECS),
)
def test_every_engine_tells_the_same(workload: Workload, spec: str) -> None:
    """The readable engine too, in smaller worlds."""
    assert_alike(workload, spec, (*REMEMBERING, "explain"))


@examples(0.4)
@given(
    workload=queue_worlds.worlds(min_nodes=100, max_nodes=200, max_pods=150),
    percentage=st.sampled_from((0, 1, 50, 60, 99)),
    ties=st.sampled_from(("first", "random")),
)
def test_samples_are_remembered(workload: Workload, percentage: int, ties: str) -> None:
    """Every attempt moves on where sampling begins, also one in vain."""
    spec = f"kube-scheduler[ties={ties},percentageOfNodesToScore={percentage}]"

    assert_alike(workload, spec, REMEMBERING)


@examples(0.4)
@given(
    workload=strategies.worlds(
        min_nodes=20, max_nodes=130, max_pods=250, max_changes=4
    ).map(queue_worlds.queued),
    spec=st.sampled_from(SPECS),
)
def test_long_stretches_without_waiting_are_remembered(
    workload: Workload, spec: str
) -> None:
    """Pods that need no more than filters and scores are played by the loop."""
    assert_alike(workload, spec, REMEMBERING)

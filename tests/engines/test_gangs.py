"""Runs with gangs: placed together, undone together, by every engine alike."""

from __future__ import annotations

from engines import queue_worlds
from engines.amounts import examples
from engines.playing import assert_alike, events
from hypothesis import given, target
from hypothesis import strategies as st

from schedbench.objects.workload import Workload

SPECS = (
    "kube-scheduler",
    "kube-scheduler[ties=first]",
    "kube-scheduler[percentageOfNodesToScore=1]",
)


@examples(0.8)
@given(
    workload=queue_worlds.gangs(max_nodes=40, max_pods=60), spec=st.sampled_from(SPECS)
)
def test_gangs_are_placed_alike(workload: Workload, spec: str) -> None:
    """What an attempt in vain has undone is no change to what is remembered."""
    found = assert_alike(workload, spec, ("indexed", "auto"))

    target(float(len(events(found.log, "PREEMPT"))), label="preemptions")
    target(float(len(events(found.log, "BIND"))), label="bindings")


@examples(0.3)
@given(
    workload=queue_worlds.gangs(max_nodes=8, max_pods=25), spec=st.sampled_from(SPECS)
)
def test_the_readable_engine_places_gangs_alike(workload: Workload, spec: str) -> None:
    """The readable engine comes to the same places for all members."""
    assert_alike(workload, spec, ("explain",))


@examples(0.2)
@given(
    workload=queue_worlds.gangs(min_nodes=100, max_nodes=140, max_pods=60),
    percentage=st.sampled_from((0, 1, 60)),
)
def test_gangs_of_sampled_nodes_are_placed_alike(
    workload: Workload, percentage: int
) -> None:
    """Members draw samples one after another, whatever becomes of the gang."""
    spec = f"kube-scheduler[percentageOfNodesToScore={percentage}]"

    assert_alike(workload, spec, ("indexed", "auto"))

"""Runs by every engine against the naive twin, with all plugins of the profile."""

from __future__ import annotations

import pytest
import strategies
from engines.amounts import examples
from engines.playing import Entry, played
from hypothesis import given
from hypothesis import strategies as st
from naive.cycle import policy_of
from naive.profile import WHOLE
from naive.replay import replay as naive_replay
from naive.sampling import Sampler

from schedbench.objects.workload import Workload
from schedbench.simulation.replay import ENGINES

FEATURES = tuple(
    tuple(one for one in each if one != "images") for each in strategies.FEATURE_SETS
)
SMALL = {"max_nodes": 9, "max_pods": 35, "features": FEATURES}


def expected(workload: Workload) -> list[Entry]:
    """Return what happens according to the twin."""
    events = naive_replay(workload, policy_of(WHOLE, workload.objects))
    return [(e.time, e.kind, e.pod, e.node) for e in events]


@examples(1.2)
@given(strategies.worlds(**SMALL))
def test_engines_equal_the_naive_replay(workload: Workload) -> None:
    """Every event of a run by any engine is the twin's."""
    told = expected(workload)

    for engine in ENGINES:
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine


@examples(0.4)
@given(strategies.worlds(max_nodes=9, max_pods=35, max_changes=0))
def test_images_are_scored_as_the_twin_does(workload: Workload) -> None:
    """While no node changes, an image counts for all nodes that have it."""
    told = expected(workload)

    for engine in ENGINES:
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine


@examples(0.3)
@given(
    strategies.worlds(
        min_nodes=100, max_nodes=180, max_pods=40, features=(*FEATURES, ("spread",))
    ),
    st.sampled_from((0, 1, 30, 60, 99)),
)
def test_sampled_runs_equal_the_naive_replay(
    workload: Workload, percentage: int
) -> None:
    """Every event of a run that samples is the twin's."""
    sampler = Sampler(workload.nodes, percentage, WHOLE, workload.objects)
    told = [(e.time, e.kind, e.pod, e.node) for e in naive_replay(workload, sampler)]
    spec = f"kube-scheduler[ties=first,percentageOfNodesToScore={percentage}]"

    for engine in ("scan", "indexed"):
        assert played(workload, spec, engine).log == told, engine


@pytest.mark.deep
@examples(0.1)
@given(strategies.worlds(max_nodes=25, max_pods=120, features=FEATURES))
def test_long_runs_equal_the_naive_replay(workload: Workload) -> None:
    """Every event is the twin's, with more nodes and more pods."""
    told = expected(workload)

    for engine in ("scan", "indexed"):
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine

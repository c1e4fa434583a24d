"""Runs that sample: clusters of at least 100 nodes, in zones, by every engine.

Fewer nodes are never sampled. Such worlds are not worth shrinking to the last pod.
"""

from __future__ import annotations

import strategies
from engines.amounts import examples
from engines.playing import assert_alike
from hypothesis import given
from hypothesis import strategies as st

from schedbench.objects.workload import Workload

PERCENTAGES = st.sampled_from((0, 1, 40, 60, 99, 100)) | st.integers(0, 100)
TIES = st.sampled_from(("first", "random"))
LARGE = {"min_nodes": 100, "max_nodes": 300}


def sampling(percentage: int, ties: str) -> str:
    """Return the policy that samples so much."""
    return f"kube-scheduler[ties={ties},percentageOfNodesToScore={percentage}]"


@examples(1.6)
@given(strategies.worlds(**LARGE, max_pods=300), PERCENTAGES, TIES)
def test_samples_are_remembered(workload: Workload, percentage: int, ties: str) -> None:
    """Where a sample begins and ends is the same with a memory as without."""
    assert_alike(workload, sampling(percentage, ties), ("indexed", "auto"))


@examples(0.3)
@given(strategies.worlds(**LARGE, max_pods=60), PERCENTAGES, TIES)
def test_the_readable_engine_samples_alike(
    workload: Workload, percentage: int, ties: str
) -> None:
    """The readable engine looks at the same nodes in the same order."""
    assert_alike(workload, sampling(percentage, ties), ("explain",))


@examples(0.04)
@given(
    strategies.worlds(min_nodes=4_000, max_nodes=4_400, max_pods=400),
    st.sampled_from((0, 1, 30, 100)),
    TIES,
)
def test_more_than_a_group_of_blocks_is_remembered(
    workload: Workload, percentage: int, ties: str
) -> None:
    """64 blocks of 64 nodes and a few more."""
    assert_alike(workload, sampling(percentage, ties), ("indexed", "auto"))

"""One mechanism each: encoding, filtering, scoring, one cycle."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import basic, encoded
from schedbench.cluster.encode import encode
from schedbench.policies.registry import make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.score import total_score
from schedbench.scheduler.session import Session

NODES = 5_000


@pytest.fixture(scope="module")
def session() -> Session:
    """kube-scheduler on 5,000 nodes of which every third is full."""
    made = Session(encoded(NODES, 1), make_policy("kube-scheduler").profile, seed=1)
    made.state.requested[0, ::3] = 4_000
    return made


@pytest.mark.benchmark(group="mechanism")
def test_encode(benchmark):
    """Encode 5,000 nodes and 50,000 pods of 50 classes."""
    benchmark.extra_info["what"] = "encode 5,000 nodes and 50,000 pods of 50 classes"
    workload = basic(NODES, 50_000, 50)

    result = benchmark(encode, workload)

    assert len(result.class_pods) == 50
    assert result.state.allocatable.shape == (4, NODES)


@pytest.mark.benchmark(group="mechanism")
def test_filter(benchmark, session):
    """Run all filters of a pod over 5,000 nodes."""
    benchmark.extra_info["what"] = "filter 5,000 nodes for a pod"
    compiled, bad = session.compiled, np.empty(NODES, dtype=np.int64)
    arguments = (compiled.classes, compiled.static, compiled.switches)

    benchmark(mark_infeasible, session.state, *arguments, 0, 0, NODES, bad)

    assert (bad >= 0).sum() == NODES - len(bad[::3])


@pytest.mark.benchmark(group="mechanism")
def test_score(benchmark, session):
    """Run all scores of kube-scheduler for a pod over 5,000 nodes."""
    benchmark.extra_info["what"] = "score 5,000 nodes for a pod"
    compiled, scratch = session.compiled, session.scratch
    arguments = (compiled.classes, compiled.static, compiled.columns)

    benchmark(total_score, session.state, *arguments, 0, scratch)

    # LeastAllocated (97 + 98) // 2, balanced 99; TaintToleration 3 × 100
    assert scratch.total[1] == 97 + 99 + 300


@pytest.mark.benchmark(group="mechanism")
def test_cycle(benchmark, session):
    """Decide one pod: filter, score, normalize, weigh and select on 5,000 nodes."""
    benchmark.extra_info["what"] = "decide one pod on 5,000 nodes"
    node = benchmark(
        schedule_one, session.state, session.compiled, 0, 0, 0, session.scratch
    )

    assert session.state.requested[0, node] == 0

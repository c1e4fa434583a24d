"""The shipped scenarios that are played end to end, each at its quick size."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import get_args

import pytest

from schedbench.experiment.build import expand_target
from schedbench.experiment.cell import Cell, CellResult, PolicyRef
from schedbench.experiment.execute import run_cell
from schedbench.experiment.scenario import read_own
from schedbench.experiment.shipped import bundled_scenarios
from schedbench.metrics.timelines import by_pod
from schedbench.simulation.faults import Fault

SCENARIOS = [
    path
    for path in bundled_scenarios()
    if "scenarios" not in (document := read_own(path)) and "end_to_end" in document
]
STEPS = (
    *("applied", "admitted", "stored", "seen_by_scheduler", "decided", "bound"),
    *("seen_by_kubelet", "sandbox", "pulled", "started", "ready"),
)
"""Client, API server, etcd, scheduler, API server, kubelet, runtime, reported."""


@functools.cache
def played(path: Path) -> CellResult:
    """Play a scenario once."""
    (ref,) = expand_target(path, quick=True)
    return run_cell(Cell(ref, PolicyRef("kube-scheduler"), 1, "scan", "key"))


def test_there_are_scenarios() -> None:
    """Rollout, churn, failures, pulls, autoscaling, leaders, slow disk, every fault."""
    assert len(SCENARIOS) >= 8


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_pod_goes_all_the_way_in_causal_order(path: Path) -> None:
    """Each pod that was not deleted before has all steps, none before its cause."""
    result = played(path)
    assert result.status == "done", result.error
    frame = result.tables["timelines"].to_pandas()
    hops = by_pod(frame)[list(STEPS)]
    there = frame.set_index("uid")["deleted"].isna()
    steps = hops.diff(axis=1).iloc[:, 1:]

    assert len(frame) >= 50
    assert hops[there].notna().all().all()
    assert (steps.isna() | (steps >= 0)).all().all()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_everything_is_as_it_should_be_at_the_end(path: Path) -> None:
    """No law was broken, every fault recovered from, no pod lost or doubled."""
    metrics = played(path).metrics

    assert metrics["constraint_violations"] == 0
    assert metrics["pods_never_ready"] == 0
    assert not metrics["faults_unrecovered"]
    assert not metrics["pods_lost"]
    assert metrics["pods_doubled"] == 0


def test_every_kind_of_fault_is_in_a_scenario() -> None:
    """All twelve kinds happen in `every-fault`."""
    (path,) = [path for path in SCENARIOS if path.stem == "every-fault"]
    happened = played(path).tables["faults"].to_pandas()
    kinds = {kind.__struct_config__.tag for kind in get_args(Fault)}

    assert set(happened["kind"]) == kinds

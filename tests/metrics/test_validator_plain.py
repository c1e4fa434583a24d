"""Logs judged at once as columns: never milder than the walk over their entries."""

from __future__ import annotations

import dataclasses

import numpy as np
import strategies
from hypothesis import given, target
from hypothesis import strategies as st

from schedbench.cluster.encode import encode
from schedbench.metrics.validation.plain import breaks_nothing
from schedbench.metrics.validator import walk
from schedbench.policies.registry import make_policy
from schedbench.simulation.replay import replay

COLUMNS = {
    "time": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 7.0, np.inf, np.nan]),
    "kind": st.integers(0, 9),
    "pod": st.integers(-1, 6),
    "node": st.integers(-1, 4),
    "devices": st.integers(0, 1),
}


@st.composite
def plain_runs(draw):
    """Draw a workload without features, and its log by kube-scheduler."""
    workload = draw(strategies.workloads(changes=False))
    encoded = encode(workload)
    record = replay(encoded, make_policy("kube-scheduler"), seed=1, engine="explain")
    return workload, record, encoded.node_names


@st.composite
def corrupted_runs(draw):
    """Draw the same with some entries changed, swapped or left out."""
    workload, record, names = draw(plain_runs())
    entries = len(record.time)
    order = list(range(entries))
    columns = {name: getattr(record, name).copy() for name in COLUMNS}
    for _ in range(draw(st.integers(1, 2)) if entries else 0):
        at = draw(st.integers(0, len(order) - 1)) if order else 0
        how = draw(st.sampled_from([*COLUMNS, "swap", "drop"])) if order else ""
        if how == "swap":
            other = draw(st.integers(0, len(order) - 1))
            order[at], order[other] = order[other], order[at]
        elif how == "drop":
            del order[at]
        elif how:
            columns[how][order[at]] = draw(COLUMNS[how])
    columns = {name: column[order] for name, column in columns.items()}
    return workload, dataclasses.replace(record, **columns), names


@given(run=corrupted_runs())
def test_nothing_that_the_walk_finds_is_missed(run):
    """Whatever was done to a log: if the columns break nothing, the walk agrees."""
    sure = breaks_nothing(*run)
    target(float(sure))

    assert not sure or walk(*run) == []


@given(run=plain_runs())
def test_sound_logs_of_plain_workloads_are_told_at_once(run):
    """Pods without ports and GPUs that come, are bound and end need no walk."""
    workload, _, _ = run
    specs = [pod.spec for pod in workload.pods.templates]
    containers = [c for spec in specs for c in spec.init_containers + spec.containers]
    ports = any(port.host_port for each in containers for port in each.ports)

    assert ports or breaks_nothing(*run)

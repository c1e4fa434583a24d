"""Runs in the scheduling queue against the naive twin, and against each other."""

from __future__ import annotations

import queued_strategies
from hypothesis import given, settings
from naive import queued as naive
from naive.profile import from_configuration

from schedbench.cluster.encode import encode
from schedbench.objects.workload import Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import Engine, replay

SPEC = "kube-scheduler[ties=first]"
Entry = tuple[float, str, int, str | None]


def played(workload: Workload, engine: Engine = "scan") -> list[Entry]:
    """Return what happened in a run; arrivals first.

    In the compiled loop pods that come at one instant come and bind one by one.
    """
    encoded = encode(workload)
    record = replay(encoded, make_policy(SPEC), seed=1, engine=engine)
    names = encoded.node_names
    columns = zip(record.time, record.kind, record.pod, record.node, strict=True)
    return arrivals_first(
        [
            (float(t), EventKind(k).name, int(p), names[n] if n >= 0 else None)
            for t, k, p, n in columns
        ]
    )


def arrivals_first(log: list[Entry]) -> list[Entry]:
    """Return the arrivals in order, then the rest in order."""
    return sorted(log, key=lambda entry: entry[1] != "ARRIVE")


def expected(workload: Workload) -> list[Entry]:
    """Return what happens according to the twin."""
    profiles = from_configuration(workload.scheduler_config, whole=True)
    return arrivals_first([tuple(one) for one in naive.play(workload, profiles)])


@settings(max_examples=300)
@given(workload=queued_strategies.workloads())
def test_scan_equals_the_naive_twin(workload: Workload) -> None:
    """Every event of a run is the twin's."""
    assert played(workload) == expected(workload)

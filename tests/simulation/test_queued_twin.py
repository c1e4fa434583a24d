"""Runs in the scheduling queue against the naive twin, and against each other."""

from __future__ import annotations

import collections

import pytest
import queued_strategies
from hypothesis import given, settings, target
from naive import queued as naive
from naive.profile import from_configuration
from naive.resources import allocatable, pod_requests

from schedbench.cluster.encode import encode
from schedbench.objects.workload import Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.queued.batch import CompiledBatch
from schedbench.simulation.queued.preempting import CompiledPreemption
from schedbench.simulation.queued.stretch import CompiledStretch
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import Engine, replay

SPEC = "kube-scheduler[ties=first]"
WORKLOADS = queued_strategies.workloads() | queued_strategies.crowds()
Entry = tuple[float, str, int, str | None]


def played(workload: Workload, engine: Engine = "scan") -> list[Entry]:
    """Return what happened in a run, arrivals first.

    In the compiled loop pods that come at one instant come and bind one by one.
    """
    return arrivals_first(in_order(workload, engine))


def in_order(workload: Workload, engine: Engine = "scan") -> list[Entry]:
    """Return what happened in a run."""
    encoded = encode(workload)
    record = replay(encoded, make_policy(SPEC), seed=1, engine=engine)
    names = encoded.node_names
    columns = zip(record.time, record.kind, record.pod, record.node, strict=True)
    return [
        (float(t), EventKind(k).name, int(p), names[n] if n >= 0 else None)
        for t, k, p, n in columns
    ]


def arrivals_first(log: list[Entry]) -> list[Entry]:
    """Return the arrivals in order, then the rest in order."""
    return sorted(log, key=lambda entry: entry[1] != "ARRIVE")


def expected(workload: Workload) -> list[Entry]:
    """Return what happens according to the twin."""
    profiles = from_configuration(workload.scheduler_config, whole=True)
    return arrivals_first([tuple(one) for one in naive.play(workload, profiles)])


@given(workload=WORKLOADS)
@settings(max_examples=max(200, settings().max_examples))
def test_scan_equals_the_naive_twin(workload: Workload) -> None:
    """Every event of a run by the compiled cycle is the twin's."""
    assert played(workload) == expected(workload)


@given(workload=WORKLOADS)
@settings(max_examples=max(100, settings().max_examples))
def test_explain_equals_the_naive_twin(workload: Workload) -> None:
    """Every event of a run by the readable engine is the twin's."""
    assert played(workload, "explain") == expected(workload)


@given(workload=WORKLOADS)
def test_the_compiled_stretches_change_nothing(workload: Workload) -> None:
    """A run in which the compiled loop never helps tells the same."""
    quick = played(workload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledStretch, "run", lambda *arguments: None)
        patch.setattr(CompiledBatch, "run", lambda *arguments: None)
        patch.setattr(CompiledPreemption, "run", lambda *arguments: 0)
        slow = played(workload)

    assert quick == slow


@given(workload=WORKLOADS)
def test_no_node_takes_more_than_it_has(workload: Workload) -> None:
    """Whenever a pod is scheduled, its node has room for it and all that is there."""
    sizes = {node.metadata.name: allocatable(node) for node in workload.nodes}
    changes = list(workload.node_events)
    there: dict[int, str] = {}
    scheduled = 0
    for _, kind, pod, name in in_order(workload):
        if kind in {"NODE_ADD", "NODE_UPDATE", "NODE_REMOVE"}:
            sizes[name or ""] = allocatable(changes.pop(0).node)
        if kind in {"FINISH", "DELETE", "EVICT"}:
            there.pop(pod, None)
        if kind != "BIND" or name is None:
            continue
        there[pod] = name
        if workload.pods.node[pod] >= 0:
            continue
        scheduled += 1
        here = [one for one, where in there.items() if where == name]
        total = collections.Counter({"pods": len(here)})
        for one in here:
            template = workload.pods.templates[workload.pods.template[one]]
            total.update(pod_requests(template))
        wanted = pod_requests(workload.pods.templates[workload.pods.template[pod]])
        for resource in ["pods", *(one for one in wanted if wanted[one])]:
            assert total[resource] <= sizes[name].get(resource, 0)
    target(scheduled)


@pytest.mark.deep
@given(workload=queued_strategies.workloads(max_nodes=8, max_pods=40))
@settings(max_examples=5_000)
def test_long_runs_equal_the_naive_twin(workload: Workload) -> None:
    """Every event is the twin's, in larger clusters with more pods."""
    told = expected(workload)

    assert played(workload) == told
    assert played(workload, "explain") == told

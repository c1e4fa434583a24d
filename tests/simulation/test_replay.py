"""The engines against the naive twin and against each other."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from naive import profile as naive_profile
from naive.cycle import policy_of
from naive.fit import Strategy
from naive.fragmentation import typical_pods
from naive.replay import bindings
from naive.replay import replay as naive_replay

from schedbench.cluster.encode import encode
from schedbench.errors import TimeLimitError
from schedbench.metrics.validator import validate
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.policies.registry import POLICIES, make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import ENGINES, replay
from schedbench.simulation.run import Run


def log_of(record: Record, names: list[str]) -> list[tuple]:
    """Return a record's log in the form of the naive twin's."""
    return [
        (
            float(time),
            EventKind(kind).name,
            int(pod),
            names[node] if node >= 0 else None,
            tuple(d for d in range(64) if int(devices) >> d & 1),
        )
        for time, kind, pod, node, devices in zip(
            record.time,
            record.kind,
            record.pod,
            record.node,
            record.devices,
            strict=True,
        )
    ]


NAIVE = {
    "kube-scheduler[ties=first]": naive_profile.DEFAULT,
    "least-allocated[ties=first]": naive_profile.Profile(
        weights={"NodeResourcesFit": 1}
    ),
    "most-allocated[ties=first]": naive_profile.Profile(
        weights={"NodeResourcesFit": 1}, fit=Strategy("MostAllocated")
    ),
    "balanced[ties=first]": naive_profile.Profile(
        weights={"NodeResourcesBalancedAllocation": 1}
    ),
    "first-fit": naive_profile.Profile(weights={}),
}
GPU_NAIVE = {
    "fgd": "FGD",
    "gpu-best-fit": "BestFit",
    "gpu-clustering": "GpuClustering",
    "gpu-dot-product": "DotProd",
    "gpu-packing": "GpuPacking",
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", NAIVE)
@given(workload=strategies.workloads())
def test_engines_equal_the_naive_replay(spec, engine, workload):
    """Every event, in order, equals that of the naive replay."""
    encoded = encode(workload)

    record = replay(encoded, make_policy(spec), seed=1, engine=engine)

    expected = naive_replay(workload, policy_of(NAIVE[spec]))
    assert log_of(record, encoded.node_names) == [
        (e.time, e.kind, e.pod, e.node, e.devices) for e in expected
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", GPU_NAIVE)
@given(workload=strategies.workloads(gpu=True, changes=False))
def test_gpu_policies_equal_the_naive_replay(spec, engine, workload):
    """GPU policies choose the same nodes and devices as their naive twins."""
    encoded = encode(workload)
    largest_cpu = max([int(c) for c in encoded.state.allocatable[0]], default=0)
    devices = (encoded.state.gpu_free >= 0).sum(axis=0).max(initial=0)
    profile = naive_profile.Profile(
        weights={GPU_NAIVE[spec]: 1},
        largest=(max(largest_cpu, 1), max(int(devices) * 1000, 1)),
        typical=typical_pods(
            workload.pods.templates[i] for i in workload.pods.template
        ),
    )

    record = replay(encoded, make_policy(spec), seed=1, engine=engine)

    expected = [tuple(b) for b in bindings(naive_replay(workload, policy_of(profile)))]
    placed = [
        (pod, node, devices)
        for _, kind, pod, node, devices in log_of(record, encoded.node_names)
        if kind == "BIND"
    ]
    assert placed == expected


@pytest.mark.parametrize("spec", sorted(POLICIES))
@given(
    workload=st.one_of(strategies.workloads(), strategies.workloads(gpu=True)),
    seed=st.integers(0, 2**31),
)
def test_every_engine_places_alike(spec, workload, seed):
    """For every policy, engines log the same events, and no constraint is broken."""
    encoded = encode(workload)

    records = [
        replay(encoded, make_policy(spec), seed=seed, engine=engine)
        for engine in ENGINES
    ]

    first = records[0]
    log = log_of(first, encoded.node_names)
    for other in records[1:]:
        assert log_of(other, encoded.node_names) == log
        assert other.digest == first.digest
        assert other.rejections == first.rejections
        assert other.horizon == first.horizon
    assert validate(workload, first, encoded.node_names) == []


def test_an_empty_workload_has_an_empty_log():
    """A cluster without pods, and pods without a cluster, are no error."""
    encoded = encode(Workload("empty", [], PodStream.of([])))

    record = replay(encoded, make_policy("kube-scheduler"), seed=1)

    assert len(record.time) == 0
    assert record.horizon == 0.0


@pytest.mark.parametrize("queue", ["immediate", "kube-scheduler"])
def test_evicted_pods_finish_once(monkeypatch, queue):
    """Who loses its node again and again is to finish at one time only."""
    node = msgspec.convert(
        {"metadata": {"name": "n"}, "status": {"allocatable": {"pods": "9"}}}, Node
    )
    times = [(50.0 * turn, "remove") for turn in range(1, 6)]
    times += [(time + 1, "add") for time, _ in times]
    workload = Workload(
        "evicting",
        [default_node(node)],
        PodStream.of([Pod(), Pod()], duration=[500.0, 600.0]),
        node_events=[NodeEvent(time, change, node) for time, change in sorted(times)],
        queue=queue,
    )
    most = []
    forget = Run.forget_finishes

    def counted(self, evicted):
        most.append(int(self.progress.counters.finishing[0]))
        forget(self, evicted)

    monkeypatch.setattr(Run, "forget_finishes", counted)
    record = replay(encode(workload), make_policy("kube-scheduler"), seed=1)

    assert most == [2] * 5
    assert (record.kind == EventKind.BIND).sum() == 12
    assert record.pod[record.kind == EventKind.FINISH].tolist() == [0, 1]


def test_a_deadline_ends_a_run():
    """A run that is too long stops with an error that says how far it came."""
    pod = Pod()
    stream = PodStream.of([pod], np.zeros(20_000, dtype=np.int32))
    encoded = encode(Workload("long", [], stream))

    with pytest.raises(TimeLimitError, match="5000 decisions"):
        replay(encoded, make_policy("first-fit"), seed=1, deadline=0.0)

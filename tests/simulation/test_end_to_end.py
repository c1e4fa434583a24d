"""A whole cluster without latencies against the replay of the same workload."""

from __future__ import annotations

import dataclasses

import msgspec
import strategies
from fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import NO_LATENCY, Parameters
from schedbench.objects.workload import Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.backplane import Backplane, Stamp
from schedbench.simulation.end_to_end import Clients, Connect, Told, end_to_end
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

POLICIES = (
    "kube-scheduler[ties=first]",
    "kube-scheduler[ties=random]",
    "most-allocated",
    "round-robin",
)
FEATURE_SETS = (
    (),
    ("priorities",),
    ("priorities", "affinity", "spread"),
    strategies.FEATURES,
)


def immediate(clock: Clock, parameters: Parameters, seed: int, stamp: Stamp) -> Clients:
    """Return an API without latencies, rights or limits, the same for all."""
    api = FakeApi(clock)
    return lambda *arguments: api


def played(workload: Workload, spec: str, connect: Connect = Backplane) -> Told:
    """Play a workload without latencies."""
    return end_to_end(
        encode(workload),
        make_policy(spec),
        seed=1,
        parameters=NO_LATENCY,
        connect=connect,
        quiet=0.0,
    )


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Draw a workload of bare pods for the scheduling queue."""
    features = draw(st.sampled_from(FEATURE_SETS))
    gpu = draw(st.booleans())
    drawn = draw(strategies.workloads(features=features, gpu=gpu))
    return dataclasses.replace(drawn, queue="kube-scheduler")


@st.composite
def bare(draw: st.DrawFn) -> Workload:
    """Draw a workload that admission leaves as it is: pods of one priority."""
    drawn = draw(workloads())
    pods = drawn.pods
    templates = []
    for pod in pods.templates:
        spec = msgspec.structs.replace(
            pod.spec, priority=0, priority_class_name=None, preemption_policy=None
        )
        templates.append(msgspec.structs.replace(pod, spec=spec))
    return dataclasses.replace(
        drawn, pods=dataclasses.replace(pods, templates=templates)
    )


@given(workload=workloads(), spec=st.sampled_from(POLICIES))
@settings(max_examples=max(100, settings().max_examples), deadline=None)
def test_without_latencies_it_places_as_a_replay(workload: Workload, spec: str) -> None:
    """The pods come to the same nodes in the same order."""
    encoded = encode(workload)
    expected = replay(encoded, make_policy(spec), seed=1)
    told = played(workload, spec, immediate)

    assert bindings(told.record) == bindings(expected)
    assert told.record.digest == expected.digest


@given(workload=bare(), spec=st.sampled_from(POLICIES))
@settings(max_examples=max(60, settings().max_examples), deadline=None)
def test_it_does_so_through_api_servers_and_etcd(workload: Workload, spec: str) -> None:
    """Neither of them changes what is placed where, as long as they take no time."""
    expected = replay(encode(workload), make_policy(spec), seed=1)
    told = played(workload, spec)

    assert bindings(told.record) == bindings(expected)


def bindings(record: Record) -> list[tuple[float, int, int, int]]:
    """Return time, pod, node and devices of each binding, in order."""
    made = record.kind == EventKind.BIND
    return list(
        zip(
            record.time[made].tolist(),
            record.pod[made].tolist(),
            record.node[made].tolist(),
            record.devices[made].tolist(),
            strict=True,
        )
    )

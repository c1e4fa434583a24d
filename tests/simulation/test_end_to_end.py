"""A whole cluster without latencies against the replay of the same workload."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import msgspec
import numpy as np
import strategies
from fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import NO_LATENCY, Parameters
from schedbench.objects.defaults import default_pod
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Container, Pod, ResourceRequirements
from schedbench.objects.policy import PriorityClass
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.backplane import Backplane, Stamp
from schedbench.simulation.cluster import Connect
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay
from schedbench.simulation.timeline import HOPS
from schedbench.simulation.wiring import Clients

POLICIES = (
    "kube-scheduler[ties=first]",
    "kube-scheduler[ties=random]",
    "most-allocated",
    "round-robin",
    "fgd",
    "gpu-clustering",
    "gpu-random",
)
FEATURE_SETS = (
    (),
    ("priorities",),
    ("priorities", "affinity", "spread"),
    strategies.FEATURES,
)


def immediate(
    clock: Clock,
    parameters: Parameters,
    seed: int,
    stamp: Stamp,
    items: Iterable[KubernetesObject],
) -> Clients:
    """Return an API without latencies, rights or limits, the same for all."""
    api = FakeApi(clock)
    for item in items:
        api.create(item)
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
    objects = [one for one in drawn.objects if not isinstance(one, PriorityClass)]
    stream = dataclasses.replace(pods, templates=templates)
    return dataclasses.replace(drawn, pods=stream, objects=objects)


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


def small() -> Workload:
    """Return a workload of twenty pods on four nodes."""
    sizes = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    nodes = [
        Node(
            metadata=ObjectMeta(name=f"node-{i}"), status=NodeStatus(allocatable=sizes)
        )
        for i in range(4)
    ]
    wanted = ResourceRequirements(requests={"cpu": "500m"})
    pod = Pod(metadata=ObjectMeta(name="web", namespace="default"))
    pod.spec.containers = [Container(name="main", resources=wanted)]
    stream = PodStream.of(
        [default_pod(pod)],
        [0] * 20,
        arrival=np.arange(20) / 10,
        duration=np.where(np.arange(20) % 5, np.inf, 3.0),
    )
    return Workload("small", nodes, stream, queue="kube-scheduler")


def with_latencies(seed: int) -> Told:
    """Play the small workload with the default latencies."""
    policy = make_policy(POLICIES[0])
    return end_to_end(encode(small()), policy, seed=seed, parameters=Parameters())


def test_with_latencies_every_pod_takes_every_hop_in_order() -> None:
    """From being applied to being ready no effect comes before its cause."""
    timelines = with_latencies(1).timelines
    times = timelines.first()[:, : HOPS.index("ready") + 1]

    assert timelines.disorder() == []
    assert times.shape == (20, 11)
    assert not np.isnan(times).any()
    assert (times[:, -1] > times[:, 0]).all()


def test_a_run_with_latencies_is_the_same_for_the_same_seed() -> None:
    """Times of all hops and all entries of the log agree, and not by being constant."""
    one, again, other = with_latencies(1), with_latencies(1), with_latencies(2)

    times = [told.timelines.first() for told in (one, again)]

    assert np.array_equal(*times, equal_nan=True)
    assert one.record.time.tolist() == again.record.time.tolist()
    assert one.record.digest == again.record.digest
    assert one.record.time.tolist() != other.record.time.tolist()


def test_pods_that_have_run_their_time_leave_and_free_their_nodes() -> None:
    """A pod is deleted its duration after it was bound."""
    record = with_latencies(1).record
    finished = record.kind == EventKind.FINISH
    bound = record.kind == EventKind.BIND
    begun = dict(zip(record.pod[bound], record.time[bound], strict=True))

    assert sorted(record.pod[finished].tolist()) == [0, 5, 10, 15]
    for pod, at in zip(record.pod[finished], record.time[finished], strict=True):
        assert 3.0 <= at - begun[pod] < 3.2

"""Snapshots: the bound pods put at once, the pods nominated, the pod's own name."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from kernel_cases.domain_cases import Neighbourhood, neighbourhoods
from naive.handmade import asking, make_node, make_pod

from schedbench.cluster.encode import encode
from schedbench.objects.defaults import default_pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.snapshot import put_all, take_snapshot
from schedbench.scheduler.world import World


@given(drawn=neighbourhoods())
def test_pods_put_at_once(drawn: Neighbourhood) -> None:
    """Many pods put at once leave the columns as one after another would."""
    one, other = (World(drawn.encoded, read_profiles(None), 0) for _ in range(2))
    placed = np.array(drawn.placed, dtype=np.int32).reshape(-1, 2)
    classes = drawn.encoded.class_of[placed[:, 0]]
    put_all(one, classes, placed[:, 1])
    for (kind, slot), pod_class in zip(drawn.placed, classes.tolist(), strict=True):
        other.put(PlacedPod(drawn.kinds[kind], pod_class, slot))
    (left,), (right,) = one.sessions.values(), other.sessions.values()
    for name, column in left.state._asdict().items():
        if name != "domains":
            assert np.array_equal(column, getattr(right.state, name)), name

    for name, column in left.state.domains._asdict().items():
        assert np.array_equal(column, getattr(right.state.domains, name)), name


def test_gpu_devices_are_taken() -> None:
    """Pods that share GPUs hold devices, the fullest that does first."""
    notes = {
        "alibabacloud.com/gpu-count": "1",
        "alibabacloud.com/gpu-milli": "400",
    }
    pod = default_pod(make_pod(annotations=notes, containers=[asking("1")]))
    node = make_node("a", extra={"alibabacloud.com/gpu-count": "2"})
    stream = PodStream.of([pod], [0, 0, 0, 0], node=np.array([0, 0, 0, -1]))
    encoded = encode(Workload("case", [node], stream))
    world = World(encoded, read_profiles(None), 0)
    held = put_all(world, encoded.class_of[:3], stream.node[:3])
    (session,) = world.sessions.values()

    assert held == {0: 1, 1: 1, 2: 2}
    assert session.state.gpu_free[:, 0].tolist() == [200, 600]


def test_who_is_known() -> None:
    """Bound pods are on their nodes by name; nominated ones are told, others not."""
    bound, pod, nominated, idle = (
        default_pod(make_pod(name, containers=[asking("1")]))
        for name in ("bound", "pod", "nominated", "idle")
    )
    nominated.status.nominated_node_name = "b"
    pod.status.nominated_node_name = "a"
    names = [f"default/{each.metadata.name}" for each in (bound, pod, nominated, idle)]
    stream = PodStream.of(
        [bound, pod, nominated, idle], node=np.array([0, -1, -1, -1]), names=names
    )
    workload = Workload("case", [make_node("a"), make_node("b")], stream)
    found = take_snapshot(workload, 1, read_profiles(None), 0)
    before = sorted(found.world.nominated)
    found.nominate()

    assert found.pod.key == "default/pod"
    assert [one.pod.key for one in found.world.on_node(0)] == ["default/bound"]
    assert before == ["default/nominated"]
    assert found.world.nominated_slot(found.pod) == 0

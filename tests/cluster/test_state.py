"""Bind and release, nodes that come and go, and the recount that catches mistakes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from naive import gpu
from naive.handmade import asking, make_node, make_pod

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.layout import ClusterState
from schedbench.cluster.state import (
    bind,
    check_invariants,
    copy_state,
    remove_node,
    set_node,
)
from schedbench.errors import InputError, InvariantError
from schedbench.objects.workload import PodStream, Workload


@given(workload=strategies.workloads(gpu=True, changes=False), data=st.data())
def test_release_restores_the_state_to_the_bit(
    workload: Workload, data: st.DataObject
) -> None:
    """Binding pods and releasing them in any order leaves no trace."""
    encoded = encode(workload)
    state = copy_state(encoded.state)
    slots = st.integers(0, len(workload.nodes) - 1)
    placed = [
        (int(pod_class), data.draw(slots), data.draw(st.integers(0, 15)))
        for pod_class in encoded.class_of
    ]
    for pod_class, node, devices in placed:
        bind(state, encoded.classes, pod_class, node, devices, 1)
    for pod_class, node, devices in data.draw(st.permutations(placed)):
        bind(state, encoded.classes, pod_class, node, devices, -1)

    for name, before in encoded.state._asdict().items():
        if name != "domains":
            assert np.array_equal(before, getattr(state, name)), name


def test_copies_do_not_share_columns() -> None:
    """A run that changes its copy changes no other."""
    encoded, _ = crowded()
    copy = copy_state(encoded.state)
    copy.requested[:] = 99

    assert not (encoded.state.requested == 99).any()


def test_a_changed_node_keeps_what_its_pods_hold() -> None:
    """An update changes what a node has, not what is used of it."""
    _, state = crowded()
    held = state.gpu_free[0, 0]
    set_node(state, 0, np.array([1, 2, 3, 4]), 3)

    assert state.allocatable[:, 0].tolist() == [1, 2, 3, 4]
    assert state.requested[0, 0] == 1000
    assert state.gpu_free[:, 0].tolist() == [held, 1000, 1000]


def test_a_device_in_use_cannot_vanish() -> None:
    """An update that takes a held device away is refused."""
    _, state = crowded()
    with pytest.raises(InputError, match="device vanishes"):
        set_node(state, 0, np.zeros(4, dtype=np.int64), 0)


def test_an_idle_device_may_vanish_and_return() -> None:
    """Devices that nobody holds go and come with the node's object."""
    _, state = crowded()
    set_node(state, 1, np.zeros(4, dtype=np.int64), 1)
    fewer = state.gpu_free[:, 1].tolist()
    set_node(state, 1, np.zeros(4, dtype=np.int64), 2)

    assert fewer == [1000, -1, -1]
    assert state.gpu_free[:, 1].tolist() == [1000, 1000, -1]


def test_a_node_that_leaves_has_nothing() -> None:
    """A node that left has no room and no devices."""
    _, state = crowded()
    remove_node(state, 1)

    assert state.alive.tolist() == [1, 0]
    assert not state.allocatable[:, 1].any()
    assert (state.gpu_free[:, 1] == -1).all()


def test_a_sound_state_passes_the_recount() -> None:
    """The recount agrees with what bind did."""
    encoded, state = crowded()

    recount(encoded, state)


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        pytest.param(
            lambda state: state.requested.__setitem__((1, 0), 7),
            r"requested\[1\] of node slot 0 is 7",
            id="requests",
        ),
        pytest.param(
            lambda state: state.requested.__setitem__((3, 1), 1),
            r"requested\[3\] of node slot 1 is 1, but its pods add up to 0",
            id="a pod too many",
        ),
        pytest.param(
            lambda state: state.nonzero.__setitem__((0, 1), -1),
            r"nonzero\[0\] of node slot 1 is -1",
            id="requests with defaults",
        ),
        pytest.param(
            lambda state: state.port_used.__setitem__((0, 0), 0),
            r"port_used\[0\] of node slot 0 is 0, but its pods add up to 1",
            id="a host port forgotten",
        ),
        pytest.param(
            lambda state: state.gpu_free.__setitem__((0, 0), 1000),
            r"gpu_free\[0\] of node slot 0 is 1000, but its pods add up to 500",
            id="a GPU share forgotten",
        ),
        pytest.param(
            lambda state: state.alive.__setitem__(0, 0),
            "pods are bound to a node that is not in the cluster",
            id="a dead node with pods",
        ),
    ],
)
def test_every_corruption_is_found(
    corrupt: Callable[[ClusterState], None], message: str
) -> None:
    """The recount names the column, the node and both values."""
    encoded, state = crowded()
    corrupt(state)
    with pytest.raises(InvariantError, match=message):
        recount(encoded, state)


def crowded() -> tuple[EncodedWorkload, ClusterState]:
    """Return two nodes with GPUs, on the first a pod with a share and a port."""
    container = asking("1", "1Gi") | {"ports": [{"containerPort": 80, "hostPort": 80}]}
    notes = {gpu.COUNT: "1", gpu.MILLI: "500"}
    pod = make_pod(containers=[container], annotations=notes)
    sizes = [{gpu.COUNT: "1"}, {gpu.COUNT: "3"}]
    nodes = [make_node(f"node-{i}", extra=extra) for i, extra in enumerate(sizes)]
    encoded = encode(Workload("crowded", nodes, PodStream.of([pod])))
    state = copy_state(encoded.state)
    bind(state, encoded.classes, 0, 0, 1, 1)
    return encoded, state


def recount(encoded: EncodedWorkload, state: ClusterState) -> None:
    """Compare the columns with the one pod that is bound."""
    check_invariants(
        state,
        encoded.classes,
        np.array([0], dtype=np.int32),
        np.array([0], dtype=np.int32),
        np.array([1]),
        encoded.state.gpu_free,
    )

"""A growing world: what it keeps up to date is what counting anew would find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import ContainerImage, Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, TopologySpreadConstraint
from schedbench.objects.selectors import LabelSelector
from schedbench.objects.taints import Taint
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.scheduler.growing import GrowingWorld
from schedbench.simulation.queued.policy import profiles_of

LABELS = {"app": "web"}
ZONE = "topology.kubernetes.io/zone"
OFFERED = {"cpu": "8", "memory": "32Gi", "pods": "110"}
NODES = 3


def node(name, zone="a", taints=(), images=()):
    return default_node(
        Node(
            metadata=ObjectMeta(name=name, labels={ZONE: zone}),
            spec=NodeSpec(taints=[Taint(key=t, effect="NoSchedule") for t in taints]),
            status=NodeStatus(
                capacity=OFFERED,
                allocatable=OFFERED,
                images=[ContainerImage(names=[i], size_bytes=9**9) for i in images],
            ),
        )
    )


def pod(name, where=None):
    spread = TopologySpreadConstraint(
        max_skew=1,
        topology_key=ZONE,
        when_unsatisfiable="DoNotSchedule",
        label_selector=LabelSelector(match_labels=LABELS),
        node_taints_policy="Honor",
    )
    spec = PodSpec(
        containers=[Container(name="c", image="web:1")],
        topology_spread_constraints=[spread],
        node_name=where,
    )
    meta = ObjectMeta(name=name, namespace="default", labels=LABELS)
    return default_pod(Pod(metadata=meta, spec=spec))


def grown(pods):
    """Return a world of nodes with pods on them, and its recounts."""
    nodes = [node(f"n{index}") for index in range(NODES)]
    workload = Workload("grown", nodes, PodStream.of([pod("p")], [0]))
    settings = profiles_of(make_policy("kube-scheduler"), workload)
    world = GrowingWorld(settings, 1, pods=[pod("p")], nodes=nodes)
    for one in nodes:
        world.put_node(one)
    world.refresh()
    for index, where in enumerate(pods):
        world.place(pod(f"p{index}", f"n{where}"), 0.0)
    world.refresh()
    recounts = []
    recount = world.world.recount
    world.world.recount = lambda: recounts.append(recount())
    return world, recounts


def columns(world):
    (session,) = world.world.sessions.values()
    domains, table = session.state.domains, session.statics.table
    counted = [domains.domain, domains.eligible, domains.present, domains.counts]
    return [array.copy() for array in (*counted, domains.total, table.reason)]


changes = st.tuples(
    st.integers(0, NODES - 1),
    st.sampled_from("ab"),
    st.sets(st.sampled_from(["x", "y"])),
    st.sets(st.sampled_from(["web:1", "db:1"])),
    st.booleans(),
)


@given(st.lists(st.integers(0, NODES - 1), max_size=4), st.lists(changes, max_size=6))
def test_columns_are_those_of_a_count_from_scratch(pods, changes):
    """Whatever changes on nodes, and whatever is not counted then, counts are right."""
    world, _ = grown(pods)
    for index, zone, taints, images, leaves in changes:
        if leaves:
            world.drop_node(f"n{index}")
        else:
            world.put_node(node(f"n{index}", zone, sorted(taints), sorted(images)))
        world.refresh()
        found = columns(world)
        (session,) = world.world.sessions.values()
        session.statics.refresh(slice(0, NODES))
        world.world.recount()

        for kept, anew in zip(found, columns(world), strict=True):
            np.testing.assert_array_equal(kept, anew)


@pytest.mark.parametrize(
    ("changed", "recounts"),
    [
        pytest.param(node("n0", images=["web:1"]), 0, id="images"),
        pytest.param(node("n0", zone="b"), 1, id="another zone"),
        pytest.param(node("n0", taints=["x"]), 1, id="a taint that pods mind"),
        pytest.param(
            replace(node("n0"), spec=NodeSpec(unschedulable=True)), 0, id="a cordon"
        ),
    ],
)
def test_pods_are_counted_anew_only_if_a_node_counts_otherwise(changed, recounts):
    """A change of a node that no domain heeds costs no look at the pods."""
    world, counted = grown([0, 1, 2])
    world.put_node(changed)
    world.refresh()

    assert len(counted) == recounts

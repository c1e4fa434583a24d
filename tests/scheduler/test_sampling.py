"""Adaptive sampling in the compiled cycle; its recordings are a test of conformance."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.cluster.encode import encode
from schedbench.errors import InputError
from schedbench.objects.defaults import default_node
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import explain
from schedbench.scheduler.sampling import (
    UNSEEN,
    advance,
    nodes_to_find,
)
from schedbench.scheduler.session import Session

FOUND = {
    "below a hundred nodes all are wanted": (99, 5, 99),
    "a hundred nodes are the least sample": (100, 5, 100),
    "a share is rounded down": (1003, 30, 300),
    "never fewer than a hundred": (1000, 5, 100),
    "adaptive takes a percent less for each 125 nodes": (1000, 0, 420),
    "adaptive never takes less than five percent": (15_000, 0, 750),
    "all of them": (5000, 100, 5000),
}


@pytest.mark.parametrize("sentence", FOUND)
def test_nodes_to_find(sentence: str) -> None:
    """Upstream's formula, at its edges."""
    nodes, percentage, expected = FOUND[sentence]

    assert nodes_to_find(nodes, percentage) == expected


def session_of(nodes: int, spec: str) -> Session:
    """Return a session over so many equal nodes and one class of pods."""
    sizes = {"cpu": "4", "memory": "8Gi", "pods": "10"}
    cluster = [
        default_node(
            Node(metadata=ObjectMeta(name=f"n{i}"), status=NodeStatus(capacity=sizes))
        )
        for i in range(nodes)
    ]
    encoded = encode(Workload("equal", cluster, PodStream.of([Pod()])))
    return Session(encoded, make_policy(spec).profile, 0)


def test_nodes_that_were_not_looked_at_are_not_rejected() -> None:
    """What is beyond the sample counts neither as feasible nor as rejected."""
    session = session_of(300, "kube-scheduler[percentageOfNodesToScore=40]")
    session.state.alive[:50] = 0
    told = explain(session, 0)
    schedule_one(session.state, session.compiled, 0, 0, 0, session.scratch)

    assert len(told.feasible) == 120
    assert told.rejected == {}
    assert np.flatnonzero(session.scratch.bad == UNSEEN).tolist() == [*range(170, 300)]


def test_a_list_that_no_attempt_saw_is_forgotten() -> None:
    """A node that leaves and returns between two attempts keeps its place."""
    session = session_of(3, "kube-scheduler[percentageOfNodesToScore=0]")
    node = session.nodes.objects[0]
    schedule_one(session.state, session.compiled, 0, 0, 0, session.scratch)
    advance(session.compiled.sampling)
    session.leave("n0")
    session.look()
    unseen = session.walk.order.tolist()
    session.join(node)
    session.look()

    assert unseen == [1, 2]
    assert session.walk.order.tolist() == [0, 1, 2]


def test_a_list_that_an_attempt_saw_stays() -> None:
    """A node that returns after an attempt without it goes to the end of its zone."""
    session = session_of(3, "kube-scheduler[percentageOfNodesToScore=0]")
    node = session.nodes.objects[0]
    session.leave("n0")
    session.look()
    schedule_one(session.state, session.compiled, 0, 0, 0, session.scratch)
    advance(session.compiled.sampling)
    session.join(node)
    session.look()

    assert session.walk.order.tolist() == [1, 2, 0]


def test_profiles_of_one_scheduler_share_the_start() -> None:
    """An attempt by one profile moves the start for the others."""
    first = session_of(250, "kube-scheduler[percentageOfNodesToScore=40]")
    other = Session(first.encoded, make_policy("first-fit").profile, 0, first.walk)
    schedule_one(first.state, first.compiled, 0, 0, 0, first.scratch)
    advance(first.compiled.sampling)

    assert other.compiled.sampling.start[0] == 100


def test_all_nodes_are_scored_without_a_list() -> None:
    """A scheduler that scores all nodes keeps no list of them."""
    session = session_of(300, "kube-scheduler")
    schedule_one(session.state, session.compiled, 0, 0, 0, session.scratch)

    assert session.walk is None
    assert (session.scratch.bad >= 0).all()


@pytest.mark.parametrize("given", ["-2", "101"])
def test_a_percentage_beyond_all_nodes_is_refused(given: str) -> None:
    """As kube-scheduler's own validation does."""
    with pytest.raises(InputError, match="percentageOfNodesToScore"):
        make_policy(f"kube-scheduler[percentageOfNodesToScore={given}]")

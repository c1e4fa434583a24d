"""The walk over the filters: which nodes, in which order, and what is counted."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases.situation import Situation, situations
from naive.handmade import asking, make_node, make_pod

from schedbench.cluster.encode import encode
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.scheduler.diagnose import Rejections, diagnose, refusal
from schedbench.scheduler.session import Session

TAINT = {"key": "a", "value": "b", "effect": "NoSchedule"}


def session_of(situation: Situation) -> Session:
    """Return the default profile at work in the situation."""
    session = Session(situation.encoded, make_policy("kube-scheduler").profile, 0)
    for name, column in situation.state._asdict().items():
        if name != "domains":
            getattr(session.state, name)[:] = column
    return session


@pytest.fixture
def session() -> Session:
    """A pod of 2 cores and 2 GiB before a tainted, two small and a fitting node."""
    nodes = [
        make_node("tainted", cpu="1", taints=[TAINT]),
        make_node("small", cpu="1"),
        make_node("fits"),
        make_node("tiny", cpu="1", memory="1Gi"),
    ]
    pod = make_pod(containers=[asking("2", "2Gi")])
    encoded = encode(Workload("case", nodes, PodStream.of([pod])))
    return Session(encoded, make_policy("kube-scheduler").profile, 0)


@given(situation=situations(gpus=True), data=st.data())
def test_some_nodes_are_told_as_all_are(
    situation: Situation, data: st.DataObject
) -> None:
    """Asked about some nodes, the walk says of them what it says of all."""
    session = session_of(situation)
    slots = data.draw(st.lists(st.integers(0, len(situation.nodes) - 1), unique=True))
    every = Rejections(diagnose(session, 0))
    some = Rejections(diagnose(session, 0, np.array(slots, dtype=np.int64)))

    assert dict(some) == {slot: every[slot] for slot in sorted(slots) if slot in every}


@given(situation=situations(gpus=True))
def test_one_node_is_told_as_all_are(situation: Situation) -> None:
    """Asked about a single node, the walk says of it what it says of all."""
    session = session_of(situation)
    every = Rejections(diagnose(session, 0))

    for slot in range(len(situation.nodes)):
        assert refusal(session, session.view, 0, slot) == every.get(slot)


def test_first_plugin_speaks(session: Session) -> None:
    """A node that two filters reject is the first one's."""
    found = Rejections(diagnose(session, 0))

    assert {slot: one.plugin for slot, one in found.items()} == {
        0: "TaintToleration",
        1: "NodeResourcesFit",
        3: "NodeResourcesFit",
    }


def test_reasons_are_counted_by_plugin(session: Session) -> None:
    """Every reason is counted over the nodes; a node may have several."""
    assert diagnose(session, 0).reasons() == collections.Counter(
        {
            ("TaintToleration", "node(s) had untolerated taint {a: b}"): 1,
            ("NodeResourcesFit", "Insufficient cpu"): 2,
            ("NodeResourcesFit", "Insufficient memory"): 1,
        }
    )


def test_nodes_that_are_away_are_not_told(session: Session) -> None:
    """A node that is not in the cluster is neither rejected nor asked about."""
    session.state.alive[[0, 1]] = 0
    found = diagnose(session, 0)

    assert found.which.tolist()[:3] == [-1, -1, -1]
    assert found.counts().sum() == 1


def test_what_nobody_says_is_not_counted(session: Session) -> None:
    """Verdicts that no node has leave no trace in the counts."""
    found = diagnose(session, 0, np.array([2], dtype=np.int64))

    assert (len(Rejections(found)), sum(found.reasons().values())) == (0, 0)

"""Classes in teams: who forms one, and that they place as a scan."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduler.test_index import log, memory_of, played, workload

from benchmarks.cases import make_node, make_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.scheduler.index import forming
from schedbench.scheduler.index.layout import FAN, LEVELS, NO_TEAM, STALE, WIDTH

SPECS = ("kube-scheduler", "kube-scheduler[ties=first]", "most-allocated")


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """Let classes form teams on clusters so small that a scan costs less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forming, "ALONE", 1e9)
        patch.setattr(forming, "SCANNED", 1e9)
        yield


@pytest.mark.parametrize("spec", SPECS)
@given(
    nodes=st.integers(1, 5 * FAN),
    pods=st.integers(1, 300),
    classes=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
def test_teams_place_as_a_scan(spec, nodes, pods, classes, seed):
    """Pods come and go, and wait where nodes are full."""
    made = workload(nodes, pods, classes, seed)
    with eager():
        found = played(made, spec, "indexed")

    assert log(found) == log(played(made, spec, "scan"))


@pytest.mark.parametrize("spec", SPECS[:2])
def test_items_of_all_levels_are_compared(spec):
    """On 9,000 nodes there are three items of the highest level."""
    made = workload(2 * FAN**LEVELS + 808, 3_000, 150, seed=1)
    found = played(made, spec, "auto")
    shape = memory_of(made, spec).index.teams.shape

    assert shape[:, WIDTH].tolist() == [96, 96]
    assert found.digest == played(made, spec, "scan").digest


def test_changes_of_nodes_are_seen():
    """Nodes leave, come and shrink; then one gets a taint, and the team is no more."""
    nodes = [make_node(index) for index in range(100)]
    events = [
        NodeEvent(5.0, "remove", nodes[7]),
        NodeEvent(9.0, "add", make_node(500)),
        NodeEvent(20.0, "update", tainted(nodes[3], "NoSchedule")),
        NodeEvent(40.0, "update", tainted(nodes[4], "PreferNoSchedule")),
    ]
    made = workload(100, 400, 12, seed=2, node_events=events)
    with eager():
        found = played(made, "kube-scheduler", "indexed")

    assert log(found) == log(played(made, "kube-scheduler", "scan"))


def tainted(node: Node, effect: str) -> Node:
    """Return a node with a taint."""
    taints = [Taint(key="down", effect=effect)]
    spec = msgspec.structs.replace(node.spec, taints=taints)
    return msgspec.structs.replace(node, spec=spec)


def teams_of(kinds: list[Pod], order: list[int], engine: str = "auto") -> list[int]:
    """Return the team of each kind of pods that come to 2,000 nodes in some order."""
    nodes = [make_node(index) for index in range(2_000)]
    made = Workload("test", nodes, PodStream.of(kinds, order))
    memory = memory_of(made, "kube-scheduler", engine)
    of_each = [order.index(kind) for kind in range(len(kinds))]
    team = memory.index.teams.place[:, 0]
    return [int(team[memory._session.encoded.class_of[pod]]) for pod in of_each]


SIZES = [make_pod(100 + kind) for kind in range(40)]
IN_TURNS = list(range(40)) * 50
ONE_BY_ONE = np.repeat(np.arange(40), 50).tolist()


def test_classes_whose_pods_come_in_turns_form_a_team():
    """Where pods of a class follow each other it has nothing to catch up on."""
    assert teams_of(SIZES, IN_TURNS) == [0] * 40
    assert teams_of(SIZES, ONE_BY_ONE) == [NO_TEAM] * 40
    assert teams_of(SIZES, IN_TURNS, "scan") == [NO_TEAM] * 40


def test_each_pod_a_class_of_its_own_forms_no_team():
    """A scan costs less than to look at each node by each class."""
    kinds = [make_pod(100 + kind) for kind in range(900)]

    assert teams_of(kinds, list(range(900))) == [NO_TEAM] * 900


def test_classes_for_which_other_nodes_are_out_are_in_other_teams():
    """What static filters say of a node holds for a whole team."""
    kinds = [make_pod(100 + kind) for kind in range(40)]
    for pod in kinds[::2]:
        pod.spec.node_selector = {"disk": "none"}

    assert teams_of(kinds, IN_TURNS) == [0, 1] * 20


def test_teams_keep_within_their_memory(monkeypatch):
    """Who finds no room decides by itself."""
    kinds = [make_pod(100 + kind) for kind in range(3 * forming.MOST_COLUMNS)]
    in_order = list(range(len(kinds)))
    mixed = np.reshape(in_order, (3, -1)).T.ravel().tolist()
    order = in_order + mixed * 20
    one = max(teams_of(kinds, order)) + 1
    monkeypatch.setattr(forming, "MOST_BYTES", 700_000)

    assert one == 3
    assert sorted(set(teams_of(kinds, order))) == [NO_TEAM, 0, 1]


def test_teams_that_take_turns_longer_than_the_log_are_not_formed():
    """Each would begin anew whenever its turn comes."""
    kinds = [make_pod(100 + kind) for kind in range(3 * forming.MOST_COLUMNS)]
    order = list(range(len(kinds))) * 20

    assert set(teams_of(kinds, order)) == {NO_TEAM}


def test_a_team_that_knows_something_forgets_it_with_all_others():
    """After a change that concerns all nodes it begins anew."""
    with eager():
        memory = memory_of(workload(100, 400, 12, seed=2), "kube-scheduler")
    teams = memory.index.teams
    teams.seen[:] = 7
    memory.forget()

    assert teams.place[:, 0].max() == 0
    assert memory.index.teams.seen.tolist() == [STALE]

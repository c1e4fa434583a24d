"""Group cycles in a world of columns: where members go, and that no trace is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pod_group_room import Room, node, pod, same

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.scheduler.engines import ENGINES
from schedbench.scheduler.pod_group_preemption import preempt_group, victims_of
from schedbench.scheduler.pod_group_types import Placement

ENGINE_NAMES = sorted(ENGINES)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_gang_is_placed_and_released(engine: str) -> None:
    """Each member sees those before it; released, the world is as it was."""
    room = Room([node("n0", 2), node("n1", 1)], [pod(f"p{i}") for i in range(3)])
    before = room.columns()
    outcome = room.schedule(3)
    assumed = not same(before, room.columns())
    room.attempts.release()

    assert sorted(outcome.placed.values()) == [0, 0, 1]
    assert assumed
    assert same(before, room.columns())


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_gang_that_does_not_fit_leaves_no_trace(engine: str) -> None:
    """The one that fits nowhere is told of as ever; nominations are back."""
    members = [pod("p0"), pod("p1", 2), pod("p2")]
    room = Room([node("n0", 2)], members, engine=engine)
    room.world.nominate(members[0], room.classes[0], 0)
    before = room.columns()
    outcome = room.schedule(3)
    told = outcome.returned[1]

    assert told.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert told.plugins == {"NodeResourcesFit"}
    assert outcome.returned[0].plugins == outcome.returned[2].plugins
    assert same(before, room.columns())


def test_members_keep_to_a_zone() -> None:
    """A topology constraint closes the nodes of other zones, also to the message."""
    nodes = [node("n0", 1), node("n1", 2, "b"), node("n2", 1)]
    room = Room(nodes, [pod("p0"), pod("p1")])
    outcome = room.schedule(2, topology="zone")
    room.attempts.release()
    alone = room.attempts.attempt(0, Placement("a", (0,)))
    second = room.attempts.attempt(1, Placement("a", (0,)))

    assert set(outcome.placed.values()) in ({0, 2}, {1})
    assert alone == 0
    assert not isinstance(second, int)
    assert second.message == "0/1 nodes are available: 1 Insufficient cpu."


def test_how_full_nodes_are() -> None:
    """The mean of the shares of cpu and memory that are taken, assumed pods too."""
    room = Room([node("n0", 4), node("n1", 4)], [pod("p0", 2)])
    empty = room.attempts.filled(Placement("x", (0, 1)))
    outcome = room.schedule(1)

    assert empty == 0
    assert room.attempts.filled(Placement("x", (0, 1))) == 12
    assert room.attempts.filled(Placement("y", (outcome.placed[0],))) == 25


def test_affinity_to_another_member_is_met() -> None:
    """Terms count members that are only assumed, until they are undone."""
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "p0"}}}
    wants = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    nodes = [node("n0", 1), node("n1", 1), node("n2", 1, "b")]
    room = Room(
        nodes, [pod("p0", nodeSelector={"zone": "b"}), pod("p1", affinity=wants)]
    )
    fits = Room([*nodes, node("n3", 1, "b")], room.members)
    before = room.columns()

    assert room.schedule(2).returned[1].plugins >= {"InterPodAffinity"}
    assert fits.schedule(2).placed == {0: 2, 1: 3}
    assert same(before, room.columns())


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=5),
)
def test_victims_make_room_and_nothing_is_changed(
    room: list[int], sizes: list[int], others: list[tuple[int, int]]
) -> None:
    """With the victims gone every member passes on its node; before, all is as it was.

    Not one victim could have stayed.
    """
    nodes = [node(f"n{index}", cpu) for index, cpu in enumerate(room)]
    free = list(room)
    placed = []
    for index, (slot, priority) in enumerate(others):
        if free[slot % len(room)] > 0:
            free[slot % len(room)] -= 1
            placed.append((pod(f"v{index}", 1, priority), slot % len(room)))
    here = Room(nodes, [pod(f"p{i}", size) for i, size in enumerate(sizes)], placed)
    before = here.columns()
    group = here.group(len(sizes))
    victims = victims_of(here.world.placed.values(), PodGroupTable())
    found = preempt_group(group, 5, victims, here.attempts, here.topology)
    unchanged = same(before, here.columns())
    needed = [0] * len(room)
    for member, slot in found.nominated.items():
        needed[slot] += sizes[member]
    gone = [one.slot for victim in found.victims for one in victim.pods]
    left = [free[n] + gone.count(n) - needed[n] for n in range(len(room))]

    assert unchanged
    assert all(one.priority < 5 for one in found.victims)
    assert found.message or min(left) >= 0
    assert all(left[slot] == 0 for slot in gone)

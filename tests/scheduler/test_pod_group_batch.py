"""Members tried in batches by compiled code: the same as one by one, to the message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pod_group_room import Room, node, pod, same

from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.pod_group_kernel import INFEASIBLE, best_of, fullness
from schedbench.scheduler.pod_group_placements import most_allocated
from schedbench.scheduler.pod_group_types import Group, Outcome, Placement
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.select import draw


@st.composite
def scenes(draw: Any) -> tuple[list[Any], list[Any], Group[int], list[tuple[int, int]]]:
    """Draw nodes in zones, members of a few kinds, their group, and pods that come."""
    zones = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=7))
    nodes = [
        node(f"n{index}", draw(st.integers(0, 3)), zone)
        for index, zone in enumerate(zones)
    ]
    sizes = draw(st.lists(st.integers(1, 2), min_size=1, max_size=7))
    kinds = st.sampled_from(({}, {}, {"nodeSelector": {"zone": "a"}}))
    members = [
        pod(f"p{index}", size, **draw(kinds)) for index, size in enumerate(sizes)
    ]
    need = draw(st.integers(1, len(members)))
    topology = draw(st.sampled_from((None, "zone")))
    half = draw(st.integers(0, len(members)))
    parts = [range(half), range(half, len(members))]
    if draw(st.booleans()) and 0 < half < len(members):
        children = [
            Group(name, 1, part, topology=topology)
            for name, part in zip("xy", parts, strict=True)
        ]
        need = draw(st.integers(1, 2))
        group = Group("g", need, children=children, composite=True, topology="zone")
    else:
        group = Group("g", need, range(len(members)), topology=topology)
    last = len(nodes) - 1
    comes = st.tuples(st.integers(0, last), st.integers(0, len(members) - 1))
    return nodes, members, group, draw(st.lists(comes, max_size=3))


def told(outcome: Outcome[int]) -> list[Any]:
    """Return all that an outcome says."""
    below = {key: told(each) for key, each in outcome.below.items()}
    return [outcome.refusal, outcome.placed, outcome.returned, below]


@given(scenes())
def test_batches_equal_single_attempts(scene: Any) -> None:
    """Who goes where, who returns and why are the same as by the readable engine.

    So it is again after other pods came, and what is undone leaves no trace.
    """
    nodes, members, group, comes = scene
    tie = Tie.RANDOM
    batched = Room(nodes, members, tie=tie)
    single = Room(nodes, members, engine="explain", tie=tie)
    place = [Placement("all", tuple(range(len(nodes))))]
    assert batched.attempts.survey([0], place, 0) is not None
    assert single.attempts.survey([0], place, 0) is None
    before = batched.columns()
    for slot, index in [(-1, -1), *comes]:
        for room in (batched, single) if slot >= 0 else ():
            other = pod(f"other{slot}-{len(room.world.placed)}")
            room.world.put(PlacedPod(other, room.classes[index], slot))
        now = batched.columns()
        outcomes = []
        for room in (batched, single):
            room.world.look()
            found = schedule_group(group, room.attempts, room.topology)
            outcomes.append(told(found))
            room.attempts.release()

        assert outcomes[0] == outcomes[1]
        assert same(now, batched.columns())
    if not comes:
        assert same(before, batched.columns())


@given(
    st.lists(st.sampled_from((INFEASIBLE, -3, 0, 7)), min_size=1, max_size=9),
    st.data(),
)
def test_best_node_equals_its_twin(totals: list[int], data: st.DataObject) -> None:
    """The first or a drawn one of the greatest totals, of some nodes or of all."""
    every = list(range(len(totals)))
    some = sorted(data.draw(st.sets(st.sampled_from(every))))
    tie = data.draw(st.sampled_from((Tie.FIRST, Tie.RANDOM)))
    counter = data.draw(st.integers(0, 99))
    fits = [slot for slot in some or every if totals[slot] != INFEASIBLE]
    most = max((totals[slot] for slot in fits), default=0)
    tied = [slot for slot in fits if totals[slot] == most]
    index = draw(5, counter, len(tied)) if tied and tie is Tie.RANDOM else 0
    expected = tied[index] if tied else -1
    nodes = np.array(some, dtype=np.int64)

    assert best_of(np.array(totals), nodes, int(tie), 5, counter) == expected


@given(st.data())
def test_fullness_equals_its_twin(data: st.DataObject) -> None:
    """The share of what is taken, per resource and weighed; more than all is all."""
    state = Room([node("n0", 1), node("n1", 1), node("n2", 1)], [pod("p")]).world
    (session,) = state.sessions.values()
    names = session.encoded.resources
    amounts = st.integers(0, 2**54)
    for column in (session.state.requested, session.state.allocatable):
        for row in range(len(names)):
            column[row] = data.draw(st.lists(amounts, min_size=3, max_size=3))
    weights = {name: data.draw(st.integers(0, 3)) for name in names}
    slots = sorted(data.draw(st.sets(st.integers(0, 2))))
    used, room = (
        {name: int(column[row, slots].sum()) for row, name in enumerate(names)}
        for column in (session.state.requested, session.state.allocatable)
    )
    given_weights = np.array([weights[name] for name in names])
    found = fullness(session.state, np.array(slots, dtype=np.int64), given_weights)
    used_weights = {name: weight for name, weight in weights.items() if weight}

    assert found == most_allocated(used, room, used_weights)


@pytest.mark.parametrize("nominated", [False, True])
def test_members_are_tried_one_by_one_beside_nominated_pods(nominated: bool) -> None:
    """A nominated pod keeps its room; without one the batch is tried."""
    room = Room([node("n0", 1)], [pod("p0"), pod("p1", priority=9)])
    if nominated:
        room.world.nominate(room.members[1], room.classes[1], 0)
    room.world.look()
    group = Group("g", 1, range(1))
    outcome = schedule_group(group, room.attempts, room.topology)

    assert outcome.placed == ({} if nominated else {0: 0})


def test_pods_that_came_meanwhile_are_seen() -> None:
    """Nodes that filled up since the last batch reject the next one."""
    room = Room([node("n0", 1), node("n1", 1), node("n2", 1)], [pod("p0")])
    first = room.schedule(1)
    room.attempts.release()
    for slot in range(3):
        room.world.put(PlacedPod(pod(f"other{slot}"), room.classes[0], slot))
    second = room.schedule(1)

    assert first.placed == {0: 0}
    assert second.placed == {}

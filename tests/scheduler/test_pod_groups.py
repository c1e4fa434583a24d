"""The group cycle: sentences, its naive twin, and laws."""

from __future__ import annotations

import copy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.pod_group_world import FirstFit, as_group, clusters, leaves, scenes, sizes_of
from naive.pod_groups import Bunch, Cluster, schedule

from schedbench.scheduler.pod_group_placements import Topology
from schedbench.scheduler.pod_group_types import Outcome, Refusal
from schedbench.scheduler.pod_groups import schedule_group

GANG = frozenset({"GangScheduling"})


def run(cluster: Cluster, bunch: Bunch) -> tuple[Outcome[str], FirstFit]:
    """Schedule a group; return the outcome and the cluster afterwards."""
    world = FirstFit(copy.deepcopy(cluster), sizes_of(bunch))
    topology = Topology(dict(enumerate(cluster.labels)))
    return schedule_group(as_group(bunch), world, topology), world


def nodes(*room: int) -> Cluster:
    """Make empty nodes without labels."""
    return Cluster(list(room), list(room), [{} for _ in room])


def gang(need: int, *sizes: int, there: int = 0) -> Bunch:
    """Make a group of pods, some of them on node 0 from earlier."""
    return Bunch("g", need, [(f"p{i}", s) for i, s in enumerate(sizes)], [0] * there)


@given(scenes())
def test_group_cycle_equals_its_twin(scene: tuple[Cluster, Bunch]) -> None:
    """Who is placed where, who returns and why, and what is left, are the twin's."""
    cluster, bunch = scene
    expected = schedule(bunch, copy.deepcopy(cluster))
    outcome, world = run(cluster, bunch)
    why = outcome.refusal and outcome.refusal.message

    assert (why, outcome.placed) == (expected.why, expected.where)
    assert {m: one.message for m, one in outcome.returned.items()} == expected.back
    assert world.cluster.free == expected.free


@given(scenes())
def test_nothing_but_what_is_placed_leaves_a_trace(
    scene: tuple[Cluster, Bunch],
) -> None:
    """What stays assumed is what is placed; everybody is placed or returns."""
    cluster, bunch = scene
    outcome, world = run(cluster, bunch)

    assert dict(world.assumed) == outcome.placed
    assert len(world.assumed) == len(outcome.placed)
    assert sorted([*outcome.placed, *outcome.returned]) == sorted(bunch.names())


@given(clusters(), leaves(1, "g", (None,)))
def test_gang_has_its_minimum_or_nothing(cluster: Cluster, bunch: Bunch) -> None:
    """A gang never ends up with some pods placed but fewer than its minimum."""
    outcome, _ = run(cluster, bunch)
    count = len(outcome.placed)

    assert count == 0 or count + len(bunch.there) >= bunch.need


@given(clusters(), st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_basic_group_equals_single_pods(cluster: Cluster, sizes: list[int]) -> None:
    """A basic group's pods go where they would go one by one."""
    bunch = gang(1, *sizes)
    alone = FirstFit(copy.deepcopy(cluster), sizes_of(bunch))
    found = {name: alone.attempt(name, None) for name, _ in bunch.pods}
    outcome, world = run(cluster, bunch)

    assert world.cluster.free == alone.cluster.free
    assert outcome.placed == {n: s for n, s in found.items() if isinstance(s, int)}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.data())
def test_gang_that_fits_gets_in(room: list[int], data: st.DataObject) -> None:
    """A gang of equal pods with room for its minimum is placed."""
    size = data.draw(st.integers(1, 3))
    fits = sum(each // size for each in room)
    pods = data.draw(st.integers(1, 8))
    need = data.draw(st.integers(1, pods))
    outcome, _ = run(nodes(*room), gang(need, *[size] * pods))

    assert (outcome.refusal is None) == (fits >= need)
    assert len(outcome.placed) == (min(fits, pods) if fits >= need else 0)


CASES = {
    "a gang that fits is placed whole": (
        nodes(2, 1), gang(3, 1, 1, 1), None, {"p0": 0, "p1": 0, "p2": 1}, {}
    ),
    "the pods beyond the minimum that do not fit return alone": (
        nodes(2), gang(2, 1, 1, 1), None, {"p0": 0, "p1": 0},
        {"p2": "no room for p2"},
    ),
    "a gang that does not fit is given up as soon as that is certain": (
        nodes(1), gang(3, 1, 1, 1),
        "minCount (3) cannot be satisfied: 1 scheduled, 1 remaining", {},
        {
            "p0": "minCount (3) cannot be satisfied: 1 scheduled, 1 remaining",
            "p1": "no room for p1",
            "p2": "minCount (3) cannot be satisfied: 1 scheduled, 1 remaining",
        },
    ),
    "a gang with too few waiting pods is not tried": (
        nodes(9), gang(3, 1, 1),
        "minCount (3) cannot be satisfied: 0 scheduled, 2 remaining", {},
        dict.fromkeys(
            ("p0", "p1"), "minCount (3) cannot be satisfied: 0 scheduled, 2 remaining"
        ),
    ),
    "members on nodes count": (
        nodes(9), gang(3, 1, there=2), None, {"p0": 0}, {}
    ),
    "a gang complete from earlier fails if none of the rest fits": (
        nodes(0), gang(2, 1, there=2), "no pods were schedulable", {},
        {"p0": "no room for p0"},
    ),
    "a basic group without room tells what a minimum of one means": (
        nodes(0), gang(1, 1),
        "minCount (1) cannot be satisfied: 0 scheduled, 0 remaining", {},
        {"p0": "no room for p0"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("cluster", "bunch", "why", "placed", "returned"), CASES.values(), ids=CASES
)
def test_sentence(
    cluster: Cluster,
    bunch: Bunch,
    why: str | None,
    placed: dict[str, int],
    returned: dict[str, str],
) -> None:
    """The case's sentence holds."""
    outcome, _ = run(cluster, bunch)

    assert (outcome.refusal and outcome.refusal.message) == why
    assert outcome.placed == placed
    assert {m: one.message for m, one in outcome.returned.items()} == returned


def test_who_rejected() -> None:
    """GangScheduling rejects those that fit or were not tried, plugins the others."""
    outcome, world = run(nodes(1), gang(3, 1, 1, 1))
    plugins = [outcome.returned[name].plugins for name in ("p0", "p1", "p2")]

    assert plugins == [GANG, frozenset({"NodeResourcesFit"}), GANG]
    assert world.count == 2


def test_error_of_one_fails_all() -> None:
    """An error ends the cycle; the others return with an error that quotes it."""
    cluster = nodes(9)
    cluster.broken = {"p1"}
    outcome, world = run(cluster, gang(1, 1, 1, 1))
    text = "failed to schedule other pod from a pod group: broken"

    assert outcome.returned["p1"] == Refusal("broken", error=True)
    assert outcome.returned["p0"] == Refusal(text, error=True)
    assert outcome.returned["p2"] == outcome.refusal
    assert world.cluster.free == [9]


def test_five_thousand_members_are_quick() -> None:
    """Apart from the attempts, a gang of 5,000 that fails at its end takes no time."""
    bunch = gang(5_000, *[1] * 4_999, 2)
    start = time.perf_counter()
    outcome, world = run(nodes(5_000), bunch)

    assert time.perf_counter() - start < 1
    assert outcome.refusal is not None
    assert world.count == 5_000

"""GangScheduling holds pods back: sentences, and its twin under random changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from naive.pod_group_members import Everything
from naive.pod_group_objects import composite, group, pod

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey
from schedbench.plugins.gang_scheduling import GangScheduling, cannot_be_met

P0, P1, ALONE = pod("p0", "g"), pod("p1", "g"), pod("alone")
ABSENT = 'waiting for pod\'s pod group "g" to appear in scheduling queue'
TOO_FEW = "waiting for minCount pods from a gang to appear in scheduling queue"
TREE = 'waiting for composite pod group "{}" tree to meet quorum'

CASES: dict[str, tuple[list[Any], str | None]] = {
    "a pod waits until its group exists": ([P0], ABSENT),
    "a basic group does not hold": ([P0, group("g")], None),
    "a gang holds below its minimum": ([P0, group("g", 2)], TOO_FEW),
    "a gang does not hold at its minimum": ([P0, P1, group("g", 2)], None),
    "pods on nodes count": ([P0, pod("p1", "g", "n"), group("g", 2)], None),
    "pods of other groups do not count": ([P0, pod("x", "h"), group("g", 2)], TOO_FEW),
    "a parent that does not exist holds": (
        [P0, group("g", 1, "c")],
        TREE.format("c"),
    ),
    "the topmost group must be ready": (
        [P0, group("g", 1, "c"), composite("c", 1, "top"), composite("top", 2)],
        TREE.format("top"),
    ),
    "a hierarchy with enough ready groups does not hold": (
        [P0, group("g", 1, "c"), composite("c", 1, "top"), composite("top", 1)],
        None,
    ),
    "a group below its own minimum goes along if its parent is ready": (
        [P0, group("g", 2, "c"), pod("x", "h"), group("h", 1, "c"), composite("c", 1)],
        None,
    ),
    "a basic group without pods is not ready": (
        [P0, group("g", 1, "c"), group("h", None, "c"), composite("c", 2)],
        TREE.format("c"),
    ),
    "groups that are each other's parents hold for ever": (
        [P0, group("g", 1, "c"), composite("c", 1, "d"), composite("d", 1, "c")],
        TREE.format("c"),
    ),
}


def filled(items: list[Any], *, composites: bool = True) -> PodGroupTable:
    """Make a table of pods and groups."""
    table = PodGroupTable(composites=composites)
    for item in items:
        if isinstance(item, Pod):
            table.add(item)
        else:
            table.put(item)
    return table


@pytest.mark.parametrize(("items", "why"), CASES.values(), ids=CASES)
def test_sentence(items: list[Any], why: str | None) -> None:
    """The case's sentence holds, in whatever order the objects came."""
    ways = [items, items[::-1]]
    plugins = [GangScheduling(filled(way)) for way in ways]

    assert [plugin.held_because(P0) for plugin in plugins] == [why, why]


def test_pod_without_a_group_is_not_held() -> None:
    """Pods that name no group are none of the plugin's business."""
    assert GangScheduling(PodGroupTable()).admits(ALONE)


def test_parents_do_not_count_without_composite_groups() -> None:
    """Without the feature a group with a parent stands alone."""
    table = filled([P0, group("g", 1, "c")], composites=False)

    assert GangScheduling(table).admits(P0)


@pytest.mark.parametrize(
    ("need", "scheduled", "remaining", "told"),
    [
        (3, 1, 2, None),
        (3, 3, 0, None),
        (3, 1, 1, "minCount (3) cannot be satisfied: 1 scheduled, 1 remaining"),
    ],
)
def test_when_a_minimum_is_out_of_reach(
    need: int, scheduled: int, remaining: int, told: str | None
) -> None:
    """It is as soon as those placed and those left are fewer."""
    assert cannot_be_met(need, scheduled, remaining) == told


def test_priority_is_that_of_the_topmost_group() -> None:
    """A group without a priority leaves the pod its own."""
    mine = pod("p0", "g", priority=7)
    plain = filled([mine, group("g")])
    below = filled([mine, group("g", 1, "c", priority=3), composite("c", priority=5)])

    assert (plain.priority(mine), below.priority(mine)) == (7, 5)
    assert below.priority(pod("x", priority=2)) == 2


def test_what_is_assumed_and_forgotten() -> None:
    """Members are placed while they are assumed or have a node."""
    table = filled([P0, P1, group("g", 2)])
    key = GroupKey("default", "g")
    table.assume(P0, "n")
    table.add(pod("p1", "g", "m"))
    both = dict(table.placed(key))
    table.forget(P0)
    table.remove(P1)

    assert both == {"default/p0": "n", "default/p1": "m"}
    assert (dict(table.placed(key)), table.count(key)) == ({}, 1)


names = st.sampled_from(["g", "h"])
parents = st.sampled_from([None, "c", "d"])
needs = st.none() | st.integers(1, 3)


class Changes(RuleBasedStateMachine):
    """Pods and groups come, change and go."""

    def __init__(self) -> None:
        super().__init__()
        self.table = PodGroupTable()
        self.all = Everything()

    @rule(name=st.sampled_from(["p0", "p1", "p2", "p3"]), of=names, on=st.booleans())
    def add(self, name: str, of: str, on: bool) -> None:
        """A pod comes."""
        if name not in self.all.pods:
            self.all.pods[name] = pod(name, of, "n" if on else None)
            self.table.add(self.all.pods[name])

    @rule(name=st.sampled_from(["p0", "p1", "p2", "p3"]))
    def remove(self, name: str) -> None:
        """A pod goes."""
        if name in self.all.pods:
            self.table.remove(self.all.pods.pop(name))

    @rule(name=names, need=needs, under=parents)
    def put(self, name: str, need: int | None, under: str | None) -> None:
        """A group comes or changes."""
        self.all.groups[name] = group(name, need, under)
        self.table.put(self.all.groups[name])

    @rule(name=st.sampled_from(["c", "d"]), need=needs, under=st.booleans())
    def put_composite(self, name: str, need: int | None, under: bool) -> None:
        """A group of groups comes or changes; `d` may be under `c`."""
        made = composite(name, need, "c" if under and name == "d" else None)
        self.all.composites[name] = made
        self.table.put(made)

    @rule(name=st.sampled_from(["g", "h", "c", "d"]))
    def drop(self, name: str) -> None:
        """A group goes."""
        for held in (self.all.groups, self.all.composites):
            if name in held:
                self.table.drop(held.pop(name))

    @invariant()
    def held_alike(self) -> None:
        """Each pod is held for the reason that the twin finds, if for any."""
        plugin = GangScheduling(self.table)
        for one in self.all.pods.values():
            assert plugin.held_because(one) == self.all.held(one)


TestChanges = Changes.TestCase

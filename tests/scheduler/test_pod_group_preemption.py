"""Preemption for a pod group: sentences, its naive twin, and laws."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.pod_group_objects import composite, group, pod
from naive.pod_group_preemption import Unit, who_goes
from naive.pod_group_world import FirstFit, as_group, leaves, sizes_of, trees
from naive.pod_groups import Bunch, Cluster

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.scheduler.pod_group_placements import Topology
from schedbench.scheduler.pod_group_preemption import (
    GroupPreemption,
    Rehearsal,
    Victim,
    ineligible,
    preempt_group,
    tell,
    victims_of,
)
from schedbench.scheduler.pod_group_types import Outcome, Refusal

GUARDED = {"app": "guarded"}
BUDGET = msgspec.convert(
    {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": GUARDED}},
        "status": {"disruptionsAllowed": 0},
    },
    PodDisruptionBudget,
)


@dataclass(frozen=True, eq=False)
class Placed:
    """A pod of some size on a node."""

    pod: Pod
    slot: int = 0
    size: int = 1
    start: float = 0.0


class Rehearsed(FirstFit, Rehearsal[str, Placed]):
    """First fit on a cluster from which pods can be taken away.

    Only the pods on a node decide who fits there; it says so if `tells_apart`.
    """

    tells_apart = False

    def apart(self, members: Collection[str]) -> bool:
        """Return whether nodes do not concern each other."""
        return self.tells_apart and bool(members)

    def remove(self, placed: Placed) -> None:
        """Take a pod away."""
        self.cluster.free[placed.slot] += placed.size

    def restore(self, placed: Placed) -> None:
        """Put it back; what was assumed meanwhile must be gone."""
        assert not self.assumed
        self.cluster.free[placed.slot] -= placed.size

    def fits(self, member: str, slot: int) -> bool:
        """Return whether there is room, which may be less than none."""
        return self.cluster.free[slot] >= self.sizes[member]


def run(
    cluster: Cluster,
    bunch: Bunch,
    victims: list[Victim[Placed]],
    priority: int,
    *,
    tells_apart: bool = False,
) -> tuple[GroupPreemption[str, Placed], Rehearsed]:
    """Find victims for a group; return them and the cluster afterwards."""
    world = Rehearsed(copy.deepcopy(cluster), sizes_of(bunch))
    world.tells_apart = tells_apart
    topology = Topology(dict(enumerate(cluster.labels)))
    group = as_group(bunch)
    found = preempt_group(group, priority, victims, world, topology, [BUDGET])
    return found, world


def victim_of(unit: Unit) -> Victim[Placed]:
    """Return the victim that a unit is."""
    pods = []
    for name, node, size in unit.pods:
        one = pod(name)
        one.metadata.labels = GUARDED if unit.guarded else {"app": "other"}
        pods.append(Placed(one, node, size, unit.start))
    return Victim(tuple(pods), unit.priority, unit.rank)


@st.composite
def scenes(draw: Any) -> tuple[Cluster, Bunch, list[Unit]]:
    """Draw a cluster full of victims and a group that wants to get in."""
    nodes = draw(st.integers(1, 4))
    labels = [{"zone": draw(st.sampled_from("ab"))} for _ in range(nodes)]
    for each in labels:
        each["rack"] = each["zone"] + "1"
    free = draw(st.lists(st.integers(0, 2), min_size=nodes, max_size=nodes))
    units = []
    for index in range(draw(st.integers(0, 5))):
        pods = [
            (f"v{index}-{n}", draw(st.integers(0, nodes - 1)), draw(st.integers(0, 3)))
            for n in range(draw(st.integers(1, 3)))
        ]
        units.append(
            Unit(
                pods,
                draw(st.integers(0, 3)),
                draw(st.integers(0, 2)),
                draw(st.integers(0, 2)),
                draw(st.booleans()),
            )
        )
    room = list(free)
    for unit in units:
        for _, node, size in unit.pods:
            room[node] += size
    one = leaves(nodes, "g", (None, "zone"))
    return Cluster(free, room, labels), draw(one | trees(nodes)), units


@given(scenes(), st.booleans())
def test_victims_equal_those_of_the_twin(
    scene: tuple[Cluster, Bunch, list[Unit]], apart: bool
) -> None:
    """Who goes, who goes where, and why nobody does, are the twin's.

    So they are if only the members on a victim's nodes are looked at.
    """
    cluster, bunch, units = scene
    message, gone, where = who_goes(bunch, cluster, units, 2)
    victims = [victim_of(unit) for unit in units]
    found, world = run(cluster, bunch, victims, 2, tells_apart=apart)
    names = [[one.pod.metadata.name for one in each.pods] for each in found.victims]

    assert (found.message, found.nominated) == (message, where)
    assert names == [[name for name, _, _ in unit.pods] for unit in gone]
    assert found.violations == sum(unit.guarded for unit in gone)
    assert (world.cluster, world.assumed) == (cluster, [])


def one_node(*free: int) -> Cluster:
    """Make nodes with free room."""
    return Cluster(list(free), list(free), [{} for _ in free])


def unit(
    *slots: int, priority: int = 0, rank: int = 0, size: int = 1, **more: Any
) -> Unit:
    """Make a victim with a pod on each of the slots."""
    name = more.pop("name", "v")
    pods = [(f"{name}{n}", slot, size) for n, slot in enumerate(slots)]
    return Unit(pods, priority, rank, more.pop("start", 0.0), **more)


GANG = Bunch("g", 2, [("p0", 1), ("p1", 1)])
CASES: dict[str, tuple[Cluster, list[Unit], list[str]]] = {
    "as many go as the gang needs, the least important": (
        one_node(0),
        [unit(0, name=n, priority=p) for n, p in (("a", 1), ("b", 0), ("c", 0))],
        ["b0", "c0"],
    ),
    "the room that there is is used": (
        one_node(1),
        [unit(0, name="a"), unit(0, name="b", start=1)],
        ["b0"],
    ),
    "a group of pods goes whole or stays whole": (
        one_node(0, 0),
        [unit(0, 1, 1, name="a", rank=1), unit(0, name="b"), unit(0, name="c")],
        ["b0", "c0"],
    ),
    "pods that break a budget are spared if others will do": (
        one_node(0),
        [
            unit(0, name="a", guarded=True),
            unit(0, name="b", priority=1),
            unit(0, name="c"),
        ],
        ["b0", "c0"],
    ),
    "pods of the group's priority stay": (
        one_node(0),
        [unit(0, name="a", priority=2), unit(0, name="b"), unit(0, name="c")],
        ["b0", "c0"],
    ),
    "the larger of two groups alike stays": (
        one_node(0),
        [unit(0, 0, name="a", rank=1), unit(0, 0, 0, name="b", rank=1)],
        ["a0", "a1"],
    ),
    "the most important of those who go is named first": (
        one_node(0),
        [unit(0, name="a", guarded=True), unit(0, name="b", priority=1)],
        ["b0", "a0"],
    ),
}


@pytest.mark.parametrize(("cluster", "units", "gone"), CASES.values(), ids=CASES)
def test_sentence(cluster: Cluster, units: list[Unit], gone: list[str]) -> None:
    """The case's sentence holds for a gang of two pods of size one, priority 2."""
    found, _ = run(cluster, GANG, [victim_of(each) for each in units], 2)
    names = [one.pod.metadata.name for each in found.victims for one in each.pods]

    assert (found.message, names) == ("", gone)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([unit(0, priority=2)], "No preemption victims found for incoming preemptor"),
        (
            [unit(0)],
            "minCount (2) cannot be satisfied: 1 scheduled, 0 remaining",
        ),
    ],
    ids=["nobody is of lower priority", "the group does not fit anyway"],
)
def test_nobody_goes(units: list[Unit], message: str) -> None:
    """Without hope nobody goes, and the message says why."""
    found, world = run(one_node(0), GANG, [victim_of(each) for each in units], 2)

    assert found == GroupPreemption(f"pod group preemption: {message}")
    assert world.cluster.free == [0]


def test_units_of_eviction() -> None:
    """Pods go one by one, unless the topmost group with mode all takes them along."""
    table = PodGroupTable()
    for item in (
        composite("c", 1, None, disruptionMode={"all": {}}, priority=9),
        group("g", 1, "c"),
        group("h", 1, "c", disruptionMode={"all": {}}),
        group("w", 2, priority=3, disruptionMode={"all": {}}),
        group("s", 2, disruptionMode={"single": {}}),
    ):
        table.put(item)
    named = [("a", None), ("b", "g"), ("c", "w"), ("d", "h"), ("e", "w"), ("f", "s")]
    placed = [Placed(pod(name, of, priority=1)) for name, of in named]
    found = [
        ("".join(one.pod.metadata.name for one in each.pods), each.priority, each.rank)
        for each in victims_of(placed, table)
    ]

    assert found == [("a", 1, 0), ("bd", 9, 2), ("ce", 3, 1), ("f", 1, 1)]


def test_importance() -> None:
    """Priority, then groups of groups, groups, size, start and name decide."""
    order = [
        unit(0, name="z", priority=1),
        unit(0, name="y", rank=2),
        unit(0, 0, name="x", rank=1),
        unit(0, name="w", rank=1),
        unit(0, name="v", start=1),
        unit(0, name="f", start=2),
        unit(0, name="g", start=2),
    ]
    victims = [victim_of(each) for each in order]
    found = sorted(victims, key=lambda one: one.importance)

    assert found == victims


def going(priority: int) -> Placed:
    """Make a pod that is going because of a preemption."""
    one = pod("x", priority=priority)
    one.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    reason = {"reason": "PreemptionByScheduler", "status": "True"}
    one.status = msgspec.convert(
        {"conditions": [{"type": "DisruptionTarget", **reason}]}, type(one.status)
    )
    return Placed(one)


@pytest.mark.parametrize(
    ("policy", "there", "why"),
    [
        (None, [], ""),
        ("PreemptLowerPriority", [Placed(pod("x")), going(2)], ""),
        ("Never", [], "not eligible due to preemptionPolicy=Never."),
        (
            None,
            [going(1)],
            "not eligible due to a terminating pod on the nominated node.",
        ),
    ],
    ids=["free to", "nobody lower is going", "never", "waits for who is going"],
)
def test_ineligible(policy: str | None, there: list[Placed], why: str) -> None:
    """A group that may not preempt, or has done so, evicts nobody."""
    found = ineligible(policy, 2, there, PodGroupTable())

    assert found == (f"pod group preemption: {why}" if why else "")


def test_what_preemption_says_is_told_to_those_without_a_reason_of_their_own() -> None:
    """Members that some plugin rejected keep their own reason."""
    why, own = Refusal("too few"), Refusal("no room")
    outcome = Outcome(why, returned={"p": why, "q": own})
    tell(outcome, "no victims")

    assert outcome.returned == {"p": Refusal("too few, no victims"), "q": own}

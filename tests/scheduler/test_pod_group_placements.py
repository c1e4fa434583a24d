"""Topology constraints and groups of groups, a sentence a case."""

from __future__ import annotations

import copy

import pytest
from naive.pod_group_world import FirstFit, as_group, sizes_of
from naive.pod_groups import Bunch, Cluster

from schedbench.scheduler.pod_group_placements import Topology, most_allocated
from schedbench.scheduler.pod_group_types import Outcome, Placement
from schedbench.scheduler.pod_groups import schedule_group

TOO_FEW = "minCount ({}) cannot be satisfied: {} scheduled, {} remaining"


def zones(*room: tuple[str, int, int]) -> Cluster:
    """Make nodes, each of a zone, with free room and room; racks are zone and size."""
    return Cluster(
        [free for _, free, _ in room],
        [most for _, _, most in room],
        [{"zone": zone, "rack": f"{zone}{most}"} for zone, _, most in room],
    )


def gang(
    *sizes: int, name: str = "p", need: int | None = None, **more: object
) -> Bunch:
    """Make a gang of all of its pods."""
    pods = [(f"{name}{index}", size) for index, size in enumerate(sizes)]
    bunch = Bunch(name, len(sizes) if need is None else need, pods)
    for key, value in more.items():
        setattr(bunch, key, value)
    return bunch


def run(
    cluster: Cluster, bunch: Bunch, *, aware: bool = True
) -> tuple[Outcome[str], FirstFit]:
    """Schedule a group; return the outcome and the cluster afterwards."""
    world = FirstFit(copy.deepcopy(cluster), sizes_of(bunch))
    topology = Topology(dict(enumerate(cluster.labels))) if aware else None
    return schedule_group(as_group(bunch), world, topology), world


TWO_ZONES = zones(("a", 1, 2), ("b", 1, 2), ("b", 1, 2), ("a", 1, 2))
CASES: dict[str, tuple[Cluster, Bunch, dict[str, int]]] = {
    "all pods go to one zone": (
        zones(("a", 1, 1), ("b", 1, 1), ("b", 1, 1)),
        gang(1, 1, label="zone"),
        {"p0": 1, "p1": 2},
    ),
    "of zones alike the one whose node comes first is taken": (
        TWO_ZONES,
        gang(1, 1, label="zone"),
        {"p0": 0, "p1": 3},
    ),
    "of zones that hold as many the fuller one is taken": (
        zones(("a", 9, 9), ("b", 5, 9)),
        gang(1, 1, label="zone"),
        {"p0": 1, "p1": 1},
    ),
    "a zone for more pods outweighs one that is a little fuller": (
        zones(("a", 1, 2), ("b", 2, 4)),
        gang(1, 1, need=1, label="zone"),
        {"p0": 1, "p1": 1},
    ),
    "the zone of pods that are there already is kept": (
        zones(("a", 9, 9), ("b", 5, 9)),
        gang(1, label="zone", there=[0]),
        {"p0": 0},
    ),
    "the zone that pods are nominated to is taken if they fit there": (
        zones(("a", 5, 9), ("b", 9, 9)),
        gang(1, 1, label="zone", wishes={"p0": 1}),
        {"p0": 1, "p1": 1},
    ),
    "another zone is taken if they do not": (
        zones(("a", 5, 9), ("b", 1, 9)),
        gang(1, 1, label="zone", wishes={"p0": 1}),
        {"p0": 0, "p1": 0},
    ),
    "nominations do not count in a group of another group": (
        zones(("a", 5, 9), ("b", 9, 9)),
        Bunch("top", 1, kids=[gang(1, label="zone", wishes={"p0": 1})]),
        {"p0": 0},
    ),
    "racks are those within the zone of the group above": (
        zones(("a", 1, 1), ("a", 1, 2), ("b", 2, 2), ("b", 2, 3)),
        Bunch(
            "top",
            2,
            kids=[gang(1, 1, name=n, label="rack") for n in ("p", "q")],
            label="zone",
        ),
        {"p0": 2, "p1": 2, "q0": 3, "q1": 3},
    ),
    "groups of a group see each other": (
        zones(("a", 3, 3)),
        Bunch("top", 1, kids=[gang(1, 1), gang(1, 1, name="q")]),
        {"p0": 0, "p1": 0},
    ),
}


@pytest.mark.parametrize(("cluster", "bunch", "placed"), CASES.values(), ids=CASES)
def test_sentence(cluster: Cluster, bunch: Bunch, placed: dict[str, int]) -> None:
    """The case's sentence holds."""
    outcome, world = run(cluster, bunch)

    assert outcome.placed == placed
    assert dict(world.assumed) == placed


def test_without_topology_the_key_is_not_looked_at() -> None:
    """Without the feature the pods of a group may go to several zones."""
    cluster = zones(("a", 1, 1), ("b", 1, 1))
    outcome, _ = run(cluster, gang(1, 1, label="zone"), aware=False)

    assert outcome.placed == {"p0": 0, "p1": 1}


def test_nowhere_is_told_of_the_first_zone() -> None:
    """The message counts the zones and quotes the first that was tried."""
    cluster = zones(("a", 1, 1), ("b", 2, 2))
    outcome, world = run(cluster, gang(1, 1, 1, label="zone"))
    why = outcome.refusal and outcome.refusal.message
    first = TOO_FEW.format(3, 1, 1)

    assert why == f"0/2 placements are available, first placement status: {first}"
    assert [one.message for one in outcome.returned.values()] == [
        "no room for p1",
        why,
        why,
    ]
    assert world.cluster.free == cluster.free


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ([0, 1], "more than 1 domain found for pod group: a, b"),
        ([2], "no topology domain found for a scheduled pod"),
    ],
    ids=["in two zones", "in none"],
)
def test_pods_astray_are_an_error(there: list[int], why: str) -> None:
    """A group whose pods are not in one zone cannot be continued."""
    cluster = Cluster([9] * 3, [9] * 3, [{"zone": "a"}, {"zone": "b"}, {}])
    outcome, _ = run(cluster, gang(1, need=1, label="zone", there=there))
    told = outcome.returned["p0"]

    assert told.error
    assert told.message == f"cannot determine domain for already scheduled pods: {why}"


def test_failure_above_undoes_groups_that_had_succeeded() -> None:
    """All pods of such a group return with the reason of the group above."""
    cluster = zones(("a", 2, 2))
    kids = [gang(1, 1, 1, name="p", need=2), gang(1, name="q"), gang(1, name="r")]
    outcome, world = run(cluster, Bunch("top", 2, kids=kids))
    why = TOO_FEW.format(2, 1, 0)
    texts = {member: one.message for member, one in outcome.returned.items()}

    assert texts == {
        **dict.fromkeys(("p0", "p1", "p2"), why),
        "q0": "no room for q0",
        "r0": "no room for r0",
    }
    assert world.cluster.free == [2]
    assert outcome.below["p"].refusal == outcome.refusal


def test_basic_group_of_groups_takes_what_fits() -> None:
    """One group that fails does not keep the others from being placed."""
    cluster = zones(("a", 2, 2))
    kids = [gang(1, 1, 1), gang(1, 1, name="q")]
    outcome, _ = run(cluster, Bunch("top", 1, kids=kids))

    assert outcome.placed == {"q0": 0, "q1": 0}
    assert sorted(outcome.returned) == ["p0", "p1", "p2"]


def test_domains_are_cut_to_those_of_the_parent() -> None:
    """Places are the values of the label, with the nodes that the parent may use."""
    labels = [{"rack": "x"}, {"rack": "y"}, {"rack": "x"}, {}]
    topology = Topology(dict(enumerate(labels)))
    whole = topology.domains("rack", None, ())
    cut = topology.domains("rack", Placement("zone", (2, 3)), ())

    assert whole == [Placement("x", (0, 2)), Placement("y", (1,))]
    assert cut == [Placement("x", (2,))]


@pytest.mark.parametrize(
    ("requested", "allocatable", "score"),
    [
        ({"cpu": 500, "memory": 250}, {"cpu": 1000, "memory": 1000}, 37),
        ({"cpu": 500}, {"cpu": 1000}, 50),
        ({"cpu": 2000}, {"cpu": 1000, "memory": 1000}, 50),
        ({}, {}, 0),
    ],
    ids=["both", "no memory anywhere", "more than there is", "nothing"],
)
def test_most_allocated(
    requested: dict[str, int], allocatable: dict[str, int], score: int
) -> None:
    """The score is the weighted mean of the shares that are taken, cut to percent."""
    weights = {"cpu": 1, "memory": 1}

    assert most_allocated(requested, allocatable, weights) == score

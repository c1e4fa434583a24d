"""Each law is kept by a good history and broken by a bad one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.simulation.invariants import (
    BoundPod,
    Call,
    Write,
    forked,
    lost_writes,
    not_durable,
    not_monotonic,
    on_two_nodes,
    overcommitted,
    unsettled,
    without_quorum,
)
from schedbench.simulation.watch_order import Delivery, WatchOrder

NODES = {"a": {"cpu": 1000, "pods": 2}, "b": {"cpu": 1000, "pods": 2}}
LOG = [
    Write(1, "Pod/x/one", "v1"),
    Write(2, "Pod/x/two", "v1"),
    Write(4, "Pod/x/one", "v2"),
    Write(5, "Pod/x/one", None),
]


def bound(uid: str, node: str, cpu: int, *, over: bool = False) -> BoundPod:
    return BoundPod(uid, f"x/{uid}", node, {"cpu": cpu, "pods": 1}, over)


def laws(breaches: list) -> list[str]:
    return [breach.law for breach in breaches]


def test_a_node_may_be_full_but_not_over_committed():
    """The sum of requests of the bound pods is at most what is allocatable."""
    full = [bound("p", "a", 600), bound("q", "a", 400)]

    assert overcommitted(NODES, full) == []
    (breach,) = overcommitted(NODES, [*full, bound("r", "b", 1001)])
    assert (breach.subject, breach.detail) == ("b", "cpu: 1001 of 1000")


def test_the_pod_limit_counts_like_any_resource():
    """Three pods on a node for two break the law, whatever they ask for."""
    pods = [bound(uid, "a", 0) for uid in "pqr"]

    assert [breach.detail for breach in overcommitted(NODES, pods)] == ["pods: 3 of 2"]


def test_a_resource_that_the_node_lacks_is_over_committed_by_one():
    """A request for what a node does not have at all breaks the law."""
    pod = BoundPod("g", "x/g", "a", {"nvidia.com/gpu": 1})

    assert laws(overcommitted(NODES, [pod])) == ["over-committed node"]


def test_pods_that_have_ended_or_whose_node_is_gone_hold_nothing():
    """Only pods that have not ended, on nodes that are there, count."""
    pods = [bound("p", "a", 900), bound("q", "a", 900, over=True)]
    pods.append(bound("r", "gone", 900))

    assert overcommitted(NODES, pods) == []


def test_a_pod_stays_on_its_first_node():
    """A second node breaks the law, at once or later; a new uid may go elsewhere."""
    known: dict[str, str] = {}
    assert on_two_nodes([("p", "a"), ("p", "a"), ("q", "b")], known) == []
    assert laws(on_two_nodes([("p", "b")], known)) == ["pod on two nodes"]

    assert on_two_nodes([("p2", "b")], known) == []


@given(st.lists(st.integers(1, 50), min_size=1))
def test_revisions_are_monotonic_if_sorted_and_distinct(revisions: list[int]):
    """Exactly the lists that rise strictly pass."""
    log = [Write(revision, "k", None) for revision in revisions]
    rising = revisions == sorted(set(revisions))

    assert (not_monotonic(log) == []) == rising


def test_an_acknowledged_write_must_be_there_with_its_value():
    """A write that is missing, or has another value, is lost."""
    log = {(write.revision, write.key): write.value for write in LOG}
    assert lost_writes(LOG, log) == []
    lost = [Write(3, "Pod/x/one", "v9"), Write(4, "Pod/x/one", "other")]

    details = [breach.detail for breach in lost_writes(lost, log)]
    assert details == ["revision 3 is missing", "revision 4 has another value"]


def test_members_may_lag_but_not_fork():
    """A member's log is a prefix of the longest one."""
    assert forked({"0": LOG, "1": LOG[:2], "2": []}) == []
    other = [LOG[0], Write(2, "Pod/x/three", "v1")]

    assert [breach.subject for breach in forked({"0": LOG, "1": other})] == ["1"]


def test_a_commit_is_on_the_disks_of_a_quorum():
    """Two of three members suffice, one does not."""
    assert not_durable("entry 5", 2, 2) == []

    assert laws(not_durable("entry 5", 1, 2)) == ["commit not durable"]


def test_no_write_is_acknowledged_without_a_quorum():
    """An acknowledgement within an outage breaks the law, one at its edges does not."""
    outages = [(10.0, 20.0), (30.0, 40.0)]
    kept = [(5.0, LOG[0]), (10.0, LOG[1]), (20.0, LOG[2])]
    assert without_quorum(kept, outages) == []

    broken = without_quorum([*kept, (35.0, LOG[3])], outages)
    assert [breach.subject for breach in broken] == ["Pod/x/one"]


def test_controllers_converge():
    """After the settling time only reads, leases and events are allowed."""
    calls = [
        Call(99.0, "deployment", "update", "ReplicaSet"),
        Call(101.0, "deployment", "list", "ReplicaSet"),
        Call(101.0, "kubelet", "update", "Lease"),
    ]
    assert unsettled(calls, since=100.0) == []
    restless = [Call(at, "hpa", "patch", "Deployment") for at in (110.0, 120.0)]

    (breach,) = unsettled([*calls, *restless], since=100.0)
    assert breach.subject == "hpa"
    assert breach.detail == "2 calls after 100.0 s, the last patch Deployment"


@pytest.fixture
def order() -> WatchOrder:
    found = WatchOrder({"w": lambda write: write.key.startswith("Pod/")})
    found.wrote([*LOG, Write(6, "Node/a", "v1")])
    return found


def heard(*revisions: int) -> list[Delivery]:
    keys = {write.revision: write.key for write in LOG}
    return [
        Delivery(revision, keys.get(revision, "Pod/x/no")) for revision in revisions
    ]


@pytest.mark.parametrize("revisions", [(1, 2, 4, 5), (2, 1, 4, 5), (1, 4, 5, 2)])
def test_a_watch_may_mix_keys_but_keeps_each_key_in_order(
    order: WatchOrder, revisions: tuple[int, ...]
):
    """Order counts within a key; what the watch does not select is not missed."""
    assert order.delivered("w", heard(*revisions)) == []

    assert order.missing("w") == []


@pytest.mark.parametrize(
    ("revisions", "law"),
    [
        ((1, 5), "watch event lost or reordered"),
        ((1, 1), "watch event doubled"),
        ((1, 4, 1), "watch event reordered"),
        ((3,), "watch event unfounded"),
    ],
)
def test_a_watch_event_is_not_lost_doubled_reordered_or_made_up(
    order: WatchOrder, revisions: tuple[int, ...], law: str
):
    """Each of the four has its name."""
    assert laws(order.delivered("w", heard(*revisions))) == [law]


def test_what_is_under_way_is_missing_only_at_the_end(order: WatchOrder):
    """A prefix breaks nothing; asked for completeness, the rest is told."""
    assert order.delivered("w", heard(1, 2)) == []

    details = [breach.detail for breach in order.missing("w")]
    assert details == ["Pod/x/one at 4", "Pod/x/one at 5"]


def test_a_list_stands_for_all_that_came_before(order: WatchOrder):
    """After listing at revision 4 only the deletion is still due."""
    order.delivered("w", heard(1))
    order.listed("w", 4)

    assert [breach.detail for breach in order.missing("w")] == ["Pod/x/one at 5"]
    assert laws(order.delivered("w", heard(4))) == ["watch event unfounded"]

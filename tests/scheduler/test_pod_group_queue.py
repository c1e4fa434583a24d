"""What the queue hands to a group cycle: order, tree, and groups that do not match."""

from __future__ import annotations

import pytest
from naive.pod_group_objects import composite, group, pod

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, group_of
from schedbench.scheduler.pod_group_queue import in_order, mismatch, waiting_group
from schedbench.scheduler.queueing.entry import QueuedPod


def queued(
    name: str, kind: str = "k", attempts: int = 0, timestamp: float = 0.0
) -> QueuedPod:
    """Make a waiting pod."""
    entry = QueuedPod(pod(name, "g"), kind)
    entry.attempts, entry.timestamp = attempts, timestamp
    return entry


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        ([queued("b"), queued("a")], ["a", "b"]),
        ([queued("a", timestamp=2), queued("b", timestamp=1)], ["b", "a"]),
        ([queued("a", timestamp=1), queued("b", "k", 1, 2)], ["b", "a"]),
        (
            [queued("a", "x"), queued("b", "y"), queued("c", "x"), queued("d", "y", 1)],
            ["d", "b", "a", "c"],
        ),
    ],
    ids=["by name", "older first", "tried more often first", "one kind together"],
)
def test_order(entries: list[QueuedPod], names: list[str]) -> None:
    """Members are tried in this order."""
    assert [entry.pod.metadata.name for entry in in_order(entries)] == names


def test_tree() -> None:
    """The tree has the minima, the waiting members and the nodes of the others."""
    tight = {"topology": [{"key": "rack"}]}
    table = PodGroupTable()
    for item in (
        composite("c", 2, schedulingConstraints={"topology": [{"key": "zone"}]}),
        group("g", 3, "c", schedulingConstraints=tight),
        group("h", None, "c"),
    ):
        table.put(item)
    waiting = QueuedPod(pod("p", "g"), "k")
    waiting.pod.status.nominated_node_name = "n1"
    for one in (waiting.pod, pod("q", "g", "n1"), pod("r", "g", "gone")):
        table.add(one)
    key = GroupKey("default", "c", True)
    slots = {"n0": 0, "n1": 1}
    tree = waiting_group(table, key, {GroupKey("default", "g"): [waiting]}, slots)
    first, second = tree.children

    assert (tree.key, tree.min_count, tree.composite) == (key, 2, True)
    assert (tree.topology, first.topology, second.topology) == ("zone", "rack", None)
    assert (first.min_count, second.min_count) == (3, 1)
    assert (first.members, first.nominated) == ([waiting], {waiting: 1})
    assert (list(first.bound), list(second.bound)) == ([1, -1], [])
    assert list(tree.everybody()) == [waiting]


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([pod("p"), pod("q", schedulerName="default-scheduler")], None),
        (
            [pod("p"), pod("q", schedulerName="mine")],
            (
                "all pods in a single pod group should have the same "
                '.spec.schedulerName set, got: "mine" and "default-scheduler"'
            ),
        ),
        (
            [pod("p"), pod("q", preemptionPolicy="Never")],
            (
                "all pods in a single pod group should have the same "
                "preemption policy, got Never and PreemptLowerPriority"
            ),
        ),
        ([pod("p", priority=1), pod("q", priority=2)], None),
    ],
    ids=["alike", "two schedulers", "two preemption policies", "two priorities"],
)
def test_mismatch(pods: list[Pod], why: str | None) -> None:
    """Pods of two schedulers or preemption policies are an error, priorities not."""
    found = mismatch(pods)

    assert (found and found.message) == why
    assert found is None or found.error


def test_group_of_a_pod_is_in_its_namespace() -> None:
    """A pod without a namespace is in `default`, as everywhere."""
    one = pod("p", "g")
    one.metadata.namespace = ""

    assert group_of(one) == GroupKey("default", "g")

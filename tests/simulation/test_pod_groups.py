"""Runs with pod groups: they end, and gangs come whole."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from schedbench.cluster.encode import encode
from schedbench.errors import InputError
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay


def node(cpu: int) -> Node:
    """Make the only node."""
    sizes = {"cpu": str(cpu), "memory": "8Gi", "pods": "10"}
    document = {"metadata": {"name": "n"}, "status": {"allocatable": sizes}}
    return default_node(msgspec.convert(document, Node))


def gang(name: str, need: int, **spec: Any) -> PodGroup:
    """Make a gang."""
    spec |= {"schedulingPolicy": {"gang": {"minCount": need}}}
    meta = {"name": name, "namespace": "default"}
    return msgspec.convert({"metadata": meta, "spec": spec}, PodGroup)


def pods(of: str | None, count: int, priority: int = 0) -> list[Pod]:
    """Make pods of one CPU, of a gang or of none."""
    spec: dict[str, Any] = {
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}],
        "priority": priority,
    }
    if of is not None:
        spec["schedulingGroup"] = {"podGroupName": of}
    metas = [{"name": f"{of}-{i}", "namespace": "default"} for i in range(count)]
    made = [msgspec.convert({"metadata": meta, "spec": spec}, Pod) for meta in metas]
    return [default_pod(one) for one in made]


def run(cpu: int, groups: Sequence[PodGroup], *members: list[Pod]) -> Record:
    """Run pods that arrive one a second."""
    stream = [pod for each in members for pod in each]
    arrivals = PodStream.of(stream, arrival=[float(n) for n in range(len(stream))])
    workload = Workload("toy", [node(cpu)], arrivals, list(groups))
    workload = dataclasses.replace(workload, queue="kube-scheduler")
    return replay(encode(workload), make_policy("kube-scheduler"), seed=1)


def times(record: Record, kind: EventKind) -> Counter[float]:
    """Return how many events of a kind there were, by second."""
    return Counter(record.time[record.kind == kind].round(3).tolist())


def test_gang_is_bound_when_its_last_pod_is_there() -> None:
    """Pods of a gang wait for each other and are bound at once."""
    record = run(4, [gang("g", 3)], pods("g", 3))

    assert times(record, EventKind.BIND) == {2.0: 3}


@pytest.mark.parametrize("count", [1, 2, 3], ids=str)
def test_gangs_without_hope_do_not_keep_a_run_going(count: int) -> None:
    """A run ends though gangs that fit nowhere could be tried for ever."""
    groups = [gang(f"g{n}", 2) for n in range(count)]
    record = run(1, groups, *(pods(f"g{n}", 2) for n in range(count)))

    assert not times(record, EventKind.BIND)
    assert record.time.max() < 1000


def test_gang_displaces_pods_of_lower_priority() -> None:
    """As many go as the gang needs; the group's priority counts, not its pods'."""
    record = run(3, [gang("g", 2, priority=5)], pods(None, 3, 1), pods("g", 2))
    deleted, bound = (
        times(record, kind) for kind in (EventKind.DELETE, EventKind.BIND)
    )

    assert sum(deleted.values()) == 2
    assert sum(bound.values()) == 5


def test_groups_that_are_each_others_parents_are_refused() -> None:
    """A circle of groups is told by its names before anything runs."""
    groups = [
        msgspec.convert(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {
                    "schedulingPolicy": {"basic": {}},
                    "parentCompositePodGroupName": parent,
                },
            },
            CompositePodGroup,
        )
        for name, parent in (("a", "b"), ("b", "a"))
    ]
    given = Workload(
        "circle", [node(1)], PodStream.of(pods(None, 1)), groups, queue="kube-scheduler"
    )

    with pytest.raises(InputError, match="a → b → a"):
        replay(encode(given), make_policy("kube-scheduler"), seed=1)

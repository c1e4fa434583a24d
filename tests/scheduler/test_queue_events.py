"""How changes of the cluster are told as events."""

from __future__ import annotations

from typing import Any

import msgspec
from naive.handmade import asking
from naive.queue_objects import (
    WEB,
    make,
    node,
    pod,
    taint,
    there,
    tolerating,
)

from schedbench.objects.meta import ApiObject
from schedbench.objects.storage import (
    PersistentVolumeClaim,
)
from schedbench.scheduler.queueing.events import (
    TIMEOUT,
    Action,
    Event,
    Resource,
    covers,
    events_of,
    force_activation,
)


def claim() -> Any:
    return make(PersistentVolumeClaim)


def actions(old: ApiObject | None, new: ApiObject | None) -> list[str]:
    """Name the events of a change."""
    return [f"{one.resource.name} {one.action.name}" for one in events_of(old, new)]


def test_events_of_nodes() -> None:
    """A node's update is told by what changed; what does not matter is no event."""
    assert actions(None, node()) == ["NODE ADD"]
    assert actions(node(), None) == ["NODE DELETE"]
    assert actions(node(), node()) == []
    changed = node(WEB, {"cpu": "5"}, taints=[taint()])
    assert actions(node(unschedulable=True), changed) == [
        "NODE NODE_TAINT",
        "NODE NODE_ALLOCATABLE",
        "NODE NODE_LABEL",
        "NODE NODE_TAINT",
    ]
    assert actions(node(), node(unschedulable=True)) == []
    ready, annotated = node(), node()
    ready.status = msgspec.convert(
        {"allocatable": ready.status.allocatable, "conditions": [{"type": "Ready"}]},
        type(ready.status),
    )
    annotated.metadata.annotations["a"] = "b"
    assert actions(node(), ready) == ["NODE NODE_CONDITION"]
    assert actions(node(), annotated) == ["NODE NODE_ANNOTATION"]


def test_events_of_pods() -> None:
    """A pod that gets its node is an assigned pod that was added."""
    assert actions(None, pod()) == ["UNSCHEDULED_POD ADD"]
    assert actions(pod(), there("waiting")) == ["ASSIGNED_POD ADD"]
    assert actions(there(), None) == ["ASSIGNED_POD DELETE"]
    assert actions(pod(), pod(nominated="a")) == ["UNSCHEDULED_POD UPDATE"]
    assert actions(
        there(containers=[asking("2")]),
        there(labels=WEB, containers=[asking("1")], tolerations=tolerating()),
    ) == [
        "ASSIGNED_POD POD_LABEL",
        "ASSIGNED_POD POD_SCALE_DOWN",
        "ASSIGNED_POD POD_TOLERATION",
    ]


def test_events_of_other_objects() -> None:
    """What the scheduler does not watch gives no event."""
    assert actions(claim(), claim()) == ["CLAIM UPDATE"]
    assert actions(None, make(ApiObject)) == []
    assert actions(None, None) == []


def test_covers() -> None:
    """A registration for label updates is not for an update nobody can tell apart."""
    labels = (Resource.POD, Action.ADD | Action.POD_LABEL)
    assert covers(labels, Event(Resource.ASSIGNED_POD, Action.POD_LABEL))
    assert not covers(labels, Event(Resource.ASSIGNED_POD, Action.UPDATE))
    assert not covers(labels, Event(Resource.NODE, Action.ADD))
    assert covers((Resource.CLAIM, Action.UPDATE), Event(Resource.CLAIM, Action.UPDATE))
    for wildcard in (TIMEOUT, force_activation(pod())):
        assert wildcard.wildcard
        assert not covers((Resource.POD, Action.ALL), wildcard)
        assert covers((Resource.EVERYTHING, Action.ALL), wildcard)

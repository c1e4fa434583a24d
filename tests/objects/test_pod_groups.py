"""PodGroups and CompositePodGroups: what their fields come to, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from naive.pod_group_objects import composite, group

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.pod_groups import (
    GroupKey,
    check_hierarchy,
    default_pod_group,
    evicted_as_one,
    is_gang,
    key_of,
    min_count,
    parent_of,
    topology_key,
)
from schedbench.objects.policy import CompositePodGroup, PodGroup, PriorityClass


def document(kind: str = "PodGroup", **spec: Any) -> dict[str, Any]:
    """Make the document of a group."""
    return {
        "apiVersion": "scheduling.k8s.io/v1beta1",
        "kind": kind,
        "metadata": {"name": "g", "namespace": "n"},
        "spec": spec,
    }


def test_fields_of_a_pod_group() -> None:
    """All fields that scheduling looks at are found."""
    found = decode_object(
        document(
            parentCompositePodGroupName="c",
            workloadRef={"workloadName": "w", "templateName": "t"},
            schedulingPolicy={"gang": {"minCount": 3}},
            schedulingConstraints={"topology": [{"key": "zone"}]},
            priority=7,
            disruptionMode={"all": {}},
        )
    )
    assert isinstance(found, PodGroup)

    assert key_of(found) == GroupKey("n", "g")
    assert parent_of(found) == GroupKey("n", "c", True)
    assert (is_gang(found), min_count(found)) == (True, 3)
    assert (topology_key(found), evicted_as_one(found)) == ("zone", True)
    assert found.spec.priority == 7
    assert found.spec.workload_ref is not None


def test_fields_of_a_composite_pod_group() -> None:
    """A composite group counts groups; a basic one needs one of them."""
    gang = decode_object(
        document("CompositePodGroup", schedulingPolicy={"gang": {"minGroupCount": 2}})
    )
    basic = decode_object(document("CompositePodGroup", schedulingPolicy={"basic": {}}))
    assert isinstance(gang, CompositePodGroup)
    assert isinstance(basic, CompositePodGroup)

    assert key_of(gang) == GroupKey("n", "g", True)
    assert (min_count(gang), min_count(basic), is_gang(basic)) == (2, 1, False)


@pytest.mark.parametrize(
    ("mode", "whole"),
    [
        (None, False),
        ({"single": {}}, False),
        ({"all": {}}, True),
        ("Pod", False),
        ("PodGroup", True),
    ],
    ids=str,
)
def test_disruption_mode(mode: Any, whole: bool) -> None:
    """Pods of a group go one by one unless it says all, in either version's words."""
    assert evicted_as_one(group("g", disruptionMode=mode)) == whole


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        (
            "PodGroup",
            {"schedulingPolicy": {"gang": {"minCount": 0}}},
            (
                "PodGroup n/g spec.schedulingPolicy.gang.minCount: "
                "a gang needs at least one: 0; give 1 or more"
            ),
        ),
        (
            "CompositePodGroup",
            {"schedulingPolicy": {"gang": {"minGroupCount": -1}}},
            (
                "CompositePodGroup n/g spec.schedulingPolicy.gang.minGroupCount: "
                "a gang needs at least one: -1; give 1 or more"
            ),
        ),
        (
            "PodGroup",
            {"schedulingPolicy": {"gang": {}}},
            (
                "PodGroup n/g spec.schedulingPolicy.gang: "
                "field minCount is missing; add minCount"
            ),
        ),
        (
            "PodGroup",
            {"schedulingPolicy": {"gang": {"minCount": 1}, "basic": {}}},
            (
                "PodGroup n/g spec.schedulingPolicy: "
                "basic and gang exclude each other; keep one of them"
            ),
        ),
        (
            "PodGroup",
            {"schedulingConstraints": {"topology": [{"key": "a"}, {"key": "b"}]}},
            (
                "PodGroup n/g spec.schedulingConstraints.topology: "
                "more than one topology constraint: ['a', 'b']; keep one of them"
            ),
        ),
        (
            "PodGroup",
            {"schedulingConstraints": {"topology": [{"key": ""}]}},
            (
                "PodGroup n/g spec.schedulingConstraints.topology[0].key: "
                "topology constraint without a key: ''; "
                "name a node label, such as topology.kubernetes.io/zone"
            ),
        ),
        (
            "PodGroup",
            {"disruptionMode": {}},
            (
                "PodGroup n/g spec.disruptionMode: "
                "not one of single and all; give either single: {} or all: {}"
            ),
        ),
        (
            "CompositePodGroup",
            {"parentCompositePodGroupName": "g"},
            (
                "CompositePodGroup n/g spec.parentCompositePodGroupName: "
                "the group is its own parent: 'g'; name another group, or none"
            ),
        ),
    ],
    ids=[
        "gang of none",
        "gang of fewer than none",
        "gang without a minimum",
        "basic gang",
        "two topology constraints",
        "topology constraint without a key",
        "no disruption mode",
        "its own parent",
    ],
)
def test_refused(kind: str, spec: dict[str, Any], message: str) -> None:
    """The message names the object, the field, the value and what to do."""
    with pytest.raises(InputError) as caught:
        decode_object(document(kind, **spec))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("spec", "priority"),
    [
        ({}, 3),
        ({"priority": 9, "priorityClassName": "high"}, 9),
        ({"priorityClassName": "high"}, 7),
        ({"priorityClassName": "system-node-critical"}, 2_000_001_000),
    ],
    ids=["the default class", "given", "named", "of the system"],
)
def test_priority_of_a_group(spec: dict[str, Any], priority: int) -> None:
    """It is resolved as that of a pod."""
    classes = {
        "high": PriorityClass(value=7),
        "low": PriorityClass(value=3, global_default=True),
    }

    assert default_pod_group(group("g", **spec), classes).spec.priority == priority


def test_group_without_any_class_has_no_priority() -> None:
    """Its pods' own priorities count then; an unknown class is refused."""
    with pytest.raises(InputError) as caught:
        default_pod_group(group("g", priorityClassName="none"))

    assert "PodGroup default/g spec.priorityClassName" in str(caught.value)
    assert default_pod_group(group("g")).spec.priority is None


def test_circle_of_parents() -> None:
    """Groups that are each other's parents are refused; a missing parent is not."""
    check_hierarchy([group("g", 1, "c"), composite("c", 1, "missing")])
    circle = [group("g", 1, "c"), composite("c", 1, "d"), composite("d", 1, "c")]
    with pytest.raises(InputError) as caught:
        check_hierarchy(circle)

    assert "'c → d → c'" in str(caught.value)

"""Pods as columns over templates."""

from __future__ import annotations

from typing import Any

import pytest

from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.pod import Pod
from schedbench.sources.interning import intern_pods


def pod(name: str, **sections: dict[str, Any]) -> Pod:
    """Decode a defaulted pod."""
    document: dict[str, Any] = {"kind": "Pod", "metadata": {"name": name}}
    for section, fields in sections.items():
        document.setdefault(section, {}).update(fields)
    found = decode_object(document)
    assert isinstance(found, Pod)
    return default_pod(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({}, {}, id="name"),
        pytest.param({"metadata": {"uid": "1"}}, {"metadata": {"uid": "2"}}, id="uid"),
        pytest.param(
            {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}, {}, id="age"
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1", "b": "2"}}},
            {"metadata": {"labels": {"b": "2", "a": "1"}}},
            id="order of labels",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": "token-x", "projected": {}}]}},
            {"spec": {"volumes": [{"name": "token-y", "projected": {}}]}},
            id="volumes that scheduling ignores",
        ),
        pytest.param(
            {"status": {"conditions": [{"type": "Ready", "message": "a"}]}},
            {"status": {"conditions": [{"type": "Ready", "message": "b"}]}},
            id="messages",
        ),
    ],
)
def test_equal_pods_share_a_template(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """What does not matter to scheduling makes no template of its own."""
    stream = intern_pods([(pod("a", **one), -1), (pod("b", **other), -1)])

    assert stream.template.tolist() == [0, 0]
    assert [stream.name(0), stream.name(1)] == ["default/a", "default/b"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"metadata": {"labels": {"a": "1"}}}, {}, id="labels"),
        pytest.param({"metadata": {"namespace": "shop"}}, {}, id="namespace"),
        pytest.param({"spec": {"priority": 5}}, {}, id="priority"),
        pytest.param({"spec": {"overhead": {"cpu": 1}}}, {}, id="overhead"),
        pytest.param(
            {"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "x"}}]}},
            {"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "y"}}]}},
            id="claims",
        ),
        pytest.param(
            {"metadata": {"uid": "1"}, "spec": {"volumes": [{"ephemeral": {}}]}},
            {"metadata": {"uid": "2"}, "spec": {"volumes": [{"ephemeral": {}}]}},
            id="owners of claims",
        ),
    ],
)
def test_different_pods_have_templates_of_their_own(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """What may matter to scheduling tells templates apart."""
    stream = intern_pods([(pod("a", **one), -1), (pod("b", **other), -1)])

    assert stream.template.tolist() == [0, 1]


def test_nodes_are_a_column() -> None:
    """The node of a bound pod is in the stream, not in the template."""
    placed = [
        (pod("a", spec={"nodeName": "n2"}), 1),
        (pod("b", spec={"nodeName": "n1"}), 0),
        (pod("c"), -1),
    ]
    stream = intern_pods(placed)

    assert stream.template.tolist() == [0, 0, 0]
    assert stream.node.tolist() == [1, 0, -1]
    assert stream.measured.tolist() == [False, False, True]
    assert stream.templates[0].spec.node_name is None
    assert placed[0][0].spec.node_name == "n2"


def test_start_times_of_bound_pods_are_kept() -> None:
    """Preemption compares the start times of bound pods."""
    start = {"startTime": "2026-01-01T00:00:00Z"}
    stream = intern_pods([(pod("a", status=start), 0), (pod("b", status=start), -1)])

    assert [item.status.start_time for item in stream.templates] == [
        "2026-01-01T00:00:00Z",
        None,
    ]


def test_generated_names_are_unique() -> None:
    """Pods without a name of their own get one from their position."""
    unnamed = [
        default_pod(decode_object({"kind": "Pod", "metadata": {"generateName": "w-"}}))  # type: ignore[arg-type]
        for _ in range(2)
    ]
    stream = intern_pods([(item, -1) for item in unnamed])

    assert list(stream.names or ()) == ["default/w-0", "default/w-1"]


def test_no_pods() -> None:
    """No pods are an empty stream."""
    stream = intern_pods([])

    assert len(stream) == 0

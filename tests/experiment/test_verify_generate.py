"""Random cases: the same for a seed, readable, alike in all engines, with features."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schedbench.errors import UnknownNameError
from schedbench.experiment.conformance.cases import Case, decode_case
from schedbench.experiment.conformance.compare import differences
from schedbench.experiment.conformance.drive import attempts
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.verify.generate import GROUPS, make_case, make_cases

SEEDS = 20

FEATURES = {
    "resources": ["sidecar", "overhead", "containerStatuses", "Infeasible"],
    "strategies": [
        "RequestedToCapacityRatio",
        "addedAffinity",
        '"packer"',
        "multiPoint",
    ],
    "nodeaffinity": ["metadata.name", '"Gt"', "DoesNotExist", "nodeSelector"],
    "taints": ["tolerationSeconds", "unschedulable", "PreferNoSchedule"],
    "ports": ["SCTP", "hostNetwork", "127.0.0.1", "sidecar"],
    "interpod": ["matchLabelKeys", "mismatchLabelKeys", "namespaceSelector"],
    "spread": ["minDomains", "nodeTaintsPolicy", "defaultConstraints", "StatefulSet"],
    "images": ["sha256", "redis:7", "nginx"],
    "volumes": ["ephemeral", "ReadWriteOncePod", "CSIStorageCapacity", '"Lost"'],
    "preemption": ["disruptedPods", "nominatedNodeName", "high-nonpreempting"],
    "preemptmix": ["PreemptionByScheduler", "podAntiAffinity", "PodDisruptionBudget"],
    "mixed": ["tolerations", "images", "hostPort", "nvidia.com/gpu", "podAffinity"],
    "churn": ["addNode", "removeNode", "updateNode", "deletePod"],
    "gates": ["schedulingGates", '"other"', "deletionTimestamp"],
    "sample": ["percentageOfNodesToScore", "failure-domain.beta.kubernetes.io/zone"],
    "samplechurn": ["zone-new", "removeNode", "sampling"],
}
"""Group → what is to be found in the text of twenty cases."""


def documents(group: str) -> Iterator[dict[str, Any]]:
    """Yield the cases of the first seeds."""
    return (make_case(group, seed) for seed in range(SEEDS))


def decoded(document: dict[str, Any]) -> Case:
    """Return a case without decisions."""
    return decode_case(document, [{}] * len(document["pending"]))


@pytest.mark.parametrize("group", GROUPS)
def test_a_case_is_the_same_whenever_it_is_made(group: str) -> None:
    """Group and seed say all; another seed gives another case."""
    first, again, other = make_case(group, 3), make_case(group, 3), make_case(group, 4)

    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert first["pending"] != other["pending"]
    assert (first["id"], first["group"]) == (f"{group}-3", group)


@pytest.mark.parametrize("group", GROUPS)
def test_a_case_survives_json(group: str) -> None:
    """It holds nothing but what JSON can say."""
    for document in documents(group):
        assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_its_features(group: str) -> None:
    """What the recorded cases of a group have, random ones have too."""
    text = "".join(json.dumps(document) for document in documents(group))
    text = text.replace('"restartPolicy": "Always"', "sidecar")

    assert [feature for feature in FEATURES[group] if feature not in text] == []


@pytest.mark.parametrize("group", GROUPS)
def test_every_engine_decides_alike(group: str) -> None:
    """The reader takes every case, and the engines agree on every field of it."""
    for document in documents(group):
        case = decoded(document)
        found = {
            engine: [each.decision for each in attempts(case, engine)]
            for engine in ENGINES
        }

        for engine, decisions in found.items():
            for ours, other in zip(decisions, found["scan"], strict=True):
                assert differences(other, ours) == [], (document["id"], engine)


def test_the_cases_are_near_ties_and_refusals() -> None:
    """Of the scored pods many tie, some differ by little; some pods fit nowhere."""
    found: collections.Counter[str] = collections.Counter()
    for document in make_cases(GROUPS, 10 * len(GROUPS), 0):
        for each in attempts(decoded(document), "scan"):
            found.update(_kinds(each.decision))

    assert found["tied"] > found["scored"] / 20
    assert found["near"] > found["scored"] / 20
    assert found["unschedulable"] > 100
    assert found["preempting"] > 10
    assert found["stopped"] > 3


def _kinds(decision: dict[str, Any]) -> Iterator[str]:
    totals = sorted((decision.get("total") or {}).values())
    if totals:
        yield "scored"
        yield from ["tied"] * (totals[-1] == totals[-2])
        yield from ["near"] * (0 < totals[-1] - totals[-2] <= 2)
    yield from ["unschedulable"] * bool(decision.get("message"))
    yield from ["preempting"] * bool(decision.get("preemption"))
    yield from ["stopped"] * bool(decision.get("preFilterMessage"))


def test_cases_take_the_groups_in_turn() -> None:
    """Seeds count up by rounds, so that a number of cases covers all groups."""
    made = [each["id"] for each in make_cases(["taints", "gates"], 5, 7)]

    assert made == ["taints-7", "gates-7", "taints-8", "gates-8", "taints-9"]


def test_a_group_that_is_not_there_is_named() -> None:
    """The error suggests what was meant."""
    with pytest.raises(UnknownNameError, match="taints"):
        make_case("taint", 1)

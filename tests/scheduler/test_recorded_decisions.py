"""The columnar cycle against recorded decisions of the real kube-scheduler v1.34.1."""

from __future__ import annotations

import collections
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from naive.profile import FILTERS, from_configuration
from naive.profile import Profile as NaiveProfile

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.state import bind
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import NodeAffinity as NodeAffinityTerms
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.base import ScorePlugin
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.taint_toleration import TaintToleration
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import Explanation, explain
from schedbench.scheduler.profile import Profile, Tie, WeightedScore
from schedbench.scheduler.session import Session

Case = dict[str, Any]
CODES = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}
LEAST_DECISIONS = {
    "resources": 700,
    "strategies": 400,
    "nodeaffinity": 600,
    "taints": 600,
    "ports": 600,
}


@pytest.mark.parametrize("group", LEAST_DECISIONS)
def test_decisions_equal_the_recorded_ones(
    shared: Path, group: str, record_property: pytest.RecordProperty
) -> None:
    """Feasible nodes, reasons, scores, text and choice are the real scheduler's.

    Attempts that need what is not modelled are left out, counted by why.
    """
    counts: collections.Counter[str] = collections.Counter()
    for identity, session, pod_class, expected in recorded(shared, group, counts):
        told = explain(session, pod_class)
        chosen = schedule_one(
            session.state, session.compiled, pod_class, 0, 0, session.scratch
        )
        counts["compared"] += 1
        names = session.encoded.node_names
        slot = {name: index for index, name in enumerate(names)}

        assert expected["feasible"] == [names[i] for i in told.feasible], identity
        compare_reasons(expected, told, names, counts, identity)
        if compare_scores(expected, told, counts, identity):
            best = slot.get(expected["chosen"], -1)

            assert best == told.chosen == chosen, identity
    for why, count in counts.items():
        record_property(why, count)

    assert counts["compared"] >= LEAST_DECISIONS[group]


@pytest.mark.parametrize("group", ["images", "interpod", "spread", "volumes", "mixed"])
def test_modelled_plugins_equal_the_recorded_ones_beside_others(
    shared: Path, group: str
) -> None:
    """Beside plugins that are not modelled, those that are say what was recorded.

    The others come later in the order, so a node they reject is feasible here; scores
    are compared where they reject none.
    """
    counts: collections.Counter[str] = collections.Counter()
    attempts_of_group = recorded(shared, group, counts)
    for identity, session, pod_class, expected in itertools.islice(
        attempts_of_group, 500
    ):
        refused = expected.get("infeasible") or {}
        if expected.get("nominatedShortcut") or expected.get("preFilterMessage"):
            continue
        told = explain(session, pod_class)
        names = session.encoded.node_names
        known = {n: one for n, one in refused.items() if one["plugin"] in FILTERS}
        if any(not one["plugin"] for one in refused.values()):
            continue
        counts["reasons compared"] += 1

        assert known == reasons_of(told, names), identity
        if known == refused:
            compare_scores(expected, told, counts, identity)

    assert counts["reasons compared"] > 100


def compare_reasons(
    expected: Case,
    told: Explanation,
    names: list[str],
    counts: collections.Counter[str],
    identity: str,
) -> None:
    """Compare who rejected each node, how and why, and the event's text."""
    refused = expected.get("infeasible") or {}
    if expected.get("preFilterMessage") or any(
        not one["plugin"] for one in refused.values()
    ):
        counts["reasons left out: PreFilter narrowed the nodes"] += 1
        return

    assert refused == reasons_of(told, names), identity
    if not expected["feasible"] and expected.get("message"):
        counts["texts compared"] += 1

        assert expected["message"].startswith(told.fit_error()), identity


def reasons_of(told: Explanation, names: list[str]) -> dict[str, Case]:
    """Return who rejected each node, how and why, in the form of the records."""
    return {
        names[node]: {
            "plugin": rejected.plugin,
            "code": CODES[rejected.status.unresolvable],
            "reasons": sorted(rejected.status.reasons),
        }
        for node, rejected in told.rejected.items()
    }


def compare_scores(
    expected: Case, told: Explanation, counts: collections.Counter[str], identity: str
) -> bool:
    """Compare the modelled plugins' scores; tell whether they decide the choice."""
    others = dict(expected.get("scores") or {})
    for plugin, scores in told.scores.items():
        theirs = list(map(others.pop(plugin).get, expected["feasible"]))

        assert theirs == scores.tolist(), identity

    modelled = {"TaintToleration", "NodeAffinity", "NodeResourcesFit"}
    assert not others.keys() & (modelled | {"NodeResourcesBalancedAllocation"})
    if any(len(set(scores.values())) > 1 for scores in others.values()):
        counts["choice left out: other plugins score"] += 1
        return False
    counts["choices compared"] += 1
    return True


def recorded(
    shared: Path, group: str, counts: collections.Counter[str]
) -> Iterator[tuple[str, Session, int, Case]]:
    """Yield each attempt that is modelled, with the cluster as it was before."""
    path = shared / "conformance" / "kube-scheduler-v1.34.1" / f"{group}.jsonl.gz"
    with gzip.open(path, "rt") as file:
        for line in file:
            record = json.loads(line)
            if any("preemption" in one for one in record["expected"]):
                counts["case left out: preemption"] += 1
                continue
            yield from attempts(record["case"], record["expected"], counts)


def attempts(
    case: Case, expected: list[Case], counts: collections.Counter[str]
) -> Iterator[tuple[str, Session, int, Case]]:
    """Yield the attempts of one case, binding as recorded between them."""
    nodes = [default_node(one) for one in msgspec.convert(case["nodes"], list[Node])]
    slots = {node.metadata.name: slot for slot, node in enumerate(nodes)}
    bound = [default_pod(one) for one in msgspec.convert(case["bound"], list[Pod])]
    pending = [default_pod(one) for one in msgspec.convert(case["pending"], list[Pod])]
    encoded = encode(Workload(case["id"], nodes, PodStream.of([*bound, *pending])))
    profiles = from_configuration(case["config"])
    sessions = {
        name: Session(encoded, in_columns(profile), 0)
        for name, profile in profiles.items()
        if is_modelled(profile)
    }
    for pod, pod_class in zip(bound, encoded.class_of, strict=False):
        if pod.status.phase not in {"Succeeded", "Failed"}:
            place(
                sessions, encoded, int(pod_class), slots.get(pod.spec.node_name or "")
            )
    classes = encoded.class_of[len(bound) :]
    for pod, pod_class, decision in zip(pending, classes, expected, strict=True):
        name = pod.spec.scheduler_name or "default-scheduler"
        if any(decision.get(key) for key in ("gated", "skipped", "error")):
            counts["left out: not attempted"] += 1
        elif name not in sessions:
            counts["left out: plugin arguments not modelled"] += 1
        else:
            yield (
                f"{case['id']} {decision['pod']}",
                sessions[name],
                int(pod_class),
                decision,
            )
        if decision.get("chosen") and not decision.get("reserveError"):
            place(sessions, encoded, int(pod_class), slots[decision["chosen"]])


def place(
    sessions: dict[str, Session],
    encoded: EncodedWorkload,
    pod_class: int,
    slot: int | None,
) -> None:
    """Bind a pod in the states of all profiles; not to a node that is not there."""
    if slot is not None:
        for session in sessions.values():
            bind(session.state, session.compiled.classes, pod_class, slot, 0, 1)


def is_modelled(profile: NaiveProfile) -> bool:
    """Tell whether a profile's plugin arguments are modelled."""
    unmodelled = profile.ignored or profile.ignored_groups
    return not unmodelled and profile.added == NodeAffinityTerms()


def in_columns(profile: NaiveProfile) -> Profile:
    """Return the profile as the columnar cycle takes it, the first of ties taken."""
    strategy = profile.fit
    balanced = tuple((name, 1) for name in profile.balanced)
    plugins: dict[str, ScorePlugin] = {
        "TaintToleration": TaintToleration(),
        "NodeAffinity": NodeAffinity(),
        "NodeResourcesFit": NodeResourcesFit(
            strategy.type,  # type: ignore[arg-type]
            strategy.resources,
            strategy.shape,
        ),
        "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocation(balanced),
    }
    scores = [WeightedScore(plugins[name], w) for name, w in profile.weights.items()]
    return Profile("recorded", scores, profile.filters, tie=Tie.FIRST)

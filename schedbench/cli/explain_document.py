"""What `schedbench explain` found, with names for numbers: its JSON document."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from schedbench.scheduler.attempt import Attempt, Outcome
from schedbench.scheduler.engines import Turn, explained
from schedbench.scheduler.explain import CUSTOM, raw_scores
from schedbench.scheduler.narrowing import gate_message
from schedbench.scheduler.nearest.variants import MOST_TAINTS, taints_in_the_way
from schedbench.scheduler.nearest.words import sentence
from schedbench.scheduler.preemption import Candidate, Search
from schedbench.scheduler.snapshot import Snapshot

if TYPE_CHECKING:
    from schedbench.cli.explain import Case
    from schedbench.scheduler.nearest.misses import Miss


def document(case: Case, snapshot: Snapshot, label: str) -> dict[str, Any]:
    """Decide on the pod and return all there is to say, ready for JSON.

    Parameters
    ----------
    label
        What to call the policy or the profile.
    """
    world, pod = snapshot.world, snapshot.pod
    misses = snapshot.misses()
    snapshot.nominate()
    found = decide(snapshot, case.index)
    session = world.session(pod)
    settings = world.profile(pod)
    assert settings is not None
    names = world.names
    node = names[found.chosen] if found.chosen >= 0 else None
    feasible = found.verdict.feasible if found.verdict else np.zeros(0, dtype=np.int64)
    rejected = _rejected(found)
    taints = taints_in_the_way(pod, case.workload.nodes)
    return {
        "pod": pod.key,
        "policy": label,
        "node": node,
        "was_on": case.was_on,
        "same_node": None if case.was_on is None else case.was_on == node,
        "gated": gate_message(settings, pod),
        "nodes": len(world.alive()),
        "feasible": len(feasible),
        "nominated": pod.status.nominated_node_name or None,
        "nominated_node_taken_at_once": found.shortcut,
        "tied": [names[slot] for slot in _tied(found)],
        "ties": session.profile.tie.name.lower(),
        "fit_error": None if node is not None else found.message or found.error,
        "reserve_error": found.error if node is not None and found.error else None,
        "rejected": rejected,
        "weights": _weights(snapshot, found),
        "scores": _scores(snapshot, found),
        "taints_not_tried": max(len(taints) - MOST_TAINTS, 0),
        "changes": [_change(each, names) for each in misses],
        "preemption": _preemption(found, names)
        if node is None and settings.runs("DefaultPreemption", "postFilter")
        else None,
    }


def decide(snapshot: Snapshot, counter: int) -> Outcome:
    """Try the pod, and have it told."""
    settings = snapshot.world.profile(snapshot.pod)
    assert settings is not None
    wanted = settings.config.args.default_preemption
    search = Search(
        order=range(len(snapshot.world.names)),
        start=lambda nodes: 0,
        percentage=wanted.min_candidate_nodes_percentage,
        absolute=wanted.min_candidate_nodes_absolute,
    )
    attempt = Attempt(
        snapshot.world,
        snapshot.pod,
        snapshot.pod_class,
        explained,
        Turn(counter),
        search,
        tell=True,
    )
    return attempt.run()


def _rejected(found: Outcome) -> list[dict[str, Any]]:
    verdicts = collections.Counter(found.rejected.values())
    reasons: collections.Counter[tuple[str, str]] = collections.Counter()
    for verdict, count in verdicts.items():
        for reason in verdict.status.reasons:
            reasons[verdict.plugin, reason] += count
    return [
        {"plugin": plugin, "reason": reason, "nodes": count}
        for (plugin, reason), count in reasons.most_common()
    ]


def _tied(found: Outcome) -> list[int]:
    if found.verdict is None or not len(found.verdict.feasible):
        return []
    verdict = found.verdict
    tied: list[int] = verdict.feasible[verdict.total == verdict.total.max()].tolist()
    return tied


def _weights(snapshot: Snapshot, found: Outcome) -> dict[str, int]:
    scores = snapshot.world.session(snapshot.pod).profile.scores
    weights = {each.plugin.name: each.weight for each in scores}
    return {name: weights.get(name, 1) for name in found.scores}


def _scores(snapshot: Snapshot, found: Outcome) -> list[dict[str, Any]]:
    """Return the feasible nodes with their scores, the best first."""
    if found.verdict is None or not found.scores:
        return []
    feasible, total = found.verdict.feasible, found.verdict.total
    session = snapshot.world.session(snapshot.pod)
    raw = raw_scores(session, snapshot.pod_class, feasible)
    weights = _weights(snapshot, found)
    order = sorted(range(len(feasible)), key=lambda k: (-int(total[k]), k))
    return [
        {
            "node": snapshot.world.names[feasible[k]],
            "total": found.scores.get(CUSTOM, total)[k].item(),
            "plugins": {
                name: values[k].item() for name, values in found.scores.items()
            },
            "normalized": {
                name: values[k].item() // weights[name]
                for name, values in found.scores.items()
                if name != CUSTOM and weights[name]
            },
            "raw": {name: raw[name][k].item() for name in found.scores if name in raw},
        }
        for k in order
    ]


def _change(miss: Miss, names: list[str]) -> dict[str, Any]:
    return {
        "text": sentence(miss),
        "kind": miss.kind,
        "about": miss.about,
        "limit": miss.limit,
        "now": miss.now,
        "domains": list(miss.domains),
        "more_nodes": len(miss.nodes),
        "nodes": [names[slot] for slot in miss.nodes],
    }


def _preemption(found: Outcome, names: list[str]) -> Mapping[str, Any]:
    """Return what came of trying to make room."""
    preemption = found.after.preemption
    tied = [names[one.slot] for one in preemption.tied]
    return {
        "message": found.after.message,
        "node": tied[0] if tied else None,
        "tied": tied,
        "candidates": [_candidate(each, names) for each in preemption.candidates],
    }


def _candidate(candidate: Candidate, names: list[str]) -> dict[str, Any]:
    return {
        "node": names[candidate.slot],
        "budget_violations": candidate.violations,
        "victims": [
            {"pod": victim.pod.key, "priority": victim.priority}
            for victim in candidate.victims
        ],
    }

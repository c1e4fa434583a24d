"""Decide on every pod of a case, in the columns, in the form of the recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from schedbench.experiment.conformance.cases import Case, Decision
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.conformance.world import CaseWorld
from schedbench.objects.pod import Pod
from schedbench.scheduler.attempt import Attempt, Outcome
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.engines import Engine, Turn
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.narrowing import gate_message
from schedbench.scheduler.preemption import Candidate, Preemption, Search
from schedbench.scheduler.profiles import Settings

_CODES = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """One pod of a case.

    Attributes
    ----------
    decision
        Ours, in the form of the recording.
    expected
        The recorded one.
    """

    decision: Decision
    expected: Decision


def attempts(case: Case, engine: str) -> Iterator[Compared]:
    """Decide on the pods of a case one after another, by our own placements."""
    world = CaseWorld(case)
    decide = ENGINES[engine]()
    for index, (pod, expected) in enumerate(
        zip(case.pending, case.expected, strict=True)
    ):
        changed = world.advance(index)
        ours = _decide(world, decide, index, pod)
        if case.sampled and changed:
            ours["order"] = world.walk.order.tolist()
        yield Compared({"pod": pod.key, **ours}, expected)


def _decide(world: CaseWorld, engine: Engine, index: int, pod: Pod) -> Decision:
    """Return our decision, tried again after a preemption; place the pod."""
    settings = world.profile(pod)
    if settings is None:
        return {"skipped": f"no profile {pod.spec.scheduler_name or DEFAULT_SCHEDULER}"}
    gated = gate_message(settings, pod)
    if gated is not None:
        return {"gated": True, "gatedMessage": gated}
    if pod.metadata.deletion_timestamp is not None:
        return {"skipped": "deleting"}
    pod_class = int(world.classes[index])
    start = int(world.walk.columns.start[0])
    outcome = _attempt(world, engine, pod, pod_class)
    if world.case.sampled:
        return {"start": start, **_told_sampled(world, outcome)}
    decision = _told(world, settings, outcome)
    preemption = outcome.after.preemption
    if preemption.tied:
        world.make_room(pod, pod_class, preemption.tied[0])
        outcome = _attempt(world, engine, pod, pod_class)
        decision["retry"] = {"pod": pod.key, **_told(world, settings, outcome)}
    if outcome.after.preemption.clears or not len(world.alive()):
        world.nominate(pod, pod_class, None)
    return decision


def _attempt(world: CaseWorld, engine: Engine, pod: Pod, pod_class: int) -> Outcome:
    search = Search(range(len(world.names)), start=lambda nodes: 0)
    turn = Turn()
    outcome = Attempt(world, pod, pod_class, engine, turn, search, tell=True).run()
    if outcome.chosen >= 0 and not outcome.error:
        world.assume(pod, pod_class, outcome.chosen)
    return outcome


def _told(world: CaseWorld, settings: Settings, outcome: Outcome) -> Decision:
    """Return an outcome in the form of the recording."""
    if outcome.verdict is None and outcome.stopped is None:
        return {"error": outcome.error}
    decision: Decision = {
        "infeasible": {
            world.names[slot]: _status(one) for slot, one in outcome.rejected.items()
        }
    }
    if outcome.stopped is not None:
        decision["preFilterMessage"] = outcome.stopped.status.reasons[0]
        return decision | _failed(world, outcome)
    assert outcome.verdict is not None
    feasible = [world.names[slot] for slot in outcome.verdict.feasible]
    decision |= {
        "feasible": feasible,
        "nominatedShortcut": outcome.shortcut and len(world.alive()) > 1,
    }
    if outcome.chosen < 0:
        return decision | _failed(world, outcome)
    if len(feasible) > 1 and settings.points["score"]:
        decision["scores"] = {
            plugin: dict(zip(feasible, values.tolist(), strict=True))
            for plugin, values in outcome.scores.items()
        }
        total = outcome.verdict.total.tolist()
        decision["total"] = dict(zip(feasible, total, strict=True))
    decision["chosen"] = world.names[outcome.chosen]
    decision["reserveError"] = outcome.error
    return decision


def _told_sampled(world: CaseWorld, outcome: Outcome) -> Decision:
    """Return an outcome in the form of the sampled recordings."""
    if outcome.verdict is None:
        return {"message": outcome.text, "error": outcome.error}
    columns = world.walk.columns
    feasible = outcome.verdict.feasible
    decision: Decision = {
        "evaluated": int(columns.evaluated[0]),
        "next": int(columns.start[0]),
        "numFeasible": len(feasible),
    }
    if outcome.chosen < 0:
        return decision | {"message": outcome.text}
    decision["feasibleIdx"] = feasible.tolist()
    decision["chosen"] = world.names[outcome.chosen]
    if len(feasible) > 1:
        total = outcome.verdict.total
        decision["maxTotal"] = int(total.max())
        decision["argmax"] = feasible[total == total.max()].tolist()
    return decision


def _failed(world: CaseWorld, outcome: Outcome) -> Decision:
    after = outcome.after
    decision: Decision = {
        "message": outcome.message,
        "postFilterMessage": after.message,
        "postFilterError": after.error,
    }
    if after.preemption.tied:
        decision["preemption"] = _preemption(world, after.preemption)
    return decision


def _preemption(world: CaseWorld, preemption: Preemption) -> Decision:
    """Return a preemption in the form of the recording; the first of ties is taken."""
    chosen = preemption.tied[0]
    return {
        "nominated": world.names[chosen.slot],
        "victims": _keys(chosen),
        "candidates": {
            world.names[one.slot]: {
                "victims": _keys(one),
                "pdbViolations": one.violations,
            }
            for one in preemption.candidates
        },
        "tied": [world.names[one.slot] for one in preemption.tied],
    }


def _keys(candidate: Candidate) -> list[str]:
    return sorted(victim.pod.key for victim in candidate.victims)


def _status(rejected: Rejected) -> dict[str, Any]:
    return {
        "plugin": rejected.plugin,
        "code": _CODES[rejected.status.unresolvable],
        "reasons": sorted(rejected.status.reasons),
    }

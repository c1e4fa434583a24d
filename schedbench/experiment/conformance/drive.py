"""Decide on every pod of a case, in the columns, in the form of the recording."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.experiment.conformance import room, seams
from schedbench.experiment.conformance.cases import Case, Decision
from schedbench.experiment.conformance.profiles import Settings
from schedbench.experiment.conformance.sampling import nodes_to_find, walk
from schedbench.experiment.conformance.storage import volume_rejections
from schedbench.experiment.conformance.world import World
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import Explanation, Rejected, explain
from schedbench.scheduler.preemption import Preemption, fit_error
from schedbench.scheduler.session import Session

NO_NODES = "no nodes available to schedule pods"
_CODES = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What an engine found: slots of the feasible nodes, their totals, the choice.

    `told` is the whole explanation, where the engine gives one.
    """

    feasible: NDArray[np.int64]
    total: NDArray[np.int64]
    chosen: int
    told: Explanation | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
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


def _explained(session: Session, pod_class: int) -> Verdict:
    told = explain(session, pod_class)
    return Verdict(told.feasible, told.total, told.chosen, told)


def _scanned(session: Session, pod_class: int) -> Verdict:
    scratch = session.scratch
    chosen = schedule_one(session.state, session.compiled, pod_class, 0, 0, scratch)
    feasible = np.flatnonzero(scratch.bad >= 0)
    return Verdict(feasible, scratch.total[feasible], int(chosen))


ENGINES: Mapping[str, Callable[[Session, int], Verdict]] = {
    "scan": _scanned,
    "explain": _explained,
}
"""Engine → how it decides; reasons and single scores are always the readable one's."""


def attempts(case: Case, engine: str) -> Iterator[Attempt]:
    """Decide on the pods of a case one after another, by our own placements."""
    world = World(case)
    for index, (pod, expected) in enumerate(
        zip(case.pending, case.expected, strict=True)
    ):
        changed = world.advance(index)
        ours = _decide(world, engine, index, pod)
        if case.sampled and changed:
            ours["order"] = world.order.refresh().tolist()
        yield Attempt({"pod": pod.key, **ours}, expected)


def _decide(world: World, engine: str, index: int, pod: Pod) -> Decision:
    """Return our decision, tried again after a preemption; place the pod."""
    name = pod.spec.scheduler_name or DEFAULT_SCHEDULER
    settings = world.settings.get(name)
    if settings is None:
        return {"skipped": f"no profile {name}"}
    gated = seams.gate_message(settings, pod)
    if gated is not None:
        return {"gated": True, "gatedMessage": gated}
    if pod.metadata.deletion_timestamp is not None:
        return {"skipped": "deleting"}
    pod_class = int(world.classes[index])
    if not len(world.alive()):
        world.nominate(pod, pod_class, None)
        return {"error": NO_NODES}
    decision, preemption = _attempt(world, engine, settings, pod, pod_class)
    if preemption.tied:
        world.make_room(pod, pod_class, preemption.tied[0])
        again, preemption = _attempt(world, engine, settings, pod, pod_class)
        decision["retry"] = {"pod": pod.key, **again}
    if preemption.clears:
        world.nominate(pod, pod_class, None)
    return decision


def _attempt(
    world: World, engine: str, settings: Settings, pod: Pod, pod_class: int
) -> tuple[Decision, Preemption]:
    session = world.sessions[pod.spec.scheduler_name or DEFAULT_SCHEDULER]
    alive = world.alive()
    narrowed = seams.pre_filter(world, settings, pod)
    if narrowed.stopped is not None:
        return _stopped(world, settings, pod, pod_class, narrowed.stopped)
    if world.case.sampled:
        sampled = _sampled(world, engine, settings, pod, pod_class, narrowed)
        return sampled, Preemption()
    crowded = room.crowded(world, settings, pod, pod_class)
    nominated = world.nominated_slot(pod)
    seen = frozenset(alive.tolist())
    if narrowed.allowed is not None:
        seen &= {*narrowed.allowed, nominated}
    open_to = seen - crowded.keys()
    shortcut = False
    if nominated is not None and nominated in open_to:
        run = room.dry_run(world, settings, pod, pod_class)
        shortcut = run.refusal(nominated) is None
        open_to = frozenset({nominated}) if shortcut else open_to
    with seams.only(session, open_to):
        verdict = _decided(world, engine, settings, pod, pod_class)
        told = verdict.told or explain(session, pod_class)
    rejected: dict[int, Rejected] = {}
    if not shortcut:
        beside = {slot: one for slot, one in crowded.items() if slot in seen}
        rejected = {**told.rejected, **beside, **_cut_away(narrowed, alive, seen)}
    decision: Decision = {
        "feasible": [world.names[slot] for slot in verdict.feasible],
        "infeasible": {
            world.names[slot]: _status(one) for slot, one in rejected.items()
        },
        "nominatedShortcut": shortcut and len(alive) > 1,
    }
    if verdict.chosen < 0:
        text = fit_error(_reasons(rejected), len(rejected))
        after = room.post_filter(world, settings, pod, pod_class, rejected)
        return decision | _failed(world, text, after), after.preemption
    if len(verdict.feasible) > 1:
        decision |= _scores(world, settings, told, verdict)
    decision["chosen"] = world.names[verdict.chosen]
    error = seams.reserve_error(world, pod, verdict.chosen)
    if error:
        decision["reserveError"] = error
    else:
        world.assume(pod, pod_class, verdict.chosen)
    return decision, Preemption()


def _sampled(
    world: World,
    engine: str,
    settings: Settings,
    pod: Pod,
    pod_class: int,
    narrowed: seams.PreFilter,
) -> Decision:
    """Decide among a part of the nodes, in the form of the sampled recordings."""
    session = world.sessions[pod.spec.scheduler_name or DEFAULT_SCHEDULER]
    order = world.order.refresh()
    passes = np.zeros(len(world.names), dtype=np.bool_)
    with seams.only(session, narrowed.allowed):
        whole = _decided(world, engine, settings, pod, pod_class)
        passes[whole.feasible] = True
        looked_at = (
            order
            if narrowed.allowed is None
            else order[np.isin(order, list(narrowed.allowed))]
        )
        wanted = nodes_to_find(
            len(looked_at), settings.config.percentage_of_nodes_to_score
        )
        sample = walk(passes, looked_at, world.start, wanted)
    decision: Decision = {"start": world.start, "evaluated": sample.evaluated}
    world.start = (world.start + sample.evaluated) % len(order)
    decision |= {"next": world.start, "numFeasible": len(sample.kept)}
    if not len(sample.kept):
        told = whole.told or explain(session, pod_class)
        alive = world.alive()
        seen = alive if narrowed.allowed is None else narrowed.allowed
        rejected = {**told.rejected, **_cut_away(narrowed, alive, seen)}
        return decision | {"message": fit_error(_reasons(rejected), len(rejected))}
    with seams.only(session, frozenset(sample.kept.tolist())):
        verdict = ENGINES[engine](session, pod_class)
    decision["feasibleIdx"] = verdict.feasible.tolist()
    decision["chosen"] = world.names[verdict.chosen]
    if len(verdict.feasible) > 1:
        greatest = int(verdict.total.max())
        decision["maxTotal"] = greatest
        decision["argmax"] = verdict.feasible[verdict.total == greatest].tolist()
    if seams.reserve_error(world, pod, verdict.chosen) is None:
        world.assume(pod, pod_class, verdict.chosen)
    return decision


def _decided(
    world: World, engine: str, settings: Settings, pod: Pod, pod_class: int
) -> Verdict:
    """Decide by an engine; again over the rest if volume plugins reject nodes."""
    session = world.sessions[pod.spec.scheduler_name or DEFAULT_SCHEDULER]
    verdict = ENGINES[engine](session, pod_class)
    if not uses_volumes(pod):
        return verdict
    told = verdict.told or explain(session, pod_class)
    refused = volume_rejections(world.volumes, settings, pod, told)
    if not refused:
        return dataclasses.replace(verdict, told=told)
    with seams.only(session, frozenset(told.feasible.tolist()) - refused.keys()):
        verdict = ENGINES[engine](session, pod_class)
        rest = verdict.told or explain(session, pod_class)
    rejected = {**told.rejected, **refused}
    return dataclasses.replace(
        verdict, told=dataclasses.replace(rest, rejected=rejected)
    )


def _reasons(rejected: Mapping[int, Rejected]) -> Mapping[str, int]:
    return collections.Counter(
        reason for one in rejected.values() for reason in one.status.reasons
    )


def _cut_away(
    narrowed: seams.PreFilter, alive: NDArray[np.int64], seen: Collection[int]
) -> dict[int, Rejected]:
    """Return the nodes that PreFilter cut away; nobody rejects them."""
    reason = f"node(s) didn't satisfy plugin(s) [{' '.join(narrowed.by)}]"
    cut = Rejected("", Status((reason,), unresolvable=True))
    return {slot: cut for slot in alive.tolist() if slot not in seen}


def _status(rejected: Rejected) -> dict[str, Any]:
    return {
        "plugin": rejected.plugin,
        "code": _CODES[rejected.status.unresolvable],
        "reasons": sorted(rejected.status.reasons),
    }


def _stopped(
    world: World, settings: Settings, pod: Pod, pod_class: int, stopped: Rejected
) -> tuple[Decision, Preemption]:
    text = stopped.status.reasons[0]
    rejected = dict.fromkeys(world.alive().tolist(), stopped)
    after = room.post_filter(world, settings, pod, pod_class, rejected, stopped=True)
    decision = {
        "infeasible": {
            world.names[slot]: _status(one) for slot, one in rejected.items()
        },
        "preFilterMessage": text,
    }
    text = f"0/{len(rejected)} nodes are available: {text}."
    return decision | _failed(world, text, after), after.preemption


def _failed(world: World, text: str, after: room.PostFilter) -> Decision:
    decision: Decision = {
        "message": f"{text} {after.message}".rstrip(),
        "postFilterMessage": after.message,
        "postFilterError": after.error,
    }
    if after.preemption.tied:
        decision["preemption"] = room.told(world, after.preemption)
    return decision


def _scores(
    world: World, settings: Settings, told: Explanation, verdict: Verdict
) -> Decision:
    """Return the scores by plugin and node, and the engine's own totals."""
    names = [world.names[slot] for slot in verdict.feasible]
    scores = {
        plugin: dict(zip(names, values.tolist(), strict=True))
        for plugin, values in told.scores.items()
    }
    total = dict(zip(names, verdict.total.tolist(), strict=True))
    return {"scores": scores, "total": total}

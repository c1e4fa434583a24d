"""What an attempt needs around filters and scores, one function each.

Each stands where the scheduler has, or will have, the same step.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from schedbench.experiment.conformance.profiles import Settings
from schedbench.experiment.conformance.storage import volume_stop
from schedbench.experiment.conformance.world import World
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.session import Session

NO_CLAIMS = "no new claims to deallocate"
NO_DYNAMIC_STATE = "not found"


@dataclasses.dataclass(frozen=True, slots=True)
class PreFilter:
    """What the PreFilter plugins said of a pod.

    Attributes
    ----------
    stopped
        The plugin that stopped the pod and its status, or None.
    allowed
        Slots of the nodes that are looked at; None = all.
    by
        The plugins that narrowed the nodes down.
    """

    stopped: Rejected | None = None
    allowed: frozenset[int] | None = None
    by: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class PostFilter:
    """What came of a failed attempt.

    Attributes
    ----------
    message, error
        The text, and whether it is an error's.
    preemption
        `nominated`, `victims`, `candidates` and `tied`, as recorded; or None.
    needs
        What it would take to know, if it is not modelled.
    """

    message: str = ""
    error: bool = False
    preemption: Mapping[str, Any] | None = None
    needs: frozenset[str] = frozenset()


def gate_message(settings: Settings, pod: Pod) -> str | None:
    """Return why PreEnqueue holds a pod back, or None."""
    gates = [gate.name for gate in pod.spec.scheduling_gates]
    if not gates or not settings.runs("SchedulingGates", "preEnqueue"):
        return None
    return f"waiting for scheduling gates: [{' '.join(gates)}]"


def pre_filter(world: World, settings: Settings, pod: Pod) -> PreFilter:
    """Let PreFilter stop the pod, or narrow the nodes down.

    NodeAffinity does either; the volume plugins, which run behind it, stop pods.
    """
    narrowed = _named_nodes(world, settings, pod)
    if narrowed.stopped is not None:
        return narrowed
    stopped = volume_stop(world.volumes, settings, pod)
    return narrowed if stopped is None else PreFilter(stopped=stopped)


def _named_nodes(world: World, settings: Settings, pod: Pod) -> PreFilter:
    """Let NodeAffinity narrow the nodes to named ones if every term names some."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    if not required or not required.node_selector_terms:
        return PreFilter()
    if not settings.runs("NodeAffinity", "preFilter"):
        return PreFilter()
    names: set[str] = set()
    for term in required.node_selector_terms:
        lists = [
            set(field.values)
            for field in term.match_fields
            if field.key == "metadata.name" and field.operator == "In"
        ]
        if not lists:
            return PreFilter()
        names |= set.intersection(*lists)
    if not names:
        status = Status(("pod affinity terms conflict",), unresolvable=True)
        return PreFilter(stopped=Rejected("NodeAffinity", status))
    allowed = frozenset(world.slots[name] for name in names if name in world.slots)
    return PreFilter(allowed=allowed, by=("NodeAffinity",))


@contextlib.contextmanager
def only(session: Session, allowed: frozenset[int] | None) -> Iterator[None]:
    """Let a session see no other nodes than those that PreFilter left."""
    if allowed is None:
        yield
        return
    alive = session.state.alive.copy()
    kept = [slot for slot in allowed if alive[slot]]
    session.state.alive[:] = 0
    session.state.alive[kept] = 1
    try:
        yield
    finally:
        session.state.alive[:] = alive


def reserve_error(world: World, pod: Pod, slot: int) -> str | None:
    """Let Reserve take the pod's volumes; return why it fails, or None."""
    settings = world.settings[pod.spec.scheduler_name or DEFAULT_SCHEDULER]
    if not settings.runs("VolumeBinding", "reserve"):
        return None
    return world.volumes.reserve(pod, slot)


def post_filter(
    world: World, settings: Settings, pod: Pod, rejected: Mapping[int, Rejected]
) -> PostFilter:
    """Try to make room: DynamicResources first, then DefaultPreemption.

    Without a pod of lower priority, preemption finds no victims on any node.
    """
    if not settings.runs("DefaultPreemption", "postFilter"):
        return PostFilter(NO_CLAIMS)
    if pod.spec.preemption_policy == "Never":
        why = "not eligible due to preemptionPolicy=Never."
        return PostFilter(f"{NO_CLAIMS}, preemption: {why}")
    priority = pod.spec.priority or 0
    if any((each.pod.spec.priority or 0) < priority for each in world.placed.values()):
        return PostFilter(needs=frozenset({"DefaultPreemption"}))
    counts = collections.Counter(
        "Preemption is not helpful for scheduling"
        if each.status.unresolvable
        else "No preemption victims found for incoming pod"
        for each in rejected.values()
    )
    return PostFilter(f"{NO_CLAIMS}, preemption: {fit_error(counts, len(rejected))}")


def fit_error(counts: Mapping[str, int], nodes: int) -> str:
    """Return the text of a FitError: reasons counted, sorted as strings."""
    reasons = ", ".join(sorted(f"{n} {reason}" for reason, n in counts.items()))
    text = f"0/{nodes} nodes are available"
    return f"{text}: {reasons}." if reasons else f"{text}."

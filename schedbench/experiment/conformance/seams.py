"""What an attempt needs around filters and scores, one function each.

Each stands where the scheduler has, or will have, the same step.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from schedbench.experiment.conformance.profiles import Settings
from schedbench.experiment.conformance.storage import volume_stop
from schedbench.experiment.conformance.world import World
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.session import Session


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

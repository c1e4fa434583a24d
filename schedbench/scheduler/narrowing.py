"""What happens before the filters: pods are stopped, or the nodes narrowed down.

Source: kubernetes v1.34 pkg/scheduler/schedule_one.go (findNodesThatFitPod) and the
PreFilter of the plugins.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Mapping

from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.sampling import ALL_NODES
from schedbench.scheduler.session import Session
from schedbench.scheduler.storage import volume_stop
from schedbench.scheduler.world import World


@dataclasses.dataclass(frozen=True, slots=True)
class Narrowing:
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

    @property
    def cut(self) -> Rejected:
        """What is said of the nodes that are not looked at; nobody rejects them."""
        reason = f"node(s) didn't satisfy plugin(s) [{' '.join(self.by)}]"
        return Rejected("", Status((reason,), unresolvable=True))


EVERYWHERE = Narrowing()


def gate_message(settings: Settings, pod: Pod) -> str | None:
    """Return why PreEnqueue holds a pod back, or None."""
    gates = [gate.name for gate in pod.spec.scheduling_gates]
    if not gates or not settings.runs("SchedulingGates", "preEnqueue"):
        return None
    return f"waiting for scheduling gates: [{' '.join(gates)}]"


def pre_filter(world: World, settings: Settings, pod: Pod) -> Narrowing:
    """Let PreFilter stop the pod, or narrow the nodes down.

    NodeAffinity does either; the volume plugins, which run behind it, stop pods.
    """
    narrowed = _named_nodes(world.slots, settings, pod)
    if narrowed.stopped is not None:
        return narrowed
    stopped = volume_stop(world.volumes, settings, pod)
    return narrowed if stopped is None else Narrowing(stopped=stopped)


def _named_nodes(slots: Mapping[str, int], settings: Settings, pod: Pod) -> Narrowing:
    """Let NodeAffinity narrow the nodes to named ones if every term names some."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    if not required or not required.node_selector_terms:
        return EVERYWHERE
    if not settings.runs("NodeAffinity", "preFilter"):
        return EVERYWHERE
    names: set[str] = set()
    for term in required.node_selector_terms:
        lists = [
            set(field.values)
            for field in term.match_fields
            if field.key == "metadata.name" and field.operator == "In"
        ]
        if not lists:
            return EVERYWHERE
        names |= set.intersection(*lists)
    if not names:
        status = Status(("pod affinity terms conflict",), unresolvable=True)
        return Narrowing(stopped=Rejected("NodeAffinity", status))
    allowed = frozenset(slots[name] for name in names if name in slots)
    return Narrowing(allowed=allowed, by=("NodeAffinity",))


@contextlib.contextmanager
def only(session: Session, allowed: Collection[int] | None) -> Iterator[None]:
    """Let a session see no other nodes than these for a while."""
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


@contextlib.contextmanager
def unsampled(session: Session) -> Iterator[None]:
    """Let a session look at all nodes for a while."""
    compiled = session.compiled
    every = compiled.sampling._replace(percentage=ALL_NODES)
    session.compiled = compiled._replace(sampling=every)
    try:
        yield
    finally:
        session.compiled = compiled

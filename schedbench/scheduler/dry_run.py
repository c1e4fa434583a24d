"""Dry runs: whether a pod would pass on a node if others came there or went.

Source: kubernetes v1.34 pkg/scheduler/framework (RunFilterPluginsWithNominatedPods,
NodeInfo, HostPortInfo) and the AddPod and RemovePod of the plugins.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import bind
from schedbench.cluster.terms import ragged
from schedbench.objects.pod import Pod
from schedbench.scheduler.diagnose import Rejected, refusal
from schedbench.scheduler.dry_run_spread import (
    reading,
    selected_otherwise,
    with_copies,
)
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.session import Session


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedPod:
    """A pod on a node, or nominated to one.

    `start` is when it started, in seconds; infinite if it has not. `devices` has bit i
    set if it holds GPU device i.
    """

    pod: Pod
    pod_class: int
    slot: int
    start: float = float("inf")
    devices: int = 0

    @property
    def priority(self) -> int:
        """Its priority."""
        return self.pod.spec.priority or 0


class Beside(Protocol):
    """Filters that stand outside of the columns, and what they know of pods."""

    def put(self, pod: Pod, slot: int) -> None:
        """Let a pod come to a node."""

    def take(self, pod: Pod, slot: int) -> None:
        """Let a pod go from a node."""

    def refusal(self, slot: int, found: Rejected | None) -> Rejected | None:
        """Return who rejects the node first, if the columns found this; or None."""


class DryRun:
    """The filters for pods of one class, on single nodes as they might be.

    What PreFilter finds is found when the dry run is made. Three of upstream's
    peculiarities follow from that. Topology spread counts pods that come or go by the
    selector alone, even if they are being deleted or the selector is `{}`. Pod
    affinity that has nothing to do at first stays out of it. And the taken host ports
    of a node are a set: one that two pods hold is free as soon as one of them goes.

    Parameters
    ----------
    session
        The profile at work; its state is the same again after every `on`.
    pod_class
        Class of the pod that is to go somewhere.
    beside
        Filters outside of the columns, if there are any.
    """

    def __init__(
        self, session: Session, pod_class: int, beside: Beside | None = None
    ) -> None:
        self.session = session
        self.pod_class = pod_class
        self.beside = beside
        self.state: ClusterState = session.state
        self.classes: PodClasses = session.compiled.classes
        self._bad = np.zeros(1, dtype=np.int64)
        if not _affinity_takes_part(self.state, self.classes, pod_class):
            silent = ragged([()] * len(session.encoded.class_pods))
            terms = self.classes.inter_pod._replace(existing_anti=silent)
            self.classes = self.classes._replace(inter_pod=terms)
        selected = selected_otherwise(session, pod_class)
        if selected is not None:
            hard = self.classes.spread.hard
            counters = hard.counter[hard.start[pod_class] : hard.start[pod_class + 1]]
            domains = with_copies(self.state.domains, counters)
            first = len(self.state.domains.key)
            self.state = self.state._replace(domains=domains)
            self.classes = reading(self.classes, pod_class, first, selected)

    @contextlib.contextmanager
    def on(self, slot: int, others: Iterable[PlacedPod] = ()) -> Iterator[None]:
        """Put pods on a node for a while; afterwards the host ports are as before.

        What is put or taken in between must be undone in between.
        """
        others = list(others)
        ports = self.state.port_used[:, slot].copy()
        as_set(self.state, slot)
        for other in others:
            self.put(other, slot)
        try:
            yield
        finally:
            for other in others:
                self.take(other, slot)
            self.state.port_used[:, slot] = ports

    def put(self, other: PlacedPod, slot: int) -> None:
        """Let a pod come to a node."""
        self._shift(other, slot, 1)

    def take(self, other: PlacedPod, slot: int) -> None:
        """Let a pod go from a node."""
        self._shift(other, slot, -1)

    def fits(self, slot: int, guests: Collection[PlacedPod] = ()) -> bool:
        """Return whether the node passes, both with the guests and without them."""
        if guests:
            with self.on(slot, guests):
                passes = self._passes(slot)
            if not passes:
                return False
        return self._passes(slot)

    def refusal(self, slot: int, guests: Collection[PlacedPod] = ()) -> Rejected | None:
        """Return who rejects the node and why, first with the guests, then without."""
        if guests:
            with self.on(slot, guests):
                found = self._refusal(slot)
            if found is not None:
                return found
        return self._refusal(slot)

    def _shift(self, other: PlacedPod, slot: int, sign: int) -> None:
        bind(self.state, self.classes, other.pod_class, slot, other.devices, sign)
        as_set(self.state, slot)
        if self.beside is not None and sign > 0:
            self.beside.put(other.pod, slot)
        elif self.beside is not None:
            self.beside.take(other.pod, slot)

    def _passes(self, slot: int) -> bool:
        return self._columns_pass(slot) and (
            self.beside is None or self.beside.refusal(slot, None) is None
        )

    def _columns_pass(self, slot: int) -> bool:
        compiled = self.session.compiled
        mark_infeasible(
            self.state,
            self.classes,
            compiled.static,
            compiled.switches,
            self.pod_class,
            slot,
            slot + 1,
            self._bad,
        )
        return bool(self._bad[0] >= 0)

    def _refusal(self, slot: int) -> Rejected | None:
        found = None if self._columns_pass(slot) else self._columns_refusal(slot)
        return found if self.beside is None else self.beside.refusal(slot, found)

    def _columns_refusal(self, slot: int) -> Rejected | None:
        session = self.session
        view = session.view._replace(state=self.state, classes=self.classes)
        return refusal(session, view, self.pod_class, slot)


def as_set(state: ClusterState, slot: int) -> None:
    """Let the host ports of a node be a set again, after a pod came or went."""
    if len(state.port_used):
        ports = state.port_used[:, slot]
        np.minimum(ports, 1, out=ports)
        np.maximum(ports, 0, out=ports)


def nominated_to(
    slot: int, nominated: Iterable[PlacedPod], pod: Pod
) -> list[PlacedPod]:
    """Return the nominated pods of a node that a pod must leave room for."""
    return [
        other
        for other in nominated
        if other.slot == slot
        and other.pod is not pod
        and other.priority >= (pod.spec.priority or 0)
    ]


def crowded_out(
    run: DryRun,
    pod: Pod,
    nominated: Collection[PlacedPod],
    *,
    passing_only: bool = False,
) -> Mapping[int, Rejected]:
    """Return the nodes that reject a pod beside those nominated to them: slot → why.

    With `passing_only` only those that would let it pass without them.
    """
    found = {}
    for slot in sorted({other.slot for other in nominated}):
        if passing_only and not run.fits(slot):
            continue
        guests = nominated_to(slot, nominated, pod)
        if guests and run.state.alive[slot]:
            with run.on(slot, guests):
                why = run.refusal(slot)
            if why is not None:
                found[slot] = why
    return found


def _affinity_takes_part(
    state: ClusterState, classes: PodClasses, pod_class: int
) -> bool:
    """Return whether the pod has required terms, or pods have such against it."""
    terms = classes.inter_pod
    for own in (terms.affinity, terms.own_anti):
        if own.start[pod_class] < own.start[pod_class + 1]:
            return True
    first, last = terms.existing_anti.start[pod_class : pod_class + 2]
    return bool(state.domains.total[terms.existing_anti.item[first:last]].any())

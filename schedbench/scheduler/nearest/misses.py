"""How many more nodes a pod would fit on, with one thing changed, and how far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS
from schedbench.cluster.terms import ragged
from schedbench.objects.pod import Pod
from schedbench.plugins.base import ClusterView
from schedbench.plugins.pod_topology_spread import skews
from schedbench.scheduler.diagnose import diagnose
from schedbench.scheduler.nearest.variants import Kind, Variant
from schedbench.scheduler.session import Session

MOST_STEPS = 3
MEBI = 2**20

Slots = NDArray[np.int64]
Beside = Callable[[Pod, int, Slots], Slots]
"""(pod, its class, slots that the columns let pass) → those of them that pass."""


@dataclasses.dataclass(frozen=True, slots=True)
class Miss:
    """A change to the pod that would let it fit on more nodes.

    Attributes
    ----------
    kind, about
        What is changed, as in `Variant`.
    nodes : int64[]
        Slots of the nodes that reject the pod now and would let it pass.
    limit
        The greatest request, in base units, or the greatest part of all requests, in
        percent, or the least maxSkew that does it.
    now
        What it is now.
    domains
        For a maxSkew, the values of the topology key of these nodes.
    """

    kind: Kind
    about: str
    nodes: Slots
    limit: int | None = None
    now: int | None = None
    domains: Sequence[str] = ()


def everything(pod: Pod, pod_class: int, slots: Slots) -> Slots:
    """Let all pass: nothing stands beside the columns."""
    return slots


def nearest_misses(
    session: Session,
    pod_class: int,
    changes: Sequence[tuple[Variant, int]],
    beside: Beside = everything,
) -> list[Miss]:
    """Decide on the pod with each change, and return those that open more nodes.

    Numbers come in up to three steps: the smallest change that opens a node, one that
    opens half of what can be had, and all. The order is that of the changes.

    Parameters
    ----------
    changes
        The changed pods and their classes; no pod of these classes is bound.
    beside
        What else a node must pass; see `Beside`.
    """
    pod = session.encoded.class_pods[pod_class]
    now = _passing(session, pod, pod_class, beside)
    found: list[Miss] = []
    for variant, its_class in changes:
        then = _passing(session, variant.pod, its_class, beside)
        more = np.setdiff1d(then, now)
        if not len(more):
            continue
        if variant.kind == "request" and variant.about in session.encoded.resources:
            found += _by_request(session, pod_class, variant, more)
        elif variant.kind == "size":
            found += _by_size(session, pod_class, variant, more)
        elif variant.kind == "max skew":
            found += _by_skew(session, pod_class, its_class, variant, more)
        else:
            found.append(Miss(variant.kind, variant.about, more))
    without = without_others(session, pod_class)
    then = _passing(session, pod, pod_class, beside, without)
    more = np.setdiff1d(then, now)
    if len(more):
        found.append(Miss("anti-affinity of others", "", more))
    return list(_told_once(found))


def without_others(session: Session, pod_class: int) -> ClusterView:
    """Return the cluster as if no pod there had anti-affinity terms."""
    view = session.view
    silent = ragged([()] * len(session.encoded.class_pods))
    terms = view.classes.inter_pod._replace(existing_anti=silent)
    return view._replace(classes=view.classes._replace(inter_pod=terms))


def _passing(
    session: Session,
    pod: Pod,
    pod_class: int,
    beside: Beside,
    view: ClusterView | None = None,
) -> Slots:
    which = diagnose(session, pod_class, view=view).which
    slots = np.flatnonzero((which < 0) & (session.state.alive > 0))
    return beside(pod, pod_class, slots)


def _by_request(
    session: Session, pod_class: int, variant: Variant, nodes: Slots
) -> Iterator[Miss]:
    row = list(session.encoded.resources).index(variant.about)
    now = int(session.compiled.classes.request[pod_class, row])
    state = session.state
    free = state.allocatable[row, nodes] - state.requested[row, nodes]
    limit = np.maximum(free, 0)
    if variant.about != "cpu":
        limit = np.where(limit >= MEBI, limit // MEBI * MEBI, limit)
    for step in _steps(-limit):
        within = nodes[limit >= -step]
        yield Miss("request", variant.about, within, -step, now)


def _by_size(
    session: Session, pod_class: int, variant: Variant, nodes: Slots
) -> Iterator[Miss]:
    classes, state = session.compiled.classes, session.state
    first, last = classes.fit_start[pod_class : pod_class + 2]
    rows = classes.fit_rows[first:last]
    rows = rows[rows != PODS][:, None]
    free = np.maximum(state.allocatable[rows, nodes] - state.requested[rows, nodes], 0)
    percent = np.min(free * 100 // classes.request[pod_class, rows], axis=0)
    for step in _steps(-percent):
        yield Miss("size", variant.about, nodes[percent >= -step], -step, 100)


def _by_skew(
    session: Session, pod_class: int, its_class: int, variant: Variant, nodes: Slots
) -> Iterator[Miss]:
    hard, domains = session.compiled.classes.spread.hard, session.state.domains
    constraint = int(hard.start[its_class]) + variant.place
    now = int(hard.max_skew[int(hard.start[pod_class]) + variant.place])
    domain = domains.domain[domains.key[hard.counter[constraint]], nodes]
    skew = skews(session.state, hard, constraint)[domain]
    values = list(session.nodes.label(variant.about).values)
    for step in _steps(skew):
        within = skew <= step
        names = [values[index] for index in np.unique(domain[within])]
        yield Miss("max skew", variant.about, nodes[within], step, now, sorted(names))


def _steps(needed: NDArray[np.int64]) -> list[int]:
    """Return up to three of the changes that nodes need, from small to great."""
    ordered = np.sort(needed)
    places = {0, (len(ordered) - 1) // 2, len(ordered) - 1}
    return sorted({int(ordered[place]) for place in places})[:MOST_STEPS]


def _told_once(misses: Sequence[Miss]) -> Iterator[Miss]:
    """Leave out what opens no more nodes than a smaller change to the same thing."""
    best: dict[tuple[str, str], int] = {}
    for miss in misses:
        key = _GROUPS.get(miss.kind, miss.kind), miss.about
        rivals = [key]
        if miss.kind == "size":
            rivals += [other for other in best if other[0] == "request"]
        if len(miss.nodes) > max(best.get(rival, 0) for rival in rivals):
            best[key] = len(miss.nodes)
            yield miss


_GROUPS = {"max skew": "spread", "min domains": "spread", "topology spread": "spread"}

"""The readable engine: every verdict, reason and score of every plugin on every node.

It asks the plugins one by one, in the order of the profile, where the compiled cycle
runs their kernels fused; both must come to the same node.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.plugins.base import ScoreKind
from schedbench.plugins.inter_pod_affinity import inter_pod_score
from schedbench.plugins.pod_topology_spread import spread_score
from schedbench.scheduler.diagnose import (
    PASSES,
    Diagnosis,
    Rejected,
    Rejections,
    diagnose,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import UNSEEN, ordered, sample
from schedbench.scheduler.score import skips
from schedbench.scheduler.select import draw
from schedbench.scheduler.session import Session

__all__ = ["CUSTOM", "NO_NODE", "Explanation", "Rejected", "explain", "raw_scores"]

NO_NODE = -1
CUSTOM = "own score"


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """One scheduling decision, taken apart.

    Attributes
    ----------
    rejected
        Node slot → who rejected it and why.
    feasible : int64[F]
        Slots of the nodes that passed all filters.
    scores
        Plugin → int64[F], normalized score × weight on the feasible nodes; plugins
        that skip the pod are absent, and so are all with fewer than two such nodes.
        A user's own score is a float64[F], as it was returned.
    total : int64[F]
        The sums; for an own score, integers in the same order.
    tied : int64[T]
        Slots of the nodes of greatest total.
    chosen
        The slot taken, or −1.
    diagnosis
        What `rejected` was made from, as columns.
    """

    rejected: Mapping[int, Rejected]
    feasible: NDArray[np.int64]
    scores: Mapping[str, NDArray[Any]]
    total: NDArray[np.int64]
    tied: NDArray[np.int64]
    chosen: int
    diagnosis: Diagnosis

    def fit_error(self) -> str:
        """Return the text of the event, as kube-scheduler's FitError writes it."""
        counts = collections.Counter(
            reason
            for rejected in self.rejected.values()
            for reason in rejected.status.reasons
        )
        nodes = len(self.rejected) + len(self.feasible)
        reasons = ", ".join(sorted(f"{n} {reason}" for reason, n in counts.items()))
        text = f"0/{nodes} nodes are available"
        return f"{text}: {reasons}." if reasons else f"{text}."


def explain(
    session: Session, pod_class: int, counter: int = 0, cursor: int = 0
) -> Explanation:
    """Decide on a pod of a class, and tell everything about it.

    `counter` numbers the draw of a random tie; `cursor` is the node after the one
    chosen last.
    """
    diagnosis, feasible = _sampled(session, pod_class, diagnose(session, pod_class))
    scores: dict[str, NDArray[Any]] = {}
    total = np.zeros(len(feasible), dtype=np.int64)
    if len(feasible) > 1:
        scores, total = _scores(session, pod_class, feasible)
    tied = feasible[total == total.max()] if len(feasible) else feasible
    chosen = _select(session, tied, counter, cursor) if len(tied) else NO_NODE
    rejected = Rejections(diagnosis)
    return Explanation(rejected, feasible, scores, total, tied, chosen, diagnosis)


def explain_filters(session: Session, pod_class: int) -> Explanation:
    """Tell what the filters say of a pod of a class; nothing is scored, none chosen."""
    diagnosis, feasible = _sampled(session, pod_class, diagnose(session, pod_class))
    total = np.zeros(len(feasible), dtype=np.int64)
    rejected, none = Rejections(diagnosis), feasible[:0]
    return Explanation(rejected, feasible, {}, total, none, NO_NODE, diagnosis)


def _sampled(
    session: Session, pod_class: int, diagnosis: Diagnosis
) -> tuple[Diagnosis, NDArray[np.int64]]:
    """Return the rejected and the feasible nodes among those that are looked at."""
    bad = session.scratch.bad
    bad[:] = session.state.alive.astype(np.int64) - 1
    bad[diagnosis.which >= 0] = -1
    if session.walk is not None:
        sample(session.compiled.sampling, pod_class, session.scratch)
        diagnosis.which[bad == UNSEEN] = PASSES
    return diagnosis, np.flatnonzero(bad >= 0)


def _scores(
    session: Session, pod_class: int, feasible: NDArray[np.int64]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    compiled, scratch = session.compiled, session.scratch
    scratch.bad[:] = -1
    scratch.bad[feasible] = 0
    own = session.profile.custom is not None
    names = [CUSTOM] if own else [s.plugin.name for s in session.profile.scores]
    found: dict[str, NDArray[Any]] = {}
    total = np.zeros(len(feasible), dtype=np.int64)
    for k, name in enumerate(names):
        arguments = (compiled.classes, compiled.static, compiled.columns, k, pod_class)
        if skips(session.state, *arguments):
            continue
        session.normalized_score(session.state, *arguments, scratch)
        weighted = compiled.columns.weight[k] * scratch.score[feasible]
        found[name] = scratch.custom[feasible] if own else weighted
        total += weighted
    return found, total


def raw_scores(
    session: Session, pod_class: int, feasible: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return plugin → int64[F], what its Score gives before it is normalized.

    Only of plugins that normalize; what others give is normal already.
    """
    state, classes = session.state, session.compiled.classes
    static, bad = session.compiled.static, session.scratch.bad
    bad[:] = -1
    bad[feasible] = 0
    found = {}
    for score in session.profile.scores:
        kind = score.plugin.kind
        raw = np.zeros(len(bad), dtype=np.int64)
        if kind <= ScoreKind.NODE_AFFINITY:
            raw = static.raw[kind, classes.static_row[pod_class]]
        elif kind == ScoreKind.INTER_POD_AFFINITY:
            inter_pod_score(state, classes.inter_pod, pod_class, 0, len(bad), raw)
        elif kind == ScoreKind.POD_TOPOLOGY_SPREAD:
            spread_score(state, classes.spread.soft, pod_class, bad, raw)
        else:
            continue
        found[score.plugin.name] = raw[feasible]
    return found


def _select(
    session: Session, tied: NDArray[np.int64], counter: int, cursor: int
) -> int:
    choice = session.compiled.choice
    if choice.tie == Tie.NEXT:
        after = tied[tied >= cursor]
        return int(after[0] if len(after) else tied[0])
    if choice.tie == Tie.RANDOM:
        return int(_in_order(session, tied)[draw(choice.key, counter, len(tied))])
    return int(tied[0])


def _in_order(session: Session, tied: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return tied nodes in the order in which they are counted."""
    sampling = session.compiled.sampling
    order = sampling.order[: ordered(sampling)]
    if not len(order):
        return tied
    return order[np.isin(order, tied)].astype(np.int64)

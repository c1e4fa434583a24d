"""InterPodAffinity: pods near to, or far from, other pods.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/interpodaffinity. Required
affinity counts pods that match all terms; own anti-affinity counts term by term; so
do the anti-affinity terms of pods that are there. The score sums weights over the
pods in the node's domains and is spread over 0..100 between the feasible nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import DomainTables
from schedbench.cluster.layout import ClusterState, DomainState
from schedbench.cluster.terms import InterPodTerms, Ragged
from schedbench.jit import kernel
from schedbench.objects.pod import Pod
from schedbench.plugins.base import (
    ClusterView,
    NodeVerdicts,
    Scope,
    ScoreKind,
    ScorePlugin,
    Status,
)
from schedbench.plugins.inter_pod_terms import Preparation

AFFINITY_REASON = "node(s) didn't match pod affinity rules"
ANTI_REASON = "node(s) didn't match pod anti-affinity rules"
EXISTING_REASON = "node(s) didn't satisfy existing pods anti-affinity rules"
FITS, NO_AFFINITY, OWN_ANTI, EXISTING_ANTI = 0, 1, 2, 3
_STATUSES = (
    Status((AFFINITY_REASON,), unresolvable=True),
    Status((ANTI_REASON,), unresolvable=False),
    Status((EXISTING_REASON,), unresolvable=False),
)


class InterPodAffinity(ScorePlugin):
    """Rejects and scores nodes by the pods in their topology domains.

    Parameters
    ----------
    hard_pod_affinity_weight
        What a required affinity term of a pod that is there adds to the score.
    ignore_preferred_terms_of_existing_pods
        Whether the terms of pods that are there count only for pods that have
        preferred terms themselves.
    """

    name: ClassVar[str] = "InterPodAffinity"
    filter_scope: ClassVar[Scope | None] = Scope.DOMAIN
    score_scope: ClassVar[Scope | None] = Scope.DOMAIN
    kind = ScoreKind.INTER_POD_AFFINITY

    def __init__(
        self,
        hard_pod_affinity_weight: int = 1,
        *,
        ignore_preferred_terms_of_existing_pods: bool = False,
    ) -> None:
        self.hard_weight = hard_pod_affinity_weight
        self.ignore_existing = ignore_preferred_terms_of_existing_pods

    def prepare(
        self,
        pods: Sequence[Pod],
        namespaces: Mapping[str, dict[str, str]],
        tables: DomainTables,
    ) -> InterPodTerms:
        """Register the counters of all terms of all classes.

        Parameters
        ----------
        namespaces
            Namespace → labels; one without an object has none.
        """
        return Preparation(
            pods,
            namespaces,
            tables,
            hard_weight=self.hard_weight,
            ignore_existing=self.ignore_existing,
        ).terms()

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes break which rule, the first in upstream's order."""
        terms, domains = view.classes.inter_pod, view.state.domains
        code = np.zeros(len(slots), dtype=np.int16)
        for verdict, anti in (
            (EXISTING_ANTI, terms.existing_anti),
            (OWN_ANTI, terms.own_anti),
        ):
            for counter in _items(anti, pod_class):
                code[_counts(domains, counter, slots) > 0] = verdict
        affinity = _items(terms.affinity, pod_class)
        if len(affinity):
            here = np.array([_counts(domains, counter, slots) for counter in affinity])
            anywhere = domains.total[affinity].sum() > 0
            first = bool(terms.self_match[pod_class]) and not anywhere
            passes = (here >= 0).all(axis=0) & ((here > 0).all(axis=0) | first)
            code[~passes] = NO_AFFINITY
        return NodeVerdicts(code, _STATUSES)


def _items(lists: Ragged, pod_class: int) -> NDArray[np.int32]:
    return lists.item[lists.start[pod_class] : lists.start[pod_class + 1]]


def _counts(
    domains: DomainState, counter: int, slots: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a counter's count in the domain of each node, −1 without the label."""
    domain = domains.domain[domains.key[counter], slots]
    counts = domains.counts[domains.start[counter] : domains.start[counter + 1]]
    return np.where(domain < 0, -1, np.append(counts, 0)[domain])


@kernel
def count_at(domains: DomainState, counter: int, node: int) -> int:
    """Return a counter's count in the domain of a node, −1 without the label."""
    domain = domains.domain[domains.key[counter], node]
    if domain < 0:
        return np.int64(-1)
    return domains.counts[domains.start[counter] + domain]


@kernel
def inter_pod_verdict(
    domains: DomainState, terms: InterPodTerms, pod_class: int, node: int
) -> int:
    """Return `FITS`, or which rule a node breaks, in upstream's order."""
    affinity = terms.affinity
    found = True
    anywhere = np.int64(0)
    for i in range(affinity.start[pod_class], affinity.start[pod_class + 1]):
        counter = affinity.item[i]
        here = count_at(domains, counter, node)
        if here < 0:
            return NO_AFFINITY
        found &= here > 0
        anywhere += domains.total[counter]
    if not found and (anywhere > 0 or not terms.self_match[pod_class]):
        return NO_AFFINITY
    own = terms.own_anti
    for i in range(own.start[pod_class], own.start[pod_class + 1]):
        if count_at(domains, own.item[i], node) > 0:
            return OWN_ANTI
    existing = terms.existing_anti
    for i in range(existing.start[pod_class], existing.start[pod_class + 1]):
        if count_at(domains, existing.item[i], node) > 0:
            return EXISTING_ANTI
    return FITS


@kernel
def inter_pod_fits(
    state: ClusterState,
    terms: InterPodTerms,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Make `bad[i]` negative if a required term rejects node `low + i`."""
    if (
        terms.affinity.start[pod_class] == terms.affinity.start[pod_class + 1]
        and terms.own_anti.start[pod_class] == terms.own_anti.start[pod_class + 1]
        and terms.existing_anti.start[pod_class]
        == terms.existing_anti.start[pod_class + 1]
    ):
        return
    for i in range(high - low):
        if bad[i] >= 0:
            verdict = inter_pod_verdict(state.domains, terms, pod_class, low + i)
            bad[i] = -np.int64(verdict)


@kernel
def scores_nothing(domains: DomainState, terms: InterPodTerms, pod_class: int) -> bool:
    """Return whether no pod anywhere adds to the score: upstream then skips."""
    scored = terms.scored
    for i in range(scored.start[pod_class], scored.start[pod_class + 1]):
        if domains.total[scored.item[i]] != 0:
            return False
    return True


@kernel
def inter_pod_score(
    state: ClusterState,
    terms: InterPodTerms,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the raw score of the nodes `low` to `high`."""
    domains = state.domains
    scored = terms.scored
    score[:] = 0
    for i in range(scored.start[pod_class], scored.start[pod_class + 1]):
        counter = scored.item[i]
        weight = scored.weight[i]
        domain = domains.domain[domains.key[counter], low:high]
        counts = domains.counts[domains.start[counter] : domains.start[counter + 1]]
        for node in range(domain.size):
            if domain[node] >= 0:
                score[node] += weight * counts[domain[node]]


@kernel
def inter_pod_normalize(score: NDArray[np.int64], bad: NDArray[np.int64]) -> None:
    """Spread the feasible scores over 0..100, in float64; all 0 if they are equal."""
    lowest = np.int64(2**62)
    greatest = -lowest
    for i in range(score.size):
        if bad[i] >= 0:
            lowest = min(lowest, score[i])
            greatest = max(greatest, score[i])
    for i in range(score.size):
        if bad[i] >= 0 and greatest > lowest:
            share = np.float64(score[i] - lowest) / np.float64(greatest - lowest)
            score[i] = np.int64(100.0 * share)
        else:
            score[i] = 0

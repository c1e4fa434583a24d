"""The terms of pod affinity, class by class, as counters of InterPodAffinity.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/interpodaffinity and
framework.NewPodInfo (getAffinityTerms).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import DomainTables, Eligibility
from schedbench.cluster.terms import InterPodTerms, ragged
from schedbench.objects.pod import Pod, PodAffinity, PodAffinityTerm
from schedbench.objects.selectors import matches_label_selector


class _Term(NamedTuple):
    """A pod affinity term with its namespaces resolved."""

    key: str
    namespaces: frozenset[str]
    term: PodAffinityTerm
    weight: int = 1

    def content(self) -> tuple[object, ...]:
        """Return what makes two terms the same."""
        selectors = (self.term.label_selector, self.term.namespace_selector)
        return (self.key, self.namespaces, repr(selectors))


class Preparation:
    """From the classes' terms to counters; each distinct term is matched once."""

    def __init__(
        self,
        pods: Sequence[Pod],
        namespaces: Mapping[str, dict[str, str]],
        tables: DomainTables,
        *,
        hard_weight: int,
        ignore_existing: bool,
    ) -> None:
        self.hard_weight = hard_weight
        self.ignore_existing = ignore_existing
        self.pods = pods
        self.namespaces = namespaces
        self.tables = tables
        self._matches: dict[tuple[object, ...], NDArray[np.int64]] = {}
        self._nobody = np.zeros(len(pods), dtype=np.int64)
        self._labelled: dict[tuple[str, str], list[int]] = {}
        for pod_class, pod in enumerate(pods):
            for label in pod.metadata.labels.items():
                self._labelled.setdefault(label, []).append(pod_class)

    def terms(self) -> InterPodTerms:
        """Return the columns of the plugin."""
        affinity = [self._required(pod, anti=False) for pod in self.pods]
        anti = [self._required(pod, anti=True) for pod in self.pods]
        liked = [self._preferred(pod) for pod in self.pods]
        together = [self._all(terms) for terms in affinity]
        existing = self._carried(anti)
        return InterPodTerms(
            affinity=ragged(
                [
                    [(self.tables.counter(t.key, together[c]), 1) for t in terms]
                    for c, terms in enumerate(affinity)
                ]
            ),
            own_anti=ragged(
                [[(self._unwanted(t), 1) for t in terms] for terms in anti]
            ),
            existing_anti=ragged([existing(c) for c in range(len(self.pods))]),
            self_match=np.array(
                [together[c][c] > 0 for c in range(len(self.pods))], dtype=np.uint8
            ),
            scored=ragged(self._scores(affinity, liked)),
        )

    def _scores(
        self, affinity: list[list[_Term]], liked: list[list[_Term]]
    ) -> list[list[tuple[int, int]]]:
        wanted = [[t for t in terms if t.weight > 0] for terms in liked]
        unwanted = [
            [t._replace(weight=-t.weight) for t in terms if t.weight < 0]
            for terms in liked
        ]
        carried = [
            (self._carried(wanted), 1),
            (self._carried(unwanted), -1),
            (self._carried(affinity), self.hard_weight),
        ]
        result = []
        for c, own in enumerate(liked):
            entries = [(self._matching(t._replace(weight=1)), t.weight) for t in own]
            if own or not self.ignore_existing:
                for counters, weight in carried:
                    if weight:
                        entries += [(k, weight * w) for k, w in counters(c)]
            result.append(entries)
        return result

    def _required(self, pod: Pod, *, anti: bool) -> list[_Term]:
        group = _group(pod, anti=anti)
        if group is None:
            return []
        terms = group.required_during_scheduling_ignored_during_execution
        return [self._resolve(pod, term) for term in terms]

    def _preferred(self, pod: Pod) -> list[_Term]:
        found = []
        for anti, sign in ((False, 1), (True, -1)):
            group = _group(pod, anti=anti)
            if group is not None:
                found += [
                    self._resolve(pod, wish.pod_affinity_term, sign * wish.weight)
                    for wish in (
                        group.preferred_during_scheduling_ignored_during_execution
                    )
                ]
        return found

    def _resolve(self, pod: Pod, term: PodAffinityTerm, weight: int = 1) -> _Term:
        namespaces = frozenset(term.namespaces)
        if not namespaces and term.namespace_selector is None:
            namespaces = frozenset([pod.metadata.namespace])
        return _Term(term.topology_key, namespaces, term, weight)

    def _match(self, term: _Term, *, own: bool) -> NDArray[np.int64]:
        """Return which classes match a term, 0 or 1 each.

        `own`: the term is the incoming pod's. Upstream then unrolls the namespace
        selector into the Namespace objects it selects, and asks it once more without
        labels, so that `NotIn` and `DoesNotExist` select every namespace.
        """
        content = (own, *term.content()[1:])
        if content not in self._matches:
            found = self._matches[content] = self._nobody.copy()
            for pod_class in self._candidates(term):
                found[pod_class] = self._matches_pod(
                    term, self.pods[pod_class], own=own
                )
        return self._matches[content]

    def _candidates(self, term: _Term) -> Sequence[int]:
        """Return the classes that a term may match: those with a label that it names.

        Where each pod is its own class and has its own term, to ask all takes minutes.
        """
        selector = term.term.label_selector
        if selector is None or not selector.match_labels:
            return range(len(self.pods))
        return min(
            (self._labelled.get(label, ()) for label in selector.match_labels.items()),
            key=len,
        )

    def _matches_pod(self, term: _Term, pod: Pod, *, own: bool) -> bool:
        namespace = pod.metadata.namespace
        selector = term.term.namespace_selector
        here = namespace in term.namespaces
        if selector is not None and not here:
            labels = self.namespaces.get(namespace)
            here = (not own or labels is not None) and matches_label_selector(
                selector, labels or {}
            )
            here |= own and matches_label_selector(selector, {})
        return here and matches_label_selector(
            term.term.label_selector, pod.metadata.labels
        )

    def _all(self, terms: list[_Term]) -> NDArray[np.int64]:
        if not terms:
            return self._nobody
        return np.prod([self._match(term, own=True) for term in terms], axis=0).astype(
            np.int64
        )

    def _matching(self, term: _Term) -> int:
        return self.tables.counter(term.key, self._match(term, own=True))

    def _unwanted(self, term: _Term) -> int:
        """Return the counter of an own term of anti-affinity.

        Pods count on nodes with the label; but a node without it is in the domain of
        the empty value, if there is one: upstream looks up a missing label as "".
        """
        with_label = Eligibility(keys=(term.key,))
        weights = self._match(term, own=True)
        return self.tables.counter(term.key, weights, with_label, absent_is_empty=True)

    def _carried(
        self, terms: list[list[_Term]]
    ) -> Callable[[int], list[tuple[int, int]]]:
        """Return a function: class → counters of the pods whose terms match it."""
        weights: dict[tuple[object, ...], NDArray[np.int64]] = {}
        term_of: dict[tuple[object, ...], _Term] = {}
        for c, own in enumerate(terms):
            for term in own:
                content = term.content()
                term_of.setdefault(content, term)
                column = weights.setdefault(
                    content, np.zeros(len(self.pods), dtype=np.int64)
                )
                column[c] += term.weight
        counters = [
            self.tables.counter(term_of[content].key, column)
            for content, column in weights.items()
        ]
        matches = [self._match(term, own=False) for term in term_of.values()]
        matrix = np.array(matches).reshape(len(matches), len(self.pods))

        def of(pod_class: int) -> list[tuple[int, int]]:
            return [(counters[k], 1) for k in np.flatnonzero(matrix[:, pod_class])]

        return of


def _group(pod: Pod, *, anti: bool) -> PodAffinity | None:
    affinity = pod.spec.affinity
    if affinity is None:
        return None
    return affinity.pod_anti_affinity if anti else affinity.pod_affinity

"""Required pod affinity and anti-affinity, that of the pods already there included.

Source of the rules: kubernetes v1.34 pkg/scheduler/framework/plugins/interpodaffinity
and the decisions recorded of v1.34.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from schedbench.metrics.validation.census import Census, Tally
from schedbench.metrics.validation.wish import Machine, Problem, Wish
from schedbench.objects.pod import PodAffinity, PodAffinityTerm
from schedbench.objects.policy import Namespace
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    matches_label_selector,
)


class Term(NamedTuple):
    """A required term with the keys of its pod's labels merged into the selector."""

    key: str
    spaces: frozenset[str]
    space_selector: LabelSelector | None
    selector: LabelSelector | None
    content: bytes


class Company:
    """Who has to be, and who must not be, in the domains of a pod's node."""

    def __init__(
        self, wishes: Iterable[Wish], objects: Iterable[object], census: Census
    ) -> None:
        self.labels: Mapping[str, dict[str, str]] = {
            item.metadata.name: item.metadata.labels
            for item in objects
            if isinstance(item, Namespace)
        }
        self.near: dict[bytes, tuple[list[Term], list[Tally]]] = {}
        self.away: dict[bytes, list[tuple[Term, Tally]]] = {}
        self.carried: dict[bytes, tuple[Term, Tally]] = {}
        self._against: dict[bytes, list[tuple[Term, Tally]]] = {}
        for wish in wishes:
            if wish.company not in self.near:
                self._learn(wish, census)

    def problems(self, wish: Wish, machine: Machine) -> Iterator[Problem]:
        """Yield the terms that the node breaks, before the pod is there."""
        terms, tallies = self.near[wish.company]
        labels = machine.node.metadata.labels
        missing = [term.key for term in terms if term.key not in labels]
        if missing:
            yield "pod affinity", f"node has no label {missing[0]}"
        elif not all(tally.here(machine) > 0 for tally in tallies):
            lonely = not any(tally.total for tally in tallies)
            if not (lonely and all(self._selects(t, wish, own=True) for t in terms)):
                keys = ", ".join(term.key for term in terms)
                yield "pod affinity", f"no pod that matches in the domain of {keys}"
        for term, tally in self.away[wish.company]:
            if count := tally.here(machine):
                where = f"{term.key}={labels[term.key]}"
                yield "pod anti-affinity", f"{count} pods that match in {where}"
        for term, tally in self._carried_against(wish):
            if count := tally.here(machine):
                where = f"{term.key}={labels[term.key]}"
                yield "anti-affinity of others", f"{count} pods in {where} mind it"

    def _learn(self, wish: Wish, census: Census) -> None:
        """Set up the counts that the terms of a pod read."""
        affinity = wish.pod.spec.affinity
        near = _required(wish, affinity.pod_affinity if affinity else None)
        away = _required(wish, affinity.pod_anti_affinity if affinity else None)
        self.near[wish.company] = (
            near,
            [self._matching(census, term.key, near) for term in near],
        )
        self.away[wish.company] = [
            (term, self._matching(census, term.key, [term])) for term in away
        ]
        for term in away:
            self.carried[term.content] = (term, self._carriers(census, term))

    def _matching(self, census: Census, key: str, terms: list[Term]) -> Tally:
        """Return the tally of the pods that match all of a pod's own terms."""
        return census.tally(
            ("matching", key, *(term.content for term in terms)),
            lambda: Tally(key),
            lambda other: all(self._selects(term, other, own=True) for term in terms),
        )

    def _carriers(self, census: Census, term: Term) -> Tally:
        """Return the tally of the pods whose anti-affinity has the term."""
        return census.tally(
            ("carrying", term.content),
            lambda: Tally(term.key),
            lambda other: any(
                term.content == carried.content
                for carried, _ in self.away[other.company]
            ),
        )

    def _carried_against(self, wish: Wish) -> list[tuple[Term, Tally]]:
        found = self._against.get(wish.company)
        if found is None:
            found = [
                (term, tally)
                for term, tally in self.carried.values()
                if self._selects(term, wish, own=False)
            ]
            self._against[wish.company] = found
        return found

    def _selects(self, term: Term, wish: Wish, *, own: bool) -> bool:
        """Return whether a term means a pod.

        `own`: the term is that of the pod to be placed. Its namespace selector means
        the Namespace objects that it selects, and all namespaces if it selects what
        has no labels; that of a pod already there means a namespace without an object
        as one without labels.
        """
        here = wish.space in term.spaces
        if not here and term.space_selector is not None:
            labels = self.labels.get(wish.space)
            if labels is not None or not own:
                here = matches_label_selector(term.space_selector, labels or {})
            here = here or (own and matches_label_selector(term.space_selector, {}))
        return here and matches_label_selector(term.selector, wish.pod.metadata.labels)


def _required(wish: Wish, group: PodAffinity | None) -> list[Term]:
    if group is None:
        return []
    terms = group.required_during_scheduling_ignored_during_execution
    return [_resolved(wish, term) for term in terms]


def _resolved(wish: Wish, term: PodAffinityTerm) -> Term:
    spaces = frozenset(term.namespaces)
    if not spaces and term.namespace_selector is None:
        spaces = frozenset([wish.space])
    selector = term.label_selector
    keys = (("In", term.match_label_keys), ("NotIn", term.mismatch_label_keys))
    for operator, names in keys:
        selector = with_own_labels(wish, selector, names, operator)
    content = msgspec.json.encode(
        (term.topology_key, sorted(spaces), term.namespace_selector, selector),
        order="deterministic",
    )
    return Term(term.topology_key, spaces, term.namespace_selector, selector, content)


def with_own_labels(
    wish: Wish,
    selector: LabelSelector | None,
    keys: Iterable[str],
    operator: str = "In",
) -> LabelSelector | None:
    """Return the selector, narrowed by the pod's own labels of these keys.

    Keys that the pod has no label for are passed over, and so are all if there is no
    selector (KEP-3243 and KEP-3633).
    """
    labels = wish.pod.metadata.labels
    added = [
        msgspec.convert(
            {"key": key, "operator": operator, "values": [labels[key]]},
            LabelSelectorRequirement,
        )
        for key in keys
        if key in labels
    ]
    if selector is None or not added:
        return selector
    known = selector.match_expressions
    return LabelSelector(
        match_labels=selector.match_labels,
        match_expressions=[*known, *(one for one in added if one not in known)],
    )

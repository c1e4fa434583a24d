"""InterPodAffinity: pods that want, like or shun the company of other pods.

After "Inter-pod affinity and anti-affinity" in the documentation and kube-scheduler
v1.34's recorded behaviour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from naive.label_selectors import selects
from naive.resources import remember
from naive.verdict import PASS, Reasons
from naive.world import World, namespace_of

from schedbench.objects.node import Node
from schedbench.objects.pod import (
    Affinity,
    Pod,
    PodAffinity,
    PodAffinityTerm,
)
from schedbench.objects.policy import Namespace
from schedbench.objects.selectors import LabelSelector

NOT_NEAR = Reasons(["node(s) didn't match pod affinity rules"], unresolvable=True)
TOO_NEAR = Reasons(["node(s) didn't match pod anti-affinity rules"])
UNWANTED = Reasons(["node(s) didn't satisfy existing pods anti-affinity rules"])

Domain = tuple[str, str]


class Term(NamedTuple):
    """A term of a pod, with its weight if it is only a wish.

    `namespaces` are the named ones, the pod's own where the term says nothing of
    namespaces; `selector` has the label keys in it.
    """

    key: str
    selector: LabelSelector | None
    namespaces: frozenset[str]
    namespace_selector: LabelSelector | None
    weight: int = 0


class Terms(NamedTuple):
    """All terms of a pod; wishes to be away have negative weights."""

    near: tuple[Term, ...]
    away: tuple[Term, ...]
    wishes: tuple[Term, ...]


class _State(NamedTuple):
    """How many pods stand for or against each domain."""

    near: Counter[Domain]
    away: Counter[Domain]
    against: Counter[Domain]


def check(pod: Pod, node: Node, world: World) -> Reasons:
    """Refuse nodes without wanted company, with unwanted company, or not wanted.

    If at PreFilter neither the pod has requirements nor any pod shuns it, the plugin
    takes no part: nominated pods that shun it are then not seen.
    """
    if world.before and not _takes_part(pod, world.before):
        return PASS
    state = world.remembered("affinity", pod, lambda: _state(pod, world))
    labels = node.metadata.labels
    terms = terms_of(pod)
    if not all(term.key in labels for term in terms.near):
        return NOT_NEAR
    if not all(state.near[term.key, labels[term.key]] for term in terms.near):
        first = not state.near and _matches_all(terms.near, pod, world)
        if not first:
            return NOT_NEAR
    if any(state.away[term.key, labels.get(term.key, "")] for term in terms.away):
        return TOO_NEAR
    if any(state.against[pair] for pair in labels.items()):
        return UNWANTED
    return PASS


def raw(
    pod: Pod,
    nodes: list[Node],
    world: World,
    hard_weight: int = 1,
    *,
    ignore_preferred: bool = False,
) -> list[int] | None:
    """Sum the weights of the domains of each feasible node.

    Both the pod's wishes and those of the pods that are there count, and so do their
    requirements, each at `hard_weight`. None (skip) if nothing contributes anywhere, or
    with `ignore_preferred` if the pod has no wish.
    """
    mine = terms_of(pod).wishes
    if ignore_preferred and not mine:
        return None
    points: Counter[Domain] = Counter()
    touched = False
    for node in world.nodes:
        labels = node.metadata.labels
        for other in world.on(node):
            for term, weight in _bonds(pod, other, world, hard_weight):
                if term.key in labels:
                    points[term.key, labels[term.key]] += weight
                    touched = True
    if not touched:
        return None
    return [
        sum(points[pair] for pair in node.metadata.labels.items()) for node in nodes
    ]


def normalize(scores: list[int]) -> list[int]:
    """Stretch to 0..100 in floating point, truncated; 0 if all are equal."""
    least, most = min(scores), max(scores)
    if least == most:
        return [0] * len(scores)
    return [int(100.0 * ((score - least) / (most - least))) for score in scores]


@remember
def terms_of(pod: Pod) -> Terms:
    """Return the terms of a pod."""
    affinity = pod.spec.affinity or Affinity()
    friends = affinity.pod_affinity or PodAffinity()
    foes = affinity.pod_anti_affinity or PodAffinity()
    wishes = [
        _term(pod, wish.pod_affinity_term, sign * wish.weight)
        for sign, side in ((1, friends), (-1, foes))
        for wish in side.preferred_during_scheduling_ignored_during_execution
    ]
    near = friends.required_during_scheduling_ignored_during_execution
    away = foes.required_during_scheduling_ignored_during_execution
    return Terms(
        near=tuple(_term(pod, term) for term in near),
        away=tuple(_term(pod, term) for term in away),
        wishes=tuple(wishes),
    )


def term_matches(term: Term, other: Pod, world: World, *, incoming: bool) -> bool:
    """Tell whether a term means a pod.

    A namespace selector of a placed pod looks at the labels of the other's namespace,
    of which a namespace without an object has none. One of the incoming pod means the
    namespaces that exist as objects and are selected, and also any namespace if it
    selects no labels at all, as `NotIn` and `DoesNotExist` do: so kube-scheduler v1.34
    has it, which looks at the selector a second time without labels.
    """
    space = namespace_of(other)
    labels = world.namespace_labels(space)
    meant = space in term.namespaces
    if incoming:
        exists = any(one.metadata.name == space for one in world.kind(Namespace))
        meant |= exists and selects(term.namespace_selector, labels)
        meant |= selects(term.namespace_selector, {})
    else:
        meant |= selects(term.namespace_selector, labels)
    return meant and selects(term.selector, other.metadata.labels)


def _takes_part(pod: Pod, world: World) -> bool:
    terms = terms_of(pod)
    state = world.remembered("affinity", pod, lambda: _state(pod, world))
    return bool(terms.near or terms.away or state.against)


def _state(pod: Pod, world: World) -> _State:
    terms = terms_of(pod)
    near: Counter[Domain] = Counter()
    away: Counter[Domain] = Counter()
    against: Counter[Domain] = Counter()
    for node in world.nodes:
        labels = node.metadata.labels
        for other in world.on(node):
            if terms.near and _matches_all(terms.near, other, world):
                _add(near, terms.near, labels)
            for term in terms.away:
                if term_matches(term, other, world, incoming=True):
                    _add(away, (term,), labels)
            for term in terms_of(other).away:
                if term_matches(term, pod, world, incoming=False):
                    _add(against, (term,), labels)
    return _State(near, away, against)


def _add(
    counts: Counter[Domain], terms: tuple[Term, ...], labels: Mapping[str, str]
) -> None:
    for term in terms:
        if term.key in labels:
            counts[term.key, labels[term.key]] += 1


def _matches_all(terms: tuple[Term, ...], other: Pod, world: World) -> bool:
    return all(term_matches(term, other, world, incoming=True) for term in terms)


def _bonds(
    pod: Pod, other: Pod, world: World, hard_weight: int
) -> list[tuple[Term, int]]:
    """Return the terms that join two pods, with what they are worth."""
    theirs = terms_of(other)
    found = [
        (term, term.weight)
        for term in terms_of(pod).wishes
        if term_matches(term, other, world, incoming=True)
    ]
    found += [
        (term, term.weight or hard_weight)
        for term in (*(theirs.near if hard_weight else ()), *theirs.wishes)
        if term_matches(term, pod, world, incoming=False)
    ]
    return found


def _term(pod: Pod, given: PodAffinityTerm, weight: int = 0) -> Term:
    spaces = frozenset(given.namespaces)
    if not spaces and given.namespace_selector is None:
        spaces = frozenset([namespace_of(pod)])
    return Term(
        given.topology_key,
        given.label_selector,
        spaces,
        given.namespace_selector,
        weight,
    )

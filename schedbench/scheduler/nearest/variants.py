"""The pod with one thing changed: every change that could open more nodes to it.

A change makes the pod ask for less. Numbers (a request, a maxSkew) are taken away
whole here; how much of it was enough is for the columns to say.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from schedbench.cluster.ports import host_ports
from schedbench.objects.node import Node
from schedbench.objects.pod import (
    Affinity,
    Container,
    NodeAffinity,
    Pod,
    PodAffinityTerm,
    ResourceRequirements,
)
from schedbench.objects.resources import pod_requests
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.taints import Taint, Toleration
from schedbench.plugins.node_unschedulable import UNSCHEDULABLE_TAINT
from schedbench.plugins.taint_toleration import first_untolerated

MOST_TAINTS = 50
"""So many of the taints that keep the pod away are tried, the most frequent ones."""
ANY_SKEW = 2**31 - 1

Kind = Literal[
    "request",
    "size",
    "toleration",
    "node selector",
    "node affinity",
    "host port",
    "max skew",
    "min domains",
    "topology spread",
    "pod affinity",
    "pod anti-affinity",
    "anti-affinity of others",
]
Requirement = NodeSelectorRequirement | LabelSelectorRequirement
Item = TypeVar("Item")


class Variant(NamedTuple):
    """A pod with one thing changed.

    Attributes
    ----------
    kind
        What was changed.
    about
        Which one: a resource, a taint, a label, …
    pod
        The pod as it would be.
    place
        For a maxSkew, which of the pod's hard constraints it is.
    """

    kind: Kind
    about: str
    pod: Pod
    place: int = 0


def variants(pod: Pod, nodes: Sequence[Node]) -> list[Variant]:
    """Return the pod with each single thing changed that may keep it off nodes."""
    found = [
        *_smaller_requests(pod),
        *_tolerating(pod, nodes),
        *_less_selective(pod),
        *_without_ports(pod),
        *_less_spread(pod),
        *_without_neighbours(pod),
    ]
    return [each for each in found if each.pod != pod]


def taints_in_the_way(pod: Pod, nodes: Sequence[Node]) -> list[Taint]:
    """Return the taints that the pod minds, the most frequent first."""
    counts: collections.Counter[tuple[str, str, str]] = collections.Counter()
    taint_of: dict[tuple[str, str, str], Taint] = {}
    for node in nodes:
        here: dict[tuple[str, str, str], Taint] = {
            (taint.key, taint.value, taint.effect): taint for taint in node.spec.taints
        }
        if node.spec.unschedulable:
            mark = UNSCHEDULABLE_TAINT
            here.setdefault((mark.key, mark.value, mark.effect), mark)
        counts.update(here.keys())
        taint_of |= here
    return [
        taint_of[content]
        for content, _ in counts.most_common()
        if first_untolerated((taint_of[content],), pod.spec.tolerations)
    ]


def _smaller_requests(pod: Pod) -> Iterator[Variant]:
    asked = [name for name, amount in sorted(pod_requests(pod).items()) if amount > 0]
    for resource in asked:
        yield Variant("request", resource, _without_request(pod, resource))
    if len(asked) > 1:
        changed = functools.reduce(_without_request, asked, pod)
        yield Variant("size", ", ".join(asked), changed)


def _without_request(pod: Pod, resource: str) -> Pod:
    def less(needs: ResourceRequirements) -> ResourceRequirements:
        return msgspec.structs.replace(
            needs,
            requests=_less(needs.requests, resource),
            limits=_less(needs.limits, resource),
        )

    def lighter(containers: list[Container]) -> list[Container]:
        return [
            msgspec.structs.replace(each, resources=less(each.resources))
            for each in containers
        ]

    spec = pod.spec
    return _with(
        pod,
        containers=lighter(spec.containers),
        init_containers=lighter(spec.init_containers),
        resources=spec.resources and less(spec.resources),
        overhead=_less(spec.overhead, resource),
    )


def _tolerating(pod: Pod, nodes: Sequence[Node]) -> Iterator[Variant]:
    taints = taints_in_the_way(pod, nodes)[:MOST_TAINTS]
    same_key = collections.Counter((taint.key, taint.effect) for taint in taints)
    for taint in taints:
        name = f"{taint.key}={taint.value}" if taint.value else taint.key
        consent = Toleration(taint.key, "Equal", taint.value, taint.effect)
        yield _tolerant(pod, f"{name}:{taint.effect}", consent)
    for (key, effect), count in same_key.items():
        if count > 1:
            consent = Toleration(key, "Exists", effect=effect)
            yield _tolerant(pod, f"{key}:{effect} of every value", consent)


def _tolerant(pod: Pod, about: str, consent: Toleration) -> Variant:
    tolerations = [*pod.spec.tolerations, consent]
    return Variant("toleration", about, _with(pod, tolerations=tolerations))


def _less_selective(pod: Pod) -> Iterator[Variant]:
    for key, value in pod.spec.node_selector.items():
        fewer = _less(pod.spec.node_selector, key)
        changed = _with(pod, node_selector=fewer)
        yield Variant("node selector", f"{key}={value}", changed)
    affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    if not required:
        return
    terms = required.node_selector_terms
    for t, term in enumerate(terms):
        expressions, fields = term.match_expressions, term.match_fields
        if len(expressions) + len(fields) < 2:
            continue
        for e, each in enumerate([*expressions, *fields]):
            rest = NodeSelectorTerm(
                _but(expressions, e), _but(fields, e - len(expressions))
            )
            changed = _with_node_affinity(
                pod, NodeSelector([*terms[:t], rest, *terms[t + 1 :]])
            )
            yield Variant("node affinity", condition(each), changed)
    whole = " or ".join(_term_text(term) for term in terms)
    yield Variant("node affinity", whole, _with_node_affinity(pod, None))


def _with_node_affinity(pod: Pod, required: NodeSelector | None) -> Pod:
    affinity = pod.spec.affinity or Affinity()
    changed = msgspec.structs.replace(
        affinity.node_affinity or NodeAffinity(),
        required_during_scheduling_ignored_during_execution=required,
    )
    return _with(pod, affinity=msgspec.structs.replace(affinity, node_affinity=changed))


def _without_ports(pod: Pod) -> Iterator[Variant]:
    def closed(containers: list[Container], wanted: tuple[str, int]) -> list[Container]:
        return [
            msgspec.structs.replace(
                each,
                ports=[
                    port
                    for port in each.ports
                    if (port.protocol or "TCP", port.host_port) != wanted
                ],
            )
            for each in containers
        ]

    for wanted in sorted({(port.protocol, port.port) for port in host_ports(pod)}):
        changed = _with(
            pod,
            containers=closed(pod.spec.containers, wanted),
            init_containers=closed(pod.spec.init_containers, wanted),
        )
        protocol, port = wanted
        about = str(port) if protocol == "TCP" else f"{port}/{protocol}"
        yield Variant("host port", about, changed)


def _less_spread(pod: Pod) -> Iterator[Variant]:
    constraints = pod.spec.topology_spread_constraints
    hard = -1
    for c, constraint in enumerate(constraints):
        if constraint.when_unsatisfiable != "DoNotSchedule":
            continue
        hard += 1
        key = constraint.topology_key
        loose = msgspec.structs.replace(constraint, max_skew=ANY_SKEW)
        changed = [*constraints[:c], loose, *constraints[c + 1 :]]
        yield Variant("max skew", key, _spread_by(pod, changed), hard)
        if constraint.min_domains:
            loose = msgspec.structs.replace(constraint, min_domains=None)
            changed = [*constraints[:c], loose, *constraints[c + 1 :]]
            yield Variant("min domains", key, _spread_by(pod, changed))
        yield Variant("topology spread", key, _spread_by(pod, _but(constraints, c)))


def _spread_by(pod: Pod, constraints: list[Any]) -> Pod:
    return _with(pod, topology_spread_constraints=constraints)


def _without_neighbours(pod: Pod) -> Iterator[Variant]:
    affinity = pod.spec.affinity or Affinity()
    kinds: tuple[tuple[Kind, str], ...] = (
        ("pod affinity", "pod_affinity"),
        ("pod anti-affinity", "pod_anti_affinity"),
    )
    for kind, field in kinds:
        group = getattr(affinity, field)
        if group is None:
            continue
        terms = group.required_during_scheduling_ignored_during_execution
        for t, term in enumerate(terms):
            fewer = msgspec.structs.replace(
                group,
                required_during_scheduling_ignored_during_execution=_but(terms, t),
            )
            changed: Any = msgspec.structs.replace(affinity, **{field: fewer})
            yield Variant(kind, _neighbours(term), _with(pod, affinity=changed))


def _neighbours(term: PodAffinityTerm) -> str:
    return f"{_selector_text(term.label_selector)} by {term.topology_key}"


def _selector_text(selector: LabelSelector | None) -> str:
    if selector is None:
        return "no pods"
    labels = [f"{key}={value}" for key, value in selector.match_labels.items()]
    conditions = [condition(each) for each in selector.match_expressions]
    return ", ".join([*labels, *conditions]) or "all pods"


def _term_text(term: NodeSelectorTerm) -> str:
    conditions = [*term.match_expressions, *term.match_fields]
    return ", ".join(condition(each) for each in conditions) or "nothing"


def condition(given: Requirement) -> str:
    """Return a condition as kubectl writes it, such as `zone in (a, b)`."""
    values = ", ".join(given.values)
    match given.operator:
        case "In" | "NotIn" as operator:
            word = "in" if operator == "In" else "not in"
            return f"{given.key} {word} ({values})"
        case "Exists":
            return given.key
        case "DoesNotExist":
            return f"!{given.key}"
        case operator:
            return f"{given.key} {'>' if operator == 'Gt' else '<'} {values}"


def _with(pod: Pod, **fields: Any) -> Pod:
    return msgspec.structs.replace(
        pod, spec=msgspec.structs.replace(pod.spec, **fields)
    )


def _less(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def _but(items: list[Item], index: int) -> list[Item]:
    """Return a list without one of its items."""
    return [item for place, item in enumerate(items) if place != index]

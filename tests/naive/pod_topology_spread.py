"""PodTopologySpread: pods that a constraint selects are spread over domains of nodes.

After "Pod Topology Spread Constraints" in the documentation and kube-scheduler v1.34's
recorded behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from naive import node_affinity
from naive.label_selectors import is_empty, selects
from naive.taint_toleration import tolerated
from naive.verdict import PASS, Reasons
from naive.world import World, namespace_of

from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, TopologySpreadConstraint
from schedbench.objects.selectors import LabelSelector, LabelSelectorRequirement

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"
NO_DOMAIN = 2**31 - 1
MISSING = Reasons(
    ["node(s) didn't match pod topology spread constraints (missing required label)"],
    unresolvable=True,
)
SKEWED = Reasons(["node(s) didn't match pod topology spread constraints"])


class Defaults(NamedTuple):
    """Constraints of pods that have none; `system`: nodes without a key take part."""

    constraints: tuple[TopologySpreadConstraint, ...]
    system: bool


SYSTEM = Defaults(
    (
        TopologySpreadConstraint(
            max_skew=3, topology_key=HOSTNAME, when_unsatisfiable="ScheduleAnyway"
        ),
        TopologySpreadConstraint(
            max_skew=5, topology_key=ZONE, when_unsatisfiable="ScheduleAnyway"
        ),
    ),
    system=True,
)


class Constraint(NamedTuple):
    """A constraint with the selector it ends up with; None selects nothing."""

    given: TopologySpreadConstraint
    selector: LabelSelector | None

    @property
    def key(self) -> str:
        """The label whose values are the domains."""
        return self.given.topology_key


def check(pod: Pod, node: Node, world: World, defaults: Defaults = SYSTEM) -> Reasons:
    """Refuse a node without a key, or whose domain would get too far ahead."""
    domains = world.remembered(
        "spread domains", pod, lambda: _domains(pod, world, defaults)
    )
    for constraint, counts in domains:
        if constraint.key not in node.metadata.labels:
            return MISSING
        here = counts.get(node.metadata.labels[constraint.key], 0)
        mine = selects(constraint.selector, pod.metadata.labels)
        least = min(counts.values(), default=NO_DOMAIN)
        if len(counts) < (constraint.given.min_domains or 1):
            least = 0
        if here + mine - least > constraint.given.max_skew:
            return SKEWED
    return PASS


def raw(
    pod: Pod, nodes: list[Node], world: World, defaults: Defaults = SYSTEM
) -> list[int | None] | None:
    """Score feasible nodes by what is in their domains; less is better.

    None for a node that is passed over; None for all (skip) without soft constraints.
    """
    constraints = constraints_of(pod, world, SOFT, defaults)
    if not constraints:
        return None
    strict = bool(pod.spec.topology_spread_constraints) or not defaults.system
    taking_part = [node for node in nodes if not strict or _has_all(node, constraints)]
    counting = [
        node for node in world.nodes if not strict or _has_all(node, constraints)
    ]
    scores = dict.fromkeys((node.metadata.name for node in taking_part), 0.0)
    for constraint in constraints:
        counts: dict[str, int] = {}
        for node in taking_part:
            counts[_value(constraint, node)] = 0
        domains = len(taking_part if constraint.key == HOSTNAME else counts)
        for node in counting:
            value = _value(constraint, node)
            if value in counts and _included(constraint, pod, node):
                counts[value] += _count(constraint, pod, world.on(node))
        for node in taking_part:
            if constraint.key not in node.metadata.labels:
                continue
            count = counts[_value(constraint, node)]
            if constraint.key == HOSTNAME:
                count = _count(constraint, pod, world.on(node))
            share = count * math.log(domains + 2)
            scores[node.metadata.name] += share + (constraint.given.max_skew - 1)
    return [
        _rounded(scores[name]) if (name := node.metadata.name) in scores else None
        for node in nodes
    ]


def normalize(scores: list[int | None]) -> list[int]:
    """Turn scores into 0..100, the least best; nodes passed over get 0."""
    known = [score for score in scores if score is not None]
    most, least = max(known, default=0), min(known, default=0)
    return [
        0 if score is None else 100 * (most + least - score) // most if most else 100
        for score in scores
    ]


def constraints_of(
    pod: Pod, world: World, kind: str, defaults: Defaults = SYSTEM
) -> list[Constraint]:
    """Return the pod's constraints of a kind, or the defaults if it has none at all.

    Defaults need a service or a controller that selects the pod.
    """
    own = pod.spec.topology_spread_constraints
    if own:
        return [
            Constraint(one, _with_label_keys(one, pod.metadata.labels))
            for one in own
            if one.when_unsatisfiable == kind
        ]
    selector = selector_of_owners(pod, world)
    if is_empty(selector):
        return []
    return [
        Constraint(one, selector)
        for one in defaults.constraints
        if one.when_unsatisfiable == kind
    ]


def selector_of_owners(pod: Pod, world: World) -> LabelSelector:
    """Join the selectors of the services that select the pod and of its controller."""
    space = namespace_of(pod)
    labels: dict[str, str] = {}
    for service in world.kind(Service, space):
        wanted = service.spec.selector
        if wanted.items() <= pod.metadata.labels.items():
            labels |= wanted
    joined = LabelSelector(match_labels=labels)
    owner = next((one for one in pod.metadata.owner_references if one.controller), None)
    if owner is None:
        return joined
    match owner.api_version, owner.kind:
        case "v1", "ReplicationController":
            for found in world.kind(ReplicationController, space):
                if found.metadata.name == owner.name:
                    labels |= found.spec.selector
        case "apps/v1", ("ReplicaSet" | "StatefulSet") as kind:
            owners = ReplicaSet if kind == "ReplicaSet" else StatefulSet
            for other in world.kind(owners, space):
                if other.metadata.name == owner.name and other.spec.selector:
                    joined.match_expressions += _as_conditions(
                        other.spec.selector.match_labels
                    )
                    joined.match_expressions += other.spec.selector.match_expressions
    return joined


def _domains(
    pod: Pod, world: World, defaults: Defaults
) -> list[tuple[Constraint, dict[str, int]]]:
    """Count the selected pods of each domain, per hard constraint.

    Pods that came or went since PreFilter count by the selector alone, being deleted or
    not, even where the selector is empty.
    """
    constraints = constraints_of(pod, world, HARD, defaults)
    if not constraints:
        return []
    then = world.before or world
    found = []
    for constraint in constraints:
        counts: dict[str, int] = {}
        for node in world.nodes:
            if _has_all(node, constraints) and _included(constraint, pod, node):
                value = _value(constraint, node)
                came, went = world.changes(node)
                counts[value] = (
                    counts.get(value, 0)
                    + _count(constraint, pod, then.on(node))
                    + _matching(constraint, pod, came)
                    - _matching(constraint, pod, went)
                )
        found.append((constraint, counts))
    return found


def _count(constraint: Constraint, pod: Pod, others: list[Pod]) -> int:
    """Count selected pods that are not being deleted; `{}` selects none of them."""
    if is_empty(constraint.selector):
        return 0
    staying = [one for one in others if one.metadata.deletion_timestamp is None]
    return _matching(constraint, pod, staying)


def _matching(constraint: Constraint, pod: Pod, others: list[Pod]) -> int:
    return sum(
        namespace_of(other) == namespace_of(pod)
        and selects(constraint.selector, other.metadata.labels)
        for other in others
    )


def _included(constraint: Constraint, pod: Pod, node: Node) -> bool:
    """Tell whether the constraint's policies let the node's pods count."""
    honours = constraint.given.node_affinity_policy != "Ignore"
    if honours and node_affinity.check(pod, node, []):
        return False
    return constraint.given.node_taints_policy != "Honor" or all(
        taint.effect not in {"NoSchedule", "NoExecute"}
        or tolerated(taint, pod.spec.tolerations)
        for taint in node.spec.taints
    )


def _has_all(node: Node, constraints: list[Constraint]) -> bool:
    return all(one.key in node.metadata.labels for one in constraints)


def _value(constraint: Constraint, node: Node) -> str:
    return node.metadata.labels.get(constraint.key, "")


def _with_label_keys(
    given: TopologySpreadConstraint, labels: Mapping[str, str]
) -> LabelSelector | None:
    """Add the pod's own values of `matchLabelKeys` to the selector."""
    own = {key: labels[key] for key in given.match_label_keys if key in labels}
    selector = given.label_selector
    if not own:
        return selector
    conditions = _as_conditions(own)
    if selector is not None:
        conditions += _as_conditions(selector.match_labels)
        conditions += selector.match_expressions
    return LabelSelector(match_expressions=conditions)


def _as_conditions(labels: Mapping[str, str]) -> list[LabelSelectorRequirement]:
    return [
        LabelSelectorRequirement(key=key, operator="In", values=[value])
        for key, value in labels.items()
    ]


def _rounded(score: float) -> int:
    """Round a half away from zero; scores are not negative."""
    whole = math.floor(score)
    return whole + (score - whole >= 0.5)

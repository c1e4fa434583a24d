"""NodeAffinity: `nodeSelector` and node affinity, with the profile's own additions."""

from __future__ import annotations

from naive.node_selectors import any_term_matches, term_matches
from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import NodeAffinity, Pod

NONE = NodeAffinity()
CONFLICT = Reasons(["pod affinity terms conflict"], unresolvable=True)


def named_nodes(pod: Pod) -> set[str] | None:
    """Return the only nodes the pod names in its terms, or None if it may go anywhere.

    It names nodes if every term has a `metadata.name In` field; an empty set means that
    the terms contradict themselves.
    """
    required = _affinity(pod).required_during_scheduling_ignored_during_execution
    if required is None or not required.node_selector_terms:
        return None
    names: set[str] = set()
    for term in required.node_selector_terms:
        named = [
            set(condition.values)
            for condition in term.match_fields
            if condition.key == "metadata.name" and condition.operator == "In"
        ]
        if not named:
            return None
        names |= set.intersection(*named)
    return names


def check(
    pod: Pod, node: Node, pods_on_node: list[Pod], added: NodeAffinity = NONE
) -> Reasons:
    """Refuse nodes that the profile's or the pod's own requirements do not match."""
    enforced = added.required_during_scheduling_ignored_during_execution
    if enforced and not any_term_matches(enforced.node_selector_terms, node):
        return Reasons(
            ["node(s) didn't match scheduler-enforced node affinity"], unresolvable=True
        )
    labels = node.metadata.labels
    selected = all(
        labels.get(key) == value for key, value in pod.spec.node_selector.items()
    )
    required = _affinity(pod).required_during_scheduling_ignored_during_execution
    if selected and (
        required is None or any_term_matches(required.node_selector_terms, node)
    ):
        return PASS
    return Reasons(
        ["node(s) didn't match Pod's node affinity/selector"], unresolvable=True
    )


def raw(pod: Pod, nodes: list[Node], added: NodeAffinity = NONE) -> list[int] | None:
    """Sum the weights of the wishes a node meets; None (skip) without any wish."""
    wishes = [
        *_affinity(pod).preferred_during_scheduling_ignored_during_execution,
        *added.preferred_during_scheduling_ignored_during_execution,
    ]
    if not wishes:
        return None
    return [
        sum(wish.weight for wish in wishes if term_matches(wish.preference, node))
        for node in nodes
    ]


def normalize(scores: list[int]) -> list[int]:
    """Scale to 0..100 by the greatest."""
    most = max(scores, default=0)
    return [100 * score // most if most else 0 for score in scores]


def _affinity(pod: Pod) -> NodeAffinity:
    affinity = pod.spec.affinity
    return (affinity and affinity.node_affinity) or NONE

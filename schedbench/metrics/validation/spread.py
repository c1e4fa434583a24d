"""Topology spread constraints that say DoNotSchedule.

Source of the rules: kubernetes v1.34 pkg/scheduler/framework/plugins/podtopologyspread
and the decisions recorded of v1.34.1. The cluster's default constraints are soft, so
they promise nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from schedbench.metrics.validation.census import Census, Tally
from schedbench.metrics.validation.inter_pod import with_own_labels
from schedbench.metrics.validation.placement import required_nodes
from schedbench.metrics.validation.wish import Machine, Problem, Wish, untolerated
from schedbench.objects.node import Node
from schedbench.objects.pod import TopologySpreadConstraint
from schedbench.objects.selectors import (
    LabelSelector,
    matches_label_selector,
    matches_labels,
    matches_node_selector,
)


class SpreadTally(Tally):
    """Counts over eligible nodes alone, with the least count of all domains.

    A domain is there, with 0 pods, as soon as it has an eligible node.
    """

    def __init__(self, key: str, eligible: Callable[[Node], bool]) -> None:
        super().__init__(key)
        self._eligible = eligible
        self._inside: set[int] = set()
        self._nodes: Counter[str] = Counter()
        self._tiers: Counter[int] = Counter()

    def least(self, min_domains: int) -> int:
        """Return the least count of a domain, 0 with too few domains."""
        return 0 if len(self.counts) < min_domains else min(self._tiers)

    def change(self, machine: Machine, by: int) -> None:
        """Count pods that come to a node or go."""
        if machine.slot in self._inside:
            value = machine.node.metadata.labels[self.key]
            before = self.counts[value]
            self.counts[value] = before + by
            self._drop_tier(before)
            self._tiers[before + by] += 1

    def enter(self, machine: Machine) -> None:
        """Let an empty node come to the cluster."""
        if self._eligible(machine.node):
            self._inside.add(machine.slot)
            value = machine.node.metadata.labels[self.key]
            self._nodes[value] += 1
            if value not in self.counts:
                self.counts[value] = 0
                self._tiers[0] += 1

    def leave(self, machine: Machine) -> None:
        """Let an empty node go."""
        if machine.slot in self._inside:
            self._inside.discard(machine.slot)
            value = machine.node.metadata.labels[self.key]
            self._nodes[value] -= 1
            if not self._nodes[value]:
                self._drop_tier(self.counts.pop(value))

    def _drop_tier(self, count: int) -> None:
        self._tiers[count] -= 1
        if not self._tiers[count]:
            del self._tiers[count]


class _Hard(NamedTuple):
    """A hard constraint of a pod, its tally, and whether the pod counts itself."""

    constraint: TopologySpreadConstraint
    tally: SpreadTally
    itself: int


class Spread:
    """How evenly the pods that each hard constraint selects lie on the domains."""

    def __init__(self, wishes: Iterable[Wish], census: Census) -> None:
        self._hard = {wish: _constraints(wish, census) for wish in wishes}

    def problems(self, wish: Wish, machine: Machine) -> Iterator[Problem]:
        """Yield the constraints that the node breaks, before the pod is there."""
        for constraint, tally, itself in self._hard[wish]:
            key = constraint.topology_key
            value = machine.node.metadata.labels.get(key)
            if value is None:
                yield "topology spread", f"node has no label {key}"
                continue
            least = tally.least(constraint.min_domains or 1)
            count = tally.here(machine) + itself
            if count - least > constraint.max_skew:
                allowed = f"maxSkew {constraint.max_skew}"
                detail = f"{key}={value}: {count} pods, least {least}, {allowed}"
                yield "topology spread", detail


def _constraints(wish: Wish, census: Census) -> list[_Hard]:
    given = wish.pod.spec.topology_spread_constraints
    hard = [one for one in given if one.when_unsatisfiable == "DoNotSchedule"]
    keys = [one.topology_key for one in hard]
    return [_counted(wish, one, keys, census) for one in hard]


def _counted(
    wish: Wish, constraint: TopologySpreadConstraint, keys: list[str], census: Census
) -> _Hard:
    spec = wish.pod.spec
    honors_affinity = constraint.node_affinity_policy != "Ignore"
    honors_taints = constraint.node_taints_policy == "Honor"
    required = required_nodes(wish.pod) if honors_affinity else None
    node_labels = spec.node_selector if honors_affinity else {}
    selector = with_own_labels(
        wish, constraint.label_selector, constraint.match_label_keys
    )

    def eligible(node: Node) -> bool:
        labels = node.metadata.labels
        return (
            all(key in labels for key in keys)
            and matches_labels(node_labels, labels)
            and (required is None or matches_node_selector(required, node))
            and not (honors_taints and any(untolerated(wish.pod, node)))
        )

    def counted(other: Wish) -> bool:
        return (
            not _is_empty(selector)
            and other.space == wish.space
            and other.pod.metadata.deletion_timestamp is None
            and matches_label_selector(selector, other.pod.metadata.labels)
        )

    content = msgspec.json.encode(
        (
            wish.space,
            constraint.topology_key,
            sorted(keys),
            selector,
            node_labels,
            required,
            spec.tolerations if honors_taints else None,
        ),
        order="deterministic",
    )
    tally = census.tally(
        ("spread", content),
        lambda: SpreadTally(constraint.topology_key, eligible),
        counted,
    )
    assert isinstance(tally, SpreadTally)
    itself = matches_label_selector(selector, wish.pod.metadata.labels)
    return _Hard(constraint, tally, int(itself))


def _is_empty(selector: LabelSelector | None) -> bool:
    """Return whether a selector has no conditions: such a one counts no pods."""
    return selector is not None and not (
        selector.match_labels or selector.match_expressions
    )

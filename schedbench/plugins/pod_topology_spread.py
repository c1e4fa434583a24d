"""PodTopologySpread: pods evenly over the domains of a topology key.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/podtopologyspread. A hard
constraint rejects a node if its domain's count, with the pod, would exceed the least
count by more than maxSkew; soft ones are scored by Σ count · ln(domains + 2) +
(maxSkew − 1), rounded, and normalized as 100 · (max + min − s) / max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import NODE_ITSELF, DomainTables, Eligibility
from schedbench.cluster.layout import NO_COUNT, ClusterState, DomainState
from schedbench.cluster.terms import SpreadColumns, SpreadTerms
from schedbench.jit import allocating_kernel, kernel
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod, TopologySpreadConstraint
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    matches_label_selector,
)
from schedbench.plugins.base import (
    ClusterView,
    NodeVerdicts,
    Scope,
    ScoreKind,
    ScorePlugin,
    Status,
)
from schedbench.plugins.default_selector import SELECTING, default_selector
from schedbench.plugins.inter_pod_affinity import count_at

HOSTNAME = "kubernetes.io/hostname"
REASON = "node(s) didn't match pod topology spread constraints"
MISSING_REASON = f"{REASON} (missing required label)"
FITS, SKEWED, MISSING = 0, 1, 2
_STATUSES = (Status((REASON,), False), Status((MISSING_REASON,), True))
IGNORED = -1

SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(
        max_skew=3, topology_key=HOSTNAME, when_unsatisfiable="ScheduleAnyway"
    ),
    TopologySpreadConstraint(
        max_skew=5,
        topology_key="topology.kubernetes.io/zone",
        when_unsatisfiable="ScheduleAnyway",
    ),
)


class PodTopologySpread(ScorePlugin):
    """Keeps the pods that a constraint selects evenly spread.

    Parameters
    ----------
    default_constraints
        For pods without any, if a Service or their controller selects them.
    defaulting
        `System` puts upstream's own two soft constraints in their place.
    """

    name: ClassVar[str] = "PodTopologySpread"
    filter_scope: ClassVar[Scope | None] = Scope.DOMAIN
    score_scope: ClassVar[Scope | None] = Scope.DOMAIN
    kind = ScoreKind.POD_TOPOLOGY_SPREAD

    def __init__(
        self,
        default_constraints: Sequence[TopologySpreadConstraint] = (),
        defaulting: Literal["System", "List"] = "System",
    ) -> None:
        self.system = defaulting == "System"
        self.defaults = SYSTEM_DEFAULTS if self.system else tuple(default_constraints)

    def prepare(
        self,
        pods: Sequence[Pod],
        objects: Sequence[KubernetesObject],
        tables: DomainTables,
    ) -> SpreadTerms:
        """Register the counters of all constraints of all classes."""
        selecting = [one for one in objects if isinstance(one, SELECTING)]
        of_class = [self.constraints(pod, selecting) for pod in pods]
        return SpreadTerms(
            hard=_columns(pods, of_class, tables, "DoNotSchedule"),
            soft=_columns(pods, of_class, tables, "ScheduleAnyway"),
        )

    def constraints(
        self, pod: Pod, objects: Sequence[KubernetesObject]
    ) -> tuple[list[TopologySpreadConstraint], bool]:
        """Return a pod's constraints, and whether nodes must have all their keys."""
        own = pod.spec.topology_spread_constraints
        if own:
            return [_with_label_keys(constraint, pod) for constraint in own], True
        selector = default_selector(pod, objects) if self.defaults else None
        if selector is None:
            return [], True
        given = [
            msgspec.structs.replace(constraint, label_selector=selector)
            for constraint in self.defaults
        ]
        return given, not self.system

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes break a hard constraint; the first that fails speaks."""
        hard, domains = view.classes.spread.hard, view.state.domains
        code = np.zeros(len(slots), dtype=np.int16)
        for i in range(hard.start[pod_class], hard.start[pod_class + 1]):
            counter = hard.counter[i]
            domain = domains.domain[domains.key[counter], slots]
            skew = np.append(skews(view.state, hard, i), 0)[domain]
            verdict = np.where(domain < 0, MISSING, skew > hard.max_skew[i])
            np.copyto(code, verdict.astype(np.int16), where=code == FITS)
        return NodeVerdicts(code, _STATUSES)


def skews(state: ClusterState, hard: SpreadColumns, i: int) -> NDArray[np.int64]:
    """Return the skew of constraint i with the pod in each of its domains, int64[]."""
    domains = state.domains
    counter = hard.counter[i]
    here = slice(domains.start[counter], domains.start[counter + 1])
    counts = domains.counts[here]
    counted = counts[domains.present[here] > 0]
    least = 0 if len(counted) < hard.min_domains[i] else counted.min(initial=NO_COUNT)
    return counts + hard.itself[i] - least


def _with_label_keys(
    constraint: TopologySpreadConstraint, pod: Pod
) -> TopologySpreadConstraint:
    """Return the constraint with its matchLabelKeys as requirements."""
    labels = pod.metadata.labels
    keys = [key for key in constraint.match_label_keys if key in labels]
    selector = constraint.label_selector
    if not keys or selector is None:
        return constraint
    added = [
        LabelSelectorRequirement(key=key, operator="In", values=[labels[key]])
        for key in keys
    ]
    merged = LabelSelector(
        match_labels=selector.match_labels,
        match_expressions=[*selector.match_expressions, *added],
    )
    return msgspec.structs.replace(constraint, label_selector=merged)


def _columns(
    pods: Sequence[Pod],
    of_class: Sequence[tuple[list[TopologySpreadConstraint], bool]],
    tables: DomainTables,
    kind: str,
) -> SpreadColumns:
    start = [0]
    counter: list[int] = []
    rows: list[tuple[int, int, int, bool]] = []
    key_counter: list[int] = []
    matching = _Matching(pods)
    none = np.zeros(len(pods), dtype=np.int64)
    for pod, (constraints, all_keys) in zip(pods, of_class, strict=True):
        chosen = [c for c in constraints if c.when_unsatisfiable == kind]
        keys = tuple(c.topology_key for c in chosen) if all_keys else ()
        for constraint in chosen:
            by_node = constraint.topology_key == HOSTNAME and kind == "ScheduleAnyway"
            weights = matching(constraint, pod.metadata.namespace)
            key = NODE_ITSELF if by_node else constraint.topology_key
            rule = None if by_node else _eligibility(constraint, pod, keys)
            lenient = not all_keys and not by_node
            ranked = kind == "DoNotSchedule"
            counter.append(
                tables.counter(
                    key, weights, rule, absent_is_empty=lenient, ranked=ranked
                )
            )
            key_counter.append(tables.counter(constraint.topology_key, none))
            itself = matches_label_selector(
                constraint.label_selector, pod.metadata.labels
            )
            rows.append(
                (constraint.max_skew, constraint.min_domains or 1, itself, by_node)
            )
        start.append(len(counter))
    return SpreadColumns(
        start=np.array(start, dtype=np.int32),
        counter=np.array(counter, dtype=np.int32),
        max_skew=np.array([row[0] for row in rows], dtype=np.int64),
        min_domains=np.array([row[1] for row in rows], dtype=np.int64),
        itself=np.array([row[2] for row in rows], dtype=np.int64),
        by_node=np.array([row[3] for row in rows], dtype=np.uint8),
        key_counter=np.array(key_counter, dtype=np.int32),
        all_keys=np.array([all_keys for _, all_keys in of_class], dtype=np.uint8),
    )


class _Matching:
    """Which classes a constraint counts; each distinct selector is matched once."""

    def __init__(self, pods: Sequence[Pod]) -> None:
        self._count = len(pods)
        self._here: dict[str, list[int]] = {}
        self._labels = [pod.metadata.labels for pod in pods]
        self._known: dict[tuple[str, bytes], NDArray[np.int64]] = {}
        for index, pod in enumerate(pods):
            if pod.metadata.deletion_timestamp is None:
                self._here.setdefault(pod.metadata.namespace, []).append(index)

    def __call__(
        self, constraint: TopologySpreadConstraint, namespace: str
    ) -> NDArray[np.int64]:
        """Return 0 or 1 for each class: upstream counts none for `{}`."""
        selector = constraint.label_selector
        content = namespace, msgspec.json.encode(selector, order="deterministic")
        found = self._known.get(content)
        if found is None:
            found = np.zeros(self._count, dtype=np.int64)
            if selector and (selector.match_labels or selector.match_expressions):
                for index in self._here.get(namespace, ()):
                    found[index] = matches_label_selector(selector, self._labels[index])
            self._known[content] = found
        return found


def _eligibility(
    constraint: TopologySpreadConstraint, pod: Pod, keys: tuple[str, ...]
) -> Eligibility:
    honors_affinity = constraint.node_affinity_policy != "Ignore"
    honors_taints = constraint.node_taints_policy == "Honor"
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    content = (
        (pod.spec.node_selector, affinity) if honors_affinity else None,
        pod.spec.tolerations if honors_taints else None,
    )
    return Eligibility(
        keys=keys,
        selected_by=pod if honors_affinity else None,
        tolerated_by=pod if honors_taints else None,
        content=msgspec.json.encode(content, order="deterministic"),
    )


@kernel
def least_count(domains: DomainState, hard: SpreadColumns, i: int) -> int:
    """Return the least count of a constraint over its domains.

    `NO_COUNT` if no domain counts; 0 if there are fewer than minDomains.
    """
    counter = hard.counter[i]
    few = domains.found[counter] < hard.min_domains[i]
    return np.int64(0) if few else domains.least[counter]


@kernel
def spread_fits(
    state: ClusterState,
    hard: SpreadColumns,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Make `bad[i]` negative if a hard constraint rejects node `low + i`."""
    domains = state.domains
    for t in range(hard.start[pod_class], hard.start[pod_class + 1]):
        counter = hard.counter[t]
        least = least_count(domains, hard, t)
        most = hard.max_skew[t] - hard.itself[t] + least
        domain = domains.domain[domains.key[counter], low:high]
        counts = domains.counts[domains.start[counter] : domains.start[counter + 1]]
        for i in range(domain.size):
            if domain[i] < 0 or counts[domain[i]] > most:
                bad[i] |= np.int64(-1)


@kernel
def has_soft(soft: SpreadColumns, pod_class: int) -> bool:
    """Return whether the class has soft constraints; without, upstream skips."""
    return soft.start[pod_class] < soft.start[pod_class + 1]


@allocating_kernel
def spread_score(
    state: ClusterState,
    soft: SpreadColumns,
    pod_class: int,
    bad: NDArray[np.int64],
    score: NDArray[np.int64],
) -> None:
    """Write the raw score of every node, `IGNORED` where a key is missing.

    The number of domains is that of the feasible nodes which are not ignored.
    """
    domains = state.domains
    first, last = soft.start[pod_class], soft.start[pod_class + 1]
    taking_part = np.int64(0)
    for node in range(score.size):
        score[node] = 0
        if soft.all_keys[pod_class]:
            for t in range(first, last):
                if count_at(domains, soft.key_counter[t], node) < 0:
                    score[node] = IGNORED
        taking_part += np.int64(bad[node] >= 0 and score[node] >= 0)
    weight = np.zeros(last - first, dtype=np.float64)
    for t in range(first, last):
        size = taking_part
        if not soft.by_node[t]:
            size = domains_of(state, soft.counter[t], bad, score)
        weight[t - first] = np.log(np.float64(size + 2))
    for node in range(score.size):
        if bad[node] < 0 or score[node] < 0:
            continue
        total = 0.0
        for t in range(first, last):
            if count_at(domains, soft.key_counter[t], node) >= 0:
                count = count_at(domains, soft.counter[t], node)
                total += np.float64(count) * weight[t - first] + np.float64(
                    soft.max_skew[t] - 1
                )
        score[node] = round_half_up(total)


@allocating_kernel
def domains_of(
    state: ClusterState,
    counter: int,
    bad: NDArray[np.int64],
    score: NDArray[np.int64],
) -> int:
    """Count the domains of a key over the nodes that take part."""
    domains = state.domains
    row = domains.key[counter]
    seen = np.zeros(domains.start[counter + 1] - domains.start[counter], np.uint8)
    found = np.int64(0)
    for node in range(bad.size):
        if bad[node] >= 0 and score[node] >= 0:
            domain = domains.domain[row, node]
            found += np.int64(seen[domain] == 0)
            seen[domain] = 1
    return found


@kernel
def round_half_up(value: float) -> int:
    """Return the nearest integer of a value ≥ 0, halves upward."""
    below = np.floor(value)
    return np.int64(below) + np.int64(value - below >= 0.5)


@kernel
def spread_normalize_counts(score: NDArray[np.int64], bad: NDArray[np.int64]) -> None:
    """Turn raw scores into 100 · (max + min − s) / max; ignored nodes get 0."""
    lowest = np.int64(2**62)
    greatest = np.int64(0)
    for i in range(score.size):
        if bad[i] >= 0 and score[i] != IGNORED:
            lowest = min(lowest, score[i])
            greatest = max(greatest, score[i])
    for i in range(score.size):
        if score[i] == IGNORED:
            score[i] = 0
        elif greatest == 0:
            score[i] = 100
        else:
            score[i] = 100 * (greatest + lowest - score[i]) // greatest

"""Counts of pods per topology domain, kept up to date on every bind and release.

A counter sums, for each value of one topology key, weights of the pods bound to
eligible nodes. Every term of inter-pod affinity and topology spread reads one: how
many pods match it, or how many pods carry it. So no cycle looks at pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses
from schedbench.cluster.least_counts import find_least_counts
from schedbench.cluster.matching import match_labels, match_terms
from schedbench.cluster.nodes import ABSENT, NodeTable
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.objects.pod import Pod
from schedbench.objects.taints import tolerates

NODE_ITSELF = ""
"""Stands for the key by which every node is a domain of its own."""


class Eligibility(NamedTuple):
    """Which nodes' pods count.

    Attributes
    ----------
    keys
        Labels that the node must have.
    selected_by
        A pod whose node selector and required affinity must match, or None.
    tolerated_by
        A pod that must tolerate the node's NoSchedule and NoExecute taints, or None.
    content
        Bytes that are equal where the rule is.
    """

    keys: tuple[str, ...] = ()
    selected_by: Pod | None = None
    tolerated_by: Pod | None = None
    content: bytes = b""

    def nodes(self, nodes: NodeTable, slots: slice) -> NDArray[np.uint8]:
        """Return which of some nodes are eligible, uint8[slots]."""
        result = np.ones(slots.stop - slots.start, dtype=np.bool_)
        for key in self.keys:
            result &= nodes.label(key).ids[slots] != ABSENT
        if self.selected_by is not None:
            result &= selected(self.selected_by, nodes, slots)
        if self.tolerated_by is not None:
            result &= tolerated(self.tolerated_by, nodes, slots)
        return result.astype(np.uint8)


def selected(pod: Pod, nodes: NodeTable, slots: slice) -> NDArray[np.bool_]:
    """Return which nodes match a pod's node selector and required node affinity."""
    result = match_labels(pod.spec.node_selector, nodes, slots)
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is not None:
        required = affinity.required_during_scheduling_ignored_during_execution
        if required is not None:
            result &= match_terms(required.node_selector_terms, nodes, slots)
    return result


def tolerated(pod: Pod, nodes: NodeTable, slots: slice) -> NDArray[np.bool_]:
    """Return which nodes have no NoSchedule or NoExecute taint the pod minds."""
    fine = [
        all(
            taint.effect == "PreferNoSchedule"
            or any(tolerates(t, taint) for t in pod.spec.tolerations)
            for taint in taints
        )
        for taints in nodes.taint_lists
    ]
    return np.array(fine, dtype=np.bool_)[nodes.taint_list[slots]]


class DomainTables:
    """The counters that the plugins of a profile ask for, over one workload."""

    def __init__(self, nodes: NodeTable, classes: int) -> None:
        self._nodes = nodes
        self._classes = classes
        self._keys: Vocabulary[tuple[str, bool]] = Vocabulary()
        self._rules: Vocabulary[tuple[tuple[str, ...], bytes]] = Vocabulary()
        self._eligible: list[Eligibility] = []
        self._counters: Vocabulary[tuple[int, int, bytes]] = Vocabulary()
        self._weights: list[NDArray[np.int64]] = []
        self._ranked: set[int] = set()

    def __len__(self) -> int:
        return len(self._weights)

    def counter(
        self,
        key: str,
        weights: NDArray[np.int64],
        eligible: Eligibility | None = None,
        *,
        absent_is_empty: bool = False,
        ranked: bool = False,
    ) -> int:
        """Return the counter of a topology key, of weights per class, over nodes.

        Parameters
        ----------
        weights : int64[C]
            What a bound pod of each class adds.
        absent_is_empty
            Whether nodes without the label count as having an empty value.
        ranked
            Whether to keep its least count.
        """
        rule = eligible or Eligibility()
        mask = self._rules.add((rule.keys, rule.content))
        if mask == len(self._eligible):
            self._eligible.append(rule)
        row = self._keys.add((key, absent_is_empty))
        index = self._counters.add((row, mask, weights.tobytes()))
        if index == len(self._weights):
            self._weights.append(weights)
        if ranked:
            self._ranked.add(index)
        return index

    def state(self, alive: NDArray[np.uint8]) -> DomainState:
        """Return the counters at zero, for the node objects as they are now."""
        every = slice(0, len(self._nodes))
        domain = self._domains(every)
        sizes = self._sizes()
        pairs = list(self._counters)
        key = np.array([pair[0] for pair in pairs], dtype=np.int32)
        mask = np.array([pair[1] for pair in pairs], dtype=np.int32)
        start = np.zeros(len(pairs) + 1, dtype=np.int32)
        start[1:] = np.cumsum([sizes[row] for row in key])
        rows = [rule.nodes(self._nodes, every) for rule in self._eligible]
        eligible = np.array(rows, dtype=np.uint8).reshape(len(rows), len(self._nodes))
        present = np.zeros(start[-1], dtype=np.int64)
        for counter in range(len(pairs)):
            here = (eligible[mask[counter]] & alive).astype(np.bool_)
            values = domain[key[counter], here]
            np.add.at(present, start[counter] + values[values >= 0], 1)
        ranked = np.zeros(len(pairs), dtype=np.uint8)
        ranked[sorted(self._ranked)] = 1
        state = DomainState(
            domain=domain,
            key=key,
            mask=mask,
            eligible=eligible,
            start=start,
            counts=np.zeros(start[-1], dtype=np.int64),
            present=present,
            total=np.zeros(len(pairs), dtype=np.int64),
            ranked=ranked,
            least=np.zeros(len(pairs), dtype=np.int64),
            least_times=np.zeros(len(pairs), dtype=np.int64),
            found=np.zeros(len(pairs), dtype=np.int64),
        )
        find_least_counts(state)
        return state

    def contribute(self, classes: PodClasses) -> PodClasses:
        """Return the classes with the counters that their pods add to."""
        matrix = np.array(self._weights, dtype=np.int64)
        by_class = matrix.reshape(len(self._weights), self._classes).T
        pod_class, adds = np.nonzero(by_class)
        start = np.zeros(self._classes + 1, dtype=np.int32)
        start[1:] = np.cumsum(np.bincount(pod_class, minlength=self._classes))
        return classes._replace(
            adds=adds.astype(np.int32),
            add_weight=by_class[pod_class, adds],
            add_start=start,
        )

    def counts_alike(self, state: DomainState, slot: int) -> bool:
        """Return whether a node's object, as it is now, counts as it did in a state."""
        here = slice(slot, slot + 1)
        return np.array_equal(self._domains(here), state.domain[:, here]) and all(
            rule.nodes(self._nodes, here)[0] == state.eligible[mask, slot]
            for mask, rule in enumerate(self._eligible)
        )

    def _domains(self, slots: slice) -> NDArray[np.int32]:
        domain = np.zeros((len(self._keys), slots.stop - slots.start), dtype=np.int32)
        for row, (key, absent_is_empty) in enumerate(self._keys):
            if key == NODE_ITSELF:
                domain[row] = np.arange(slots.start, slots.stop)
                continue
            column = self._nodes.label(key)
            empty = column.values.add("") if absent_is_empty else ABSENT
            ids = column.ids[slots]
            domain[row] = np.where(ids == ABSENT, empty, ids)
        return domain

    def _sizes(self) -> Sequence[int]:
        """Return how many domains each key has, those without nodes among them."""
        return [
            len(self._nodes)
            if key == NODE_ITSELF
            else len(self._nodes.label(key).values)
            for key, _ in self._keys
        ]


def no_domains(nodes: int) -> DomainState:
    """Return a state without counters."""
    return DomainState(
        domain=np.zeros((1, nodes), dtype=np.int32),
        key=np.zeros(0, dtype=np.int32),
        mask=np.zeros(0, dtype=np.int32),
        eligible=np.zeros((0, nodes), dtype=np.uint8),
        start=np.zeros(1, dtype=np.int32),
        counts=np.zeros(0, dtype=np.int64),
        present=np.zeros(0, dtype=np.int64),
        total=np.zeros(0, dtype=np.int64),
        ranked=np.zeros(0, dtype=np.uint8),
        least=np.zeros(0, dtype=np.int64),
        least_times=np.zeros(0, dtype=np.int64),
        found=np.zeros(0, dtype=np.int64),
    )

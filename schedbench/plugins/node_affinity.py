"""NodeAffinity: `nodeSelector` and node affinity, required and preferred.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodeaffinity. Required terms
are ORed; the score is the sum of the weights of the preferred terms that match, empty
terms being ignored; without preferred terms PreScore skips the plugin.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.matching import match_labels, match_term, match_terms
from schedbench.cluster.nodes import NodeTable
from schedbench.objects.pod import NodeAffinity as Affinity
from schedbench.objects.pod import Pod, PreferredSchedulingTerm
from schedbench.plugins.base import Scope, ScoreKind, ScorePlugin, StaticVerdict

REASON = "node(s) didn't match Pod's node affinity/selector"
ADDED_REASON = "node(s) didn't match scheduler-enforced node affinity"


class NodeAffinity(ScorePlugin):
    """Rejects nodes outside the pod's selector, and likes those it prefers.

    Parameters
    ----------
    added
        Affinity that the profile gives every pod, besides its own.
    """

    name: ClassVar[str] = "NodeAffinity"
    filter_scope: ClassVar[Scope | None] = Scope.STATIC
    score_scope: ClassVar[Scope | None] = Scope.STATIC
    kind = ScoreKind.NODE_AFFINITY

    def __init__(self, added: Affinity | None = None) -> None:
        self.added = added or Affinity()

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes pass; what the profile adds is asked first."""
        passes = match_labels(pod.spec.node_selector, nodes, slots)
        affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
        if affinity is not None:
            required = affinity.required_during_scheduling_ignored_during_execution
            if required is not None:
                passes &= match_terms(required.node_selector_terms, nodes, slots)
        enforced = self.added.required_during_scheduling_ignored_during_execution
        if enforced is None:
            return StaticVerdict.of(passes, REASON)
        inside = match_terms(enforced.node_selector_terms, nodes, slots)
        code = np.where(inside, np.where(passes, 0, 2), 1).astype(np.int16)
        return StaticVerdict(code, (ADDED_REASON, REASON))

    def named_nodes(self, pod: Pod) -> frozenset[str] | None:
        """Return the nodes to which PreFilter narrows a pod; None = all.

        Every required term must name some by the field metadata.name; terms that
        contradict themselves name none.
        """
        affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
        required = affinity and (
            affinity.required_during_scheduling_ignored_during_execution
        )
        if not required or not required.node_selector_terms:
            return None
        names: set[str] = set()
        for term in required.node_selector_terms:
            lists = [
                set(field.values)
                for field in term.match_fields
                if field.key == "metadata.name" and field.operator == "In"
            ]
            if not lists:
                return None
            names |= set.intersection(*lists)
        return frozenset(names)

    def static_score(
        self, pod: Pod, nodes: NodeTable, slots: slice
    ) -> NDArray[np.int64]:
        """Return the summed weights of the preferred terms that match, int64[slots]."""
        total = np.zeros(len(range(*slots.indices(len(nodes)))), dtype=np.int64)
        for preferred in self.preferred(pod):
            matched = match_term(preferred.preference, nodes, slots)
            total += preferred.weight * matched
        return total

    def preferred(self, pod: Pod) -> list[PreferredSchedulingTerm]:
        """Return the preferred terms of a pod and those that the profile adds."""
        own = pod.spec.affinity.node_affinity if pod.spec.affinity else None
        return [
            term
            for affinity in (own or Affinity(), self.added)
            for term in affinity.preferred_during_scheduling_ignored_during_execution
        ]

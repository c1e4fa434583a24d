"""From which nodes a volume can be reached, made or paid for, by their labels.

Source: kubernetes v1.34 k8s.io/component-helpers/storage/volume (node affinity of
volumes) and pkg/apis/core/v1/helper (topology selector terms).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schedbench.cluster.matching import Mask, match_labels, match_term
from schedbench.cluster.nodes import NodeTable
from schedbench.objects.selectors import (
    LabelSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.storage import PersistentVolume, TopologySelectorTerm

ALL = slice(None)


def reach(volume: PersistentVolume, nodes: NodeTable, slots: slice) -> Mask:
    """Return which nodes match the node affinity of a volume, bool[slots]."""
    count = len(range(*slots.indices(len(nodes))))
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return np.ones(count, dtype=np.bool_)
    result = np.zeros(count, dtype=np.bool_)
    for term in affinity.required.node_selector_terms:
        result |= _match_nameless(term, nodes, slots)
    return result


def in_topologies(terms: Sequence[TopologySelectorTerm], nodes: NodeTable) -> Mask:
    """Return which nodes match one of the terms, bool[N]; without terms all do.

    An empty term matches nothing.
    """
    result = np.full(len(nodes), not terms, dtype=np.bool_)
    for term in terms:
        conditions = [
            NodeSelectorRequirement(key=one.key, operator="In", values=one.values)
            for one in term.match_label_expressions
        ]
        wanted = NodeSelectorTerm(match_expressions=conditions)
        result |= match_term(wanted, nodes, ALL)
    return result


def selected(selector: LabelSelector | None, nodes: NodeTable) -> Mask:
    """Return which nodes a label selector selects, bool[N]: none = nothing."""
    if selector is None:
        return np.zeros(len(nodes), dtype=np.bool_)
    result = match_labels(selector.match_labels, nodes, ALL)
    conditions = [
        NodeSelectorRequirement(key=one.key, operator=one.operator, values=one.values)
        for one in selector.match_expressions
    ]
    if conditions:
        term = NodeSelectorTerm(match_expressions=conditions)
        result &= match_term(term, nodes, ALL)
    return result


def _match_nameless(term: NodeSelectorTerm, nodes: NodeTable, slots: slice) -> Mask:
    """Match a term by labels alone: a volume does not see the names of nodes."""
    count = len(range(*slots.indices(len(nodes))))
    for field in term.match_fields:
        known = field.key == "metadata.name" and len(field.values) == 1
        if not known or field.operator != "NotIn":
            return np.zeros(count, dtype=np.bool_)
    if term.match_fields and not term.match_expressions:
        return np.ones(count, dtype=np.bool_)
    labels = NodeSelectorTerm(match_expressions=term.match_expressions)
    return match_term(labels, nodes, slots)

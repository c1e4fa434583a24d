"""Node selectors over whole columns of nodes, with upstream's meaning.

Source: k8s.io/component-helpers scheduling/corev1/nodeaffinity and
k8s.io/apimachinery pkg/labels: In, NotIn, Exists, DoesNotExist, Gt, Lt on labels,
In and NotIn on `metadata.name`; terms are ORed, an empty term matches nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.nodes import ABSENT, NodeTable
from schedbench.objects.selectors import NodeSelectorRequirement, NodeSelectorTerm

Mask = NDArray[np.bool_]
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def match_labels(labels: dict[str, str], nodes: NodeTable, slots: slice) -> Mask:
    """Return which nodes carry all the given labels (a pod's `nodeSelector`)."""
    result = np.ones(len(range(*slots.indices(len(nodes)))), dtype=np.bool_)
    for key, value in labels.items():
        column = nodes.label(key)
        wanted = column.values.get(value, ABSENT - 1)
        result &= column.ids[slots] == wanted
    return result


def match_terms(terms: list[NodeSelectorTerm], nodes: NodeTable, slots: slice) -> Mask:
    """Return which nodes match at least one of the terms."""
    result = np.zeros(len(range(*slots.indices(len(nodes)))), dtype=np.bool_)
    for term in terms:
        result |= match_term(term, nodes, slots)
    return result


def match_term(term: NodeSelectorTerm, nodes: NodeTable, slots: slice) -> Mask:
    """Return which nodes match all conditions of a term; none if it is empty."""
    count = len(range(*slots.indices(len(nodes))))
    if not term.match_expressions and not term.match_fields:
        return np.zeros(count, dtype=np.bool_)
    result = np.ones(count, dtype=np.bool_)
    for requirement in term.match_expressions:
        result &= _match_label(requirement, nodes, slots)
    for requirement in term.match_fields:
        result &= _match_field(requirement, nodes, slots)
    return result


def _match_label(
    requirement: NodeSelectorRequirement, nodes: NodeTable, slots: slice
) -> Mask:
    column = nodes.label(requirement.key)
    ids = column.ids[slots]
    operator, values = requirement.operator, requirement.values
    if bool(values) != (operator not in {"Exists", "DoesNotExist"}):
        return np.zeros(len(ids), dtype=np.bool_)  # upstream cannot parse it
    if operator == "Exists":
        return np.not_equal(ids, ABSENT)
    if operator == "DoesNotExist":
        return np.equal(ids, ABSENT)
    if operator in {"In", "NotIn"}:
        wanted = [column.values[value] for value in values if value in column.values]
        found = np.isin(ids, wanted)
        return found if operator == "In" else ~found
    bound = parse_int64(values[0]) if len(values) == 1 else None
    if bound is None:
        return np.zeros(len(ids), dtype=np.bool_)
    holds = np.zeros(len(column.values) + 1, dtype=np.bool_)
    for index, value in enumerate(column.values):
        number = parse_int64(value)
        if number is not None:
            holds[index] = number > bound if operator == "Gt" else number < bound
    return holds[ids]


def _match_field(
    requirement: NodeSelectorRequirement, nodes: NodeTable, slots: slice
) -> Mask:
    count = len(range(*slots.indices(len(nodes))))
    if (
        requirement.key != "metadata.name"
        or requirement.operator not in {"In", "NotIn"}
        or len(requirement.values) != 1
    ):
        return np.zeros(count, dtype=np.bool_)
    slot = nodes.slots.get(requirement.values[0], ABSENT)
    found = np.equal(np.arange(len(nodes))[slots], slot)
    return found if requirement.operator == "In" else ~found


def parse_int64(text: str) -> int | None:
    """Return the integer as Go's strconv.ParseInt(text, 10, 64) reads it, or None."""
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isascii() or not digits.isdigit():
        return None
    number = int(text)
    return number if INT64_MIN <= number <= INT64_MAX else None

"""Node selector terms, after "Assigning Pods to Nodes" in the documentation."""

from __future__ import annotations

import re

from schedbench.objects.node import Node
from schedbench.objects.selectors import NodeSelectorRequirement, NodeSelectorTerm


def any_term_matches(terms: list[NodeSelectorTerm], node: Node) -> bool:
    """Tell whether one of the terms matches the node."""
    return any(term_matches(term, node) for term in terms)


def term_matches(term: NodeSelectorTerm, node: Node) -> bool:
    """Tell whether all conditions hold; an empty or invalid term never matches."""
    if not term.match_expressions and not term.match_fields:
        return False
    return all(
        _label_condition(condition, node.metadata.labels)
        for condition in term.match_expressions
    ) and all(
        _name_condition(condition, node.metadata.name)
        for condition in term.match_fields
    )


def _label_condition(
    condition: NodeSelectorRequirement, labels: dict[str, str]
) -> bool:
    present = condition.key in labels
    match condition.operator:
        case "In":
            return present and labels[condition.key] in condition.values
        case "NotIn":
            return bool(condition.values) and not (
                present and labels[condition.key] in condition.values
            )
        case "Exists":
            return present and not condition.values
        case "DoesNotExist":
            return not present and not condition.values
        case "Gt" | "Lt":
            if not present or len(condition.values) != 1:
                return False
            mine, bound = _int64(labels[condition.key]), _int64(condition.values[0])
            if mine is None or bound is None:
                return False
            return mine > bound if condition.operator == "Gt" else mine < bound
    return False


def _name_condition(condition: NodeSelectorRequirement, name: str) -> bool:
    if condition.key != "metadata.name" or len(condition.values) != 1:
        return False
    if condition.operator == "In":
        return name == condition.values[0]
    return condition.operator == "NotIn" and name != condition.values[0]


def _int64(text: str) -> int | None:
    if not re.fullmatch(r"[+-]?[0-9]+", text, flags=re.ASCII):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None

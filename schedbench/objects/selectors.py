"""Label and node selectors, and what they match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from schedbench.objects.meta import ApiStruct
from schedbench.objects.node import Node


class LabelSelectorRequirement(ApiStruct):
    """One condition of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] = msgspec.field(default_factory=list)


class LabelSelector(ApiStruct):
    """A query over labels; all its conditions must hold."""

    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: list[LabelSelectorRequirement] = msgspec.field(
        default_factory=list
    )


class NodeSelectorRequirement(ApiStruct):
    """One condition on a node's labels or fields."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str] = msgspec.field(default_factory=list)


class NodeSelectorTerm(ApiStruct):
    """Conditions on a node that must all hold; an empty term matches nothing."""

    match_expressions: list[NodeSelectorRequirement] = msgspec.field(
        default_factory=list
    )
    match_fields: list[NodeSelectorRequirement] = msgspec.field(default_factory=list)


class NodeSelector(ApiStruct):
    """Terms of which one must hold."""

    node_selector_terms: list[NodeSelectorTerm] = msgspec.field(default_factory=list)


def matches_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether the labels hold all the wanted pairs."""
    return all(labels.get(key) == value for key, value in wanted.items())


def matches_requirement(
    requirement: LabelSelectorRequirement | NodeSelectorRequirement,
    labels: Mapping[str, str],
) -> bool:
    """Return whether the labels meet one condition.

    `NotIn` and `DoesNotExist` are met by an absent label, `Gt` and `Lt` only by an
    int64. A condition that the API would refuse (`In` without values, `Gt` without an
    integer) is met by nothing (`k8s.io/apimachinery/pkg/labels`).
    """
    present = requirement.key in labels
    values = requirement.values
    match requirement.operator:
        case "In":
            return present and labels[requirement.key] in values
        case "NotIn":
            return bool(values) and (
                not present or labels[requirement.key] not in values
            )
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case "Gt" | "Lt" as operator:
            if not present or len(values) != 1:
                return False
            have, bound = _int64(labels[requirement.key]), _int64(values[0])
            if have is None or bound is None:
                return False
            return have > bound if operator == "Gt" else have < bound


def matches_label_selector(
    selector: LabelSelector | None, labels: Mapping[str, str]
) -> bool:
    """Return whether a selector selects the labels: none = nothing, empty = all."""
    if selector is None:
        return False
    return matches_labels(selector.match_labels, labels) and all(
        matches_requirement(requirement, labels)
        for requirement in selector.match_expressions
    )


def matches_node_selector_term(term: NodeSelectorTerm, node: Node) -> bool:
    """Return whether the node meets all conditions of the term; an empty one: never.

    Fields are `metadata.name` alone, with `In` or `NotIn` and one value
    (`k8s.io/component-helpers/scheduling/corev1/nodeaffinity`).
    """
    if not term.match_expressions and not term.match_fields:
        return False
    return all(
        matches_requirement(requirement, node.metadata.labels)
        for requirement in term.match_expressions
    ) and all(
        _matches_field(requirement, node.metadata.name)
        for requirement in term.match_fields
    )


def matches_node_selector(selector: NodeSelector, node: Node) -> bool:
    """Return whether the node meets one of the terms."""
    return any(
        matches_node_selector_term(term, node) for term in selector.node_selector_terms
    )


def _matches_field(requirement: NodeSelectorRequirement, name: str) -> bool:
    if requirement.key != "metadata.name" or len(requirement.values) != 1:
        return False
    match requirement.operator:
        case "In":
            return name == requirement.values[0]
        case "NotIn":
            return name != requirement.values[0]
        case _:
            return False


def _int64(text: str) -> int | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None

"""Label and node selectors, and what they match."""

from __future__ import annotations

from typing import Literal

import msgspec

from schedbench.objects.meta import ApiStruct


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

"""Labels, selectors of all kinds, taints and tolerations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schedbench.objects.pod import NodeAffinity, PreferredSchedulingTerm
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.taints import Taint, Toleration
from strategies.words import LABELS, TAINTS, rarely


def labels() -> st.SearchStrategy[dict[str, str]]:
    """Draw labels of a pod or a node."""
    options = {key: st.sampled_from(values) for key, values in LABELS.items()}
    return st.fixed_dictionaries({}, optional=options)


@st.composite
def label_selectors(draw: st.DrawFn) -> LabelSelector:
    """Draw a label selector; the empty one included."""
    requirement = _requirements(
        LabelSelectorRequirement, ("In", "NotIn", "Exists", "DoesNotExist")
    )
    return LabelSelector(
        match_labels=draw(labels()) if draw(rarely) else {},
        match_expressions=draw(st.lists(requirement, max_size=2)),
    )


def node_requirements() -> st.SearchStrategy[NodeSelectorRequirement]:
    """Draw one condition on a node's labels."""
    operators = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
    return _requirements(NodeSelectorRequirement, operators)


@st.composite
def node_selector_terms(
    draw: st.DrawFn, node_names: Sequence[str] = ("node-0",)
) -> NodeSelectorTerm:
    """Draw a term, now and then an empty one or one that names a node."""
    fields = []
    if draw(rarely):
        operator = draw(st.sampled_from(("In", "In", "NotIn")))
        name = draw(st.sampled_from(node_names))
        field = NodeSelectorRequirement(
            key="metadata.name", operator=operator, values=[name]
        )
        fields.append(field)
    expressions = draw(st.lists(node_requirements(), max_size=2))
    return NodeSelectorTerm(match_expressions=expressions, match_fields=fields)


@st.composite
def node_affinities(
    draw: st.DrawFn, node_names: Sequence[str] = ("node-0",)
) -> NodeAffinity:
    """Draw needs and wishes about nodes."""
    terms = node_selector_terms(node_names)
    required = st.builds(
        NodeSelector, node_selector_terms=st.lists(terms, min_size=1, max_size=2)
    )
    preferred = st.builds(
        PreferredSchedulingTerm, weight=st.integers(1, 100), preference=terms
    )
    return NodeAffinity(
        required_during_scheduling_ignored_during_execution=draw(
            st.none() | st.none() | required
        ),
        preferred_during_scheduling_ignored_during_execution=draw(
            st.lists(preferred, max_size=3)
        ),
    )


@st.composite
def taints(draw: st.DrawFn) -> Taint:
    """Draw a taint of any effect."""
    key = draw(st.sampled_from(sorted(TAINTS)))
    effects = ("NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute")
    return Taint(
        key=key,
        value=draw(st.sampled_from(TAINTS[key])),
        effect=draw(st.sampled_from(effects)),
    )


@st.composite
def tolerations(draw: st.DrawFn) -> Toleration:
    """Draw a toleration, the one that tolerates everything included."""
    key = draw(st.sampled_from(["", *sorted(TAINTS)]))
    operator = draw(st.sampled_from((None, "", "Equal", "Exists"))) if key else "Exists"
    value = ""
    if key and operator != "Exists":
        value = draw(st.sampled_from(TAINTS[key]))
    effects = (None, "", "NoSchedule", "PreferNoSchedule", "NoExecute")
    effect = draw(st.sampled_from(effects))
    return Toleration(key=key, operator=operator, value=value, effect=effect)


def pod_selectors() -> st.SearchStrategy[LabelSelector | None]:
    """Draw a selector of pods, most often one that selects many; None included."""
    web = {"app": "web"}
    wide = st.sampled_from(("web", "any", "web", "not db", "all", "none")).map(
        lambda kind: {
            "web": LabelSelector(match_labels=dict(web)),
            "any": LabelSelector(
                match_expressions=[
                    LabelSelectorRequirement(key="app", operator="Exists")
                ]
            ),
            "not db": LabelSelector(
                match_expressions=[
                    LabelSelectorRequirement(key="app", operator="NotIn", values=["db"])
                ]
            ),
            "all": LabelSelector(),
            "none": None,
        }[kind]
    )
    return wide | wide | label_selectors()


def namespace_selectors() -> st.SearchStrategy[LabelSelector]:
    """Draw a selector of namespaces, the empty one included."""
    requirement = st.sampled_from(
        (
            LabelSelectorRequirement(key="team", operator="Exists"),
            LabelSelectorRequirement(key="team", operator="DoesNotExist"),
            LabelSelectorRequirement(key="team", operator="In", values=["red"]),
            LabelSelectorRequirement(key="team", operator="NotIn", values=["red"]),
        )
    )
    some = st.lists(requirement, max_size=1)
    return st.builds(LabelSelector, match_expressions=some)


@st.composite
def _requirements(draw: st.DrawFn, kind: type[Any], operators: Sequence[str]) -> Any:
    key = draw(st.sampled_from(sorted(LABELS)))
    operator = draw(st.sampled_from(operators))
    values: list[str] = []
    if operator in {"In", "NotIn"}:
        some = st.sampled_from(LABELS[key])
        values = draw(st.lists(some, min_size=1, max_size=2, unique=True))
    elif operator in {"Gt", "Lt"}:
        values = [draw(st.sampled_from(("0", "2", "5")))]
    return kind(key=key, operator=operator, values=values)

"""Label and node selectors: what matches what."""

from __future__ import annotations

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    matches_label_selector,
    matches_labels,
    matches_node_selector,
    matches_node_selector_term,
    matches_requirement,
)

NODE = Node(metadata=ObjectMeta(name="n1", labels={"zone": "a", "rank": "7", "e": ""}))


def requirement(key: str, operator: str, *values: str) -> NodeSelectorRequirement:
    """Make a condition on a node."""
    return NodeSelectorRequirement(key=key, operator=operator, values=list(values))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(requirement("zone", "In", "b", "a"), True, id="In finds it"),
        pytest.param(requirement("zone", "In", "b"), False, id="In misses it"),
        pytest.param(requirement("gone", "In", ""), False, id="absent is not empty"),
        pytest.param(requirement("e", "In", ""), True, id="an empty value is a value"),
        pytest.param(requirement("zone", "In"), False, id="In of nothing is nothing"),
        pytest.param(requirement("zone", "NotIn", "b"), True, id="NotIn of others"),
        pytest.param(requirement("zone", "NotIn", "a"), False, id="NotIn of its own"),
        pytest.param(
            requirement("gone", "NotIn", "a"), True, id="NotIn is met by absence"
        ),
        pytest.param(requirement("e", "Exists"), True, id="Exists with an empty value"),
        pytest.param(requirement("gone", "Exists"), False, id="Exists is not there"),
        pytest.param(
            requirement("gone", "DoesNotExist"), True, id="DoesNotExist is not there"
        ),
        pytest.param(
            requirement("e", "DoesNotExist"), False, id="DoesNotExist is there"
        ),
        pytest.param(requirement("rank", "Gt", "6"), True, id="7 is greater than 6"),
        pytest.param(requirement("rank", "Gt", "7"), False, id="Gt is strict"),
        pytest.param(requirement("rank", "Lt", "10"), True, id="Lt compares numbers"),
        pytest.param(requirement("rank", "Lt", "7"), False, id="Lt is strict"),
        pytest.param(
            requirement("rank", "Gt", "-8"), True, id="bounds may be negative"
        ),
        pytest.param(requirement("zone", "Gt", "1"), False, id="a is no number"),
        pytest.param(requirement("e", "Lt", "1"), False, id="nothing is no number"),
        pytest.param(requirement("gone", "Lt", "1"), False, id="Lt needs the label"),
        pytest.param(requirement("rank", "Gt", "1.5"), False, id="bound is no integer"),
        pytest.param(requirement("rank", "Gt", "1", "2"), False, id="two bounds"),
        pytest.param(
            requirement("rank", "Lt", str(2**63)), False, id="bound beyond int64"
        ),
    ],
)
def test_requirement(condition: NodeSelectorRequirement, expected: bool) -> None:
    """A condition is met as apimachinery's label requirements are."""
    assert expected is matches_requirement(condition, NODE.metadata.labels)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(None, False, id="no selector selects nothing"),
        pytest.param(LabelSelector(), True, id="the empty selector selects all"),
        pytest.param(LabelSelector(match_labels={"zone": "a"}), True, id="equal label"),
        pytest.param(
            LabelSelector(
                match_labels={"zone": "a"},
                match_expressions=[
                    LabelSelectorRequirement(key="zone", operator="NotIn", values=["a"])
                ],
            ),
            False,
            id="labels and expressions must both hold",
        ),
    ],
)
def test_label_selector(selector: LabelSelector | None, expected: bool) -> None:
    """A label selector is the conjunction of its parts."""
    assert expected is matches_label_selector(selector, NODE.metadata.labels)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        pytest.param(NodeSelectorTerm(), False, id="an empty term matches nothing"),
        pytest.param(
            NodeSelectorTerm(match_fields=[requirement("metadata.name", "In", "n1")]),
            True,
            id="the node's name",
        ),
        pytest.param(
            NodeSelectorTerm(
                match_fields=[requirement("metadata.name", "NotIn", "n1")]
            ),
            False,
            id="any name but the node's",
        ),
        pytest.param(
            NodeSelectorTerm(
                match_fields=[requirement("metadata.name", "NotIn", "n2")]
            ),
            True,
            id="any name but another's",
        ),
        pytest.param(
            NodeSelectorTerm(
                match_fields=[requirement("metadata.name", "In", "n1", "n2")]
            ),
            False,
            id="two names are no valid field condition",
        ),
        pytest.param(
            NodeSelectorTerm(match_fields=[requirement("metadata.name", "Exists")]),
            False,
            id="a field knows only In and NotIn",
        ),
        pytest.param(
            NodeSelectorTerm(match_fields=[requirement("metadata.uid", "In", "n1")]),
            False,
            id="a field that nodes do not select by",
        ),
        pytest.param(
            NodeSelectorTerm(
                match_expressions=[requirement("zone", "In", "a")],
                match_fields=[requirement("metadata.name", "In", "n2")],
            ),
            False,
            id="expressions and fields must both hold",
        ),
    ],
)
def test_node_selector_term(term: NodeSelectorTerm, expected: bool) -> None:
    """A term is the conjunction of its conditions on labels and name."""
    assert expected is matches_node_selector_term(term, NODE)


def test_terms_are_alternatives() -> None:
    """A node selector matches if one of its terms does; without terms, never."""
    missing = NodeSelectorTerm(match_expressions=[requirement("zone", "In", "b")])
    matching = NodeSelectorTerm(match_expressions=[requirement("zone", "In", "a")])

    assert matches_node_selector(
        NodeSelector(node_selector_terms=[missing, matching]), NODE
    )
    assert not matches_node_selector(NodeSelector(node_selector_terms=[missing]), NODE)
    assert not matches_node_selector(NodeSelector(), NODE)


@given(
    key=st.sampled_from(sorted(strategies.LABELS)),
    values=st.lists(st.sampled_from(["a", "web", "", "10"]), min_size=1, max_size=3),
    labels=strategies.labels(),
)
def test_opposite_operators_disagree(
    key: str, values: list[str], labels: dict[str, str]
) -> None:
    """NotIn is the opposite of In, DoesNotExist of Exists."""
    for one, other in (("In", "NotIn"), ("Exists", "DoesNotExist")):
        assert matches_requirement(
            requirement(key, one, *values), labels
        ) is not matches_requirement(requirement(key, other, *values), labels)


@given(wanted=strategies.labels(), labels=strategies.labels())
def test_match_labels_are_single_valued_in(
    wanted: dict[str, str], labels: dict[str, str]
) -> None:
    """`matchLabels` says what `In` with one value says."""
    expressions = [
        LabelSelectorRequirement(key=key, operator="In", values=[value])
        for key, value in wanted.items()
    ]
    expected = matches_label_selector(
        LabelSelector(match_expressions=expressions), labels
    )

    assert expected is matches_labels(wanted, labels)
    assert expected is matches_label_selector(
        LabelSelector(match_labels=wanted), labels
    )

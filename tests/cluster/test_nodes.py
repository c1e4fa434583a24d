"""Node objects as columns of ids, and selectors over them."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from naive import node_selectors
from naive.handmade import make_node

from schedbench.cluster.matching import (
    match_labels,
    match_term,
    match_terms,
    parse_int64,
)
from schedbench.cluster.nodes import ABSENT, NodeTable
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.errors import InputError
from schedbench.objects.node import Node
from schedbench.objects.selectors import NodeSelectorRequirement, NodeSelectorTerm

TERMS = strategies.node_selector_terms(("node-0", "node-1", "node-9"))


def test_a_vocabulary_numbers_terms_as_they_come() -> None:
    """A term keeps its first number; unknown ones have none."""
    words = Vocabulary(["b", "a", "b"])

    assert [words["b"], words.add("a"), words.add("c")] == [0, 1, 2]
    assert (len(words), list(words)) == (3, ["b", "a", "c"])
    assert words.get("z") == -1
    assert "c" in words


def test_label_columns_follow_updates() -> None:
    """A changed node changes its entry in every column that was asked for."""
    table = NodeTable([make_node("a", labels={"disk": "ssd"}), make_node("b")])
    column = table.label("disk")
    before = column.ids.tolist()
    table.update(1, make_node("b", labels={"disk": "hdd"}))
    table.update(0, make_node("a"))

    assert before == [0, ABSENT]
    assert column.ids.tolist() == [ABSENT, column.values["hdd"]]
    assert table.label("disk") is column


def test_taint_lists_are_shared_and_follow_updates() -> None:
    """Nodes with the same taints share a list; order and values count."""
    taints = [{"key": "k", "value": "v", "effect": "NoSchedule"}]
    nodes = [
        make_node("a", taints=taints),
        make_node("b"),
        make_node("c", taints=taints),
    ]
    table = NodeTable(nodes)
    shared = table.taint_list.tolist()
    table.update(1, make_node("b", taints=taints, unschedulable=True))

    assert shared == [0, 1, 0]
    assert table.taint_list.tolist() == [0, 0, 0]
    assert table.unschedulable.tolist() == [False, True, False]


def test_two_nodes_of_one_name_are_refused() -> None:
    """Names tell nodes apart."""
    with pytest.raises(InputError, match="Node a: two nodes have the same name"):
        NodeTable([make_node("a"), make_node("a")])


@given(
    nodes=strategies.clusters(max_size=5),
    terms=st.lists(TERMS, max_size=3),
    low=st.integers(0, 4),
)
def test_terms_match_as_the_naive_ones(
    nodes: list[Node], terms: list[NodeSelectorTerm], low: int
) -> None:
    """Selector terms over columns match what they match node by node."""
    table, slots = NodeTable(nodes), slice(low, len(nodes))
    expected = [node_selectors.any_term_matches(terms, node) for node in nodes[slots]]

    assert expected == match_terms(terms, table, slots).tolist()
    for term in terms:
        one = [node_selectors.term_matches(term, node) for node in nodes[slots]]

        assert one == match_term(term, table, slots).tolist()


@given(nodes=strategies.clusters(max_size=5), labels=strategies.labels())
def test_labels_match_as_the_naive_ones(
    nodes: list[Node], labels: dict[str, str]
) -> None:
    """A node selector over columns matches nodes that carry all its labels."""
    expected = [labels.items() <= node.metadata.labels.items() for node in nodes]

    assert expected == match_labels(labels, NodeTable(nodes), slice(None)).tolist()


REQUIREMENTS = [
    pytest.param("In", [], id="in nothing"),
    pytest.param("NotIn", [], id="not in nothing"),
    pytest.param("Exists", ["1"], id="exists with values"),
    pytest.param("DoesNotExist", ["1"], id="does not exist with values"),
    pytest.param("Gt", [], id="greater than nothing"),
    pytest.param("Gt", ["1", "2"], id="greater than two numbers"),
    pytest.param("Gt", ["many"], id="greater than no number"),
    pytest.param("Lt", ["+3"], id="less than a signed number"),
    pytest.param("Lt", ["9223372036854775808"], id="less than what overflows"),
]


@pytest.mark.parametrize(("operator", "values"), REQUIREMENTS)
def test_odd_requirements_match_as_the_naive_ones(
    operator: str, values: list[str]
) -> None:
    """What upstream's validation would refuse matches no more here than there."""
    labels = [{}, *({"rank": value} for value in ("1", "2", "-3", "many", ""))]
    nodes = [make_node(f"node-{i}", labels=one) for i, one in enumerate(labels)]
    wanted = NodeSelectorRequirement(key="rank", operator=operator, values=values)
    term = NodeSelectorTerm(match_expressions=[wanted])
    expected = [node_selectors.term_matches(term, node) for node in nodes]

    assert expected == match_term(term, NodeTable(nodes), slice(None)).tolist()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("", None),
        ("-", None),
        ("1_000", None),
        (" 1", None),
        ("1.0", None),
        ("٣", None),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_integers_are_read_as_go_reads_them(text: str, number: int | None) -> None:
    """An integer is what Go's strconv.ParseInt accepts."""
    assert number == parse_int64(text)


def test_an_absent_value_is_no_id() -> None:
    """A label that no node carries matches none, and its absence all."""
    table = NodeTable([make_node("a"), make_node("b")])
    exists, absent = (
        NodeSelectorTerm(
            match_expressions=[NodeSelectorRequirement(key="x", operator=operator)]
        )
        for operator in ("Exists", "DoesNotExist")
    )

    assert not match_term(exists, table, slice(None)).any()
    assert np.all(match_term(absent, table, slice(None)))

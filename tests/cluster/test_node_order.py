"""The zone-interleaved node list, by its sentences and against recorded lists."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.cluster.node_order import NodeOrder, zone_of
from schedbench.objects.defaults import default_node
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node

BETA = "failure-domain.beta.kubernetes.io"
STABLE = "topology.kubernetes.io"


def node(zone: str | None, slot: int = 0) -> Node:
    """Make a node in a zone."""
    labels = {} if zone is None else {f"{STABLE}/zone": zone}
    return Node(metadata=ObjectMeta(name=f"n{slot}", labels=labels))


def order_of(*zones: str | None) -> NodeOrder:
    """Make the order of nodes in these zones, slot by slot."""
    order = NodeOrder()
    for slot, zone in enumerate(zones):
        order.add(slot, node(zone))
    return order


@pytest.mark.parametrize("group", ["sample", "samplechurn"])
def test_recorded_lists(shared: Path, group: str) -> None:
    """Every recorded list is ours, through all events."""
    path = shared / "conformance" / "kube-scheduler-v1.34.1" / f"{group}.jsonl.gz"
    compared = 0
    with gzip.open(path, "rt") as file:
        for line in file:
            compared += follow(json.loads(line))

    assert compared >= {"sample": 24, "samplechurn": 300}[group]


def follow(record: dict) -> int:
    """Play the node events of a case; return how many lists were compared."""
    case = record["case"]
    order, slots = NodeOrder(), {}

    def add(document: dict) -> None:
        found = default_node(msgspec.convert(document, Node))
        slot = slots.setdefault(found.metadata.name, len(slots))
        order.add(slot, found)

    for document in case["nodes"]:
        add(document)

    assert order.refresh().tolist() == record["order"], case["id"]
    compared = 1
    events = case.get("events") or []
    for index, decision in enumerate(record["expected"]):
        for event in (e for e in events if e["before"] == index):
            if event["op"] == "removeNode":
                order.remove(slots[event["name"]])
            elif event["op"] != "deletePod":
                add(event["node"])
        found = order.refresh()
        if "order" in decision:
            compared += 1

            assert found.tolist() == decision["order"], (case["id"], index)
    return compared


def test_zones_take_turns() -> None:
    """Zones go round in the order first seen; exhausted ones are passed over."""
    order = order_of("a", "a", "b", None, "a", "b")

    assert order.refresh().tolist() == [0, 2, 3, 1, 5, 4]


def test_beta_labels_win() -> None:
    """A beta label is looked at first, even if it is empty; no labels are one zone."""
    both = {f"{BETA}/zone": "old", f"{STABLE}/zone": "new", f"{STABLE}/region": "r"}

    assert zone_of(Node(metadata=ObjectMeta(labels=both))) == ("r", "old")
    both[f"{BETA}/zone"] = ""
    assert zone_of(Node(metadata=ObjectMeta(labels=both))) == ("r", "")
    assert zone_of(node(None)) == ("", "")


def test_a_return_changes_nothing_yet() -> None:
    """A node that leaves and returns keeps its place until the set changes."""
    order = order_of("a", "a", "a")
    order.refresh()
    order.remove(0)
    order.add(0, node("a"))

    assert order.refresh().tolist() == [0, 1, 2]
    order.add(3, node("a"))
    assert order.refresh().tolist() == [1, 2, 0, 3]


def test_a_new_zone_label_changes_nothing_yet() -> None:
    """A node that changes its zone keeps its place until the set changes."""
    order = order_of("a", "a", "b")
    order.refresh()
    order.add(0, node("b"))

    assert order.refresh().tolist() == [0, 2, 1]
    order.remove(1)
    assert order.refresh().tolist() == [2, 0]


def test_an_emptied_zone_comes_last() -> None:
    """A zone that lost its last node is forgotten and comes last when it returns."""
    order = order_of("a", "b")
    order.refresh()
    order.remove(0)
    order.remove(0)

    assert order.refresh().tolist() == [1]
    order.add(0, node("a"))
    assert order.refresh().tolist() == [1, 0]
    assert len(order) == 2


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["-", "a", "b", "c"]))))
def test_against_lists_of_lists(steps: list[tuple[int, str]]) -> None:
    """A tree written with plain lists says the same after each step."""
    order, zones, listed = NodeOrder(), {}, []
    for slot, zone in steps:
        there = next((z for z, nodes in zones.items() if slot in nodes), None)
        if there is not None and there != zone:
            zones[there].remove(slot)
            zones = {z: nodes for z, nodes in zones.items() if nodes}
        if zone == "-":
            order.remove(slot)
        else:
            order.add(slot, node(zone))
            if there != zone:
                zones.setdefault(zone, []).append(slot)
        if {n for nodes in zones.values() for n in nodes} != set(listed):
            longest = max(map(len, zones.values()), default=0)
            listed = [
                nodes[turn]
                for turn in range(longest)
                for nodes in zones.values()
                if turn < len(nodes)
            ]

        assert order.refresh().tolist() == listed

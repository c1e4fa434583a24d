from __future__ import annotations

import pytest
from node_world import World, pod

from schedbench.errors import InputError
from schedbench.node.network import AddressRange, NodeRanges


def test_a_24_range_has_253_pods() -> None:
    """Of 256 addresses network, bridge and broadcast are not for pods."""
    addresses = AddressRange("10.1.2.0/24")
    taken = [addresses.take() for _ in range(254)]

    assert taken[0] == "10.1.2.2"
    assert taken[252] == "10.1.2.254"
    assert taken[253] is None


def test_addresses_are_given_in_turn() -> None:
    """An address given back is not given out again before the others."""
    addresses = AddressRange("10.1.2.0/29")
    first = addresses.take()
    assert first is not None
    addresses.give_back(first)

    assert [addresses.take() for _ in range(5)] == [
        "10.1.2.3",
        "10.1.2.4",
        "10.1.2.5",
        "10.1.2.6",
        "10.1.2.2",
    ]


def test_a_sandbox_without_address_is_tried_again() -> None:
    """Out of addresses a pod waits, and starts once one is given back."""
    world = World(cidr="10.1.2.0/30")
    world.add(pod("a"))
    world.add(pod("b"))
    world.run(15)
    waiting = world.status("b").phase
    world.api.delete("Pod", "d", "a")
    world.run(11)

    assert (waiting, world.status("b").phase) == ("Pending", "Running")


def test_pods_of_the_host_network_take_no_address() -> None:
    """A pod with hostNetwork has the node's address."""
    world = World(cidr="10.1.2.0/30")
    world.add(pod("a", host_network=True))
    world.add(pod("b"))

    assert world.status("b").phase == "Running"


def test_nodes_have_ranges_that_do_not_overlap() -> None:
    """Each node has its own range of the cluster's; in the end there is none."""
    ranges = NodeRanges("10.0.0.0/22", 24)
    taken = [ranges.take() for _ in range(4)]

    assert taken == [f"10.0.{index}.0/24" for index in range(4)]
    assert ranges.take() is None
    ranges.give_back("10.0.2.0/24")
    assert ranges.take() == "10.0.2.0/24"


def test_a_range_that_is_none_is_named() -> None:
    """A malformed range is an error that shows it."""
    with pytest.raises(InputError, match=r"10\.0"):
        AddressRange("10.0")

"""A client's rate limit, and what the servers count."""

from __future__ import annotations

import itertools

import pytest
from controlplane.cluster_of_servers import ADMIN, Servers, pod

from schedbench.controlplane.client import Client
from schedbench.controlplane.parameters import ApiServerParameters
from schedbench.errors import InputError


def arrivals(world, client, count):
    times = []
    for number in range(count):
        client.create(pod(f"p{number}"), lambda _: times.append(world.clock.now))
    world.run(100)
    return times


def test_calls_go_out_at_qps_after_the_burst():
    """The burst at once, then one every 1/qps seconds."""
    world = Servers()
    start = world.clock.now
    times = arrivals(world, Client(world.servers, ADMIN, qps=2, burst=3), 6)

    assert [time - start for time in times] == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])


def test_rest_fills_the_bucket_no_higher_than_the_burst():
    """However long the rest, the burst is what it was."""
    world = Servers()
    client = Client(world.servers, ADMIN, qps=2, burst=3)
    arrivals(world, client, 3)
    world.run(1000)
    start = world.clock.now
    times = arrivals(world, client, 5)

    assert [time - start for time in times] == pytest.approx([0, 0, 0, 0.5, 1.0])


def test_client_without_limit_does_not_wait():
    """No qps, no bucket."""
    world = Servers()
    start = world.clock.now

    assert arrivals(world, world.admin, 50) == [start] * 50


def test_limit_of_zero_is_a_mistake():
    """It would wait for ever."""
    world = Servers()

    with pytest.raises(InputError, match="qps"):
        Client(world.servers, ADMIN, qps=0)


def test_calls_are_counted_by_outcome():
    """The audit knows verb, kind and status of every call."""
    world = Servers()
    world.ok(world.admin.create, pod())
    world.refused(world.admin.create, pod())
    world.ok(world.admin.bind, "default", "web", "n1")

    assert world.servers.audit.calls == {
        ("create", "Pod", 201): 1,
        ("create", "Pod", 409): 1,
        ("bind", "Pod", 201): 1,
    }


def test_load_is_sampled_while_there_is_any():
    """Once a second at most: how many calls are served, and how many wait."""
    world = Servers(ApiServerParameters(), slow=True)
    for number in range(3000):
        world.clock.after(number * 0.001, world.admin.create, pod(f"p{number}"))
    world.run(1000)
    times = [time for time, _, _ in world.servers.audit.in_flight]

    assert len(times) == 3
    assert all(b - a >= 1 for a, b in itertools.pairwise(times))
    assert all(serving > 0 for _, serving, _ in world.servers.audit.in_flight)

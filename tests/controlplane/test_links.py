"""Ways between clients and API servers that are cut and mended."""

from __future__ import annotations

from typing import Any

from controlplane.cluster_of_servers import Servers, pod

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.authorization import MASTERS
from schedbench.controlplane.client import Client
from schedbench.controlplane.parameters import ApiServerParameters, Network

UNANSWERED = Network().unanswered


def cut() -> tuple[Servers, Client, list[Any]]:
    """Return servers that a client has been cut off from, and its answers."""
    world = Servers()
    client = world.client("edge", MASTERS)
    world.servers.cut_off(["edge"])
    return world, client, []


def test_a_call_over_a_cut_way_fails_when_the_connection_is_given_up() -> None:
    """It never arrives, and a late mend does not send it after all."""
    world, client, answers = cut()
    client.create(pod(), answers.append)
    world.run(UNANSWERED - 1)
    assert answers == []
    world.run(2)
    assert [answer.error.reason for answer in answers] == ["Timeout"]
    world.servers.reconnect(["edge"])
    world.run()

    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"
    assert len(answers) == 1


def test_a_call_arrives_when_the_way_is_mended_in_time() -> None:
    """As TCP sends again what nobody acknowledged: once, and answered once."""
    world, client, answers = cut()
    client.create(pod(), answers.append)
    world.run(UNANSWERED / 2)
    world.servers.reconnect(["edge"])
    world.run(UNANSWERED)

    assert [answer.error for answer in answers] == [None]


def test_an_answer_on_a_cut_way_is_lost_but_the_write_is_not() -> None:
    """Who hears of a timeout does not know whether the call was served."""
    world = Servers(ApiServerParameters(), slow=True)
    client, answers = world.client("edge", MASTERS), []
    client.create(pod(), answers.append)
    world.clock.run(stop=lambda: bool(world.servers._replicas[0].calls))
    world.servers.cut_off(["edge"])
    world.run(UNANSWERED + 1)

    assert [answer.error.reason for answer in answers] == ["Timeout"]
    assert world.pod().metadata.name == "web"


def test_a_watch_over_a_mended_way_misses_nothing() -> None:
    """It resumes from the revision it had reached; others were not disturbed."""
    world = Servers()
    client = world.client("edge", MASTERS)
    events: list[WatchEvent] = []
    client.watch("Pod", events.append)
    others = world.watch()
    world.ok(world.admin.create, pod("a"))
    world.servers.cut_off(["edge"])
    world.ok(world.admin.create, pod("b"))
    world.ok(world.admin.delete, "Pod", "default", "a", grace=0.0)

    assert [event.object.metadata.name for event in events] == ["a"]
    world.servers.reconnect(["edge"])
    world.run(5)

    assert [event.type for event in events] == ["ADDED", "ADDED", "DELETED"]
    assert events == others


def test_a_watch_begun_over_a_cut_way_begins_when_it_is_mended() -> None:
    """It is not synced before."""
    world, client, events = cut()
    world.ok(world.admin.create, pod())
    watch = client.watch("Pod", events.append)
    world.run(5)
    assert not watch.synced
    world.servers.reconnect(["edge"])
    world.run(5)

    assert watch.synced
    assert [event.type for event in events] == ["ADDED"]

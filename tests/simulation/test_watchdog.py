"""What etcd and its API servers keep, however their members come and go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.watched import Watched

from schedbench.cluster.encode import encode
from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.etcd_member import Append
from schedbench.controlplane.etcd_types import Delete, Event, Put, Txn
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.end_to_end import Told, end_to_end, hollow_nodes
from schedbench.simulation.invariants import Breach
from schedbench.simulation.watchdog import Watchdog
from schedbench.simulation.wiring import Component, Wiring

NAMES = ("a", "b", "c")


@pytest.fixture
def world() -> Watched:
    world = Watched()
    world.run(1.0)
    return world


def errors(world: Watched) -> list[str | None]:
    """Return what became of the calls so far."""
    return [one.error.reason if one.error else None for one in world.answers]


def laws(breaches: list[Breach]) -> list[str]:
    return [breach.law for breach in breaches]


def test_without_a_quorum_nothing_is_acknowledged_and_nothing_forks(
    world: Watched,
) -> None:
    """Writes time out, the revision stands still, members' logs stay prefixes."""
    world.put("a")
    world.run(1.0)
    before = world.etcd.store.revision
    world.etcd.stop_member(0)
    world.etcd.stop_member(2)
    world.put("b")
    world.put("a", "me")
    world.run(60.0)

    assert errors(world) == [None, "Timeout", "Timeout"]
    assert world.etcd.store.revision == before
    assert [one.end for one in world.etcd.outages] == [math.inf]


def test_each_side_of_a_split_writes_only_with_a_quorum(world: Watched) -> None:
    """Of five members two go on with nothing, three with everything."""
    five = Watched(members=5)
    five.run(1.0)
    five.put("a")
    leader = five.etcd.leader
    assert leader is not None
    five.etcd.isolate(leader)
    five.etcd.isolate((leader + 1) % 5)
    five.put("b")
    five.run(10.0)
    five.etcd.rejoin(leader)
    five.put("c")
    five.run(5.0)

    assert five.etcd.leader != leader
    assert errors(five)[1:] == [None, None]
    assert five.told.breaches() == []


@pytest.mark.parametrize("lost", [(0, 1), (1, 2), (0, 1, 2)])
def test_every_acknowledged_write_is_there_after_the_quorum_returns(
    world: Watched, lost: tuple[int, ...]
) -> None:
    """Members die in the midst of writes and come back with what they acknowledged."""
    for number in range(40):
        world.put(f"one-{number}")
        world.run(0.0005)
    for member in lost:
        world.etcd.stop_member(member)
    for number in range(40):
        world.put(f"two-{number}")
        world.run(0.25)
    for member in lost:
        world.etcd.start_member(member)
    world.run(30.0)
    world.put("last")
    world.run(5.0)
    keys = {key.rpartition("/")[2] for _, key in world.told.log}

    assert len(world.told.writes) >= 41
    assert world.told.breaches() == []
    assert {write.key.rpartition("/")[2] for _, write in world.told.writes} <= keys


def told_to(world: Watched, **how: Any) -> list[WatchEvent]:
    """Return a list that grows with what a watched watch tells."""
    stream = world.stream(**how)
    events: list[WatchEvent] = []
    stream.handler = events.append
    world.watchdog.probe("probe", stream)
    return events


def test_a_watch_goes_on_when_its_api_server_dies(world: Watched) -> None:
    """It lists anew at the other one and hears what it missed, the last state once."""
    events = told_to(world)
    world.put("a")
    world.run(2.0)
    world.servers.crash(0)
    world.put("a", "me")
    world.put("b")
    world.run(3.0)
    world.servers.start(0)
    world.servers.crash(1)
    world.put("b", "you")
    world.run(3.0)

    assert [(one.type, one.object.metadata.name) for one in events] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("ADDED", "b"),
        ("MODIFIED", "b"),
    ]
    assert world.watchdog.missing() == []


def test_an_api_server_that_is_too_slow_for_compaction_begins_anew(
    world: Watched,
) -> None:
    """What etcd has forgotten is listed; its watchers miss and repeat nothing."""
    events = told_to(world)
    for number in range(20):
        world.put(f"one-{number}")
    world.run(2.0)
    world.servers.crash(0)
    world.servers.crash(1)
    world.put("none")
    world.run(1.0)
    world.etcd.compact(world.etcd.store.revision)
    world.servers.start(1)
    world.run(3.0)
    world.put("more")
    world.run(3.0)
    names = [one.object.metadata.name for one in events]

    assert sorted(names) == sorted([*(f"one-{number}" for number in range(20)), "more"])
    assert world.watchdog.missing() == []


def pod(name: str, node: str | None, cpu: str = "1", phase: str = "Pending") -> Pod:
    document = {
        "metadata": {"name": name, "namespace": "x", "uid": name},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}],
        },
        "status": {"phase": phase},
    }
    return msgspec.convert(document, Pod)


def stored(watched: Watched, item: Pod | Node | None, name: str = "") -> None:
    """Let etcd apply a change, past the API."""
    kind = "Pod" if item is None else type(item).__name__
    key = f"/registry/{kind}/x/{item.metadata.name if item else name}"
    done = Delete(key) if item is None else Put(key, item)
    watched.etcd.store.apply(Txn((), (done,), ()))


@pytest.fixture
def two_cores(world: Watched) -> Watched:
    """A node of two cores with a pod of one."""
    room = {"cpu": "2", "pods": "3"}
    document = {"metadata": {"name": "n"}, "status": {"allocatable": room}}
    stored(world, msgspec.convert(document, Node))
    stored(world, pod("one", None))
    stored(world, pod("one", "n"))
    assert world.watchdog.look() == []
    return world


def test_a_binding_that_overfills_a_node_is_told_once(two_cores: Watched) -> None:
    """Of what the pod asks for, the node must have enough."""
    stored(two_cores, pod("two", None, cpu="1500m"))
    stored(two_cores, pod("two", "n", cpu="1500m"))

    assert two_cores.watchdog.look() == [
        Breach("over-committed node", "n", "cpu: 2500 of 2000")
    ]
    assert two_cores.watchdog.look() == []


def test_pods_that_end_or_go_make_room(two_cores: Watched) -> None:
    """Neither a finished nor a deleted pod holds anything."""
    stored(two_cores, pod("one", "n", phase="Succeeded"))
    stored(two_cores, pod("two", None, cpu="2"))
    stored(two_cores, pod("two", "n", cpu="2"))
    stored(two_cores, None, "two")
    stored(two_cores, pod("three", None, cpu="2"))
    stored(two_cores, pod("three", "n", cpu="2"))

    assert two_cores.watchdog.look() == []


def test_what_is_over_again_between_two_looks_is_found(two_cores: Watched) -> None:
    """Looking seldom finds the same as looking after every change."""
    stored(two_cores, pod("two", None, cpu="2"))
    stored(two_cores, pod("two", "n", cpu="2"))
    stored(two_cores, None, "two")

    assert laws(two_cores.watchdog.look()) == ["over-committed node"]


def test_pods_made_on_a_node_are_their_makers_affair(two_cores: Watched) -> None:
    """Only who binds must mind what there is; what is there then counts."""
    stored(two_cores, pod("two", "n", cpu="5"))
    assert two_cores.watchdog.look() == []
    stored(two_cores, pod("none", None, cpu="0"))
    stored(two_cores, pod("none", "n", cpu="0"))

    assert two_cores.watchdog.look() == []


def test_a_pod_that_changes_its_node_is_told(two_cores: Watched) -> None:
    """A pod is bound once."""
    stored(two_cores, pod("one", "m"))

    assert laws(two_cores.watchdog.look()) == ["pod on two nodes"]


def test_a_rewritten_history_is_told(two_cores: Watched) -> None:
    """What was seen last must still be there when more has come."""
    two_cores.etcd.store.since(0)[-1][0] = Event("put", "k", 1, None, 4)
    stored(two_cores, pod("two", None))

    assert laws(two_cores.watchdog.look()) == ["history is rewritten"]


def test_a_write_in_an_outage_is_told(two_cores: Watched) -> None:
    """The revision stands still as long as there is no quorum, or did until it was."""
    two_cores.etcd.stop_member(1)
    two_cores.etcd.stop_member(2)
    stored(two_cores, pod("two", None))
    two_cores.etcd.start_member(2)

    assert laws(two_cores.watchdog.look()) == ["write without quorum"]


def test_a_commit_that_a_quorum_has_not_is_told(world: Watched) -> None:
    """What is committed must be on the disks of a quorum."""
    world.put("a")
    raft = world.etcd.raft
    world.clock.run(world.clock.now + 1.0, stop=lambda: world.etcd.store.revision > 1)
    for member in raft.members[1:]:
        member.cut(Append(0, None, [], 0))

    assert laws(world.watchdog.look()) == ["commit not durable"]


@pytest.mark.parametrize(
    ("spoil", "law"),
    [
        (lambda events: events[1:], "watch event lost or reordered"),
        (lambda events: [events[0], *events], "watch event doubled"),
        (lambda events: [events[1], events[0], *events[2:]], "watch event"),
    ],
)
def test_a_watch_that_tells_wrongly_is_told(
    world: Watched, spoil: Any, law: str
) -> None:
    """Each of a lost, a doubled and a reordered event is found."""
    stream = world.stream()
    world.watchdog.probe("probe", stream)
    heard, events = stream.handler, []
    stream.handler = events.append
    world.run(1.0)
    world.put("a")
    for holder in "xyz":
        world.run(1.0)
        world.put("a", holder)
    world.run(1.0)
    for event in spoil(events):
        heard(event)

    assert laws(world.watchdog.look())[0].startswith(law)


def test_a_list_that_lacks_something_is_told(world: Watched) -> None:
    """What a watch begins with is all that there was."""
    world.put("a")
    world.run(1.0)
    for replica in world.servers._replicas:
        replica.cache._objects["Lease"].clear()
    world.watchdog.probe("probe", world.stream())
    world.clock.run(world.clock.now + 1.0)

    assert laws(world.watchdog.look()) == ["watch list differs"]


def test_looks_are_due_now_and_then(world: Watched) -> None:
    """At once, and five seconds after each look."""
    watchdog = Watchdog(world.clock, world.etcd, every=5.0)
    assert watchdog.due < world.clock.now
    watchdog.look()

    assert watchdog.due == world.clock.now + 5.0


def told_of(components: Sequence[Component], policy: str = "first-fit") -> Told:
    """Play three pods of two cores on two nodes of four, besides others."""
    room = {"cpu": "4", "pods": "9"}
    nodes = [
        default_node(
            msgspec.convert(
                {"metadata": {"name": name}, "status": {"allocatable": room}}, Node
            )
        )
        for name in "ab"
    ]
    template = default_pod(pod("web", None, cpu="2"))
    stream = PodStream.of([template], [0] * 3, arrival=np.arange(3.0))
    return end_to_end(
        encode(Workload("three", nodes, stream, queue="kube-scheduler")),
        make_policy(policy),
        seed=1,
        parameters=Parameters(),
        components=components,
    )


def usurper(wiring: Wiring) -> None:
    """Bind a pod to the first node once that is full."""
    api = wiring.clients("usurper")
    big = pod("big", None, cpu="4")
    big.spec.scheduler_name = "nobody"
    api.create(big)
    wiring.clock.at(5.0, api.bind, "x", "big", "a")


def test_a_run_tells_which_laws_it_broke() -> None:
    """None by itself; what an usurper binds to a full node is found."""
    assert told_of([hollow_nodes]).record.breaches == []
    told = told_of([hollow_nodes, usurper])

    assert told.record.breaches == ["over-committed node: a: cpu: 8000 of 4000"]


ACTS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(("", "x", "y"))),
    st.tuples(st.just("drop"), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(("stop", "start")), st.integers(0, 2)),
    st.tuples(st.sampled_from(("isolate", "rejoin")), st.integers(0, 2)),
    st.tuples(st.sampled_from(("crash", "up")), st.integers(0, 1)),
    st.tuples(st.just("compact"), st.integers(0, 20)),
    st.tuples(st.just("watch"), st.sampled_from(("", *NAMES))),
)


WAITS = st.sampled_from((0.0, 0.0003, 0.002, 0.02, 0.5, 3.0, 9.0))


def act(world: Watched, what: tuple[Any, ...]) -> None:
    """Do one of the acts."""
    etcd, servers = world.etcd, world.servers
    match what:
        case ("put", name, holder):
            world.put(name, holder)
        case ("drop", name):
            world.drop(name)
        case ("stop", number):
            etcd.stop_member(number)
        case ("start", number):
            etcd.start_member(number)
        case ("isolate", number):
            etcd.isolate(number)
        case ("rejoin", number):
            etcd.rejoin(number)
        case ("crash", number):
            servers.crash(number)
        case ("up", number):
            servers.start(number)
        case ("compact", ago):
            etcd.compact(max(1, etcd.store.revision - ago))
        case ("watch", name):
            stream = world.stream(name=name)
            world.watchdog.probe(f"probe {len(world.answers)} of {name}", stream)


@given(
    acts=st.lists(st.tuples(ACTS, WAITS), min_size=30, max_size=100),
    seed=st.integers(1, 99),
)
@settings(max_examples=2 * settings().max_examples)
def test_history_is_kept_told_once_and_in_order(
    acts: list[tuple[tuple[Any, ...], float]], seed: int
) -> None:
    """Whatever is written, dies, comes back or is compacted, after every event."""
    world = Watched(seed=seed)
    world.watchdog.probe("first", world.stream())
    for what, wait in acts:
        act(world, what)
        world.run(wait)
    for number in range(3):
        world.etcd.start_member(number)
        world.etcd.rejoin(number)
    for number in range(2):
        world.servers.start(number)
    world.run(30.0)
    before = world.etcd.store.revision
    world.put("last")
    world.run(5.0)

    assert world.answers[-1].error is None
    assert world.etcd.store.revision == before + 1
    assert world.told.breaches() == []
    assert world.watchdog.missing() == []

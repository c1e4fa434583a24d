"""Replicas, watches and their promises: nothing lost, doubled or reordered."""

from __future__ import annotations

from collections import defaultdict

from controlplane.cluster_of_servers import Servers, pod
from fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schedbench.clock import Clock
from schedbench.controlplane.etcd_types import Delete
from schedbench.controlplane.parameters import ApiServerParameters


def labelled(item, **labels):
    return replace(item, metadata=replace(item.metadata, labels=labels))


def test_calls_go_round_the_healthy_replicas():
    """The balancer passes over a replica that is down."""
    world = Servers(replicas=3)
    world.servers.crash(1)
    for number in range(4):
        world.ok(world.admin.create, pod(f"p{number}"))

    assert world.servers.ready() == [0, 2]


def test_crash_fails_the_calls_in_flight():
    """Whoever waits for a crashed replica hears ServiceUnavailable, once."""
    world = Servers(ApiServerParameters(), slow=True)
    answers = []
    world.admin.create(pod(), answers.append)
    world.clock.run(stop=lambda: bool(world.servers._replicas[0].calls))
    world.servers.crash(0)
    world.run()

    assert [answer.error.reason for answer in answers] == ["ServiceUnavailable"]


def test_nobody_answers_when_all_replicas_are_down():
    """A call without a server fails; one that comes up serves again."""
    world = Servers()
    world.servers.crash(0)
    assert world.refused(world.admin.create, pod())[0] == "ServiceUnavailable"
    world.servers.start(0)

    assert world.ok(world.admin.create, pod()).metadata.name == "web"


def test_watch_begins_with_what_there_is():
    """First every object as ADDED, then every change, with the object before."""
    world = Servers()
    made = world.ok(world.admin.create, pod())
    events = world.watch()
    new = world.ok(world.admin.update, labelled(made, a="1"))
    world.ok(world.admin.delete, "Pod", "default", "web")

    assert [(e.type, e.object, e.old) for e in events] == [
        ("ADDED", made, None),
        ("MODIFIED", new, made),
        ("DELETED", new, new),
    ]


def test_stopped_watch_is_silent():
    """No event comes after the end, not even one that was on its way."""
    world = Servers(slow=True)
    events = []
    watch = world.admin.watch("Pod", events.append)
    world.run()
    world.admin.create(pod())
    world.clock.run(stop=lambda: len(world.store.log) == 1)
    watch.stop()
    world.run()

    assert events == []


def test_selected_pods_come_and_go_with_their_node():
    """By `spec.nodeName` a pod is ADDED when it is bound to the node."""
    world = Servers()
    mine = world.watch(field=("spec.nodeName", "n1"))
    other = world.watch(field=("spec.nodeName", "n2"))
    world.ok(world.admin.create, pod())
    world.ok(world.admin.bind, "default", "web", "n1")
    world.ok(world.admin.delete, "Pod", "default", "web", grace=0)

    assert [(e.type, e.old is None) for e in mine] == [
        ("ADDED", True),
        ("DELETED", False),
    ]
    assert other == []


def test_watches_by_node_begin_with_what_is_there_then():
    """Each hears of the pods of its node as they are when it begins, not before."""
    world = Servers()
    for name, node in (("a", "n1"), ("b", "n2")):
        world.ok(world.admin.create, pod(name))
        world.ok(world.admin.bind, "default", name, node)
    first = [world.watch(field=("spec.nodeName", node)) for node in ("n1", "n2")]
    world.ok(world.admin.create, pod("c"))
    world.ok(world.admin.bind, "default", "c", "n2")
    later = [world.watch(field=("spec.nodeName", node)) for node in ("n1", "n2", "")]

    names = [[e.object.metadata.name for e in heard] for heard in (*first, *later)]
    assert names == [["a"], ["b", "c"], ["a"], ["b", "c"], []]


def test_one_named_object_is_watched_alone():
    """By `metadata.name` others are passed over."""
    world = Servers()
    events = world.watch(field=("metadata.name", "b"))
    for name in ("a", "b"):
        world.ok(world.admin.create, pod(name))

    assert [event.object.metadata.name for event in events] == ["b"]


def test_watch_survives_its_server():
    """The client goes on at another replica with what it has missed, once."""
    world = Servers(ApiServerParameters(), replicas=2, slow=True)
    events = world.watch()
    world.ok(world.admin.create, pod("a"))
    first = next(r for r in world.servers._replicas if r.cache._streams.get("Pod"))
    world.servers.crash(first.number)
    world.ok(world.admin.create, pod("b"))
    world.run(5)
    world.ok(world.admin.create, pod("c"))

    assert [event.object.metadata.name for event in events] == ["a", "b", "c"]


def test_watch_from_before_the_history_lists_anew():
    """A deletion that no server remembers is still told."""
    world = Servers()
    events = world.watch()
    for name in ("a", "b"):
        world.ok(world.admin.create, pod(name))
    world.servers.crash(0)
    gone = Delete("/registry/Pod/default/a")
    world.store.txn([], [gone], [], lambda _: None)
    world.run()
    world.servers.start(0)
    world.run(5)

    assert [(e.type, e.object.metadata.name) for e in events] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "a"),
    ]


def test_change_during_the_beginning_of_a_watch_comes_after_it():
    """A long list holds the changes back that come while it is sent."""
    world = Servers(ApiServerParameters(list_item=1.0), slow=True)
    for name in ("a", "b"):
        world.ok(world.admin.create, pod(name))
    events = []
    world.admin.watch("Pod", events.append)
    world.run(0.5)
    world.admin.create(pod("c"))
    world.run(1)
    assert events == []
    world.run(2)

    assert [event.object.metadata.name for event in events] == ["a", "b", "c"]


def test_watch_that_is_ahead_of_its_new_server_hears_nothing_twice():
    """A server that lags behind tells only what the watcher does not know."""
    world = Servers(replicas=2)
    events = world.watch()
    world.ok(world.admin.create, pod("a"))
    first, other = sorted(
        world.servers._replicas, key=lambda r: not r.cache._streams.get("Pod")
    )
    told = other.cache.changed
    late = []
    other.watch.handler = late.extend
    world.ok(world.admin.create, pod("b"))
    world.servers.crash(first.number)
    world.run()
    for event in late:
        told("Pod", "default/b", event.value, event.revision)
    world.run()

    assert [event.object.metadata.name for event in events] == ["a", "b"]


def test_stale_cache_makes_no_write_fail():
    """What the cache does not show yet is read from the store."""
    world = Servers()
    world.store.lag = 60.0
    world.ok(world.admin.create, pod())
    world.ok(world.admin.bind, "default", "web", "n1")
    first = world.pod()
    world.ok(world.admin.update, labelled(first, a="1"))
    refusal = world.refused(world.admin.bind, "default", "web", "n2")
    world.ok(world.admin.delete, "Pod", "default", "web", grace=0)

    assert refusal[0] == "Conflict"
    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"


def test_list_waits_for_a_stale_cache():
    """A list is as fresh as the store was when it was asked for."""
    world = Servers()
    world.store.lag = 5.0
    world.ok(world.admin.create, pod())
    lists = []
    world.admin.list("Pod", lists.append)
    world.run(3)
    assert lists == []
    world.run(3)

    assert [item.metadata.name for item in lists[0].items] == ["web"]


def test_same_seed_same_answers():
    """Names, uids and times are functions of the seed."""

    def run(seed):
        world = Servers(ApiServerParameters(), slow=True, replicas=2, seed=seed)
        events = world.watch()
        for number in range(5):
            world.admin.create(pod(f"p{number}"))
        world.run()
        return [(e.object.metadata.uid, e.object.key, e.revision) for e in events]

    assert run(1) == run(1)
    assert run(1) != run(2)


NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 10**6)
OPERATION = st.one_of(
    st.tuples(st.just("create"), NAMES),
    st.tuples(st.just("label"), NAMES, NUMBERS),
    st.tuples(st.just("update"), NAMES, NUMBERS),
    st.tuples(st.just("status"), NAMES, st.sampled_from(["Running", "Failed"])),
    st.tuples(st.just("bind"), NAMES, st.sampled_from(["n1", "n2"])),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("kill"), NAMES),
)
FAULT = st.tuples(st.sampled_from(["crash", "start"]), st.integers(0, 1))


def play(api, operation, seen):
    """Do an operation; `seen` is what a client has heard of the pods."""
    what, name, *rest = operation
    match what:
        case "create":
            api.create(pod(name))
        case "label":
            mark = f"l{rest[0]}"
            api.patch(
                "Pod",
                "default",
                name,
                lambda old: labelled(old, **{**old.metadata.labels, mark: ""}),
            )
        case "update":
            if name in seen:
                api.update(labelled(seen[name], u=str(rest[0])))
        case "status":
            api.patch(
                "Pod",
                "default",
                name,
                lambda old: replace(old, status=replace(old.status, phase=rest[0])),
                subresource="status",
            )
        case "bind":
            api.bind("default", name, rest[0])
        case "delete":
            api.delete("Pod", "default", name)
        case "kill":
            api.delete("Pod", "default", name, grace=0)


def essence(item):
    going = item.metadata.deletion_timestamp is not None
    return item.metadata.labels, item.spec.node_name, item.status.phase, going


def told(api, clock, operations):
    """Play operations one by one; return the final pods and each pod's events."""
    seen, sequences = {}, defaultdict(list)

    def hear(event):
        name = event.object.metadata.name
        change = (event.type, essence(event.object))
        if event.type == "DELETED":
            seen.pop(name, None)
            change = ("DELETED",)
        else:
            seen[name] = event.object
        # a change that leaves all as it is may be stored or not
        if sequences[name][-1:] != [change] and sequences[name][-1:] != [
            ("ADDED", *change[1:])
        ]:
            sequences[name].append(change)

    api.watch("Pod", hear)
    for operation in operations:
        play(api, operation, seen)
        clock.run(clock.now + 1)
    return {name: essence(item) for name, item in seen.items()}, dict(sequences)


@settings(max_examples=60, deadline=None)
@given(st.lists(OPERATION, min_size=5, max_size=40))
def test_servers_and_the_naive_api_agree(operations):
    """Equal final objects and equal sequences of events of every pod."""
    clock = Clock()
    naive = FakeApi(clock)
    create = naive.create

    def as_pending(item, then=None):
        create(replace(item, status=replace(item.status, phase="Pending")), then)

    naive.create = as_pending
    # the naive API knows no finished pods, which go at once
    operations = [one for one in operations if one[-1] != "Failed"]
    world = Servers()

    assert told(world.admin, world.clock, operations) == told(naive, clock, operations)


def under_faults(operations, seed):
    """Play operations among crashes; return what three watchers heard, and the store's
    log, each a list of (name, revision)."""
    world = Servers(ApiServerParameters(), replicas=2, slow=True, seed=seed)
    world.store.lag = 0.002
    heard = [[] for _ in range(3)]
    for events in heard:
        world.admin.watch("Pod", events.append)
    world.run(0.02)
    seen = {}
    for operation in operations:
        what, number = operation[0], operation[1]
        if what == "start":
            world.servers.start(number)
        elif what == "crash":
            if number in world.servers.ready() and len(world.servers.ready()) == 2:
                world.servers.crash(number)
        else:
            play(world.admin, operation, seen)
        world.run(0.003)
        seen = {e.object.metadata.name: e.object for e in heard[0]}
    world.run(30)
    stored = [(e.key.rsplit("/", 1)[1], e.revision) for e in world.store.log]
    told = [[(e.object.metadata.name, e.revision) for e in events] for events in heard]
    return told, stored, heard, world


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(OPERATION, OPERATION, FAULT), min_size=5, max_size=40), NUMBERS
)
def test_no_event_is_lost_doubled_or_reordered(operations, seed):
    """Each watcher hears just what the store went through, in order, crash or not."""
    # a replica that comes back remembers nothing from before
    operations = [one for one in operations if one[0] != "start"]
    told, stored, _, _ = under_faults(operations, seed)

    assert told == [stored] * 3


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(OPERATION, OPERATION, FAULT), min_size=5, max_size=40), NUMBERS
)
def test_watchers_of_servers_that_come_back_end_up_right(operations, seed):
    """Whoever lists anew may miss what was undone; never the order, or the end."""
    told, _, heard, world = under_faults(operations, seed)
    pods = {
        item.metadata.name: item for item in world.ask(world.admin.list, "Pod").items
    }

    for events, revisions in zip(heard, told, strict=True):
        known = {}
        for event in events:
            name = event.object.metadata.name
            assert (name in known) == (event.type != "ADDED")
            known[name] = event.object
            if event.type == "DELETED":
                del known[name]
        assert known == pods
        assert [r for _, r in revisions] == sorted(r for _, r in revisions)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 0.05), min_size=2, max_size=15), NUMBERS)
def test_no_update_is_lost(times, seed):
    """Every update that was acknowledged is part of what became of the object."""
    world = Servers(ApiServerParameters(), replicas=2, slow=True, seed=seed)
    world.ok(world.admin.create, pod())
    kept = []

    def read(number):
        def write(answer):
            old = answer.object
            new = labelled(old, **old.metadata.labels, **{f"l{number}": ""})
            world.admin.update(new, lambda a: a.error or kept.append(f"l{number}"))

        world.admin.get("Pod", "default", "web", write)

    for number, time in enumerate(times):
        world.clock.after(time, read, number)
    world.run(30)

    assert kept
    assert set(world.pod().metadata.labels) == set(kept)

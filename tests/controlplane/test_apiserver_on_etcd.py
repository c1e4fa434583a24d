"""API servers on the quorum store: what they write is there, in its revisions."""

from __future__ import annotations

from controlplane.cluster_of_servers import ADMIN, pod

from schedbench.clock import Clock
from schedbench.controlplane.apiserver import ApiServers
from schedbench.controlplane.client import Client
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.parameters import NO_LATENCY, Parameters


def lived(parameters, seed=1):
    """Create, bind and delete pods; return their events and the store."""
    clock = Clock()
    etcd = Etcd(clock, parameters.etcd, seed)
    servers = ApiServers(
        clock, etcd, parameters.api_server, seed, 2, network=parameters.network
    )
    client = Client(servers, ADMIN)
    events, answers = [], []
    client.watch("Pod", events.append)
    clock.run(5)
    for number in range(10):
        client.create(pod(f"p{number}"), answers.append)
    clock.run(10)
    for number in range(10):
        client.bind("default", f"p{number}", "n1", answers.append)
    clock.run(15)
    client.delete("Pod", "default", "p0", answers.append, grace=0)
    clock.run(20)
    assert [answer.error for answer in answers] == [None] * 21
    return events, etcd


def test_objects_carry_the_revisions_of_their_writes():
    """resourceVersion is etcd's revision, and grows with every event."""
    events, etcd = lived(Parameters())
    revisions = [event.revision for event in events]
    versions = [int(event.object.metadata.resource_version) for event in events[:20]]

    assert len(revisions) == 21
    assert revisions == sorted(set(revisions))
    assert versions == revisions[:20]
    assert revisions[-1] == etcd.store.revision


def test_etcd_forgets_the_past_after_five_minutes():
    """kube-apiserver compacts what is older than 5 minutes; watches go on."""
    clock = Clock()
    parameters = Parameters()
    etcd = Etcd(clock, parameters.etcd, 1)
    servers = ApiServers(clock, etcd, parameters.api_server, 1)
    client = Client(servers, ADMIN)
    events = []
    client.watch("Pod", events.append)
    compacted = []
    for minute in range(20):
        clock.run(60.0 * minute + 1)
        client.create(pod(f"p{minute}"))
        compacted.append(etcd.store.compacted)
    clock.run(2000)
    quiet = clock.events
    clock.run(100_000)

    assert compacted[5] == 0
    assert 0 < compacted[6] < compacted[19] < etcd.store.revision
    assert [event.object.metadata.name for event in events] == [
        f"p{minute}" for minute in range(20)
    ]
    assert clock.events <= quiet + 1


def test_latencies_change_when_but_not_what():
    """Without latencies the same pods live the same lives."""

    def lives(parameters):
        events, _ = lived(parameters)
        return sorted((e.object.key, e.revision, e.type) for e in events)

    def kinds(parameters):
        return sorted((key, kind) for key, _, kind in lives(parameters))

    assert kinds(Parameters()) == kinds(NO_LATENCY)


def test_calls_fail_without_a_quorum_and_succeed_with_it_again():
    """Writes stop when the store cannot commit, and nothing is made up."""
    clock = Clock()
    parameters = Parameters()
    etcd = Etcd(clock, parameters.etcd, 1)
    servers = ApiServers(clock, etcd, parameters.api_server, 1)
    client = Client(servers, ADMIN)
    clock.run(5)
    answers = []
    members = len(etcd.raft.members)
    for number in range(members):
        etcd.stop_member(number)
    client.create(pod("a"), answers.append)
    clock.run(100)
    for number in range(members):
        etcd.start_member(number)
    clock.run(200)
    client.create(pod("b"), answers.append)
    clock.run(300)

    assert [answer.error is None for answer in answers] == [False, True]

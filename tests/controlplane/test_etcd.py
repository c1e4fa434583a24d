"""etcd as its client sees it: reads, refusals, leases, snapshots, determinism."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from schedbench.clock import Clock
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.etcd_types import Compare, Delete, Put, Range
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import NO_LATENCY, EtcdParameters

FREE = dataclasses.replace(NO_LATENCY.etcd, election=1.0, heartbeat=0.1)


def make(**changes: Any) -> tuple[Clock, Etcd, list[Any]]:
    clock = Clock()
    return clock, Etcd(clock, dataclasses.replace(FREE, **changes), seed=1), []


def test_reads_cost_a_round_trip_unless_serializable() -> None:
    """Linearizable reads ask a quorum; serializable ones ask nobody."""
    clock, etcd, times = make(rtt=Latency(0.01), fsync=Latency(1.0))
    etcd.range("a", lambda _: times.append(clock.now))
    etcd.range("a", lambda _: times.append(clock.now), serializable=True)
    etcd.txn((), (Range("a"),), (), lambda _: times.append(clock.now))
    clock.run()

    assert times == pytest.approx([0.0, 0.01, 0.02])


def test_reads_during_a_round_share_the_next() -> None:
    """A hundred reads at once cost two rounds, not a hundred."""
    clock, etcd, times = make(rtt=Latency(0.01))
    for _ in range(100):
        etcd.range("a", lambda _: times.append(clock.now))
    clock.run()

    assert clock.events == 2
    assert times == pytest.approx([0.01] + [0.02] * 99)


def test_without_a_quorum_only_serializable_reads_are_served() -> None:
    """Linearizable reads wait and time out; stale ones go on while a member is up."""
    clock, etcd, answers = make()
    etcd.stop_member(1)
    etcd.stop_member(2)
    etcd.range("a", answers.append, serializable=True)
    etcd.range("a", answers.append)
    clock.run(10.0)
    etcd.stop_member(0)
    etcd.range("a", answers.append, serializable=True)
    clock.run(11.0)
    reasons = [answer.error and answer.error.reason for answer in answers]

    assert reasons == [None, "timeout", "unavailable"]


def test_a_read_whose_quorum_is_lost_on_the_way_waits() -> None:
    """No linearizable read is answered while nobody can vouch for the leader."""
    clock, etcd, times = make(rtt=Latency(0.1))
    etcd.range("a", lambda _: times.append(clock.now))
    for member in (1, 2):
        clock.at(0.05, etcd.stop_member, member)
        clock.at(0.5, etcd.start_member, member)
    clock.run(10.0)

    assert times == pytest.approx([0.6])


def test_a_write_times_out_after_seven_seconds() -> None:
    """The request timeout: five seconds and two election timeouts."""
    clock, etcd, times = make(request_timeout=7.0)
    etcd.isolate(1)
    etcd.isolate(2)
    clock.at(3.0, etcd.txn, (), (Put("a", 0),), (), lambda _: times.append(clock.now))
    clock.run(60.0)

    assert times == [10.0]


@pytest.mark.parametrize(
    ("ops", "reason"),
    [
        ((Put("a", 0), Put("a", 1)), "duplicate key"),
        ((Put("a/b", 0), Delete("a/", prefix=True)), "duplicate key"),
        (tuple(Put(str(n), 0) for n in range(5)), "too many operations"),
        ((Put("a", 0, size=5001),), "request too large"),
        ((Put("a", 0, lease=9),), "lease not found"),
    ],
)
def test_refusals(ops: Any, reason: str) -> None:
    """Malformed and oversized transactions are refused and change nothing."""
    clock, etcd, answers = make(operations=4, request_bytes=5000)
    etcd.txn((), ops, (), answers.append)
    clock.run()

    assert [answer.error.reason for answer in answers] == [reason]
    assert etcd.store.revision == 1


def test_leases_expire_unless_kept_alive() -> None:
    """Keys live as long as their lease; renewals cost no events of their own."""
    clock, etcd, answers = make(lease_check=0.5)
    gone: list[tuple[float, str]] = []
    etcd.watch(
        "",
        lambda events: gone.extend((clock.now, e.key) for e in events if not e.value),
    )
    for _ in range(2):
        etcd.grant(10.0, answers.append)
    clock.run(0.2)
    kept, left = (answer.lease for answer in answers)
    etcd.txn((), (Put("kept", 1, kept), Put("left", 1, left)), ())
    before = clock.events
    for second in range(1, 101):
        clock.at(float(second), etcd.keep_alive, kept)
    clock.run(200.0)

    assert gone == [(10.0, "left"), (110.0, "kept")]
    assert clock.events - before < 100 + 30
    assert not etcd.keep_alive(kept)


def test_leases_are_not_shorter_than_the_minimum() -> None:
    """A lease lives at least one and a half election timeouts, in whole seconds."""
    clock, etcd, answers = make()
    etcd.grant(0.1, answers.append)
    clock.run(0.1)

    assert answers[0].ttl == 2.0


def test_a_new_leader_lets_leases_run_anew() -> None:
    """No lease runs out for want of a leader to renew it."""
    clock, etcd, answers = make()
    gone: list[float] = []
    etcd.grant(10.0, answers.append)
    clock.run(0.1)
    etcd.txn((), (Put("a", 1, answers[0].lease),), ())
    etcd.watch("", lambda events: gone.append(clock.now))
    clock.at(9.5, etcd.stop_member, 0)
    clock.run(60.0)

    assert len(gone) == 2
    assert 20.0 < gone[1] < 21.7


def test_snapshot_starts_a_new_cluster() -> None:
    """A cluster from a snapshot has its revisions, keys, leases and history."""
    clock, etcd, answers = make()
    etcd.grant(5.0, answers.append)
    clock.run(0.1)
    lease = answers[0].lease
    etcd.txn((), (Put("a", 1, lease), Put("b", 2)), ())
    clock.run(1.0)
    clock = Clock()
    again = Etcd(clock, FREE, 2, etcd.snapshot())
    heard: list[Any] = []
    again.watch("", heard.append, 2)
    compare = (Compare("b", "mod_revision", "=", 2),)
    again.txn(compare, (Put("b", 3),), (), answers.append)
    clock.run(60.0)

    assert (answers[-1].succeeded, answers[-1].revision) == (True, 3)
    assert [[(e.type, e.key) for e in events] for events in heard] == [
        [("put", "a"), ("put", "b")],
        [("put", "b")],
        [("delete", "a")],
    ]


def test_an_idle_cluster_has_no_events() -> None:
    """Heartbeats that change nothing are not simulated."""
    clock = Clock()
    Etcd(clock, EtcdParameters(), 1)
    clock.run(3600.0)

    assert clock.events == 0


def test_same_seed_same_run() -> None:
    """Two runs agree to the last digit; another seed does not."""

    def run(seed: int) -> list[Any]:
        clock = Clock()
        etcd = Etcd(clock, EtcdParameters(members=5), seed)
        log: list[Any] = []
        for number in range(300):
            clock.at(
                number * 0.01,
                etcd.txn,
                (),
                (Put(str(number % 9), number),),
                (),
                lambda answer: log.append((clock.now, answer)),
            )
        clock.at(1.0, etcd.stop_member, 0)
        clock.at(2.5, etcd.start_member, 0)
        clock.run(20.0)
        return log

    assert run(1) == run(1)
    assert run(1) != run(2)

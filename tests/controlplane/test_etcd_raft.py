"""etcd's quorum: when a write commits, and what survives which losses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from schedbench.clock import Clock
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.etcd_member import Member
from schedbench.controlplane.etcd_types import Event, Put, RangeAnswer, TxnAnswer
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import NO_LATENCY, EtcdParameters
from schedbench.errors import InputError

FREE = dataclasses.replace(NO_LATENCY.etcd, election=1.0, heartbeat=0.1)


def make(**changes: Any) -> tuple[Clock, Etcd]:
    clock = Clock()
    return clock, Etcd(clock, dataclasses.replace(FREE, **changes), seed=1)


def put(clock: Clock, etcd: Etcd, key: str, answers: list[Any]) -> None:
    """Put a key; its answer and the time of it go to `answers`."""
    etcd.txn(
        (), (Put(key, key),), (), lambda answer: answers.append((clock.now, answer))
    )


def reasons(answers: list[Any]) -> list[str | None]:
    return [answer.error.reason if answer.error else None for _, answer in answers]


@pytest.mark.parametrize("members", [0, 2, 4, 9])
def test_only_odd_clusters_up_to_seven(members: int) -> None:
    """etcd's FAQ: odd sizes, seven at most."""
    with pytest.raises(InputError):
        make(members=members)


@pytest.mark.parametrize(("members", "tolerated"), [(1, 0), (3, 1), (5, 2), (7, 3)])
def test_failure_tolerance(members: int, tolerated: int) -> None:
    """A cluster of n goes on without (n − 1) // 2 of them, and stops without more."""
    clock, etcd = make(members=members)
    answers: list[Any] = []
    for number in range(members - tolerated, members):
        etcd.stop_member(number)
    put(clock, etcd, "a", answers)
    clock.run(1.0)
    etcd.stop_member(members - tolerated - 1)
    put(clock, etcd, "b", answers)
    clock.run(20.0)

    assert reasons(answers) == [None, "timeout"]


@pytest.mark.parametrize("members", [1, 3, 5, 7])
def test_no_latency_commits_at_once(members: int) -> None:
    """Without latencies a write is answered at the instant at which it is made."""
    clock = Clock()
    etcd = Etcd(clock, dataclasses.replace(NO_LATENCY.etcd, members=members), 1)
    answers: list[Any] = []
    clock.at(3.0, put, clock, etcd, "a", answers)
    clock.at(3.0, put, clock, etcd, "b", answers)
    clock.run()

    assert [(time, answer.revision) for time, answer in answers] == [(3.0, 2), (3.0, 3)]


def test_a_clock_that_begins_before_0_delays_nothing() -> None:
    """A cluster that boots before the workload writes from its first second on."""
    clock = Clock(-10.0)
    etcd = Etcd(clock, NO_LATENCY.etcd, 1)
    answers: list[Any] = []
    clock.at(-9.0, put, clock, etcd, "a", answers)
    clock.run()

    assert [time for time, _ in answers] == [-9.0]


def test_writes_that_come_during_an_append_share_the_next() -> None:
    """The leader's disk takes one append at a time; waiting writes go together."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.002))
    answers: list[Any] = []
    for time in (0.0, 0.001, 0.005):
        clock.at(time, put, clock, etcd, str(time), answers)
    clock.run()

    assert [time for time, _ in answers] == pytest.approx([0.012, 0.022, 0.022])
    assert etcd.raft.appends == 2


def test_a_full_append_leaves_the_rest_to_the_next() -> None:
    """An append holds so many bytes at most."""
    clock, etcd = make(fsync=Latency(0.010), append_bytes=4000, value_bytes=2000)
    answers: list[Any] = []
    for number in range(4):
        put(clock, etcd, str(number), answers)
    clock.run()

    assert [time for time, _ in answers] == pytest.approx([0.01, 0.02, 0.02, 0.03])


@pytest.mark.parametrize(
    ("slow", "expected"), [((1,), 0.012), ((0,), 0.1), ((1, 2), 0.102)]
)
def test_slow_disks(slow: tuple[int, ...], expected: float) -> None:
    """One slow follower of two delays nothing; the leader, or both of them, do."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.002))
    for number in slow:
        etcd.set_disk(number, Latency(0.1))
    answers: list[Any] = []
    put(clock, etcd, "a", answers)
    clock.run()

    assert answers[0][0] == pytest.approx(expected)


def test_a_slow_follower_writes_what_has_come_together() -> None:
    """A slow follower does not fall behind without bound: it batches too."""
    clock, etcd = make(fsync=Latency(0.001))
    for number in (1, 2):
        etcd.set_disk(number, Latency(0.1))
    answers: list[Any] = []
    for number in range(50):
        clock.at(number * 0.002, put, clock, etcd, str(number), answers)
    clock.run()

    assert [time for time, _ in answers] == pytest.approx([0.1] + [0.2] * 49)


@pytest.mark.parametrize("members", [3, 5, 7])
def test_commit_latency_is_the_order_statistic(members: int) -> None:
    """Commit: the later of the leader's write and the quorum-th acknowledgement."""
    fsync, rtt, count = Latency(0.002, 0.02), Latency(0.001, 0.005), 4000
    clock, etcd = make(members=members, fsync=fsync, rtt=rtt)
    answers: list[Any] = []
    for number in range(count):
        clock.at(float(number), put, clock, etcd, "a", answers)
    clock.run()
    measured = np.array([time - number for number, (time, _) in enumerate(answers)])

    random = np.random.default_rng(7)

    def draw(latency: Latency, *shape: int) -> np.ndarray:
        normal = random.standard_normal(shape)
        return latency.median * np.exp(latency.sigma * normal)

    followers = draw(rtt, 100_000, members - 1) + draw(fsync, 100_000, members - 1)
    followers.sort(axis=1)
    enough = followers[:, members // 2 - 1]
    brute = np.maximum(draw(fsync, 100_000), enough)

    for quantile in (0.1, 0.5, 0.9):
        expected = np.quantile(brute, quantile)

        assert np.quantile(measured, quantile) == pytest.approx(expected, rel=0.08)


def test_throughput_saturates_where_etcd_does() -> None:
    """1,000 clients get a few ten thousand writes a second, each in some 20 ms."""
    clock = Clock()
    etcd = Etcd(clock, EtcdParameters(), seed=1)
    done = 0

    def again(client: int) -> None:
        etcd.txn((), (Put(str(client), 0),), (), lambda _: answered(client))

    def answered(client: int) -> None:
        nonlocal done
        done += 1
        again(client)

    for client in range(1000):
        again(client)
    clock.run(1.0)

    assert 25_000 < done < 50_200


def test_writes_wait_out_an_election() -> None:
    """No leader, no write: an election timeout and a vote later they go on."""
    clock, etcd = make(fsync=Latency(0.001), rtt=Latency(0.001))
    answers: list[Any] = []
    clock.at(1.0, etcd.stop_member, 0)
    clock.at(1.5, put, clock, etcd, "a", answers)
    clock.run(10.0)

    assert reasons(answers) == [None]
    assert 1.9 < answers[0][0] < 3.1
    assert etcd.raft.elections == 1


@pytest.mark.parametrize(("lost_at", "survives"), [(0.001, False), (0.0125, True)])
def test_outcome_of_a_write_in_flight(lost_at: float, survives: bool) -> None:
    """A write whose leader is lost survives if the others had got it."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.004))
    answers: list[Any] = []
    seen: list[Any] = []
    etcd.watch("", seen.append)
    put(clock, etcd, "a", answers)
    clock.at(lost_at, etcd.stop_member, 0)
    clock.run(10.0)

    assert reasons(answers) == ["leader changed"]
    assert bool(seen) is survives


def test_a_hanging_disk_costs_the_leader() -> None:
    """A disk slower than the election timeout stops heartbeats: another leads."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.004))
    answers: list[Any] = []
    etcd.set_disk(0, Latency(20.0))
    put(clock, etcd, "a", answers)
    clock.run(5.0)
    put(clock, etcd, "b", answers)
    clock.run(6.0)

    assert etcd.leader in {1, 2}
    assert reasons(answers) == ["leader changed", None]
    assert sorted(etcd.store._keys) == ["a", "b"]


def test_a_write_that_timed_out_may_still_happen() -> None:
    """A single member's disk of nine seconds: no answer in time, yet written."""
    clock, etcd = make(members=1, fsync=Latency(9.0))
    answers: list[Any] = []
    put(clock, etcd, "a", answers)
    clock.run(8.0)
    before = list(etcd.store._keys)
    clock.run(10.0)

    assert [(time, reasons([(time, a)])) for time, a in answers] == [(7.0, ["timeout"])]
    assert (before, list(etcd.store._keys)) == ([], ["a"])


def test_what_no_disk_has_is_lost() -> None:
    """A crash loses what had come but was not written yet."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.004))
    answers: list[Any] = []
    put(clock, etcd, "a", answers)
    for number in (0, 1, 2):
        clock.at(0.005, etcd.stop_member, number)
        clock.at(1.0, etcd.start_member, number)
    clock.run(10.0)

    assert reasons(answers) == ["leader changed"]
    assert etcd.store.revision == 1


@pytest.mark.parametrize("seed", range(8))
def test_only_a_member_with_all_that_is_committed_can_lead(seed: int) -> None:
    """Raft §5.4.1: votes go to logs that are no older than the voter's own."""
    clock = Clock()
    etcd = Etcd(clock, FREE, seed)
    answers: list[Any] = []
    etcd.stop_member(2)
    put(clock, etcd, "a", answers)
    clock.run(0.5)
    etcd.stop_member(0)
    etcd.start_member(2)
    put(clock, etcd, "b", answers)
    clock.run(5.0)

    assert etcd.leader == 1
    assert sorted(etcd.store._keys) == ["a", "b"]


def test_inherited_entries_commit_with_the_leaders_own() -> None:
    """Raft §5.4.2: a leader commits nothing of earlier terms by counting."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.004), heartbeat=0.0)
    seen: list[float] = []
    etcd.watch("", lambda _: seen.append(clock.now))
    put(clock, etcd, "a", [])
    clock.at(0.0125, etcd.stop_member, 0)
    clock.run(stop=lambda: etcd.raft.elections == 1)
    elected = clock.now
    clock.run(10.0)

    assert seen == pytest.approx([elected + 0.014])


def test_a_longer_log_of_a_lost_term_does_not_count() -> None:
    """A member acknowledges what it has of the leader's log, not of its own."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.1), heartbeat=0.0)
    answers: list[Any] = []
    etcd.stop_member(1)
    etcd.stop_member(2)
    for number in range(9):
        clock.at(number * 0.02, put, clock, etcd, "lost", answers)
    clock.run(0.3)
    etcd.stop_member(0)
    etcd.start_member(1)
    etcd.start_member(2)
    clock.run(5.0)
    etcd.set_disk(0, Latency(1.0))
    etcd.start_member(0)
    put(clock, etcd, "kept", answers)
    clock.run(5.02)
    assert etcd.leader is not None
    etcd.stop_member(3 - etcd.leader)
    clock.run(10.0)

    assert answers[-1][0] > 6.0
    assert list(etcd.store._keys) == ["kept"]


def test_isolated_leaders_writes_are_lost() -> None:
    """What only an isolated leader has is undone when it comes back."""
    clock, etcd = make(fsync=Latency(0.010), rtt=Latency(0.1))
    answers: list[Any] = []
    put(clock, etcd, "a", answers)
    clock.at(0.02, etcd.isolate, 0)
    clock.at(5.0, etcd.rejoin, 0)
    clock.at(6.0, etcd.stop_member, 1)
    clock.at(10.0, put, clock, etcd, "b", answers)
    clock.run(20.0)
    logs = {member.end(20.0) for member in etcd.raft.members if member.up}

    assert reasons(answers) == ["leader changed", None]
    assert list(etcd.store._keys) == ["b"]
    assert len(logs) == 1


def test_quorum_back_in_time_answers_what_waited() -> None:
    """A quorum that is away for less than an election timeout costs no leader."""
    clock, etcd = make(fsync=Latency(0.001))
    answers: list[Any] = []
    etcd.stop_member(1)
    etcd.stop_member(2)
    put(clock, etcd, "a", answers)
    etcd.range("a", lambda answer: answers.append((clock.now, answer)))
    clock.at(0.5, etcd.start_member, 2)
    clock.run(10.0)

    assert reasons(answers) == [None, None]
    assert all(0.5 <= time <= 0.7 for time, _ in answers)
    assert etcd.raft.elections == 0


def test_a_member_long_away_catches_up_at_the_speed_of_recovery() -> None:
    """etcd's hardware guide: a gigabyte in 15 s; until then it does not vote."""
    clock, etcd = make(catch_up=1e6, value_bytes=1000, append_bytes=10**9)
    etcd.stop_member(2)
    answers: list[Any] = []
    for number in range(2000):
        put(clock, etcd, str(number), answers)
    clock.run(1.0)
    etcd.start_member(2)
    etcd.stop_member(1)
    put(clock, etcd, "last", answers)
    clock.run(10.0)

    assert 3.0 < answers[-1][0] < 3.2


class Faults(RuleBasedStateMachine):
    """Writes and reads while members come and go."""

    @initialize(
        members=st.sampled_from([3, 5]), seed=st.integers(0, 2**16), free=st.booleans()
    )
    def begin(self, members: int, seed: int, free: bool) -> None:
        self.clock = Clock()
        base = NO_LATENCY.etcd if free else EtcdParameters()
        parameters = dataclasses.replace(base, members=members)
        self.etcd = Etcd(self.clock, parameters, seed)
        self.members = members
        self.down: set[int] = set()
        self.alone: set[int] = set()
        self.asked = 0
        self.answers: dict[int, TxnAnswer] = {}
        self.seen: list[Event] = []
        self.etcd.watch("", self.see)

    def see(self, events: Any) -> None:
        assert len({event.revision for event in events}) == 1
        self.seen += events

    def quorum(self) -> bool:
        there = self.members - len(self.down | self.alone)
        return there > self.members // 2

    def answered(self, number: int, answer: TxnAnswer) -> None:
        assert number not in self.answers
        self.answers[number] = answer
        if answer.error is None:
            assert self.quorum()
            holders = sum(self.holds(member) for member in self.etcd.raft.members)
            assert holders > self.members // 2
            assert self.seen[-1].revision == answer.revision
            assert self.seen[-1].value == number

    def holds(self, member: Member) -> bool:
        """Whether a member's disk has all that is committed."""
        committed = self.etcd.raft.committed
        append = member.end(self.clock.now)
        while append.index > committed.index:
            append = append.previous
        return append is committed

    @rule(count=st.integers(1, 5))
    def write(self, count: int) -> None:
        for _ in range(count):
            number = self.asked
            self.asked += 1
            self.etcd.txn(
                (),
                (Put(f"k{number % 7}", number),),
                (),
                lambda answer, number=number: self.answered(number, answer),
            )

    @rule()
    def read(self) -> None:
        before = max(
            (a.revision for a in self.answers.values() if a.error is None), default=1
        )

        def check(answer: RangeAnswer) -> None:
            assert answer.error is not None or answer.revision >= before
            assert answer.error is not None or self.quorum()

        self.etcd.range("", check, prefix=True)

    @rule(number=st.integers(0, 4))
    def stop(self, number: int) -> None:
        number %= self.members
        self.etcd.stop_member(number)
        self.down.add(number)

    @rule()
    def stop_leader(self) -> None:
        if self.etcd.leader is not None:
            self.stop(self.etcd.leader)

    @rule(number=st.integers(0, 4))
    def isolate(self, number: int) -> None:
        number %= self.members
        self.etcd.isolate(number)
        self.alone.add(number)

    @precondition(lambda self: self.down)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.down)))
        self.etcd.start_member(number)
        self.down.discard(number)

    @precondition(lambda self: self.alone)
    @rule(data=st.data())
    def rejoin(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.alone)))
        self.etcd.rejoin(number)
        self.alone.discard(number)

    @rule(number=st.integers(0, 4), median=st.sampled_from([0.0, 0.001, 0.2, 2.0]))
    def disk(self, number: int, median: float) -> None:
        self.etcd.set_disk(number % self.members, Latency(median, median * 3))

    @rule(seconds=st.sampled_from([0.0001, 0.001, 0.003, 0.05, 1.0, 3.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.clock.run(self.clock.now + seconds)

    @invariant()
    def revisions_rise_and_each_write_is_seen_once(self) -> None:
        if not hasattr(self, "seen"):
            return
        revisions = [event.revision for event in self.seen]
        values = [event.value for event in self.seen]

        assert revisions == list(range(2, len(revisions) + 2))
        assert len(set(values)) == len(values)

    def teardown(self) -> None:
        if not hasattr(self, "seen"):
            return
        for number in sorted(self.down):
            self.etcd.start_member(number)
        for number in sorted(self.alone):
            self.etcd.rejoin(number)
        self.down.clear()
        self.alone.clear()
        for number in range(self.members):
            self.etcd.set_disk(number, Latency(0.001))
        self.clock.run(self.clock.now + 60.0)
        self.write(1)
        self.clock.run(self.clock.now + 5.0)
        written = {event.value: event.revision for event in self.seen}
        self.revisions_rise_and_each_write_is_seen_once()

        assert set(self.answers) == set(range(self.asked))
        assert self.answers[self.asked - 1].error is None
        for number, answer in self.answers.items():
            if answer.error is None:
                assert written[number] == answer.revision


TestFaults = Faults.TestCase

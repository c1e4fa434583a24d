"""The quorum behind etcd: who has which entries, who leads, when a write commits.

The leader writes one append at a time: proposals that come while its disk is busy go
together into the next one. It sends an append as it begins to write it; a follower
writes everything that has come by the time its disk is free. An append commits when
the leader's own write is done and enough followers have acknowledged theirs; before
the first one of its own term a leader commits nothing of its predecessors'.

Source: D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus
Algorithm", §5; server/etcdserver/raft.go of etcd-io/etcd for the order of sending and
writing, which blocks the leader's heartbeats too: etcd.io, "Tuning".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from schedbench.clock import Clock, Timer
from schedbench.controlplane.etcd_member import Append, Member, Request, nth, parting
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import EtcdParameters
from schedbench.errors import InputError, InvariantError


class Raft:
    """The members, their logs and their leader.

    Parameters
    ----------
    apply
        Called with the requests of every append, once, in the order of the log.
    elected
        Called when there is a new leader.
    again
        Called when reading may go on: the leader has committed an append of its own,
        or has its quorum back.
    lost
        Called with the requests under way when a leader is lost.
    late
        Called if a request will not be answered before its deadline.

    Attributes
    ----------
    leader
        The number of the leading member, or None.
    ready
        Whether it has committed an append of its own: until then nothing is read.
    term
        Of the leader, or of the last one.
    connected
        How many members take part.
    elections
        How many leaders were elected after the first.
    appends
        How many appends were written by leaders.
    committed
        The last append that is committed.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: EtcdParameters,
        seed: int,
        *,
        apply: Callable[[list[Request]], None],
        elected: Callable[[], None],
        again: Callable[[], None],
        lost: Callable[[list[Request]], None],
        late: Callable[[], None],
    ) -> None:
        if parameters.members not in {1, 3, 5, 7}:
            raise InputError(
                "etcd has a wrong number of members",
                value=parameters.members,
                fix="use 1, 3, 5 or 7",
            )
        self._clock = clock
        self._parameters = parameters
        self._apply, self._elected, self._again = apply, elected, again
        self._lost, self._late = lost, late
        self._draws = Draws(seed, "etcd/replication")
        self._votes = Draws(seed, "etcd/election")
        self.committed = root = Append(1, None, [], 0)
        self.members = [
            Member(parameters.fsync, root) for _ in range(parameters.members)
        ]
        self.quorum = parameters.members // 2 + 1
        self.leader: int | None = 0
        self.ready = True
        self.term = 1
        self.connected = parameters.members
        self._followers = self.members[1:]
        self.elections = self.appends = 0
        self._tip = root
        self._under_way: deque[Append] = deque()
        self._applied = -math.inf  # until then the appends under way keep it busy
        self._free = -math.inf  # until then the leader's disk is busy
        self._queue: deque[tuple[list[Request], int]] = deque()
        self._turn: Timer | None = None
        self._election: Timer | None = None
        self._step_down: Timer | None = None

    @property
    def stalled(self) -> bool:
        """Whether nothing commits for now."""
        return not self.ready or self.connected < self.quorum

    def _count(self) -> None:
        """Find out anew who takes part."""
        there = [member for member in self.members if member.connected]
        self.connected = len(there)
        own = None if self.leader is None else self.members[self.leader]
        self._followers = [member for member in there if member is not own]

    def propose(self, request: Request, size: int) -> None:
        """Let a request enter the log."""
        now = self._clock.now
        queue = self._queue
        if self.leader is not None and now >= self._free and not queue:
            self._append([request], size)
            return
        if queue and queue[-1][1] + size <= self._parameters.append_bytes:
            requests, before = queue.pop()
            requests.append(request)
            queue.append((requests, before + size))
        else:
            queue.append(([request], size))
        self._take_turn()

    def round_trip(self) -> float:
        """Return how long the leader takes now to hear from a quorum; ∞ if never."""
        if self.connected < self.quorum:
            return math.inf
        return self._nth([self._rtt() for _ in range(self.connected - 1)])

    # -- replication

    def _rtt(self) -> float:
        return self._draws.seconds(self._parameters.rtt)

    def _nth(self, followers: list[float]) -> float:
        return nth(followers, self.quorum - 1)

    def _by_quorum(self, own: float, followers: list[float]) -> float:
        """Return when the leader and enough followers have what they have since."""
        return own if self.quorum == 1 else max(own, self._nth(followers))

    def _take_turn(self) -> None:
        if self._turn is None and self.leader is not None and self._queue:
            time = max(self._clock.now, self._free)
            self._turn = self._clock.at(time, self._append_next)

    def _append_next(self) -> None:
        self._turn = None
        self._append(*self._queue.popleft())
        self._take_turn()

    def _append(self, requests: list[Request], size: int) -> None:
        """Write, send and plan the end of an append."""
        now, draws = self._clock.now, self._draws
        append = self._write(requests, size)
        followers = [
            member.receive(append, now, self._rtt(), draws)
            for member in self._followers
        ]
        self._plan(append, self._by_quorum(self._free, followers))

    def _write(self, requests: list[Request], size: int) -> Append:
        """Let the leader write an append."""
        assert self.leader is not None
        self._tip = append = Append(self.term, self._tip, requests, size)
        self.appends += 1
        leader = self.members[self.leader]
        self._free = leader.write(append, self._clock.now, self._draws)
        self._under_way.append(append)
        takes, election = self._free - self._clock.now, self._parameters.election
        if 0 < election < takes and takes > election * (1 + self._votes.uniform()):
            self._clock.after(self._parameters.heartbeat, self._hang, self.term)
        return append

    def _hang(self, term: int) -> None:
        """Lose a leader whose disk is so slow that its heartbeats stay away."""
        if self.leader is not None and self.term == term and len(self.members) > 1:
            self._lose_leader()

    def _plan(self, append: Append, committed: float) -> None:
        """Let an append be applied after it commits, in turn."""
        requests = append.requests
        cost = len(requests) * self._parameters.apply
        self._applied = time = max(committed, self._applied) + cost
        append.timer = None
        if time < math.inf:
            append.timer = self._clock.at(time, self._commit, append)
        if requests and time > requests[0].deadline:
            self._late()

    def _replan(self) -> None:
        """Plan all that is under way anew: other members are there now."""
        if self.leader is None:
            return
        now, under_way = self._clock.now, self._under_way
        leader = self.members[self.leader]
        own = None  # when the first append of the leader's term commits
        times = []
        for append in under_way:
            if append.timer is not None:
                append.timer.cancel()
            index = append.index
            followers = [member.known(index) for member in self._followers]
            known = self._by_quorum(leader.known(index), followers)
            time = max(now, known)
            if own is None and append.term == self.term:
                own = time
            times.append(time)
        self._applied = now
        for append, time in zip(under_way, times, strict=True):
            self._plan(append, time if append.term == self.term else own or now)

    def _commit(self, append: Append) -> None:
        assert self._under_way[0] is append
        self._under_way.popleft()
        self.committed = append
        append.previous = None
        for member in self.members:
            if member.connected:
                member.settle(self._clock.now)
        first = not self.ready and append.term == self.term
        if first:
            self.ready = True
        self._apply(append.requests)
        if first:
            self._again()

    def _catch_up(self, member: Member) -> None:
        """Send a member that came back what it lacks, from the next heartbeat on."""
        parameters, draws = self._parameters, self._draws
        end = member.end(self._clock.now)
        shared = parting(end, self._under_way, self.committed)
        member.cut(shared)
        wait = parameters.heartbeat * draws.uniform()
        missing = max(0, self._tip.offset - shared.offset)
        sent = self._clock.now + wait + missing / parameters.catch_up
        member.receive(self._tip, sent, self._rtt(), draws)

    # -- members

    def stop(self, number: int) -> None:
        """Crash a member: it keeps what its disk has."""
        member = self.members[number]
        if not member.up:
            return
        member.crash(self._clock.now)
        member.up = False
        self._count()
        self._missing(number)

    def isolate(self, number: int) -> None:
        """Let nobody reach a member."""
        member = self.members[number]
        if member.isolated:
            return
        if member.up:
            member.lose_touch(self._clock.now)
        member.isolated = True
        self._count()
        if member.up:
            self._missing(number)

    def start(self, number: int) -> None:
        """Start a member that was stopped."""
        member = self.members[number]
        if not member.up:
            member.up = True
            self._back(member)

    def rejoin(self, number: int) -> None:
        """Let a member be reached again."""
        member = self.members[number]
        if member.isolated:
            member.isolated = False
            self._back(member)

    def _missing(self, number: int) -> None:
        if number == self.leader:
            self._lose_leader()
        elif self.leader is not None:
            self._replan()
            if self.connected < self.quorum and self._step_down is None:
                election = self._parameters.election
                self._step_down = self._clock.after(election, self._check_quorum)

    def _back(self, member: Member) -> None:
        if not member.connected:
            return
        self._count()
        if self.leader is None:
            self._campaign()
            return
        self._catch_up(member)
        self._replan()
        if self.connected >= self.quorum and self._step_down is not None:
            self._step_down.cancel()
            self._step_down = None
        if not self.stalled:
            self._again()

    def _check_quorum(self) -> None:
        self._step_down = None
        if self.connected < self.quorum and self.leader is not None:
            self._lose_leader()

    # -- elections

    def _lose_leader(self) -> None:
        lost: list[Request] = []
        for append in self._under_way:
            if append.timer is not None:
                append.timer.cancel()
            lost += append.requests
        for requests, _ in self._queue:
            lost += requests
        self._under_way.clear()
        self._queue.clear()
        for timer in (self._turn, self._step_down):
            if timer is not None:
                timer.cancel()
        self._turn = self._step_down = None
        self.leader = None
        self.ready = False
        self._count()
        for member in self._followers:
            member.drop(self._clock.now)
        self._lost(lost)
        self._campaign()

    def _campaign(self) -> None:
        """Let the members that are there wait for their election timeouts."""
        if self.connected < self.quorum or self._election is not None:
            return
        election, heartbeat = self._parameters.election, self._parameters.heartbeat
        order = []
        for number, member in enumerate(self.members):
            last_heard = heartbeat * self._votes.uniform()
            timeout = election * (1 + self._votes.uniform())
            if member.connected:
                order.append((max(0.0, timeout - last_heard), number))
        now = self._clock.now
        candidates = sorted(
            (now + wait + self._voting(number), number) for wait, number in order
        )
        self._election = self._clock.at(candidates[0][0], self._elect, candidates)

    def _voting(self, number: int) -> float:
        """Return how long a pre-vote and a vote take; votes are written to disk."""
        draws, rtt = self._votes, self._parameters.rtt
        candidate = self.members[number]
        others = [member for member in self._followers if member is not candidate]
        asking = self._nth([draws.seconds(rtt) for _ in others])
        answers = [draws.seconds(rtt) + draws.seconds(member.disk) for member in others]
        return asking + max(draws.seconds(candidate.disk), self._nth(answers))

    def _elect(self, candidates: list[tuple[float, int]]) -> None:
        """Let the first candidate lead if a quorum's logs are no newer than its own."""
        self._election = None
        now = self._clock.now
        if self.connected < self.quorum:
            return
        _, number = candidates[0]
        ends = [member.end(now) for member in self.members if member.connected]
        own = self.members[number].end(now)
        votes = sum((end.term, end.index) <= (own.term, own.index) for end in ends)
        if self.members[number].connected and votes >= self.quorum:
            self._lead(number, own)
        elif len(candidates) > 1:
            time = max(now, candidates[1][0])
            self._election = self._clock.at(time, self._elect, candidates[1:])
        else:
            self._campaign()

    def _lead(self, number: int, end: Append) -> None:
        append: Append | None = end
        while append is not None and append.index > self.committed.index:
            self._under_way.appendleft(append)
            append = append.previous
        if append is not self.committed:
            raise InvariantError("etcd's new leader lacks what was committed")
        self.leader, self._tip = number, end
        self._count()
        self.term += 1
        self.elections += 1
        self.members[number].cut(end)
        self._write([], 0)
        for member in self._followers:
            self._catch_up(member)
        self._replan()
        self._take_turn()
        self._elected()

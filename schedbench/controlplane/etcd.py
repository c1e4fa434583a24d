"""etcd: the store behind the API server, replicated by a quorum of members.

What it takes is counted from a request's arrival at the leader to its answer leaving
there; the way there and back is the client's. Writes commit as `etcd_raft` tells.
Linearizable reads wait until the leader has heard from a quorum; those that come
during one such round share the next. A read-only transaction is such a read.
Serializable reads are answered at once from what was applied last.

Source: etcd.io, "etcd API guarantees"; linearizableReadLoop in
server/etcdserver/v3_server.go of etcd-io/etcd.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from schedbench.clock import Clock, Timer
from schedbench.controlplane.etcd_lease import Lessor
from schedbench.controlplane.etcd_member import Request
from schedbench.controlplane.etcd_outages import Outages
from schedbench.controlplane.etcd_raft import Raft
from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import (
    Compact,
    CompactAnswer,
    Compare,
    Delete,
    EtcdError,
    Grant,
    LeaseAnswer,
    Op,
    Put,
    Range,
    RangeAnswer,
    Revoke,
    Snapshot,
    Txn,
    TxnAnswer,
)
from schedbench.controlplane.etcd_watch import EtcdWatch, Handler, Watches
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import EtcdParameters

LEASE_BYTES = 64
"""A lease's or a compaction's entry in the log; assumed."""


def _nothing() -> None:
    pass


class Etcd:
    """An etcd cluster.

    Parameters
    ----------
    seed
        Of its latencies and elections.
    snapshot
        What it begins with; None for nothing.

    Attributes
    ----------
    store
        What is applied.
    raft
        The members and their leader.
    reads
        How many reads were asked for.
    writes
        How many writes were asked for.
    outages
        When there was no quorum.
    changed
        Called when a leader is lost, or when it may be read and written again.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: EtcdParameters,
        seed: int,
        snapshot: Snapshot | None = None,
    ) -> None:
        self._clock = clock
        self._parameters = parameters
        self.changed: Callable[[], None] = _nothing
        self.store = Store(parameters)
        if snapshot is not None:
            self.store.restore(snapshot)
        self.raft = Raft(
            clock,
            parameters,
            seed,
            apply=self._apply,
            elected=self._elected,
            again=self._read_again,
            lost=self._lost,
            late=self._watch_deadlines,
        )
        draws = Draws(seed, "etcd/watches")
        self._watches = Watches(clock, self.store, draws, parameters.watch_sync)
        self.reads = 0
        self.writes = 0
        self.outages = Outages(clock, self.raft, self.store)
        self._open: deque[Request] = deque()  # in the order of their deadlines
        self._deadline: Timer | None = None
        self._orphans: list[Request] = []
        self._round: Timer | None = None
        self._reading: list[Request] = []
        self._waiting: list[Request] = []
        self._lease = max(self.store.leases, default=0)
        step = parameters.lease_check
        self._lessor = Lessor(clock, self.store, step, self.revoke)
        self._lessor.begin()

    # -- requests

    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Op],
        failure: Sequence[Op],
        then: Callable[[TxnAnswer], None] | None = None,
    ) -> None:
        """If all conditions hold do `success`, else `failure`, in one revision."""
        size = 0
        changes = False
        for ops in (success, failure):
            if len(ops) > 1:
                error = self._malformed(ops)
                if error is not None:
                    self._refuse(TxnAnswer(error=error), then)
                    return
            for op in ops:
                if type(op) is Put:
                    changes = True
                    size += op.size or self._parameters.value_bytes
                elif type(op) is not Range:
                    changes = True
        if size > self._parameters.request_bytes:
            error = EtcdError("request too large", f"{size} bytes")
            self._refuse(TxnAnswer(error=error), then)
            return
        request = Request(Txn(compares, success, failure), then)
        if changes:
            self._write(request, size)
        else:
            self._read(request)

    def range(
        self,
        key: str,
        then: Callable[[RangeAnswer], None],
        *,
        prefix: bool = False,
        revision: int = 0,
        limit: int = 0,
        serializable: bool = False,
    ) -> None:
        """Read a key, or all keys that begin so.

        Parameters
        ----------
        revision
            As of which revision; 0 for the newest.
        limit
            At most so many; 0 for all.
        serializable
            From what a member has applied, without asking a quorum.
        """
        op = Range(key, prefix, revision, limit)
        if not serializable:
            self._read(Request(op, then))
            return
        self.reads += 1
        self._clock.after(self._parameters.read, self._serve_locally, op, then)

    def watch(self, prefix: str, handler: Handler, from_revision: int = 0) -> EtcdWatch:
        """Hear of every change of keys that begin so, from a revision on.

        Parameters
        ----------
        handler
            Called with the events of one revision at a time, or once with Compacted.
        from_revision
            The first revision to hear of; 0 for the next one.
        """
        return self._watches.add(prefix, handler, from_revision)

    def compact(
        self, revision: int, then: Callable[[CompactAnswer], None] | None = None
    ) -> None:
        """Forget what was before a revision."""
        self._write(Request(Compact(revision), then), LEASE_BYTES)

    def defragment(self) -> None:
        """Give unused space back at once; lift the alarm if the quota is kept."""
        self.store.defragment()

    def grant(self, ttl: float, then: Callable[[LeaseAnswer], None]) -> None:
        """Make a lease; its answer tells its number and its seconds."""
        self._lease += 1
        ttl = max(ttl, self._parameters.lease_minimum)
        self._write(Request(Grant(self._lease, ttl), then), LEASE_BYTES)

    def keep_alive(self, lease: int) -> bool:
        """Let a lease run anew; return whether a leader knows it."""
        return self._lessor.keep_alive(lease)

    def revoke(
        self, lease: int, then: Callable[[LeaseAnswer], None] | None = None
    ) -> None:
        """End a lease and delete its keys."""
        self._write(Request(Revoke(lease), then), LEASE_BYTES)

    def snapshot(self) -> Snapshot:
        """Return what is applied, plain and serializable."""
        return self.store.save()

    # -- members

    @property
    def leader(self) -> int | None:
        """The number of the leading member, or None."""
        return self.raft.leader

    def stop_member(self, number: int) -> None:
        """Crash a member; its disk keeps what was written."""
        self.raft.stop(number)
        self.outages.note()

    def start_member(self, number: int) -> None:
        """Start a member that was stopped."""
        self.raft.start(number)
        self.outages.note()

    def isolate(self, number: int) -> None:
        """Cut a member off from the others and from clients."""
        self.raft.isolate(number)
        self.outages.note()

    def rejoin(self, number: int) -> None:
        """Let a member be reached again."""
        self.raft.rejoin(number)
        self.outages.note()

    def set_disk(self, number: int, disk: Latency) -> None:
        """Let a member's writes take so long from now on."""
        self.raft.members[number].disk = disk

    # -- writes

    def _malformed(self, ops: Sequence[Op]) -> EtcdError | None:
        if len(ops) > self._parameters.operations:
            return EtcdError("too many operations", str(len(ops)))
        puts = [op.key for op in ops if type(op) is Put]
        twice = len(set(puts)) < len(puts) or any(
            key == op.key or (op.prefix and key.startswith(op.key))
            for op in ops
            if type(op) is Delete
            for key in puts
        )
        if twice:
            return EtcdError("duplicate key")
        return None

    def _refuse(self, answer: Any, then: Callable[[Any], None] | None) -> None:
        if then is not None:
            self._clock.after(0.0, then, answer)

    def _write(self, request: Request, size: int) -> None:
        self.writes += 1
        self._opened(request)
        self.raft.propose(request, size)

    def _opened(self, request: Request) -> None:
        request.deadline = self._clock.now + self._parameters.request_timeout
        self._open.append(request)
        if self.raft.stalled:
            self._watch_deadlines()

    def _apply(self, requests: list[Request]) -> None:
        store, watches = self.store, self._watches
        for request in requests:
            command = request.command
            answer = store.apply(command)
            if store.events:
                watches.tell(store.revision, store.events)
            if type(command) is Grant:
                self._lessor.granted(command.lease)
            self._answer(request, answer)

    def _answer(self, request: Request, answer: Any) -> None:
        """Answer once; forget the oldest requests that have their answers."""
        then = request.then
        request.deadline = -math.inf
        request.then = None
        opened = self._open
        while opened and opened[0].deadline < 0:
            opened.popleft()
        if then is not None:
            then(answer)

    # -- reads

    def _read(self, request: Request) -> None:
        self.reads += 1
        self._opened(request)
        self._waiting.append(request)
        self._begin_round()

    def _read_again(self) -> None:
        self._begin_round()
        self.changed()

    def _begin_round(self) -> None:
        if self._round is not None or not self._waiting or not self.raft.ready:
            return
        round_trip = self.raft.round_trip()
        if round_trip == math.inf:
            return
        self._reading, self._waiting = self._waiting, []
        wait = round_trip + len(self._reading) * self._parameters.read
        self._round = self._clock.after(wait, self._end_round)

    def _end_round(self) -> None:
        self._round = None
        requests, self._reading = self._reading, []
        if self.raft.stalled:
            self._waiting = requests + self._waiting
            return
        for request in requests:
            command = request.command
            if type(command) is Range:
                self._answer(request, self.store.range(command))
            else:
                self._answer(request, self.store.read(command))
        self._begin_round()

    def _serve_locally(self, op: Range, then: Callable[[RangeAnswer], None]) -> None:
        if self.raft.connected:
            then(self.store.range(op))
        else:
            then(RangeAnswer(error=EtcdError("unavailable", "no member is up")))

    # -- leaders come and go

    def _elected(self) -> None:
        orphans, self._orphans = self._orphans, []
        for request in orphans:
            self._fail(request, EtcdError("leader changed"))
        self._lessor.begin()

    def _lost(self, requests: list[Request]) -> None:
        self._orphans += requests
        if self._round is not None:
            self._round.cancel()
            self._round = None
            self._waiting = self._reading + self._waiting
            self._reading = []
        self._lessor.end()
        self._watch_deadlines()
        self.changed()

    def _watch_deadlines(self) -> None:
        if self._deadline is None and self._open:
            time = max(self._clock.now, self._open[0].deadline)
            self._deadline = self._clock.at(time, self._time_out)

    def _time_out(self) -> None:
        self._deadline = None
        now, opened = self._clock.now, self._open
        due = []
        while opened and opened[0].deadline <= now:
            due.append(opened.popleft())
        for request in due:
            self._fail(request, EtcdError("timeout"))
        self._waiting = [request for request in self._waiting if request.deadline > 0]
        self._watch_deadlines()

    def _fail(self, request: Request, error: EtcdError) -> None:
        if request.deadline < 0:
            return
        command = request.command
        if type(command) is Txn:
            self._answer(request, TxnAnswer(error=error))
        elif type(command) is Range:
            self._answer(request, RangeAnswer(error=error))
        elif type(command) is Compact:
            self._answer(request, CompactAnswer(error=error))
        else:
            self._answer(request, LeaseAnswer(command.lease, error=error))

"""Asks the laws of a running cluster: after every event, or now and then.

It reads what etcd has applied since it looked last, change by change, so that looking
seldom misses nothing but what kubelets run and members' logs held in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from operator import lt

from schedbench.clock import Clock
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.etcd_member import holds
from schedbench.controlplane.etcd_types import Event, Range
from schedbench.controlplane.registry import PREFIX
from schedbench.controlplane.watch_cache import Stream
from schedbench.errors import InvariantError
from schedbench.node.kubelet import Kubelet
from schedbench.simulation.bookings import Bookings
from schedbench.simulation.invariants import (
    Breach,
    Write,
    not_durable,
    not_monotonic,
    on_two_nodes,
)
from schedbench.simulation.probe import Probe

BOOKED = (f"{PREFIX}Pod/", f"{PREFIX}Node/")
HOLDING = frozenset({"sandbox", "up", "stopping"})
"""Stages of a kubelet's pod in which it has a sandbox, or soon will."""


class Watchdog:
    """What has been found wrong with a cluster so far.

    Parameters
    ----------
    clock
        The time.
    etcd
        The store and its members.
    kubelets
        Those of the nodes that are there.
    every
        Simulated seconds after which to look again.

    Attributes
    ----------
    breaches
        All that was found.
    bookings
        What bound pods hold.
    due
        When to look again, if not after every event.
    """

    def __init__(
        self,
        clock: Clock,
        etcd: Etcd,
        kubelets: Callable[[], Iterable[Kubelet]] = lambda: (),
        *,
        every: float = 5.0,
    ) -> None:
        self.breaches: list[Breach] = []
        self.bookings = Bookings()
        self._clock = clock
        self._etcd = etcd
        self._kubelets = kubelets
        self._every = every
        self.due = -math.inf
        self._probes: list[Probe] = []
        self._told: set[Breach] = set()
        self._outages = 0
        self._committed = etcd.raft.committed
        self._last: Event | None = None
        self._revision = 0
        self._begin()

    def probe(self, name: str, stream: Stream) -> Probe:
        """Watch over a watch, from its beginning on."""
        probe = Probe(name, stream, self._etcd.store)
        self._probes.append(probe)
        return probe

    def look(self) -> list[Breach]:
        """Return what does not hold now, or in what has happened since the last look.

        A breach is told once.
        """
        self.due = self._clock.now + self._every
        store = self._etcd.store
        found: list[Breach] = []
        if store.revision != self._revision:
            found += self._read()
        found += self._stopped()
        for probe in self._probes:
            found += probe.look()
        found += on_two_nodes(self._running())
        found += self._durable()
        fresh = [breach for breach in found if breach not in self._told]
        self._told.update(fresh)
        self.breaches += fresh
        return fresh

    def missing(self) -> list[Breach]:
        """Return what watches have not told, once nothing is under way."""
        self.look()
        return [breach for probe in self._probes for breach in probe.missing()]

    def _begin(self) -> None:
        """Take what is there as it is."""
        store = self._etcd.store
        self._revision = store.revision
        for item in store.range(Range(PREFIX, prefix=True)).items:
            put = Event("put", item.key, item.value, None, item.mod_revision)
            self.bookings.take(put)

    def _read(self) -> list[Breach]:
        store, last = self._etcd.store, self._last
        if self._revision + 1 < store.compacted:
            raise InvariantError(
                f"revisions {self._revision + 1} to {store.compacted - 1} were "
                "compacted before the watchdog looked"
            )
        if last is not None:
            known = store.since(last.revision)[:1]
            if store.revision < last.revision or (known and known[0][0] is not last):
                detail = f"revision {last.revision} is another one"
                return [Breach("history is rewritten", last.key, detail)]
        changes = store.since(self._revision + 1)
        found: list[Breach] = []
        revisions = [self._revision, *(events[0].revision for events in changes)]
        if not all(map(lt, revisions, revisions[1:])):
            firsts = [Write(one[0].revision, one[0].key, None) for one in changes]
            found += not_monotonic(firsts, self._revision)
        every = [event for events in changes for event in events]
        for probe in self._probes:
            prefix = probe.prefix
            probe.due += [event for event in every if event.key.startswith(prefix)]
        take = self.bookings.take
        for event in every:
            if event.key.startswith(BOOKED):
                found += take(event)
        self._last = changes[-1][0]
        self._revision = store.revision
        return found

    def _stopped(self) -> list[Breach]:
        """Return the outages in which something was written all the same."""
        outages, found = self._etcd.outages, []
        while self._outages < len(outages):
            outage = outages[self._outages]
            lasts = outage.end == math.inf
            last = self._etcd.store.revision if lasts else outage.last_revision
            if last != outage.revision:
                detail = f"revisions {outage.revision} to {last}"
                when = f"since {outage.begin} s"
                found.append(Breach("write without quorum", when, detail))
            if lasts:
                break
            self._outages += 1
        return found

    def _running(self) -> Iterator[tuple[str, str]]:
        """Yield the pods that kubelets run, and the nodes to which they are bound."""
        nodes = self.bookings.nodes
        for kubelet in self._kubelets():
            name = kubelet.name
            for worker in kubelet.workers.values():
                if worker.stage in HOLDING:
                    uid = worker.pod.metadata.uid or worker.key
                    yield uid, nodes.get(uid, name)
                    yield uid, name

    def _durable(self) -> list[Breach]:
        raft, now = self._etcd.raft, self._clock.now
        committed = raft.committed
        if committed is self._committed:
            return []
        self._committed = committed
        members = raft.members
        holders = sum(holds(member.end(now), committed) for member in members)
        return not_durable(f"entry {committed.index}", holders, len(members) // 2 + 1)

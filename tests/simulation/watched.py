"""etcd and API servers whose laws are asked after every event."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer
from schedbench.controlplane.authorization import MASTERS, User
from schedbench.controlplane.parameters import Parameters
from schedbench.controlplane.registry import key_of
from schedbench.controlplane.requests import Request
from schedbench.controlplane.watch_cache import Stream
from schedbench.objects.coordination import Lease
from schedbench.objects.meta import ObjectMeta
from schedbench.simulation.backplane import Backplane
from schedbench.simulation.invariants import Call, Write, lost_writes, without_quorum
from schedbench.simulation.watchdog import Watchdog

WRITING = frozenset({"create", "update", "patch", "bind"})


class Told:
    """What clients were told, and what they asked for.

    It listens where API servers answer.
    """

    def __init__(self, clock: Clock, backplane: Backplane) -> None:
        self.writes: list[tuple[float, Write]] = []
        self.calls: list[Call] = []
        self.log: dict[tuple[int, str], Any] = {}
        backplane.etcd.watch("", self._applied)
        self._clock, self._etcd = clock, backplane.etcd
        self._finish = backplane.servers.finish
        backplane.servers.finish = self.finish  # type: ignore[method-assign]

    def finish(self, request: Request, answer: Answer) -> None:
        """Take note of a write that is acknowledged."""
        now, item = self._clock.now, answer.object
        if not request.done and answer.error is None and item is not None:
            meta = item.metadata
            key = key_of(request.kind, meta.namespace, meta.name)
            if request.verb in WRITING and meta.resource_version:
                write = Write(int(meta.resource_version), key, item)
                self.writes.append((now, write))
            self.calls.append(Call(now, request.user.name, request.verb, request.kind))
        self._finish(request, answer)

    def _applied(self, events: Any) -> None:
        self.log.update(((one.revision, one.key), one.value) for one in events)

    def breaches(self) -> list[Any]:
        """Return acknowledged writes that are lost, or were made in an outage."""
        outages = [(one.begin, one.end) for one in self._etcd.outages]
        writes = (write for _, write in self.writes)
        return [*lost_writes(writes, self.log), *without_quorum(self.writes, outages)]


class Watched:
    """A clock, etcd, API servers, a watchdog that looks after every event."""

    def __init__(self, members: int = 3, servers: int = 2, seed: int = 1) -> None:
        self.clock = Clock()
        parameters = Parameters()
        etcd = dataclasses.replace(parameters.etcd, members=members)
        self.parameters = dataclasses.replace(parameters, etcd=etcd)
        self.backplane = Backplane(
            self.clock,
            self.parameters,
            seed,
            lambda pod, hop: None,
            replicas=servers,
        )
        self.etcd, self.servers = self.backplane.etcd, self.backplane.servers
        self.watchdog = Watchdog(self.clock, self.etcd)
        self.told = Told(self.clock, self.backplane)
        self.answers: list[Answer] = []
        self.admin = self.backplane("users")

    def run(self, seconds: float) -> None:
        """Let time pass, event by event."""
        until = self.clock.now + seconds
        self.clock.run(until, stop=lambda: bool(self.watchdog.look()))

        assert self.watchdog.breaches == []

    def put(self, name: str, holder: str = "") -> None:
        """Create a Lease, or change its holder."""
        if holder:
            self.admin.patch(
                "Lease", "default", name, held(holder), self.answers.append
            )
        else:
            meta = ObjectMeta(name=name, namespace="default")
            self.admin.create(Lease(metadata=meta), self.answers.append)

    def drop(self, name: str) -> None:
        """Delete a Lease."""
        self.admin.delete("Lease", "default", name, self.answers.append)

    def stream(self, kind: str = "Lease", name: str = "") -> Stream:
        """Begin a watch."""
        field = ("metadata.name", name) if name else None
        stream = Stream(User("probe", (MASTERS,)), kind, lambda event: None, field)
        self.servers.watch(stream)
        return stream


def held(holder: str) -> Callable[[Any], Any]:
    """Return a change of a Lease's holder."""

    def change(lease: Any) -> Lease:
        spec = msgspec.structs.replace(lease.spec, holder_identity=holder)
        return msgspec.structs.replace(lease, spec=spec)

    return change

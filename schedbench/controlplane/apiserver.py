"""The API servers: stateless replicas behind a balancer, in front of the store.

A call arrives at one of the healthy replicas, is authorized, waits for a seat of its
priority level, takes its service time, is admitted and goes to the store. Replicas
share nothing but the store.

Source: docs.kubernetes.io "Controlling Access to the Kubernetes API" and "API Priority
and Fairness".
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection
from functools import partial

from schedbench.clock import Clock
from schedbench.controlplane.admission import Admission
from schedbench.controlplane.api import Answer, ApiError
from schedbench.controlplane.audit import Audit
from schedbench.controlplane.authorization import Authorizer, User
from schedbench.controlplane.flow_control import Level, flow_of, level_of, levels
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.links import Links
from schedbench.controlplane.operations import Operations
from schedbench.controlplane.parameters import ApiServerParameters, Network
from schedbench.controlplane.quota import QuotaLedger
from schedbench.controlplane.registry import Registry, Store
from schedbench.controlplane.replica import Replica
from schedbench.controlplane.requests import ASKED, MUTATING, Request
from schedbench.controlplane.watch_cache import Stream, WatchCache
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod

UNAVAILABLE = Answer(
    error=ApiError(
        "ServiceUnavailable", "the server is currently unable to handle the request"
    )
)
TIMED_OUT = Answer(
    error=ApiError(
        "Timeout",
        "request did not complete within requested timeout - context deadline exceeded",
    )
)
TOO_MANY = Answer(
    error=ApiError(
        "TooManyRequests",
        "the server has received too many requests and has asked us to try again later",
    )
)
FAILED = 500
"""From this HTTP status on nobody knows what became of a call."""

Stamp = Callable[[Pod, str], None]


def _nothing() -> None:
    pass


def _no_stamp(pod: Pod, hop: str) -> None:
    pass


_CODES = {
    "create": 201,
    "bind": 201,
    "evict": 201,
    "get": 200,
    "list": 200,
    "update": 200,
    "patch": 200,
    "delete": 200,
}


class ApiServers:
    """The replicas, the balancer before them, and what they count.

    Parameters
    ----------
    clock
        Simulated time.
    store
        What the objects are kept in.
    parameters
        Capacities and latencies.
    seed
        For names, uids and latencies.
    replicas
        How many API servers.
    network
        The way between a client and a server.
    stamp
        Called with each pod when it is applied, admitted, stored, bound.

    Attributes
    ----------
    audit
        Counters over all replicas.
    authorizer
        Who may do what.
    unsure
        `namespace/name` of pods that may be bound though binding them failed.
    changed
        Called when a replica begins or ceases to serve.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        parameters: ApiServerParameters,
        seed: int,
        replicas: int = 1,
        *,
        network: Network = Network(),  # noqa: B008 - frozen
        stamp: Stamp = _no_stamp,
    ) -> None:
        self.clock = clock
        self.parameters = parameters
        self.network = network
        self.stamp = stamp
        self.audit = Audit()
        self.authorizer = Authorizer()
        self.unsure: set[str] = set()
        self.draws = Draws(seed, "apiserver/latency")
        self.identities = Draws(seed, "apiserver/identities")
        self._registry = Registry(store, clock, parameters.compaction_interval)
        self._quota = QuotaLedger()
        self._operations = Operations(self, self._registry, self.identities)
        self._replicas = [Replica(number) for number in range(replicas)]
        self._next = 0
        self._held: list[Request] = []
        self._unserved: dict[Stream, None] = {}
        self._levels: dict[tuple[User, str, str], str] = {}
        self._links = Links(clock, network.unanswered)
        self._cut = self._links.cut
        self.changed: Callable[[], None] = _nothing
        for number in range(replicas):
            self.start(number)

    def start(self, number: int) -> None:
        """Let a replica come up: it serves once it has read the store."""
        replica = self._replicas[number]
        if replica.up:
            return
        replica.up = True
        inflight = (
            self.parameters.max_requests_inflight
            + self.parameters.max_mutating_requests_inflight
        )
        replica.levels = levels(inflight)
        cache = replica.cache = WatchCache(
            self.clock,
            self.parameters,
            self.network.hop,
            self.draws,
            self._quota.observe,
        )
        replica.admission = Admission(cache, self._quota)
        self._load(replica, cache)

    def crash(self, number: int) -> None:
        """Let a replica die: its calls fail and its watches break."""
        replica = self._replicas[number]
        if not replica.up:
            return
        replica.up = replica.ready = False
        if replica.watch is not None:
            replica.watch.stop()
            replica.watch = None
        calls, replica.calls = replica.calls, collections.deque()
        for request in calls:
            if not request.done:
                request.seated = False
                self.finish(request, UNAVAILABLE)
        if not any(replica.up for replica in self._replicas):
            held, self._held = self._held, []
            for request in held:
                self.finish(request, UNAVAILABLE)
        for stream in replica.cache.drop_all():
            self.clock.after(self._backoff(), self._connect, stream)
        self.changed()

    def cut_off(self, users: Collection[str]) -> None:
        """Let nothing pass between some users and the servers, either way."""
        there = [replica for replica in self._replicas if replica.up]
        streams = [one for each in there for one in each.cache.drop(users)]
        self._links.sever(users, streams)

    def reconnect(self, users: Collection[str]) -> None:
        """Let users through again; their watches resume."""
        for stream in self._links.mend(users):
            self.clock.after(self._backoff(), self._connect, stream)

    def ready(self) -> list[int]:
        """Return the numbers of the replicas that serve."""
        return [replica.number for replica in self._replicas if replica.ready]

    def call(self, request: Request, delay: float = 0.0) -> None:
        """Send a call on its way, after a delay on the client's side."""
        hop = self.draws.seconds(self.network.hop)
        self.clock.after(delay + hop, self._arrive, request)

    def watch(self, stream: Stream, delay: float = 0.0) -> None:
        """Begin a watch, after a delay on the client's side."""
        hop = self.draws.seconds(self.network.hop)
        self.clock.after(delay + hop, self._connect, stream)

    def unwatch(self, stream: Stream) -> None:
        """End a watch."""
        stream.stopped = True
        self._unserved.pop(stream, None)
        if stream.connection is not None:
            stream.connection.disconnect(stream)

    def busy(self) -> tuple[int, int]:
        """Return how many calls have a seat, and how many wait for one."""
        levels = [
            one for each in self._replicas if each.up for one in each.levels.values()
        ]
        return sum(one.taken for one in levels), sum(one.waiting for one in levels)

    def sent(self) -> int:
        """Return how many changes went to watchers of the servers that are up."""
        return sum(each.cache.sent for each in self._replicas if each.up)

    def finish(self, request: Request, answer: Answer) -> None:
        """Answer a call and give its seat to the next; once."""
        if request.done:
            return
        request.done = True
        error = answer.error
        if request.verb == "bind" and error is not None and error.code >= FAILED:
            self.unsure.add(f"{request.namespace}/{request.name}")
        code = _CODES[request.verb] if answer.error is None else answer.error.code
        now = self.clock.now
        self.audit.served(request.verb, request.kind, code, now - request.started)
        if request.then is not None:
            if request.user.name in self._cut:
                self._links.hold_answer(request.user.name, request.then, answer)
            else:
                hop = self.draws.seconds(self.network.hop)
                self.clock.after(hop, request.then, answer)
        if request.seated:
            request.seated = False
            assert request.replica is not None
            self._free(request.replica.levels[request.level])

    def _free(self, level: Level[Request]) -> None:
        call = level.free()
        while call is not None and call.done:
            call = level.free()
        if call is not None:
            self._start(call)

    def _balance(self) -> Replica | None:
        count = len(self._replicas)
        for step in range(count):
            replica = self._replicas[(self._next + step) % count]
            if replica.ready:
                self._next = replica.number + 1
                return replica
        return None

    def _arrive(self, request: Request) -> None:
        if request.user.name in self._cut:
            self._links.hold_call(request, self.call)
            return
        request.arrived = request.started = self.clock.now
        replica = self._balance()
        if replica is None:
            if any(replica.up for replica in self._replicas):
                self._held.append(request)
            else:
                self.finish(request, UNAVAILABLE)
            return
        request.replica = replica
        user, kind = request.user, request.kind
        verb, subresource = ASKED.get(request.verb, (request.verb, request.subresource))
        refusal = self.authorizer.refusal(
            user, verb, kind, request.namespace, request.name, subresource
        )
        if refusal is not None:
            self.finish(request, Answer(error=refusal))
            return
        self._track(replica, request)
        asked = (user, kind, request.namespace if kind == "Lease" else "")
        name = self._levels.get(asked)
        if name is None:
            name = self._levels[asked] = level_of(user, kind, request.namespace)
        request.level = name
        level = replica.levels[name]
        flow = flow_of(user, name, request.namespace)
        taken = level.take(request, flow, request.weight)
        if taken == "seated":
            self._start(request)
        elif taken == "refused":
            self.finish(request, TOO_MANY)
        if self.audit.is_due(self.clock.now):
            self.audit.sample(self.clock.now, *self.busy())

    def _start(self, request: Request) -> None:
        """Serve a call that has a seat."""
        request.seated = True
        now = self.clock.now
        self.audit.waited(request.level, now - request.arrived)
        request.started = now
        mutating = request.verb in MUTATING
        service = self.parameters.mutate if mutating else self.parameters.read
        seconds = self.draws.seconds(service)
        if request.weight != 1:
            seconds = service.mean * request.weight
        self.clock.after(seconds, self._operations.serve, request)

    def _track(self, replica: Replica, request: Request) -> None:
        """Remember a call until it is answered; one timer serves for all timeouts."""
        calls = replica.calls
        while calls and calls[0].done:
            calls.popleft()
        calls.append(request)
        if not replica.sweeping:
            replica.sweeping = True
            timeout = self.parameters.request_timeout
            self.clock.after(timeout, self._sweep, replica)

    def _sweep(self, replica: Replica) -> None:
        calls, now = replica.calls, self.clock.now
        timeout = self.parameters.request_timeout
        while calls and (calls[0].done or calls[0].arrived + timeout <= now):
            self.finish(calls.popleft(), TIMED_OUT)
        replica.sweeping = bool(calls)
        if calls:
            self.clock.at(calls[0].arrived + timeout, self._sweep, replica)

    def _connect(self, stream: Stream) -> None:
        if stream.stopped:
            return
        if stream.user.name in self._cut:
            self._links.keep(stream)
            return
        replica = self._balance()
        if replica is None:
            self._unserved[stream] = None
            return
        refusal = self.authorizer.refusal(
            stream.user, "watch", stream.kind, "", "", field=stream.field
        )
        code = 200 if refusal is None else refusal.code
        self.audit.calls["watch", stream.kind, code] += 1
        if refusal is None:
            replica.cache.connect(stream)

    def _backoff(self) -> float:
        jitter = self.parameters.reconnect_jitter * self.draws.uniform()
        return self.parameters.reconnect * (1 + jitter)

    def _restart(self, replica: Replica) -> None:
        """Read the store anew: its changes came too slowly and are forgotten."""
        replica.watch = None
        self.crash(replica.number)
        self.start(replica.number)

    def _load(self, replica: Replica, cache: WatchCache) -> None:
        self._registry.load(partial(self._loaded, replica, cache))

    def _loaded(
        self,
        replica: Replica,
        cache: WatchCache,
        error: ApiError | None,
        items: list[ApiObject],
        revision: int,
    ) -> None:
        if not replica.up or replica.cache is not cache:
            return
        if error is not None:
            self.clock.after(self._backoff(), self._load, replica, cache)
            return
        cache.load(items, revision)
        self._quota.loaded(cache, revision)
        expired = partial(self._restart, replica)
        replica.watch = self._registry.follow(cache.changed, expired, revision + 1)
        replica.ready = True
        held, self._held = self._held, []
        for request in held:
            self._arrive(request)
        unserved, self._unserved = self._unserved, {}
        for stream in unserved:
            self.clock.after(self._backoff(), self._connect, stream)
        self.changed()

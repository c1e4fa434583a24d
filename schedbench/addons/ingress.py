"""Traffic from outside: how many requests each service's back-ends get, or nobody.

Requests are not simulated one by one: between two changes of rate or back-ends they
are rate × time, spread evenly over the ready back-ends that the controller knows.

Source: docs.kubernetes.io, concepts/services-networking/ingress; kubernetes/
ingress-nginx, docs/how-it-works.md (endpoints change without a reload).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import IngressParameters
from schedbench.objects.discovery import Endpoint, EndpointSlice

SERVICE_NAME = "kubernetes.io/service-name"


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """What became of a service's requests so far; all are expected numbers.

    Attributes
    ----------
    offered
        Requests that came.
    served
        Those that a back-end got.
    dropped
        Those that came while none was routable (503).
    by_address
        Served requests of each back-end there ever was.
    """

    offered: float
    served: float
    dropped: float
    by_address: dict[str, float]


@dataclasses.dataclass(slots=True)
class _Route:
    rate: float = 0.0
    since: float = 0.0
    dropped: float = 0.0
    addresses: tuple[str, ...] = ()
    each: float = 0.0
    """Requests that every present back-end has got since it came or since 0."""
    start: dict[str, float] = dataclasses.field(default_factory=dict)
    done: dict[str, float] = dataclasses.field(default_factory=dict)


class Ingress:
    """An ingress controller in front of services.

    It watches EndpointSlices and syncs all that it has heard, at most `sync_qps` times
    a second; traffic follows `sync` later.
    """

    def __init__(
        self, clock: Clock, api: Api, parameters: IngressParameters, seed: int
    ) -> None:
        self._clock, self._api, self._parameters = clock, api, parameters
        self._draws = Draws(seed, "ingress/sync")
        self._routes: dict[str, _Route] = {}
        self._slices: dict[str, dict[str, EndpointSlice]] = {}
        self._changed_services: dict[str, None] = {}
        self._timer: Timer | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._free = -math.inf
        self.start()

    def start(self) -> None:
        """Come up: list and watch; nothing is routable before."""
        self._informer = Informer(self._api, "EndpointSlice")
        self._informer.listen(self._changed)

    def stop(self) -> None:
        """Crash: all requests are dropped from now on."""
        self._informer.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._changed_services.clear()
        self._slices.clear()
        for service in self._routes:
            self._route_to(service, ())

    def set_rate(self, service: str, rate: float) -> None:
        """Let requests come to a service (`namespace/name`), so many a second."""
        route = self._routes.setdefault(service, _Route(since=self._clock.now))
        self._count(route)
        route.rate = rate
        self._tell(service)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call a function with each service whose rate or back-ends have changed."""
        self._listeners.append(listener)

    def endpoints(self, service: str) -> dict[str, Endpoint]:
        """Return the endpoints that it has heard of, ready or not, by address."""
        found: dict[str, Endpoint] = {}
        for item in self._slices.get(service, {}).values():
            for endpoint in item.endpoints:
                for address in endpoint.addresses[:1]:
                    if endpoint.conditions.ready is not False:
                        found[address] = endpoint
                    else:
                        found.setdefault(address, endpoint)
        return found

    def backends(self, service: str) -> tuple[str, ...]:
        """Return the addresses that get a service's requests now, sorted."""
        route = self._routes.get(service)
        return () if route is None else route.addresses

    def rate_at(self, service: str, address: str) -> float:
        """Return the requests a second that a back-end gets now."""
        route = self._routes.get(service)
        if route is None or address not in route.start:
            return 0.0
        return route.rate / len(route.addresses)

    def served(self, service: str) -> Served:
        """Return what became of a service's requests up to now."""
        route = self._routes.get(service, _Route(since=self._clock.now))
        self._count(route)
        totals = dict(route.done)
        for address, start in route.start.items():
            totals[address] = totals.get(address, 0.0) + route.each - start
        served = sum(totals.values())
        return Served(served + route.dropped, served, route.dropped, totals)

    def _changed(self, event: WatchEvent) -> None:
        item = event.object
        assert isinstance(item, EndpointSlice)
        meta = item.metadata
        service = f"{meta.namespace}/{meta.labels.get(SERVICE_NAME, '')}"
        slices = self._slices.setdefault(service, {})
        if event.type == "DELETED":
            slices.pop(item.key, None)
        else:
            slices[item.key] = item
        self._changed_services[service] = None
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._changed_services:
            begin = max(self._free, self._clock.now)
            self._timer = self._clock.at(begin, self._sync, priority=1)

    def _sync(self) -> None:
        """Take all changed services over at once."""
        qps = self._parameters.sync_qps
        self._free = self._clock.now + (1 / qps if qps else 0.0)
        changed = {name: self._ready(name) for name in self._changed_services}
        self._changed_services.clear()
        took = self._draws.seconds(self._parameters.sync)
        self._timer = self._clock.after(took, self._reload, changed)

    def _ready(self, service: str) -> tuple[str, ...]:
        return tuple(
            sorted(
                address
                for address, endpoint in self.endpoints(service).items()
                if endpoint.conditions.ready is not False
            )
        )

    def _reload(self, changed: dict[str, tuple[str, ...]]) -> None:
        for service, addresses in changed.items():
            self._routes.setdefault(service, _Route(since=self._clock.now))
            self._route_to(service, addresses)
        self._timer = None
        self._schedule()

    def _route_to(self, service: str, addresses: tuple[str, ...]) -> None:
        route = self._routes[service]
        self._count(route)
        stay = set(addresses)
        for address in route.addresses:
            if address not in stay:
                got = route.each - route.start.pop(address)
                route.done[address] = route.done.get(address, 0.0) + got
        for address in addresses:
            route.start.setdefault(address, route.each)
        route.addresses = addresses
        self._tell(service)

    def _tell(self, service: str) -> None:
        for listener in self._listeners:
            listener(service)

    def _count(self, route: _Route) -> None:
        requests = route.rate * (self._clock.now - route.since)
        route.since = self._clock.now
        if route.addresses:
            route.each += requests / len(route.addresses)
        else:
            route.dropped += requests

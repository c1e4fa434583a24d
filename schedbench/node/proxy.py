"""kube-proxy on all nodes as one: when a service reaches a new pod, and which pod.

Source: kubernetes.io/docs/reference/networking/virtual-ips and pkg/proxy. All nodes
hear of the same changes within moments, so they synchronize in step: a round begins
`minSyncPeriod` after the last one began, takes all changes heard until then, and lasts
what its mode asks of services and endpoints. A service without ready back-ends goes to
those that leave and still serve (CategorizeEndpoints, pkg/proxy/topology.go). How much
later than the first each node is done is a distribution, of which any share of nodes is
a quantile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import MIN_SYNC_PERIODS, Proxy, ProxyCost
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod
from schedbench.rng import stream_key

SERVICE_LABEL = "kubernetes.io/service-name"
_NORMAL = NormalDist()


def sync_seconds(cost: ProxyCost, services: int, endpoints: int, changed: int) -> float:
    """Return how long one synchronization of a node's rules takes."""
    return (
        cost.base
        + cost.service * services
        + cost.endpoint * endpoints
        + cost.changed * changed
    )


def choose_backend(
    mode: str,
    backends: Sequence[str],
    turn: int,
    draws: Draws,
    *,
    scheduler: str = "rr",
    client: str = "",
) -> str | None:
    """Return the back-end that a new connection goes to; None if there is none.

    Random in the modes iptables and nftables, in turn in userspace; ipvs does as its
    scheduler says: `rr` in turn, `sh` by the client's address.
    """
    if not backends:
        return None
    if mode == "ipvs" and scheduler == "sh":
        return backends[stream_key(0, client) % len(backends)]
    if mode in {"ipvs", "userspace"}:
        return backends[turn % len(backends)]
    return backends[draws.choice(len(backends))]


def quantile(latency: Latency, share: float) -> float:
    """Return the time within which a share of log-normal times lies, in seconds."""
    if latency.sigma == 0.0:
        return latency.median
    if share <= 0:
        return 0.0
    return latency.median * math.exp(latency.sigma * _NORMAL.inv_cdf(share))


class ProxyFleet:
    """The kube-proxies of all nodes.

    Attributes
    ----------
    rounds
        How many synchronizations each node has done.
    backends
        `namespace/service` → address → when the first node routed to it; ∞ = not yet.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: Proxy,
        seed: int,
        nodes: Callable[[], int],
        stamp: Callable[[Pod, str], None] = lambda _pod, _hop: None,
    ) -> None:
        self.clock = clock
        self.api = api
        self.parameters = parameters
        self.rounds = 0
        self.backends: dict[str, dict[str, float]] = {}
        self._seed = seed
        self._nodes = nodes
        self._stamp = stamp
        self._slices: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}
        self._dirty: dict[str, None] = {}
        self._began = -math.inf
        self._set = False
        self._epoch = 0
        self._informers: list[Informer] = []
        self._draws = Draws(seed, "proxy/back-end")
        self._turns: dict[str, int] = {}
        self._deaf: dict[str, tuple[float, float]] = {}
        self.start()

    def start(self) -> None:
        """Come up and hear of all services and slices anew."""
        if not self._informers:
            self._informers = [
                Informer(self.api, kind) for kind in ("Service", "EndpointSlice")
            ]
            self._informers[0].listen(self._service_changed)
            self._informers[1].listen(self._slice_changed)

    def stop(self) -> None:
        """Go down; the rules that are there stay."""
        for informer in self._informers:
            informer.stop()
        self._informers = []
        self._slices.clear()
        self._dirty.clear()
        self._epoch += 1
        self._set = False

    def lose(self, node: str) -> None:
        """Let a node's proxy hear of no change from now on."""
        self._deaf.setdefault(node, (self.clock.now, math.inf))

    def regain(self, node: str) -> None:
        """Let a node's proxy hear again, also of what it has missed."""
        if node in self._deaf:
            self._deaf[node] = self._deaf[node][0], self.clock.now

    def routable_at(self, service: str, address: str, node: str) -> float:
        """Return when a node routes to a back-end; ∞ if no round has taken it yet."""
        first = self.backends.get(service, {}).get(address, math.inf)
        since, until = self._deaf.get(node, (math.inf, math.inf))
        if since <= first < until:
            first = until
        if first == math.inf:
            return first
        place = stream_key(self._seed, f"proxy/{node}/{first!r}") / 2**64
        return first + quantile(self.parameters.spread, place)

    def routable_by(self, service: str, address: str, share: float = 1.0) -> float:
        """Return when a share of the nodes routes to a back-end; ∞ as above."""
        first = self.backends.get(service, {}).get(address, math.inf)
        return first + self._lag(share)

    def choose(self, service: str, *, client: str = "", node: str = "") -> str | None:
        """Return the back-end that a new connection from a node goes to."""
        now = self.clock.now
        backends = [
            address
            for address in self.backends.get(service, {})
            if self.routable_at(service, address, node) <= now
        ]
        turn = self._turns.get(service, 0)
        self._turns[service] = turn + 1
        return choose_backend(
            self.parameters.mode, backends, turn, self._draws, client=client
        )

    def _lag(self, share: float) -> float:
        """Return how long after the first node a share of them is done.

        Of N nodes the last one is taken at the quantile N / (N + 1).
        """
        nodes = max(1, self._nodes())
        return quantile(self.parameters.spread, min(share, nodes / (nodes + 1)))

    def _service_changed(self, event: WatchEvent) -> None:
        if event.type != "MODIFIED":
            self._touch(event.key)

    def _slice_changed(self, event: WatchEvent) -> None:
        item: Any = event.object
        meta = item.metadata
        service = f"{meta.namespace}/{meta.labels.get(SERVICE_LABEL, '')}"
        if event.type == "DELETED":
            self._slices.pop(item.key, None)
        else:
            routed = {
                address: endpoint.target_ref
                for endpoint in item.endpoints
                if endpoint.conditions.ready is not False
                for address in endpoint.addresses
            }
            leaving = {
                address: endpoint.target_ref
                for endpoint in item.endpoints
                if endpoint.conditions.terminating and endpoint.conditions.serving
                for address in endpoint.addresses
            }
            known = self._slices.get(item.key)
            if (
                known is not None
                and known[1].keys() == routed.keys()
                and known[2].keys() == leaving.keys()
            ):
                return
            self._slices[item.key] = (service, routed, leaving)
        self._touch(service)

    def _touch(self, service: str) -> None:
        self._dirty[service] = None
        if not self._set:
            self._set = True
            given = self.parameters
            period = given.min_sync_period
            if period is None:
                period = MIN_SYNC_PERIODS[given.mode]
            earliest = self._began + period
            when = max(self.clock.now, earliest)
            self.clock.at(when, self._begin, self._epoch)

    def _begin(self, epoch: int) -> None:
        if epoch != self._epoch:
            return
        self._began = self.clock.now
        dirty, self._dirty = self._dirty, {}
        wanted: dict[str, dict[str, Any]] = {service: {} for service in dirty}
        spare: dict[str, dict[str, Any]] = {service: {} for service in dirty}
        total = 0
        for service, routed, leaving in self._slices.values():
            total += len(routed)
            if service in wanted:
                wanted[service].update(routed)
                spare[service].update(leaving)
        for service, routed in wanted.items():
            if not routed:
                routed.update(spare[service])
        seconds = sync_seconds(
            self.parameters.costs[self.parameters.mode],
            len(self._informers[0].store),
            total,
            sum(map(len, wanted.values())),
        )
        self.clock.after(seconds, self._end, epoch, wanted)

    def _end(self, epoch: int, wanted: dict[str, dict[str, Any]]) -> None:
        if epoch != self._epoch:
            return
        self.rounds += 1
        now = self.clock.now
        fresh: list[Any] = []
        for service, routed in wanted.items():
            known = self.backends.get(service, {})
            fresh += [ref for address, ref in routed.items() if address not in known]
            self.backends[service] = {
                address: known.get(address, now) for address in routed
            }
            if not routed:
                del self.backends[service]
        if fresh:
            self.clock.after(self._lag(self.parameters.share), self._routable, fresh)
        self._set = False
        if self._dirty:
            self._touch(next(iter(self._dirty)))

    def _routable(self, references: list[Any]) -> None:
        for reference in references:
            if reference is not None:
                meta = ObjectMeta(
                    name=reference.name,
                    namespace=reference.namespace,
                    uid=reference.uid,
                )
                self._stamp(Pod(metadata=meta), "routable")

"""CoreDNS: names of services and pods, as it has heard of them and cached them.

Source: kubernetes/dns, docs/specification.md (version 1.1.0); coredns.io/plugins/
kubernetes and /cache.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Literal, TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.parameters import DnsParameters
from schedbench.objects.controllers import Service
from schedbench.objects.discovery import Endpoint, EndpointPort, EndpointSlice
from schedbench.objects.pod import Pod

RecordType: TypeAlias = Literal["A", "AAAA", "SRV", "CNAME"]
SERVICE_NAME = "kubernetes.io/service-name"
HEADLESS = "None"


@dataclasses.dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What a name resolves to.

    Attributes
    ----------
    code
        `NXDOMAIN` where there is no such name, `NOERROR` where there is, even without
        a record of the type asked for.
    records
        Addresses, `priority weight port target` of SRV, or the target of a CNAME;
        sorted.
    ttl
        Seconds for which a client may keep it.
    """

    code: Literal["NOERROR", "NXDOMAIN"]
    records: tuple[str, ...]
    ttl: float


class Dns:
    """One CoreDNS server.

    Records appear once the watches have told of services, EndpointSlices and, with
    `pods` = `verified`, pods. An answer, denials too, is kept for the smaller of TTL
    and cache, so that a change resolves for everyone that much later.
    """

    def __init__(
        self, clock: Clock, api: Api, parameters: DnsParameters, seed: int
    ) -> None:
        del seed
        self._clock, self._api, self._parameters = clock, api, parameters
        self._informers: list[Informer] = []
        self._cache: dict[tuple[str, RecordType], tuple[DnsAnswer, float]] = {}
        self._slices: dict[str, dict[str, EndpointSlice]] = {}
        self._pods: dict[tuple[str, str], str] = {}
        self.start()

    def start(self) -> None:
        """Come up: list and watch, with an empty cache."""
        services = Informer(self._api, "Service")
        slices = Informer(self._api, "EndpointSlice")
        slices.listen(self._slice_changed)
        self._services = services
        self._namespaces = Informer(self._api, "Namespace")
        self._informers = [services, slices, self._namespaces]
        if self._parameters.pods == "verified":
            pods = Informer(self._api, "Pod")
            pods.listen(self._pod_changed)
            self._informers.append(pods)

    def stop(self) -> None:
        """Crash: forget all records and answers."""
        for informer in self._informers:
            informer.stop()
        self._informers = []
        self._cache.clear()
        self._slices.clear()
        self._pods.clear()

    def resolve(
        self, name: str, now: float, kind: RecordType = "A"
    ) -> DnsAnswer | None:
        """Return the answer to a query; None if the server is down (SERVFAIL).

        Parameters
        ----------
        name
            Fully qualified, with or without the last dot.
        now
            Simulated seconds; never falling.
        kind
            Type of record asked for; a CNAME answers every type.
        """
        if not self._informers:
            return None
        name = name.rstrip(".").lower()
        kept = self._cache.get((name, kind))
        if kept is not None and now < kept[1]:
            return dataclasses.replace(kept[0], ttl=kept[1] - now)
        parameters = self._parameters
        found = self._look_up(name, kind)
        ttl = parameters.ttl
        if found is None:
            answer = DnsAnswer("NXDOMAIN", (), ttl)
        else:
            answer = DnsAnswer("NOERROR", tuple(sorted(set(found))), ttl)
        self._cache[name, kind] = answer, now + min(ttl, parameters.cache)
        return answer

    def resolvable_at(self, name: str, address: str) -> float | None:
        """Return from when on every query of a name is answered with an address.

        That is now, or when an older answer in the cache runs out; None if the server
        has not heard of it. With the time at which the endpoint became ready it gives
        the latency of DNS programming.

        Source: kubernetes/community, sig-scalability/slos/dns_programming_latency.md.
        """
        name = name.rstrip(".").lower()
        kind: RecordType = "AAAA" if ":" in address else "A"
        if not self._informers or address not in (self._look_up(name, kind) or ()):
            return None
        kept = self._cache.get((name, kind))
        if kept is None or address in kept[0].records:
            return self._clock.now
        return max(kept[1], self._clock.now)

    def _slice_changed(self, event: WatchEvent) -> None:
        item = event.object
        assert isinstance(item, EndpointSlice)
        meta = item.metadata
        service = f"{meta.namespace}/{meta.labels.get(SERVICE_NAME, '')}"
        slices = self._slices.setdefault(service, {})
        if event.type == "DELETED":
            slices.pop(item.key, None)
            if not slices:
                del self._slices[service]
        else:
            slices[item.key] = item

    def _pod_changed(self, event: WatchEvent) -> None:
        pod = event.object
        assert isinstance(pod, Pod)
        at = pod.metadata.namespace, pod.status.pod_ip or ""
        if event.type != "DELETED" and pod.status.phase not in {"Succeeded", "Failed"}:
            self._pods[at] = pod.key
        elif self._pods.get(at) == pod.key:
            del self._pods[at]

    def _look_up(self, name: str, kind: RecordType) -> list[str] | None:
        """Return the records of a name; None if there is no such name."""
        suffix = f".{self._parameters.zone}"
        if not name.endswith(suffix):
            return None
        match name.removesuffix(suffix).split("."):
            case [dashed, namespace, "pod"]:
                return self._pod(dashed, namespace, kind)
            case [*inner, service, namespace, "svc"]:
                return self._service(inner, f"{namespace}/{service}", kind)
        return None

    def _pod(self, dashed: str, namespace: str, kind: RecordType) -> list[str] | None:
        mode = self._parameters.pods
        dots = dashed.replace("-", ".")
        address = dots if dots.count(".") == 3 else dashed.replace("-", ":")
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return None
        known = {
            "disabled": False,
            "insecure": namespace in self._namespaces.store,
            "verified": (namespace, address) in self._pods,
        }
        return _of_type([address], kind) if known[mode] else None

    def _service(
        self, inner: list[str], key: str, kind: RecordType
    ) -> list[str] | None:
        service = self._services.store.get(key)
        if not isinstance(service, Service):
            return None
        spec = service.spec
        if spec.type == "ExternalName":
            return None if inner or not spec.external_name else [spec.external_name]
        headless = spec.cluster_ip == HEADLESS
        if not headless and not spec.cluster_ip:
            return None
        ready = self._endpoints(service) if headless else []
        if headless and not ready:
            return None
        namespace, name = key.split("/")
        host = f"{name}.{namespace}.svc.{self._parameters.zone}"
        match inner:
            case []:
                if headless:
                    return _of_type([ip for ip, _, _ in ready], kind)
                return _of_type([spec.cluster_ip or ""], kind)
            case [hostname] if headless:
                named = [ip for ip, own, _ in ready if own == hostname]
                return _of_type(named, kind) if named else None
            case [port, protocol] if protocol in {"_tcp", "_udp", "_sctp"}:
                wanted = port.removeprefix("_"), protocol.removeprefix("_")
                records = (
                    [
                        f"0 {100 // len(ready)} {each.port} {own}.{host}"
                        for _, own, ports in ready
                        for each in ports
                        if _named(each.name, each.protocol) == wanted
                    ]
                    if headless
                    else [
                        f"0 100 {each.port} {host}"
                        for each in spec.ports
                        if _named(each.name, each.protocol) == wanted
                    ]
                )
                return (records if kind == "SRV" else []) if records else None
        return None

    def _endpoints(self, service: Service) -> list[tuple[str, str, list[EndpointPort]]]:
        """Return address, host name and ports of the endpoints that have records."""
        everyone = service.spec.publish_not_ready_addresses
        return [
            (endpoint.addresses[0], _hostname(endpoint), item.ports)
            for item in self._slices.get(service.key, {}).values()
            for endpoint in item.endpoints
            if endpoint.addresses
            and (everyone or endpoint.conditions.ready is not False)
        ]


def _hostname(endpoint: Endpoint) -> str:
    """Return an endpoint's own label: its host name, or its address with dashes."""
    address = endpoint.addresses[0]
    return endpoint.hostname or address.replace(".", "-").replace(":", "-")


def _named(name: str | None, protocol: str | None) -> tuple[str, str]:
    return name or "", (protocol or "TCP").lower()


def _of_type(addresses: list[str], kind: RecordType) -> list[str]:
    return [ip for ip in addresses if kind == ("AAAA" if ":" in ip else "A")]

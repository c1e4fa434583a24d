"""Endpoints: all pods that serve a service in one object, at most a thousand.

Source: docs.kubernetes.io "Service: Endpoints", "Over-capacity endpoints";
`pkg/controller/endpoint/endpoints_controller.go`. Kubernetes keeps these objects beside
the EndpointSlices, which kube-proxy and CoreDNS read. A change costs the pods that
changed; the object is written whole, as there.
"""

from __future__ import annotations

import bisect
import dataclasses
from functools import partial
from typing import Any

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.endpoint_slice import ports_of, selects
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.owned import is_ready
from schedbench.controlplane.controllers.selector_index import SelectorIndex
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.controllers import Service
from schedbench.objects.discovery import EndpointAddress, Endpoints, EndpointSubset
from schedbench.objects.meta import ApiObject, ObjectMeta, ObjectReference
from schedbench.objects.pod import Pod

HEADLESS = "service.kubernetes.io/headless"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"

Place = tuple[str, str]
"""Address and pod: the order in which they are written."""


@dataclasses.dataclass(slots=True)
class _Held:
    """The addresses of a service, in order, and the pods to look at again.

    What was written last is known before the watch tells it; after a write that failed
    it is not known what there is.
    """

    addresses: dict[str, EndpointAddress]
    ready: list[Place]
    unready: list[Place]
    dirty: dict[str, None]
    written: Endpoints | None = None
    unsure: bool = False


def address_of(pod: Pod, service: Service) -> EndpointAddress | None:
    """Return a pod's address, or None if it has none, is finished or leaves.

    A service that publishes pods that are not ready keeps those that leave.
    """
    meta, ip = pod.metadata, pod.status.pod_ip
    if not ip or pod.status.phase in {"Succeeded", "Failed"}:
        return None
    leaves = meta.deletion_timestamp is not None
    if leaves and not service.spec.publish_not_ready_addresses:
        return None
    return EndpointAddress(
        ip=ip,
        node_name=pod.spec.node_name,
        target_ref=ObjectReference(
            kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid
        ),
    )


class EndpointsController(Controller):
    """Keeps the Endpoints of each service; its keys are services.

    Workers: `--concurrent-endpoint-syncs`, 5.
    """

    name = "endpoints-controller"
    workers = 5

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._own = parameters.cluster_controllers.endpoints
        self._services = SelectorIndex(selects)
        self._held: dict[str, _Held] = {}
        self._pods = informers["Pod"]
        informers.listen("Service", self._service_seen)
        informers.listen("Pod", self._pod_seen)
        informers.listen("Endpoints", self._endpoints_seen)

    def reconcile(self, key: str) -> Sync:
        """Write a service's addresses if they have changed."""
        namespace, _, name = key.rpartition("/")
        service = self.informers["Service"].store.get(key)
        known = self.informers["Endpoints"].store.get(key)
        if not isinstance(service, Service):
            self._held.pop(key, None)
            if known is None:
                return None
            answers = yield [self.call(self.api.delete, "Endpoints", namespace, name)]
            error = answers[0].error
            return None if error is None or error.reason == "NotFound" else error
        if not service.spec.selector or service.spec.type == "ExternalName":
            return None
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held({}, [], [], {})
            self._look_again(held, service)
        self._place(held, service)
        wanted = self._wanted(service, held)
        current = held.written or known
        if not held.unsure and current is not None and _says(current, wanted):
            return None
        if current is None:
            call = self.call(self.api.create, wanted)
        else:
            change = partial(_with, wanted=wanted)
            call = self.call(self.api.patch, "Endpoints", namespace, name, change)
        answers = yield [call]
        error, made = answers[0].error, answers[0].object
        held.unsure = error is not None
        held.written = made if isinstance(made, Endpoints) else None
        return error

    def _place(self, held: _Held, service: Service) -> None:
        """Take in what the pods to be looked at are now."""
        dirty, held.dirty = held.dirty, {}
        for key in dirty:
            old = held.addresses.pop(key, None)
            if old is not None:
                place = (old.ip, key)
                for places in (held.ready, held.unready):
                    index = bisect.bisect_left(places, place)
                    if index < len(places) and places[index] == place:
                        del places[index]
            pod = self._pods.store.get(key)
            if not isinstance(pod, Pod) or not selects(service, pod.metadata.labels):
                continue
            address = address_of(pod, service)
            if address is not None:
                held.addresses[key] = address if address != old else old or address
                everyone = service.spec.publish_not_ready_addresses
                serves = everyone or is_ready(pod)
                bisect.insort(held.ready if serves else held.unready, (address.ip, key))

    def _wanted(self, service: Service, held: _Held) -> Endpoints:
        most, addresses = self._own.max_addresses, held.addresses
        ready = [addresses[key] for _, key in held.ready[:most]]
        unready = [addresses[key] for _, key in held.unready[: most - len(ready)]]
        subsets = []
        if ready or unready:
            ports = ports_of(service, self._pods.store.get(next(iter(addresses))))
            subsets.append(
                EndpointSubset(
                    addresses=ready, not_ready_addresses=unready, ports=ports
                )
            )
        meta = service.metadata
        headless = service.spec.cluster_ip in {None, "", "None"}
        return Endpoints(
            metadata=ObjectMeta(
                namespace=meta.namespace,
                name=meta.name,
                labels=meta.labels | ({HEADLESS: ""} if headless else {}),
                annotations={OVER_CAPACITY: "truncated"}
                if len(addresses) > most
                else {},
            ),
            subsets=subsets,
        )

    def _look_again(self, held: _Held, service: ApiObject) -> None:
        """Have all pods that the service had or has looked at."""
        held.dirty.update(dict.fromkeys(held.addresses))
        namespace = service.metadata.namespace
        for pod in self._pods:
            if pod.metadata.namespace == namespace and selects(
                service, pod.metadata.labels
            ):
                held.dirty[pod.key] = None

    def _service_seen(self, event: WatchEvent) -> None:
        service, held = event.object, self._held.get(event.object.key)
        if event.type == "DELETED":
            self._services.remove(service)
        else:
            self._services.put(service)
            if held is not None:
                self._look_again(held, service)
        self.queue.add(service.key)

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, old = event.object, event.old
        keys = self._services.selecting(pod)
        if old is not None and old.metadata.labels != pod.metadata.labels:
            keys = [*keys, *self._services.selecting(old)]
        for key in keys:
            held = self._held.get(key)
            if held is not None:
                held.dirty[pod.key] = None
            self.queue.add_after(key, self._own.updates_batch_period)

    def _endpoints_seen(self, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self._held.pop(event.object.key, None)
            self.queue.add(event.object.key)
        elif event.object.key not in self.informers["Service"].store:
            self.queue.add(event.object.key)


def _says(current: ApiObject, wanted: Endpoints) -> bool:
    """Return whether an object tells what is wanted."""
    has, asked = current.metadata, wanted.metadata
    return (
        isinstance(current, Endpoints)
        and current.subsets == wanted.subsets
        and has.labels == asked.labels
        and has.annotations.get(OVER_CAPACITY) == asked.annotations.get(OVER_CAPACITY)
    )


def _with(item: ApiObject, *, wanted: Endpoints) -> ApiObject | None:
    kept = {k: v for k, v in item.metadata.annotations.items() if k != OVER_CAPACITY}
    meta = msgspec.structs.replace(
        item.metadata,
        labels=wanted.metadata.labels,
        annotations=kept | wanted.metadata.annotations,
    )
    changes: Any = {"metadata": meta, "subsets": wanted.subsets}
    return msgspec.structs.replace(item, **changes)

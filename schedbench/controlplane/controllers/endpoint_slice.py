"""EndpointSlices: which pods serve a service, at most a hundred in a slice.

Source: docs.kubernetes.io "EndpointSlices"; `pkg/controller/endpointslice`. A change
costs the pods that changed and the slices they are in, not the whole service. The
slices of a service share its ports: a named target port has one number in all pods.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Call, Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.owned import is_ready
from schedbench.controlplane.controllers.selector_index import SelectorIndex
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.controllers import Service, ServicePort
from schedbench.objects.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from schedbench.objects.meta import (
    ApiObject,
    ObjectMeta,
    ObjectReference,
    OwnerReference,
)
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import matches_labels

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclasses.dataclass(slots=True)
class _Slices:
    """The slices of a service as they were written, and the pods to look at again."""

    slices: dict[str, dict[str, Endpoint]]
    where: dict[str, str]
    dirty: dict[str, None]
    outdated: dict[str, None]
    unnamed: int = 0


def endpoint_of(pod: Pod, service: Service) -> Endpoint | None:
    """Return a pod's endpoint, or None if it has no address or is finished.

    Ready: its condition Ready is True and it is not terminating, or the service
    publishes all; serving: its condition Ready is True, terminating or not.
    Source: `podToEndpoint` in k8s.io/endpointslice utils.go.
    """
    ip = pod.status.pod_ip
    if not ip or pod.status.phase in {"Succeeded", "Failed"}:
        return None
    leaves, serves = pod.metadata.deletion_timestamp is not None, is_ready(pod)
    everyone = service.spec.publish_not_ready_addresses
    meta = pod.metadata
    return Endpoint(
        addresses=[ip],
        conditions=EndpointConditions(
            ready=everyone or (serves and not leaves),
            serving=serves,
            terminating=leaves,
        ),
        target_ref=ObjectReference(
            kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid
        ),
        node_name=pod.spec.node_name,
    )


class EndpointSlices(Controller):
    """Keeps the slices of each service; its keys are services."""

    name = "endpointslice-controller"
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
        self._own = parameters.cluster_controllers.endpoint_slice
        self._services = SelectorIndex(selects)
        self._slices: dict[str, _Slices] = {}
        self._pods = informers["Pod"]
        informers.listen("Service", self._service_seen)
        informers.listen("Pod", self._pod_seen)
        informers.listen("EndpointSlice", self._slice_seen)

    def reconcile(self, key: str) -> Sync:
        """Write the changed endpoints of a service into its slices."""
        service = self.informers["Service"].store.get(key)
        if not isinstance(service, Service) or not service.spec.selector:
            self._slices.pop(key, None)
            return None
        if service.metadata.deletion_timestamp is not None:
            return None
        held = self._slices.get(key) or self._known(key, service)
        touched = self._place(held, service)
        if not touched:
            return None
        ports = ports_of(service, self._pods.store.get(next(iter(held.where), "")))
        namespace = service.metadata.namespace
        calls: list[Call] = []
        names = list(touched)
        for slice_name in names:
            endpoints = list(held.slices[slice_name].values())
            if slice_name.startswith("/"):
                made = EndpointSlice(
                    metadata=_metadata(service), endpoints=endpoints, ports=ports
                )
                calls.append(self.call(self.api.create, made))
            elif endpoints:
                change = partial(_with_endpoints, endpoints=endpoints, ports=ports)
                patch = self.api.patch
                calls.append(
                    self.call(patch, "EndpointSlice", namespace, slice_name, change)
                )
            else:
                del held.slices[slice_name]
                delete = self.api.delete
                calls.append(self.call(delete, "EndpointSlice", namespace, slice_name))
        answers = yield calls
        for slice_name, answer in zip(names, answers, strict=True):
            if answer.error is not None:
                self._slices.pop(key, None)
                return answer.error
            if slice_name.startswith("/") and answer.object is not None:
                placed = held.slices.pop(slice_name)
                held.slices[answer.object.metadata.name] = placed
                for pod in placed:
                    held.where[pod] = answer.object.metadata.name
        return None

    def _place(self, held: _Slices, service: Service) -> dict[str, None]:
        """Put changed endpoints into slices and return the slices that changed."""
        dirty, held.dirty = held.dirty, {}
        touched, held.outdated = held.outdated, {}
        new: dict[str, Endpoint] = {}
        for key in dirty:
            pod = self._pods.store.get(key)
            selected = isinstance(pod, Pod) and selects(service, pod.metadata.labels)
            wanted = endpoint_of(pod, service) if selected else None  # type: ignore[arg-type]
            place = held.where.get(key)
            if place is None:
                if wanted is not None:
                    new[key] = wanted
            elif wanted is None:
                del held.slices[place][key], held.where[key]
                touched[place] = None
            elif held.slices[place][key] != wanted:
                held.slices[place][key] = wanted
                touched[place] = None
        most = self._own.max_endpoints_per_slice
        rooms = [*touched, *(name for name in held.slices if name not in touched)]
        rooms = [name for name in rooms if len(held.slices[name]) < most]
        for key, endpoint in new.items():
            while rooms and len(held.slices[rooms[0]]) >= most:
                rooms.pop(0)
            if not rooms:
                held.unnamed += 1
                rooms.append(f"/{held.unnamed}")
                held.slices[rooms[0]] = {}
            held.slices[rooms[0]][key] = endpoint
            held.where[key] = rooms[0]
            touched[rooms[0]] = None
        return touched

    def _known(self, key: str, service: Service) -> _Slices:
        """Return the slices that the API has, with every pod to be looked at."""
        held = self._slices[key] = _Slices({}, {}, {}, {})
        namespace, name = service.metadata.namespace, service.metadata.name
        for item in self.informers["EndpointSlice"]:
            meta = item.metadata
            if (
                isinstance(item, EndpointSlice)
                and meta.namespace == namespace
                and meta.labels.get(SERVICE_LABEL) == name
            ):
                endpoints = {
                    f"{namespace}/{e.target_ref.name}": e
                    for e in item.endpoints
                    if e.target_ref is not None
                }
                held.slices[meta.name] = endpoints
                held.where.update(dict.fromkeys(endpoints, meta.name))
        self._look_again(held, service)
        return held

    def _look_again(self, held: _Slices, service: ApiObject) -> None:
        """Have all pods that the service had or has looked at."""
        held.dirty.update(dict.fromkeys(held.where))
        namespace = service.metadata.namespace
        for pod in self._pods:
            if pod.metadata.namespace == namespace and selects(
                service, pod.metadata.labels
            ):
                held.dirty[pod.key] = None

    def _service_seen(self, event: WatchEvent) -> None:
        service, key = event.object, event.key
        if event.type == "DELETED":
            self._services.remove(service)
            self._slices.pop(key, None)
            return
        self._services.put(service)
        held = self._slices.get(key)
        if held is not None:
            held.outdated.update(dict.fromkeys(held.slices))
            self._look_again(held, service)
        self.queue.add(key)

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, old = event.object, event.old
        keys = self._services.selecting(pod)
        if old is not None and old.metadata.labels != pod.metadata.labels:
            keys = [*keys, *self._services.selecting(old)]
        for key in keys:
            held = self._slices.get(key)
            if held is not None:
                held.dirty[pod.key] = None
            self.queue.add_after(key, self._own.updates_batch_period)

    def _slice_seen(self, event: WatchEvent) -> None:
        meta = event.object.metadata
        key = f"{meta.namespace}/{meta.labels.get(SERVICE_LABEL, '')}"
        held = self._slices.get(key)
        if event.type == "DELETED" and held is not None and meta.name in held.slices:
            del self._slices[key]
            self.queue.add(key)


def selects(item: ApiObject, labels: Mapping[str, str]) -> bool:
    """Return whether a service selects labels."""
    assert isinstance(item, Service)
    return bool(item.spec.selector) and matches_labels(item.spec.selector, labels)


def ports_of(service: Service, pod: ApiObject | None) -> list[EndpointPort]:
    """Return a service's ports as they are in its pods, of which one is looked at."""
    return [
        EndpointPort(
            name=port.name or "",
            protocol=port.protocol or "TCP",
            port=_target(port, pod),
        )
        for port in service.spec.ports
    ]


def _metadata(service: Service) -> ObjectMeta:
    meta = service.metadata
    owner = OwnerReference(
        kind="Service",
        name=meta.name,
        uid=meta.uid,
        controller=True,
        block_owner_deletion=True,
    )
    return ObjectMeta(
        namespace=meta.namespace,
        generate_name=f"{meta.name}-",
        labels={SERVICE_LABEL: meta.name},
        owner_references=[owner],
    )


def _with_endpoints(
    item: ApiObject, *, endpoints: list[Endpoint], ports: list[EndpointPort]
) -> ApiObject | None:
    assert isinstance(item, EndpointSlice)
    return msgspec.structs.replace(item, endpoints=endpoints, ports=ports)


def _target(port: ServicePort, pod: ApiObject | None) -> int | None:
    target = port.target_port if port.target_port is not None else port.port
    if isinstance(target, int):
        return target
    if isinstance(pod, Pod):
        for container in pod.spec.containers:
            for known in container.ports:
                if known.name == target:
                    return known.container_port
    return None

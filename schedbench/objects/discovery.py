"""EndpointSlices and Endpoints: the pods behind a service."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, ObjectReference, Port


class EndpointConditions(ApiStruct):
    """Whether an endpoint takes traffic; serving is ready, leaving or not."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(ApiStruct):
    """One back-end of a service."""

    addresses: list[str] = msgspec.field(default_factory=list)
    conditions: EndpointConditions = msgspec.field(default_factory=EndpointConditions)
    hostname: str | None = None
    target_ref: ObjectReference | None = None
    node_name: str | None = None
    zone: str | None = None


class EndpointPort(ApiStruct):
    """A port that the endpoints of a slice serve."""

    name: str | None = None
    protocol: str | None = None
    port: Port | None = None


class EndpointSlice(ApiObject):
    """Some of the back-ends of a service; a label names the service."""

    address_type: str = "IPv4"
    endpoints: list[Endpoint] = msgspec.field(default_factory=list)
    ports: list[EndpointPort] = msgspec.field(default_factory=list)


class EndpointAddress(ApiStruct):
    """The address of one back-end."""

    ip: str
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSubset(ApiStruct):
    """Addresses that serve the same ports, ready and not."""

    addresses: list[EndpointAddress] = msgspec.field(default_factory=list)
    not_ready_addresses: list[EndpointAddress] = msgspec.field(default_factory=list)
    ports: list[EndpointPort] = msgspec.field(default_factory=list)


class Endpoints(ApiObject):
    """All back-ends of the service of its name."""

    subsets: list[EndpointSubset] = msgspec.field(default_factory=list)

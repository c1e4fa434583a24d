"""Cluster addresses of services: each gets one of its own, and keeps it.

Source: docs.kubernetes.io, concepts/services-networking/cluster-ip-allocation;
`kubernetes/pkg/registry/core/service/storage/alloc.go`. Upstream draws an address at
random; here they are given out in turn, and none a second time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from msgspec.structs import replace

from schedbench.objects.controllers import Service
from schedbench.objects.meta import ApiObject

SERVICE_SUBNET = "10.96.0.0/12"
"""Source: kubeadm's default `networking.serviceSubnet`."""
FIRST = 10
"""Place in the subnet of the first address: those before are the cluster's own."""


class ServiceAddresses:
    """The addresses of a cluster's services, shared by its API servers."""

    def __init__(self) -> None:
        self._next = int(ipaddress.IPv4Network(SERVICE_SUBNET)[FIRST])

    def addressed(self, service: Service, others: Mapping[str, ApiObject]) -> Service:
        """Return a new service with an address, unless it has one or wants none."""
        spec = service.spec
        if spec.cluster_ip or spec.type == "ExternalName":
            return service
        taken = {
            other.spec.cluster_ip
            for other in others.values()
            if isinstance(other, Service)
        }
        address = str(ipaddress.IPv4Address(self._next))
        while address in taken:
            self._next += 1
            address = str(ipaddress.IPv4Address(self._next))
        self._next += 1
        return replace(service, spec=replace(spec, cluster_ip=address))


def with_address_of(old: Service, new: Service) -> Service:
    """Return a service that is updated without an address with the one it had."""
    if new.spec.cluster_ip or new.spec.type == "ExternalName":
        return new
    return replace(new, spec=replace(new.spec, cluster_ip=old.spec.cluster_ip))

"""LimitRanger: defaults and bounds of a namespace's containers, pods and claims.

Source: `kubernetes/plugin/pkg/admission/limitranger` and docs.kubernetes.io "Limit
Ranges".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from schedbench.controlplane.rules import RefusedError, named
from schedbench.objects.meta import ApiObject, Quantity
from schedbench.objects.pod import Container, Pod
from schedbench.objects.policy import LimitRange, LimitRangeItem
from schedbench.objects.resources import container_limits, container_requests
from schedbench.objects.storage import PersistentVolumeClaim
from schedbench.units import parse_quantity

if TYPE_CHECKING:
    from schedbench.controlplane.admission import Cluster

Quantities = Mapping[str, Quantity]


class LimitRanger:
    """Fills in and checks what a namespace's LimitRanges say."""

    name = "LimitRanger"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Apply every LimitRange of the object's namespace.

        Raises
        ------
        RefusedError
            If a bound is broken.
        """
        if not isinstance(item, Pod | PersistentVolumeClaim):
            return
        namespace = item.metadata.namespace
        limits = [
            limit
            for one in cluster.of("LimitRange").values()
            if isinstance(one, LimitRange) and one.metadata.namespace == namespace
            for limit in one.spec.limits
        ]
        if not limits:
            return
        if isinstance(item, Pod):
            for limit in limits:
                if limit.type == "Container":
                    for container in (
                        *item.spec.containers,
                        *item.spec.init_containers,
                    ):
                        _default(container, limit)
        broken = [why for limit in limits for why in _broken(item, limit)]
        if broken:
            message = broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]"
            kind = type(item).__name__
            raise RefusedError(
                "Forbidden",
                f"{named(kind, item.metadata.name)} is forbidden: {message}",
            )


def _default(container: Container, limit: LimitRangeItem) -> None:
    """Give a container the limits and requests that it does not name.

    Absent defaults derive from each other as in the documentation: the default limit
    is `max`, the default request the default limit, else `min`.
    """
    limits = {**limit.max, **limit.default}
    requests = {**limit.min, **limits, **limit.default_request}
    resources = container.resources
    for name, quantity in requests.items():
        # an own limit without a request has made the request already
        resources.requests.setdefault(name, quantity)
    for name, quantity in limits.items():
        resources.limits.setdefault(name, quantity)


def _broken(item: Pod | PersistentVolumeClaim, limit: LimitRangeItem) -> Iterator[str]:
    if isinstance(item, PersistentVolumeClaim):
        if limit.type == "PersistentVolumeClaim":
            yield from _check(limit, item.spec.resources.requests, {})
    elif limit.type == "Container":
        for container in (*item.spec.containers, *item.spec.init_containers):
            resources = container.resources
            yield from _check(limit, resources.requests, resources.limits)
    elif limit.type == "Pod":
        yield from _check(limit, container_requests(item), container_limits(item))


def _check(
    limit: LimitRangeItem, requests: Quantities, limits: Quantities
) -> Iterator[str]:
    of = limit.type
    for name, bound in limit.min.items():
        what = f"minimum {name} usage per {of} is {bound}"
        if name not in requests:
            yield f"{what}.  No request is specified"
        elif parse_quantity(requests[name]) < parse_quantity(bound):
            yield f"{what}, but request is {requests[name]}"
        elif name in limits and parse_quantity(limits[name]) < parse_quantity(bound):
            yield f"{what}, but limit is {limits[name]}"
    for name, bound in limit.max.items():
        what = f"maximum {name} usage per {of} is {bound}"
        claim = of == "PersistentVolumeClaim"
        if name not in limits and not claim:
            yield f"{what}.  No limit is specified"
        elif name in limits and parse_quantity(limits[name]) > parse_quantity(bound):
            yield f"{what}, but limit is {limits[name]}"
        elif name in requests and parse_quantity(requests[name]) > parse_quantity(
            bound
        ):
            yield f"{what}, but request is {requests[name]}"
    for name, bound in limit.max_limit_request_ratio.items():
        what = f"{name} max limit to request ratio per {of} is {bound}"
        request = parse_quantity(requests.get(name, 0))
        if not request:
            yield f"{what}, but no request is specified or request is 0"
        elif name not in limits or not parse_quantity(limits[name]):
            yield f"{what}, but no limit is specified or limit is 0"
        else:
            ratio = parse_quantity(limits[name]) / request
            if ratio > parse_quantity(bound):
                yield f"{what}, but provided ratio is {float(ratio):f}"

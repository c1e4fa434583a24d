"""What a pod asks for and a node has, from the resource-management documentation.

Each stated amount is rounded up to a thousandth, as the API server does; they are added
exactly, and in the end every resource but cpu is rounded up to its unit, pod by pod.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from naive.quantity import exact, round_up

from schedbench.objects.node import Node
from schedbench.objects.pod import Container, Pod

Amounts = dict[str, Fraction]

ABSENT = {"cpu": Fraction(1, 10), "memory": Fraction(200 * 2**20)}
"""What scoring counts for a container that states no request."""


def remember(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep results by the identity of the first argument, which must not change."""
    kept: dict[tuple[Any, ...], tuple[object, Any]] = {}

    @functools.wraps(function)
    def remembering(subject: object, *rest: Any) -> Any:
        key = (id(subject), *rest)
        if key not in kept or kept[key][0] is not subject:
            if len(kept) > 100_000:
                kept.clear()
            kept[key] = (subject, function(subject, *rest))
        return kept[key][1]

    return remembering


@remember
def pod_requests(pod: Pod) -> dict[str, int]:
    """Return what the pod takes from its node, as filters count it."""
    return _rounded(_effective(pod, {}))


@remember
def incoming_scoring_requests(pod: Pod) -> dict[str, int]:
    """Return what Fit's scoring counts for the pod that is being scheduled.

    Here kube-scheduler v1.34 does not look at pod-level requests: so its recorded
    scores say, without exception.
    """
    return _rounded(_sum(_aggregate(pod, ABSENT), _exact(pod.spec.overhead)))


@remember
def placed_scoring_requests(pod: Pod) -> dict[str, int]:
    """Return what Fit's scoring counts for a pod that is on a node.

    With pod-level requests a container's absent request counts only if the whole pod
    states none for the resource.
    """
    absent = ABSENT
    if _pod_level(pod):
        stated = _effective(pod, {})
        absent = {name: ABSENT[name] for name in ABSENT if name not in stated}
    return _rounded(_effective(pod, absent))


@remember
def allocatable(node: Node) -> dict[str, int]:
    """Return what pods may take of the node; its capacity where it does not say."""
    amounts = node.status.allocatable or node.status.capacity
    return _rounded({name: exact(amount) for name, amount in amounts.items()})


def is_scalar(name: str) -> bool:
    """Tell whether a resource is counted apart: extended, huge pages, attachable."""
    return (
        is_extended(name)
        or name.startswith(("hugepages-", "attachable-volumes-"))
        or "kubernetes.io/" in name
    )


def is_extended(name: str) -> bool:
    """Tell whether a resource is the kind of a vendor's, `example.com/thing`."""
    native = "/" not in name or "kubernetes.io/" in name
    return not native and not name.startswith("requests.")


def _rounded(amounts: Amounts) -> dict[str, int]:
    return {
        name: round_up(value * 1000 if name == "cpu" else value)
        for name, value in amounts.items()
    }


def _effective(pod: Pod, absent: Amounts) -> Amounts:
    """Containers and sidecars together, or a greater moment of initialisation."""
    total = _aggregate(pod, absent)
    total.update(_pod_level(pod))
    return _sum(total, _exact(pod.spec.overhead))


def _pod_level(pod: Pod) -> Amounts:
    """Return the pod-level requests, with the API server's defaults."""
    if pod.spec.resources is None:
        return {}
    stated = _exact(pod.spec.resources.requests)
    limits = _exact(pod.spec.resources.limits)
    aggregate = _aggregate(pod, {}, observed=False)
    if stated or limits:
        for name, amount in aggregate.items():
            if name.startswith("hugepages-"):
                limits.setdefault(name, amount)
    if limits:
        for name, amount in aggregate.items():
            if not name.startswith("hugepages-"):
                stated.setdefault(name, amount)
        for name, amount in limits.items():
            stated.setdefault(name, amount)
    return {
        name: amount
        for name, amount in stated.items()
        if name in {"cpu", "memory"} or name.startswith("hugepages-")
    }


def _aggregate(pod: Pod, absent: Amounts, *, observed: bool = True) -> Amounts:
    total: Amounts = {}
    for container in pod.spec.containers:
        total = _sum(total, _container(pod, container, absent, observed=observed))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in pod.spec.init_containers:
        sidecar = container.restart_policy == "Always"
        asked = _container(pod, container, absent, observed=observed and sidecar)
        if sidecar:
            total = _sum(total, asked)
            sidecars = _sum(sidecars, asked)
            moment = sidecars
        else:
            moment = _sum(asked, sidecars)
        peak = _greatest(peak, moment)
    return _greatest(total, peak)


def _container(
    pod: Pod, container: Container, absent: Amounts, *, observed: bool
) -> Amounts:
    asked = _exact(container.resources.limits) | _exact(container.resources.requests)
    if observed:
        statuses = [*pod.status.container_statuses, *pod.status.init_container_statuses]
        for status in statuses:
            if status.name == container.name and status.resources is not None:
                running = _greatest(
                    _exact(status.resources.requests),
                    _exact(status.allocated_resources),
                )
                asked = running if _infeasible(pod) else _greatest(asked, running)
    return absent | asked


def _infeasible(pod: Pod) -> bool:
    return any(
        condition.type == "PodResizePending" and condition.reason == "Infeasible"
        for condition in pod.status.conditions
    )


def _exact(amounts: dict[str, Any]) -> Amounts:
    """Return stated amounts; the API server rounds each up to a thousandth."""
    return {
        name: Fraction(round_up(exact(amount) * 1000), 1000)
        for name, amount in amounts.items()
    }


def _sum(left: Amounts, right: Amounts) -> Amounts:
    zero = Fraction(0)
    names = [*left, *(name for name in right if name not in left)]
    return {name: left.get(name, zero) + right.get(name, zero) for name in names}


def _greatest(left: Amounts, right: Amounts) -> Amounts:
    names = [*left, *(name for name in right if name not in left)]
    return {
        name: max(amounts[name] for amounts in (left, right) if name in amounts)
        for name in names
    }

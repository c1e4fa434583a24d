"""What a pod asks for and what a node offers, in base units.

Base units are millicores for `cpu` and whole units (bytes, devices) for the rest.
The rules are those of `k8s.io/component-helpers/resource` and of the scheduler's node
accounting, v1.34. Each quantity is rounded up to a thousandth, as API defaulting does;
sums are taken in billionths and rounded up at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from schedbench.errors import QuantityError
from schedbench.objects.meta import Quantity
from schedbench.objects.node import Node
from schedbench.objects.pod import Container, ContainerStatus, Pod
from schedbench.units import MAX_INT64, nano_value

DEFAULT_MILLI_CPU = 100
"""Counted by scores for a container without a cpu request, in millicores."""
DEFAULT_MEMORY = 200 * 1024 * 1024
"""Counted by scores for a container without a memory request, in bytes."""

Nanos: TypeAlias = dict[str, int]
"""Resource name → amount in billionths."""

_Role: TypeAlias = Literal["main", "sidecar", "init"]
_Listed: TypeAlias = tuple[_Role, str, Nanos]

_DEFAULTS: Nanos = {"cpu": DEFAULT_MILLI_CPU * 10**6, "memory": DEFAULT_MEMORY * 10**9}


def pod_requests(pod: Pod) -> dict[str, int]:
    """Return what the pod takes from a node, by resource name, in base units.

    The greater of the sum over containers and sidecars, and of each init container with
    the sidecars before it; pod-level requests in its place; then the overhead. The
    place that every pod takes among `pods` is not included.

    Raises
    ------
    QuantityError
        If a quantity is malformed or a sum overflows int64.
    """
    return _base_units(_requests(pod))


def pod_limits(pod: Pod) -> dict[str, int]:
    """Return what the pod may use, by resource name, in base units.

    Pod-level limits stand in the place of those of containers; the overhead is added to
    limits that are named. Source: `PodLimits` of `k8s.io/component-helpers/resource`.

    Raises
    ------
    QuantityError
        If a quantity is malformed or a sum overflows int64.
    """
    total = _over_containers(_spec_lists(pod, "limits"))
    if pod.spec.resources is not None:
        level = _nanos(pod.spec.resources.limits)
        total |= {name: n for name, n in level.items() if is_pod_level(name)}
    overhead = _nanos(pod.spec.overhead)
    _add(total, {name: n for name, n in overhead.items() if name in total})
    return _base_units(total)


def pod_nonzero_requests(pod: Pod, *, on_node: bool = False) -> tuple[int, int]:
    """Return the (cpu in millicores, memory in bytes) that NodeResourcesFit scores.

    A container that does not name the resource counts 100m or 200Mi; an explicit 0
    stays. While the pod is being placed its pod-level requests are passed over; on its
    node (`on_node`) they count, and with them the defaults apply only to a resource
    that none of its containers names. (Told from decisions of kube-scheduler v1.34.1.)

    Raises
    ------
    QuantityError
        If a quantity is malformed or a sum overflows int64.
    """
    defaults = _DEFAULTS
    if on_node and _pod_level_requests(pod):
        named = _requests(pod)
        defaults = {name: n for name, n in _DEFAULTS.items() if name not in named}
    total = _base_units(_requests(pod, defaults, pod_level=on_node))
    return total.get("cpu", 0), total.get("memory", 0)


def node_allocatable(node: Node) -> dict[str, int]:
    """Return what the node offers to pods, by resource name, in base units.

    Raises
    ------
    QuantityError
        If a quantity is malformed or overflows int64.
    """
    return _base_units(_nanos(node.status.allocatable))


def was_resized(pod: Pod) -> bool:
    """Return whether the pod's status says what its containers ask for."""
    status = pod.status
    for container in status.container_statuses:
        if container.resources is not None:
            return True
    return any(one.resources is not None for one in status.init_container_statuses)


def container_requests(pod: Pod) -> dict[str, Quantity]:
    """Return the exact effective requests of all containers together."""
    return _quantities(_over_containers(_spec_lists(pod, "requests")))


def container_limits(pod: Pod) -> dict[str, Quantity]:
    """Return the exact effective limits of all containers together."""
    return _quantities(_over_containers(_spec_lists(pod, "limits")))


def is_pod_level(name: str) -> bool:
    """Return whether the resource may be requested for the pod as a whole."""
    return name in {"cpu", "memory"} or name.startswith("hugepages-")


def is_sidecar(container: Container) -> bool:
    """Return whether an init container runs as long as the pod."""
    return container.restart_policy == "Always"


def _requests(
    pod: Pod, defaults: Nanos | None = None, *, pod_level: bool = True
) -> Nanos:
    lists = _spec_lists(pod, "requests")
    statuses = _resized(pod)
    if statuses:
        lists = [_with_status(pod, statuses, *entry) for entry in lists]
    if defaults:
        lists = [(role, name, defaults | nanos) for role, name, nanos in lists]
    total = _over_containers(lists)
    if pod_level:
        total |= _pod_level_requests(pod)
    _add(total, _nanos(pod.spec.overhead))
    return total


def _pod_level_requests(pod: Pod) -> Nanos:
    if pod.spec.resources is None:
        return {}
    requests = pod.spec.resources.requests
    return {name: n for name, n in _nanos(requests).items() if is_pod_level(name)}


def _spec_lists(pod: Pod, field: Literal["requests", "limits"]) -> list[_Listed]:
    roles: list[tuple[_Role, Container]] = [("main", c) for c in pod.spec.containers]
    roles += [
        ("sidecar" if is_sidecar(container) else "init", container)
        for container in pod.spec.init_containers
    ]
    return [
        (role, container.name, _nanos(getattr(container.resources, field)))
        for role, container in roles
    ]


def _resized(pod: Pod) -> dict[str, ContainerStatus]:
    status = pod.status
    return {
        container.name: container
        for container in (*status.container_statuses, *status.init_container_statuses)
        if container.resources is not None
    }


def _with_status(
    pod: Pod,
    statuses: Mapping[str, ContainerStatus],
    role: _Role,
    name: str,
    requests: Nanos,
) -> _Listed:
    """Return the requests of a container that was resized in place.

    While a resize is under way the greatest of what is wanted, acted on and set aside
    counts; what is wanted does not if the node cannot ever give it.
    """
    status = statuses.get(name)
    if role == "init" or status is None or status.resources is None:
        return role, name, requests
    counted: Nanos = {} if _is_resize_infeasible(pod) else dict(requests)
    _raise_to(counted, _nanos(status.resources.requests))
    _raise_to(counted, _nanos(status.allocated_resources))
    return role, name, counted


def _is_resize_infeasible(pod: Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False


def _over_containers(lists: Iterable[_Listed]) -> Nanos:
    """Return the maximum of running together and of starting one after another."""
    together: Nanos = {}
    sidecars: Nanos = {}
    starting: Nanos = {}
    for role, _, nanos in lists:
        if role == "init":
            start = dict(nanos)
            _add(start, sidecars)
            _raise_to(starting, start)
            continue
        _add(together, nanos)
        if role == "sidecar":
            _add(sidecars, nanos)
            _raise_to(starting, sidecars)
    _raise_to(together, starting)
    return together


def _add(total: Nanos, more: Nanos) -> None:
    for name, nanos in more.items():
        total[name] = total.get(name, 0) + nanos


def _raise_to(total: Nanos, floor: Nanos) -> None:
    for name, nanos in floor.items():
        if nanos > total.get(name, -1):
            total[name] = nanos


def _nanos(resources: Mapping[str, Quantity]) -> Nanos:
    """Return the amounts, each rounded up to thousandths, as API defaulting does."""
    return {
        name: -(-nano_value(quantity) // 10**6) * 10**6
        for name, quantity in resources.items()
    }


def _quantities(nanos: Nanos) -> dict[str, Quantity]:
    return {name: f"{amount}n" for name, amount in nanos.items()}


def _base_units(nanos: Nanos) -> dict[str, int]:
    units = {
        name: -(-amount // (10**6 if name == "cpu" else 10**9))
        for name, amount in nanos.items()
    }
    for name, amount in units.items():
        if amount > MAX_INT64:
            raise QuantityError(
                "resources overflow int64",
                where=name,
                value=amount,
                fix="ask for less of it",
            )
    return units

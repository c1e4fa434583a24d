"""ResourceQuota: what a namespace's objects use, and who would exceed it.

Usage is charged at admission and given back when the object is gone or its pod has
finished; all API servers share the ledger, as they share the quota's status upstream.

Source: `kubernetes/pkg/quota/v1/evaluator/core/pods.go`,
`k8s.io/apiserver/pkg/admission/plugin/resourcequota` and docs.kubernetes.io "Resource
Quotas".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from schedbench.controlplane.authorization import resource_of
from schedbench.controlplane.rules import RefusedError, named
from schedbench.objects.kinds import GROUP_OF, KINDS
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Container, Pod
from schedbench.objects.policy import ResourceQuota
from schedbench.objects.resources import container_limits, container_requests
from schedbench.objects.storage import PersistentVolumeClaim
from schedbench.units import parse_quantity

if TYPE_CHECKING:
    from schedbench.controlplane.admission import Cluster

Usage = Mapping[str, Fraction]
COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
MUST_NAME = ("cpu", "memory")
"""A quota on these requires every container to name them."""
COUNTED = frozenset(
    {
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets",
        "configmaps", "persistentvolumeclaims",
    }
)  # fmt: skip


class QuotaLedger:
    """What is used of every quota, and by which objects."""

    def __init__(self) -> None:
        self._quotas: dict[str, dict[str, ResourceQuota]] = {}
        self._used: dict[str, dict[str, Fraction]] = {}
        self._held: dict[str, dict[_Key, ApiObject]] = {}
        self._revision = 0

    def used(self, quota: ResourceQuota) -> dict[str, Fraction]:
        """Return what is used of a quota, by resource name."""
        return dict(self._used.get(quota.key, {}))

    def charge(self, item: ApiObject, cluster: Cluster) -> None:
        """Count a new object, if every quota of its namespace has room for it.

        Raises
        ------
        RefusedError
            If one has not, or needs what a container does not name.
        """
        quotas = self._quotas.get(item.metadata.namespace)
        if not quotas:
            return
        usage = usage_of(item)
        for quota in quotas.values():
            if not covers(quota, item):
                continue
            hard = {n: parse_quantity(q) for n, q in quota.spec.hard.items()}
            _require_names(quota, item)
            used = self._used[quota.key]
            over = [
                name
                for name, amount in sorted(usage.items())
                if amount and name in hard and used.get(name, 0) + amount > hard[name]
            ]
            if over:
                raise _forbidden(
                    item,
                    f"exceeded quota: {quota.metadata.name}, "
                    f"requested: {_listed(usage, over)}, used: {_listed(used, over)}, "
                    f"limited: {_listed(hard, over)}",
                )
        self._add(item)

    def withdraw(self, item: ApiObject) -> None:
        """Give back what an object used that is gone or was not stored."""
        namespace = item.metadata.namespace
        held = self._held.get(namespace)
        if held is None:
            return
        before = held.pop(_key(item), None)
        if before is None:
            return
        usage = usage_of(before)
        for key, quota in self._quotas[namespace].items():
            if covers(quota, before):
                used = self._used[key]
                for name, amount in usage.items():
                    used[name] -= amount

    def observe(
        self,
        cluster: Cluster,
        kind: str,
        old: ApiObject | None,
        new: ApiObject | None,
        revision: int,
    ) -> None:
        """Take in a change of the store, the first time that a server tells of it."""
        if revision <= self._revision:
            return
        self._revision = revision
        item = new or old
        if item is None:
            return
        if kind == "ResourceQuota":
            self._count_again(item.metadata.namespace, cluster)
        held = self._held.get(item.metadata.namespace)
        if held is None:
            return
        if new is None or _finished(new):
            self.withdraw(item)
        elif _key(new) not in held:
            self._add(new)

    def loaded(self, cluster: Cluster, revision: int) -> None:
        """Count all objects of the store, unless newer ones are known."""
        if revision <= self._revision:
            return
        self._revision = revision
        quotas = cluster.of("ResourceQuota").values()
        for namespace in {**self._quotas, **{q.metadata.namespace: 0 for q in quotas}}:
            self._held.pop(namespace, None)
            self._count_again(namespace, cluster)

    def _count_again(self, namespace: str, cluster: Cluster) -> None:
        """Look at the quotas of a namespace anew, and at all that they bound."""
        for key in self._quotas.pop(namespace, {}):
            del self._used[key]
        quotas = {
            one.key: one
            for one in cluster.of("ResourceQuota").values()
            if isinstance(one, ResourceQuota) and one.metadata.namespace == namespace
        }
        before = self._held.pop(namespace, {})
        if not quotas:
            return
        self._quotas[namespace] = quotas
        self._used.update({key: {} for key in quotas})
        self._held[namespace] = {}
        for kind in KINDS:
            for item in cluster.of(kind).values():
                if item.metadata.namespace == namespace and not _finished(item):
                    before.setdefault(_key(item), item)
        for item in before.values():
            self._add(item)

    def _add(self, item: ApiObject) -> None:
        namespace = item.metadata.namespace
        self._held[namespace][_key(item)] = item
        usage = usage_of(item)
        for key, quota in self._quotas[namespace].items():
            if covers(quota, item):
                used = self._used[key]
                for name, amount in usage.items():
                    used[name] = used.get(name, Fraction(0)) + amount


_Key = tuple[str, str]


def _key(item: ApiObject) -> _Key:
    return type(item).__name__, item.metadata.uid or ""


def _finished(item: ApiObject) -> bool:
    return isinstance(item, Pod) and item.status.phase in {"Succeeded", "Failed"}


def usage_of(item: ApiObject) -> dict[str, Fraction]:
    """Return what an object counts in quotas, by resource name."""
    resource, group = (
        resource_of(type(item).__name__),
        GROUP_OF.get(type(item).__name__),
    )
    one = Fraction(1)
    usage = {f"count/{resource}.{group}" if group else f"count/{resource}": one}
    if resource in COUNTED:
        usage[resource] = one
    if isinstance(item, Pod):
        for name, quantity in container_requests(item).items():
            amount = parse_quantity(quantity)
            usage[f"requests.{name}"] = amount
            if name in COMPUTE:
                usage[name] = amount
        for name, quantity in container_limits(item).items():
            usage[f"limits.{name}"] = parse_quantity(quantity)
    elif isinstance(item, PersistentVolumeClaim):
        storage = item.spec.resources.requests.get("storage", 0)
        usage["requests.storage"] = parse_quantity(storage)
    return usage


def covers(quota: ResourceQuota, item: ApiObject) -> bool:
    """Return whether all scopes of a quota hold for an object; only pods have any."""
    spec = quota.spec
    wanted: list[tuple[str, str, list[str]]] = [
        (scope, "Exists", []) for scope in spec.scopes
    ]
    for term in (spec.scope_selector or {}).get("matchExpressions", ()):
        values = term.get("values") or []
        wanted.append((term.get("scopeName"), term.get("operator"), values))
    if not wanted:
        return True
    return isinstance(item, Pod) and all(_in_scope(item, *one) for one in wanted)


def _in_scope(pod: Pod, scope: str, operator: str, values: list[str]) -> bool:
    spec = pod.spec
    match scope:
        case "Terminating":
            return spec.active_deadline_seconds is not None
        case "NotTerminating":
            return spec.active_deadline_seconds is None
        case "BestEffort" | "NotBestEffort":
            asks = any(c.resources.requests or c.resources.limits for c in _all(pod))
            return asks == (scope == "NotBestEffort")
        case "PriorityClass":
            name = spec.priority_class_name or ""
            found = bool(name) if not values else name in values
            return found == (operator in {"In", "Exists"})
        case _:
            return False


def _all(pod: Pod) -> list[Container]:
    return [*pod.spec.containers, *pod.spec.init_containers]


def _require_names(quota: ResourceQuota, item: ApiObject) -> None:
    """Refuse a pod with a container that is silent on what the quota bounds."""
    if not isinstance(item, Pod):
        return
    missing: list[str] = []
    for name in sorted(quota.spec.hard):
        role, _, bare = name.rpartition(".")
        if bare not in MUST_NAME or role not in {"", "requests", "limits"}:
            continue
        silent = [
            container.name
            for container in _all(item)
            if bare
            not in (
                container.resources.limits
                if role == "limits"
                else container.resources.requests
            )
        ]
        if silent:
            missing.append(f"{name} for: {','.join(sorted(silent))}")
    if missing:
        raise _forbidden(
            item,
            f"failed quota: {quota.metadata.name}: must specify {'; '.join(missing)}",
        )


def _listed(amounts: Usage, names: list[str]) -> str:
    return ",".join(f"{name}={_text(name, amounts.get(name))}" for name in names)


def _text(name: str, amount: Fraction | None) -> str:
    """Write an amount as a quantity: thousandths for cpu, binary units for bytes."""
    if not amount:
        return "0"
    if amount.denominator != 1:
        return f"{math.ceil(amount * 1000)}m"
    number = int(amount)
    if not name.endswith(("memory", "storage")):
        return str(number)
    for unit in ("", "Ki", "Mi", "Gi", "Ti", "Pi"):
        if number % 1024:
            return f"{number}{unit}"
        number //= 1024
    return f"{number}Ei"


def _forbidden(item: ApiObject, why: str) -> RefusedError:
    kind, name = type(item).__name__, item.metadata.name
    return RefusedError("Forbidden", f"{named(kind, name)} is forbidden: {why}")

"""Admission: plugins that fill in, check and count a new object, in order.

Each plugin works on an object that nobody else has yet. What the plugins make of a
pod's spec is kept by content, so that equal pods are worked out once and share it.

Source: docs.kubernetes.io "Admission Control in Kubernetes" and
`kubernetes/plugin/pkg/admission`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from schedbench.controlplane.limits import LimitRanger
from schedbench.controlplane.quota import QuotaLedger
from schedbench.controlplane.rules import RefusedError, named
from schedbench.errors import InputError
from schedbench.objects.defaults import (
    SYSTEM_PRIORITY_CLASSES,
    default_node,
    default_pod,
)
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodSpec, PodStatus
from schedbench.objects.policy import PriorityClass
from schedbench.objects.taints import Taint, Toleration, tolerates

MAX_SPECS = 16_384
"""Distinct pod specs that are kept."""

NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
TOLERATION_SECONDS = 300
"""kube-apiserver `--default-not-ready-toleration-seconds` and its twin."""

RESET_STATUS = frozenset(
    {
        "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob",
        "ReplicationController", "PodDisruptionBudget", "HorizontalPodAutoscaler",
    }
)  # fmt: skip
"""Kinds whose status a creation does not set (their strategies' PrepareForCreate)."""


class Cluster(Protocol):
    """What plugins know of the cluster."""

    def of(self, kind: str) -> Mapping[str, ApiObject]:
        """Return the objects of a kind by `namespace/name`."""


class Plugin(Protocol):
    """One step of admission."""

    name: str

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Fill in or check an object, in place.

        Raises
        ------
        RefusedError
            If it must not be stored.
        """


class Defaulting:
    """Fills in what the API's versions promise, and the status of a new object.

    Source: `kubernetes/pkg/apis/core/v1/defaults.go`.
    """

    name = "Defaulting"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Fill in defaults; the priority is left to Priority."""
        if isinstance(item, Pod):
            spec = item.spec
            priority, preemption = spec.priority, spec.preemption_policy
            spec.priority = 0
            default_pod(item)
            spec.priority, spec.preemption_policy = priority, preemption
        elif isinstance(item, Node):
            item.status = replace(item.status)
            default_node(item)


class Priority:
    """Gives a pod the priority of its class.

    A priority that is there is kept, as objects of recorded clusters have it.
    Source: `kubernetes/plugin/pkg/admission/priority`.
    """

    name = "Priority"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Set priority, class and preemption policy."""
        if not isinstance(item, Pod):
            return
        spec = item.spec
        if spec.priority is None:
            classes = cluster.of("PriorityClass")
            chosen = self._class(item, classes)
            spec.priority = chosen.value if chosen else 0
            if chosen is not None:
                spec.priority_class_name = chosen.metadata.name
                own = spec.preemption_policy or chosen.preemption_policy
                spec.preemption_policy = own
        spec.preemption_policy = spec.preemption_policy or "PreemptLowerPriority"

    @staticmethod
    def _class(pod: Pod, classes: Mapping[str, ApiObject]) -> PriorityClass | None:
        name = pod.spec.priority_class_name
        known = [one for one in classes.values() if isinstance(one, PriorityClass)]
        if not name:
            defaults = (one for one in known if one.global_default)
            return min(defaults, key=lambda one: one.value, default=None)
        found = SYSTEM_PRIORITY_CLASSES.get(name) or classes.get(name)
        if not isinstance(found, PriorityClass):
            raise RefusedError(
                "Forbidden",
                f"{named('Pod', pod.metadata.name)} is forbidden: no PriorityClass "
                f"with name {name} was found",
            )
        return found


class ServiceAccount:
    """Gives a pod the account `default`.

    Source: `kubernetes/plugin/pkg/admission/serviceaccount`.
    """

    name = "ServiceAccount"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Set the account."""
        if isinstance(item, Pod):
            own = item.spec.service_account_name
            item.spec.service_account_name = own or "default"


class DefaultTolerationSeconds:
    """Lets a pod stay 300 s on a node that is not ready or unreachable.

    Source: `kubernetes/plugin/pkg/admission/defaulttolerationseconds`.
    """

    name = "DefaultTolerationSeconds"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Add the two tolerations where the pod has none for the taints."""
        if not isinstance(item, Pod):
            return
        for key in (NOT_READY, UNREACHABLE):
            taint = Taint(key=key, effect="NoExecute")
            if not any(tolerates(one, taint) for one in item.spec.tolerations):
                item.spec.tolerations.append(
                    Toleration(
                        key=key,
                        operator="Exists",
                        effect="NoExecute",
                        toleration_seconds=TOLERATION_SECONDS,
                    )
                )


class TaintNodesByCondition:
    """Marks a new node as not ready, so that nothing is placed there too soon.

    Source: `kubernetes/plugin/pkg/admission/nodetaint`.
    """

    name = "TaintNodesByCondition"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Add the taint."""
        if not isinstance(item, Node):
            return
        taints = item.spec.taints
        if not any(t.key == NOT_READY and t.effect == "NoSchedule" for t in taints):
            taint = Taint(key=NOT_READY, effect="NoSchedule")
            item.spec = replace(item.spec, taints=[*taints, taint])


class PodNodeSelector:
    """Adds the namespace's node selector to a pod's.

    Source: `kubernetes/plugin/pkg/admission/podnodeselector`.
    """

    name = "PodNodeSelector"

    def admit(self, item: ApiObject, cluster: Cluster) -> None:
        """Merge the selectors."""
        if not isinstance(item, Pod):
            return
        namespace = cluster.of("Namespace").get(item.metadata.namespace)
        text = namespace.metadata.annotations.get(NODE_SELECTOR) if namespace else None
        if not text:
            return
        own = item.spec.node_selector
        for pair in text.split(","):
            key, _, value = pair.strip().partition("=")
            if own.get(key, value) != value:
                raise RefusedError(
                    "Forbidden",
                    f"{named('Pod', item.metadata.name)} is forbidden: pod node label "
                    "selector conflicts with its namespace node label selector",
                )
            own[key] = value


SHAPING: Sequence[Plugin] = (
    Defaulting(),
    LimitRanger(),
    ServiceAccount(),
    TaintNodesByCondition(),
    PodNodeSelector(),
    Priority(),
    DefaultTolerationSeconds(),
)
"""Plugins that depend on the object and the cluster's rules alone, in order.

Source: AllOrderedPlugins in `pkg/kubeapiserver/options/plugins.go`; ResourceQuota is
the last of all there, too.
"""


class WatchedCluster(Cluster, Protocol):
    """The cluster, with a number that changes with its rules."""

    rules_version: int


class Admission:
    """The chain of one API server: the shaping plugins, then ResourceQuota."""

    def __init__(self, cluster: WatchedCluster, quota: QuotaLedger) -> None:
        self._cluster = cluster
        self._quota = quota
        self._version = -1
        self._specs: dict[tuple[str, bytes, bytes], PodSpec] = {}

    def admit(self, item: ApiObject) -> None:
        """Take a new object through the chain, in place; its quota is charged.

        Raises
        ------
        RefusedError
            If a plugin refuses it.
        """
        if isinstance(item, Pod):
            self._admit_pod(item)
        else:
            if type(item).__name__ in RESET_STATUS and hasattr(item, "status"):
                item.status = type(item.status)()
            self._shape(item)
        self._quota.charge(item, self._cluster)

    def withdraw(self, item: ApiObject) -> None:
        """Give the quota of an object back that was not stored."""
        self._quota.withdraw(item)

    def _admit_pod(self, pod: Pod) -> None:
        if self._version != self._cluster.rules_version:
            self._version = self._cluster.rules_version
            self._specs.clear()
        pod.status = PodStatus(phase="Pending")
        encoded = msgspec.msgpack.encode(pod.spec)
        labels = b""
        if b"atchLabelKeys" in encoded:
            labels = msgspec.msgpack.encode(pod.metadata.labels)
        key = (pod.metadata.namespace, encoded, labels)
        known = self._specs.get(key)
        if known is not None:
            pod.spec = known
            return
        try:
            pod.spec = msgspec.msgpack.decode(encoded, type=PodSpec)
        except msgspec.ValidationError as error:
            raise RefusedError(
                "Invalid", f'Pod "{pod.metadata.name}" is invalid: spec: {error}'
            ) from error
        self._shape(pod)
        if len(self._specs) >= MAX_SPECS:
            del self._specs[next(iter(self._specs))]
        self._specs[key] = pod.spec

    def _shape(self, item: Any) -> None:
        for plugin in SHAPING:
            try:
                plugin.admit(item, self._cluster)
            except InputError as error:
                kind, name = type(item).__name__, item.metadata.name
                raise RefusedError(
                    "Invalid", f'{kind} "{name}" is invalid: {error}'
                ) from error

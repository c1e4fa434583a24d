"""Rules of a cluster: namespaces, priorities, budgets, quotas and pod groups."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, Int32, Quantity
from schedbench.objects.selectors import LabelSelector


class NamespaceStatus(ApiStruct):
    """Whether a namespace is in use (`Active`) or going (`Terminating`)."""

    phase: Literal["Active", "Terminating"] | None = None


class Namespace(ApiObject):
    """A part of the cluster's names; its labels are what affinities select."""

    status: NamespaceStatus = msgspec.field(default_factory=NamespaceStatus)


class ServiceAccount(ApiObject):
    """An identity for the pods of a namespace."""


class PriorityClass(ApiObject):
    """A named priority."""

    value: Int32 = 0
    global_default: bool = False
    preemption_policy: Literal["PreemptLowerPriority", "Never"] | None = None


class PodDisruptionBudgetSpec(ApiStruct):
    """How many pods must stay; a number or a percentage."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: Literal["IfHealthyBudget", "AlwaysAllow"] | None = (
        None
    )


class PodDisruptionBudgetStatus(ApiStruct):
    """How many of the pods may go now, and which are going (name → time)."""

    disruptions_allowed: Int32 = 0
    current_healthy: Int32 = 0
    desired_healthy: Int32 = 0
    expected_pods: Int32 = 0
    disrupted_pods: dict[str, str] = msgspec.field(default_factory=dict)


class PodDisruptionBudget(ApiObject):
    """A bound on how many pods of a set may be disrupted at once."""

    spec: PodDisruptionBudgetSpec = msgspec.field(
        default_factory=PodDisruptionBudgetSpec
    )
    status: PodDisruptionBudgetStatus = msgspec.field(
        default_factory=PodDisruptionBudgetStatus
    )


class ResourceQuotaSpec(ApiStruct):
    """Bounds by resource name, for all pods or for those of the scopes."""

    hard: dict[str, Quantity] = msgspec.field(default_factory=dict)
    scopes: list[str] = msgspec.field(default_factory=list)
    scope_selector: dict[str, Any] | None = None


class ResourceQuotaStatus(ApiStruct):
    """The bounds in force and what is used of them."""

    hard: dict[str, Quantity] = msgspec.field(default_factory=dict)
    used: dict[str, Quantity] = msgspec.field(default_factory=dict)


class ResourceQuota(ApiObject):
    """A bound on what a namespace may ask for."""

    spec: ResourceQuotaSpec = msgspec.field(default_factory=ResourceQuotaSpec)
    status: ResourceQuotaStatus = msgspec.field(default_factory=ResourceQuotaStatus)


class LimitRangeItem(ApiStruct):
    """Bounds and defaults for containers, pods or claims."""

    type: str
    max: dict[str, Quantity] = msgspec.field(default_factory=dict)
    min: dict[str, Quantity] = msgspec.field(default_factory=dict)
    default: dict[str, Quantity] = msgspec.field(default_factory=dict)
    default_request: dict[str, Quantity] = msgspec.field(default_factory=dict)
    max_limit_request_ratio: dict[str, Quantity] = msgspec.field(default_factory=dict)


class LimitRangeSpec(ApiStruct):
    """The limits of a namespace."""

    limits: list[LimitRangeItem] = msgspec.field(default_factory=list)


class LimitRange(ApiObject):
    """Bounds and defaults for the requests of a namespace's pods."""

    spec: LimitRangeSpec = msgspec.field(default_factory=LimitRangeSpec)


class GangSchedulingPolicy(ApiStruct):
    """All or nothing: at least `min_count` pods are placed together."""

    min_count: Int32


class PodGroupSchedulingPolicy(ApiStruct):
    """How the pods of a group are placed; neither field = one by one."""

    basic: dict[str, Any] | None = None
    gang: GangSchedulingPolicy | None = None


class CompositeGangSchedulingPolicy(ApiStruct):
    """All or nothing: at least `min_group_count` of the child groups are placed."""

    min_group_count: Int32


class CompositePodGroupSchedulingPolicy(ApiStruct):
    """How the groups of a group are placed; neither field = each for itself."""

    basic: dict[str, Any] | None = None
    gang: CompositeGangSchedulingPolicy | None = None


class TopologyConstraint(ApiStruct):
    """All pods of the group go where this node label has one value."""

    key: str


class PodGroupSchedulingConstraints(ApiStruct):
    """Where the pods of a group may go together; upstream takes one constraint."""

    topology: list[TopologyConstraint] = msgspec.field(default_factory=list)


class DisruptionMode(ApiStruct):
    """Whether preemption evicts pods of a group one by one or all of them at once."""

    single: dict[str, Any] | None = None
    all: dict[str, Any] | None = None


class WorkloadReference(ApiStruct):
    """The template that the group was made from; scheduling does not look at it."""

    workload_name: str = ""
    template_name: str = ""


class AnyPodGroupSpec(ApiStruct):
    """What groups of pods and groups of groups have in common.

    `disruption_mode` is a text in v1alpha2: `Pod` for single, `PodGroup` for all.
    """

    parent_composite_pod_group_name: str | None = None
    workload_ref: WorkloadReference | None = None
    scheduling_constraints: PodGroupSchedulingConstraints | None = None
    priority_class_name: str | None = None
    priority: Int32 | None = None
    preemption_policy: Literal["PreemptLowerPriority", "Never"] | None = None
    disruption_mode: Literal["Pod", "PodGroup"] | DisruptionMode | None = None


class PodGroupSpec(AnyPodGroupSpec):
    """How a group of pods is scheduled."""

    scheduling_policy: PodGroupSchedulingPolicy = msgspec.field(
        default_factory=PodGroupSchedulingPolicy
    )


class PodGroup(ApiObject):
    """Pods that are scheduled together; they name it in `schedulingGroup`."""

    spec: PodGroupSpec = msgspec.field(default_factory=PodGroupSpec)


class CompositePodGroupSpec(AnyPodGroupSpec):
    """How a group of groups is scheduled."""

    scheduling_policy: CompositePodGroupSchedulingPolicy = msgspec.field(
        default_factory=CompositePodGroupSchedulingPolicy
    )


class CompositePodGroup(ApiObject):
    """Groups that are scheduled together; they name it as their parent."""

    spec: CompositePodGroupSpec = msgspec.field(default_factory=CompositePodGroupSpec)

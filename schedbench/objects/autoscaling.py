"""HorizontalPodAutoscaler (autoscaling/v2) for resource metrics."""

from __future__ import annotations

from typing import Literal

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, Count32, Int32, Quantity


class CrossVersionObjectReference(ApiStruct):
    """The object that is scaled, in the autoscaler's namespace."""

    kind: str = ""
    name: str = ""
    api_version: str | None = None


class MetricTarget(ApiStruct):
    """What a metric is to be: a share of the requests in percent, or an amount."""

    type: Literal["Utilization", "AverageValue", "Value"] = "Utilization"
    average_utilization: Int32 | None = None
    average_value: Quantity | None = None


class ResourceMetricSource(ApiStruct):
    """A resource of all containers of the pods."""

    name: str = "cpu"
    target: MetricTarget = msgspec.field(default_factory=MetricTarget)


class MetricSpec(ApiStruct):
    """One metric to scale by; only `Resource` is modelled."""

    type: str = "Resource"
    resource: ResourceMetricSource | None = None


class HPAScalingPolicy(ApiStruct):
    """How much may change within a period, in pods or in percent."""

    type: Literal["Pods", "Percent"]
    value: Int32
    period_seconds: Int32


class HPAScalingRules(ApiStruct):
    """How to scale in one direction."""

    stabilization_window_seconds: Int32 | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: list[HPAScalingPolicy] = msgspec.field(default_factory=list)
    tolerance: Quantity | None = None


class HorizontalPodAutoscalerBehavior(ApiStruct):
    """How to scale up and down."""

    scale_up: HPAScalingRules | None = None
    scale_down: HPAScalingRules | None = None


class HorizontalPodAutoscalerSpec(ApiStruct):
    """What to scale, between which bounds, by which metrics."""

    scale_target_ref: CrossVersionObjectReference = msgspec.field(
        default_factory=CrossVersionObjectReference
    )
    min_replicas: Count32 | None = None
    max_replicas: Count32 = 1
    metrics: list[MetricSpec] = msgspec.field(default_factory=list)
    behavior: HorizontalPodAutoscalerBehavior | None = None


class HorizontalPodAutoscalerStatus(ApiStruct):
    """What was seen and wanted at the last sync."""

    current_replicas: Count32 = 0
    desired_replicas: Count32 = 0
    last_scale_time: str | None = None


class HorizontalPodAutoscaler(ApiObject):
    """Keeps a metric of a workload's pods near its target by their number."""

    spec: HorizontalPodAutoscalerSpec = msgspec.field(
        default_factory=HorizontalPodAutoscalerSpec
    )
    status: HorizontalPodAutoscalerStatus = msgspec.field(
        default_factory=HorizontalPodAutoscalerStatus
    )

"""Pod: what is placed, with every field that scheduling looks at."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schedbench.objects.meta import (
    ApiObject,
    ApiStruct,
    Int32,
    ObjectMeta,
    Port,
    Quantity,
)
from schedbench.objects.selectors import (
    LabelSelector,
    NodeSelector,
    NodeSelectorTerm,
)
from schedbench.objects.taints import Toleration
from schedbench.objects.volume import Volume


class ResourceRequirements(ApiStruct):
    """Resources asked for, by name; `claims` are names of `resourceClaims`."""

    requests: dict[str, Quantity] = msgspec.field(default_factory=dict)
    limits: dict[str, Quantity] = msgspec.field(default_factory=dict)
    claims: list[dict[str, Any]] = msgspec.field(default_factory=list)


class ContainerPort(ApiStruct):
    """A port of a container; `hostPort` takes the port of the node."""

    container_port: Port = 0
    host_port: Port = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    name: str | None = None


class Probe(ApiStruct):
    """A question to a container, asked again and again; absent numbers are defaults."""

    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class SleepAction(ApiStruct):
    """A hook that waits."""

    seconds: int = 0


class LifecycleHandler(ApiStruct):
    """What a hook does; of its kinds only sleeping has a time of its own."""

    sleep: SleepAction | None = None


class Lifecycle(ApiStruct):
    """What is done before a container is stopped."""

    pre_stop: LifecycleHandler | None = None


class Container(ApiStruct):
    """A container; an init container that restarts `Always` is a sidecar."""

    name: str = ""
    image: str = ""
    resources: ResourceRequirements = msgspec.field(
        default_factory=ResourceRequirements
    )
    ports: list[ContainerPort] = msgspec.field(default_factory=list)
    restart_policy: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None


class PreferredSchedulingTerm(ApiStruct):
    """A wish for nodes; weight 1 to 100."""

    weight: Int32
    preference: NodeSelectorTerm


class NodeAffinity(ApiStruct):
    """Nodes that a pod needs or likes."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: list[
        PreferredSchedulingTerm
    ] = msgspec.field(default_factory=list)


class PodAffinityTerm(ApiStruct):
    """Pods near which (or far from which) a pod wants to be."""

    topology_key: str
    label_selector: LabelSelector | None = None
    namespaces: list[str] = msgspec.field(default_factory=list)
    namespace_selector: LabelSelector | None = None
    match_label_keys: list[str] = msgspec.field(default_factory=list)
    mismatch_label_keys: list[str] = msgspec.field(default_factory=list)


class WeightedPodAffinityTerm(ApiStruct):
    """A wish for company; weight 1 to 100."""

    weight: Int32
    pod_affinity_term: PodAffinityTerm


class PodAffinity(ApiStruct):
    """Pods to be near to."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = (
        msgspec.field(default_factory=list)
    )
    preferred_during_scheduling_ignored_during_execution: list[
        WeightedPodAffinityTerm
    ] = msgspec.field(default_factory=list)


class PodAntiAffinity(PodAffinity):
    """Pods to be away from."""


class Affinity(ApiStruct):
    """All affinities of a pod."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class TopologySpreadConstraint(ApiStruct):
    """How evenly pods are to be spread over the values of a node label."""

    max_skew: Int32
    topology_key: str
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: LabelSelector | None = None
    min_domains: Int32 | None = None
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    match_label_keys: list[str] = msgspec.field(default_factory=list)


class PodSchedulingGate(ApiStruct):
    """A gate that holds the pod back while it is there."""

    name: str


class SchedulingGroup(ApiStruct):
    """The PodGroup, in the pod's namespace, that the pod belongs to."""

    pod_group_name: str | None = None


class PodSpec(ApiStruct):
    """What is wanted of a pod."""

    containers: list[Container] = msgspec.field(default_factory=list)
    init_containers: list[Container] = msgspec.field(default_factory=list)
    volumes: list[Volume] = msgspec.field(default_factory=list)
    resources: ResourceRequirements | None = None
    overhead: dict[str, Quantity] = msgspec.field(default_factory=dict)
    node_name: str | None = None
    node_selector: dict[str, str] = msgspec.field(default_factory=dict)
    affinity: Affinity | None = None
    tolerations: list[Toleration] = msgspec.field(default_factory=list)
    topology_spread_constraints: list[TopologySpreadConstraint] = msgspec.field(
        default_factory=list
    )
    priority: Int32 | None = None
    priority_class_name: str | None = None
    preemption_policy: Literal["PreemptLowerPriority", "Never"] | None = None
    scheduler_name: str | None = None
    scheduling_gates: list[PodSchedulingGate] = msgspec.field(default_factory=list)
    scheduling_group: SchedulingGroup | None = None
    resource_claims: list[dict[str, Any]] = msgspec.field(default_factory=list)
    host_network: bool = False
    restart_policy: Literal["Always", "OnFailure", "Never"] | None = None
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    runtime_class_name: str | None = None
    service_account_name: str | None = None


class ContainerStateWaiting(ApiStruct):
    """A container that does not run yet, or not now."""

    reason: str | None = None
    message: str | None = None


class ContainerStateRunning(ApiStruct):
    """A container that runs."""

    started_at: str | None = None


class ContainerStateTerminated(ApiStruct):
    """A container that has ended."""

    exit_code: int = 0
    reason: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(ApiStruct):
    """What a container does: one of the three."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(ApiStruct):
    """What a running container has: `resources` acted on, `allocatedResources` kept."""

    name: str = ""
    image: str = ""
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    resources: ResourceRequirements | None = None
    allocated_resources: dict[str, Quantity] = msgspec.field(default_factory=dict)


class PodCondition(ApiStruct):
    """One observed condition of a pod."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


class PodStatus(ApiStruct):
    """What became of a pod; times are RFC 3339 texts."""

    phase: str | None = None
    nominated_node_name: str | None = None
    start_time: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    qos_class: str | None = None
    resize: str | None = None
    conditions: list[PodCondition] = msgspec.field(default_factory=list)
    container_statuses: list[ContainerStatus] = msgspec.field(default_factory=list)
    init_container_statuses: list[ContainerStatus] = msgspec.field(default_factory=list)


class Pod(ApiObject):
    """Containers that are placed on one node together."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class PodTemplateSpec(ApiStruct):
    """The pods that a controller makes."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: PodSpec = msgspec.field(default_factory=PodSpec)

"""Controllers: objects that make pods, or select them."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import (
    ApiObject,
    ApiStruct,
    Count32,
    ObjectMeta,
    ObjectReference,
    Port,
)
from schedbench.objects.pod import PodTemplateSpec
from schedbench.objects.selectors import LabelSelector
from schedbench.objects.storage import PersistentVolumeClaim


class ServicePort(ApiStruct):
    """A port of a service; an absent target port is the port itself."""

    port: Port
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None


class ServiceSpec(ApiStruct):
    """The labels of a service's pods, and how it is reached."""

    selector: dict[str, str] = msgspec.field(default_factory=dict)
    ports: list[ServicePort] = msgspec.field(default_factory=list)
    publish_not_ready_addresses: bool = False
    type: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    external_name: str | None = None


class Service(ApiObject):
    """A name for a set of pods."""

    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


class Condition(ApiStruct):
    """One observed condition of a controller's object; times are RFC 3339 texts."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None
    last_update_time: str | None = None
    last_transition_time: str | None = None


class ReplicaSetStatus(ApiStruct):
    """How many pods there are, and in which state."""

    replicas: Count32 = 0
    ready_replicas: Count32 = 0
    available_replicas: Count32 = 0
    observed_generation: int | None = None
    conditions: list[Condition] = msgspec.field(default_factory=list)


class ReplicationControllerSpec(ApiStruct):
    """How many pods, and which; absent replicas are one."""

    replicas: Count32 | None = None
    min_ready_seconds: Count32 = 0
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    template: PodTemplateSpec | None = None


class ReplicationController(ApiObject):
    """Keeps a number of equal pods."""

    spec: ReplicationControllerSpec = msgspec.field(
        default_factory=ReplicationControllerSpec
    )
    status: ReplicaSetStatus = msgspec.field(default_factory=ReplicaSetStatus)


class ReplicaSetSpec(ApiStruct):
    """How many pods, and which; absent replicas are one."""

    replicas: Count32 | None = None
    min_ready_seconds: Count32 = 0
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSet(ApiObject):
    """Keeps a number of equal pods."""

    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)
    status: ReplicaSetStatus = msgspec.field(default_factory=ReplicaSetStatus)


class RollingUpdate(ApiStruct):
    """How far a rolling update may go: numbers or percentages."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    partition: Count32 | None = None


class UpdateStrategy(ApiStruct):
    """How pods are replaced by those of a new template."""

    type: str | None = None
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(ReplicaSetSpec):
    """How many pods, and which; absent replicas are one."""

    paused: bool = False
    strategy: UpdateStrategy = msgspec.field(default_factory=UpdateStrategy)
    revision_history_limit: Count32 | None = None
    progress_deadline_seconds: Count32 | None = None


class DeploymentStatus(ReplicaSetStatus):
    """How many pods there are, and how many of the newest template."""

    updated_replicas: Count32 = 0
    unavailable_replicas: Count32 = 0


class Deployment(ApiObject):
    """Keeps a number of equal pods and replaces them stepwise."""

    spec: DeploymentSpec = msgspec.field(default_factory=DeploymentSpec)
    status: DeploymentStatus = msgspec.field(default_factory=DeploymentStatus)


class ControllerRevisionSpec(ApiStruct):
    """The part of a spec that makes a revision."""

    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)


class ControllerRevisionData(ApiStruct):
    """What a revision keeps of an object."""

    spec: ControllerRevisionSpec = msgspec.field(default_factory=ControllerRevisionSpec)


class ControllerRevision(ApiObject):
    """A template that an object had, numbered."""

    revision: int = 0
    data: ControllerRevisionData = msgspec.field(default_factory=ControllerRevisionData)


class StatefulSetOrdinals(ApiStruct):
    """From where pods are numbered."""

    start: Count32 = 0


class StatefulSetSpec(ReplicaSetSpec):
    """How many pods, and which; absent replicas are one."""

    service_name: str | None = None
    pod_management_policy: str | None = None
    update_strategy: UpdateStrategy = msgspec.field(default_factory=UpdateStrategy)
    revision_history_limit: Count32 | None = None
    ordinals: StatefulSetOrdinals | None = None
    volume_claim_templates: list[PersistentVolumeClaim] = msgspec.field(
        default_factory=list
    )


class StatefulSetStatus(ReplicaSetStatus):
    """How many pods there are, and of which revision."""

    current_replicas: Count32 = 0
    updated_replicas: Count32 = 0
    current_revision: str | None = None
    update_revision: str | None = None


class StatefulSet(ApiObject):
    """Keeps numbered pods, each with its own storage."""

    spec: StatefulSetSpec = msgspec.field(default_factory=StatefulSetSpec)
    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)


class DaemonSetSpec(ApiStruct):
    """Which pods to keep on every node."""

    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None
    update_strategy: UpdateStrategy = msgspec.field(default_factory=UpdateStrategy)
    min_ready_seconds: Count32 = 0
    revision_history_limit: Count32 | None = None


class DaemonSetStatus(ApiStruct):
    """On how many nodes pods should be, and are."""

    current_number_scheduled: Count32 = 0
    desired_number_scheduled: Count32 = 0
    updated_number_scheduled: Count32 = 0
    number_misscheduled: Count32 = 0
    number_ready: Count32 = 0
    number_available: Count32 = 0
    number_unavailable: Count32 = 0
    observed_generation: int | None = None


class DaemonSet(ApiObject):
    """Keeps one pod on every node."""

    spec: DaemonSetSpec = msgspec.field(default_factory=DaemonSetSpec)
    status: DaemonSetStatus = msgspec.field(default_factory=DaemonSetStatus)


class JobSpec(ApiStruct):
    """How many pods are to finish, and how many at once."""

    parallelism: Count32 | None = None
    completions: Count32 | None = None
    completion_mode: str | None = None
    backoff_limit: Count32 | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: Count32 | None = None
    suspend: bool = False
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class UncountedTerminatedPods(ApiStruct):
    """The uids of finished pods that are not yet in the numbers."""

    succeeded: list[str] = msgspec.field(default_factory=list)
    failed: list[str] = msgspec.field(default_factory=list)


class JobStatus(ApiStruct):
    """How far a job is; times are RFC 3339 texts."""

    active: Count32 = 0
    ready: Count32 | None = None
    succeeded: Count32 = 0
    failed: Count32 = 0
    completed_indexes: str = ""
    uncounted_terminated_pods: UncountedTerminatedPods = msgspec.field(
        default_factory=UncountedTerminatedPods
    )
    start_time: str | None = None
    completion_time: str | None = None
    conditions: list[Condition] = msgspec.field(default_factory=list)


class Job(ApiObject):
    """Runs pods until enough have finished."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class JobTemplateSpec(ApiStruct):
    """The jobs that a cron job makes."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class CronJobSpec(ApiStruct):
    """When to make which job."""

    schedule: str = ""
    time_zone: str | None = None
    concurrency_policy: str | None = None
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: Count32 | None = None
    failed_jobs_history_limit: Count32 | None = None
    suspend: bool = False
    job_template: JobTemplateSpec = msgspec.field(default_factory=JobTemplateSpec)


class CronJobStatus(ApiStruct):
    """The jobs at work, and when the last was due and one last succeeded."""

    active: list[ObjectReference] = msgspec.field(default_factory=list)
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(ApiObject):
    """Makes a job at set times."""

    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)

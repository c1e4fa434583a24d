"""Controllers: objects that make pods, or select them."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, Count32, Port
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


class ReplicationControllerSpec(ApiStruct):
    """How many pods, and which; absent replicas are one."""

    replicas: Count32 | None = None
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    template: PodTemplateSpec | None = None


class ReplicationController(ApiObject):
    """Keeps a number of equal pods."""

    spec: ReplicationControllerSpec = msgspec.field(
        default_factory=ReplicationControllerSpec
    )


class ReplicaSetSpec(ApiStruct):
    """How many pods, and which; absent replicas are one."""

    replicas: Count32 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSet(ApiObject):
    """Keeps a number of equal pods."""

    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)


class DeploymentSpec(ReplicaSetSpec):
    """How many pods, and which; absent replicas are one."""

    paused: bool = False


class Deployment(ApiObject):
    """Keeps a number of equal pods and replaces them stepwise."""

    spec: DeploymentSpec = msgspec.field(default_factory=DeploymentSpec)


class StatefulSetSpec(ReplicaSetSpec):
    """How many pods, and which; absent replicas are one."""

    service_name: str | None = None
    pod_management_policy: str | None = None
    volume_claim_templates: list[PersistentVolumeClaim] = msgspec.field(
        default_factory=list
    )


class StatefulSet(ApiObject):
    """Keeps numbered pods, each with its own storage."""

    spec: StatefulSetSpec = msgspec.field(default_factory=StatefulSetSpec)


class DaemonSetSpec(ApiStruct):
    """Which pods to keep on every node."""

    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class DaemonSet(ApiObject):
    """Keeps one pod on every node."""

    spec: DaemonSetSpec = msgspec.field(default_factory=DaemonSetSpec)


class JobSpec(ApiStruct):
    """How many pods are to finish, and how many at once."""

    parallelism: Count32 | None = None
    completions: Count32 | None = None
    completion_mode: str | None = None
    backoff_limit: Count32 | None = None
    active_deadline_seconds: int | None = None
    suspend: bool = False
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class Job(ApiObject):
    """Runs pods until enough have finished."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class JobTemplateSpec(ApiStruct):
    """The jobs that a cron job makes."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class CronJobSpec(ApiStruct):
    """When to make which job."""

    schedule: str = ""
    time_zone: str | None = None
    concurrency_policy: str | None = None
    suspend: bool = False
    job_template: JobTemplateSpec = msgspec.field(default_factory=JobTemplateSpec)


class CronJob(ApiObject):
    """Makes a job at set times."""

    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)

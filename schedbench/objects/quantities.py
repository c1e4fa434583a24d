"""Checks the quantities of an object, so that later code may trust them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from schedbench.errors import QuantityError
from schedbench.objects.controllers import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)
from schedbench.objects.meta import Quantity
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodSpec, PodStatus, PodTemplateSpec
from schedbench.objects.policy import LimitRange, ResourceQuota
from schedbench.objects.storage import (
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
)
from schedbench.units import milli_value, value

_Places: TypeAlias = Iterator[tuple[str, Mapping[str, Quantity]]]


def check_quantities(item: object) -> None:
    """Check all quantities that scheduling may read.

    Raises
    ------
    QuantityError
        If one is malformed, negative or overflows int64; it names the field.
    """
    for place, resources in _places(item):
        for name, quantity in resources.items():
            try:
                amount = (milli_value if name == "cpu" else value)(quantity)
            except QuantityError as error:
                raise error.at(where=f"{place}[{name}]") from None
            if amount < 0:
                raise QuantityError(
                    "quantity is negative",
                    where=f"{place}[{name}]",
                    value=quantity,
                    fix="write zero or more",
                )


def _places(item: object) -> _Places:
    match item:
        case Pod():
            yield from _pod_spec(item.spec, "spec")
            yield from _pod_status(item.status)
        case Node():
            yield "status.allocatable", item.status.allocatable
            yield "status.capacity", item.status.capacity
        case PersistentVolume():
            yield "spec.capacity", item.spec.capacity
        case PersistentVolumeClaim():
            yield from _claim(item.spec, "spec")
            yield "status.capacity", item.status.capacity
        case CSIStorageCapacity():
            for field, quantity in (
                ("capacity", item.capacity),
                ("maximumVolumeSize", item.maximum_volume_size),
            ):
                yield "", {} if quantity is None else {field: quantity}
        case ResourceQuota():
            yield "spec.hard", item.spec.hard
        case LimitRange():
            for index, limit in enumerate(item.spec.limits):
                place = f"spec.limits[{index}]"
                yield f"{place}.max", limit.max
                yield f"{place}.min", limit.min
                yield f"{place}.default", limit.default
                yield f"{place}.defaultRequest", limit.default_request
        case CronJob():
            job = item.spec.job_template.spec
            yield from _template(job.template, "spec.jobTemplate.spec.template")
        case (
            ReplicationController()
            | ReplicaSet()
            | Deployment()
            | StatefulSet()
            | DaemonSet()
            | Job()
        ):
            yield from _template(item.spec.template, "spec.template")


def _template(template: PodTemplateSpec | None, place: str) -> _Places:
    if template is not None:
        yield from _pod_spec(template.spec, f"{place}.spec")


def _pod_spec(spec: PodSpec, place: str) -> _Places:
    for field, containers in (
        ("containers", spec.containers),
        ("initContainers", spec.init_containers),
    ):
        for index, container in enumerate(containers):
            resources = container.resources
            if resources.requests:
                yield f"{place}.{field}[{index}].resources.requests", resources.requests
            if resources.limits:
                yield f"{place}.{field}[{index}].resources.limits", resources.limits
    yield f"{place}.overhead", spec.overhead
    if spec.resources is not None:
        yield f"{place}.resources.requests", spec.resources.requests
        yield f"{place}.resources.limits", spec.resources.limits
    for index, volume in enumerate(spec.volumes):
        ephemeral = volume.ephemeral
        if ephemeral is not None and ephemeral.volume_claim_template is not None:
            where = f"{place}.volumes[{index}].ephemeral.volumeClaimTemplate.spec"
            yield from _claim(ephemeral.volume_claim_template.spec, where)


def _pod_status(status: PodStatus) -> _Places:
    for field, statuses in (
        ("containerStatuses", status.container_statuses),
        ("initContainerStatuses", status.init_container_statuses),
    ):
        for index, container in enumerate(statuses):
            place = f"status.{field}[{index}]"
            if container.resources is not None:
                yield f"{place}.resources.requests", container.resources.requests
            if container.allocated_resources:
                yield f"{place}.allocatedResources", container.allocated_resources


def _claim(spec: PersistentVolumeClaimSpec, place: str) -> _Places:
    yield f"{place}.resources.requests", spec.resources.requests

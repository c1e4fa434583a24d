"""Pod classes: pods of one kind, whose sizes are drawn and grouped into templates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.pod import Pod
from schedbench.rng import stream
from schedbench.sources.gpu import GPU_MILLI, MILLI_PER_GPU, gpu_annotations
from schedbench.sources.synthetic.durations import (
    Duration,
    check_duration,
    draw_durations,
)
from schedbench.sources.synthetic.sizes import (
    NotNegative,
    Size,
    Sizes,
    check_size,
    draw_sizes,
)


class GpuShare(Struct, forbid_unknown_fields=True, kw_only=True):
    """Devices of a pod: how many, how many thousandths of each, of which models."""

    count: Annotated[int, Meta(ge=1, le=64)] = 1
    milli: Size = 1000
    models: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        _check("milli", self.milli, GPU_MILLI)
        if isinstance(self.milli, int) and not 1 <= self.milli <= 1000:
            raise ValueError(f"milli must be 1 to 1000: {self.milli}")
        if self.count > 1 and self.milli != 1000:
            raise ValueError("milli must be 1000 where count exceeds 1")


class PodClass(Struct, forbid_unknown_fields=True, kw_only=True):
    """Pods of one kind.

    Attributes
    ----------
    weight, count
        How many pods: a weight among the stream's classes, or a number.
    cpu, memory, resources
        Requests of a pod: fixed quantities, or sizes that are drawn.
    gpu
        Shared or whole devices.
    duration
        How long a pod runs; absent = as the stream says.
    namespace
        Absent = drawn from the stream's namespaces.
    priority, labels, node_selector, tolerations, affinity
        As in Kubernetes.
    spec
        Further fields of the pod's spec, as in Kubernetes.
    """

    name: str
    weight: NotNegative | None = None
    count: Annotated[int, Meta(ge=0)] | None = None
    cpu: Size
    memory: Size
    resources: dict[str, Size] = field(default_factory=dict)
    gpu: GpuShare | None = None
    duration: Duration | None = None
    namespace: str | None = None
    priority: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    affinity: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resource, size in self.sizes().items():
            _check(resource, size, resource)
        if self.duration is not None:
            try:
                check_duration(self.duration)
            except InputError as error:
                raise ValueError(f"duration: {error}") from None
        if self.weight is not None and self.count is not None:
            raise ValueError("a class has either weight or count")
        for reserved in ("containers", "nodeName"):
            if reserved in self.spec:
                raise ValueError(f"spec.{reserved} is made by schedbench: leave it out")

    def sizes(self) -> dict[str, Size]:
        """Return the sizes by resource, cpu first."""
        return {"cpu": self.cpu, "memory": self.memory} | self.resources


@dataclasses.dataclass(frozen=True, slots=True)
class DrawnPods:
    """Pods as columns, in the order in which they were drawn.

    Attributes
    ----------
    kind : int64[pod]
        Index of the pod's class.
    requests
        int64[pod] for each resource, in base units; `GPU_MILLI` is count x milli.
    gpu_milli : int64[pod]
        Thousandths of each device; 0 = none.
    duration : float64[pod]
        Seconds; inf = forever.
    """

    kind: NDArray[np.int64]
    requests: Mapping[str, Sizes]
    gpu_milli: Sizes
    duration: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kind)

    def first(self, count: int) -> DrawnPods:
        """Return the first pods alone."""
        return DrawnPods(
            self.kind[:count],
            {name: column[:count] for name, column in self.requests.items()},
            self.gpu_milli[:count],
            self.duration[:count],
        )


def draw_pods(
    classes: Sequence[PodClass],
    count: int | None,
    duration: Duration,
    seed: int,
    name: str,
) -> DrawnPods:
    """Draw pods: classes by weight (`count` of them), or exactly the classes' counts.

    Each class draws its sizes from a stream of its own, so that editing one class
    leaves the sizes of the others alone.
    """
    mixing = stream(seed, f"{name}/classes")
    if count is None:
        counts = [kind.count or 0 for kind in classes]
        kind = mixing.permutation(np.repeat(np.arange(len(classes)), counts))
    else:
        weights = class_weights(classes)
        kind = mixing.choice(len(classes), size=count, p=weights)
    total = len(kind)
    names = list(dict.fromkeys(key for each in classes for key in each.sizes()))
    requests = {key: np.zeros(total, dtype=np.int64) for key in (*names, GPU_MILLI)}
    gpu_milli = np.zeros(total, dtype=np.int64)
    durations = np.full(total, np.inf)
    for index, each in enumerate(classes):
        (chosen,) = np.nonzero(kind == index)
        sizes = stream(seed, f"{name}/class/{each.name}/sizes")
        for resource, size in each.sizes().items():
            cpu = requests["cpu"][chosen]
            drawn = draw_sizes(size, resource, len(chosen), sizes, cpu)
            requests[resource][chosen] = drawn
        if each.gpu is not None:
            milli = draw_sizes(each.gpu.milli, GPU_MILLI, len(chosen), sizes)
            gpu_milli[chosen] = np.clip(milli, 1, MILLI_PER_GPU)
            requests[GPU_MILLI][chosen] = gpu_milli[chosen] * each.gpu.count
        lifetimes = stream(seed, f"{name}/class/{each.name}/durations")
        spec = duration if each.duration is None else each.duration
        durations[chosen] = draw_durations(spec, len(chosen), lifetimes)
    return DrawnPods(kind, requests, gpu_milli, durations)


def class_weights(classes: Sequence[PodClass]) -> NDArray[np.float64]:
    """Return the probability of each class; a class without a weight weighs 1."""
    weights = np.array([1.0 if c.weight is None else c.weight for c in classes])
    return np.asarray(weights / weights.sum())


def make_templates(
    classes: Sequence[PodClass],
    pods: DrawnPods,
    namespaces: Sequence[str],
    namespace: NDArray[np.int64],
) -> tuple[list[Pod], NDArray[np.int32]]:
    """Group equal pods into templates; return them and each pod's index.

    Parameters
    ----------
    namespaces, namespace
        The namespaces that occur, and each pod's index into them.
    """
    columns = [pods.kind, namespace, pods.gpu_milli, *pods.requests.values()]
    template = np.zeros(len(pods), dtype=np.int64)
    for column in columns:
        index, count = ranks(column)
        template, _ = ranks(template * count + index)
    first = np.zeros(template.max(initial=-1) + 1, dtype=np.int64)
    first[template[::-1]] = np.arange(len(pods))[::-1]  # the last assignment stays
    held = [name for name in pods.requests if name != GPU_MILLI]
    templates = [
        _template(
            classes[pods.kind[pod]],
            namespaces[namespace[pod]],
            {name: int(pods.requests[name][pod]) for name in held},
            int(pods.gpu_milli[pod]),
        )
        for pod in first
    ]
    return templates, template.astype(np.int32)


def ranks(column: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return the rank of each value among the different values, and how many these are.

    By a table where the values lie on a grid, as sizes do: sorting a million of them
    takes 20 times as long.
    """
    if not len(column):
        return column.astype(np.int64), 0
    offset = column - column.min()
    step = int(np.gcd.reduce(offset))
    if step == 0:
        return offset, 1
    place = offset // step
    if place.max() > 4 * len(place) + 1024:
        distinct, inverse = np.unique(place, return_inverse=True)
        return np.asarray(inverse, dtype=np.int64), len(distinct)
    there = np.zeros(place.max() + 1, dtype=np.int64)
    there[place] = 1
    return (np.cumsum(there) - 1)[place], int(there.sum())


def _template(
    kind: PodClass, namespace: str, requests: dict[str, int], gpu_milli: int
) -> Pod:
    wanted = {name: _text(name, requests[name]) for name in kind.sizes()}
    metadata: dict[str, Any] = {
        "name": kind.name,
        "namespace": namespace,
        "labels": {"app": kind.name} | kind.labels,
    }
    if kind.gpu is not None:
        models = "|".join(kind.gpu.models)
        metadata["annotations"] = gpu_annotations(kind.gpu.count, gpu_milli, models)
    spec: dict[str, Any] = {
        "containers": [{"name": "main", "resources": {"requests": wanted}}],
        "priority": kind.priority,
        "nodeSelector": kind.node_selector,
        "tolerations": kind.tolerations,
    }
    if kind.affinity:
        spec["affinity"] = kind.affinity
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec | kind.spec,
    }
    pod = decode_object(document, f"class {kind.name}")
    assert isinstance(pod, Pod)
    return default_pod(pod)


def _text(resource: str, amount: int) -> str:
    """Write an exact quantity in the unit in which a person would."""
    if resource == "cpu":
        return f"{amount}m"
    if resource in {"memory", "ephemeral-storage"} and amount % (1 << 20) == 0:
        return f"{amount >> 20}Mi"
    return str(amount)


def _check(field_name: str, size: Size, resource: str) -> None:
    """Check a size; msgspec adds the place to a ValueError."""
    try:
        check_size(size, resource)
    except InputError as error:
        raise ValueError(f"{field_name}: {error}") from None

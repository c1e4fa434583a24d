"""Typical pods: the target workload that fragmentation is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.gpu import GPU_MODEL, gpu_request
from schedbench.cluster.layout import CPU
from schedbench.metrics.timeline import quotient
from schedbench.objects.pod import Pod
from schedbench.objects.resources import pod_requests

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload

COVERAGE = 0.95
QUANTILES = 32


class TypicalPods(NamedTuple):
    """Pods that share a GPU, in the order in which F adds them up.

    Attributes
    ----------
    cpu : int64[typical]
        Millicores.
    milli, devices : int64[typical]
        Milli-GPU on each device, and the number of devices; 0 without GPU.
    popularity : float64[typical]
        Share of the pods; adds up to 1.
    models
        Acceptable GPU models joined by `|`; empty = any.
    """

    cpu: NDArray[np.int64]
    milli: NDArray[np.int64]
    devices: NDArray[np.int64]
    popularity: NDArray[np.float64]
    models: tuple[str, ...]


class QuantilePods(NamedTuple):
    """A few pods that stand for all of a stream.

    Attributes
    ----------
    vector : int64[pod, resource]
        What each takes.
    milli, devices : int64[pod]
        Milli-GPU on each device, and the number of devices.
    weight : float64[pod]
        Share of the stream it stands for; adds up to 1.
    """

    vector: NDArray[np.int64]
    milli: NDArray[np.int64]
    devices: NDArray[np.int64]
    weight: NDArray[np.float64]


def typical_pods(encoded: EncodedWorkload) -> TypicalPods | None:
    """Return the workload's own typical pods, else those of its stream.

    From the stream: pods are counted by (CPU, milli-GPU, devices, models as written);
    the most frequent keys that together make 95 % of the pods are typical, and their
    popularity is their share among these. Source: the artifact of "Beware of
    Fragmentation" (USENIX ATC'23). None without pods.
    """
    if encoded.workload.typical_pods:
        pairs = encoded.workload.typical_pods
        keys = [_key(pod, pod_requests(pod).get("cpu", 0)) for pod, _ in pairs]
        return _table(keys, [popularity for _, popularity in pairs])
    counts = _count_keys(encoded)
    ranked = sorted(counts, key=lambda key: (counts[key], key), reverse=True)
    everything = sum(counts.values())
    chosen: list[_Key] = []
    covered = 0
    for key in ranked:
        if covered >= COVERAGE * everything:
            break
        chosen.append(key)
        covered += counts[key]
    if not chosen:
        return None
    share = covered / everything
    return _table(chosen, [counts[key] / everything / share for key in chosen])


_Key = tuple[int, int, int, str]


def _table(keys: list[_Key], popularity: list[float]) -> TypicalPods:
    cpu, milli, count, models = zip(*keys, strict=True)
    return TypicalPods(
        np.array(cpu, dtype=np.int64),
        np.array(milli, dtype=np.int64),
        np.array(count, dtype=np.int64),
        np.array(popularity, dtype=np.float64),
        models,
    )


def _key(pod: Pod, cpu: int) -> _Key:
    gpu = gpu_request(pod)
    models = pod.metadata.annotations.get(GPU_MODEL, "") if gpu.devices else ""
    return cpu, gpu.milli, gpu.devices, models


def _count_keys(encoded: EncodedWorkload) -> dict[_Key, int]:
    """Count the stream's pods by key, one look at a template for each pod class."""
    pods = encoded.workload.pods
    kinds, example, frequency = np.unique(
        encoded.class_of, return_index=True, return_counts=True
    )
    counts: dict[_Key, int] = {}
    for kind, pod, times in zip(kinds, example, frequency, strict=True):
        template = pods.templates[int(pods.template[pod])]
        key = _key(template, int(encoded.classes.request[kind, CPU]))
        counts[key] = counts.get(key, 0) + int(times)
    return counts


def quantile_pods(encoded: EncodedWorkload) -> QuantilePods | None:
    """Return at most 32 pods that stand for the stream, None without pods.

    All distinct request vectors with their shares if they are few; else those at the
    middle of 32 equal parts of the pods sorted by their largest share of the cluster.
    """
    if len(encoded.class_of) == 0:
        return None
    classes = encoded.classes
    resources = np.asarray(classes.request)
    gpu = np.stack([classes.gpu_milli, classes.gpu_count], axis=1).astype(np.int64)
    frequency = np.bincount(encoded.class_of, minlength=len(resources))
    distinct, inverse = np.unique(
        np.concatenate([resources, gpu], axis=1), axis=0, return_inverse=True
    )
    counted = np.bincount(inverse.reshape(-1), weights=frequency)
    weight: NDArray[np.float64] = counted / counted.sum()
    distinct, weight = distinct[weight > 0], weight[weight > 0]
    if len(distinct) > QUANTILES:
        order = np.argsort(_sizes(encoded, distinct), kind="stable")
        middle = (np.arange(QUANTILES) + 0.5) / QUANTILES
        place = np.searchsorted(np.cumsum(weight[order]), middle)
        distinct = distinct[order[np.minimum(place, len(order) - 1)]]
        weight = np.full(QUANTILES, 1.0 / QUANTILES)
    return QuantilePods(distinct[:, :-2], distinct[:, -2], distinct[:, -1], weight)


def _sizes(encoded: EncodedWorkload, distinct: NDArray) -> NDArray[np.float64]:
    """Return the largest share of the cluster that each vector asks for."""
    capacity = np.asarray(encoded.state.allocatable).sum(axis=1).astype(np.float64)
    gpu_free = np.asarray(encoded.state.gpu_free)
    milli = float(np.where(gpu_free >= 0, 1000, 0).sum())
    amounts = np.column_stack([distinct[:, :-2], distinct[:, -2] * distinct[:, -1]])
    whole = np.append(capacity, milli)
    return np.asarray(quotient(amounts, whole, 0.0).max(axis=1))

"""Typical pods: the target workload that fragmentation is measured against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.gpu import GPU_MODEL, gpu_request
from schedbench.cluster.layout import CPU
from schedbench.objects.pod import Pod
from schedbench.objects.resources import pod_requests

COVERAGE = 0.95


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

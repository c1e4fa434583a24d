"""Metrics server: what pods and nodes used a little while ago.

Nothing happens until somebody asks: the newest sample that there would be is then
computed. A sample is as old as the time since the last scrape, up to the resolution,
and the kubelet's own reading behind it, up to its housekeeping interval.

Source: kubernetes-sigs/metrics-server, README.md and FAQ.md; docs.kubernetes.io,
tasks/debug/debug-cluster/resource-metrics-pipeline.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.parameters import MetricsServerParameters
from schedbench.objects.pod import Pod

Usage: TypeAlias = Mapping[str, float]
"""Resource → what is used: CPU in millicores, memory (the working set) in bytes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """A usage and when it was read.

    Attributes
    ----------
    timestamp
        Simulated second of the kubelet's reading.
    window
        Seconds over which CPU is averaged, ending there.
    """

    usage: Usage
    timestamp: float
    window: float


class MetricsServer:
    """Serves `metrics.k8s.io` to autoscalers and to `kubectl top`.

    Parameters
    ----------
    usage
        What a running pod used on average between two simulated seconds; nothing if
        its kubelet does not answer.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: MetricsServerParameters,
        seed: int,
        usage: Callable[[Pod, float, float], Usage],
    ) -> None:
        del seed
        self._clock, self._api, self._parameters = clock, api, parameters
        self._usage = usage
        self._running: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        """Come up; the first scrape is one resolution later."""
        self._since = self._clock.now
        self._read: tuple[float, float | None, float | None] = (-math.inf, None, None)
        self._up = True
        self._pods = Informer(self._api, "Pod")
        self._pods.listen(self._changed)

    def stop(self) -> None:
        """Crash: forget all samples."""
        self._pods.stop()
        self._running.clear()
        self._pods.store.clear()
        self._up = False

    def pod(self, namespace: str, name: str) -> Sample | None:
        """Return a pod's newest sample; None until two scrapes have seen it run."""
        pod = self._pods.get(namespace, name)
        return self._sample(pod) if isinstance(pod, Pod) else None

    def usage_of(self, pod: Pod) -> Usage:
        """Return what an autoscaler gets for a pod: nothing without a sample."""
        sample = self.pod(pod.metadata.namespace, pod.metadata.name)
        return {} if sample is None else sample.usage

    def top_pods(self, namespace: str | None = None) -> dict[str, Sample]:
        """Return the samples of all pods that have one, by `namespace/name`."""
        found = {}
        for key in sorted(self._running):
            pod = self._pods.store.get(key)
            if not isinstance(pod, Pod) or namespace not in {
                None,
                pod.metadata.namespace,
            }:
                continue
            sample = self._sample(pod)
            if sample is not None:
                found[key] = sample
        return found

    def top_nodes(self) -> Mapping[str, Usage]:
        """Return what the sampled pods of each node use together."""
        nodes: dict[str, dict[str, float]] = {}
        for key, sample in self.top_pods().items():
            pod = self._pods.store[key]
            assert isinstance(pod, Pod)
            node = nodes.setdefault(pod.spec.node_name or "", {})
            for resource, amount in sample.usage.items():
                node[resource] = node.get(resource, 0.0) + amount
        return nodes

    def _changed(self, event: WatchEvent) -> None:
        pod = event.object
        assert isinstance(pod, Pod)
        if event.type == "DELETED" or pod.status.phase != "Running":
            self._running.pop(pod.key, None)
        elif event.old is None or event.old.metadata.uid != pod.metadata.uid:
            self._running[pod.key] = self._clock.now
        else:
            self._running.setdefault(pod.key, self._clock.now)

    def _sample(self, pod: Pod) -> Sample | None:
        """Read the pod as at the last scrape, if it ran at the one before already."""
        since = self._running.get(pod.key)
        if not self._up or since is None:
            return None
        if self._read[0] != self._clock.now:
            self._read = (self._clock.now, self._reading(0), self._reading(1))
        _, last, before = self._read
        if last is None or before is None or since > before:
            return None
        usage = self._usage(pod, before, last)
        return Sample(usage, last, last - before) if usage else None

    def _reading(self, back: int) -> float | None:
        """Return when the kubelet read what the last scrape but `back` got."""
        parameters = self._parameters
        scrapes = math.floor((self._clock.now - self._since) / parameters.resolution)
        if scrapes - back < 1:
            return None
        scrape = self._since + (scrapes - back) * parameters.resolution
        if parameters.housekeeping <= 0:
            return scrape
        return math.floor(scrape / parameters.housekeeping) * parameters.housekeeping

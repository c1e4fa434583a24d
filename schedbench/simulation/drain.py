"""`kubectl drain`: a node is cordoned, its pods are evicted within their budgets.

Pods of DaemonSets and mirror pods stay. An eviction that a budget refuses, or that
fails, is tried again.

Source: docs.kubernetes.io, tasks/administer-cluster/safely-drain-node, and
`k8s.io/kubectl/pkg/drain/drain.go`.
"""

from __future__ import annotations

from functools import partial

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api
from schedbench.controlplane.authorization import MIRROR
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

RETRY = 5.0
"""Seconds after which a refused eviction is tried again."""


class Drain:
    """The drain of one node, until it is ended."""

    def __init__(self, clock: Clock, api: Api, node: str) -> None:
        self._clock, self._api, self._node = clock, api, node
        self._ended = False
        self._cordon(wanted=True)

    def end(self) -> None:
        """Evict nothing more and uncordon the node."""
        self._ended = True
        self._cordon(wanted=False)

    def _cordon(self, *, wanted: bool) -> None:
        def change(item: ApiObject) -> ApiObject | None:
            assert isinstance(item, Node)
            if item.spec.unschedulable == wanted:
                return None
            spec = msgspec.structs.replace(item.spec, unschedulable=wanted)
            return msgspec.structs.replace(item, spec=spec)

        def answered(answer: Answer) -> None:
            if self._ended and wanted:
                return
            if answer.error is None:
                if wanted:
                    self._list()
            elif answer.error.reason != "NotFound":
                self._clock.after(RETRY, self._again, wanted)

        self._api.patch("Node", "", self._node, change, answered)

    def _again(self, wanted: bool) -> None:
        if not (wanted and self._ended):
            self._cordon(wanted=wanted)

    def _list(self) -> None:
        if not self._ended:
            self._api.list("Pod", self._listed)

    def _listed(self, answer: Answer) -> None:
        if answer.error is not None:
            self._clock.after(RETRY, self._list)
            return
        for pod in answer.items:
            assert isinstance(pod, Pod)
            if pod.spec.node_name == self._node and _goes(pod):
                self._evict(pod)

    def _evict(self, pod: Pod) -> None:
        if not self._ended:
            meta, then = pod.metadata, partial(self._evicted, pod)
            self._api.evict(meta.namespace, meta.name, then)

    def _evicted(self, pod: Pod, answer: Answer) -> None:
        if answer.error is not None and answer.error.reason != "NotFound":
            self._clock.after(RETRY, self._look, pod)

    def _look(self, pod: Pod) -> None:
        """Try again if the pod is still the same."""

        def found(answer: Answer) -> None:
            if answer.object is None:
                self._evicted(pod, answer)
            elif answer.object.metadata.uid == pod.metadata.uid:
                self._evict(pod)

        if not self._ended:
            self._api.get("Pod", pod.metadata.namespace, pod.metadata.name, found)


def _goes(pod: Pod) -> bool:
    owners = pod.metadata.owner_references
    daemon = any(one.controller and one.kind == "DaemonSet" for one in owners)
    leaving = pod.metadata.deletion_timestamp is not None
    return not (daemon or leaving or MIRROR in pod.metadata.annotations)

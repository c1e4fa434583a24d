"""Namespaces: one that is deleted is emptied first.

Source: docs.kubernetes.io "Namespaces", "Finalizers";
`pkg/controller/namespace/deletion/namespaced_resources_deleter.go`. The finalizer
`kubernetes`, a field of the spec there, is one of the metadata's here.
"""

from __future__ import annotations

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.kinds import NAMESPACED
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.policy import Namespace, NamespaceStatus

FINALIZER = "kubernetes"
WAIT = 5.0
"""Seconds until a namespace that is not empty yet is looked at again, at least."""


class Namespaces(Controller):
    """Gives namespaces their finalizer, and empties those that are deleted."""

    name = "namespace-controller"
    workers = 10
    qps_factor, burst_factor = 20.0, 100.0

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        informers.listen("Namespace", self.enqueue)

    def reconcile(self, key: str) -> Sync:
        """Delete a namespace's contents; once there is none, let the namespace go."""
        namespace = self.informers["Namespace"].store.get(key)
        if not isinstance(namespace, Namespace):
            return None
        patch = self.api.patch
        if namespace.metadata.deletion_timestamp is None:
            if FINALIZER in namespace.metadata.finalizers:
                return None
            answers = yield [self.call(patch, "Namespace", "", key, _hold)]
            return answers[0].error
        if FINALIZER not in namespace.metadata.finalizers:
            return None
        if namespace.status.phase != "Terminating":
            answers = yield [
                self.call(
                    patch, "Namespace", "", key, _terminating, subresource="status"
                )
            ]
            if answers[0].error is not None:
                return answers[0].error
        kinds = sorted(NAMESPACED)
        answers = yield [self.call(self.api.list, k, namespace=key) for k in kinds]
        calls, wait, left = [], WAIT, False
        for kind, answer in zip(kinds, answers, strict=True):
            if answer.error is not None:
                return answer.error
            for item in answer.items:
                left = True
                meta = item.metadata
                if meta.deletion_timestamp is None:
                    calls.append(self.call(self.api.delete, kind, key, meta.name))
                if isinstance(item, Pod):
                    grace = item.spec.termination_grace_period_seconds
                    wait = max(wait, (grace or 0) / 2 + 1)
        if left:
            yield calls
            self.queue.add_after(key, wait if not calls else 1.0)
            return None
        answers = yield [self.call(patch, "Namespace", "", key, _release)]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error


def _hold(item: ApiObject) -> ApiObject | None:
    meta = item.metadata
    if FINALIZER in meta.finalizers or meta.deletion_timestamp is not None:
        return None
    held = msgspec.structs.replace(meta, finalizers=[*meta.finalizers, FINALIZER])
    return msgspec.structs.replace(item, metadata=held)


def _release(item: ApiObject) -> ApiObject | None:
    meta = item.metadata
    left = [finalizer for finalizer in meta.finalizers if finalizer != FINALIZER]
    meta = msgspec.structs.replace(meta, finalizers=left)
    return msgspec.structs.replace(item, metadata=meta)


def _terminating(item: ApiObject) -> ApiObject | None:
    return msgspec.structs.replace(item, status=NamespaceStatus(phase="Terminating"))

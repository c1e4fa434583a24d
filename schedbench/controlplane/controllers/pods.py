"""What controllers of pods share: pods from templates, expectations, batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.base import Call
from schedbench.controlplane.controllers.expectations import Expectations
from schedbench.controlplane.controllers.owned import (
    Family,
    is_active,
    is_ready,
    restarts,
)
from schedbench.controlplane.controllers.workload import (
    Steps,
    WorkloadController,
    first_error,
    owner_reference,
)
from schedbench.objects.meta import ApiObject, ObjectMeta
from schedbench.objects.pod import Pod, PodTemplateSpec

BURST = 500
"""Pods made or deleted by one reconciliation.

Source: `BurstReplicas`, kubernetes/kubernetes pkg/controller/replicaset/replica_set.go.
"""


def pod_of(
    template: PodTemplateSpec,
    owner: ApiObject,
    *,
    name: str = "",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Pod:
    """Return a new pod of a template; without a name the API server gives it one."""
    meta = template.metadata
    return Pod(
        metadata=ObjectMeta(
            name=name,
            generate_name=None if name else f"{owner.metadata.name}-",
            namespace=owner.metadata.namespace,
            labels=meta.labels | (labels or {}),
            annotations=meta.annotations | (annotations or {}),
            finalizers=list(meta.finalizers),
            owner_references=[owner_reference(owner)],
        ),
        spec=template.spec,
    )


class PodController(WorkloadController):
    """A controller whose objects have pods."""

    child: ClassVar[str] = "Pod"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.expectations = Expectations(self.clock)

    def adopts(self, item: Any) -> bool:
        """Return whether an orphan that is selected is to be adopted."""
        return is_active(item)

    def object_changed(self, event: WatchEvent) -> None:
        """Have an object that changed reconciled."""
        if event.type == "DELETED":
            self.expectations.forget(event.key)
        super().object_changed(event)

    def owned_changed(self, owner: str, event: WatchEvent) -> None:
        """Note what was waited for, and have the pod's controller reconciled."""
        pod, old = event.object, event.old
        assert isinstance(pod, Pod)
        if event.type == "ADDED":
            self.expectations.created(owner)
        if event.type == "DELETED" or pod.metadata.deletion_timestamp is not None:
            self.expectations.deleted(owner, pod.key)
        if event.type != "MODIFIED" or not isinstance(old, Pod) or _matters(old, pod):
            self.pod_seen(owner, event)

    def pod_seen(self, owner: str, event: WatchEvent) -> None:
        """Have the controller of a changed pod reconciled."""
        del event
        self.queue.add(owner)

    def create_pods(self, key: str, made: Sequence[Pod]) -> Steps:
        """Create pods in batches of 1, 2, 4, …, and no more after one that failed.

        Source: `slowStartBatch`, kubernetes/kubernetes
        pkg/controller/replicaset/replica_set.go.
        """
        self.expectations.expect(key, creations=len(made))
        size, begun = 1, 0
        while begun < len(made):
            batch = made[begun : begun + size]
            begun, size = begun + len(batch), 2 * size
            answers = yield [self.call(self.api.create, pod) for pod in batch]
            failed = sum(answer.error is not None for answer in answers)
            if failed:
                self.expectations.created(key, failed + len(made) - begun)
                return first_error(answers)
        return None

    def delete_pods(self, key: str, pods: Sequence[Pod]) -> Steps:
        """Delete pods, all at once."""
        self.expectations.expect(key, deletions=[pod.key for pod in pods])
        answers = yield [self._delete(pod) for pod in pods]
        for pod, answer in zip(pods, answers, strict=True):
            if answer.error is not None:
                self.expectations.deleted(key, pod.key)
        return first_error(answers, but=("NotFound",))

    def available(self, key: str, family: Family, min_ready: float) -> int:
        """Count the pods that have been ready long enough, and look again in time."""
        if min_ready <= 0:
            return family.ready
        now = self.clock.now
        waiting = [
            since + min_ready - now
            for since in family.ready_since.values()
            if since + min_ready > now
        ]
        if waiting:
            self.queue.add_after(key, min(waiting))
        return family.ready - len(waiting)

    def _delete(self, pod: Pod) -> Call:
        meta = pod.metadata
        return self.call(
            self.api.delete, "Pod", meta.namespace, meta.name, uid=meta.uid
        )


def _matters(old: Pod, new: Pod) -> bool:
    """Return whether a pod's change can change what its controller does."""
    before, after = old.metadata, new.metadata
    return (
        old.status.phase != new.status.phase
        or before.deletion_timestamp != after.deletion_timestamp
        or before.labels != after.labels
        or before.finalizers != after.finalizers
        or before.owner_references != after.owner_references
        or is_ready(old) != is_ready(new)
        or old.spec.node_name != new.spec.node_name
        or (new.spec.restart_policy == "OnFailure" and restarts(old) != restarts(new))
    )

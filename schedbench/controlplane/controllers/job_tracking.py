"""Counting each finished pod of a job once, even if it is deleted meanwhile.

A pod holds a finalizer until it is counted: first its uid is noted in the job's status,
then the finalizer is removed, then the uid becomes a number
(kubernetes.io/docs/concepts/workloads/controllers/job, "Job tracking with finalizers").
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from schedbench.controlplane.controllers.owned import is_active
from schedbench.objects.controllers import Job, JobStatus, UncountedTerminatedPods
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod

TRACKING = "batch.kubernetes.io/job-tracking"
_INDEX = "batch.kubernetes.io/job-completion-index"


class Indexes:
    """A set of completed indexes, written as `0-2,5`."""

    def __init__(self, text: str = "") -> None:
        self._indexes: set[int] = set()
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            self._indexes.update(range(int(first), int(last or first) + 1))

    def __contains__(self, index: int) -> bool:
        return index in self._indexes

    def __len__(self) -> int:
        return len(self._indexes)

    def __str__(self) -> str:
        spans: list[list[int]] = []
        for index in sorted(self._indexes):
            if spans and spans[-1][1] == index - 1:
                spans[-1][1] = index
            else:
                spans.append([index, index])
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)

    def add(self, index: int) -> None:
        """Take an index in."""
        self._indexes.add(index)


def count(item: Job, pods: Iterable[Pod]) -> tuple[JobStatus, list[Pod]]:
    """Return the status with all that has finished, and the pods to let go then.

    A pod that is deleted before it has finished counts as failed. Of an indexed job
    each index succeeds once.
    """
    old = item.status
    tracked = {
        pod.metadata.uid or "": pod
        for pod in pods
        if TRACKING in pod.metadata.finalizers
    }
    waiting = old.uncounted_terminated_pods
    succeeded = [uid for uid in waiting.succeeded if uid in tracked]
    failed = [uid for uid in waiting.failed if uid in tracked]
    status = msgspec.structs.replace(
        old,
        succeeded=old.succeeded + len(waiting.succeeded) - len(succeeded),
        failed=old.failed + len(waiting.failed) - len(failed),
    )
    known = {*succeeded, *failed}
    indexed = item.spec.completion_mode == "Indexed"
    indexes = Indexes(old.completed_indexes)
    for uid, pod in tracked.items():
        if uid in known or is_active(pod):
            continue
        if pod.status.phase != "Succeeded":
            failed.append(uid)
        elif indexed:
            indexes.add(int(pod.metadata.annotations.get(_INDEX, "0")))
        else:
            succeeded.append(uid)
    if indexed:
        status.succeeded = len(indexes)
        status.completed_indexes = str(indexes)
    status.uncounted_terminated_pods = UncountedTerminatedPods(
        succeeded=succeeded, failed=failed
    )
    return status, [pod for pod in tracked.values() if not is_active(pod)]


def untracked(item: ApiObject) -> ApiObject | None:
    """Return the object without the finalizer; None if it has none."""
    meta = item.metadata
    if TRACKING not in meta.finalizers:
        return None
    left = [finalizer for finalizer in meta.finalizers if finalizer != TRACKING]
    return msgspec.structs.replace(
        item, metadata=msgspec.structs.replace(meta, finalizers=left)
    )

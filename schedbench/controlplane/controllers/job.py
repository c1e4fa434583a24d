"""Job: runs pods until enough have finished.

Source: kubernetes.io/docs/concepts/workloads/controllers/job and
kubernetes/kubernetes pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.base import Sync
from schedbench.controlplane.controllers.job_tracking import (
    TRACKING,
    Indexes,
    count,
    untracked,
)
from schedbench.controlplane.controllers.owned import (
    controller_of,
    is_active,
    is_ready,
    restarts,
)
from schedbench.controlplane.controllers.pods import BURST, PodController, pod_of
from schedbench.controlplane.controllers.times import to_seconds, to_text
from schedbench.controlplane.controllers.workload import Steps, first_error
from schedbench.objects.controllers import (
    Condition,
    Job,
    JobStatus,
    UncountedTerminatedPods,
)
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod

INDEX = "batch.kubernetes.io/job-completion-index"
JOB_NAME = "batch.kubernetes.io/job-name"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
BATCH = 1.0
"""Seconds for which changes of pods are gathered (`syncJobBatchPeriod`)."""
BACKOFF, BACKOFF_MAXIMUM = 10.0, 600.0
"""Seconds before a failed pod is replaced: doubled each time, ten minutes at most.

Source: DefaultJobPodFailureBackOff and MaxJobPodFailureBackOff; the page says six.
"""
ORPHAN = "orphan pod "
"""Begins the keys of pods whose job is gone."""
BACKOFF_LIMIT = 6
"""Default of `backoffLimit`."""


def finished(job: Job) -> str | None:
    """Return `Complete` or `Failed`, or None if the job goes on."""
    for condition in job.status.conditions:
        if condition.type in {"Complete", "Failed"} and condition.status == "True":
            return condition.type
    return None


class JobController(PodController):
    """Makes pods until as many as wanted have succeeded, or too many have failed.

    Workers: `--concurrent-job-syncs`, 5.
    """

    name: ClassVar[str] = "job-controller"
    kind: ClassVar[str] = "Job"
    workers: ClassVar[int] = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._failures: dict[str, tuple[int, float]] = {}
        self._noted: dict[str, set[str]] = {}

    def selects(self, item: Any, labels: dict[str, str]) -> bool:
        """Return whether the selector, or else the job's uid, selects labels."""
        if item.spec.selector is None:
            return bool(labels.get(CONTROLLER_UID) == item.metadata.uid)
        return super().selects(item, labels)

    def object_changed(self, event: WatchEvent) -> None:
        """Have a job reconciled; of one that is gone, have its pods let go."""
        if event.type == "DELETED":
            for pod in self.children.of(event.object.metadata.uid or "").items.values():
                self._let_go(pod)
        super().object_changed(event)

    def pod_seen(self, owner: str, event: WatchEvent) -> None:
        """Have the job reconciled soon, together with what else happens until then."""
        pod = event.object
        if pod.metadata.deletion_timestamp is not None and not self._is_counted(pod):
            self._let_go(pod)
        self.queue.add_after(owner, BATCH)

    def _is_counted(self, pod: ApiObject) -> bool:
        """Return whether a pod's job is there, and so will let go of it."""
        reference = controller_of(pod)
        if reference is None:
            return False
        job = self.objects.get(pod.metadata.namespace, reference.name)
        return job is not None and job.metadata.uid == reference.uid

    def _let_go(self, pod: ApiObject) -> None:
        if TRACKING in pod.metadata.finalizers:
            self.queue.add(ORPHAN + pod.key)

    def _sync_orphan(self, key: str) -> Sync:
        """Free a pod that no job counts (`syncOrphanPod`)."""
        pod = self.children_informer.store.get(key)
        if not isinstance(pod, Pod) or self._is_counted(pod):
            return None
        return (yield from self._untrack([pod]))

    def reconcile(self, key: str) -> Sync:
        """Count what has finished, judge the job, make or delete pods, report."""
        if key.startswith(ORPHAN):
            return (yield from self._sync_orphan(key.removeprefix(ORPHAN)))
        item: Any = self.objects.store.get(key)
        if item is None:
            self._failures.pop(key, None)
            self._noted.pop(key, None)
            return None
        needed = self.expectations.satisfied(key)
        settled, error = yield from self.claim(item)
        if not settled:
            return error
        pods: list[Pod] = list(self.children.of(item.metadata.uid).items.values())
        if finished(item) is not None:
            held = [pod for pod in pods if TRACKING in pod.metadata.finalizers]
            return (yield from self._untrack(held))
        status, tracked = count(item, pods)
        self._note(key, item, status)
        indexes = Indexes(status.completed_indexes)
        active = [pod for pod in pods if is_active(pod)]
        now = to_text(self.wall)
        status.start_time = item.status.start_time
        if item.spec.suspend:
            status.start_time = None
        elif status.start_time is None:
            status.start_time = now
        verdict = self._verdict(key, item, status, active)
        if verdict is not None or item.spec.suspend:
            error = yield from self._delete_active(key, active)
        elif needed and item.metadata.deletion_timestamp is None:
            error = yield from self._manage(key, item, status, active, indexes)
        status.active = len(active) if verdict is None and not item.spec.suspend else 0
        status.ready = sum(map(is_ready, active)) if status.active else 0
        status.conditions = _conditions(item, verdict, now)
        if verdict is not None:
            _settle(status)
        if verdict == ("Complete", None):
            status.completion_time = now
        failed = yield from self.write_status(item, status)
        if failed is None:
            failed = yield from self._untrack(tracked)
        return error or failed

    def _verdict(
        self, key: str, item: Job, status: JobStatus, active: list[Pod]
    ) -> tuple[str, str | None] | None:
        """Return how the job ended, and for which reason; None if it has not."""
        spec = item.spec
        limit = BACKOFF_LIMIT if spec.backoff_limit is None else spec.backoff_limit
        failed = status.failed + len(status.uncounted_terminated_pods.failed)
        if failed > limit or _restarts(item, active) >= max(limit, 1):
            return "Failed", "BackoffLimitExceeded"
        if spec.active_deadline_seconds is not None and status.start_time is not None:
            end = to_seconds(status.start_time) + spec.active_deadline_seconds
            if self.wall >= end:
                return "Failed", "DeadlineExceeded"
            self.queue.add_after(key, end - self.wall)
        succeeded = status.succeeded + len(status.uncounted_terminated_pods.succeeded)
        if spec.completions is None:
            done = succeeded > 0 and not active
        else:
            done = succeeded >= spec.completions
        return ("Complete", None) if done else None

    def _manage(
        self,
        key: str,
        item: Job,
        status: JobStatus,
        active: list[Pod],
        indexes: Indexes,
    ) -> Steps:
        """Make or delete pods until as many run at once as wanted."""
        spec = item.spec
        wanted = 1 if spec.parallelism is None else spec.parallelism
        succeeded = status.succeeded + len(status.uncounted_terminated_pods.succeeded)
        if spec.completions is not None:
            wanted = min(wanted, spec.completions - succeeded)
        elif succeeded:
            wanted = min(wanted, len(active))
        missing = wanted - len(active)
        if missing < 0:
            order = sorted(active, key=lambda p: (is_ready(p), bool(p.spec.node_name)))
            return (yield from self.delete_pods(key, order[: min(-missing, BURST)]))
        if missing == 0:
            return None
        wait = self._backoff(key)
        if wait > 0:
            self.queue.add_after(key, wait)
            return None
        missing = min(missing, BURST)
        if spec.completion_mode != "Indexed":
            made = [_pod_of(item)] * missing
        else:
            taken = {pod.metadata.annotations.get(INDEX) for pod in active}
            free = (
                index
                for index in range(spec.completions or 0)
                if index not in indexes and str(index) not in taken
            )
            made = [_pod_of(item, index) for index in itertools.islice(free, missing)]
        return (yield from self.create_pods(key, made))

    def _delete_active(self, key: str, active: list[Pod]) -> Steps:
        if not active:
            return None
        return (yield from self.delete_pods(key, active))

    def delete_pods(self, key: str, pods: Sequence[Pod]) -> Steps:
        """Delete pods that do not count: they lose their finalizer first."""
        error = yield from self._untrack(pods)
        if error is not None:
            return error
        return (yield from super().delete_pods(key, pods))

    def _untrack(self, pods: Sequence[Pod]) -> Steps:
        answers = yield [self._patch(pod, untracked) for pod in pods[:BURST]]
        return first_error(answers, but=("NotFound",))

    def _note(self, key: str, item: Job, status: JobStatus) -> None:
        """Note new failures, and forget them at a success, for the backoff."""
        new, noted = status.uncounted_terminated_pods, self._noted.get(key, set())
        old = item.status.uncounted_terminated_pods
        fresh = {*new.succeeded, *new.failed} - {*old.succeeded, *old.failed} - noted
        self._noted[key] = {*new.succeeded, *new.failed}
        if fresh.intersection(new.succeeded):
            self._failures.pop(key, None)
        failed = len(fresh.intersection(new.failed))
        if failed:
            before, _ = self._failures.get(key, (0, 0.0))
            self._failures[key] = (before + failed, self.clock.now)

    def _backoff(self, key: str) -> float:
        """Return how many seconds no pod is to be made."""
        failures, last = self._failures.get(key, (0, 0.0))
        if not failures:
            return 0.0
        wait = min(BACKOFF * 2.0 ** min(failures - 1, 32), BACKOFF_MAXIMUM)
        return max(0.0, last + wait - self.clock.now)


def _restarts(item: Job, active: list[Pod]) -> int:
    """Return how often containers were restarted in place, which counts as retries."""
    template = item.spec.template
    if template is None or template.spec.restart_policy != "OnFailure":
        return 0
    return sum(map(restarts, active))


def _settle(status: JobStatus) -> None:
    """Turn the uids into numbers: a finished job counts no more."""
    uncounted = status.uncounted_terminated_pods
    status.succeeded += len(uncounted.succeeded)
    status.failed += len(uncounted.failed)
    status.uncounted_terminated_pods = UncountedTerminatedPods()


def _pod_of(item: Job, index: int | None = None) -> Pod:
    template = item.spec.template
    assert template is not None
    labels = {
        CONTROLLER_UID: item.metadata.uid or "",
        JOB_NAME: item.metadata.name,
    }
    notes = {}
    if index is not None:
        labels[INDEX] = notes[INDEX] = str(index)
    pod = pod_of(template, item, labels=labels, annotations=notes)
    if index is not None:
        pod.metadata.generate_name = f"{item.metadata.name}-{index}-"
    pod.metadata.finalizers.append(TRACKING)
    return pod


def _conditions(
    item: Job, verdict: tuple[str, str | None] | None, now: str
) -> list[Condition]:
    conditions = [c for c in item.status.conditions if c.type != "Suspended"]
    suspended = [c for c in item.status.conditions if c.type == "Suspended"]
    state = "True" if item.spec.suspend else "False"
    if suspended and suspended[0].status == state:
        conditions += suspended
    elif suspended or item.spec.suspend:
        reason = "JobSuspended" if item.spec.suspend else "JobResumed"
        conditions.append(
            Condition(
                type="Suspended", status=state, reason=reason, last_transition_time=now
            )
        )
    if verdict is not None:
        kind, reason_or_none = verdict
        conditions.append(
            Condition(
                type=kind,
                status="True",
                reason=reason_or_none,
                last_transition_time=now,
            )
        )
    return [msgspec.structs.replace(c) for c in conditions]

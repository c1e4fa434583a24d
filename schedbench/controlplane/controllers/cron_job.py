"""CronJob: makes jobs at set times, in UTC or the time zone that it names.

Source: kubernetes.io/docs/concepts/workloads/controllers/cron-jobs and
kubernetes/kubernetes pkg/controller/cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from schedbench.controlplane.controllers.base import Call, Sync
from schedbench.controlplane.controllers.cron_schedule import Schedule, parse
from schedbench.controlplane.controllers.job import finished
from schedbench.controlplane.controllers.times import EPOCH, to_seconds, to_text
from schedbench.controlplane.controllers.workload import (
    Steps,
    WorkloadController,
    first_error,
    owner_reference,
)
from schedbench.objects.controllers import CronJob, CronJobStatus, Job
from schedbench.objects.meta import ObjectMeta, ObjectReference

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
SUCCESSFUL = 3
"""Default of `successfulJobsHistoryLimit`."""
FAILED = 1
"""Default of `failedJobsHistoryLimit`."""


class CronJobController(WorkloadController):
    """Makes a job when one is due, and sleeps until the next.

    Workers: `--concurrent-cron-job-syncs`, 5.
    """

    name: ClassVar[str] = "cronjob-controller"
    kind: ClassVar[str] = "CronJob"
    child: ClassVar[str] = "Job"
    workers: ClassVar[int] = 5

    def selects(self, item: Any, labels: dict[str, str]) -> bool:
        """Return False: a cron job has no selector and adopts nothing."""
        del item, labels
        return False

    def reconcile(self, key: str) -> Sync:
        """Tidy up finished jobs, make the one that is due, and report."""
        item: Any = self.objects.store.get(key)
        if item is None:
            return None
        jobs = sorted(
            self.children.of(item.metadata.uid).items.values(),
            key=lambda job: (
                to_seconds(job.metadata.creation_timestamp or "0"),
                job.key,
            ),
        )
        status = _status(item, jobs)
        error = yield from self._tidy(item, jobs)
        if item.metadata.deletion_timestamp is None and not item.spec.suspend:
            failed = yield from self._run(key, item, status)
            error = error or failed
        failed = yield from self.write_status(item, status)
        return error or failed

    def _run(self, key: str, item: CronJob, status: CronJobStatus) -> Steps:
        schedule, zone = parse(item.spec.schedule), _zone(item.spec.time_zone)
        if zone is None:
            return None
        now = EPOCH + dt.timedelta(seconds=self.wall)
        due, coming = self._due(item, schedule, zone, now)
        if coming is not None:
            seconds = (coming - EPOCH).total_seconds()
            self.queue.add_after(key, max(0.0, seconds - self.wall))
        if due is None:
            return None
        deadline = item.spec.starting_deadline_seconds
        if deadline is not None and due + dt.timedelta(seconds=deadline) < now:
            return None
        policy = item.spec.concurrency_policy
        if policy == "Forbid" and status.active:
            return None
        if policy == "Replace" and status.active:
            answers = yield [self._delete(item, each.name) for each in status.active]
            error = first_error(answers, but=("NotFound",))
            if error is not None:
                return error
            status.active = []
        made = _job_of(item, due)
        answers = yield [self.call(self.api.create, made)]
        error = first_error(answers, but=("AlreadyExists",))
        if error is None:
            job = answers[0].object or made
            status.active = [*status.active, _reference(job)]
            status.last_schedule_time = made.metadata.annotations[SCHEDULED_AT]
        return error

    def _due(
        self, item: CronJob, schedule: Schedule, zone: dt.tzinfo, now: dt.datetime
    ) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Return the latest time that is due and has no job, and the next to come.

        However many were missed the latest is due: `nextScheduleTime` in
        pkg/controller/cronjob/utils.go warns of more than 100, and goes on.
        """
        since = item.status.last_schedule_time or item.metadata.creation_timestamp
        earliest = EPOCH + dt.timedelta(seconds=to_seconds(since or "0"))
        deadline = item.spec.starting_deadline_seconds
        if deadline is not None:
            earliest = max(earliest, now - dt.timedelta(seconds=deadline))
        due = None
        coming = _next(schedule, zone, earliest)
        while coming is not None and coming <= now:
            due, coming = coming, _next(schedule, zone, coming)
        return due, coming

    def _tidy(self, item: CronJob, jobs: list[Any]) -> Steps:
        """Delete the oldest finished jobs beyond the limits."""
        calls: list[Call] = []
        for state, given, default in (
            ("Complete", item.spec.successful_jobs_history_limit, SUCCESSFUL),
            ("Failed", item.spec.failed_jobs_history_limit, FAILED),
        ):
            limit = default if given is None else given
            done = [job for job in jobs if finished(job) == state]
            calls += [
                self._delete(item, job.metadata.name)
                for job in done[: max(0, len(done) - limit)]
                if job.metadata.deletion_timestamp is None
            ]
        answers = yield calls
        return first_error(answers, but=("NotFound",))

    def _delete(self, item: CronJob, name: str) -> Call:
        return self.call(self.api.delete, "Job", item.metadata.namespace, name)


def _zone(name: str | None) -> dt.tzinfo | None:
    """Return a time zone; None if there is none of the name."""
    try:
        return ZoneInfo(name) if name else dt.UTC
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _next(
    schedule: Schedule, zone: dt.tzinfo, after: dt.datetime
) -> dt.datetime | None:
    found = schedule.next(after.astimezone(zone))
    return None if found is None else found.astimezone(dt.UTC)


def _status(item: CronJob, jobs: list[Any]) -> CronJobStatus:
    succeeded = [
        job.status.completion_time for job in jobs if job.status.completion_time
    ]
    times = [*succeeded, item.status.last_successful_time]
    return CronJobStatus(
        active=[_reference(job) for job in jobs if finished(job) is None],
        last_schedule_time=item.status.last_schedule_time,
        last_successful_time=max(filter(None, times), key=to_seconds, default=None),
    )


def _reference(job: Any) -> ObjectReference:
    meta = job.metadata
    return ObjectReference(
        kind="Job", namespace=meta.namespace, name=meta.name, uid=meta.uid
    )


def _job_of(item: CronJob, due: dt.datetime) -> Job:
    """Return the job of a time; its name tells the minute, so that there is but one."""
    template = item.spec.job_template
    meta = template.metadata
    at = to_text((due - EPOCH).total_seconds())
    return Job(
        metadata=ObjectMeta(
            name=f"{item.metadata.name}-{int(due.timestamp()) // 60}",
            namespace=item.metadata.namespace,
            labels=dict(meta.labels),
            annotations=meta.annotations | {SCHEDULED_AT: at},
            owner_references=[owner_reference(item)],
        ),
        spec=msgspec.structs.replace(template.spec),
    )

"""Job: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from typing import Any

import pytest
from controller_cases import World, meta, template

from schedbench.controlplane.controllers.job import INDEX, JobController, finished
from schedbench.controlplane.controllers.job_tracking import Indexes
from schedbench.controlplane.controllers.ttl_after_finished import (
    TTLAfterFinishedController,
)
from schedbench.objects.controllers import Job, JobSpec


def world(**spec: Any) -> World:
    made = World(JobController, TTLAfterFinishedController)
    pods = template(restart_policy="Never")
    made.create(Job(metadata=meta("job"), spec=JobSpec(template=pods, **spec)))
    made.settle()
    return made


def job(made: World) -> Any:
    return made.get("Job", "job")


def end(made: World, phase: str = "Succeeded", count: int = 1000) -> None:
    for pod in made.active()[:count]:
        made.set_pod(pod, phase)
    made.settle(5)


def reason(made: World) -> str | None:
    return job(made).status.conditions[-1].reason


def test_a_job_without_numbers_needs_one_success():
    """Completions and parallelism default to 1."""
    made = world(parallelism=1, completions=1)
    first = len(made.pods())
    end(made)

    assert first == 1
    assert finished(job(made)) == "Complete"
    assert job(made).status.completion_time is not None


def test_fixed_completion_count():
    """No more than `parallelism` run at once, and no more than are still needed."""
    made = world(parallelism=3, completions=5)
    seen = []
    while finished(job(made)) is None:
        seen.append(len(made.active()))
        end(made)

    assert seen == [3, 2]
    assert (job(made).status.succeeded, job(made).status.active) == (5, 0)


def test_work_queue():
    """Without completions one success lets no new pod start; all must end."""
    made = world(parallelism=3)
    end(made, count=1)
    going = (len(made.active()), finished(job(made)))
    end(made)

    assert going == (2, None)
    assert finished(job(made)) == "Complete"


def test_indexed_jobs_need_each_index_once():
    """Pods get the indexes 0 to completions-1; a failed one's index comes again."""
    made = world(parallelism=2, completions=3, completion_mode="Indexed")
    first = sorted(pod.metadata.annotations[INDEX] for pod in made.active())
    made.set_pod(made.active()[0], "Failed")
    made.settle(15)
    again = sorted(pod.metadata.annotations[INDEX] for pod in made.active())
    while finished(job(made)) is None:
        end(made)

    assert (first, again) == (["0", "1"], ["0", "1"])
    assert job(made).status.completed_indexes == "0-2"


def test_indexes_as_text():
    """Completed indexes are written as ranges."""
    indexes = Indexes("1,3-5")
    indexes.add(2)
    indexes.add(9)

    assert str(indexes) == "1-5,9"


def test_failed_pods_are_replaced_with_exponential_backoff():
    """Failed pods are recreated after 10 s, 20 s, 40 s, …"""
    made = world(parallelism=1, completions=1)
    waits = []
    for _ in range(3):
        made.set_pod(made.active()[0], "Failed")
        begun = made.clock.now
        while not made.active():
            made.settle(0.5)
        waits.append(made.clock.now - begun)

    assert [round(wait / 10) for wait in waits] == [1, 2, 4]


def test_backoff_limit():
    """More failures than `backoffLimit` make the job fail, and end its pods."""
    made = world(parallelism=3, completions=3, backoff_limit=1)
    end(made, "Failed", 2)

    assert (finished(job(made)), reason(made)) == ("Failed", "BackoffLimitExceeded")
    assert made.active() == []


def test_backoff_limit_is_six_by_default():
    """`backoffLimit` is 6 by default."""
    made = world(parallelism=7, completions=7)
    end(made, "Failed", 6)
    six = finished(job(made))
    end(made, "Failed", 1)

    assert (six, finished(job(made))) == (None, "Failed")


@pytest.mark.parametrize(("limit", "survives"), [(0, 0), (1, 0), (3, 2)])
def test_restarts_in_place_are_retries(limit, survives):
    """With restartPolicy OnFailure the containers' restarts count, up to the limit."""
    made = World(JobController)
    spec = JobSpec(template=template(restart_policy="OnFailure"), backoff_limit=limit)
    made.create(Job(metadata=meta("job"), spec=spec))
    made.settle()
    seen = []
    for restarts in range(4):
        if made.active():
            made.restarted(made.active()[0], restarts)
            made.settle(5)
        seen.append(finished(job(made)))

    assert seen.count(None) == survives + 1
    assert reason(made) == "BackoffLimitExceeded"


def test_active_deadline():
    """After `activeDeadlineSeconds` all pods are terminated and the job has failed."""
    made = world(active_deadline_seconds=30, parallelism=2, completions=2)
    made.settle(28)
    early = finished(job(made))
    made.settle(5)

    assert early is None
    assert (finished(job(made)), reason(made)) == ("Failed", "DeadlineExceeded")
    assert made.active() == []


def test_suspended_jobs_have_no_pods():
    """Suspending terminates pods, which do not count; resuming makes them anew."""
    made = world(parallelism=2, completions=2, backoff_limit=0)
    made.change(job(made), suspend=True)
    made.settle(5)
    suspended = (len(made.active()), job(made).status.start_time, finished(job(made)))
    made.change(job(made), suspend=False)
    made.settle(5)

    assert suspended == (0, None, None)
    assert len(made.active()) == 2
    assert job(made).status.start_time is not None


def test_a_deleted_pod_counts_as_failed():
    """A pod that is deleted before it has finished counts as failed."""
    made = world(parallelism=1, completions=1)
    made.gone(made.active()[0])
    made.settle(5)

    assert job(made).status.failed == 1


def test_each_finished_pod_is_counted_once():
    """A finished pod that is deleted stays counted."""
    made = world(parallelism=1, completions=2)
    pod = made.active()[0]
    made.set_pod(pod, "Succeeded")
    made.gone(pod)
    made.settle(5)
    counted = (job(made).status.succeeded, made.get("Pod", pod.metadata.name))
    end(made)

    assert counted == (1, None)
    assert job(made).status.succeeded == 2


def test_finished_jobs_are_deleted_after_their_time():
    """A finished job is deleted `ttlSecondsAfterFinished` later."""
    made = world(parallelism=1, completions=1, ttl_seconds_after_finished=100)
    end(made)
    made.settle(80)
    kept = job(made) is not None
    made.settle(30)

    assert kept
    assert job(made) is None


def test_a_finished_job_makes_no_calls():
    """When there is nothing to do, nothing is done."""
    made = world(parallelism=1, completions=1)
    end(made)
    before = len(made.api.calls)
    made.settle(1000)

    assert len(made.api.calls) == before


@pytest.mark.parametrize("again", [False, True])
def test_pods_of_a_deleted_job_lose_their_finalizer(again: bool):
    """Nobody counts them any more, be there a new job of the name or not."""
    made = world(parallelism=2, completions=2)
    first = made.active()
    made.api.delete("Job", "ns", job(made).metadata.name)
    if again:
        made.create(Job(metadata=meta("job"), spec=JobSpec(template=template())))
    for pod in first:
        made.gone(pod)
    made.settle(5)
    left = {pod.metadata.uid for pod in made.pods()}

    assert not left & {pod.metadata.uid for pod in first}

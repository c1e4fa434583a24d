"""CronJob: what its page at kubernetes.io/docs says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from controller_cases import World, meta, template
from hypothesis import given
from hypothesis import strategies as st

from schedbench.controlplane.controllers.cron_job import CronJobController
from schedbench.controlplane.controllers.cron_schedule import parse
from schedbench.controlplane.controllers.job import JobController
from schedbench.errors import InputError
from schedbench.objects.controllers import (
    CronJob,
    CronJobSpec,
    JobSpec,
    JobTemplateSpec,
)

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MINUTE = 60.0


def world(schedule: str = "*/5 * * * *", **spec: Any) -> World:
    made = World(CronJobController, JobController)
    pods = JobSpec(parallelism=1, completions=1, template=template())
    made.create(
        CronJob(
            metadata=meta("cron"),
            spec=CronJobSpec(
                schedule=schedule, job_template=JobTemplateSpec(spec=pods), **spec
            ),
        )
    )
    made.settle()
    return made


def jobs(made: World) -> list[str]:
    return [each.metadata.name for each in made.api.of("Job")]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * *", "2026-01-01T00:15"),
        ("30 6 * * *", "2026-01-01T06:30"),
        ("0 3 * * 1", "2026-01-05T03:00"),
        ("0 0 13 * 5", "2026-01-02T00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 9-17/4 * mar mon-fri", "2026-03-02T09:00"),
        ("0 0 * * 7", "2026-01-04T00:00"),
        ("@monthly", "2026-02-01T00:00"),
        ("5,10 2 * * *", "2026-01-01T02:05"),
    ],
)
def test_next_time(schedule: str, expected: str):
    """Minute, hour, day, month, weekday: either day holds if both are given."""
    found = parse(schedule).next(START)

    assert found == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


def test_a_day_that_never_comes():
    """The 31st of February has no next time."""
    assert parse("0 0 31 2 *").next(START) is None


@pytest.mark.parametrize(
    "text", ["* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *"]
)
def test_wrong_schedules(text: str):
    """What is no schedule is refused."""
    with pytest.raises(InputError):
        parse(text)


@given(
    st.integers(0, 59), st.integers(0, 23), st.integers(1, 28), st.integers(0, 10**7)
)
def test_next_is_the_first_match(minute: int, hour: int, day: int, seconds: int):
    """The next time matches all fields, and is at most 31 days away."""
    after = START + dt.timedelta(seconds=seconds)
    found = parse(f"{minute} {hour} {day} * *").next(after)

    assert found is not None
    assert (found.minute, found.hour, found.day) == (minute, hour, day)
    assert dt.timedelta(0) < found - after <= dt.timedelta(days=31)


def test_jobs_are_made_when_they_are_due():
    """A job is made at each time of the schedule, named after it."""
    made = world()
    made.settle(4.9 * MINUTE)
    early = jobs(made)
    made.settle(6 * MINUTE)
    base = int(START.timestamp()) // 60

    assert early == []
    assert jobs(made) == [f"cron-{base + 5}", f"cron-{base + 10}"]


def test_the_schedule_is_in_the_time_zone_that_is_named():
    """Nine in the morning in New York is 14:00 UTC in winter and 13:00 in summer."""
    made = world("0 9 * * *", time_zone="America/New_York")
    made.settle(13.9 * 60 * MINUTE)
    early = jobs(made)
    made.settle(0.2 * 60 * MINUTE)
    winter = jobs(made)
    made.settle((100 * 24 - 0.6) * 60 * MINUTE)

    base = int(START.timestamp()) // 60
    assert (early, winter) == ([], [f"cron-{base + 14 * 60}"])
    assert jobs(made)[-1] == f"cron-{base + (100 * 24 + 13) * 60}"


def test_an_unknown_time_zone_makes_no_jobs():
    """A cron job whose zone nobody knows is left alone."""
    made = world(time_zone="Nowhere/At_All")
    made.settle(20 * MINUTE)

    assert jobs(made) == []


def test_nothing_happens_between():
    """The next time is computed: between two times nothing is done."""
    made = world("0 0 1 * *")
    before = made.clock.events
    made.settle(86_400)

    assert made.clock.events == before


def test_forbid_skips_while_a_job_runs():
    """Forbid: a new job is not made while the last has not finished."""
    made = world(concurrency_policy="Forbid")
    made.settle(16 * MINUTE)

    assert len(jobs(made)) == 1


def test_allow_is_the_default():
    """Allow, the default: jobs run concurrently."""
    made = world()
    made.settle(16 * MINUTE)

    assert len(made.get("CronJob", "cron").status.active) == 3


def test_replace_deletes_the_running_job():
    """Replace: the running job is replaced by a new one."""
    made = world(concurrency_policy="Replace")
    made.settle(11 * MINUTE)
    base = int(START.timestamp()) // 60

    assert jobs(made) == [f"cron-{base + 10}"]


def test_suspended_cron_jobs_make_none_until_they_are_resumed():
    """While suspended nothing is made; then the latest missed one is."""
    made = world(suspend=True)
    made.settle(22 * MINUTE)
    suspended = jobs(made)
    made.change(made.get("CronJob", "cron"), suspend=False)
    made.settle(MINUTE)

    assert suspended == []
    assert len(jobs(made)) == 1


def test_a_hundred_missed_times_do_not_stop_a_cron_job():
    """After more than 100 missed times the latest is started all the same.

    The documentation says that none is; nextScheduleTime in
    pkg/controller/cronjob/utils.go only warns.
    """
    made = world(suspend=True)
    made.settle(101 * 5 * MINUTE + MINUTE)
    made.change(made.get("CronJob", "cron"), suspend=False)
    made.settle(MINUTE)
    base = int(START.timestamp()) // 60

    assert jobs(made) == [f"cron-{base + 505}"]


def test_missed_times_beyond_the_starting_deadline_are_skipped():
    """A job that is later than `startingDeadlineSeconds` is skipped."""
    made = world(suspend=True, starting_deadline_seconds=60)
    made.settle(22 * MINUTE)
    made.change(made.get("CronJob", "cron"), suspend=False)
    made.settle(MINUTE)
    late = jobs(made)
    made.settle(3 * MINUTE)

    assert (late, len(jobs(made))) == ([], 1)


def test_history_limits():
    """Three successful and one failed job are kept by default."""
    made = world()
    for number in range(10):
        made.settle(5 * MINUTE)
        for pod in made.active():
            made.set_pod(pod, "Succeeded" if number % 2 else "Failed")
        for each in made.api.of("Job"):
            if number % 2 == 0:
                made.change(each, backoff_limit=0)
        made.settle(3)
    ends = [j.status.conditions[-1].type for j in made.api.of("Job")]

    assert (ends.count("Complete"), ends.count("Failed")) == (3, 1)


def test_status_tells_when_the_last_was_due():
    """The status tells the time of the last job, and which are active."""
    made = world()
    made.settle(6 * MINUTE)
    status = made.get("CronJob", "cron").status

    assert status.last_schedule_time == "2026-01-01T00:05:00Z"
    assert len(status.active) == 1

"""A process that measures: what happens when it dies or hangs."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from benchmarks import worker
from benchmarks.measure import Generated, Job, Measured, measure
from benchmarks.worker import Worker


def job(name: str, timeout: float | None = None, **fields: object) -> Job:
    """Return a job on a tiny cluster."""
    return Job("s", name, Generated("basic", {"nodes": 4, "pods": 8}), timeout=timeout)


def played(what: Job) -> Measured:
    """Do as the job's name says."""
    if what.name == "die":
        os._exit(9)
    if what.name == "hang":
        time.sleep(60)
    return msgspec.structs.replace(Measured.of(what, "done"), digest=str(os.getpid()))


def test_a_dead_process_loses_one_job():
    """The job at which it died has failed; the next is done by another process."""
    with Worker(played) as at:
        first, died, last = at(job("a")), at(job("die")), at(job("b"))

    assert (first.status, died.status, last.status) == ("done", "failed", "done")
    assert "died" in died.error
    assert first.digest != last.digest


def test_a_process_that_hangs_is_ended(monkeypatch):
    """A job that goes on beyond its limit is given up, and the next one done."""
    monkeypatch.setattr(worker, "GRACE", 0.1)
    with Worker(played) as at:
        at(job("a"))
        late, last = at(job("hang", timeout=0.1)), at(job("b"))

    assert (late.status, last.status) == ("timeout", "done")


def test_a_broken_workload_is_a_failed_measurement():
    """What is raised stands in the measurement; nothing is raised to the caller."""
    found = measure(Job("s", "n", Generated("no_such_case", {})))

    assert found.status == "failed"
    assert "no_such_case" in found.error


@pytest.mark.slow
def test_a_measurement_says_what_was_decided():
    """Replays after the first are counted, and decide on every pod."""
    source = Generated("churning", {"nodes": 4, "pods": 40, "classes": 3, "on_each": 2})
    found = measure(Job("s", "n", source, repeats=2, evaluates=True, first=10))

    assert (found.status, found.nodes, found.classes) == ("done", 4, 3)
    assert found.decisions == 40
    assert len(found.rates) == 2
    assert found.first_digest != found.digest
    assert set(found.stages) == {"build", "encode", "load", "replay", "evaluate"}


@pytest.mark.slow
def test_preempting_pods_are_counted():
    """Every high-priority pod displaces somebody, and that is what is timed."""
    source = Generated("preemption", {"nodes": 4, "pods": 2})
    found = measure(Job("s", "n", source, evaluates=True))

    assert found.status == "done", found.error
    assert found.decisions == 4
    assert found.preemptions_per_second == pytest.approx(found.rates[0] / 2)

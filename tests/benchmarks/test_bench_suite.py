"""Which workloads the suite has, and which of them are checked by `scan`."""

from __future__ import annotations

import pytest
from bench_cases import measured

from benchmarks import suite, targets
from benchmarks.plan import FULL, QUICK
from schedbench.errors import InputError


@pytest.fixture(scope="module")
def folder(shared):
    """The configurations of scheduler_perf."""
    return shared / "scheduler_perf"


def test_the_suite_is_what_upstream_labels_performance(folder):
    """All of them, each under a name of its own."""
    names = [suite.name(ref) for ref in suite.load(folder, FULL)]

    assert len(names) == 204
    assert len(set(names)) == len(names)


def test_patterns_choose_workloads(folder):
    """A pattern is of case and name; one that fits nothing is refused."""
    found = suite.load(folder, FULL, ["SchedulingBasic/*10000Pods"])

    assert [ref.name for ref in found] == ["SchedulingBasic/5000Nodes_10000Pods"]
    with pytest.raises(InputError, match="fits"):
        suite.load(folder, FULL, ["SchedulingBasics/*"])


def test_every_case_is_warmed_up_once(folder):
    """A small workload of each case that has one comes before the suite."""
    jobs = list(suite.smallest(suite.load(folder, FULL), folder))
    cases = [(job.source.path, job.source.case) for job in jobs]

    assert len(set(cases)) == len(cases) > 30
    assert not any("performance" in job.source.labels for job in jobs)


def test_scan_checks_what_auto_ended(folder):
    """A workload that took too long is not scanned; the others are, sampled or not."""
    jobs = list(suite.jobs(suite.load(folder, QUICK), QUICK, "adaptive"))
    done = [
        measured("suite", job.name, scoring="adaptive", status=status)
        for job, status in zip(jobs, ["timeout", *["done"] * 9], strict=False)
    ]
    checks = list(suite.checks(QUICK, jobs, done))

    assert [job.name for job in checks] == [job.name for job in jobs[1:]]
    assert {(job.engine, job.scoring) for job in checks} == {("scan", "adaptive")}


def test_a_workload_knows_a_thousand_times_its_threshold(folder):
    """The goal is upstream's threshold a thousand times, the topic its folder."""
    (ref,) = suite.load(folder, FULL, ["SchedulingBasic/5000Nodes_10000Pods"])
    found = suite.described(measured("suite"), ref, folder)

    assert (found.goal, found.topic) == (680_000, "misc")


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_every_figure_is_measured_and_generated_ones_are_scanned(folder, plan):
    """Each kind of pod has its jobs; of the largest a scan gets the first pods."""
    jobs = list(targets.jobs(folder, plan))
    checks = list(targets.checks(folder, plan))
    largest = {job.engine: job for job in (*jobs, *checks) if job.name == targets.MANY}

    assert {job.name for job in jobs} >= set(targets.CASES)
    assert len(checks) == 5
    assert largest["scan"].source.arguments["pods"] == largest["auto"].first

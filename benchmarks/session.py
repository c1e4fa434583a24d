"""One run of everything: what is measured, in which order and process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import studies, suite, targets
from benchmarks.measure import Job, Measured
from benchmarks.plan import Plan
from benchmarks.results import Results, load_average
from benchmarks.worker import Worker

PARTS = ("suite", "figures", "studies", "check")

SECONDS_UNWRITTEN = 20.0
Tell = Callable[[str], None]


class Session:
    """A run at work; what it has found so far is in `results` and in the folder.

    Parameters
    ----------
    shared
        The folder of scheduler_perf's configurations.
    folder
        Where results are written after each part, and now and then in between.
    patterns
        Workloads of the suite to play; none = all of it.
    """

    def __init__(
        self,
        plan: Plan,
        shared: Path,
        folder: Path,
        results: Results,
        tell: Tell,
        patterns: Sequence[str] = (),
    ) -> None:
        self.plan, self.shared, self.folder = plan, shared, folder
        self.results, self.tell = results, tell
        self.refs = suite.load(shared, plan, patterns)
        self._whole = not patterns
        self._played: list[Job] = []
        self._written = time.monotonic()

    def run(self, parts: Iterable[str], worker: Worker) -> None:
        """Measure some of `PARTS`."""
        chosen = set(parts)
        with worker:
            if chosen - {"studies"}:
                self._warm_up(worker)
            for part in PARTS:
                if part in chosen:
                    with self._kept():
                        getattr(self, f"_{part}")(worker)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """Write the results whatever happens in the body."""
        try:
            yield
        finally:
            self.results.load = [self.results.load[0], load_average()]
            self.results.write(self.folder)

    def _fresh(self, worker: Worker) -> None:
        """Let the next job have a process of its own, if its figures matter."""
        if not self.plan.quick:
            worker.end()

    def _warm_up(self, worker: Worker) -> None:
        """Fill the cache of compiled code, so that no figure contains compiling."""
        started = time.perf_counter()
        self.tell("compiling, or loading compiled code")
        for job in suite.smallest(self.refs, self.shared):
            worker(job)
        self.tell(f"{time.perf_counter() - started:.1f} s: ready")

    def _suite(self, worker: Worker) -> None:
        for scoring in targets.SCORINGS:
            jobs = list(suite.jobs(self.refs, self.plan, scoring))
            start_up = self._started(worker)
            begun = time.perf_counter()
            for number, job in enumerate(jobs, 1):
                found = worker(job)
                ref = self.refs[number - 1]
                self._keep(suite.described(found, ref, self.shared))
                self._report(f"suite, {scoring}", number, len(jobs), found)
            seconds = time.perf_counter() - begun + start_up
            if self._whole:
                self.results.suite_seconds[scoring] = seconds
            self._played += jobs

    def _started(self, worker: Worker) -> float:
        """Return the seconds in which a process starts and ends its first tiny job.

        The smallest workload of every case follows, so that no decision of the suite
        has to load compiled code.
        """
        self._fresh(worker)
        begun, seconds = time.perf_counter(), 0.0
        for job in suite.smallest(self.refs, self.shared):
            worker(job)
            seconds = seconds or time.perf_counter() - begun
        return seconds

    def _figures(self, worker: Worker) -> None:
        self._fresh(worker)
        self._all("figures", targets.jobs(self.shared, self.plan), worker)

    def _studies(self, worker: Worker) -> None:
        for job in studies.against_nodes(self.plan, "auto"):
            self._fresh(worker)  # the peak memory is this size's
            self._all(studies.NODES, [job], worker)
        self._all(studies.NODES, studies.against_nodes(self.plan, "scan"), worker)
        for study in (studies.against_classes, studies.against_pods):
            both = zip(*(study(self.plan, e) for e in ("auto", "scan")), strict=True)
            jobs = [job for pair in both for job in pair]
            self._all(jobs[0].study, jobs, worker)
        self._all(studies.ENGINES, studies.engines(self.plan), worker)

    def _check(self, worker: Worker) -> None:
        jobs = suite.checks(self.plan, self._played, self.results.measured)
        self._all("check by scan", jobs, worker)
        if any(one.study == targets.FIGURES for one in self.results.measured):
            jobs = targets.checks(self.shared, self.plan)
            self._all("check by scan", jobs, worker)

    def _all(self, title: str, jobs: Iterable[Job], worker: Worker) -> None:
        jobs = list(jobs)
        for number, job in enumerate(jobs, 1):
            if (job.name, job.engine) == (targets.MANY, "auto"):
                self._fresh(worker)
            found = worker(job)
            self._keep(found)
            self._report(title, number, len(jobs), found)

    def _keep(self, found: Measured) -> None:
        """Keep a measurement, and now and then write all, should this process die."""
        self.results.measured.append(found)
        if time.monotonic() > self._written + SECONDS_UNWRITTEN:
            self.results.write(self.folder)
            self._written = time.monotonic()

    def _report(self, title: str, number: int, of: int, found: Measured) -> None:
        rate = found.decisions_per_second
        said = f"{rate:,.0f} decisions/s" if rate else found.status
        if found.status == "failed":
            said = f"failed: {found.error.splitlines()[-1] if found.error else ''}"
        self.tell(
            f"{title} {number}/{of}: {found.name} ({found.scoring}, {found.engine}): "
            f"{said}, {found.seconds:.2f} s"
        )

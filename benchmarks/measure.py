"""One measurement: a workload is built, encoded, replayed some times and evaluated.

Times are wall-clock times of this machine. A decision's time is that of the scheduling
call; what the event loop and the queue take beside is in the stage `replay`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from schedbench.errors import NotModelledError, SchedbenchError, TimeLimitError
from schedbench.objects.workload import Workload

if TYPE_CHECKING:
    from schedbench.simulation.replay import Engine

Status = Literal["done", "failed", "timeout", "skipped"]
SEED = 1
GENERATED = "generated"


class Source(Protocol):
    """Where a workload comes from; picklable."""

    def build(self, seed: int) -> Workload:
        """Make the workload."""


@dataclasses.dataclass(frozen=True, slots=True)
class Generated:
    """A workload that `cases.py` makes: the name of the function, and its arguments."""

    case: str
    arguments: Mapping[str, float]

    def build(self, seed: int) -> Workload:
        """Make the workload; it is the same for every seed."""
        from benchmarks import cases

        del seed
        workload: Workload = getattr(cases, self.case)(**self.arguments)
        return workload


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """What to measure.

    Attributes
    ----------
    study, name
        The table of results it belongs to, and its row there.
    scoring
        Which nodes are scored: `all`, or those that upstream's adaptive sampling finds.
    repeats
        How often the workload is replayed, as far as half the time limit suffices; the
        first replay is not counted if there are several, as it loads compiled code and
        touches new memory.
    evaluates
        Whether metrics are computed and the placements validated too.
    first
        Number of binds that get a digest of their own, for a scan of fewer pods.
    timeout
        Seconds of wall time for all of it.
    """

    study: str
    name: str
    source: Source
    scoring: str = "all"
    engine: Engine = "auto"
    repeats: int = 1
    evaluates: bool = False
    first: int | None = None
    timeout: float | None = None

    @property
    def policy(self) -> str:
        """The policy's spec."""
        return POLICIES[self.scoring]


POLICIES = {
    "all": "kube-scheduler",
    "adaptive": "kube-scheduler[percentageOfNodesToScore=0]",
}


class Measured(msgspec.Struct):
    """What came out.

    Attributes
    ----------
    decisions
        Scheduling calls of one replay, successful or not.
    rates
        Decisions a second of each counted replay.
    preemption_rates
        Preemptions decided a second of scheduling; empty if nobody was displaced.
    stages
        Seconds in build, encode, load (of compiled code), replay and evaluate; of
        several replays the median one.
    digest, first_digest
        Hash of all placements, and of the first so many.
    goal
        Decisions a second that a thousand times upstream's own threshold would be.
    topic
        The folder that upstream files the workload under, or `generated`.
    """

    study: str
    name: str
    scoring: str
    engine: str
    status: Status
    error: str = ""
    nodes: int = 0
    pods: int = 0
    classes: int = 0
    decisions: int = 0
    rates: list[float] = []
    preemption_rates: list[float] = []
    stages: dict[str, float] = {}
    peak_rss_bytes: int = 0
    digest: str = ""
    first_digest: str = ""
    goal: float | None = None
    topic: str = ""

    @classmethod
    def of(cls, job: Job, status: Status, error: str = "") -> Measured:
        """Return what a job gave that gave no numbers."""
        made = cls(job.study, job.name, job.scoring, job.engine, status, error)
        if isinstance(job.source, Generated):
            made.topic = GENERATED
        return made

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the measurement among others."""
        return self.study, self.name, self.scoring, self.engine

    @property
    def decisions_per_second(self) -> float | None:
        """The median over the replays; None if none was timed."""
        return statistics.median(self.rates) if self.rates else None

    @property
    def preemptions_per_second(self) -> float | None:
        """The median over the replays; None if nobody was displaced."""
        rates = self.preemption_rates
        return statistics.median(rates) if rates else None

    @property
    def seconds(self) -> float:
        """All stages together."""
        return sum(self.stages.values())

    @property
    def decision_us(self) -> float | None:
        """Microseconds a decision, the median over the replays."""
        rate = self.decisions_per_second
        return 1e6 / rate if rate else None


def measure(job: Job) -> Measured:
    """Do a job and return what came out, whatever happens but Ctrl-C."""
    from schedbench.experiment.execute import time_limit

    found = Measured.of(job, "failed")
    with contextlib.suppress(OSError):  # the peak begins anew: proc(5), clear_refs
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    try:
        with time_limit(job.timeout):
            _measure(job, found)
    except TimeLimitError as error:
        found.status, found.error = "timeout", str(error)
    except NotModelledError as error:
        found.status, found.error = "skipped", str(error)
    except SchedbenchError as error:
        found.error = str(error)
    except Exception:  # noqa: BLE001 (one broken workload must not lose the others)
        found.error = "\n".join(traceback.format_exc().strip().splitlines()[-12:])
    return found


def _measure(job: Job, found: Measured) -> None:
    from schedbench.cluster.encode import encode
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.record import EventKind
    from schedbench.simulation.replay import replay

    deadline = None if job.timeout is None else time.monotonic() + job.timeout
    with _timed(found.stages, "build"):
        workload = job.source.build(SEED)
    with _timed(found.stages, "encode"):
        encoded = encode(workload)
    found.nodes, found.pods = len(encoded.node_names), len(workload.pods)
    found.classes = len(encoded.class_pods)
    records: list[tuple[float, Any]] = []
    enough = math.inf if job.timeout is None else time.monotonic() + job.timeout / 2
    for _ in range(job.repeats + (job.repeats > 1)):
        if records and time.monotonic() > enough:
            break
        start = time.perf_counter()
        record = replay(
            encoded,
            make_policy(job.policy),
            seed=SEED,
            engine=job.engine,
            deadline=deadline,
        )
        records.append((time.perf_counter() - start, record))
    digests = {record.digest for _, record in records}
    if len(digests) > 1:
        found.error = f"{len(records)} replays gave {len(digests)} different digests"
        return
    found.digest = record.digest
    found.first_digest = _first_digest(record, job.first)
    found.stages["load"] = records[0][1].wall.compile_seconds
    counted = records[1:] or records
    found.stages["replay"] = statistics.median(
        seconds - each.wall.compile_seconds for seconds, each in counted
    )
    walls = [each.wall for _, each in counted]
    found.decisions = walls[0].decisions
    found.rates = [
        wall.decisions / wall.schedule_seconds for wall in walls if wall.decisions
    ]
    displaced = int((record.kind == EventKind.PREEMPT).sum())
    if displaced:
        found.preemption_rates = [displaced / wall.schedule_seconds for wall in walls]
    if job.evaluates and not _holds(encoded, record, found):
        return
    found.peak_rss_bytes = _peak_rss_bytes()
    found.status = "done"


def _holds(encoded: Any, record: Any, found: Measured) -> bool:
    """Compute the metrics and tell whether no hard constraint is broken."""
    from schedbench.metrics.evaluate import evaluate
    from schedbench.metrics.timeline import Timeline

    with _timed(found.stages, "evaluate"):
        broken = evaluate(Timeline(encoded, record))["constraint_violations"]
    if broken:
        found.error = f"{broken} hard constraints broken"
    return not broken


def _first_digest(record: Any, count: int | None) -> str:
    from schedbench.simulation.record import EventKind, placement_digest

    if count is None:
        return ""
    binds = (record.kind == EventKind.BIND).nonzero()[0][:count]
    columns = (record.pod[binds], record.node[binds], record.devices[binds])
    return placement_digest(*columns)


def _peak_rss_bytes() -> int:
    """Return the highest resident memory since the job began.

    getrusage tells that of the process's whole life, VmHWM what `clear_refs` left.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        from schedbench.simulation.run import peak_rss_bytes

        return peak_rss_bytes()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextlib.contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages[name] = time.perf_counter() - start

"""The table of the figures to reach, row by row, with what was measured."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks import studies
from benchmarks.measure import GENERATED, Measured
from benchmarks.results import Results
from benchmarks.suite import SUITE
from benchmarks.targets import (
    BASIC_ALL,
    CASES,
    CLASSES_50,
    FIGURES,
    MANY,
    OWN_CLASS,
    PREEMPTION,
    REAL,
    SCORINGS,
)

SPEED, SECONDS, BYTES, EXPONENT = "decisions/s", "s", "bytes", "exponent"
PREEMPTIONS = "preemptions/s"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A figure to reach, and what was measured.

    Attributes
    ----------
    what, scoring
        What is decided, and which nodes are scored.
    unit
        Of `goal` and `values`; more is better of what is counted per second.
    values
        Of each replay; empty = not measured, for the reason in `error`.
    real
        What the real kube-scheduler does.
    whole
        Whether all was measured that the figure is about.
    """

    what: str
    scoring: str
    unit: str
    goal: float
    values: Sequence[float]
    conditions: str = ""
    real: float | None = None
    error: str = ""
    whole: bool = True

    @property
    def value(self) -> float | None:
        """The median; None if nothing was measured."""
        return statistics.median(self.values) if self.values else None

    @property
    def better(self) -> str:
        """Which way is better: up or down."""
        return "up" if self.unit.endswith("/s") else "down"

    @property
    def share(self) -> float | None:
        """How much of the goal is reached; 1 or more = all of it."""
        if self.value is None or self.value <= 0:
            return None
        up = self.better == "up"
        return self.value / self.goal if up else self.goal / self.value

    @property
    def times(self) -> float | None:
        """How many times as fast as the real kube-scheduler."""
        return self.value / self.real if self.value and self.real else None


def rows(results: Results) -> list[Row]:
    """Return the table of the figures to reach, in its order."""
    found = {one.key: one for one in results.measured}
    at = []
    for kind, (workload, goal) in CASES.items():
        name = workload.partition("/")[0] if results.quick else workload
        for scoring in SCORINGS:
            basic = (kind, scoring) == ("basic", "all")
            reach = BASIC_ALL if basic else goal
            at.append(_speed(found, kind, scoring, reach, f"`{name}`"))
    at.insert(2, _speed(found, CLASSES_50, "all", 6e5))
    at += [_speed(found, PREEMPTION, scoring, 6e4) for scoring in SCORINGS]
    at += _largest(found.get((FIGURES, MANY, "all", "auto")))
    at.append(_speed(found, OWN_CLASS, "all", 1e5))
    at.append(_growth(results.measured))
    at += [_suite(results, scoring) for scoring in SCORINGS]
    at.append(_choice(results.measured))
    return at


def _speed(
    found: Mapping[tuple[str, str, str, str], Measured],
    kind: str,
    scoring: str,
    goal: float,
    where: str = GENERATED,
) -> Row:
    one = found.get((FIGURES, kind, scoring, "auto"))
    sampled, every = REAL.get(kind, (None, None))
    preempts = kind == PREEMPTION
    values: Sequence[float] = ()
    if one is not None:
        values = one.preemption_rates if preempts else one.rates
    return Row(
        kind,
        scoring,
        PREEMPTIONS if preempts else SPEED,
        goal,
        values,
        _conditions(one, where),
        every if scoring == "all" else sampled,
        _reason(one),
    )


def _conditions(one: Measured | None, where: str) -> str:
    if one is None or not one.nodes:
        return where
    classes = "1 class" if one.classes == 1 else f"{one.classes:,} classes"
    whole = f"; {one.stages['replay']:.3g} s in all" if one.status == "done" else ""
    return f"{where}: {one.nodes:,} nodes, {one.pods:,} pods of {classes}{whole}"


def _reason(one: Measured | None) -> str:
    return "not measured" if one is None else one.error or one.status


def _largest(one: Measured | None) -> Iterator[Row]:
    """Yield time and memory of the largest figure."""
    done = one is not None and one.status == "done"
    where = _conditions(one, GENERATED)
    if one is not None and done:
        where += ", after {build:.1f} s of building and {encode:.1f} s of encoding"
        where = where.format(**one.stages)
    seconds = [one.stages["replay"]] if one is not None and done else []
    peak = [float(one.peak_rss_bytes)] if one is not None and done else []
    reason = _reason(one)
    yield Row(MANY, "all", SECONDS, 6.0, seconds, where, error=reason)
    yield Row(
        f"{MANY}, peak memory", "all", BYTES, 2 * 2**30, peak, where, None, reason
    )


def _growth(measured: Iterable[Measured]) -> Row:
    measured = list(measured)
    law = studies.growth(measured)
    sizes = [one.nodes for one in measured if one.study == studies.NODES]
    where = f"{GENERATED}: 1 class"
    if sizes:
        where += f", {min(sizes):,} to {max(sizes):,} nodes"
    values = [] if law is None else [law.exponent]
    return Row(
        "growth of a decision's cost with nodes",
        "all",
        EXPONENT,
        0.3,
        values,
        where,
        error="not measured",
    )


def _suite(results: Results, scoring: str) -> Row:
    seconds = results.suite_seconds.get(scoring)
    done = [
        one
        for one in results.measured
        if (one.study, one.scoring, one.engine) == (SUITE, scoring, "auto")
    ]
    ended = sum(one.status == "done" for one in done)
    skipped = sum(one.status == "skipped" for one in done)
    where = f"{ended} of {len(done)} workloads done, {skipped} not modelled"
    lost = len(done) - ended - skipped
    if lost:
        where += f", {lost} failed or timed out"
    return Row(
        "the whole scheduler_perf suite",
        scoring,
        SECONDS,
        120.0,
        [] if seconds is None else [seconds],
        where,
        error="not measured",
        whole=not lost,
    )


def _choice(measured: Iterable[Measured]) -> Row:
    found = studies.choices(measured)
    worst = max(found, key=lambda choice: choice.ratio, default=None)
    return Row(
        "time of engine auto ÷ the better of scan and indexed",
        "all",
        "ratio",
        1.1,
        [] if worst is None else [worst.ratio],
        "" if worst is None else f"worst of {len(found)} points: {worst.name}",
        error="not measured",
    )

"""Two runs of `make bench` side by side, and whether something got too slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from benchmarks import studies
from benchmarks.measure import Measured
from benchmarks.results import Results
from schedbench.errors import InputError
from schedbench.experiment.limits import Limit

METRICS: dict[str, tuple[str, Callable[[Measured], float | None]]] = {
    "decisions_per_second": ("up", lambda one: one.decisions_per_second),
    "preemptions_per_second": ("up", lambda one: one.preemptions_per_second),
    "seconds": ("down", lambda one: one.seconds or None),
    "peak_rss_bytes": ("down", lambda one: one.peak_rss_bytes or None),
}
"""Metric of a measurement → which way is better, and its value."""
WHOLE = {"suite_seconds": "down", "exponent": "down"}
"""Metric of a whole run → which way is better."""
SHORT = 0.02
"""Seconds of scheduling below which a single replay is too short to compare."""
NOISE = 0.05
"""Changes that are shown: two runs on a quiet machine differ by a few percent."""


class Change(NamedTuple):
    """A metric of a measurement in two runs."""

    name: str
    metric: str
    better: str
    base: float
    new: float

    @property
    def worsening(self) -> float:
        """How much worse the new value is, in the metric's unit; below 0 = better."""
        return self.base - self.new if self.better == "up" else self.new - self.base

    @property
    def relative(self) -> float:
        """`worsening` as a share of the old value; 0 if that is 0."""
        return self.worsening / abs(self.base) if self.base else 0.0

    def __str__(self) -> str:
        sign = "worse" if self.relative > 0 else "better"
        return (
            f"{self.name}: {self.metric} {self.base:,.4g} → {self.new:,.4g}, "
            f"{abs(100 * self.relative):.1f} % {sign}"
        )


def limits(texts: Iterable[str]) -> list[Limit]:
    """Read limits such as `decisions_per_second:20%`.

    Raises
    ------
    InputError
        If one is malformed, or its metric is unknown.
    """
    better = {name: direction for name, (direction, _) in METRICS.items()} | WHOLE
    return [Limit.parse(text, better) for text in texts]


def changes(base: Results, new: Results) -> list[Change]:
    """Return every metric that both runs have, in the order of the new run.

    The scans are left out: they are the check, not what is used. So are rates of a
    single replay that was over in no time.
    """
    before = {one.key: one for one in base.measured if one.status == "done"}
    found = []
    for one in new.measured:
        old = before.get(one.key)
        if old is None or one.status != "done" or one.engine == "scan":
            continue
        short = any(map(_is_short, (old, one)))
        name = f"{one.study}: {one.name} ({one.scoring}, {one.engine})"
        for metric, (better, value) in METRICS.items():
            was, now = value(old), value(one)
            if short and metric.endswith("_per_second"):
                continue
            if was is not None and now is not None:
                found.append(Change(name, metric, better, was, now))
    found += [
        Change(
            f"whole suite ({scoring})",
            "suite_seconds",
            "down",
            base.suite_seconds[scoring],
            seconds,
        )
        for scoring, seconds in new.suite_seconds.items()
        if scoring in base.suite_seconds
    ]
    laws = studies.growth(base.measured), studies.growth(new.measured)
    if laws[0] is not None and laws[1] is not None:
        pair = laws[0].exponent, laws[1].exponent
        found.append(Change("growth with nodes", "exponent", "down", *pair))
    return found


def _is_short(one: Measured) -> bool:
    return len(one.rates) == 1 and one.decisions < SHORT * one.rates[0]


def worst(found: Sequence[Change]) -> list[Change]:
    """Return the changes beyond noise, those for the worse first."""
    shown = [change for change in found if abs(change.relative) > NOISE]
    return sorted(shown, key=lambda change: -change.relative)


def broken(limit: Limit, found: Sequence[Change]) -> list[str]:
    """Return where a limit is broken, one sentence each.

    Raises
    ------
    InputError
        If no measurement has a value of the metric in both runs.
    """
    mine = [change for change in found if change.metric == limit.metric]
    if not mine:
        raise InputError(
            "nothing has a value of this metric in both runs, so nothing was checked",
            where="--fail-on",
            value=limit.metric,
        )
    sentences = []
    for change in mine:
        allowed = limit.tolerance * (abs(change.base) if limit.relative else 1.0)
        if change.worsening > allowed * (1 + 1e-12):
            sentences.append(f"{change}; {limit}")
    return sentences

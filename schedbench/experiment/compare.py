"""Two runs side by side: what became better or worse, and whether that is too much."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.experiment.alike import (
    changed_policies,
    clock_differences,
    require_alike,
)
from schedbench.experiment.limits import Limit
from schedbench.experiment.regret import documents, regret, summary
from schedbench.experiment.statistics import (
    Basis,
    Evidence,
    Verdict,
    changes,
    difference,
    metric_of,
    weigh,
)

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.store import Results
    from schedbench.metrics.metric import Metric

PLACE = ("scenario", "size", "policy")
CLOCK_NOISE = 0.1
"""Share of the base by which times must differ: the seeds of one run share the state of
the machine, so that their intervals say nothing of another run's."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A metric of a policy in a scenario, in both runs.

    Attributes
    ----------
    policy, base_policy
        In the new run and in the base; the same, unless either run has a single one.
    base, new
        Means over the seeds both runs have.
    delta, low, high
        new − base, paired by seed, with its interval.
    relative
        delta ÷ |base|; NaN if base is 0.
    n
        Pairs of seeds.
    verdict, basis, p, p_adjusted, test, dz, superiority
        See `statistics.Difference`.
    """

    scenario: str
    size: str
    policy: str
    base_policy: str
    metric: str
    unit: str
    kind: str
    base: float
    new: float
    delta: float
    low: float
    high: float
    relative: float
    n: int
    method: str
    verdict: Verdict
    basis: Basis
    p: float
    p_adjusted: float
    test: str
    dz: float
    superiority: float

    @property
    def worsening(self) -> float:
        """How much worse the new run is, in the metric's unit; below 0 = better."""
        return -self.delta if metric_of(self.metric).better == "up" else self.delta

    @property
    def change(self) -> str:
        """The difference as people read it, with its interval: `+2.00 % (…)`."""
        if math.isnan(self.relative):
            return f"{self.delta:+.4g}"
        text = f"{100 * self.relative:+.2f} %"
        if math.isnan(self.low) or self.low == self.high:
            return text
        scale = 100 / abs(self.base)
        return f"{text} ({self.low * scale:+.2f} … {self.high * scale:+.2f})"

    @property
    def place(self) -> str:
        """Scenario, size and policy."""
        policy = self.policy
        if policy != self.base_policy:
            policy += f" against {self.base_policy}"
        return f"{self.scenario}/{self.size}".rstrip("/") + f", {policy}"


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs compared.

    Attributes
    ----------
    rows
        One a metric, scenario and policy, in the order of the new run.
    regressions
        Broken limits, one sentence each.
    notes
        What could not be compared and why, one sentence each.
    limits
        How many limits were checked.
    regret
        How far both runs are from their bounds: `run`, then the columns of
        `regret.summary`, a row a policy and metric.
    """

    base: str
    new: str
    rows: Sequence[Row]
    regressions: Sequence[str]
    notes: Sequence[str]
    limits: int = 0
    regret: Sequence[Mapping[str, Any]] = ()

    @property
    def exit_code(self) -> int:
        """1 if a limit is broken, else 0."""
        return 1 if self.regressions else 0

    def changed(self) -> list[Row]:
        """Return the rows that are better or worse, the largest changes first."""
        rows = [row for row in self.rows if row.verdict in {"better", "worse"}]
        return sorted(rows, key=_size, reverse=True)


class _Pair(NamedTuple):
    """Both runs' values of a metric in one place, seed by seed."""

    place: tuple[str, str, str]
    base_policy: str
    metric: str
    base: NDArray[np.float64]
    new: NDArray[np.float64]


def compare(
    base: Results,
    new: Results,
    *,
    fail_on: Sequence[str | Limit] = (),
    metrics: Sequence[str] | None = None,
    override: bool = False,
    margin: float = 0.0,
) -> Comparison:
    """Compare two runs, policy by policy, paired by seed.

    If they share no policy and each has a single one, these are compared. Verdicts are
    corrected for the number of comparisons (Holm). Wall-clock metrics have none if the
    machine, its libraries or the engine differ, and are the same within 10 %. A limit
    in `fail_on` is broken when the mean has become worse by more than it allows,
    whatever the interval: a gate must not open because the noise grew.

    Parameters
    ----------
    metrics
        Which to compare; None = all.
    override
        Compare though scenarios, code or machines differ.
    margin
        Differences within this share of the base are the same.

    Raises
    ------
    InputError
        If the runs differ in more than the policy or share no cells, a limit is
        malformed, or a limit's metric has no value in both runs.
    """
    from schedbench.metrics.table import METRICS

    limits = [Limit.parse(one) if isinstance(one, str) else one for one in fail_on]
    names = list(METRICS) if metrics is None else list(metrics)
    names = list(dict.fromkeys([*names, *(limit.metric for limit in limits)]))
    if not override:
        require_alike(base, new)
    differing = [] if override else clock_differences(base, new)
    notes = _notes(base, new, differing)
    pairs, lost = _pairs(base.cells, new.cells, names, notes)
    if not pairs:
        raise InputError(
            "the runs have no finished cells in common",
            value=(str(base.path), str(new.path)),
            fix="run the same scenarios, policies and seeds in both",
        )
    judged = [
        pair
        for pair in pairs
        if metric_of(pair.metric).better != "none"
        and (not differing or metric_of(pair.metric).simulated)
    ]
    family = weigh(
        {(pair.place, pair.metric): changes(pair.base, pair.new) for pair in judged}
    )
    rows = [_row(pair, family.get((pair.place, pair.metric)), margin, bool(differing))
            for pair in pairs]  # fmt: skip
    regressions = [*lost] if limits else []
    notes += [] if limits else lost
    broken, unused = _check(limits, rows)
    if unused:
        notes.append(
            f"{unused} of {len(limits)} limits are about cells that the runs do not "
            "share: they were not checked."
        )
    return Comparison(
        str(base.path),
        str(new.path),
        rows,
        [*regressions, *broken],
        notes,
        len(limits) - unused,
        [*_regret("base", base), *_regret("new", new)],
    )


def _regret(run: str, results: Results) -> list[dict[str, Any]]:
    if not len(results.bounds):
        return []
    rows = documents(summary(regret(results)))
    return [{"run": run, **row} for row in rows]


def _notes(base: Results, new: Results, differing: Sequence[str]) -> list[str]:
    notes = [
        f"The file of policy {name} has changed between the runs."
        for name in changed_policies(base, new)
    ]
    if differing:
        notes.append(f"The runs differ in {', '.join(differing)}: no verdict on times.")
    return notes


def _pairs(
    base: pd.DataFrame, new: pd.DataFrame, names: Sequence[str], notes: list[str]
) -> tuple[list[_Pair], list[str]]:
    """Return the values of both runs, and what the new one has lost."""
    as_base = _renamed(base, new)
    if as_base:
        ((its, old),) = as_base.items()
        notes.append(f"Each run has a single policy: {its} is compared with {old}.")
    groups = dict(iter(base.groupby(list(PLACE), sort=False)))
    found, lost = [], []
    for key, cells in new.groupby(list(PLACE), sort=False):
        scenario, size, policy = place = _place(key)
        old = as_base.get(policy, policy)
        theirs = groups.pop((scenario, size, old), None)
        if theirs is None:
            notes.append(f"{_name(place)} is only in the new run.")
            continue
        both = _done(theirs).merge(_done(cells), on="seed", suffixes=("_base", "_new"))
        before = len(_done(theirs))
        if len(both) < before:
            lost.append(
                f"{_name(place)}: {before - len(both)} of {before} cells of the base "
                "run are not done in the new."
            )
        for metric in names:
            columns = [f"{metric}_base", f"{metric}_new"]
            if set(columns) <= set(both.columns):
                values = both[columns].dropna().to_numpy(dtype=np.float64)
                if len(values):
                    found.append(_Pair(place, old, metric, values[:, 0], values[:, 1]))
    notes += [f"{_name(_place(key))} is only in the base run." for key in groups]
    return found, lost


def _renamed(base: pd.DataFrame, new: pd.DataFrame) -> dict[str, str]:
    """Return new policy → base policy if each run has a single one, and another."""
    old, mine = set(base["policy"]), set(new["policy"])
    if len(old) == len(mine) == 1 and old != mine:
        return {mine.pop(): old.pop()}
    return {}


def _row(pair: _Pair, evidence: Evidence | None, margin: float, differing: bool) -> Row:
    entry = metric_of(pair.metric)
    found, meaning = difference(
        pair.base, pair.new, entry, evidence=evidence, margin=margin
    )
    judged, basis = meaning.verdict, meaning.basis
    if differing and not entry.simulated:
        judged, basis = "not comparable", "other conditions"
    elif basis == "significant" and _is_clock_noise(entry, meaning.relative_mean):
        judged, basis = "same", "not told apart"
    scenario, size, policy = pair.place
    return Row(
        scenario=scenario,
        size=size,
        policy=policy,
        base_policy=pair.base_policy,
        metric=pair.metric,
        unit=entry.unit,
        kind=entry.kind,
        base=meaning.baseline_mean,
        new=float(pair.new.mean()),
        delta=found.mean,
        low=found.low,
        high=found.high,
        relative=meaning.relative_mean,
        n=found.n,
        method=found.method,
        verdict=judged,
        basis=basis,
        p=meaning.p,
        p_adjusted=meaning.p_adjusted,
        test=meaning.test,
        dz=meaning.dz,
        superiority=meaning.superiority,
    )


def _is_clock_noise(metric: Metric, relative: float) -> bool:
    return not metric.simulated and abs(relative) < CLOCK_NOISE


def _check(limits: Sequence[Limit], rows: Sequence[Row]) -> tuple[list[str], int]:
    """Return the broken limits, a sentence each, and how many concern no row."""
    found, unused = [], 0
    for limit in limits:
        mine = [
            row
            for row in rows
            if limit.holds_for(row.metric, (row.scenario, row.size, row.policy))
        ]
        if not mine and limit.place is None:
            raise _nothing(limit.metric)
        unused += not mine
        found += [text for row in mine for text in _broken(limit, row)]
    if limits and unused == len(limits):
        raise _nothing(f"{len(limits)} learnt limits")
    return found, unused


def _broken(limit: Limit, row: Row) -> Iterator[str]:
    allowed = limit.tolerance * (abs(row.base) if limit.relative else 1.0)
    if row.worsening > allowed * (1 + 1e-12):
        yield (
            f"{row.place}: {row.metric} went from {short(row.base)} to "
            f"{short(row.new)} ({row.change}); {limit}."
        )


def _nothing(value: str) -> InputError:
    return InputError(
        "no cell has a value of this metric in both runs, so nothing was checked",
        where="--fail-on",
        value=value,
    )


def short(value: float) -> str:
    """Return a number with four digits, or whole if it is large."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _done(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.loc[cells["status"] == "done"]


def _place(key: Any) -> tuple[str, str, str]:
    scenario, size, policy = map(str, key)
    return scenario, size, policy


def _name(place: tuple[str, str, str]) -> str:
    scenario, size, policy = place
    return f"{scenario}/{size}".rstrip("/") + f", {policy}"


def _size(row: Row) -> float:
    return math.inf if math.isnan(row.relative) else abs(row.relative)

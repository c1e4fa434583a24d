"""Two runs side by side: what became better or worse, and whether that is too much."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from schedbench.errors import InputError
from schedbench.experiment.limits import Limit
from schedbench.experiment.regret import documents, regret, summary
from schedbench.experiment.statistics import Verdict, difference, metric_of

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

PLACE = ("scenario", "size", "policy")


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A metric of a policy in a scenario, in both runs.

    Attributes
    ----------
    base, new
        Means over the seeds both runs have.
    delta, low, high
        new − base, paired by seed, with its interval.
    relative
        delta ÷ |base|; NaN if base is 0.
    n
        Pairs of seeds.
    """

    scenario: str
    size: str
    policy: str
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

    @property
    def worsening(self) -> float:
        """How much worse the new run is, in the metric's unit; below 0 = better."""
        return -self.delta if metric_of(self.metric).better == "up" else self.delta


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
    regret
        How far both runs are from their bounds: `run`, then the columns of
        `regret.summary`, a row a policy and metric.
    """

    base: str
    new: str
    rows: Sequence[Row]
    regressions: Sequence[str]
    notes: Sequence[str]
    regret: Sequence[Mapping[str, Any]] = ()

    @property
    def exit_code(self) -> int:
        """1 if a limit is broken, else 0."""
        return 1 if self.regressions else 0

    def changed(self) -> list[Row]:
        """Return the rows that are better or worse, the largest changes first."""
        rows = [row for row in self.rows if row.verdict in {"better", "worse"}]
        return sorted(rows, key=_size, reverse=True)

    def to_dict(self, *, changed_only: bool = False) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        rows = self.changed() if changed_only else self.rows
        return {
            "schema_version": 1,
            "base": self.base,
            "new": self.new,
            "rows": [
                {name: _plain(value) for name, value in dataclasses.asdict(row).items()}
                for row in rows
            ],
            "regressions": list(self.regressions),
            "notes": list(self.notes),
            "regret": list(self.regret),
        }

    def table(self, *, changed_only: bool = True) -> tuple[list[str], list[list[str]]]:
        """Return header and cells as text, for a terminal or for Markdown."""
        header = ["scenario", "policy", "metric", "base", "new", "change", "verdict"]
        rows = self.changed() if changed_only else self.rows
        return header, [
            [
                f"{row.scenario}/{row.size}".rstrip("/"),
                row.policy,
                row.metric,
                _short(row.base),
                _short(row.new),
                _change(row),
                row.verdict,
            ]
            for row in rows
        ]

    def to_markdown(self, *, changed_only: bool = True) -> str:
        """Return the table in Markdown."""
        header, rows = self.table(changed_only=changed_only)
        lines = [header, ["---"] * 3 + ["---:"] * 3 + ["---"], *rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def to_csv(self, *, changed_only: bool = False) -> str:
        """Return the rows, with every field, as comma-separated values."""
        sink = io.StringIO()
        names = [field.name for field in dataclasses.fields(Row)]
        writer = csv.DictWriter(sink, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.to_dict(changed_only=changed_only)["rows"])
        return sink.getvalue()


def compare(
    base: Results,
    new: Results,
    *,
    fail_on: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    override: bool = False,
) -> Comparison:
    """Compare two runs, policy by policy, paired by seed.

    Wall-clock metrics of different machines are not comparable. A limit in `fail_on`
    is broken when the mean has become worse by more than it allows, whatever the
    interval: a gate must not open because the noise grew.

    Parameters
    ----------
    metrics
        Which to compare; None = all.
    override
        Compare though scenarios or machines differ.

    Raises
    ------
    InputError
        If a scenario differs in content, the runs share no cells, a limit is
        malformed, or a limit's metric has no value in both runs.
    """
    from schedbench.metrics.table import METRICS

    limits = [Limit.parse(text) for text in fail_on]
    names = list(METRICS) if metrics is None else list(metrics)
    names += [limit.metric for limit in limits if limit.metric not in names]
    notes: list[str] = []
    if not override:
        _same_scenarios(base, new)
    same_machine = override or _machine(base) == _machine(new)
    if not same_machine:
        notes.append("The runs were made on different machines: no verdict on times.")
    rows, lost = [], []
    groups = dict(iter(base.cells.groupby(list(PLACE), sort=False)))
    for place, mine in new.cells.groupby(list(PLACE), sort=False):
        theirs = groups.pop(place, None)
        if theirs is None:
            notes.append(f"{_name(place)} is only in the new run.")
            continue
        pairs = _done(theirs).merge(_done(mine), on="seed", suffixes=("_base", "_new"))
        if len(pairs) < len(_done(theirs)):
            lost.append(
                f"{_name(place)}: {len(_done(theirs)) - len(pairs)} of "
                f"{len(_done(theirs))} cells of the base run are not done in the new."
            )
        for metric in names:
            row = _row(place, metric, pairs, same_machine=same_machine)
            if row is not None:
                rows.append(row)
    notes += [f"{_name(place)} is only in the base run." for place in groups]
    if not rows:
        raise InputError(
            "the runs have no finished cells in common",
            value=(str(base.path), str(new.path)),
            fix="run the same scenarios, policies and seeds in both",
        )
    regressions = [*lost] if limits else []
    notes += [] if limits else lost
    for limit in limits:
        regressions += _broken(limit, rows)
    paths = str(base.path), str(new.path)
    regret = [*_regret("base", base), *_regret("new", new)]
    return Comparison(*paths, rows, regressions, notes, regret)


def _regret(run: str, results: Results) -> list[dict[str, Any]]:
    if not len(results.bounds):
        return []
    rows = documents(summary(regret(results)))
    return [{"run": run, **row} for row in rows]


def _row(place: Any, metric: str, pairs: Any, *, same_machine: bool) -> Row | None:
    entry = metric_of(metric)
    columns = [f"{metric}_base", f"{metric}_new"]
    if not set(columns) <= set(pairs.columns):
        return None
    values = pairs[columns].dropna().to_numpy(dtype=np.float64)
    if not len(values):
        return None
    found, level = difference(values[:, 0], values[:, 1], entry)
    comparable = same_machine or entry.simulated
    scenario, size, policy = place
    return Row(
        scenario=scenario,
        size=size,
        policy=policy,
        metric=metric,
        unit=entry.unit,
        kind=entry.kind,
        base=level.baseline_mean,
        new=float(values[:, 1].mean()),
        delta=found.mean,
        low=found.low,
        high=found.high,
        relative=level.relative_mean,
        n=found.n,
        method=found.method,
        verdict=level.verdict if comparable else "not comparable",
    )


def _broken(limit: Limit, rows: Sequence[Row]) -> list[str]:
    mine = [row for row in rows if row.metric == limit.metric]
    if not mine:
        raise InputError(
            "no cell has a value of this metric in both runs, so nothing was checked",
            where="--fail-on",
            value=limit.metric,
        )
    found = []
    for row in mine:
        allowed = limit.tolerance * (abs(row.base) if limit.relative else 1.0)
        if row.worsening > allowed * (1 + 1e-12):
            place = _name((row.scenario, row.size, row.policy))
            found.append(
                f"{place}: {row.metric} went from {_short(row.base)} to "
                f"{_short(row.new)} ({_change(row)}); {limit}."
            )
    return found


def _same_scenarios(base: Results, new: Results) -> None:
    known = {
        (one["name"], one["size"]): one["digest"] for one in base.manifest["scenarios"]
    }
    for one in new.manifest["scenarios"]:
        digest = known.get((one["name"], one["size"]), one["digest"])
        if digest != one["digest"]:
            raise InputError(
                "the two runs used different contents of a scenario",
                source=new.path,
                value=f"{one['name']}/{one['size']}",
                fix="run both with the same file, or override to compare anyway",
            )


def _machine(results: Results) -> Any:
    cpu = results.manifest["environment"]["cpu"]
    return cpu["model"], cpu["cores"]


def _done(cells: Any) -> Any:
    return cells.loc[cells["status"] == "done"]


def _name(place: Any) -> str:
    scenario, size, policy = place
    return f"{scenario}/{size}".rstrip("/") + f", {policy}"


def _size(row: Row) -> float:
    return math.inf if math.isnan(row.relative) else abs(row.relative)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _change(row: Row) -> str:
    if math.isnan(row.relative):
        return f"{row.delta:+.4g}"
    text = f"{100 * row.relative:+.2f} %"
    if math.isnan(row.low) or row.low == row.high:
        return text
    scale = 100 / abs(row.base)
    return f"{text} ({row.low * scale:+.2f} … {row.high * scale:+.2f})"

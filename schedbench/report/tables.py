"""Tables of the page: what stands in each cell, how it sorts, which is the best."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from schedbench.metrics.table import METRICS
from schedbench.report import views
from schedbench.report.comparison import Comparison

MOST_ROWS = 60
MOST_COLUMNS = 6
SHORTEST = 0.001
SPEEDS = (
    "decisions_per_second",
    "latency_p50_us",
    "latency_p99_us",
    "schedule_seconds",
    "total_seconds",
    "compile_seconds",
    "peak_rss_bytes",
)
SIGNS = {"better": "▲", "worse": "▼", "same": "="}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One cell: its text, its sort key, the interval, the verdict on it."""

    text: str
    sort: float | str | None = None
    interval: str = ""
    best: bool = False
    sign: str = ""
    verdict: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A heading: its words, which way is better, what it means."""

    text: str
    arrow: str = ""
    unit: str = ""
    about: str = ""
    numeric: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row, and the number of the policy it is about (None: of none)."""

    entries: list[Entry]
    policy: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table ready for the template; `kind` is `quality` or `wall_clock`."""

    columns: list[Column]
    rows: list[Row]
    kind: str = "quality"
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """The tables of one scenario at one size."""

    main: Table | None
    more: Table | None
    speed: Table | None
    constant: list[str]
    twins: list[str]


def summary(comparison: Comparison, group: views.Group) -> Summary:
    """Return the tables of one scenario at one size.

    Of several policies, metrics that are the same under every policy, or as another
    metric, are only named.
    """
    cells = comparison.cells(group)
    names = [name for name in METRICS if name in cells and cells[name].notna().any()]
    quality = [name for name in names if METRICS[name].simulated]
    single = len(comparison.policies) == 1
    telling = [name for name in quality if single or views.tells(cells, name)]
    first = views.headline(comparison.results, group)
    order = [name for name in first if name in telling]
    order += [name for name in telling if name not in order]
    order, twins = (order, []) if single else _parted(cells, order)
    constant = [
        f"{views.title(name)} {views.shown(cells[name].dropna().iloc[0], name)}"
        for name in quality
        if name not in telling
    ]
    speeds = [name for name in SPEEDS if name in names]
    return Summary(
        main=_metrics(comparison, group, order[:MOST_COLUMNS], "quality"),
        more=_metrics(comparison, group, order[MOST_COLUMNS:], "quality"),
        speed=_metrics(comparison, group, speeds, "wall_clock"),
        constant=constant,
        twins=twins,
    )


def _parted(cells: pd.DataFrame, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the metrics with values of their own, and `this as that` of the others."""
    own: list[str] = []
    twins = []
    for name in names:
        alike = [each for each in own if cells[each].equals(cells[name])]
        if alike:
            twins.append(f"{views.title(name)} as {views.title(alike[0])}")
        else:
            own.append(name)
    return own, twins


def _metrics(
    comparison: Comparison, group: views.Group, metrics: Sequence[str], kind: str
) -> Table | None:
    if not metrics:
        return None
    filled = {name: _entries(comparison, group, name) for name in metrics}
    known = [
        policy
        for policy in comparison.policies
        if any(policy in entries for entries in filled.values())
    ]
    rows = [
        Row(
            [
                Entry(policy, policy),
                *(filled[name].get(policy, Entry("–")) for name in metrics),
            ],
            comparison.policies.index(policy),
        )
        for policy in known
    ]
    columns = [Column("Policy", numeric=False), *(_heading(name) for name in metrics)]
    return Table(columns, rows, kind)


def _heading(metric: str) -> Column:
    about = METRICS[metric].description
    mark = "MiB" if views.unit(metric) == "bytes" else views.unit(metric)
    return Column(views.title(metric), views.arrow(metric), mark, f"{about} [{metric}]")


def _entries(
    comparison: Comparison, group: views.Group, metric: str
) -> dict[str, Entry]:
    means = views.rows(comparison.means(metric, group))
    better = METRICS[metric].better
    verdicts = {}
    if better != "none" and METRICS[metric].simulated:
        found = comparison.differences(metric, group)
        verdicts = dict(zip(found["policy"], found["verdict"], strict=True))
    values = [row.mean for row in means if not math.isnan(row.mean)]
    best = {"up": max, "down": min}.get(better, lambda _: None)(values or [None])
    if len(values) < 2 or min(values) == max(values):
        best = None
    scale = views.scale(metric) / (1024**2 if views.unit(metric) == "bytes" else 1)
    whole = all(float(value).is_integer() for value in values)
    entries = {}
    for row in means:
        if METRICS[metric].unit == "s" and 0 < row.mean < SHORTEST:
            entries[str(row.policy)] = Entry(f"< {SHORTEST:g}", float(row.mean))
            continue
        verdict = verdicts.get(row.policy, "")
        entries[str(row.policy)] = Entry(
            text=views.number(row.mean * scale, whole=whole),
            sort=None if math.isnan(row.mean) else float(row.mean),
            interval=_interval(row, scale),
            best=best is not None and row.mean == best,
            sign=SIGNS.get(verdict, ""),
            verdict=verdict,
        )
    return entries


def _interval(row: Any, scale: float) -> str:
    if row.n < 2 or math.isnan(row.low) or row.low == row.high:
        return ""
    return f"{views.number(row.low * scale)} – {views.number(row.high * scale)}"


def of_frame(
    frame: pd.DataFrame, policies: Sequence[str], wall_clock: Sequence[str] = ()
) -> list[Table]:
    """Return a plot's data: one table, or two where some was measured by the clock.

    A long frame is thinned evenly to `MOST_ROWS` rows, and says so.
    """
    note = ""
    if len(frame) > MOST_ROWS:
        picked = np.linspace(0, len(frame) - 1, MOST_ROWS).round().astype(int)
        note = f"{MOST_ROWS} of {len(frame):,} rows, evenly picked."
        frame = frame.iloc[picked]
    names = [column for column in frame if isinstance(column, str)]
    keys = [name for name in names if not pd.api.types.is_numeric_dtype(frame[name])]
    clocked = [name for name in names if name in wall_clock]
    simulated = [name for name in names if name not in wall_clock]
    shared = [name for name in simulated if name in keys or name == "nodes"]
    uses = []
    if set(simulated) > set(shared) or not clocked:
        uses.append(("quality", simulated))
    if clocked:
        uses.append(("wall_clock", [*shared, *clocked]))
    return [_plain(frame[columns], policies, kind, note) for kind, columns in uses]


def _plain(frame: pd.DataFrame, policies: Sequence[str], kind: str, note: str) -> Table:
    numeric = {name: pd.api.types.is_numeric_dtype(frame[name]) for name in frame}
    columns = [
        Column(str(name).replace("_", " "), numeric=numeric[name]) for name in frame
    ]
    at = list(frame).index("policy") if "policy" in frame else None
    rows = []
    for values in frame.itertuples(index=False, name=None):
        policy = None if at is None else str(values[at])
        number = policies.index(policy) if policy in policies else None
        entries = [
            _value(value, numeric[name])
            for name, value in zip(frame, values, strict=True)
        ]
        rows.append(Row(entries, number))
    return Table(columns, rows, kind, note)


def _value(value: Any, numeric: bool) -> Entry:
    if isinstance(value, (bool, np.bool_)):
        return Entry("yes" if value else "no", "yes" if value else "no")
    if not numeric:
        return Entry(str(value), str(value))
    missing = value is None or pd.isna(value)
    return Entry(views.number(value, 4), None if missing else float(value))

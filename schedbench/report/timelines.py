"""Courses over simulated time: seeds on one grid, their mean and range, and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

POINTS = 121
LISTED = 7
MOST_BANDS = 3
RATE = "rate_"


def moments(frame: pd.DataFrame) -> str | None:
    """Return the column that orders a scenario's samples.

    `time` (s), or `progress` (pods decided) where all pods arrive at once and no
    time passes; None if neither moves.
    """
    for column in ("time", "progress"):
        if column in frame and frame[column].min() < frame[column].max():
            return column
    return None


def over_seeds(
    results: Results, columns: list[str], samples: pd.DataFrame | None = None
) -> pd.DataFrame | None:
    """Return mean, low and high over seeds of `columns`, on a common grid.

    Each scenario is taken at its largest size. Samples, by default the run's own,
    hold until the next one; a run that has ended keeps its last state. A column
    `rate_…` is the mean since the sample before, and of the result since the point
    of the grid before; after the end it is 0. Columns of the result: scenario, size,
    policy, what, moment (`time` or `progress`), at (s or pods), mean, low, high.
    None where nothing moves.
    """
    samples = results.samples if samples is None else samples
    parts = []
    for group in views.largest(results):
        here = views.of(samples, group)
        moment = moments(here)
        used = [name for name in columns if name in here and here[name].notna().any()]
        if moment is None or not used:
            continue
        grid = np.linspace(0.0, float(here[moment].max()), POINTS)
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            each = [
                run.sort_values(moment, kind="stable")
                for _, run in runs.groupby("seed")
            ]
            for name in used:
                values = np.array([_on_grid(run, moment, name, grid) for run in each])
                parts.append(
                    pd.DataFrame({
                        "scenario": group.scenario, "size": group.size,
                        "policy": policy, "what": name, "moment": moment, "at": grid,
                        "mean": values.mean(axis=0), "low": values.min(axis=0),
                        "high": values.max(axis=0),
                    })
                )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else None


def _on_grid(
    run: pd.DataFrame, moment: str, name: str, grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a seed's last sample at or before each point of the grid."""
    if name.startswith(RATE):
        return _rates(run[moment].to_numpy(float), run[name].to_numpy(float), grid)
    at = np.searchsorted(run[moment].to_numpy(float), grid, side="right") - 1
    values: NDArray[np.float64] = run[name].to_numpy(float)[np.clip(at, 0, None)]
    return np.nan_to_num(values)


def _rates(
    at: NDArray[np.float64], rate: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean rate before each point of the grid, since the one before it."""
    begin = min(0.0, at[0])
    total = np.cumsum(np.nan_to_num(rate) * np.diff(at, prepend=begin))
    counts = np.interp(grid, np.append(begin, at), np.append(0.0, total))
    return np.append(0.0, np.diff(counts) / np.diff(grid))


def scale_of(moment: str, most: float) -> tuple[float, str, str]:
    """Return the divisor, the unit and the label of the horizontal axis."""
    if moment == "progress":
        return 1.0, "pods", "Pods decided (no time passes in this scenario)"
    divisor, unit = views.clock(most)
    return divisor, unit, f"Simulated time ({unit})"


def overlay(
    axis: Axes, part: pd.DataFrame, known: dict[str, style.Look], scale: float = 1.0
) -> None:
    """Draw each policy's course and the range of its seeds.

    Of many policies only the first, the baseline, has its range drawn: the others'
    would cover the lines.
    """
    most = part["at"].max()
    divisor, _, label = scale_of(part["moment"].iloc[0], most)
    names = style.present(part["policy"])
    for number, name in enumerate(names):
        course = part[part["policy"] == name]
        look = known[name]
        at = course["at"] / divisor
        if len(names) <= MOST_BANDS or number == 0:
            axis.fill_between(
                at, course["low"] * scale, course["high"] * scale, color=look.color,
                alpha=0.12, linewidth=0, gid=look.gid(),
            )  # fmt: skip
        every = (2 + number * 17 // len(names), 20)
        axis.plot(at, course["mean"] * scale, markevery=every, **look.line())
    axis.set_xlim(0, most / divisor)
    axis.set_xlabel(label)
    if divisor == 1.0:
        axis.xaxis.set_major_formatter(lambda value, _: lettering.compact(value))


def wide(frame: pd.DataFrame, what: str, scale: float = 1.0) -> pd.DataFrame:
    """Return the means at a few moments, a row a subject and policy."""
    moments_here = np.sort(frame["at"].unique())
    picked = moments_here[np.linspace(0, len(moments_here) - 1, LISTED).astype(int)]
    divisor, unit, _ = scale_of(frame["moment"].iloc[0], moments_here[-1])
    table = frame[frame["at"].isin(picked)].pivot_table(
        index=[what, "policy"], columns="at", values="mean", observed=True, sort=False
    )
    table = table[sorted(table.columns)] * scale
    named = [f"at {views.number(float(str(at)) / divisor)} {unit}" for at in table]
    table.columns = pd.Index(named)
    return table.reset_index()

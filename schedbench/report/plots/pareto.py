"""Quality (simulated) against speed (this machine), at the largest sizes.

Up and right is better; the Pareto front is bold, dominated policies are faint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.table import METRICS
from schedbench.report import comparison, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "pareto"
NEEDS = "two policies or more, and measured speeds"
TITLE = "Quality against speed"
WALL_CLOCK = ("speed", "speed_low", "speed_high", "dominated")
COLUMNS = 3
MOST = 12


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario, size and policy: quality, speed, dominated."""
    compared = comparison.of(results)
    parts = []
    for group in views.largest(results)[:MOST]:
        chosen = views.headline(results, group)
        here = compared.cells(group)
        if not chosen or views.SPEED not in here or here[views.SPEED].isna().all():
            continue
        quality = compared.means(chosen[0], group)
        speed = compared.means(views.SPEED, group)
        frame = quality.merge(speed, on=["scenario", "size", "policy"])
        parts.append(frame.assign(label=group.label, metric=chosen[0]))
    if not parts or all(len(part) < 2 for part in parts):
        return None
    frame = pd.concat(parts, ignore_index=True).rename(columns={
        "mean_x": "quality", "low_x": "quality_low", "high_x": "quality_high",
        "mean_y": "speed", "low_y": "speed_low", "high_y": "speed_high",
    })  # fmt: skip
    frame["dominated"] = [_dominated(row, frame) for row in views.rows(frame)]
    numbers = ["quality", "quality_low", "quality_high"]
    kept = ["scenario", "size", "label", "metric", "policy", *numbers, *WALL_CLOCK]
    return frame[kept]


def _dominated(row: Any, frame: pd.DataFrame) -> bool:
    """Tell whether another policy is no worse at both and better at one."""
    sign = 1.0 if METRICS[row.metric].better == "up" else -1.0
    others = frame[frame["label"] == row.label]
    quality = sign * (others["quality"] - row.quality)
    speed = others["speed"] - row.speed
    beats = (quality >= 0) & (speed >= 0) & ((quality > 0) | (speed > 0))
    return bool(beats.any())


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel for each scenario and size."""
    known = style.looks(frame["policy"])
    labels = list(dict.fromkeys(frame["label"]))
    columns = min(COLUMNS, len(labels))
    rows = -(-len(labels) // columns)
    figure, axes = style.panels(
        rows, columns, height=2.3, gap=(0.75, 0.85),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, label in zip(axes.flat, labels, strict=False):
        _panel(axis, frame[frame["label"] == label], known)
        axis.set_title(lettering.short(label, 40))
    style.unused(axes.flat[len(labels) :])
    return figure


def _panel(axis: Axes, part: pd.DataFrame, known: dict[str, style.Look]) -> None:
    metric = part["metric"].iloc[0]
    scale = views.scale(metric)
    front = part[~part["dominated"]].sort_values("speed")
    up = METRICS[metric].better == "up"
    axis.step(
        front["speed"], front["quality"] * scale, where="pre",
        color=style.MUTED, linewidth=1, zorder=1,
    )  # fmt: skip
    for row in views.rows(part):
        look = known[str(row.policy)]
        faint = 0.4 if row.dominated else 1.0
        quality = row.quality * scale
        style.point(
            axis, (row.speed, quality), look,
            x=(row.speed_low, row.speed_high),
            y=(row.quality_low * scale, row.quality_high * scale),
            markersize=5 if row.dominated else 7.5, alpha=faint, elinewidth=0.9,
            zorder=2 if row.dominated else 3,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.margins(x=0.18, y=0.16)
    if part["quality"].min() >= 0:
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -0.05 * high), high)
    if not up:
        axis.invert_yaxis()
    lettering.log_ticks(axis.xaxis, part["speed"].min(), part["speed"].max())
    axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    axis.set_xlabel("Decisions per second (this machine) →", fontsize=8)
    axis.set_ylabel(
        f"{views.axis(metric)}, {'more' if up else 'less'} is better →", fontsize=8
    )
    _name_front(axis, part, scale, known)


def _name_front(
    axis: Axes, part: pd.DataFrame, scale: float, known: dict[str, style.Look]
) -> None:
    """Write the names of the front where they cover nothing, else leave them out."""
    place = axis.transData.transform
    means = part.set_index(part["policy"].astype(str))[["speed", "quality"]]
    means = means.assign(quality=means["quality"] * scale)
    front = part[~part["dominated"]].sort_values("speed")["policy"].astype(str)
    points = {name: place(tuple(means.loc[name])) for name in means.index}
    texts = {name: lettering.short(name, 22) for name in front}
    spots = lettering.beside(points, texts, axis.get_window_extent().extents)
    for name, (offset, side) in spots.items():
        axis.annotate(
            texts[name], tuple(means.loc[name]), xytext=offset,
            textcoords="offset points", ha=side, va="center", weight="bold",
            fontsize=lettering.SMALL, color=known[name].color, gid=known[name].gid(),
        )  # fmt: skip

"""Each policy in each scenario: the mean, and how far it is behind the best.

The darkest cell of a column is the best.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.table import METRICS
from schedbench.report import comparison, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "ranks"
TITLE = "Policies × scenarios"
MOST = 4
WORST = 0.3  # a fifth or a tenth would paint every loser alike, 1 would hide them


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario, size, policy and headline metric."""
    compared = comparison.of(results)
    groups = views.groups(results)
    asked = [metric for group in groups for metric in views.headline(results, group)]
    common = {metric for metric, _ in Counter(asked).most_common(MOST)}
    metrics = [metric for metric in dict.fromkeys(asked) if metric in common]
    rows = [
        (group.scenario, group.size, group.label, metric, row.policy, row.mean)
        for group in groups
        for metric in metrics
        for row in views.rows(compared.means(metric, group))
        if not np.isnan(row.mean)
    ]
    columns = ["scenario", "size", "label", "metric", "policy", "mean"]
    frame = pd.DataFrame(rows, columns=columns)
    if frame.empty or frame["policy"].nunique() < 2:
        return None
    parts = frame.groupby(["label", "metric"], sort=False)
    behind = [_behind(part["mean"], str(key[1])) for key, part in parts]
    return frame.assign(behind_best=pd.concat(behind))


def _behind(means: pd.Series, metric: str) -> pd.Series:
    """Return how far each mean is from the best, as a share of the largest."""
    best = means.max() if METRICS[metric].better == "up" else means.min()
    scale = max(abs(best), means.abs().max() * 0.05, 1e-12)
    behind: pd.Series = (means - best).abs() / scale
    return behind


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a heat map a metric, one column for each scenario and size."""
    metrics = list(dict.fromkeys(frame["metric"]))
    labels = list(dict.fromkeys(frame["label"]))
    names = style.present(frame["policy"])
    left = 0.3 + max(style.text_width(style.short(name), 8) for name in names)
    height = 0.26 * len(names)
    head = 0.15 + 0.58 * max(style.text_width(style.short(x), 8) for x in labels)
    figure, axes = style.panels(
        len(metrics), 1, height=height, left=left, right=0.9, top=head + 0.4,
        bottom=0.2, gap=(0, 0.4),
    )  # fmt: skip
    for axis, metric in zip(axes[:, 0], metrics, strict=True):
        part = frame[frame["metric"] == metric]
        _heat(axis, part, metric, names, labels, metric == metrics[0])
        figure.text(
            0.012, axis.get_position().y1 + 0.06 / figure.get_figheight(),
            f"{views.axis(metric)} {views.arrow(metric)}", weight="bold", va="bottom",
        )  # fmt: skip
    _key(figure, axes[0, 0])
    return figure


def _heat(
    axis: Axes,
    part: pd.DataFrame,
    metric: str,
    names: list[str],
    labels: list[str],
    head: bool,
) -> None:
    behind, mean = (
        part.pivot_table(
            index="policy", columns="label", values=value, observed=True
        ).reindex(index=names, columns=labels)
        for value in ("behind_best", "mean")
    )
    means, behinds = mean.to_numpy(float), behind.to_numpy(float)
    depth = 1 - np.clip(behinds / WORST, 0, 1)
    colours = colormaps["Blues"](0.05 + 0.85 * np.nan_to_num(depth))
    colours[np.isnan(depth)] = (0.5, 0.5, 0.5, 0.12)
    axis.imshow(colours, aspect="auto", interpolation="nearest")
    whole = all(float(value).is_integer() for value in part["mean"])
    for row, column in np.ndindex(depth.shape):
        value = means[row, column]
        text = views.number(value * views.scale(metric), whole=whole)
        best = behinds[row, column] == 0
        axis.text(
            column, row, text, ha="center", va="center", fontsize=8,
            color=_on(float(depth[row, column])), weight="bold" if best else "normal",
        )  # fmt: skip
    axis.set_xticks(range(len(labels)), [])
    if head:
        axis.xaxis.tick_top()
        axis.tick_params(axis="x", pad=14)
        axis.set_xticklabels(
            [style.short(label) for label in labels], rotation=35, ha="left"
        )
    axis.set_yticks(range(len(names)), [style.short(name) for name in names])
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def _on(depth: float) -> str:
    if np.isnan(depth):
        return style.MUTED
    return "#ffffff" if depth > 0.55 else "#10151a"


def _key(figure: Figure, axis: Axes) -> None:
    box = axis.get_position()
    width, height = figure.get_size_inches()
    tall = min(1.3 / height, box.y1 - 0.04)
    bar = figure.add_axes((1 - 0.68 / width, box.y1 - tall, 0.12 / width, tall))
    ramp = colormaps["Blues"](0.05 + 0.85 * np.linspace(0, 1, 32))[:, None, :]
    bar.imshow(ramp[::-1], aspect="auto", extent=(0, 1, WORST, 0), origin="upper")
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.set_yticks([0, WORST / 3, 2 * WORST / 3, WORST])
    bar.set_yticklabels(["0 %", "10 %", "20 %", "≥ 30 %"])
    bar.grid(visible=False)
    bar.spines[:].set_visible(False)
    bar.tick_params(length=0, labelsize=7.5)
    bar.set_title("behind best", fontsize=7.5, weight="normal", loc="left")

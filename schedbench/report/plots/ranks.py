"""Each policy at each scenario's headline metrics, at the largest size: the means.

The darker, the nearer to the best of its row; the best is bold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.table import METRICS
from schedbench.report import comparison, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "ranks"
TITLE = "Policies × scenarios"
NEEDS = "two policies or more"
WORST = 0.3  # a fifth or a tenth would paint every loser alike, 1 would hide them


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario, headline metric and policy."""
    compared = comparison.of(results)
    rows = [
        (group.scenario, group.size, group.label, metric, row.policy, row.mean)
        for group in views.largest(results)
        for metric in views.headline(results, group)
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
    """Draw a heat map a scenario, a row a metric and a column a policy."""
    places = list(dict.fromkeys(frame["label"]))
    names = style.present(frame["policy"])
    rows = [frame[frame["label"] == place]["metric"].nunique() for place in places]
    titles = {name: f"{views.axis(name)} {views.arrow(name)}" for name in
              dict.fromkeys(frame["metric"])}  # fmt: skip
    left = 0.25 + max(lettering.text_width(each, 8) for each in titles.values())
    across = (style.WIDTH - left - 0.9) / len(names)
    widest = max(lettering.text_width(lettering.short(name), 8) for name in names)
    slant = widest > across
    head = 0.1 + (0.58 * widest if slant else 0.0)
    gap = 0.34
    total = head + gap * len(places) + 0.27 * sum(rows) + 0.15
    figure = Figure(figsize=(style.WIDTH, total))
    down = head
    for place, count in zip(places, rows, strict=True):
        down += gap
        height = 0.27 * count
        box = (left, total - down - height, across * len(names), height)
        axis = figure.add_axes(_share(box, style.WIDTH, total))
        _heat(axis, frame[frame["label"] == place], names, titles)
        figure.text(0.012, 1 - (down - 0.08) / total, place, weight="bold", va="bottom")
        if place == places[0]:
            _name_columns(axis, names, slant)
            _key(figure, axis)
        down += height
    return figure


def _share(
    box: tuple[float, float, float, float], width: float, height: float
) -> tuple[float, float, float, float]:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _name_columns(axis: Axes, names: list[str], slant: bool) -> None:
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", pad=12)
    axis.set_xticks(
        range(len(names)),
        [lettering.short(name) for name in names],
        rotation=35 if slant else 0,
        ha="left" if slant else "center",
    )


def _heat(
    axis: Axes, part: pd.DataFrame, names: list[str], titles: dict[str, str]
) -> None:
    metrics = list(dict.fromkeys(part["metric"]))
    behinds, means = (
        part.pivot_table(index="metric", columns="policy", values=value, observed=True)
        .reindex(index=metrics, columns=names)
        .to_numpy(float)
        for value in ("behind_best", "mean")
    )
    depth = 1 - np.clip(behinds / WORST, 0, 1)
    colours = colormaps["Blues"](0.05 + 0.85 * np.nan_to_num(depth))
    colours[np.isnan(depth)] = (0.5, 0.5, 0.5, 0.12)
    axis.imshow(colours, aspect="auto", interpolation="nearest")
    size = 8 if len(names) <= 10 else 6.5
    for row, column in np.ndindex(depth.shape):
        metric = metrics[row]
        shown = means[row] * views.scale(metric)
        whole = (
            METRICS[metric].unit != "fraction" and shown[~np.isnan(shown)].min() > 99
        )
        axis.text(
            column, row, views.number(shown[column], whole=whole),
            ha="center", va="center", fontsize=size,
            color=_on(float(depth[row, column])),
            weight="bold" if behinds[row, column] == 0 else "normal",
        )  # fmt: skip
    axis.set_xticks([])
    axis.set_yticks(range(len(metrics)), [titles[name] for name in metrics])
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
    tall = min(1.1 / height, box.y1 - 0.04)
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
    bar.set_title("behind best", fontsize=7.5, weight="normal", loc="left", pad=5)

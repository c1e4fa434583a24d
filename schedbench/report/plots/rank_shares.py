"""How often each policy has which rank, over scenarios, sizes and seeds.

The darker, the better the rank; equal values share the better one, and a policy without
a value has the last. At the right the mean rank, for which ties count their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from schedbench.report import across, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "rank_shares"
TITLE = "Distribution of ranks across scenarios"
NEEDS = "two policies or more, and two scenarios or sizes of one headline metric"


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each metric, policy and rank that it had."""
    from schedbench.experiment.statistics import rank_distribution

    parts = [
        rank_distribution(cells, metric).assign(metric=metric)
        for metric, cells in across.problems(results).items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else None


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the metrics as words and the shares as percentages."""
    return pd.DataFrame(
        {
            "metric": frame["metric"].map(views.title),
            "policy": frame["policy"],
            "rank": frame["rank"],
            "problems": frame["problems"],
            "share %": (frame["share"] * 100).round(1),
            "mean rank": frame["mean_rank"].round(2),
        }
    )


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel a metric, a bar a policy."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    metrics = list(dict.fromkeys(frame["metric"]))
    left = 0.3 + max(lettering.text_width(lettering.short(name), 8.5) for name in names)
    figure, axes = style.panels(
        1, len(metrics), height=0.28 * len(names) + 0.1, left=left, right=0.5,
        gap=(0.6, 0), top=0.72, bottom=0.5,
    )  # fmt: skip
    for axis, metric in zip(axes[0], metrics, strict=True):
        _bars(axis, frame[frame["metric"] == metric], metric, names, known)
    axes[0, 0].set_yticks(range(len(names)), [lettering.short(name) for name in names])
    for tick, name in zip(axes[0, 0].get_yticklabels(), names, strict=True):
        tick.set_gid(known[name].gid())
    _key(figure, left, len(names))
    return figure


def _bars(
    axis: Axes,
    part: pd.DataFrame,
    metric: str,
    names: list[str],
    known: dict[str, style.Look],
) -> None:
    for at, name in enumerate(names):
        rows: list[Any] = views.rows(part[part["policy"] == name].sort_values("rank"))
        begin = 0.0
        gid = known[name].gid()
        for row in rows:
            colour = _colour(row.rank, len(names))
            axis.barh(
                at, row.share * 100, left=begin, height=0.72, color=colour, gid=gid,
                edgecolor=style.LINE, linewidth=0.4,
            )  # fmt: skip
            if row.share > 0.12:
                axis.text(
                    begin + row.share * 50, at, str(row.rank), ha="center",
                    va="center", fontsize=lettering.SMALL, gid=gid,
                    color=_on(row.rank, len(names)),
                )  # fmt: skip
            begin += row.share * 100
        if rows:
            axis.text(
                103, at, f"{rows[0].mean_rank:.1f}", va="center", gid=gid,
                fontsize=lettering.SMALL,
            )  # fmt: skip
    axis.text(
        103, -0.72, "mean", va="center", fontsize=lettering.SMALL, color=style.MUTED
    )
    axis.set_xlim(0, 100)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_yticks(range(len(names)), [])
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False)
    axis.set_xlabel("Share of the problems (%)")
    axis.set_title(f"{views.title(metric)} {views.arrow(metric)}", pad=12)


def _depth(rank: int, ranks: int) -> float:
    return 1 - (rank - 1) / max(ranks - 1, 1)


def _colour(rank: int, ranks: int) -> tuple[float, ...]:
    shade = colormaps["Blues"](0.05 + 0.85 * _depth(rank, ranks))
    return tuple(float(part) for part in np.asarray(shade))


def _on(rank: int, ranks: int) -> str:
    return "#ffffff" if _depth(rank, ranks) > 0.55 else "#10151a"


def _key(figure: Figure, left: float, ranks: int) -> None:
    """Show the ranks' shades above the panels, from the best to the last."""
    width, height = figure.get_size_inches()
    y = 1 - 0.2 / height
    figure.text((left - 0.08) / width, y, "rank", va="center_baseline", ha="right")
    for rank in range(1, ranks + 1):
        x = (left + 0.26 * (rank - 1)) / width
        box = (x, y - 0.07 / height)
        figure.add_artist(
            Rectangle(
                box, 0.24 / width, 0.16 / height, facecolor=_colour(rank, ranks),
                edgecolor=style.LINE, linewidth=0.4, transform=figure.transFigure,
            )
        )  # fmt: skip
        figure.text(
            x + 0.12 / width, y + 0.005 / height, str(rank), ha="center", va="center",
            fontsize=lettering.SMALL, color=_on(rank, ranks),
        )  # fmt: skip

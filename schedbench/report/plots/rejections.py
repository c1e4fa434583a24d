"""Why nodes were refused at a pod's first failed attempt; mean over seeds.

A node counts for the plugin that refused it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "rejections"
NEEDS = "a pod that nodes refused"
TITLE = "Reasons for rejection"
EACH_SCENARIO = True
MOST = 7


def data(results: Results) -> pd.DataFrame | None:
    """Return rejected nodes for each scenario, policy, plugin and reason."""
    if results.rejections.empty:
        return None
    cells = views.done(results).astype({"size": str})
    parts = []
    for group in views.largest(results):
        here = views.of(results.rejections, group)
        if here.empty or here["nodes"].sum() == 0:
            continue
        seeds = (
            views.of(cells, group).groupby("policy", observed=True)["seed"].nunique()
        )
        keys = ["scenario", "size", "policy", "plugin", "reason"]
        sums = (
            here.groupby(keys, observed=True, sort=False)["nodes"].sum().reset_index()
        )
        share = sums["policy"].astype(str).map(seeds).fillna(1)
        parts.append(sums.assign(nodes=sums["nodes"] / share))
    return pd.concat(parts, ignore_index=True) if parts else None


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one stacked bar a policy; the rarest reasons are summed up."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    cause = frame["plugin"] + ": " + frame["reason"]
    totals = (
        frame["nodes"].groupby(cause).sum().sort_values(ascending=False, kind="stable")
    )
    kept = list(totals.index[:MOST])
    cause = cause.where(cause.isin(kept), "all other reasons")
    wide = frame.assign(cause=cause).pivot_table(
        index="policy", columns="cause", values="nodes", aggfunc="sum", observed=True
    )
    order = [*kept, *(["all other reasons"] if "all other reasons" in wide else [])]
    wide = wide.reindex(index=names, columns=order).fillna(0)
    left = 0.3 + max(lettering.text_width(lettering.short(name), 8.5) for name in names)
    key = 0.165 * len(order) + 0.1
    figure, axes = style.panels(
        1, 1, height=0.28 * len(names) + 0.1, left=left, top=key + 0.1, bottom=0.5
    )
    axis = axes[0, 0]
    start = pd.Series(0.0, index=wide.index)
    for number, name in enumerate(order):
        colour, hatch = _fill(number, name)
        bars = axis.barh(
            range(len(names)), wide[name], left=start, height=0.68, color=colour,
            hatch=hatch, edgecolor=style.CARD, linewidth=0.6,
            label=lettering.short(name, 90),
        )  # fmt: skip
        for bar, policy in zip(bars, names, strict=True):
            bar.set_gid(known[policy].gid())
        start += wide[name]
    axis.set_yticks(range(len(names)), [lettering.short(name) for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    axis.set_xlabel("Refused nodes a run, summed over first failed attempts (nodes)")
    figure.legend(
        loc="upper left", bbox_to_anchor=(0.004, 1), ncols=1, labelspacing=0.35,
        handlelength=1.2, borderpad=0.2, fontsize=8,
    )  # fmt: skip
    return figure


def _fill(number: int, name: str) -> tuple[str, str | None]:
    if name == "all other reasons":
        return style.MUTED, None
    hatches = (None, "////", None, "....", None, "xxxx", None)
    return style.PALETTE[number % len(style.PALETTE)][0], hatches[number % len(hatches)]

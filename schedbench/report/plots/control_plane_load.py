"""Load of the control plane over simulated time: calls, writes, and what waits.

Lines are means over seeds; the band reaches from the least to the most of any seed,
and is the baseline's alone where there are more than three policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import lettering, style, timelines

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "control_plane_load"
TITLE = "Load of the control plane"
EACH_SCENARIO = True
NEEDS = "samples of rates and queues"
COLUMNS = 3
MOST = 9
UNITS = {"rate_": "a second", "depth_": "waiting"}
WORDS = {"api": "API"}


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high of each rate and queue for each scenario and policy.

    Samples have a column `rate_<what>` for what happens so often a second, and
    `depth_<what>` for a queue; those that are always 0 are left out. Columns of the
    result as of `timelines.over_seeds`.
    """
    named = [str(name) for name in results.samples]
    columns = [name for kind in UNITS for name in named if name.startswith(kind)]
    busy = [name for name in columns if results.samples[name].max() > 0]
    return timelines.over_seeds(results, busy[:MOST])


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments."""
    return timelines.wide(frame, "what")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel for each rate and queue, policies overlaid."""
    known = style.looks(frame["policy"])
    shown = list(dict.fromkeys(frame["what"]))
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = style.panels(
        rows, columns, height=1.7, gap=(0.75, 0.8),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, what in zip(axes.flat, shown, strict=False):
        timelines.overlay(axis, frame[frame["what"] == what], known)
        axis.set_ylim(bottom=0)
        kind, _, rest = what.partition("_")
        axis.set_title(_words(rest))
        axis.set_ylabel(UNITS[f"{kind}_"].capitalize())
        axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
        axis.locator_params(axis="y", nbins=5)
    style.unused(axes.flat[len(shown) :])
    return figure


def _words(what: str) -> str:
    words = " ".join(WORDS.get(word, word) for word in what.split("_"))
    return words if words.startswith("etcd") else words[:1].upper() + words[1:]

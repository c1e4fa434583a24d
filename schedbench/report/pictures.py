"""The plots of a run, drawn, with their files, captions and data."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from schedbench.report import drawing, style, tables, views
from schedbench.report.plots import PLOTS

if TYPE_CHECKING:
    from schedbench.experiment.store import Results


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A drawn plot: its words, its place, its SVG, its files, its data."""

    name: str
    title: str
    caption: str
    kind: str
    section: str
    svg: Markup
    tables: list[tables.Table]


@dataclasses.dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its plot module, its data, its file's stem, its scenario."""

    plot: Any
    frame: pd.DataFrame
    file: str
    scenario: str | None
    figure: Figure


def pictures(
    results: Results, folder: Path, shown: Sequence[str]
) -> list[tuple[str | None, Picture]]:
    """Draw every plot that applies, write its files; return (scenario or None, it).

    Plots of single scenarios are drawn for those `shown`.
    """
    names = views.policies(results)
    with style.paper():
        drawn = list(_drawn(results, shown))
    with drawing.pngs({folder / f"{one.file}.png": one.figure for one in drawn}):
        return [(one.scenario, _picture(one, names, folder)) for one in drawn]


def _drawn(results: Results, shown: Sequence[str]) -> Iterator[Drawn]:
    parts = slugs(shown)
    last = {group.scenario: group for group in views.largest(results)}
    for name, where in PLOTS.items():
        plot = importlib.import_module(where)
        frame = plot.data(results)
        if frame is None or frame.empty:
            continue
        frame = views.arrange(frame, results)
        if not getattr(plot, "EACH_SCENARIO", False):
            yield Drawn(plot, frame, name, None, plot.draw(frame))
            continue
        for scenario in shown:
            part = views.of(frame, last[scenario])
            if not part.empty:
                file = f"{name}.{parts[scenario]}"
                yield Drawn(plot, part, file, scenario, plot.draw(part))


def missing(
    drawn: Sequence[tuple[str | None, Picture]], shown: Sequence[str]
) -> list[str]:
    """Say, a line a need, what the run lacks for the plots that are not drawn."""
    titles: dict[tuple[str, str], list[str]] = {}
    found = {(scenario, picture.name.split(".")[0]) for scenario, picture in drawn}
    for name, where in PLOTS.items():
        plot = importlib.import_module(where)
        each = getattr(plot, "EACH_SCENARIO", False)
        places: Sequence[str | None] = shown if each else [None]
        without = [place for place in places if (place, name) not in found]
        if without:
            at = ""
            if each and len(without) < len(places):
                at = f" for {', '.join(map(str, without))}"
            titles.setdefault((at, plot.NEEDS), []).append(plot.TITLE)
    return [
        f"{named[0]} is not drawn{at}: it needs {needs}."
        if len(named) == 1
        else f"Not drawn{at}, as they need {needs}: {'; '.join(named)}."
        for (at, needs), named in titles.items()
    ]


def _picture(one: Drawn, policies: list[str], folder: Path) -> Picture:
    plot = one.plot
    with style.paper():
        text = drawing.svg(one.figure)
    (folder / f"{one.file}.svg").write_text(text, encoding="utf-8", newline="\n")
    wall_clock = tuple(getattr(plot, "WALL_CLOCK", ()))
    listed = plot.table(one.frame) if hasattr(plot, "table") else one.frame
    if getattr(plot, "EACH_SCENARIO", False):
        listed = listed.drop(columns=["scenario", "size"], errors="ignore")
    data = tables.of_frame(listed, policies, wall_clock)
    kinds = {table.kind for table in data}
    return Picture(
        name=one.file,
        title=plot.TITLE,
        caption=" ".join((plot.__doc__ or "").split()),
        kind=kinds.pop() if len(kinds) == 1 else "both",
        section=getattr(plot, "SECTION", "overview"),
        svg=Markup(drawing.inline(text, one.file.replace(".", "-"))),  # noqa: S704
        tables=data,
    )


def slugs(names: Sequence[str]) -> dict[str, str]:
    """Return a file name part for each name: harmless and unlike the others."""
    slugs: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "scenario"
        while slug in slugs.values():
            slug += "-2"
        slugs[name] = slug
    return slugs

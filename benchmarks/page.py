"""The page of a run: reports/performance/index.md with its plots and results."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import studies, table
from benchmarks.measure import Measured
from benchmarks.plots import PLOTS
from benchmarks.plots.stages import STAGES
from benchmarks.results import NAME, Results
from benchmarks.suite import SUITE

PAGE = "index.md"
TABLE = "table.md"
"""What the README holds of it."""
WRITTEN = (
    "Written by `make bench`. All times are wall-clock times of one machine; nothing "
    "here is simulated time."
)
SUITE_COLUMNS = (
    *("workload", "nodes:", "pods:", "classes:", "nodes scored", "decisions:"),
    *("decisions/s:", "of the goal:", "replay:", "all stages:", "peak memory:"),
    "as scan",
)
STUDY_COLUMNS = (
    *("study", "point", "engine", "nodes:", "pods:", "classes:", "decisions/s:"),
    *("slowest – fastest:", "µs a decision:"),
)
"""A colon sets a column's figures to the right."""
PNG = frozenset({"workloads"})
"""Plots that are kept as PNG too, for the README."""
STUDIES = (studies.NODES, studies.CLASSES, studies.PODS, studies.ENGINES)


def write(results: Results, folder: Path) -> None:
    """Write page, plots and results into a folder, in place of what is there."""
    from schedbench.report.drawing import png, svg

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for plot in PLOTS:
        figure = plot.draw(results)
        if figure is None:
            continue
        (folder / f"{plot.name}.svg").write_text(svg(figure), encoding="utf-8")
        if plot.name in PNG:
            (folder / f"{plot.name}.png").write_bytes(png(figure))
    (folder / NAME).write_bytes(msgspec.json.encode(results) + b"\n")
    (folder / PAGE).write_text(text(results), encoding="utf-8")
    (folder / TABLE).write_text(table.readme_table(results), encoding="utf-8")


def text(results: Results) -> str:
    """Return the page."""
    parts = [
        "# How fast schedbench is",
        WRITTEN,
        "## Figures to reach",
        table.figures_table(results).rstrip(),
        table.conditions(results),
    ]
    for plot in PLOTS:
        if plot.draw(results) is not None:
            alt = f"![{plot.title}]({plot.name}.svg)"
            parts += [f"## {plot.title}", alt, plot.caption]
            if plot.name == "stages":
                parts.append(_stages(results))
    parts += ["## Every workload of the suite", _suite(results)]
    parts += ["## Every point of the studies", _studies(results)]
    return "\n\n".join(parts) + "\n"


def _suite(results: Results) -> str:
    lines = [_header(SUITE_COLUMNS)]
    scans = {
        one.key[:3]: one
        for one in results.measured
        if (one.study, one.engine, one.status) == (SUITE, "scan", "done")
    }
    for one in results.measured:
        if (one.study, one.engine) != (SUITE, "auto"):
            continue
        scored = table.SCORED[one.scoring]
        if one.status != "done":
            why = one.error.splitlines()[-1] if one.error else ""
            said = f"{one.status}: {why}".replace("|", "\\|")
            lines.append(f"| {one.name} | | | | {scored} | {said} | | | | | | |")
            continue
        rate = one.decisions_per_second
        share = f"{100 * rate / one.goal:.0f} %" if rate and one.goal else "–"
        scan = scans.get(one.key[:3])
        alike = (
            "not played" if scan is None else ("yes", "NO")[scan.digest != one.digest]
        )
        lines.append(
            f"| {one.name} | {one.nodes:,} | {one.pods:,} | {one.classes:,} | {scored} "
            f"| {one.decisions:,} | {_rate(one)} | {share} "
            f"| {one.stages['replay']:.3g} s | {one.seconds:.3g} s "
            f"| {one.peak_rss_bytes / 2**30:.2f} GiB | {alike} |"
        )
    note = (
        "\n\nThe goal is a thousand times upstream's threshold, where it has one. Peak "
        "memory is that of the process while it was at the workload, with what earlier "
        "ones left. *As scan* tells whether engine scan placed every pod alike.\n"
    )
    return "\n".join(lines) + note.rstrip()


def _stages(results: Results) -> str:
    """Return the sums over the suite, stage by stage."""
    lines = [_header(("nodes scored", *(f"{name}:" for name in STAGES), "sum:"))]
    for scoring, shown in table.SCORED.items():
        found = [
            one.stages
            for one in results.measured
            if (one.study, one.scoring, one.engine) == (SUITE, scoring, "auto")
        ]
        sums = [sum(one.get(name, 0.0) for one in found) for name in STAGES]
        cells = " | ".join(f"{seconds:.3g} s" for seconds in (*sums, sum(sums)))
        lines.append(f"| {shown} | {cells} |")
    return "\n".join(lines)


def _studies(results: Results) -> str:
    lines = [_header(STUDY_COLUMNS)]
    for study in STUDIES:
        for one in results.measured:
            if one.study != study:
                continue
            start = f"| {study} | {one.name} | {one.engine} "
            cost = one.decision_us
            if cost is None:
                lines.append(f"{start}| | | | {one.status} | | |")
                continue
            low, high = table.rounded(min(one.rates)), table.rounded(max(one.rates))
            lines.append(
                f"{start}| {one.nodes:,} | {one.pods:,} | {one.classes:,} "
                f"| {_rate(one)} | {low} – {high} | {cost:.3g} |"
            )
    return "\n".join(lines)


def _header(columns: Sequence[str]) -> str:
    names = " | ".join(column.rstrip(":") for column in columns)
    rules = "|".join("---:" if column.endswith(":") else "---" for column in columns)
    return f"| {names} |\n|{rules}|"


def _rate(one: Measured) -> str:
    rate = one.decisions_per_second
    return table.rounded(rate) if rate else "–"

"""The tables and sentences in which a run's results are told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.output import Table

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.cell import CellResult
    from schedbench.experiment.store import Results

TOLD = ("pods_bound", "attempts")
"""Metrics in every table; results of older versions may lack one."""
WALL_CLOCK = (
    "decisions_per_second",
    "schedule_seconds",
    "total_seconds",
    "compile_seconds",
    "peak_rss_bytes",
)


def cell_document(cell: CellResult) -> dict[str, Any]:
    """Return a cell as `--json` prints it."""
    return {
        "scenario": cell.scenario,
        "size": cell.size,
        "policy": cell.policy,
        "seed": cell.seed,
        "engine": cell.engine,
        "status": cell.status,
        "error": cell.error,
        "nodes": cell.nodes,
        "pods": cell.pods,
        "metrics": {name: _plain(value) for name, value in cell.metrics.items()},
        "wall_clock": dict.fromkeys(WALL_CLOCK)
        | {name: _plain(value) for name, value in cell.wall_clock.items()},
        "placement_digest": cell.placement_digest,
        "threshold_failures": cell.threshold_failures,
        "notes": cell.notes,
        "key": cell.key,
    }


def tell(results: Results) -> None:
    """Print the tables of a run: simulated metrics, wall clock, and the verdicts."""
    from schedbench.report.comparison import of as compared
    from schedbench.report.verdicts import verdicts

    if not (results.cells["status"] == "done").any():
        return
    for title, table in tables(results):
        output.result(click.style(title, bold=True))
        output.result(table.text() + "\n")
    for verdict in verdicts(compared(results)):
        output.result(click.style(verdict.lead, bold=True))
        if verdict.detail:
            output.result(f"  {verdict.detail}")
    told = list(distances(results))
    if told:
        output.result(click.style("Beside what no policy can beat:", bold=True))
        for line in told:
            output.result(f"  {line}")


def distances(results: Results) -> Iterator[str]:
    """Yield how far the best policy and the baseline are from each headline bound."""
    from schedbench.report import regret, views

    for group in views.groups(results):
        for text in regret.sentences(results, group):
            yield f"{group.label}: {text}"


def bounds_document(results: Results) -> dict[str, Any]:
    """Return bounds and regrets as `--json` prints them; nothing without bounds."""
    from schedbench.experiment.regret import documents, regret, summary

    if not len(results.bounds):
        return {}
    bounds = results.bounds.drop(columns="key")
    regrets = summary(regret(results))
    return {"bounds": documents(bounds), "regret": documents(regrets)}


def tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Yield a title and a table for each scenario and size, and one of wall clock."""
    from schedbench.report import views

    done = views.done(results)
    for group in views.groups(results):
        cells = views.of(done, group)
        if not len(cells):
            continue
        place = f"{group.scenario}/{group.size}".rstrip("/")
        seeds = output.counted(cells["seed"].nunique(), "seed")
        pods = int(cells["pods"].max())
        title = f"{place}: {group.nodes:,} nodes, {pods:,} pods, {seeds} (simulated)"
        told = [name for name in TOLD if name in cells]
        metrics = list(dict.fromkeys([*told, *views.headline(results, group)]))
        yield title, summary_table(cells, metrics, lead=("policy",))
    yield (
        "On this machine (wall clock)",
        summary_table(
            done, [*WALL_CLOCK[:2], *WALL_CLOCK[3:]], lead=("scenario", "policy")
        ),
    )


def summary_table(
    cells: pd.DataFrame, metrics: Sequence[str], lead: Sequence[str]
) -> Table:
    """Return means and their 95 % intervals, a row a policy and a column a metric."""
    from schedbench.experiment.statistics import summarize
    from schedbench.metrics.table import METRICS

    columns = []
    keys: list[tuple[str, ...]] = []
    for metric in metrics:
        frame = summarize(cells, metric)
        places = frame["scenario"] + "/" + frame["size"]
        frame["scenario"] = places.str.rstrip("/")
        keys = list(frame[list(lead)].itertuples(index=False, name=None))
        columns.append([_interval(row, metric) for row in frame.to_dict("records")])
    header = [*lead]
    for metric in metrics:
        unit = "MiB" if METRICS[metric].unit == "bytes" else METRICS[metric].unit
        told = (
            not unit or unit in metric or unit in {"pods", "nodes", "attempts", "1/s"}
        )
        header.append(metric if told else f"{metric} [{unit}]")
    rows = [
        [*key, *(column[place] for column in columns)] for place, key in enumerate(keys)
    ]
    return Table(header, rows, frozenset(range(len(lead), len(header))))


def problems(cells: Iterable[CellResult], scenarios: Iterable[Any]) -> Iterator[str]:
    """Yield a line for each error or need, with how many cells it concerns."""
    needs = {
        (each.name, each.size): ", ".join(getattr(each, "needs", ()))
        for each in scenarios
    }
    places: dict[tuple[str, str], dict[str, None]] = {}
    for cell in cells:
        if cell.status not in {"failed", "timeout", "skipped"}:
            continue
        reason = (cell.error or "no reason").strip().splitlines()[-1]
        place = f"{cell.scenario}/{cell.size}".rstrip("/")
        if cell.status != "skipped":
            place += f", {cell.policy}"
        elif needs.get((cell.scenario, cell.size)):
            reason = f"needs {needs[cell.scenario, cell.size]}, not modelled yet"
        places.setdefault((cell.status, reason), {})[place] = None
    for (status, reason), names in places.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{status}: {next(iter(names))}{more}: {reason}"


def _interval(row: dict[Any, Any], metric: str) -> str:
    """Return `mean (low … high)`, to the digits that the mean is given with."""
    scale = 2**20 if metric.endswith("_bytes") else 1
    mean, low, high = (row[name] / scale for name in ("mean", "low", "high"))
    if low != low or low == high or metric in WALL_CLOCK[1:]:  # noqa: PLR0124 (NaN)
        return output.number(mean)
    largest = max(abs(mean), 1e-4)
    decimals = max(0, 3 - math.floor(math.log10(largest)))
    shown = [f"{value:,.{decimals}f}" for value in (mean, low, high)]
    return f"{shown[0]} ({shown[1]} … {shown[2]})"


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value

"""What the tables and plots share: order of names, groups, headline, number formats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from schedbench.experiment.sentences import label
from schedbench.metrics.table import METRICS

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

HEADLINE = (
    "pod_startup_p99_s",
    "pods_never_ready",
    "recovery_s",
    "allocation_gpu_mean",
    "pods_pending",
    "nodes_used",
    "allocation_cpu_mean",
    "queue_wait_mean_s",
)
MOST = 4
SPEED = "decisions_per_second"


class Group(NamedTuple):
    """One scenario at one size: what may be compared with itself only."""

    scenario: str
    size: str
    nodes: int
    label: str


def policies(results: Results) -> list[str]:
    """Return the policies that were run, the baseline first, then as asked for."""
    ran = list(dict.fromkeys(results.cells["policy"]))
    asked = [_name(entry, "spec") for entry in results.manifest.get("policies", [])]
    order = [name for name in asked if name in ran]
    order += [name for name in ran if name not in order]
    first = baseline(results)
    return [first, *(name for name in order if name != first)]


def baseline(results: Results) -> str:
    """Return the policy that the others are compared with."""
    named = results.manifest.get("baseline")
    ran = list(dict.fromkeys(results.cells["policy"]))
    return str(named) if named in ran else str(ran[0])


def scenarios(results: Results) -> list[str]:
    """Return the scenarios that were run, in the manifest's order."""
    ran = list(dict.fromkeys(results.cells["scenario"]))
    asked = [_name(entry, "name") for entry in results.manifest.get("scenarios", [])]
    order = [name for name in dict.fromkeys(asked) if name in ran]
    return order + [name for name in ran if name not in order]


def groups(results: Results) -> list[Group]:
    """Return every scenario and size, sizes by their number of nodes."""
    keys = ["scenario", "size"]
    frame = results.cells.groupby(keys, sort=False)["nodes"].max().reset_index()
    nodes = [
        (str(row.scenario), str(row.size), 0 if pd.isna(row.nodes) else int(row.nodes))
        for row in rows(frame)
    ]
    found = []
    for scenario in scenarios(results):
        sizes = [(count, size) for name, size, count in nodes if name == scenario]
        for count, size in sorted(sizes):
            label = f"{scenario} · {size}" if len(sizes) > 1 else scenario
            found.append(Group(scenario, size, count, label))
    return found


def largest(results: Results) -> list[Group]:
    """Return each scenario at its largest size."""
    return list({group.scenario: group for group in groups(results)}.values())


def of(frame: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return the rows of one scenario at one size."""
    mask = frame["scenario"] == group.scenario
    return frame[mask & (frame["size"].astype(str) == group.size)]


def rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows with their columns as attributes."""
    return list(frame.itertuples())


def done(results: Results) -> pd.DataFrame:
    """Return the cells that ended well."""
    return results.cells[results.cells["status"] == "done"]


def measured(results: Results, kind: str) -> list[str]:
    """Return the metrics of a kind that have at least one number."""
    cells = done(results)
    return [
        name
        for name, metric in METRICS.items()
        if metric.kind == kind and name in cells and cells[name].notna().any()
    ]


def headline(results: Results, group: Group) -> list[str]:
    """Return the simulated metrics that matter most in a scenario, best first.

    The manifest's choice, else the house's. Those without a number, and those that
    every one of several policies shares, are left out while there are others.
    """
    from schedbench.experiment.grid import headline_of

    cells = of(done(results), group)
    single = len(set(cells["policy"])) == 1
    for asked in (headline_of(results.manifest, group.scenario), HEADLINE):
        filled = [
            str(name)
            for name in dict.fromkeys(asked)
            if name in METRICS
            and METRICS[name].simulated
            and name in cells
            and cells[name].notna().any()
        ]
        telling = [name for name in filled if single or tells(cells, name)]
        if telling:
            return telling[:MOST]
    return filled[:MOST]


def tells(cells: pd.DataFrame, metric: str) -> bool:
    """Tell whether a metric differs between policies in some seed."""
    counts = cells.groupby("seed")[metric].nunique(dropna=False)
    return bool((counts > 1).any())


def arrange(frame: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return the frame with policies and scenarios as ordered categories."""
    orders = {"policy": policies(results), "scenario": scenarios(results)}
    changed = {
        column: pd.Categorical(frame[column].astype(str), order, ordered=True)
        for column, order in orders.items()
        if column in frame
    }
    return frame.assign(**changed)


def title(metric: str) -> str:
    """Return a metric's name as words."""
    plain = metric.removesuffix("_us").removesuffix("_bytes")
    words = label(plain.replace("_seconds", "_time")).replace("rss", "RSS")
    return words[:1].upper() + words[1:]


def unit(metric: str) -> str:
    """Return the unit that numbers of a metric are shown in."""
    known = METRICS[metric].unit if metric in METRICS else ""
    return "%" if known == "fraction" else known


def scale(metric: str) -> float:
    """Return what numbers of a metric are multiplied by to be shown."""
    return 100.0 if unit(metric) == "%" else 1.0


def axis(metric: str) -> str:
    """Return the label of an axis that shows a metric."""
    shown = unit(metric)
    return f"{title(metric)} ({shown})" if shown else title(metric)


def arrow(metric: str) -> str:
    """Return ↑ where more is better, ↓ where less is."""
    better = METRICS[metric].better if metric in METRICS else "none"
    return {"up": "↑", "down": "↓"}.get(better, "")


def number(value: Any, digits: int = 3, *, whole: bool = True) -> str:
    """Return a number for people: three significant digits, thousands apart.

    With `whole`, whole numbers stand without a decimal point.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    size = abs(float(value))
    if math.isinf(size):
        return "∞" if value > 0 else "−∞"
    if size >= 10 ** (digits - 1) or (whole and float(value).is_integer()):
        text = f"{float(value):,.0f}"
    elif size < 1e-3:
        text = f"{float(value):.{digits - 1}g}"
    else:
        after = digits - 1 - math.floor(math.log10(size))
        text = f"{float(value):.{max(after, 0)}f}"
    if float(text.replace(",", "")) == 0:
        text = "0"
    return text.replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")


def shown(value: Any, metric: str) -> str:
    """Return a metric's value with its unit."""
    if value is None or pd.isna(value):
        return "–"
    if unit(metric) == "bytes":
        return f"{number(value / 1024**2)} MiB"
    mark = unit(metric)
    space = "\N{NARROW NO-BREAK SPACE}"
    return number(value * scale(metric)) + (f"{space}{mark}" if mark else "")


def clock(horizon: float) -> tuple[float, str]:
    """Return the divisor and the name of the time unit for an axis."""
    for seconds, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if horizon >= 3 * seconds:
            return seconds, name
    return 1.0, "s"


def _name(entry: Any, key: str) -> str:
    if isinstance(entry, dict):
        return str(entry.get(key) or entry.get("name") or entry.get("label"))
    return str(entry)

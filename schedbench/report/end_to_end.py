"""What the page says of runs that are played end to end: SLOs, percentiles of hops."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from schedbench.metrics.calls import calls_slo
from schedbench.metrics.timelines import Slo, latencies, startup_slo
from schedbench.report import views
from schedbench.report.tables import Column, Entry, Row, Table

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NO_BREAK = "\N{NO-BREAK SPACE}"
VERDICTS = {
    True: f"✓{NO_BREAK}kept",
    False: f"✗{NO_BREAK}missed",
    None: f"–{NO_BREAK}not{NO_BREAK}measured",
}
SOURCES = (
    "kubernetes/community, sig-scalability/slos: pod_startup_latency.md (pod startup), "
    "api_call_latency.md (mutating calls)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class EndToEnd:
    """The tables of the section.

    Attributes
    ----------
    objectives
        A row for each service level objective, scenario and policy.
    hops
        A group and the percentiles of each hop there.
    sources
        Where the objectives are published.
    """

    objectives: Table
    hops: list[tuple[views.Group, Table]]
    sources: str


def end_to_end(results: Results) -> EndToEnd | None:
    """Return the tables of each scenario at its largest size; None for replays."""
    if results.timelines.empty:
        return None
    policies = views.policies(results)
    rows: list[Row] = []
    hops = []
    for group in views.largest(results):
        here = views.of(results.timelines, group)
        if here.empty:
            continue
        rows += _objectives(startup_slo, here, group, policies)
        if len(results.calls):
            calls = views.of(results.calls, group)
            rows += _objectives(calls_slo, calls, group, policies)
        hops.append((group, _hops(here, policies)))
    columns = [
        Column("Policy", numeric=False),
        Column("Scenario", numeric=False),
        Column("Objective", numeric=False),
        Column("Value", "↓", "s", "Of the worst seed, in simulated time"),
        Column("Limit", unit="s"),
        Column("Verdict", numeric=False),
        Column("Slowest", numeric=False, about="The verb and kind of the value"),
    ]
    return EndToEnd(Table(columns, rows), hops, SOURCES)


def _objectives(
    measure: Callable[[pd.DataFrame], Slo],
    frame: pd.DataFrame,
    group: views.Group,
    policies: list[str],
) -> Iterator[Row]:
    """Yield an objective under each policy, in the seed where it fares worst."""
    for number, policy in enumerate(policies):
        runs = frame[frame["policy"] == policy]
        found = [measure(run) for _, run in runs.groupby("seed")]
        if found:
            slo = max(found, key=lambda one: -1.0 if one.passed is None else one.value)
            yield _objective(slo, group, policy, number)


def _objective(slo: Slo, group: views.Group, policy: str, number: int) -> Row:
    word = VERDICTS[slo.passed]
    return Row(
        [
            Entry(policy, policy),
            Entry(group.label, group.label),
            Entry(slo.name, slo.name),
            Entry(views.number(slo.value), None if slo.passed is None else slo.value),
            Entry(views.number(slo.limit), slo.limit),
            Entry(word, word),
            Entry(slo.worst.replace(" ", NO_BREAK), slo.worst),
        ],
        number,
    )


def _hops(here: pd.DataFrame, policies: list[str]) -> Table:
    """Return the percentiles of each hop under each policy, all seeds together."""
    found = {
        policy: latencies(here[here["policy"] == policy]).set_index("hop")
        for policy in policies
        if (here["policy"] == policy).any()
    }
    hops = next(iter(found.values())).index
    rows = []
    for hop in hops:
        for policy, table in found.items():
            row = table.loc[hop]
            told = [Entry(str(hop).replace("_", " "), str(hop)), Entry(policy, policy)]
            for name in ("pods", "p50_s", "p90_s", "p99_s"):
                value = float(row[name])
                sort = None if pd.isna(value) else value
                told.append(Entry(views.number(value), sort))
            rows.append(Row(told, policies.index(policy)))
    columns = [
        Column("Hop", numeric=False, about="Since the hop before"),
        Column("Policy", numeric=False),
        Column("Pods", about="That made this hop"),
        *(Column(name, unit="s") for name in ("p50", "p90", "p99")),
    ]
    return Table(columns, rows)

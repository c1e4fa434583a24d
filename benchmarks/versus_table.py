"""The README's table of the real kube-scheduler and schedbench, measured in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCORED = {"all": "all", "adaptive": "sampled"}
HEAD = (
    "| workload | nodes scored | kube-scheduler, algorithm | with queue and binding "
    "| schedbench, decisions | whole replay | times as fast: algorithm | whole "
    "| less CPU |\n|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def versus_table(found: Mapping[str, Any]) -> str:
    """Return the table in pods a second, and the conditions of the run."""
    lines = [HEAD, *map(_row, found["rows"])]
    return "\n".join(lines) + "\n\n" + _conditions(found) + "\n"


def _row(row: Mapping[str, Any]) -> str:
    pods, real, bound, ours = row["pods"], row["algorithm"], row["binding"], row["ours"]
    rates = (
        pods / real["wallSeconds"],
        pods / bound["wallSeconds"],
        pods / ours["decide"],
        pods / ours["wall"],
    )
    ratios = (
        rates[2] / rates[0],
        rates[3] / rates[1],
        bound["cpuSeconds"] / ours["cpu"],
    )
    cells = [f"{rate:,.0f}/s" for rate in rates]
    cells += [f"{_round(ratio):,} ×" for ratio in ratios]
    return f"| {row['what']} | {SCORED[row['scoring']]} | {' | '.join(cells)} |"


def _round(ratio: float) -> int:
    """Return a ratio with two digits; the third is not steady from run to run."""
    digits = max(len(str(int(ratio))) - 2, 0)
    return int(round(ratio, -digits))


def _conditions(found: Mapping[str, Any]) -> str:
    row, cpu = found["rows"][0], found["environment"]["cpu"]
    real = row["algorithm"]
    return (
        f"{row['nodes']:,} nodes, {row['pods']:,} pods placed beside those that "
        "scheduler_perf's workload has placed before, in one run, in turn, on one "
        f"machine without API server: {cpu['model']}, {real['gomaxprocs']} cores. "
        f"kube-scheduler {real['kubernetes']} ({real['go']}) uses all cores, "
        "schedbench one. *Algorithm* is snapshot, filters, scores and Reserve there, "
        "the scheduling calls here; *with queue and binding* is the whole scheduler on "
        "a client that answers at once there, the whole replay here. *Less CPU* "
        "compares the processor seconds of those two; schedbench's hold the setting up "
        "of its run too. Medians of 5 replays here, one run there; "
        f"{found['date']}; load average before {found['load']:.1f}."
    )

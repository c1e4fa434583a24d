"""The tables of a run, in Markdown: what is printed, and what the README holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks import figures
from benchmarks.figures import Row, rows
from benchmarks.plan import FULL, QUICK
from benchmarks.results import Results

HEADER = (
    "| what | nodes scored | reach | measured | reached | kube-scheduler "
    "| times as fast | conditions |\n"
    "|---|---|---:|---:|---|---:|---:|---|"
)
SCORED = {"all": "all", "adaptive": "sampled"}
BUSY = 0.5
"""A load average before the run from which on figures are worse than they could be."""
LISTED = 6
NOISY = 1.25
"""Slowest ÷ fastest replay from which on a figure is called noisy."""


def figures_table(results: Results) -> str:
    """Return each figure to reach with what was measured, and its conditions."""
    lines = [HEADER]
    for row in rows(results):
        sign = "≥" if row.better == "up" else "≤"
        goal = amount(row.goal, row.unit)
        lines.append(
            f"| {row.what} | {SCORED[row.scoring]} | {sign} {goal} "
            f"| {_measured(row)} | {_reached(row)} "
            f"| {f'{row.real:,.0f}/s' if row.real else '–'} "
            f"| {f'{rounded(row.times)}×' if row.times else '–'} "
            f"| {row.conditions} |"
        )
    return "\n".join(lines) + "\n"


def readme_table(results: Results) -> str:
    """Return the README's part: the table and the conditions under which it holds."""
    return f"{figures_table(results)}\n{conditions(results)}\n"


def conditions(results: Results) -> str:
    """Return under which conditions the figures hold, and what was checked."""
    here = results.environment
    plan = QUICK if results.quick else FULL
    sizes = " Tiny sizes, which only show that all works." if results.quick else ""
    return (
        f"Wall-clock times of one process on {here['cpu']['model']} "
        f"({here['cpu']['cores']} cores, one used), Python {here['python']}, numba "
        f"{here['libraries']['numba']}, {results.date[:10]}, compiled before; "
        f"medians of up to {plan.repeats} replays after one that is not counted, the "
        f"suite once.{sizes}\n\n"
        "decisions/s is scheduling calls per second of scheduling; *in all* is the "
        "time of a replay with all that is not scheduling; preemptions/s is "
        "preemptions decided per second of all attempts of the preempting pods, the "
        "one that binds them too. *all*: every feasible node is scored, ties drawn "
        "from the seed; *sampled*: upstream's adaptive sampling, its default. "
        "The real kube-scheduler is v1.34.1, its algorithm alone, without API server, "
        "on 5,000 nodes and both cores of a quiet 2-core machine of this kind "
        f"(preemption: a busy one).\n\n{checked(results)}"
    )


def checked(results: Results) -> str:
    """Return what the digests say, and what went wrong, in sentences."""
    wrong, lost = results.wrong_digests(), results.lost()
    unchecked = results.unchecked()
    scanned = [
        one for one in results.measured if (one.engine, one.status) == ("scan", "done")
    ]
    compared = f"Placements were compared with engine scan's in {len(scanned):,} runs"
    said = [f"{compared}: {len(wrong)} differ."]
    played = {one.key: one.pods for one in results.measured if one.engine == "auto"}
    fewer = sum(one.pods < played.get((*one.key[:3], "auto"), 0) for one in scanned)
    if fewer:
        said.append(f"In {fewer} of them scan played the first pods only.")
    if unchecked:
        names = _listed([f"{one.name} ({SCORED[one.scoring]})" for one in unchecked])
        said.append(
            f"In {len(unchecked)} scan did not end within its limit or was not "
            f"played: {names}."
        )
    if lost:
        names = _listed(
            [
                f"{one.name} ({SCORED[one.scoring]}, {one.engine}: {one.status})"
                for one in lost
            ]
        )
        said.append(f"{len(lost)} measurements failed or took too long: {names}.")
    return " ".join([*said, *warnings(results)])


def _listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are; the page has them all."""
    more = len(names) - LISTED
    first = ", ".join(names[:LISTED])
    return f"{first}, and {more} more" if more > 0 else first


def warnings(results: Results) -> list[str]:
    """Return what makes the figures doubtful, one sentence each."""
    said = []
    if results.load and results.load[0] > BUSY:
        said.append(
            f"The machine was busy before: load average {results.load[0]:g}; "
            "measure again when it is quiet."
        )
    noisy = [
        f"{row.what} ({SCORED[row.scoring]})"
        for row in rows(results)
        if len(row.values) > 1 and max(row.values) > NOISY * min(row.values)
    ]
    if noisy:
        said.append(f"Replays differ by more than a quarter: {', '.join(noisy)}.")
    return said


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, three digits of it."""
    if unit == figures.BYTES:
        return f"{value / 2**30:.2f} GiB"
    if unit == figures.SECONDS:
        return f"{value:.3g} s"
    if unit.endswith("/s"):
        return f"{rounded(value)}/s"
    return f"{value:.2f}"


def rounded(value: float) -> str:
    """Return three digits of a number, with thousands marked."""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def _measured(row: Row) -> str:
    if row.value is None:
        return row.error.splitlines()[-1] if row.error else "not measured"
    return f"**{amount(row.value, row.unit)}**"


def _reached(row: Row) -> str:
    if row.value is None:
        return "–"
    if not row.whole:
        return "not whole"
    if row.share is None or row.share >= 1:
        return "yes"
    return f"{100 * row.share:.0f} %"

"""Run a grid with more and more seeds, until its means are known well enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from schedbench.experiment.folder import read_manifest, write_manifest
from schedbench.experiment.grid import Grid
from schedbench.experiment.progress import RunSummary
from schedbench.experiment.statistics.sequential import Stopping, Width, widths
from schedbench.experiment.store import collect, load_results

Run = Callable[[Grid], RunSummary]


@dataclasses.dataclass(frozen=True, slots=True)
class Stopped:
    """What came of a run with a stopping rule.

    Attributes
    ----------
    grid, summary
        The grid with the seeds that were run, and how that went.
    told
        How well the means are known in the end, one sentence.
    reached
        Whether every one is known as well as was wanted.
    """

    grid: Grid
    summary: RunSummary
    told: str
    reached: bool


def run_until(
    grid: Grid, stopping: Stopping, run: Run, say: Callable[[str], object]
) -> Stopped:
    """Run the grid at each look's number of seeds until all means are known.

    Finished cells are kept from look to look. The manifest keeps the rule and what was
    found (`stopping`), and says so among the warnings.

    Parameters
    ----------
    grid
        Its first seed is where the seeds begin; the looks say how many.
    run
        Runs a grid into the folder of the run.
    say
        Called with a sentence after each look.
    """
    for seeds in stopping.looks:
        first = grid.seeds[0]
        part = dataclasses.replace(grid, seeds=list(range(first, first + seeds)))
        summary = run(part)
        found = widths(load_results(summary.out).cells, stopping)
        reached = bool(found) and all(each.reached for each in found)
        told = _sentence(found, stopping, seeds, reached=reached)
        say(told)
        if reached or not found or summary.interrupted:
            break
    _keep(summary, stopping, found, told, reached=reached)
    return Stopped(part, summary, told, reached)


def _sentence(
    found: list[Width], stopping: Stopping, seeds: int, *, reached: bool
) -> str:
    wanted = ", ".join(map(str, stopping.wanted))
    if not found:
        return f"{wanted}: no cell has a value, so repeats cannot tell it better"
    worst = max(found, key=_excess)
    share = f"{100 * worst.half / abs(worst.mean):.2g} %" if worst.mean else "–"
    place = f"{worst.scenario}/{worst.size}".rstrip("/")
    state = "reached" if reached else "not reached"
    return (
        f"{wanted}: {state} after {seeds} seeds; the widest is {worst.metric} of "
        f"{worst.policy} on {place}, {worst.mean:.4g} ± {worst.half:.2g} ({share})"
    )


def _excess(width: Width) -> float:
    if width.half != width.half:
        return float("inf")
    if not width.allowed:
        return float("inf") if width.half else 0.0
    return width.half / width.allowed


def _keep(
    summary: RunSummary,
    stopping: Stopping,
    found: list[Width],
    told: str,
    *,
    reached: bool,
) -> None:
    manifest: dict[str, Any] = read_manifest(summary.out)
    manifest["stopping"] = {
        "wanted": [str(each) for each in stopping.wanted],
        "looks": list(stopping.looks),
        "confidence_of_each_look": stopping.confidence,
        "reached": reached,
        "told": told,
        "widths": [
            {
                name: None if value != value else value  # noqa: PLR0124 (NaN)
                for name, value in each._asdict().items()
            }
            for each in found
        ],
    }
    looks = ", ".join(map(str, stopping.looks))
    level = f"{100 * stopping.confidence:.1f} %"
    manifest["warnings"].append(
        f"{told}. Looked at after {looks} seeds, with intervals of {level}, so that "
        "all looks hold at once with 95 %."
    )
    write_manifest(summary.out, manifest)
    collect(summary.out)

"""`schedbench sweep`: a run whose grid is a file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.launch import (
    Options,
    dry_run,
    grid_options,
    launch,
    preflight,
    seeds_of,
    stopping_of,
    until_words,
)
from schedbench.cli.main import EXIT_CODES
from schedbench.cli.run import make_grid

if TYPE_CHECKING:
    from schedbench.experiment.grid import Grid


@click.command(
    name="sweep",
    epilog=f"""\b
Examples:
  schedbench sweep demo
  schedbench sweep demo --quick --dry-run
  schedbench sweep mine.yaml --set seeds.repeats=10 -j 4 --out results

{EXIT_CODES}""",
)
@click.argument("file", metavar="FILE")
@click.option(
    "-p", "--policy", "policies", multiple=True, metavar="P",
    help="Policies instead of the file's; repeatable.",
)  # fmt: skip
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="Set a field of the grid file, as seeds.repeats=10; repeatable.",
)  # fmt: skip
@grid_options
@click.pass_obj
def command(
    typed: str,
    /,
    file: str,
    policies: tuple[str, ...],
    sets: tuple[str, ...],
    seed: int | None,
    repeats: int | None,
    engine: str,
    baseline: str | None,
    quick: bool,
    until: tuple[str, ...],
    max_repeats: int | None,
    **rest: Any,
) -> int:
    """Run a grid of scenarios × policies × seeds that a file describes.

    FILE is a path or the name of a shipped grid. Without --out, an unfinished run of
    the same grid in runs/ is gone on with; finished cells are never run twice, unless
    --force.
    """
    from schedbench.experiment.build import expand_grid
    from schedbench.experiment.grid_file import load_grid
    from schedbench.experiment.shipped import resolve_target

    path = resolve_target(file)
    described = load_grid(path, sets)
    refs = expand_grid(described, quick=quick)
    wanted = list(policies) or described.policies
    seeds = seeds_of(seed, repeats, described.seeds.values(), quick=quick)
    stopping = stopping_of(until, max_repeats, repeats, described.seeds, quick=quick)
    options = Options(**rest, stopping=stopping)
    if baseline is None and not policies:
        baseline = described.baseline
    grid = make_grid(
        refs,
        wanted,
        seeds,
        engine,
        baseline,
        headline=described.headline,
        name=described.name,
    )
    preflight(grid)
    if options.dry_run:
        return dry_run(grid, options)
    out = Path(options.out) if options.out else _unfinished(grid)
    words = [_rerun(file, policies, sets, grid, quick=quick), *until_words(stopping)]
    return launch(grid, options, typed, " ".join(words), out)


def _unfinished(grid: Grid) -> Path:
    """Return the folder of the latest run of these very cells, if it did not end.

    Otherwise make a new one.
    """
    from schedbench.experiment.runs import list_runs, new_run

    keys = {cell.key for cell in grid.cells()}
    for run in reversed(list_runs()):
        stored = {cell["key"] for cell in run.manifest.get("cells", ())}
        if stored == keys and run.status != "done":
            output.note(f"going on with {run.path}")
            return run.path
    return new_run(grid.name)


def _rerun(
    file: str,
    policies: tuple[str, ...],
    sets: tuple[str, ...],
    grid: Grid,
    *,
    quick: bool,
) -> str:
    words = ["schedbench", "sweep", file]
    for option, values in (("--policy", policies), ("--set", sets)):
        for value in values:
            words += [option, value]
    words += ["--quick"] if quick else []
    words += ["--baseline", grid.baseline]
    words += ["--seed", str(grid.seeds[0]), "--repeats", str(len(grid.seeds))]
    words += ["--engine", grid.engine] if grid.engine != "auto" else []
    return shlex.join(words)

"""The options of `run` and `sweep` that bound what any policy can reach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from schedbench.cli import output

if TYPE_CHECKING:
    from schedbench.cli.launch import Options
    from schedbench.experiment.grid import Grid

OPTIONS = (
    click.option(
        "--bounds", is_flag=True,
        help="Also bound what any policy can reach, and tell the distance to it.",
    ),
    click.option(
        "--bounds-limit", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
        help="Wall time of each call of a solver for --bounds. [default: 10]",
    ),
)  # fmt: skip


def words(options: Options) -> str:
    """Return the options as they are typed, after a space; empty without bounds."""
    limit = options.bounds_limit
    told = "" if limit is None else f" --bounds-limit {limit:g}"
    return f" --bounds{told}" if options.bounds else ""


def bound(options: Options, grid: Grid, out: Path) -> None:
    """Compute the bounds of a grid, if they are asked for."""
    if not options.bounds:
        return
    from schedbench.experiment.bounds import LIMIT, write_bounds

    limit = options.bounds_limit
    write_bounds(grid, out, LIMIT if limit is None else limit, output.note)

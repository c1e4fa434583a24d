"""Who runs the cells: the options of `run` and `sweep`, and the back-end they mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from schedbench.cli.whole import Whole

if TYPE_CHECKING:
    from schedbench.cli.launch import Options
    from schedbench.experiment.backends.base import Backend


OPTIONS = (
    click.option(
        "-j", "--jobs", type=Whole(1, 1024), metavar="N",
        help="Cells at a time. [default: one a core; `run --quick` one; at --address "
        "all it takes]",
    ),
    click.option(
        "--backend", default="loky", show_default=True, metavar="NAME",
        help="What runs the cells: loky, dask or ray.",
    ),
    click.option(
        "--address", metavar="ADDRESS",
        help="Of a dask or ray cluster that is up; without it workers are started "
        "here.",
    ),
)  # fmt: skip


def jobs(options: Options, cells: int) -> int:
    """Return how many cells to run at a time on this machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(options.jobs or cores, cells))


def check(name: str, address: str | None) -> None:
    """Refuse a back-end that is unknown, not installed, or has no address.

    Raises
    ------
    InputError
        If it has no address and one is given, or if it is unknown.
    MissingExtraError
        If its library is not installed.
    """
    if (name, address) != ("loky", None):
        from schedbench.experiment.backends.registry import check_backend

        check_backend(name, address)


def backend(options: Options, cells: int) -> Backend:
    """Return the back-end that the options name, to be closed by the caller."""
    from schedbench.experiment.backends.registry import make_backend

    at_a_time = jobs(options, cells) if options.address is None else options.jobs
    return make_backend(options.backend, options.address, at_a_time)

"""`schedbench report`: the page of a stored run."""

from __future__ import annotations

from pathlib import Path

import click

from schedbench.cli import output
from schedbench.errors import InputError


@click.command(
    name="report",
    epilog="""\b
Examples:
  schedbench report latest
  schedbench report 0003 -o public/
  schedbench report results/ other-results/ -o public/
""",
)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False), metavar="DIR",
    help="Where to write. [default: RUN/report]",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(runs: tuple[str, ...], out: str | None, form: str | None) -> int:
    """Draw one page of one or more stored runs, with its plots as SVG and PNG.

    Nothing is run again. A run is a folder, an id or the beginning of one, `latest`
    (the default), or `latest~1`.
    """
    from schedbench.experiment.merge import merge_results
    from schedbench.experiment.runs import resolve_run
    from schedbench.experiment.store import load_results
    from schedbench.report.page import write_report

    folders = [resolve_run(run) for run in runs or ("latest",)]
    if out is None and len(folders) > 1:
        raise InputError(
            "a page of several runs belongs to none of their folders",
            fix="say where to write it: -o DIR",
        )
    target = folders[0] / "report" if out is None else Path(out)
    results = merge_results([load_results(folder) for folder in folders])
    page = write_report(results, target)
    if form == "json":
        output.json_document({"page": str(page)})
    else:
        output.result(str(page))
    return 0

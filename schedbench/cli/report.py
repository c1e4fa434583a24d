"""`schedbench report`: the page of a stored run."""

from __future__ import annotations

from pathlib import Path

import click

from schedbench.cli import output


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
    help="Where to write; several runs get a folder each. [default: RUN/report]",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(runs: tuple[str, ...], out: str | None, form: str | None) -> int:
    """Draw the page of stored runs, with its plots as SVG and PNG.

    Nothing is run again. A run is a folder, an id or the beginning of one, `latest`
    (the default), or `latest~1`.
    """
    from schedbench.experiment.runs import resolve_run
    from schedbench.experiment.store import load_results
    from schedbench.report.page import write_report

    folders = [resolve_run(run) for run in runs or ("latest",)]
    pages = []
    for folder in folders:
        target = folder / "report" if out is None else Path(out)
        if out is not None and len(folders) > 1:
            target /= folder.resolve().name
        pages.append(write_report(load_results(folder), target))
    if form == "json":
        output.json_document({"pages": [str(page) for page in pages]})
    else:
        for page in pages:
            output.result(str(page))
    return 0

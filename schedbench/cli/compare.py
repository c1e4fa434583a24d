"""`schedbench compare`: two runs, and whether something got worse."""

from __future__ import annotations

import click

from schedbench.cli import output
from schedbench.cli.main import EXIT_CODES


@click.command(
    name="compare",
    epilog=f"""\b
Examples:
  schedbench compare latest~1 latest
  schedbench compare 0003 0004 --all --markdown
  schedbench compare base/ new/ --fail-on nodes_used:2% --fail-on pods_pending:0

{EXIT_CODES}""",
)
@click.argument("base")
@click.argument("new", default="latest")
@click.option(
    "--fail-on", "fail_on", multiple=True, metavar="METRIC:LIMIT",
    help="Exit with 1 if a metric got worse by more than LIMIT, or LIMIT%; repeatable.",
)  # fmt: skip
@click.option(
    "-m", "--metric", "metrics", multiple=True, metavar="METRIC",
    help="Only these metrics; repeatable.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Rows without change, too.")
@click.option(
    "--override", is_flag=True, help="Compare though scenarios or machines differ."
)
@output.table_options
@output.quiet_and_verbose
def command(
    base: str,
    new: str,
    fail_on: tuple[str, ...],
    metrics: tuple[str, ...],
    everything: bool,
    override: bool,
    form: str | None,
) -> int:
    """Compare run NEW with run BASE, policy by policy, paired by seed.

    A run is a folder, an id or the beginning of one, `latest`, or `latest~1` for the
    one before. Only what became better or worse is shown, the largest change first.
    """
    from schedbench.experiment.compare import compare
    from schedbench.experiment.runs import resolve_run
    from schedbench.experiment.statistics import metric_of
    from schedbench.experiment.store import load_results

    for name in metrics:
        metric_of(name)
    found = compare(
        load_results(resolve_run(base)),
        load_results(resolve_run(new)),
        fail_on=fail_on,
        metrics=metrics or None,
        override=override,
    )
    changed_only = not (everything or metrics)
    if form == "json":
        output.json_document(found.to_dict(changed_only=changed_only))
    elif form == "csv":
        output.result(found.to_csv(changed_only=changed_only).rstrip("\n"))
    else:
        header, rows = found.table(changed_only=changed_only)
        if rows or form == "markdown":
            table = output.Table(header, rows, frozenset({3, 4, 5}))
            output.show_table(table, form, {})
        else:
            output.result(f"Nothing changed between {found.base} and {found.new}.")
    for text in found.notes:
        output.note(f"note: {text}")
    for text in found.regressions:
        output.error(text)
    return found.exit_code

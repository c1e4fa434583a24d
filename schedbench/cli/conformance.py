"""`schedbench conformance`: our decisions against recorded ones."""

from __future__ import annotations

from collections.abc import Sequence

import click

from schedbench.cli import output
from schedbench.cli.differences import count_table, side_by_side, summarize
from schedbench.cli.whole import Whole
from schedbench.errors import InputError


@click.command(
    name="conformance",
    epilog="""\b
Examples:
  schedbench conformance ../shared/conformance
  schedbench conformance recorded/taints.jsonl.gz --show 3
  schedbench conformance ../shared/conformance --group spread --all-engines --json

\b
Exit codes:
  0  no decision is different
  1  some are, or with --strict some are not modelled
  2  wrong usage or bad input
""",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--show", type=Whole(0), default=0, metavar="N",
    help="Show the first N different decisions side by side.",
)  # fmt: skip
@click.option(
    "--engine", default="scan", show_default=True, metavar="E", help="By which engine."
)
@click.option("--all-engines", is_flag=True, help="By every engine.")
@click.option(
    "--group", "groups", multiple=True, metavar="G",
    help="Only cases of this group; may be repeated.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail on what is not modelled, too.")
@output.table_options
@output.quiet_and_verbose
def command(
    paths: Sequence[str],
    show: int,
    engine: str,
    all_engines: bool,
    groups: Sequence[str],
    strict: bool,
    form: str | None,
) -> int:
    """Compare every decision with those recorded from the real kube-scheduler.

    PATH is a file of recorded cases or a folder of such files. Compared are feasible
    nodes, who rejects the others and why, each plugin's score on each node, the
    totals, the choice, victims of preemption and the texts of events.
    """
    from schedbench.experiment.conformance.cases import read_cases
    from schedbench.experiment.conformance.engines import ENGINES
    from schedbench.experiment.conformance.report import play
    from schedbench.scheduler.profiles import RELEASE

    engines = list(ENGINES) if all_engines else [engine]
    found = play(read_cases(paths, groups), engines, show)
    if not found.groups:
        raise InputError("no cases", source=", ".join(paths), value=list(groups))
    document = {
        "release": RELEASE,
        "groups": [group.document() for group in found.groups],
        "differences": [each.document() for each in found.shown],
    }
    output.show_table(count_table(found), form, document)
    if form is None:
        for each in found.shown:
            output.result(f"\n{side_by_side(each, 'recorded')}")
    summarize(found)
    failed = found.different or (strict and found.not_modelled)
    return 1 if failed else 0

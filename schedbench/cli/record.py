"""`schedbench record`: a living kube-scheduler's decisions as recorded cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from schedbench.cli import output
from schedbench.cli.differences import count_table, summarize
from schedbench.cli.verifying import Asked, options, verified


@click.command(
    name="record",
    epilog="""\b
Examples:
  schedbench record --out recorded --against kube-scheduler --cases 320
  schedbench record --out recorded web-services --pods 100 --against kube-scheduler
  schedbench conformance recorded --all-engines

\b
Exit codes:
  0  all cases were recorded
  1  some were not, as the program or we did not decide them
  2  wrong usage or bad input, as a folder that has recorded cases
""",
)
@options
@click.option(
    "--out", required=True, metavar="FOLDER",
    help="Where to write; made if it is not there.",
)  # fmt: skip
@output.table_options
@output.quiet_and_verbose
def command(out: str, form: str | None, **asked: Any) -> int:
    """Write what a living kube-scheduler decides, for `schedbench conformance`.

    A folder of recorded cases has a gzipped file a group, a case a line. They are the
    cases that `verify` decides, and are counted as it counts them; decisions that
    differ from ours are recorded like the others.
    """
    from schedbench.experiment.verify.recording import Recorder

    with Recorder(Path(out)) as recorder:
        found = verified(Asked(**asked), tell=recorder.write)
    output.show_table(count_table(found.compared), form, found.document())
    summarize(found.compared)
    output.note(f"{output.counted(recorder.cases, 'case')} recorded in {out}")
    for failure in found.failures:
        output.note(f"not recorded: {failure.case}: {failure.problem}")
    return 1 if found.failures else 0

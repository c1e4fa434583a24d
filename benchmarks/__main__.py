"""`python -m benchmarks`: measure, compare, store, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from benchmarks import compare, page, table
from benchmarks.plan import FULL, QUICK
from benchmarks.results import Results, last_alike, new_folder
from benchmarks.session import PARTS, Session
from benchmarks.worker import Worker
from schedbench.errors import SchedbenchError

ROOT = Path(__file__).resolve().parent.parent
PERF = ROOT.parent / "shared" / "scheduler_perf"
WORSE, LOST, INTERRUPTED = 1, 3, 130
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/bench"),
    show_default=True, help="Folder that holds a folder for each run.",
)  # fmt: skip
@click.option(
    "--scheduler-perf", "perf", type=click.Path(path_type=Path), default=PERF,
    help="Folder of scheduler_perf's configurations.",
)  # fmt: skip
@click.option(
    "--page", "page_folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Write the page with its plots there, in place of what is there.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Tiny sizes: the whole path in seconds.")
@click.option(
    "--only", "parts", multiple=True, type=click.Choice(PARTS),
    help="Measure only this part; repeatable.",
)  # fmt: skip
@click.option(
    "--workload", "workloads", multiple=True, metavar="CASE/NAME",
    help="Of the suite only this workload; repeatable, * allowed.",
)  # fmt: skip
@click.option(
    "--fail-on", "fail_on", multiple=True, metavar="METRIC:LIMIT",
    help="Exit with 1 if a metric of the last run of this machine got worse by more "
    "than LIMIT, or LIMIT%; repeatable. "
    f"Metrics: {', '.join([*compare.METRICS, *compare.WHOLE])}.",
)  # fmt: skip
def command(
    out: Path,
    perf: Path,
    page_folder: Path | None,
    parts: tuple[str, ...],
    workloads: tuple[str, ...],
    fail_on: tuple[str, ...],
    quick: bool,
) -> int:
    """Measure schedbench: scheduler_perf's performance suite, scaling, figures.

    Exit codes: 0 done, 1 placements differ or a limit of --fail-on is broken, 2 bad
    input, 3 some measurements failed (the others are kept), 130 interrupted.
    """
    limits = compare.limits(fail_on)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    results = Results.begin(quick=quick)
    folder = new_folder(out, results)
    plan = QUICK if quick else FULL
    session = Session(plan, perf, folder, results, _tell, workloads)
    interrupted = False
    try:
        session.run(parts or PARTS, Worker())
    except KeyboardInterrupt:
        interrupted = True
    click.echo(table.readme_table(results))
    _tell(f"stored in {folder}")
    base = last_alike(out, results, page_folder)
    if page_folder is not None and not interrupted:
        page.write(results, page_folder)
    wrong = results.wrong_digests()
    if base is None:
        _tell("no earlier run of this machine and these sizes to compare with")
    else:
        found = compare.changes(base, results)
        _tell(f"compared with the run of {base.date}:")
        for change in compare.worst(found):
            _tell(f"  {change}")
        for limit in limits:
            wrong += compare.broken(limit, found)
    for sentence in wrong:
        click.echo(f"error: {sentence}", err=True)
    if interrupted:
        return INTERRUPTED
    if wrong:
        return WORSE
    return LOST if results.lost() else 0


def _tell(text: str) -> None:
    click.echo(text, err=True)


def main() -> None:
    """Run the command and exit with its code."""
    try:
        sys.exit(command(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except SchedbenchError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()

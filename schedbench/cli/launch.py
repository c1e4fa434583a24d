"""What `run` and `sweep` share: check a grid, run it, tell what came out."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from schedbench.cli import bounding, output, workers
from schedbench.cli.whole import Whole
from schedbench.errors import SchedbenchError

if TYPE_CHECKING:
    from schedbench.experiment.backends.base import Backend
    from schedbench.experiment.grid import Grid
    from schedbench.experiment.progress import RunSummary
    from schedbench.experiment.scenario_fields import Seeds
    from schedbench.experiment.statistics.sequential import Stopping

Command = TypeVar("Command", bound=Callable[..., Any])

RUNS_LOOKED_AT = 20
CELLS_FAILED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """How to run a grid, as the options say it; `form` is `json` or None.

    `bounds_limit` is in seconds, None = the house's.
    """

    out: str | None
    jobs: int | None
    backend: str
    address: str | None
    timeout: float | None
    force: bool
    strict: bool
    dry_run: bool
    report: bool | None
    bounds: bool
    bounds_limit: float | None
    form: str | None
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        """Refuse workers that cannot be had, before anything is written."""
        workers.check(self.backend, self.address)


def grid_options(command: Command) -> Command:
    """Add the options of `Options`, and those that choose seeds, to a command."""
    options = (
        click.option(
            "--seed", type=Whole(0), metavar="S",
            help="First seed; without it the scenario's own, else one is drawn.",
        ),
        click.option(
            "--repeats", type=Whole(1, 10_000), metavar="R",
            help="How many seeds, counted up from the first.",
        ),
        click.option(
            "--until", multiple=True, metavar="METRIC:PRECISION",
            help="Add repeats until the metric's means are known to ± PRECISION, or "
            "PRECISION%; repeatable.",
        ),
        click.option(
            "--max-repeats", type=Whole(8, 10_000), metavar="R",
            help="How many seeds at most, with --until.  [default: 200]",
        ),
        click.option(
            "--engine", default="auto", show_default=True, metavar="E",
            help="auto, indexed, scan or explain; they place alike.",
        ),
        click.option(
            "--baseline", metavar="P",
            help="Policy that the others are compared with.",
        ),
        click.option(
            "--quick", is_flag=True,
            help="Smallest size, one seed: the whole path in seconds.",
        ),
        click.option(
            "-o", "--out", type=click.Path(file_okay=False), metavar="DIR",
            help="Folder of the results; finished cells in it are kept. "
            "[default: runs/NNNN_…]",
        ),
        *workers.OPTIONS,
        click.option(
            "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
            help="Wall time a cell may take.",
        ),
        click.option("--force", is_flag=True, help="Run finished cells again."),
        click.option(
            "--strict", is_flag=True, help="Stop at the first cell that fails."
        ),
        click.option(
            "--dry-run", is_flag=True, help="Print the grid and run nothing."
        ),
        click.option(
            "--report/--no-report", default=None,
            help="Draw the page too. [default: yes, but not with --json]",
        ),
        *bounding.OPTIONS,
        output.json_option,
        output.quiet_and_verbose,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def seeds_of(
    seed: int | None, repeats: int | None, own: Sequence[int], *, quick: bool
) -> list[int]:
    """Return the seeds to run, and say so if one had to be drawn.

    Without `seed` they begin at the scenario's first; without `repeats` they are the
    scenario's, or a given seed alone.
    """
    if seed is None and repeats is None and own:
        return list(own[:1]) if quick else list(own)
    count = repeats or 1
    first = own[0] if own else None
    if seed is not None:
        first = seed
    if first is None:
        import secrets

        first = secrets.randbelow(2**31)
        output.note(f"seed {first} was drawn; --seed {first} repeats it")
    return list(range(first, first + count))


def stopping_of(
    until: Sequence[str],
    max_repeats: int | None,
    repeats: int | None,
    own: Seeds | None,
    *,
    quick: bool,
) -> Stopping | None:
    """Return when repeats end; None = their number is fixed.

    A scenario's own rule holds unless the number of repeats is given, or `--quick`.

    Raises
    ------
    InputError
        If a precision is malformed, or the most repeats are too few, or useless.
    """
    from schedbench.errors import InputError
    from schedbench.experiment.statistics.sequential import MOST, Precision, Stopping

    fixed = quick or repeats is not None
    mine = own.until if own is not None and not fixed and not until else ()
    wanted = [Precision.parse(each) for each in until]
    wanted += [Precision.parse(each, "seeds.until") for each in mine]
    if max_repeats is not None and not wanted:
        raise InputError(
            "nothing says until when to repeat", where="--max-repeats",
            value=max_repeats, fix="add --until METRIC:PRECISION",
        )  # fmt: skip
    if quick and until:
        raise InputError(
            "--quick is one seed", where="--until", value=until[0],
            fix="leave one of them out",
        )  # fmt: skip
    if not wanted:
        return None
    most = max_repeats or (own.max if mine and own is not None else MOST)
    first = repeats or (own.repeats if own is not None else 1)
    return Stopping.of(wanted, first, most)


def until_words(stopping: Stopping | None) -> list[str]:
    """Return the options that repeat a stopping rule."""
    if stopping is None:
        return []
    words = [
        f"--until={each.metric}:"
        + (f"{100 * each.tolerance:g}%" if each.relative else f"{each.tolerance:g}")
        for each in stopping.wanted
    ]
    return [*words, f"--max-repeats={stopping.looks[-1]}"]


def launch(grid: Grid, options: Options, command: str, rerun: str, out: Path) -> int:
    """Run a checked grid into a folder and print its results; return the exit code."""
    rerun += bounding.words(options)
    try:
        with workers.backend(options, len(grid)) as backend:
            run = functools.partial(_run, options, backend, command, rerun, out)
            if options.stopping is None:
                summary = run(grid, options.force)
            else:
                from schedbench.experiment.until import run_until

                once = iter([options.force])
                stopped = run_until(
                    grid,
                    options.stopping,
                    lambda part: run(part, next(once, False)),
                    output.note,
                )
                grid, summary = stopped.grid, stopped.summary
    except SchedbenchError as error:
        if not options.strict or error.exit_code != SchedbenchError.exit_code:
            raise
        output.error(str(error))
        return CELLS_FAILED
    if not summary.interrupted:
        bounding.bound(options, grid, out)
    _print_results(summary, options, grid, rerun)
    return summary.exit_code


def _run(
    options: Options,
    backend: Backend,
    command: str,
    rerun: str,
    out: Path,
    grid: Grid,
    force: bool,
) -> RunSummary:
    from schedbench.cli.progress import Reporter
    from schedbench.experiment.runner import run_grid

    seeds = output.ranged(grid.seeds)
    output.note(f"{output.counted(len(grid), 'cell')} into {out}, seeds {seeds}")
    with Reporter() as reporter:
        return run_grid(
            grid,
            out,
            backend=backend,
            timeout=options.timeout,
            force=force,
            strict=options.strict,
            progress=reporter,
            warmup=functools.partial(_compile, grid.engine, reporter.say),
            command=command,
            rerun=rerun,
        )


def _compile(engine: str, say: Callable[[str], object], specs: Sequence[str]) -> None:
    """Compile what the cells need, and say so where it is not in the cache."""
    from schedbench.experiment.warmup import is_cold, warm_up

    cold = is_cold()
    if cold:
        say("compiling the kernels: less than a minute, the first time only")
    steps = warm_up(specs, engines=(engine,))
    if cold:
        say(f"compiled in {output.duration(sum(step.seconds for step in steps))}")


def dry_run(grid: Grid, options: Options) -> int:
    """Print what would be run, with an estimate from earlier runs."""
    seconds = seconds_per_cell(grid)
    if options.form == "json":
        cells = [
            {
                "scenario": cell.scenario.name,
                "size": cell.scenario.size,
                "policy": cell.policy.spec,
                "seed": cell.seed,
                "status": "planned",
            }
            for cell in grid.cells()
        ]
        output.json_document(
            {"dry_run": True, "cells": cells, "seconds_per_cell": seconds}
        )
        return 0
    output.result(grid.describe(seconds, workers.jobs(options, len(grid))))
    if options.stopping is not None:
        looks = ", ".join(map(str, options.stopping.looks))
        wanted = ", ".join(map(str, options.stopping.wanted))
        output.result(f"until:     {wanted}, looked at after {looks} seeds")
    if seconds is None:
        output.note("no estimate: no stored run has such cells")
    return 0


def preflight(grid: Grid) -> None:
    """Build each scenario once, so that bad input stops the run before it begins.

    Raises
    ------
    InputError
        If a workload cannot be built; what is merely not modelled is left to the run.
    """
    from schedbench.errors import InputError, NotModelledError, UnknownNameError
    from schedbench.experiment.prepared import prepare
    from schedbench.simulation.replay import ENGINES

    if grid.engine not in ENGINES:
        raise UnknownNameError("engine", grid.engine, ENGINES)
    for scenario in grid.scenarios:
        if getattr(scenario, "needs", ()):
            continue
        try:
            prepare(scenario, grid.seeds[0])
        except NotModelledError:
            continue
        except InputError as error:
            raise error.at(source=getattr(scenario, "path", scenario.name)) from None


def seconds_per_cell(grid: Grid) -> float | None:
    """Return the mean time of such cells in the latest runs; None if there are none."""
    import msgspec

    from schedbench.experiment.runs import list_runs

    known: dict[tuple[str, str], float] = {}
    for run in list_runs()[-RUNS_LOOKED_AT:]:
        for path in (run.path / "cells").glob("[!.]*/cell.json"):
            try:
                cell = msgspec.json.decode(path.read_bytes())
                if cell["status"] == "done":
                    seconds = sum(cell["stages"].values())
                    known[cell["scenario"], cell["size"]] = seconds
            except (OSError, KeyError, msgspec.DecodeError):
                continue
    times = [known.get((each.name, each.size)) for each in grid.scenarios]
    found = [seconds for seconds in times if seconds is not None]
    return sum(found) / len(found) if found else None


def _print_results(
    summary: RunSummary, options: Options, grid: Grid, rerun: str
) -> None:
    from schedbench.cli import summary as tables
    from schedbench.experiment.store import load_results

    results = load_results(summary.out)
    if options.form == "json":
        output.json_document(
            {
                "run": str(summary.out),
                "seeds": list(grid.seeds),
                **_stopping_document(summary),
                "cells": [tables.cell_document(cell) for cell in summary.results],
                **tables.bounds_document(results),
            }
        )
    done = summary.counts.get("done", 0)
    if options.form is None:
        tables.tell(results)
        sys.stdout.flush()
    for line in tables.problems(summary.results, grid.scenarios):
        say = output.note if line.startswith("skipped") else output.error
        say(line)
    for text in results.manifest["warnings"]:
        output.note(f"note: {text}")
    _tell_notes(summary)
    counts = ", ".join(f"{n} {status}" for status, n in sorted(summary.counts.items()))
    output.note(f"cells: {counts}, in {output.duration(summary.seconds)}")
    output.note(f"results: {summary.out}")
    wanted = options.form is None if options.report is None else options.report
    if wanted and done and not summary.interrupted:
        from schedbench.report.page import write_report

        output.note(f"report: {write_report(results, summary.out / 'report')}")
    if summary.interrupted:
        output.error("interrupted")
    if summary.hint:
        output.note(summary.hint)
    output.note(f"again: {rerun}")


def _stopping_document(summary: RunSummary) -> dict[str, Any]:
    """Return how a run with a stopping rule stopped, as the manifest has it."""
    from schedbench.experiment.folder import read_manifest

    found = read_manifest(summary.out).get("stopping")
    return {} if found is None else {"stopping": found}


def _tell_notes(summary: RunSummary) -> None:
    """Print what the sources noticed, each once."""
    notes = dict.fromkeys(note for cell in summary.results for note in cell.notes)
    for note in list(notes)[:5]:
        output.note(f"note: {note}")
    if len(notes) > 5:
        output.note(f"note: {len(notes) - 5} more such notes in the results")

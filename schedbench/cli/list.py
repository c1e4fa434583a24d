"""`schedbench list`: what there is, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.output import Table

if TYPE_CHECKING:
    from schedbench.experiment.cell import ScenarioRef

PLOTS = Path(__file__).resolve().parent.parent / "report" / "plots"


@click.group(
    name="list",
    epilog="""\b
Examples:
  schedbench list policies
  schedbench list scenarios
  schedbench list scenarios config/performance-config.yaml --label performance
  schedbench list metrics --markdown
  schedbench list runs --json
""",
)
def command() -> None:
    """List policies, scenarios, metrics, plots or runs."""


@command.command("policies")
@output.table_options
@output.quiet_and_verbose
def policies(form: str | None) -> int:
    """List the policies that `run --policy` knows by name."""
    from schedbench.cli.policies import built_in, installed

    found = built_in() | installed()
    _show(("name", "summary"), [[name, text] for name, text in found.items()], form,
          "policies")  # fmt: skip
    return 0


@command.command("metrics")
@output.table_options
@output.quiet_and_verbose
def metrics(form: str | None) -> int:
    """List the metrics, which way is better, and what each means.

    Those of kind quality and end_to_end come from simulated time and are the same on
    every machine, the latter of runs that play the whole cluster; wall_clock ones are
    this machine's.
    """
    from schedbench.metrics.table import METRICS

    names = ("name", "unit", "better", "kind", "description")
    rows = [[getattr(metric, name) for name in names] for metric in METRICS.values()]
    _show(names, rows, form, "metrics")
    return 0


@command.command("plots")
@output.table_options
@output.quiet_and_verbose
def plots(form: str | None) -> int:
    """List the plots that a report draws."""
    from schedbench.cli.policies import constants
    from schedbench.report import plots as drawn

    rows = []
    for name, module in drawn.PLOTS.items():
        path = PLOTS / f"{module.rpartition('.')[2]}.py"
        rows.append([name, constants(path, ("TITLE",)).get("TITLE", "")])
    _show(("name", "title"), rows, form, "plots")
    return 0


@command.command("runs")
@output.table_options
@output.quiet_and_verbose
def runs(form: str | None) -> int:
    """List the runs below runs/, oldest first."""
    from schedbench.experiment.runs import list_runs

    rows = []
    for run in list_runs():
        manifest = run.manifest
        cells = len(manifest.get("cells", ()))
        rows.append(
            [run.id, run.status, cells, manifest["created"], manifest["command"]]
        )
    _show(("id", "status", "cells", "created", "command"), rows, form, "runs")
    return 0


@command.command("scenarios")
@click.argument("path", required=False)
@click.option(
    "--label", metavar="L", help="Only scenarios with labels, as performance,-slow."
)
@output.table_options
@output.quiet_and_verbose
def scenarios(path: str | None, label: str | None, form: str | None) -> int:
    """List the shipped scenarios, or those of a file or folder.

    Of scheduler_perf configurations: every case and workload with its labels, and
    what it needs that is not modelled yet; `–` means that it can be run.
    """
    from schedbench.sources.scheduler_perf.labels import match_labels

    refs = list(_shipped() if path is None else _below(path))
    if label is not None:
        refs = [ref for ref in refs if match_labels(label, ref["labels"])]
    if path is not None and refs and "needs" in refs[0]:
        _show_suite(refs, form)
        return 0
    names = ("name", "sizes", "labels", "description")
    rows = [[ref[name] for name in names] for ref in refs]
    _show(names, rows, form, "scenarios")
    return 0


def _shipped() -> Iterator[dict[str, Any]]:
    from schedbench.experiment.shipped import bundled_scenarios

    for path in bundled_scenarios():
        yield _own(path)


def _below(path: str) -> Iterator[dict[str, Any]]:
    from schedbench.cli import targets
    from schedbench.cli.targets import is_manifest
    from schedbench.experiment.build import expand_target, is_perf_config
    from schedbench.experiment.shipped import resolve_target
    from schedbench.sources.scheduler_perf.config import CONFIG_NAME

    found = resolve_target(path)
    if is_manifest(found):
        (ref,) = targets.scenarios([path])
        yield {
            "name": ref.name,
            "sizes": [ref.size],
            "labels": [],
            "description": "The pending pods of a cluster, from its manifests.",
        }
        return
    if found.is_dir() and not any(found.rglob(CONFIG_NAME)):
        files = sorted((*found.glob("*.yaml"), *found.glob("*.yml")))
        own = [file for file in files if not is_manifest(file)]
        if own:
            yield from map(_own, own)
            return
    if found.is_file() and not is_perf_config(found):
        yield _own(found)
        return
    yield from map(_of_suite, expand_target(found))


def _own(path: Path) -> dict[str, Any]:
    """Describe one of our own files, without building it."""
    from schedbench.experiment.grid_file import load_grid
    from schedbench.experiment.scenario import load_scenario, read_own

    if "scenarios" in read_own(path):
        grid = load_grid(path)
        count = output.counted(len(grid.scenarios), "scenario")
        return {
            "name": grid.name,
            "sizes": [f"(a grid of {count})"],
            "labels": grid.labels,
            "description": grid.description,
        }
    scenario = load_scenario(path)
    return {
        "name": scenario.name,
        "sizes": scenario.size_names(),
        "labels": scenario.labels,
        "description": scenario.description,
    }


def _of_suite(ref: ScenarioRef) -> dict[str, Any]:
    return {
        "name": ref.name,
        "size": ref.size,
        "file": str(getattr(ref, "path", "")),
        "labels": list(getattr(ref, "labels", ())),
        "needs": list(getattr(ref, "needs", ())),
    }


def _show_suite(refs: Sequence[dict[str, Any]], form: str | None) -> None:
    """Print the workloads of scheduler_perf configurations, and their totals."""
    from collections import Counter

    from schedbench.sources.scheduler_perf.needs import explain_need

    cases = {(ref["file"], ref["name"].partition("/")[0]) for ref in refs}
    ready = sum(not ref["needs"] for ref in refs)
    missing = Counter(need for ref in refs for need in ref["needs"])
    rows = [
        [*_case(ref), ", ".join(ref["labels"]) or "–", ", ".join(ref["needs"]) or "–"]
        for ref in refs
    ]
    document = {
        "scenarios": refs,
        "totals": {
            "cases": len(cases),
            "workloads": len(refs),
            "runnable": ready,
            "needs": dict(missing.most_common()),
        },
    }
    header = ("case", "workload", "labels", "needs")
    output.show_table(Table(header, rows), form, document)
    if form is not None:
        return
    output.result(
        f"\n{output.counted(len(cases), 'case')}, "
        f"{output.counted(len(refs), 'workload')}: {ready} can be run, "
        f"{len(refs) - ready} need what is not modelled yet:"
    )
    for need, count in missing.most_common():
        output.result(f"{count:>5}  {need}: {explain_need(need)}")


def _case(ref: dict[str, Any]) -> tuple[str, str]:
    case, _, workload = ref["name"].partition("/")
    return case, f"{workload} ({ref['size']})" if ref["size"] else workload


def _show(
    names: Sequence[str], rows: Sequence[Sequence[Any]], form: str | None, what: str
) -> None:
    """Print rows as a table, or as a list of objects under a name."""
    document = {what: [dict(zip(names, row, strict=True)) for row in rows]}
    shown = [[_text(value) for value in row] for row in rows]
    if not rows and form is None:
        output.note(f"no {what}")
        return
    output.show_table(Table(list(names), shown), form, document)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return str(value) or "–"

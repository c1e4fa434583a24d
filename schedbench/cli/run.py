"""`schedbench run`: scenarios × policies × seeds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli.launch import (
    Options,
    dry_run,
    grid_options,
    launch,
    preflight,
    seeds_of,
    stopping_of,
    until_words,
)
from schedbench.cli.main import EXIT_CODES

if TYPE_CHECKING:
    from schedbench.experiment.cell import ScenarioRef
    from schedbench.experiment.grid import Grid
    from schedbench.experiment.scenario_fields import Seeds
    from schedbench.policies.base import Policy


@click.command(
    name="run",
    epilog=f"""\b
Examples:
  schedbench run web-services
  schedbench run batch-churn -p kube-scheduler -p best-fit --seed 1 --repeats 10
  schedbench run workloads/openb.yaml --set data=DIR --set trace=default
  schedbench run cluster.json -p './mine.py:tightest[alpha=0.5]'
  schedbench run performance-config.yaml --workload SchedulingBasic/500Nodes --json
  schedbench run web-services --until 'pods_bound:1%' --max-repeats 100
  schedbench run web-services --quick --dry-run

{EXIT_CODES}""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--workload", "workloads", multiple=True, metavar="CASE/NAME",
    help="Of a scheduler_perf configuration: this workload; repeatable, * allowed.",
)  # fmt: skip
@click.option(
    "--label", metavar="L", help="Only scenarios with labels, as performance,-slow."
)
@click.option(
    "-p", "--policy", "policies", multiple=True, metavar="P",
    help="Policy: name, name[key=value], 'gpu-*', or file.py:name; repeatable. "
    "[default: the scenario's]",
)  # fmt: skip
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="Set a parameter or a field, as cluster.nodes=50; repeatable.",
)  # fmt: skip
@click.option(
    "--size", metavar="SIZE",
    help="A size of the scenario, or all. [default: the scenario's]",
)  # fmt: skip
@grid_options
@click.pass_obj
def command(
    typed: str,
    /,
    files: tuple[str, ...],
    workloads: tuple[str, ...],
    label: str | None,
    policies: tuple[str, ...],
    sets: tuple[str, ...],
    size: str | None,
    seed: int | None,
    repeats: int | None,
    engine: str,
    baseline: str | None,
    quick: bool,
    until: tuple[str, ...],
    max_repeats: int | None,
    **rest: Any,
) -> int:
    """Run scenarios under policies and say which is better.

    FILE is a scenario (path, or the name of a shipped one), Kubernetes manifests or a
    cluster snapshot, a scheduler_perf configuration, or a folder of these. What runs
    is every scenario under every policy from every seed; each such cell is stored as
    soon as it ends, and a run with the same --out goes on where it stopped.
    """
    from schedbench.cli import targets

    refs = targets.scenarios(
        files, sets=sets, size=size, quick=quick, workloads=workloads, label=label
    )
    seeds = seeds_of(seed, repeats, _own_seeds(refs), quick=quick)
    stopping = stopping_of(until, max_repeats, repeats, _seeds(refs), quick=quick)
    if quick and rest["backend"] == "loky":
        # A worker takes longer to start than a grid of this kind takes to run.
        rest["jobs"] = rest["jobs"] or 1
    options = Options(**rest, stopping=stopping)
    grid = make_grid(refs, policies, seeds, engine, baseline)
    preflight(grid)
    if options.dry_run:
        return dry_run(grid, options)
    from schedbench.experiment.runs import new_run

    words = ["schedbench", "run", *files]
    for option, values in (
        ("--workload", workloads),
        ("--label", [label] if label else []),
        ("--set", sets),
        ("--size", [size] if size else []),
        ("--quick", [None] if quick else []),
        ("--policy", [policy.spec for policy in grid.policies]),
        ("--baseline", [grid.baseline] if len(grid.policies) > 1 else []),
        ("--seed", [str(seeds[0])]),
        ("--repeats", [str(len(seeds))] if len(seeds) > 1 else []),
        ("--engine", [engine] if engine != "auto" else []),
    ):
        for value in values:
            words += [option] if value is None else [option, value]
    words += until_words(stopping)
    out = Path(options.out) if options.out else new_run(grid.name)
    return launch(grid, options, typed, shlex.join(words), out)


def make_grid(
    refs: Sequence[ScenarioRef],
    policies: Sequence[str],
    seeds: Sequence[int],
    engine: str,
    baseline: str | None,
    *,
    headline: Sequence[str] = (),
    name: str = "",
) -> Grid:
    """Return a grid; what is not given is what the scenarios give.

    Raises
    ------
    InputError
        If a policy is malformed or unknown, or the baseline is none of them.
    """
    from schedbench.cli.policies import expand
    from schedbench.experiment.grid import Grid

    made = expand(policies) if policies else _own_policies(refs)
    specs = [policy.spec for policy in made]
    if baseline is not None:
        baseline = expand([baseline])[0].spec
    else:
        own = [ref.baseline for ref in refs if getattr(ref, "baseline", None)]  # type: ignore[attr-defined]
        baseline = next((spec for spec in own if spec in specs), specs[0])
    return Grid.of(
        refs,
        made,
        seeds,
        engine=engine,
        baseline=baseline,
        headline=headline,
        name=name,
    )


def _own_policies(refs: Sequence[ScenarioRef]) -> list[Policy]:
    """Return the policies that the scenarios name, each once."""
    from schedbench.cli.policies import expand
    from schedbench.errors import InputError

    found: dict[str, Policy] = {}
    for ref in refs:
        try:
            found |= {policy.spec: policy for policy in expand(ref.policies)}  # type: ignore[attr-defined]
        except InputError as error:
            raise error.at(source=ref.name, where="policies") from None
    return list(found.values())


def _seeds(refs: Sequence[ScenarioRef]) -> Seeds | None:
    """Return what the first scenario file says of seeds."""
    own = [ref.scenario.seeds for ref in refs if hasattr(ref, "scenario")]
    return own[0] if own else None


def _own_seeds(refs: Sequence[ScenarioRef]) -> Sequence[int]:
    """Return the seeds of the first scenario that gives some."""
    return next((ref.seeds for ref in refs if getattr(ref, "seeds", ())), ())  # type: ignore[attr-defined]

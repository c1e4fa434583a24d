"""`schedbench check`: a policy's conduct, or a scenario file."""

from __future__ import annotations

from pathlib import Path

import click

from schedbench.cli import output
from schedbench.cli.main import EXIT_CODES
from schedbench.cli.output import Table

SCENARIO_SUFFIXES = (".yaml", ".yml", ".json")


@click.command(
    name="check",
    epilog=f"""\b
Examples:
  schedbench check kube-scheduler
  schedbench check './mine.py:tightest[alpha=0.5]'
  schedbench check 'process[command=./my-scheduler]'
  schedbench check 'gpu-*'
  schedbench check web-services
  schedbench check mine.yaml

{EXIT_CODES}""",
)
@click.argument("target", metavar="POLICY|SCENARIO")
@output.table_options
@output.quiet_and_verbose
def command(target: str, form: str | None) -> int:
    """Check that a policy keeps its promises, or that a scenario file can be built.

    A policy must never choose an infeasible node, decide alike from the same seed and
    in every engine, leave the cluster alone, and cope with no node and with one.
    """
    if Path(target).suffix in SCENARIO_SUFFIXES or _is_shipped(target):
        return _check_scenario(target, form)
    from schedbench.cli.policies import expand

    policies = expand([target])
    from schedbench.experiment.check import check_policy

    rows: list[list[str]] = []
    failed = 0
    for policy in policies:
        for found in check_policy(policy.spec):
            failed += not found.passed
            passed = "passed" if found.passed else "FAILED"
            rows.append([policy.spec, found.name, passed, found.detail])
    document = {
        "checks": [
            {"policy": spec, "name": name, "passed": how == "passed", "detail": detail}
            for spec, name, how, detail in rows
        ]
    }
    output.show_table(
        Table(["policy", "check", "result", "detail"], rows), form, document
    )
    output.note(f"{len(rows) - failed} of {len(rows)} checks passed")
    return 1 if failed else 0


def _is_shipped(name: str) -> bool:
    from schedbench.experiment.shipped import bundled_scenarios

    return name in {path.stem for path in bundled_scenarios()}


def _check_scenario(target: str, form: str | None) -> int:
    """Build every size of a scenario, or of those of a grid, from its first seed."""
    from schedbench.experiment.build import expand_grid, expand_target
    from schedbench.experiment.grid_file import load_grid
    from schedbench.experiment.scenario import read_own
    from schedbench.experiment.shipped import resolve_target

    path = resolve_target(target)
    if "scenarios" in read_own(path):
        refs = expand_grid(load_grid(path))
    else:
        refs = expand_target(path, size="all")
    names = ("scenario", "size", "nodes", "pods")
    found = []
    for ref in refs:
        workload = ref.build(1)
        values = (ref.name, ref.size, len(workload.nodes), len(workload.pods))
        found.append(dict(zip(names, values, strict=True)))
    shown = [
        [each if isinstance(each, str) else f"{each:,}" for each in row.values()]
        for row in found
    ]
    table = Table(names, shown, frozenset({2, 3}))
    output.show_table(table, form, {"scenarios": found})
    return 0

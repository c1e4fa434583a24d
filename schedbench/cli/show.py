"""`schedbench show`: a stored run, or one of its pods."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output, summary
from schedbench.cli.output import Table
from schedbench.cli.show_pod import plain, short, show_pod
from schedbench.cli.summary import bounds_document

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.store import Results


@click.command(
    name="show",
    epilog="""\b
Examples:
  schedbench show latest
  schedbench show latest --cells --csv
  schedbench show 0003 --pod online/web-17 --policy best-fit
""",
)
@click.argument("run", default="latest")
@click.option("--pod", metavar="NS/NAME", help="The way of this pod, hop by hop.")
@click.option("--cells", "each", is_flag=True, help="Every cell with its status.")
@click.option("--scenario", metavar="NAME", help="Only this scenario.")
@click.option("-p", "--policy", metavar="P", help="Only this policy.")
@click.option("--seed", type=int, metavar="S", help="Only this seed.")
@output.table_options
@output.quiet_and_verbose
def command(
    run: str,
    pod: str | None,
    each: bool,
    scenario: str | None,
    policy: str | None,
    seed: int | None,
    form: str | None,
) -> int:
    """Show what a stored run found, or what happened to one of its pods.

    A run is a folder, an id or the beginning of one, `latest` (the default), or
    `latest~1`.
    """
    from schedbench.experiment.runs import resolve_run
    from schedbench.experiment.store import load_results

    results = load_results(resolve_run(run))
    cells = _filtered(
        results.cells, {"scenario": scenario, "policy": policy, "seed": seed}
    )
    if pod is not None:
        show_pod(results, cells, pod, form)
    elif each or form is not None:
        _show_cells(results, cells, form)
    else:
        _show_run(results, cells)
    return 0


def _filtered(cells: pd.DataFrame, wanted: dict[str, Any]) -> pd.DataFrame:
    for column, value in wanted.items():
        if value is None:
            continue
        known = cells[column].unique()
        if value not in known:
            from schedbench.errors import UnknownNameError

            raise UnknownNameError(column, str(value), map(str, known))
        cells = cells.loc[cells[column] == value]
    return cells


def _show_run(results: Results, cells: pd.DataFrame) -> None:
    manifest = results.manifest
    counts = cells["status"].value_counts()
    for name, value in (
        ("run", str(results.path)),
        ("created", manifest["created"]),
        ("command", manifest["command"]),
        ("again", manifest["rerun"]),
        ("cells", ", ".join(f"{n} {status}" for status, n in counts.items())),
        ("seeds", output.ranged(manifest["seeds"])),
        ("baseline", manifest["baseline"]),
        ("machine", manifest["environment"]["cpu"]["model"]),
    ):
        output.result(f"{name:<9} {value}")
    output.result("")
    summary.tell(dataclasses.replace(results, cells=cells))
    for text in manifest["warnings"]:
        output.note(f"note: {text}")


def _show_cells(results: Results, cells: pd.DataFrame, form: str | None) -> None:
    rows = [
        {str(name): plain(value) for name, value in row.items()}
        for row in cells.to_dict("records")
    ]
    document = {
        "run": str(results.path),
        "manifest": results.manifest,
        "cells": rows,
        **bounds_document(dataclasses.replace(results, cells=cells)),
    }
    names = [
        "scenario",
        "size",
        "policy",
        "seed",
        "status",
        "placement_digest",
        "error",
    ]
    if form in {"csv", "markdown"}:
        names = [str(name) for name in cells.columns if name != "key"]
    shown = [
        [
            "" if row[name] is None else str(row[name]).splitlines()[-1:][0]
            for name in names
        ]
        if form == "csv"
        else [short(row[name]) for name in names]
        for row in rows
    ]
    output.show_table(Table(names, shown), form, document)

"""Several runs as one: their cells together, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from schedbench.errors import InputError
from schedbench.experiment.grid import headline_of
from schedbench.experiment.store import Results

if TYPE_CHECKING:
    import pandas as pd

JOINED = ("policies", "seeds", "warnings", "sessions", "cells")
"""Lists of the manifest that are strung together, what is in both once."""

IDENTITY = ["scenario", "size", "policy", "seed"]
"""What makes two cells the same."""


def merge_results(runs: Sequence[Results]) -> Results:
    """Return the results of several runs as those of one.

    Of cells that are in several runs, a finished one is taken, the first if they
    agree. The manifest is the first run's, with all scenarios, policies, seeds,
    warnings and commands; runs made on different machines are named in a warning.

    Raises
    ------
    InputError
        If there is no run, the same cell ended with different placements, a
        scenario differs in content, or the baselines differ.
    """
    import pandas as pd

    if not runs:
        raise InputError("there is no run to merge", fix="name at least one")
    if len(runs) == 1:
        return runs[0]
    _require_alike(runs)
    every = pd.concat(
        [run.cells.assign(run=number) for number, run in enumerate(runs)],
        ignore_index=True,
    )
    _require_agreement(every, runs)
    unfinished = every["status"] != "done"
    order = every.assign(unfinished=unfinished).sort_values("unfinished", kind="stable")
    cells = order.drop_duplicates(IDENTITY).sort_index().reset_index(drop=True)
    parts = {
        str(key): runs[number].path
        for key, number in zip(cells["key"], cells["run"], strict=True)
    }
    return Results(
        runs[0].path,
        merged_manifest([run.manifest for run in runs]),
        cells.drop(columns=["run", "unfinished"]),
        parts,
    )


def merged_manifest(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first manifest with what the others add."""
    first = dict(manifests[0])
    for name in JOINED:
        first[name] = _once(each for one in manifests for each in one.get(name, ()))
    first["scenarios"] = _scenarios(manifests)
    names = [scenario["name"] for scenario in first["scenarios"]]
    first["headline"] = {
        name: _once(metric for one in manifests for metric in headline_of(one, name))
        for name in names
    }
    for name in ("command", "rerun"):
        first[name] = "; ".join(_once(str(one.get(name, "")) for one in manifests))
    machines = _once(one["environment"]["cpu"]["model"] for one in manifests)
    if len(machines) > 1:
        first["warnings"].append(
            f"The runs were made on different machines ({', '.join(machines)}): "
            "their speeds are not comparable."
        )
    return first


def _scenarios(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for manifest in manifests:
        for one in manifest["scenarios"]:
            found.setdefault((one["name"], one["size"]), one)
    return list(found.values())


def _require_alike(runs: Sequence[Results]) -> None:
    digests: dict[tuple[str, str], str] = {}
    for run in runs:
        if run.baseline != runs[0].baseline:
            raise InputError(
                "the runs have different baselines",
                source=run.path,
                value=(runs[0].baseline, run.baseline),
                fix="run them again with the same --baseline",
            )
        for one in run.manifest["scenarios"]:
            known = digests.setdefault((one["name"], one["size"]), one["digest"])
            if known != one["digest"]:
                raise InputError(
                    "the runs used different contents of a scenario",
                    source=run.path,
                    value=f"{one['name']}/{one['size']}",
                    fix="report them apart, or run both with the same file",
                )


def _require_agreement(every: pd.DataFrame, runs: Sequence[Results]) -> None:
    """Refuse a cell whose finished results differ between runs."""
    done = every[every["status"] == "done"]
    for place, same in done.groupby(IDENTITY, sort=False):
        if len(same["placement_digest"].unique()) > 1:
            raise InputError(
                "a cell has different results in two runs",
                source=runs[int(same["run"].iloc[-1])].path,
                value=", ".join(map(str, place)),
                fix="report them apart, or run both with the same code",
            )


def _once(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found

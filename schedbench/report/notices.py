"""What weakens a run's figures, told before the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from schedbench.report import views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

FEW_SEEDS = 5
NOISY = 0.1
MOST = 12
GROUP = ["scenario", "size", "policy"]


def notices(results: Results) -> list[str]:
    """Return the run's own warnings, then those that show only in its results."""
    found = [str(warning) for warning in results.manifest.get("warnings", [])]
    cells = views.done(results)
    found += _unfinished(results, bool(found))
    found += _few_seeds(cells)
    found += _noisy(cells)
    found += _violations(cells)
    found += _lines(cells, "threshold_failures", "Threshold missed")
    found += _lines(cells, "notes", "Note on the workload")
    return list(dict.fromkeys(found))


def _unfinished(results: Results, told: bool) -> list[str]:
    statuses = results.cells["status"]
    if told and any("cells" in text for text in results.manifest["warnings"]):
        bad = int((statuses == "interrupted").sum())
    else:
        bad = int((statuses != "done").sum())
    if not bad:
        return []
    text = (
        f"{bad} of {len(statuses)} cells have no result and are left out of all "
        "figures; they are listed below."
    )
    return [text]


def _few_seeds(cells: pd.DataFrame) -> list[str]:
    fewest = int(cells.groupby(GROUP)["seed"].nunique().min())
    if fewest >= FEW_SEEDS:
        return []
    seeds = "1 seed" if fewest == 1 else f"{fewest} seeds"
    text = (
        f"Some policies have {seeds}: intervals from fewer than {FEW_SEEDS} are rough, "
        "and from one there is none; use --repeats 5 or more."
    )
    return [text]


def _noisy(cells: pd.DataFrame) -> list[str]:
    if views.SPEED not in cells:
        return []
    speeds = cells.groupby(GROUP)[views.SPEED]
    spread = (speeds.std() / speeds.mean()).dropna()
    loud = int((spread > NOISY).sum())
    if not loud:
        return []
    text = (
        f"Speeds are noisy: in {loud} of {len(spread)} groups of repeats they scatter "
        f"by more than {NOISY * 100:.0f} % (worst {spread.max() * 100:.0f} %); quiet "
        "the machine and use --jobs 1 before you compare speeds."
    )
    return [text]


def _violations(cells: pd.DataFrame) -> list[str]:
    name = "constraint_violations"
    broken = int((cells[name] > 0).sum()) if name in cells else 0
    if not broken:
        return []
    text = (
        f"{broken} cells broke a hard constraint: their policy, or schedbench, is at "
        "fault; do not use their figures."
    )
    return [text]


def _lines(cells: pd.DataFrame, column: str, title: str) -> list[str]:
    """Return distinct sentences of a column with the scenarios they are from."""
    if column not in cells:
        return []
    where: dict[str, list[str]] = {}
    for scenario, text in zip(cells["scenario"], cells[column], strict=True):
        if not isinstance(text, str):
            continue
        for line in filter(None, text.split("\n")):
            names = where.setdefault(line, [])
            if str(scenario) not in names:
                names.append(str(scenario))
    lines = [f"{title} ({', '.join(names)}): {line}" for line, names in where.items()]
    if len(lines) > MOST:
        lines = [*lines[:MOST], f"{title}: {len(lines) - MOST} more, see the cells."]
    return lines

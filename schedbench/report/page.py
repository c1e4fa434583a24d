"""One self-contained page from a run's results, and its plots as files."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup

from schedbench.errors import InputError
from schedbench.report import drawing, regret, style, tables, views
from schedbench.report.comparison import Comparison
from schedbench.report.comparison import of as compared
from schedbench.report.end_to_end import end_to_end
from schedbench.report.notices import notices
from schedbench.report.pictures import Picture, missing, pictures, slugs
from schedbench.report.verdicts import in_words, verdicts

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

MOST_SCENARIOS = 12
BESIDE = ("results.parquet", "manifest.json", "cells")


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One scenario: its sizes with their tables, and its plots."""

    name: str
    anchor: str
    description: str
    words: list[str]
    sizes: list[tuple[views.Group, tables.Summary]]
    pictures: list[Picture]


def write_report(results: Results, out: Path) -> Path:
    """Write `out/index.html`, `out/plots/*.svg` and `*.png`; return the page's path.

    The same results give the same bytes. The page loads nothing from anywhere.

    Raises
    ------
    InputError
        If the run has no cells, or none that ended well.
    """
    _require_cells(results)
    (out / "plots").mkdir(parents=True, exist_ok=True)
    comparison = compared(results)
    shown = views.scenarios(results)[:MOST_SCENARIOS]
    drawn = pictures(results, out / "plots", shown)
    sections = _sections(comparison, drawn)
    script, css = _asset("report.js"), _asset("report.css")
    text = _environment().get_template("report.html.j2").render(
        title=_title(results),
        manifest=results.manifest,
        policies=_chips(comparison.policies),
        baseline=comparison.baseline,
        verdicts=verdicts(comparison),
        notices=notices(results),
        overview=[picture for scenario, picture in drawn if scenario is None],
        end_to_end=end_to_end(results),
        sections=sections,
        missing=missing(drawn, shown),
        left_out=views.scenarios(results)[MOST_SCENARIOS:],
        failures=_failures(results.cells),
        counts=results.cells["status"].value_counts().sort_index().to_dict(),
        links=_links(results, out),
        environment=_pretty(results.manifest.get("environment", {})),
        css=Markup(css),  # noqa: S704 — our own files, not the run's words
        palette=Markup(_palette()),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip
    page = out / "index.html"
    temporary = page.with_name(f".{page.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(page)
    return page


def _require_cells(results: Results) -> None:
    source = getattr(results, "path", None)
    if results.cells.empty:
        raise InputError(
            "the run has no cells", source=source, fix="run a scenario first"
        )
    if not (results.cells["status"] == "done").any():
        errors = results.cells["error"].dropna()
        first = f" (first error: {errors.iloc[0]})" if len(errors) else ""
        raise InputError(
            f"no cell of the run ended well, so there is nothing to report{first}",
            source=source,
            fix="mend the cause and run again",
        )


def _sections(
    comparison: Comparison, drawn: list[tuple[str | None, Picture]]
) -> list[Section]:
    results = comparison.results
    shown = views.scenarios(results)
    parts = slugs(shown)
    about = {
        entry["name"]: entry.get("description", "")
        for entry in results.manifest.get("scenarios", [])
        if isinstance(entry, dict) and "name" in entry
    }
    done = set(views.done(results)["scenario"])
    last = {group.scenario: group for group in views.largest(results)}
    return [
        Section(
            name=scenario,
            anchor=f"scenario-{parts[scenario]}",
            description=str(about.get(scenario, "")),
            words=[
                *in_words(comparison, last[scenario]),
                *regret.sentences(results, last[scenario]),
            ],
            sizes=[
                (group, tables.summary(comparison, group))
                for group in views.groups(results)
                if group.scenario == scenario
            ],
            pictures=[picture for owner, picture in drawn if owner == scenario],
        )
        for scenario in shown
        if scenario in done
    ]


def _chips(policies: list[str]) -> list[dict[str, Any]]:
    """Return what the page's filter shows of each policy."""
    looks = style.looks(pd.Series(policies))
    return [
        {"name": name, "index": look.number, "key": Markup(drawing.key(look))}  # noqa: S704
        for name, look in looks.items()
    ]


def _failures(cells: pd.DataFrame) -> list[dict[str, Any]]:
    bad = cells[cells["status"] != "done"]
    keys = ["scenario", "size", "policy", "status", "error"]
    counts = bad.assign(error=bad["error"].fillna("")).groupby(keys, sort=True)["seed"]
    return [
        dict(zip(keys, key, strict=True)) | {"cells": len(seeds)}
        for key, seeds in list(counts)[:50]
    ]


def _links(results: Results, out: Path) -> list[str]:
    """Return relative paths of the run's files that exist."""
    path = getattr(results, "path", None)
    if path is None:
        return []
    names = [Path(path) / name for name in BESIDE if (Path(path) / name).exists()]
    return [Path(os.path.relpath(name, out)).as_posix() for name in names]


def _title(results: Results) -> str:
    scenarios, policies = views.scenarios(results), views.policies(results)
    if len(scenarios) == 1:
        return scenarios[0]
    many = "policy" if len(policies) == 1 else "policies"
    return f"{len(policies)} {many} on {len(scenarios)} scenarios"


def _pretty(document: Any) -> str:
    return json.dumps(
        document, indent=2, sort_keys=True, default=str, ensure_ascii=False
    )


def _palette() -> str:
    def block(dark: bool) -> str:
        found = drawing.variables(dark)
        return ";".join(f"--{name}:{value}" for name, value in found.items())

    return (
        f":root{{{block(False)}}}"
        f"@media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{block(True)}}}}}"
        f":root[data-theme=dark]{{{block(True)}}}"
        f"@media print{{:root:root{{{block(False)}}}}}"
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("schedbench.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = views.number
    environment.filters["figures"] = _unbroken
    return environment


def _unbroken(text: str) -> str:
    """Keep numbers and their signs and units on one line."""
    for pair in (" %", " …", "… "):
        text = text.replace(pair, pair.replace(" ", "\N{NO-BREAK SPACE}"))
    return text


def _asset(name: str) -> str:
    folder = Path(__file__).parent / "templates"
    return (folder / name).read_text(encoding="utf-8")

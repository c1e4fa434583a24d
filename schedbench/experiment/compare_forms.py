"""A comparison as a JSON document, a table, CSV, and Markdown for a pull request."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from schedbench.experiment.compare import Comparison, Row, short

HEADER = ("scenario", "policy", "metric", "base", "new", "change", "verdict")
MOST_SHOWN = 200
"""Rows of a table in Markdown: GitHub cuts comments off at 65,536 characters."""


def to_dict(found: Comparison, *, changed_only: bool = False) -> dict[str, Any]:
    """Return the comparison as a JSON document; NaN and infinite become null."""
    return {
        "schema_version": 1,
        "base": found.base,
        "new": found.new,
        "rows": [
            {name: _plain(value) for name, value in dataclasses.asdict(row).items()}
            for row in _rows(found, changed_only)
        ],
        "limits_checked": found.limits,
        "regressions": list(found.regressions),
        "regret": list(found.regret),
        "notes": list(found.notes),
    }


def to_table(
    found: Comparison, *, changed_only: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Return header and cells as text, for a terminal or for Markdown."""
    return [*HEADER], [
        [
            f"{row.scenario}/{row.size}".rstrip("/"),
            row.place.rpartition(", ")[2],
            row.metric,
            short(row.base),
            short(row.new),
            row.change,
            row.verdict,
        ]
        for row in _rows(found, changed_only)
    ]


def to_csv(found: Comparison, *, changed_only: bool = False) -> str:
    """Return the rows, with every field, as comma-separated values."""
    sink = io.StringIO()
    names = [field.name for field in dataclasses.fields(Row)]
    writer = csv.DictWriter(sink, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(to_dict(found, changed_only=changed_only)["rows"])
    return sink.getvalue()


def to_markdown(found: Comparison, *, changed_only: bool = True) -> str:
    """Return a comment for a pull request: the outcome, the limits, what changed.

    What is long is folded away; GitHub and GitLab show `<details>` so.
    """
    return "\n".join(_lines(found, changed_only)) + "\n"


def headline(found: Comparison) -> str:
    """Return the outcome in a few words."""
    verdicts = [row.verdict for row in found.rows]
    better, worse = verdicts.count("better"), verdicts.count("worse")
    told = f"{better} better, {worse} worse of {len(found.rows)} compared"
    if found.regressions:
        return f"failed: {_counted(len(found.regressions), 'limit')} broken; {told}"
    if found.limits:
        return f"passed: {_counted(found.limits, 'limit')} kept; {told}"
    return told


def _lines(found: Comparison, changed_only: bool) -> Iterator[str]:
    mark = "❌ " if found.regressions else "✅ " if found.limits else ""
    yield f"### {mark}schedbench compare {headline(found)}"
    yield ""
    yield f"`{found.new}` against `{found.base}`, paired by seed."
    if found.regressions:
        yield ""
        yield from (f"- **{_escaped(text)}**" for text in found.regressions)
    header, rows = to_table(found, changed_only=changed_only)
    if rows:
        what = "What changed" if changed_only else "All metrics"
        yield ""
        yield f"<details{' open' if len(rows) <= 10 else ''}>"
        yield f"<summary>{what} ({len(rows)})</summary>"
        yield ""
        yield from _table(header, rows[:MOST_SHOWN])
        if len(rows) > MOST_SHOWN:
            yield ""
            yield f"{len(rows) - MOST_SHOWN:,} more rows are left out."
        yield ""
        yield "</details>"
        yield ""
        yield (
            "Intervals are 95 % each; better and worse are corrected for the number of "
            "comparisons (Holm)."
        )
    if found.notes:
        yield ""
        yield from (f"- {_escaped(text)}" for text in found.notes)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- |"
    for row in rows:
        yield f"| {' | '.join(map(_escaped, row))} |"


def _escaped(text: str) -> str:
    for letter in "\\|<>*`":
        text = text.replace(letter, f"\\{letter}")
    return text


def _rows(found: Comparison, changed_only: bool) -> Sequence[Row]:
    return found.changed() if changed_only else found.rows


def _counted(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""The headline in words: which policy is better, at what, by how much."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from schedbench.report import views
from schedbench.report.comparison import Comparison

MOST = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence in two parts: what leads, and the figures behind it."""

    lead: str
    detail: str
    kind: str = "quality"


def verdicts(comparison: Comparison) -> list[Verdict]:
    """Return a sentence a headline metric, then one on speed.

    Of each metric the policy is named that is more often better than the baseline than
    worse, by the widest margin; then by the larger mean difference.
    """
    results = comparison.results
    if len(comparison.policies) < 2:
        return [_alone(comparison)]
    where: dict[str, list[views.Group]] = {}
    for group in views.groups(results):
        for metric in views.headline(results, group):
            where.setdefault(metric, []).append(group)
    ranked = list(where)
    found = [_quality(comparison, metric, where[metric]) for metric in ranked[:MOST]]
    every = [_overall(comparison, where), *found, _speed(comparison)]
    return [verdict for verdict in every if verdict]


def _alone(comparison: Comparison) -> Verdict:
    return Verdict(
        f"Only {comparison.baseline} was run.",
        "There is nothing to compare it with; name a second policy.",
    )


def _overall(
    comparison: Comparison, where: dict[str, list[views.Group]]
) -> Verdict | None:
    """Count, over all headline metrics, in how many comparisons each policy wins."""
    counts: dict[str, Counter[str]] = {}
    sizes: dict[str, list[float]] = {}
    for metric, groups in where.items():
        for group in groups:
            for row in views.rows(comparison.differences(metric, group)):
                counts.setdefault(str(row.policy), Counter())[row.verdict] += 1
                gains = sizes.setdefault(str(row.policy), [])
                if row.verdict == "better" and row.relative_mean == row.relative_mean:
                    gains.append(abs(row.relative_mean))
    if not counts:
        return None
    order = sorted(counts, key=lambda name: _rank(counts[name], sizes[name]))
    first = counts[order[0]]
    lead = (
        f"Overall: {order[0]} is better than {comparison.baseline} in "
        f"{first['better']} of {_count(first.total())}, worse in {first['worse']}."
    )
    if first["better"] <= first["worse"]:
        lead = (
            f"Overall: {comparison.baseline} holds its ground: no policy is better "
            "than it more often than worse."
        )
    words = ", ".join(_lower(views.title(metric)) for metric in where)
    rest = ", ".join(
        f"{name} {counts[name]['better']} : {counts[name]['worse']}" for name in order
    )
    detail = f"Counted over all scenarios and sizes, for {words}."
    return Verdict(
        lead, f"{detail} Better : worse, by policy: {rest}." if rest else detail
    )


def _rank(count: Counter[str], gains: list[float]) -> tuple[int, float]:
    """Order by wins less losses, then by the mean relative gain; best first."""
    return count["worse"] - count["better"], -sum(gains) / max(len(gains), 1)


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _quality(
    comparison: Comparison, metric: str, groups: list[views.Group]
) -> Verdict | None:
    rows: dict[str, list[tuple[views.Group, Any]]] = {}
    for group in groups:
        for row in views.rows(comparison.differences(metric, group)):
            if row.verdict != "not comparable":
                rows.setdefault(str(row.policy), []).append((group, row))
    if not rows:
        return None
    champion = max(rows, key=lambda policy: _score(rows[policy]))
    mine = rows[champion]
    wins = [(group, row) for group, row in mine if row.verdict == "better"]
    words = views.title(metric)
    base = comparison.baseline
    if not wins:
        return Verdict(
            f"{words}: no policy is clearly better than {base}.",
            f"{_count(len(groups))} compared, 95 % intervals.",
        )
    losses = sum(row.verdict == "worse" for _, row in mine)
    lead = (
        f"{words}: {champion} is better than {base} in {len(wins)} of "
        f"{_count(len(mine))}."
    )
    if len(wins) <= losses:
        lead = f"{words}: no policy is better than {base} more often than worse."
    group, _ = max(wins, key=lambda pair: (pair[0].nodes, pair[0].label))
    detail = comparison.words(metric, group)[champion]
    least, most = _extremes(wins)
    if least and len(wins) > 1:
        where = f"between {least} and {most}" if least != most else f"about {least}"
        detail += f" Over all {len(wins)}: {where}."
    if losses:
        worse = ", ".join(g.label for g, row in mine if row.verdict == "worse")
        detail += f" {champion} is worse on {worse}."
    also = [
        policy
        for policy in rows
        if policy != champion and _wins(rows[policy]) == len(rows[policy])
    ]
    if also:
        detail += f" Also better everywhere: {', '.join(also)}."
    return Verdict(lead, detail)


def in_words(comparison: Comparison, group: views.Group) -> list[str]:
    """Return a sentence a headline metric: the best policy against the baseline."""
    sentences = []
    for metric in views.headline(comparison.results, group):
        found = comparison.differences(metric, group)
        better = found[found["verdict"] == "better"]
        if better.empty:
            continue
        best = max(views.rows(better), key=lambda row: abs(row.mean)).policy
        sentences.append(comparison.words(metric, group)[str(best)])
    return sentences


def _wins(rows: list[tuple[views.Group, Any]]) -> int:
    return sum(row.verdict == "better" for _, row in rows)


def _score(rows: list[tuple[views.Group, Any]]) -> tuple[float, float, float]:
    losses = sum(row.verdict == "worse" for _, row in rows)
    balance = _wins(rows) - losses
    sizes = [
        abs(row.relative_mean)
        for _, row in rows
        if row.verdict == "better" and row.relative_mean == row.relative_mean
    ]
    return balance, _wins(rows), sum(sizes) / len(sizes) if sizes else 0.0


def _extremes(wins: list[tuple[views.Group, Any]]) -> tuple[str, str]:
    values = sorted(
        (
            row.relative_mean
            for _, row in wins
            if row.relative_mean == row.relative_mean
        ),
        key=abs,
    )
    return (_percent(values[0]), _percent(values[-1])) if values else ("", "")


def _speed(comparison: Comparison) -> Verdict | None:
    biggest = max(
        views.largest(comparison.results), key=lambda group: (group.nodes, group.label)
    )
    if views.SPEED not in comparison.cells(biggest):
        return None
    means = views.rows(comparison.means(views.SPEED, biggest))
    known = {str(row.policy): row for row in means if row.mean == row.mean}
    if len(known) < 2:
        return None
    fastest = max(known, key=lambda policy: known[policy].mean)
    base = known.get(comparison.baseline)
    row = known[fastest]
    detail = (
        f"{views.number(row.mean)} decisions per second{_range(row)} on "
        f"{views.number(biggest.nodes)} nodes"
    )
    if base is not None and fastest != comparison.baseline:
        detail += (
            f", {row.mean / base.mean:.1f} × {comparison.baseline} "
            f"({views.number(base.mean)})"
        )
    lead = f"Speed on this machine: {fastest} is the fastest in {biggest.label}."
    return Verdict(lead, detail + ".", "wall_clock")


def _range(row: Any) -> str:
    if row.n < 2:
        return ""
    return f" [{views.number(row.low)}, {views.number(row.high)}]"


def _percent(value: float) -> str:
    digits = 1 if abs(value) < 0.1 else 0
    return f"{value * 100:+.{digits}f} %".replace("-", "−")


def _count(number: int) -> str:
    return f"{number} comparison{'' if number == 1 else 's'}"

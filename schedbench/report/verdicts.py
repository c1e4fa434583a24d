"""The headline in words: which policy leads where, at what price."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from schedbench.experiment.sentences import label
from schedbench.metrics.table import METRICS
from schedbench.report import views
from schedbench.report.comparison import Comparison


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence in two parts: what leads, and the figures behind it."""

    lead: str
    detail: str
    kind: str = "quality"


@dataclasses.dataclass(frozen=True, slots=True)
class Leader:
    """Who leads a scenario at its largest size, by its first headline metric.

    The baseline, unless others are clearly better; then the best of these.
    """

    group: views.Group
    metric: str
    policy: str


def verdicts(comparison: Comparison) -> list[Verdict]:
    """Return who leads overall, then a verdict a scenario, then one on speed."""
    if len(comparison.policies) < 2:
        return [_alone(comparison)]
    leaders = [
        leader
        for group in views.largest(comparison.results)
        if (leader := _leader(comparison, group)) is not None
    ]
    found = [_overall(comparison, leaders), *(_of(comparison, one) for one in leaders)]
    last = (_sureness(comparison), _speed(comparison))
    return [verdict for verdict in (*found, *last) if verdict]


def in_words(comparison: Comparison, group: views.Group) -> list[str]:
    """Return a sentence a headline metric: the best policy against the baseline."""
    sentences = []
    for metric in views.headline(comparison.results, group):
        best = _best(comparison, metric, group)
        if best is not None:
            words = comparison.words(metric, group)[best]
            sentences.append(words.removeprefix(f"On {group.label}, "))
    return sentences


def _alone(comparison: Comparison) -> Verdict:
    return Verdict(
        f"Only {comparison.baseline} was run.",
        "There is nothing to compare it with; name a second policy.",
    )


def _leader(comparison: Comparison, group: views.Group) -> Leader | None:
    for metric in views.headline(comparison.results, group):
        rows = _compared(comparison, metric, group)
        if rows:
            best = _best(comparison, metric, group)
            return Leader(group, metric, best or comparison.baseline)
    return None


def _compared(comparison: Comparison, metric: str, group: views.Group) -> list[Any]:
    """Return the differences that can be judged, the best first."""
    rows = views.rows(comparison.differences(metric, group))
    sign = -1 if METRICS[metric].better == "up" else 1
    judged = [row for row in rows if row.verdict != "not comparable"]
    return sorted(judged, key=lambda row: sign * row.mean)


def _best(comparison: Comparison, metric: str, group: views.Group) -> str | None:
    """Return the policy that is most clearly better than the baseline, if any."""
    rows = _compared(comparison, metric, group)
    better = [str(row.policy) for row in rows if row.verdict == "better"]
    return better[0] if better else None


def _overall(comparison: Comparison, leaders: list[Leader]) -> Verdict | None:
    if len(leaders) < 2:
        return None
    base = comparison.baseline
    where: dict[str, list[str]] = {}
    for one in leaders:
        place = f"{one.group.scenario} ({label(one.metric)})"
        where.setdefault(one.policy, []).append(place)
    if set(where) == {base}:
        lead = f"Overall: no policy is clearly better than {base} in any scenario."
    elif len(where) == 1:
        lead = f"Overall: {leaders[0].policy} leads in every scenario."
    else:
        lead = "Overall: no policy is best everywhere."
    places = "; ".join(f"{policy} on {_and(names)}" for policy, names in where.items())
    counts: dict[str, Counter[str]] = {}
    for group in views.groups(comparison.results):
        for metric in views.headline(comparison.results, group):
            for row in views.rows(comparison.differences(metric, group)):
                counts.setdefault(str(row.policy), Counter())[row.verdict] += 1
    order = sorted(counts, key=lambda name: _losses(counts[name]))
    tally = ", ".join(
        f"{name} {counts[name]['better']} : {counts[name]['worse']}" for name in order
    )
    return Verdict(
        lead,
        f"Who leads, by each scenario's first metric: {places}. Better : worse than "
        f"{base}, counted over all headline metrics and sizes: {tally}.",
    )


def _losses(count: Counter[str]) -> int:
    return count["worse"] - count["better"]


def _of(comparison: Comparison, leader: Leader) -> Verdict:
    """Tell who leads a scenario, how the others follow, and what it costs."""
    if leader.policy == comparison.baseline:
        return _unbeaten(comparison, leader)
    group, metric, policy = leader.group, leader.metric, leader.policy
    rows = _compared(comparison, metric, group)
    others = [
        str(row.policy)
        for row in rows
        if row.verdict == "better" and row.policy != policy
    ]
    detail = [f"Better too: {', '.join(others)}."] if others else []
    detail += _price(comparison, leader)
    detail += _at_other_sizes(comparison, leader)
    words = _predicate(comparison, metric, group, policy)
    lead = f"{group.scenario}: {policy} {words} than {comparison.baseline}."
    return Verdict(lead, " ".join(detail))


def _unbeaten(comparison: Comparison, leader: Leader) -> Verdict:
    group, metric = leader.group, leader.metric
    rows = _compared(comparison, metric, group)
    told = [rows[0], rows[-1]] if len(rows) > 1 else rows
    names = [("Nearest", "furthest")[place] for place in range(len(told))]
    detail = "; ".join(
        f"{name}: {_whole(comparison, metric, group, str(row.policy))}"
        for name, row in zip(names, told, strict=True)
    )
    lead = (
        f"{group.scenario}: no policy is clearly better than {comparison.baseline} "
        f"in {label(metric)}."
    )
    return Verdict(lead, " ".join([f"{detail}.", *_at_other_sizes(comparison, leader)]))


def _price(comparison: Comparison, leader: Leader) -> list[str]:
    """Say how the leader fares at the scenario's other headline metrics."""
    gains: list[str] = []
    costs: list[str] = []
    for metric in views.headline(comparison.results, leader.group):
        if metric == leader.metric:
            continue
        for row in _compared(comparison, metric, leader.group):
            if row.policy == leader.policy and row.verdict in {"better", "worse"}:
                words = _predicate(comparison, metric, leader.group, leader.policy)
                (gains if row.verdict == "better" else costs).append(words)
    told = []
    if gains:
        told.append(f"It also {_and(gains)}.")
    if costs:
        told.append(f"The price: it {_and(costs)}.")
    return told


def _at_other_sizes(comparison: Comparison, leader: Leader) -> list[str]:
    """Say whether the same holds at the scenario's smaller sizes."""
    sizes = [
        group
        for group in views.groups(comparison.results)
        if group.scenario == leader.group.scenario
    ]
    if len(sizes) < 2:
        return []
    led = {
        group.size: _best(comparison, leader.metric, group) or comparison.baseline
        for group in sizes
    }
    unlike = [
        f"at size {size} "
        + (
            "no policy is clearly better"
            if name == comparison.baseline
            else f"{name} leads"
        )
        for size, name in led.items()
        if name != leader.policy
    ]
    if not unlike:
        number = "both" if len(sizes) == 2 else f"all {len(sizes)}"
        return [f"So at {number} sizes."]
    return [f"Not so at every size: {_and(unlike)}."]


def _whole(comparison: Comparison, metric: str, group: views.Group, policy: str) -> str:
    """Return a policy's difference as a sentence without place and full stop."""
    text = comparison.words(metric, group)[policy]
    return text.removeprefix(f"On {group.label}, ").removesuffix(".")


def _predicate(
    comparison: Comparison, metric: str, group: views.Group, policy: str
) -> str:
    """Return what a policy does more or less, without naming policy and baseline."""
    text = _whole(comparison, metric, group, policy)
    return text.removeprefix(f"{policy} ").removesuffix(f" than {comparison.baseline}")


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _sureness(comparison: Comparison) -> Verdict | None:
    if comparison.claims < 2:
        return None
    tests = {each.test for each in comparison.family.values()} - {"none"}
    return Verdict(
        f"How sure: corrected for {comparison.claims} comparisons.",
        "With 95 % probability none of the differences told in sentences is chance "
        f"(paired by seed; {_and(sorted(tests))} test, Holm's correction). Of the "
        "signs at other metrics 5 % may be (Benjamini and Hochberg). Intervals are "
        "95 % each, not corrected.",
    )


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
    return f" ({views.number(row.low)} … {views.number(row.high)})"

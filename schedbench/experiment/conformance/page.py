"""The proof as a page: what was played, what was compared, what is different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COUNTS = {
    "cases": "cases",
    "pods": "pods",
    "verdicts": "verdicts on nodes",
    "scores": "scores",
    "different": "different",
    "not_modelled": "not modelled",
}
COMPARED = """
Compared are the feasible nodes; on each other node the first plugin that rejects it,
its code and reasons (verdicts); on each feasible node the normalized, weighted score of
each plugin and the total (scores); the node chosen; candidates, victims and budget
violations of preemption; and the text of the event.
"""


def page(played: Mapping[str, Any]) -> str:
    """Return the page in Markdown: counts by group and engine, with their conditions.

    Parameters
    ----------
    played
        `date`, `version`, `release`, and the `groups` of `schedbench conformance`.
    """
    groups = played["groups"]
    rows = [
        f"| group | engine | {' | '.join(COUNTS.values())} |",
        f"|---|---|{'---:|' * len(COUNTS)}",
        *(_row(each["name"], each["engine"], _sums([each])) for each in groups),
        _row("**all**", "", _sums(groups)),
    ]
    return (
        f"# Decisions equal to those of kube-scheduler {played['release']}\n\n"
        f"Played on {played['date']} by schedbench {played['version']}, from decisions "
        f"recorded of the real code; `make proof` makes this page.\n{COMPARED}\n"
        + "\n".join(rows)
        + "\n"
    )


def sentence(played: Mapping[str, Any]) -> str:
    """Return the proof in a few sentences, for the README; `played` as for `page`."""
    groups = played["groups"]
    engines = list(dict.fromkeys(each["engine"] for each in groups))
    first = [each for each in groups if each["engine"] == engines[0]]
    sums = {name: f"{count:,}" for name, count in _sums(first).items()}
    every = _sums(groups)
    return (
        f"{sums['pods']} decisions of the real kube-scheduler {played['release']}, in "
        f"{sums['cases']} recorded cases of {len(first)} groups, played by each of the "
        f"engines {' and '.join(engines)}: **{every['different']:,} different**, "
        f"{every['not_modelled']:,} not modelled.\n"
        f"Compared were {sums['verdicts']} verdicts on nodes and {sums['scores']} "
        "scores an engine, besides choices, victims and texts.\n"
        f"[The proof](reports/conformance.md), of {played['date']}, has the counts by "
        "group.\n"
    )


def _sums(groups: list[Mapping[str, Any]]) -> dict[str, int]:
    return {name: sum(each[name] for each in groups) for name in COUNTS}


def _row(group: str, engine: str, counts: Mapping[str, int]) -> str:
    shown = " | ".join(f"{count:,}" for count in counts.values())
    return f"| {group} | {engine} | {shown} |"

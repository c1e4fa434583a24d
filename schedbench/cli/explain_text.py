"""What `schedbench explain` found, as text for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from schedbench.cli import output
from schedbench.cli.output import Table

Told = Mapping[str, Any]
MOST_CHANGES = 12
MOST_CANDIDATES = 5
MOST_NAMES = 3


def tell(told: Told, *, top: int, seed: int, raw: bool) -> None:
    """Print it: the decision, the rejections, the scores, and what would help."""
    _tell_decision(told, seed)
    _tell_rejections(told)
    if told["scores"]:
        _tell_scores(told, top, raw=raw)
    elif told["feasible"] == 1:
        output.result("\nThe only node that fits needs no score.")
    if told["node"] is None or output.verbosity() > 0:
        _tell_changes(told["changes"])
        if told["taints_not_tried"]:
            output.result(f"  ({told['taints_not_tried']:,} rarer taints not tried)")
    if told["preemption"] and told["preemption"]["candidates"]:
        _tell_preemption(told["preemption"])


def _tell_decision(told: Told, seed: int) -> None:
    if told["node"] is None:
        _say(f"{told['pod']} fits on no node, says {told['policy']}.")
    else:
        _say(f"{told['pod']} goes to {told['node']}, says {told['policy']}.")
    if told["was_on"]:
        where = f"In the snapshot it is on {told['was_on']}"
        _say(f"{where}{' too' if told['same_node'] else ''}.")
    if told["gated"]:
        _say(f"It is not tried yet: {told['gated']}. Without them:")
    if told["nominated_node_taken_at_once"]:
        _say("It is nominated to that node, so no other was looked at.")
    else:
        _say(f"It fits on {told['feasible']:,} of {told['nodes']:,} nodes.")
    if len(told["tied"]) > 1:
        how = {
            "random": f"one is drawn (--seed {seed})",
            "first": "the first in node order is taken",
            "next": "the next in node order is taken",
        }[told["ties"]]
        _say(f"{len(told['tied']):,} nodes share the greatest total: {how}.")
    if told["reserve_error"]:
        _say(f"Yet its volumes cannot be had there: {told['reserve_error']}")
    if told["fit_error"]:
        output.result(f"\nThe event:\n{told['fit_error']}")


def _tell_rejections(told: Told) -> None:
    if not told["rejected"]:
        return
    rows = [
        [f"{each['nodes']:,}", each["plugin"] or "(PreFilter)", each["reason"]]
        for each in told["rejected"]
    ]
    output.result("\nRejected by the first filter that refuses:")
    output.result(Table(["nodes", "plugin", "reason"], rows, frozenset({0})).text())


def _tell_scores(told: Told, top: int, *, raw: bool) -> None:
    best = told["scores"][:top]
    chosen = next(each for each in told["scores"] if each["node"] == told["node"])
    if chosen not in best:
        best = [chosen, *best[: top - 1]]
    rows = []
    for name, weight in told["weights"].items():
        if raw:
            rows += _before_weighing(name, best)
        cells = [output.number(each["plugins"][name]) for each in best]
        rows.append([f"{name} × {weight}", *cells])
    rows.append(["total", *(output.number(each["total"]) for each in best)])
    names = [_marked(each["node"], told) for each in best]
    output.result(f"\nThe best {len(best)} of {told['feasible']:,} (* = taken):")
    output.result(_fitting("score × weight", names, rows))


def _before_weighing(name: str, best: Sequence[Told]) -> list[list[str]]:
    """Return the rows of a score as it was before it was weighed."""
    rows = []
    for form in ("raw", "normalized"):
        if name in best[0][form]:
            cells = [output.number(each[form][name]) for each in best]
            rows.append([f"{name}, {form}", *cells])
    return rows


def _fitting(corner: str, names: Sequence[str], rows: list[list[str]]) -> str:
    """Return a table with nodes as columns; by number if names are too wide."""
    numeric = frozenset(range(1, len(names) + 1))
    columns = zip([corner, *names], *rows, strict=True)
    if sum(max(map(len, column)) + 2 for column in columns) - 2 <= _width():
        return Table([corner, *names], rows, numeric).text()
    numbers = [f"#{place}" for place in range(1, len(names) + 1)]
    marked = [
        f"{number}*" if name.endswith("*") else number
        for number, name in zip(numbers, names, strict=True)
    ]
    legend = [f"{number} = {name}" for number, name in zip(numbers, names, strict=True)]
    table = Table([corner, *marked], rows, numeric).text()
    return "\n".join([table, *legend])


def _tell_changes(changes: Sequence[Told]) -> None:
    if not changes:
        output.result("\nNo single change to the pod would open another node to it.")
        return
    output.result("\nWhat would have to change, one thing at a time:")
    for each in changes[:MOST_CHANGES]:
        output.result(_with_names(f"  {each['text']}", each["nodes"]))
    if len(changes) > MOST_CHANGES:
        output.result(f"  and {len(changes) - MOST_CHANGES} more (--json has all)")


def _tell_preemption(preemption: Told) -> None:
    candidates = preemption["candidates"]
    count = output.counted(len(candidates), "node")
    taken = next(each for each in candidates if each["node"] == preemption["node"])
    victims = _listed([victim["pod"] for victim in taken["victims"]])
    output.result("")
    _say(
        f"Preemption would help on {count}. It would take {taken['node']} and evict "
        f"{victims}."
    )
    best = [taken, *(each for each in candidates if each is not taken)]
    rows = [
        [
            str(len(each["victims"])),
            str(max(victim["priority"] for victim in each["victims"])),
            str(each["budget_violations"]),
            f"{each['node']}{'*' if each is taken else ''}",
        ]
        for each in best[:MOST_CANDIDATES]
    ]
    header = ["victims", "priority ≤", "budgets broken", "node"]
    output.result(Table(header, rows, frozenset({0, 1, 2})).text())
    if len(candidates) > MOST_CANDIDATES:
        output.result(
            f"and {len(candidates) - MOST_CANDIDATES:,} more (--json has all)"
        )


def _say(text: str) -> None:
    """Print sentences, in lines no longer than the terminal."""
    output.result(
        textwrap.fill(text, _width(), break_long_words=False, break_on_hyphens=False)
    )


def _marked(node: str, told: Told) -> str:
    return f"{node}*" if node == told["node"] else node


def _listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    more = len(names) - most
    rest = f" and {more:,} more" if more > 0 else ""
    return ", ".join(names[:most]) + rest


def _with_names(text: str, names: Sequence[str]) -> str:
    """Return a text and the names of nodes, on a line of their own if need be."""
    line = f"{text}: {_listed(names)}"
    if len(line) <= _width():
        return line
    indent = "      "
    for most in range(MOST_NAMES, 0, -1):
        line = f"{indent}{_listed(names, most)}"
        if len(line) <= _width():
            break
    return f"{text}:\n{line}"


def _width() -> int:
    return shutil.get_terminal_size((100, 24)).columns

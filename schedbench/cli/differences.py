"""Compared decisions as tables: counts a group, and two decisions side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedbench.cli import output
from schedbench.cli.output import Table

if TYPE_CHECKING:
    from schedbench.experiment.conformance.report import Conformance, PodDifference

FIELDS_SHOWN = 12
"""Lines of a shown pod."""
WIDTH = 100
"""Characters of a shown value."""


def count_table(found: Conformance) -> Table:
    """Return the counts, a group and engine a row."""
    header = ["group", "cases", "pods", "equal", "different", "not modelled", "needs"]
    several = len({group.engine for group in found.groups}) > 1
    rows = []
    for group in found.groups:
        counts = (group.cases, group.pods, group.equal, group.different)
        name = f"{group.name} ({group.engine})" if several else group.name
        rows.append(
            [
                name,
                *(f"{count:,}" for count in (*counts, group.not_modelled)),
                ", ".join(f"{need} ({n:,})" for need, n in sorted(group.needs.items())),
            ]
        )
    return Table(header, rows, frozenset(range(1, 6)))


def side_by_side(found: PodDifference, theirs: str) -> str:
    """Return both decisions on a pod, and the fields in which they differ.

    Parameters
    ----------
    theirs
        What the other side is called.
    """
    title = f"{found.group} {found.case} {found.pod} ({found.engine})"
    said = {theirs: found.recorded, "ours": found.ours}
    sentences = [f"  {side}: {text}" for side, text in said.items()]
    rows = [
        [each.field, _short(each.recorded), _short(each.ours)]
        for each in found.fields[:FIELDS_SHOWN]
    ]
    more = len(found.fields) - len(rows)
    rest = [f"and {output.counted(more, 'more field')}"] if more else []
    table = Table(["field", theirs, "ours"], rows).text()
    return "\n".join([title, *sentences, table, *rest])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def summarize(found: Conformance) -> None:
    """Say in a line how much was compared, and how much of it differs."""
    pods = sum(group.pods for group in found.groups)
    verdicts = sum(group.verdicts for group in found.groups)
    scores = sum(group.scores for group in found.groups)
    output.note(
        f"{output.counted(pods, 'pod')}: {found.different:,} different, "
        f"{found.not_modelled:,} not modelled; compared {verdicts:,} verdicts on nodes "
        f"and {output.counted(scores, 'score')}"
    )

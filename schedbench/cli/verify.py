"""`schedbench verify`: our decisions against a living kube-scheduler's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.differences import count_table, side_by_side, summarize
from schedbench.cli.verifying import Asked, options, verified
from schedbench.cli.whole import Whole
from schedbench.experiment.verify.programs import NAME, RELEASES

if TYPE_CHECKING:
    from schedbench.experiment.verify.run import Verification

FAILURES_SHOWN = 10
OTHER_RELEASES = frozenset(f"{NAME}@{release}" for release in RELEASES[1:])


@click.command(
    name="verify",
    epilog="""\b
Examples:
  schedbench verify --against kube-scheduler --cases 2000
  schedbench verify --against kube-scheduler --group taints --seed 12 --cases 1
  schedbench verify pools-taints --size quick --against kube-scheduler@1.34
  schedbench verify --against './my-conformance --fast' --json

\b
Exit codes:
  0  every decision is the same
  1  some are different, or a case was not decided
  2  wrong usage or bad input, as a kube-scheduler that was not built
""",
)
@options
@click.option(
    "--show", type=Whole(0), default=5, show_default=True, metavar="N",
    help="Explain the first N different decisions by both sides.",
)  # fmt: skip
@click.option(
    "--engine", default="scan", show_default=True, metavar="E", help="By which engine."
)
@output.table_options
@output.quiet_and_verbose
def command(show: int, engine: str, form: str | None, **asked: Any) -> int:
    """Compare our decisions with those of a living kube-scheduler, one by one.

    Both decide random cases, which group and seed make anew on any machine: 160 are
    ten of each group. With a SCENARIO they decide its first pods on its cluster.
    Compared are feasible nodes, who rejects the others and why, each plugin's score on
    each node, the totals, the choice, victims of preemption and the texts of events.
    """
    wanted = Asked(**asked)
    found = verified(wanted, engine=engine, show=show)
    document = found.document() | {"seed": wanted.seed, "cases": wanted.cases}
    output.show_table(count_table(found.compared), form, document)
    if form is None:
        _show(found)
    summarize(found.compared)
    if not wanted.scenarios:
        first = wanted.seed or 0
        count = len(wanted.groups) or len(found.compared.groups)
        last = first + (wanted.cases - 1) // max(count, 1)
        output.note(f"seeds {first}..{last}; a case is --group G --seed S --cases 1")
    if found.against in OTHER_RELEASES:
        output.note(f"ours decides as v{RELEASES[0]}: see benchmarks/kube_scheduler")
    return 0 if found.passed else 1


def _show(found: Verification) -> None:
    for each in found.compared.shown:
        output.result(f"\n{side_by_side(each, found.against)}")
    for failure in found.failures[:FAILURES_SHOWN]:
        output.result(f"\n{failure.group} {failure.case} not compared")
        output.result(f"  {failure.problem}")
    more = len(found.failures) - FAILURES_SHOWN
    if more > 0:
        output.result(f"\nand {output.counted(more, 'more case')} not compared")

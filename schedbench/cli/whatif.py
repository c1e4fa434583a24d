"""`schedbench whatif`: a cluster under another scheduler configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from schedbench.cli import output
from schedbench.cli.whole import Whole

if TYPE_CHECKING:
    from schedbench.experiment.whatif.configuration import Side, WhatIf

MOST_REASONS = 3


@click.command(
    name="whatif",
    epilog="""\b
Examples:
  kubectl get nodes,pods,priorityclasses,pvc,pv -A -o json > cluster.json
  schedbench whatif cluster.json --config new.yaml
  schedbench whatif cluster.json --base old.yaml --config new.yaml --json
""",
)
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option(
    "--config", required=True, metavar="FILE",
    help="The new KubeSchedulerConfiguration.",
)  # fmt: skip
@click.option(
    "--base", metavar="FILE",
    help="The configuration to compare with.  [default: kube-scheduler's defaults]",
)  # fmt: skip
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="S",
    help="For ties that are drawn.",
)  # fmt: skip
@click.option(
    "--top", type=Whole(0), default=20, show_default=True, metavar="N",
    help="How many pods to show.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    snapshot: str,
    config: str,
    base: str | None,
    seed: int,
    top: int,
    form: str | None,
) -> int:
    """Say which pods would go elsewhere, or nowhere, under another configuration.

    SNAPSHOT is manifests of nodes and pods: a file, a folder, or - for standard
    input. Both configurations place all its pods from scratch, in the order in which
    the scheduler takes them (priority, then creation), so that what differs is due to
    the configuration alone and not to what happened in the cluster's life. Static
    pods, pods being deleted and those of other schedulers stay where they are.
    """
    from schedbench.experiment.whatif.configuration import what_if
    from schedbench.experiment.whatif.snapshot import configured, loosen

    new, old = configured(config), configured(base)
    known = [set(each.profiles or ()) for each in (old, new)]
    found = what_if(loosen(snapshot, known[0] & known[1]), old, new, seed=seed)
    if form == "json":
        labels = {"snapshot": snapshot, "base_config": base, "new_config": config}
        output.json_document(labels | found.to_dict())
    else:
        for line in _summary(found):
            output.result(line)
        _show_changes(found, top)
    for text in found.notes:
        output.note(f"note: {text}")
    return 0


def _summary(found: WhatIf) -> Iterator[str]:
    counts = found.counts()
    changed = sum(counts.values())
    yield click.style(
        f"{changed:,} of {output.counted(found.pods, 'pod')} on "
        f"{output.counted(found.nodes, 'node')} would be treated differently"
        if changed
        else f"All {output.counted(found.pods, 'pod')} would be where the base "
        "configuration puts them",
        bold=True,
    )
    yield (
        f"  pend under the new one only   {counts['pends']:>8,}\n"
        f"  are placed by the new one only{counts['is placed']:>8,}\n"
        f"  move to another node          {counts['moves']:>8,}"
        f"   (pods of a kind taken as one: {found.moved_alike:,}; another draw of "
        f"ties alone: {found.moved_by_ties:,})"
    )
    for name, side in (("base", found.base), ("new", found.new)):
        yield (
            f"  {name + ':':6}{side.pending:,} pending, {side.nodes_used:,} nodes "
            f"used, {side.as_it_was:,} pods where they are now{_why(side)}"
        )
    if found.fixed:
        yield f"  {output.counted(found.fixed, 'pod')} stay where they are"


def _why(side: Side) -> str:
    if not side.pending or not side.reasons:
        return ""
    reasons = ", ".join(
        f"{each.reason} ({each.nodes:,} nodes)" for each in side.reasons[:MOST_REASONS]
    )
    return f"; at first tries: {reasons}"


def _show_changes(found: WhatIf, top: int) -> None:
    if not found.changes or not top:
        return
    rows = [
        [each.pod, each.kind, each.was_on or "–", each.base or "–", each.new or "–"]
        for each in found.changes[:top]
    ]
    header = ["pod", "change", "now on", "base", "new"]
    output.result("\n" + output.Table(header, rows).text())
    if len(found.changes) > top:
        output.note(f"{len(found.changes) - top:,} more; --top and --json show them")

"""`schedbench capacity`: how many more pods of a kind fit, and what stops the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedbench.cli import output
from schedbench.cli.whole import Whole

if TYPE_CHECKING:
    from schedbench.experiment.whatif.capacity import Capacity


@click.command(
    name="capacity",
    epilog="""\b
Examples:
  kubectl get nodes,pods,priorityclasses -A -o json > cluster.json
  schedbench capacity cluster.json --pod pod.yaml
  kubectl run web --image=nginx --dry-run=client -o yaml \\
    | schedbench capacity cluster.json --pod -
""",
)
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option(
    "--pod", required=True, metavar="FILE", help="A manifest of the pod; - for stdin."
)
@click.option(
    "--config", metavar="FILE",
    help="A KubeSchedulerConfiguration; the pod's schedulerName picks the profile.",
)  # fmt: skip
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="S",
    help="For ties that are drawn.",
)  # fmt: skip
@click.option(
    "--most", type=Whole(1, 10_000_000), default=1_000_000, show_default=True,
    metavar="N", help="How many copies are tried at most.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    snapshot: str,
    pod: str,
    config: str | None,
    seed: int,
    most: int,
    form: str | None,
) -> int:
    """Say how many more pods like one fit a cluster, and what stops the next.

    SNAPSHOT is manifests of nodes and pods: a file, a folder, or - for standard
    input. Its bound pods stay, its waiting ones are left out. Copies of the pod are
    placed one after another as kube-scheduler would, until one fits nowhere; nobody
    is displaced for it. Spreading and affinity count as they do in the scheduler, so
    that where copies went before decides how many follow.
    """
    from schedbench.errors import InputError
    from schedbench.experiment.whatif.capacity import capacity

    if snapshot == "-" and pod == "-":
        raise InputError(
            "both the snapshot and the pod are read from standard input",
            source="--pod", fix="give one of them as a file",
        )  # fmt: skip
    found = capacity(snapshot, pod, config=config, seed=seed, most=most)
    if form == "json":
        output.json_document({"snapshot": snapshot} | found.to_dict())
    else:
        _tell(found)
    for text in found.notes:
        output.note(f"note: {text}")
    return 0


def _tell(found: Capacity) -> None:
    least = "" if found.stopped_by is not None else "at least "
    nodes = output.counted(found.nodes, "node")
    text = f"{least}{found.fits:,} more of {found.pod} fit on {nodes}"
    output.result(click.style(text, bold=True))
    if found.fits:
        output.result(
            f"  {output.counted(found.nodes_used, 'node')} take some, at most "
            f"{found.most_on_a_node:,} each"
        )
    if found.stopped_by is None:
        return
    output.result(f"  the next one: {found.stopped_by}")
    rows = [[plugin, reason, f"{count:,}"] for plugin, reason, count in found.reasons]
    if rows:
        header = ["plugin", "reason", "nodes"]
        output.result("\n" + output.Table(header, rows, frozenset({2})).text())

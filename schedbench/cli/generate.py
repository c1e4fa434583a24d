"""`schedbench generate`: a scenario's cluster and pods as manifests."""

from __future__ import annotations

import click

from schedbench.cli import output
from schedbench.cli.launch import seeds_of
from schedbench.cli.whole import Whole
from schedbench.errors import InputError


@click.command(
    name="generate",
    epilog="""\b
Examples:
  schedbench generate web-services --size quick --seed 1 -o cluster.json.gz
  schedbench run cluster.json.gz -p best-fit
  schedbench generate pools-taints --seed 7 -o - | kubectl apply --dry-run=client -f -
""",
)
@click.argument("scenario")
@click.option("--size", metavar="SIZE", help="A size. [default: the scenario's]")
@click.option(
    "--seed", type=Whole(0), metavar="S",
    help="The seed. [default: the scenario's first]",
)  # fmt: skip
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="Set a parameter or a field, as cluster.nodes=50; repeatable.",
)  # fmt: skip
@click.option(
    "--workload", metavar="CASE/NAME", help="Of a scheduler_perf configuration."
)
@click.option(
    "-o", "--out", default="-", show_default=True, metavar="FILE",
    help="A .json or .json.gz file, or - for standard output.",
)  # fmt: skip
@output.quiet_and_verbose
def command(
    scenario: str,
    size: str | None,
    seed: int | None,
    sets: tuple[str, ...],
    workload: str | None,
    out: str,
) -> int:
    """Write a scenario's nodes, objects and pods as one Kubernetes List, in JSON.

    `run` and `explain` read it back. Manifests know no time: what arrives later or
    ends is there from the start and stays; a note says so.
    """
    from schedbench.cli import targets
    from schedbench.cli.manifests import check_target, write_manifests

    check_target(out)
    refs = targets.scenarios(
        [scenario], sets=sets, size=size, workloads=[workload] if workload else []
    )
    if len(refs) != 1:
        raise InputError(
            f"{len(refs)} scenarios or sizes, expected one",
            source=scenario,
            fix="name one",
        )
    ref = refs[0]
    first = seeds_of(seed, 1, getattr(ref, "seeds", ()), quick=False)[0]
    made = ref.build(first)
    for text in write_manifests(made, out):
        output.note(f"note: {text}")
    output.note(
        f"{len(made.nodes):,} nodes and {len(made.pods):,} pods of seed {first} "
        f"in {'standard output' if out == '-' else out}"
    )
    return 0

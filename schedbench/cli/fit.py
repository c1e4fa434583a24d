"""`schedbench fit`: the fewest or cheapest nodes that carry a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedbench.cli import output
from schedbench.cli.launch import seeds_of
from schedbench.cli.whole import Whole
from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.experiment.whatif.fit import Fit
    from schedbench.experiment.whatif.pools import Pools
    from schedbench.policies.base import Policy


@click.command(
    name="fit",
    epilog="""\b
Examples:
  schedbench fit web-services --nodes pools.yaml
  schedbench fit cluster.json --nodes pools.yaml -p best-fit --json
\b
pools.yaml:
  zones: 3
  pools:
    - {name: small, cpu: 4, memory: 16Gi, price: 0.19}
    - {name: large, cpu: 32, memory: 128Gi, price: 1.43, max: 50}
""",
)
@click.argument("workload", metavar="WORKLOAD")
@click.option(
    "--nodes", required=True, metavar="POOLS",
    help="The pools there are: shape, price, min and max of each.",
)  # fmt: skip
@click.option(
    "-p", "--policy", "spec", metavar="P",
    help="Who places the pods.  [default: kube-scheduler]",
)  # fmt: skip
@click.option(
    "--config",
    metavar="FILE",
    help="A KubeSchedulerConfiguration, instead of a policy.",
)
@click.option("--size", metavar="SIZE", help="A size of the scenario.")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="Set a parameter or a field of the scenario; repeatable.",
)  # fmt: skip
@click.option(
    "--seed", type=Whole(0), metavar="S",
    help="Of pods and ties. [default: the scenario's first]",
)  # fmt: skip
@click.option(
    "--replays", type=Whole(1, 100_000), default=100, show_default=True, metavar="N",
    help="How many are made to find fewer nodes.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    workload: str,
    nodes: str,
    spec: str | None,
    config: str | None,
    size: str | None,
    sets: tuple[str, ...],
    seed: int | None,
    replays: int,
    form: str | None,
) -> int:
    """Find the fewest nodes, or the cheapest, on which no pod has to wait.

    WORKLOAD is a scenario, or manifests or a snapshot, of which the pods are taken
    and the nodes are not. Counts of the pools are searched for, and tried by replays;
    beside what is found stands what no scheduler can do below, and the gap.
    """
    from schedbench.cli import targets
    from schedbench.experiment.whatif.fit import fit
    from schedbench.experiment.whatif.pools import read_pools

    pools = read_pools(nodes)
    policy = _policy(spec, config)
    refs = targets.scenarios([workload], sets=sets, size=size)
    if len(refs) != 1:
        raise InputError(
            f"{len(refs)} scenarios or sizes, expected one",
            source=workload, fix="name one",
        )  # fmt: skip
    (first,) = seeds_of(seed, 1, getattr(refs[0], "seeds", ()), quick=False)
    made = refs[0].build(first)
    try:
        found = fit(made, pools, policy, seed=first, most_replays=replays)
    except InputError as error:
        raise error.at(source=nodes) from None
    if form == "json":
        labels = {"workload": workload, "policy": policy.spec, "seed": first}
        output.json_document(labels | found.to_dict())
    else:
        _tell(found, pools)
    for text in found.notes:
        output.note(f"note: {text}")
    return 0


def _policy(spec: str | None, config: str | None) -> Policy:
    from schedbench.cli.policies import expand
    from schedbench.experiment.whatif.snapshot import configured

    if config is not None:
        if spec is not None:
            raise InputError(
                "--config and --policy exclude each other",
                source="--policy",
                value=spec,
            )
        return configured(config)
    (policy, *more) = expand([spec or "kube-scheduler"])
    if more:
        raise InputError("one policy at a time", source="--policy", value=spec)
    return policy


def _tell(found: Fit, pools: Pools) -> None:
    total = sum(found.counts.values())
    what = output.counted(total, "node")
    if found.priced:
        what += f" for {output.number(found.cost)}"
    carried = output.counted(found.pods, "pod")
    output.result(click.style(f"{what} carry {carried}", bold=True))
    unit = "" if found.priced else " nodes"
    least = f"  no scheduler does with less than {output.number(found.bound)}{unit}"
    if found.optimal:
        output.result(f"{least}: this is the optimum")
    else:
        output.result(f"{least}: at most {100 * found.gap:.2g} % more than needed")
    tried = output.counted(found.replays, "replay")
    output.result(
        f"  {tried}; no single node can be left out"
        if found.local
        else f"  {tried}, all that were allowed: more may find fewer nodes"
    )
    rows = [
        [
            pool.name,
            f"{found.counts[pool.name]:,}",
            "–" if pool.price is None else output.number(pool.price),
            "–"
            if pool.price is None
            else output.number(pool.price * found.counts[pool.name]),
        ]
        for pool in pools.pools
    ]
    header = ["pool", "nodes", "price", "cost"]
    output.result("\n" + output.Table(header, rows, frozenset({1, 2, 3})).text())

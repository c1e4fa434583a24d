"""`schedbench explain`: one decision on a snapshot, taken apart."""

from __future__ import annotations

import collections
import dataclasses
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.output import Table
from schedbench.cli.whole import Whole
from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload
    from schedbench.policies.base import Policy
    from schedbench.scheduler.explain import Explanation
    from schedbench.scheduler.session import Session


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A pod before a cluster: all that a decision depends on.

    `index` is the pod's place in the workload, `was_on` the node that it had.
    """

    workload: Workload
    index: int
    was_on: str | None


@click.command(
    name="explain",
    epilog="""\b
Examples:
  kubectl get nodes,pods,priorityclasses -A -o json > cluster.json
  schedbench explain cluster.json --pod online/web-0
  schedbench explain cluster.json --pod online/web-0 -p most-allocated --json
  kubectl get nodes,pods -A -o json | schedbench explain - --pod web-0
""",
)
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--pod", required=True, metavar="NS/NAME", help="The pod to place.")
@click.option(
    "-p", "--policy", "spec", default="kube-scheduler", show_default=True, metavar="P",
    help="By which policy.",
)  # fmt: skip
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="S",
    help="For ties that are drawn.",
)  # fmt: skip
@click.option(
    "--top", type=Whole(1), default=5, show_default=True, metavar="N",
    help="How many of the best nodes to show.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    snapshot: str, pod: str, spec: str, seed: int, top: int, form: str | None
) -> int:
    """Say why a pod goes where it goes, or why nowhere.

    SNAPSHOT is manifests of nodes and pods: a file, a folder, or - for standard
    input. Pods that are bound there take their place; the pod is placed as if it were
    pending, even if it is bound. Other pending pods are left out.
    """
    from schedbench.cli.policies import expand

    (policy, *more) = expand([spec])
    if more:
        raise InputError("one policy at a time", source="--policy", value=spec)
    if policy.vectorized is not None or policy.batch is not None:
        raise InputError(
            "cannot look into a policy that is a plain Python function",
            source="--policy",
            value=spec,
            fix="take a policy made of plugins, or a compiled score",
        )
    case = find_case(snapshot, pod)
    session = make_session(case, policy, seed)
    from schedbench.scheduler.explain import explain

    pod_class = int(session.encoded.class_of[case.index])
    found = explain(session, pod_class, counter=case.index)
    told = document(case, session, policy, found)
    if form == "json":
        output.json_document(told)
    else:
        _tell(told, top, seed)
    for text in case.workload.notes:
        output.note(f"note: {text}")
    return 0


def find_case(snapshot: str, pod: str) -> Case:
    """Return the snapshot's cluster with the pod pending.

    Raises
    ------
    InputError
        If the snapshot cannot be read, or there is no such pod, or it has ended.
    """
    from schedbench.objects.pod import Pod
    from schedbench.sources.manifests import load_manifests, workload_of

    name = pod if "/" in pod else f"default/{pod}"
    if snapshot != "-" and not Path(snapshot).exists():
        raise InputError("no such file or folder", source=snapshot)
    manifests = load_manifests(snapshot)
    was_on = None
    for item in manifests.objects:
        if isinstance(item, Pod) and _key(item) == name:
            was_on, item.spec.node_name = item.spec.node_name or None, None
            if item.status.phase in {"Succeeded", "Failed"}:
                raise InputError(
                    f"the pod has ended ({item.status.phase})",
                    source=snapshot,
                    value=name,
                    fix="name a pod that runs or waits",
                )
    try:
        workload = workload_of(manifests, Path(snapshot).name)
    except InputError as error:
        raise error.at(source=snapshot) from None
    names = [workload.pods.name(each) for each in range(len(workload.pods))]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        raise InputError(
            "no such pod",
            source=snapshot,
            value=name,
            fix=f"did you mean {near[0]!r}?"
            if near
            else f"write NAMESPACE/NAME of one of its {len(names):,} pods",
        )
    return Case(workload, names.index(name), was_on)


def make_session(case: Case, policy: Policy, seed: int) -> Session:
    """Return a session in which the snapshot's bound pods have their places."""
    import numpy as np

    from schedbench.cluster.encode import encode
    from schedbench.cluster.state import bind
    from schedbench.plugins.gpu_share import choose_devices
    from schedbench.scheduler.session import Session

    encoded = encode(case.workload)
    session = Session(encoded, policy.profile, seed)
    for pod in np.flatnonzero(case.workload.pods.node >= 0):
        node = np.int64(case.workload.pods.node[pod])
        pod_class = np.int64(encoded.class_of[pod])
        devices = choose_devices(session.state, encoded.classes, pod_class, node)
        bind(session.state, encoded.classes, pod_class, node, devices, 1)
    return session


def document(
    case: Case, session: Session, policy: Policy, found: Explanation
) -> dict[str, Any]:
    """Return the explanation with names for numbers, ready for JSON."""
    names = session.encoded.node_names
    order = sorted(range(len(found.feasible)), key=lambda k: (-int(found.total[k]), k))
    weights = {each.plugin.name: each.weight for each in policy.profile.scores}
    reasons = collections.Counter(
        (rejected.plugin, reason)
        for rejected in found.rejected.values()
        for reason in rejected.status.reasons
    )
    return {
        "pod": case.workload.pods.name(case.index),
        "policy": policy.spec,
        "node": names[found.chosen] if found.chosen >= 0 else None,
        "was_on": case.was_on,
        "nodes": len(found.rejected) + len(found.feasible),
        "feasible": len(found.feasible),
        "tied": [names[node] for node in found.tied],
        "ties": policy.profile.tie.name.lower(),
        "fit_error": None if found.chosen >= 0 else found.fit_error(),
        "rejected": [
            {"plugin": plugin, "reason": reason, "nodes": count}
            for (plugin, reason), count in reasons.most_common()
        ],
        "weights": {name: weights.get(name, 1) for name in found.scores},
        "scores": [
            {
                "node": names[found.feasible[k]],
                "total": _total(found, k),
                "plugins": {
                    name: values[k].item() for name, values in found.scores.items()
                },
            }
            for k in order
        ],
    }


def _total(found: Explanation, place: int) -> float:
    """Return a node's total as the policy gave it."""
    from schedbench.scheduler.explain import CUSTOM

    values = found.scores.get(CUSTOM, found.total)
    total: float = values[place].item()
    return total


def _tell(told: dict[str, Any], top: int, seed: int) -> None:
    if told["node"] is None:
        output.result(f"{told['pod']} fits on no node, says {told['policy']}.")
        output.result(told["fit_error"])
    else:
        output.result(f"{told['pod']} goes to {told['node']}, says {told['policy']}.")
    if told["was_on"]:
        same = " too" if told["was_on"] == told["node"] else ""
        output.result(f"In the snapshot it is on {told['was_on']}{same}.")
    output.result(f"It fits on {told['feasible']:,} of {told['nodes']:,} nodes.")
    if len(told["tied"]) > 1:
        how = {
            "random": f"one is drawn (--seed {seed})",
            "first": "the first in node order is taken",
            "next": "the next in node order is taken",
        }[told["ties"]]
        output.result(f"{len(told['tied']):,} nodes share the greatest total: {how}.")
    if told["rejected"]:
        rows = [
            [f"{each['nodes']:,}", each["plugin"], each["reason"]]
            for each in told["rejected"]
        ]
        output.result("\nRejected by the first filter that refuses:")
        output.result(Table(["nodes", "plugin", "reason"], rows, frozenset({0})).text())
    if told["feasible"] == 1:
        output.result("\nThe only node that fits needs no score.")
    elif told["scores"]:
        _tell_scores(told, top)


def _tell_scores(told: dict[str, Any], top: int) -> None:
    best = told["scores"][:top]
    chosen = next(each for each in told["scores"] if each["node"] == told["node"])
    if chosen not in best:
        best = [chosen, *best[: top - 1]]
    header = ["score × weight", *(_marked(each["node"], told) for each in best)]
    rows = [
        [f"{name} × {weight}", *(output.number(each["plugins"][name]) for each in best)]
        for name, weight in told["weights"].items()
    ]
    rows.append(["total", *(output.number(each["total"]) for each in best)])
    output.result(f"\nThe best {len(best)} of {told['feasible']:,} (* = taken):")
    output.result(Table(header, rows, frozenset(range(1, len(header)))).text())


def _marked(node: str, told: dict[str, Any]) -> str:
    return f"{node}*" if node == told["node"] else node


def _key(pod: Any) -> str:
    meta = pod.metadata
    return f"{meta.namespace or 'default'}/{meta.name or meta.generate_name or ''}"

"""`schedbench explain`: one decision on a snapshot, taken apart."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.whole import Whole
from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.objects.pod import Pod
    from schedbench.objects.workload import Workload
    from schedbench.scheduler.profile import Profile
    from schedbench.scheduler.profiles import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A pod before a cluster: all that a decision depends on.

    `index` is the pod's place in the workload, `was_on` the node that it had.
    """

    workload: Workload
    index: int
    was_on: str | None

    @property
    def pod(self) -> Pod:
        """The pod, under a name of its like."""
        pods = self.workload.pods
        return pods.templates[int(pods.template[self.index])]

    @property
    def scheduler(self) -> str:
        """The name of the scheduler that the pod asks for."""
        from schedbench.scheduler.config import DEFAULT_SCHEDULER

        return self.pod.spec.scheduler_name or DEFAULT_SCHEDULER


@click.command(
    name="explain",
    epilog="""\b
Examples:
  kubectl get nodes,pods,priorityclasses -A -o json > cluster.json
  schedbench explain cluster.json --pod online/web-0
  schedbench explain cluster.json --pod online/web-0 --config scheduler.yaml
  schedbench explain cluster.json --pod online/web-0 -p most-allocated --json
  kubectl get nodes,pods -A -o json | schedbench explain - --pod web-0
""",
)
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--pod", required=True, metavar="NS/NAME", help="The pod to place.")
@click.option(
    "--config", metavar="FILE",
    help="A KubeSchedulerConfiguration; the pod's schedulerName picks the profile.",
)  # fmt: skip
@click.option(
    "-p", "--policy", "spec", metavar="P",
    help="By which policy, instead of a configuration.  [default: kube-scheduler]",
)  # fmt: skip
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="S",
    help="For ties that are drawn.",
)  # fmt: skip
@click.option(
    "--top", type=Whole(1), default=5, show_default=True, metavar="N",
    help="How many of the best nodes to show.",
)  # fmt: skip
@click.option(
    "--raw", is_flag=True, help="Show scores also raw and normalized, before weighing."
)
@output.json_option
@output.quiet_and_verbose
def command(
    snapshot: str,
    pod: str,
    config: str | None,
    spec: str | None,
    seed: int,
    top: int,
    raw: bool,
    form: str | None,
) -> int:
    """Say why a pod goes where it goes, or why nowhere and what would help.

    SNAPSHOT is manifests of nodes and pods: a file, a folder, or - for standard
    input. Pods that are bound there take their place; the pod is placed as if it were
    pending, even if it is bound. Other pending pods are left out, but for those that
    are nominated to a node.
    """
    from schedbench.cli import explain_document, explain_text
    from schedbench.scheduler.sampling import ALL_NODES
    from schedbench.scheduler.snapshot import take_snapshot

    if config is not None and spec is not None:
        raise InputError(
            "--config and --policy exclude each other", source="--policy", value=spec
        )
    case = find_case(snapshot, pod)
    settings, label, notes = _settings(case, config, spec)
    whole = {name: one.sampling(ALL_NODES) for name, one in settings.items()}
    found = take_snapshot(case.workload, case.index, whole, seed)
    told = explain_document.document(case, found, label)
    (profile,) = (one.profile for one in settings.values())
    if form == "json":
        output.json_document(told)
    else:
        explain_text.tell(told, top=top, seed=seed, raw=raw)
    for text in [*case.workload.notes, *notes, *_sampling_note(told, profile)]:
        output.note(f"note: {text}")
    return 0


def _settings(
    case: Case, config: str | None, spec: str | None
) -> tuple[Mapping[str, Settings], str, list[str]]:
    """Return schedulerName → the profile, what to call it, and what to note."""
    from schedbench.scheduler.profile import Tie
    from schedbench.scheduler.profiles import read_profiles

    if config is None:
        return _policy_settings(case, spec or "kube-scheduler")
    from schedbench.scheduler.config import read_configuration

    read = read_configuration(config)
    profiles = read_profiles(Path(config), tie=Tie.RANDOM)
    return _picked(case, profiles, config), case.scheduler, list(read.notes)


def _picked(
    case: Case, profiles: Mapping[str, Settings], source: str
) -> Mapping[str, Settings]:
    """Return the profile that the pod asks for."""
    name = case.scheduler
    if name not in profiles:
        raise InputError(
            "the pod asks for a scheduler that the configuration does not have",
            source=source,
            value=name,
            fix=f"its profiles are {', '.join(profiles)}",
        )
    return {name: profiles[name]}


def _policy_settings(
    case: Case, spec: str
) -> tuple[Mapping[str, Settings], str, list[str]]:
    from schedbench.cli.policies import expand
    from schedbench.scheduler.config import DEFAULT_SCHEDULER
    from schedbench.scheduler.profiles import read_profiles

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
    if policy.profiles is not None:
        return _picked(case, policy.profiles, spec), policy.spec, []
    name = case.scheduler
    notes = []
    if name != DEFAULT_SCHEDULER:
        notes.append(f"the pod asks for scheduler {name}; it is told what {spec} does")
    settings = read_profiles(None)[DEFAULT_SCHEDULER]
    return (
        {name: dataclasses.replace(settings, profile=policy.profile)},
        policy.spec,
        notes,
    )


def _sampling_note(told: Mapping[str, Any], profile: Profile) -> list[str]:
    from schedbench.scheduler.sampling import nodes_to_find

    enough = nodes_to_find(told["nodes"], profile.percentage)
    if enough >= told["feasible"]:
        return []
    scored = f"all {told['feasible']:,} nodes that fit are scored"
    return [f"{scored}; the scheduler itself stops when it has found {enough:,}"]


def find_case(snapshot: str, pod: str) -> Case:
    """Return the snapshot's cluster with the pod pending.

    Raises
    ------
    InputError
        If the snapshot cannot be read, or there is no such pod, or it has ended or is
        being deleted.
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
            was_on = item.spec.node_name or None
            _let_wait(item, snapshot, name)
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


def _let_wait(pod: Pod, snapshot: str, name: str) -> None:
    """Take a pod off its node, with all that it has from being there."""
    ended = pod.status.phase in {"Succeeded", "Failed"}
    if ended or pod.metadata.deletion_timestamp is not None:
        raise InputError(
            f"the pod has ended ({pod.status.phase})"
            if ended
            else "the pod is being deleted: no scheduler looks at it",
            source=snapshot,
            value=name,
            fix="name a pod that runs or waits",
        )
    if pod.spec.node_name:
        pod.spec.node_name = None
        pod.status.nominated_node_name = None
        pod.status.container_statuses = []
        pod.status.init_container_statuses = []
        pod.status.resize = None


def _key(pod: Pod) -> str:
    meta = pod.metadata
    return f"{meta.namespace or 'default'}/{meta.name or meta.generate_name or ''}"

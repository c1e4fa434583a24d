"""How many more pods of a kind a cluster takes, and what stops the next one.

The pods that are bound stay, those that wait are left out. Copies of the pod come one
after another, as the scheduler would place them, until one fits nowhere; nobody makes
room for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError, NotModelledError
from schedbench.experiment.whatif.snapshot import (
    as_workload,
    configured,
    last_places,
    read_snapshot,
    scheduler_of,
)
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.sources.manifests import Manifests, load_manifests

if TYPE_CHECKING:
    from schedbench.scheduler.profiles import Settings

MOST = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Capacity:
    """How many copies of a pod fit.

    Attributes
    ----------
    pod
        Its `namespace/name`.
    fits
        How many; at least so many if `stopped_by` is None: no more were tried.
    stopped_by
        The text of the FitError of the next one.
    reasons
        (plugin, reason, nodes) of that, most nodes first.
    nodes, nodes_used, most_on_a_node
        Nodes of the cluster; those that take copies; the most on one.
    notes
        What was passed over, one sentence each.
    """

    pod: str
    fits: int
    stopped_by: str | None
    reasons: Sequence[tuple[str, str, int]]
    nodes: int
    nodes_used: int
    most_on_a_node: int
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        reasons = [
            {"plugin": plugin, "reason": reason, "nodes": nodes}
            for plugin, reason, nodes in self.reasons
        ]
        return dataclasses.asdict(self) | {"reasons": reasons}


def capacity(
    snapshot: str,
    pod_file: str,
    *,
    config: str | None = None,
    seed: int = 0,
    most: int = MOST,
) -> Capacity:
    """Place copies of a pod on a snapshot until one fits nowhere.

    Parameters
    ----------
    config
        A KubeSchedulerConfiguration; the pod's schedulerName picks the profile.
    most
        How many copies are tried at most.

    Raises
    ------
    InputError
        If a file cannot be read, the pod's is not one pod, or its scheduler is not in
        the configuration.
    NotModelledError
        If the pod has claims, gates or a group: copies of it would share them.
    """
    manifests = read_snapshot(snapshot)
    pod = _read_pod(pod_file)
    _require_copies(pod, pod_file)
    profiles = configured(config).profiles
    assert profiles is not None
    name = scheduler_of(pod)
    if name not in profiles:
        raise InputError(
            "the pod asks for a scheduler that the configuration does not have",
            source=pod_file,
            where="spec.schedulerName",
            value=name,
            fix=f"its profiles are {', '.join(profiles)}",
        )
    held = as_workload(manifests, snapshot)
    template = _defaulted(pod, manifests, pod_file)
    bound = np.flatnonzero(held.pods.node >= 0)
    waiting = len(held.pods) - len(bound)
    notes = [*held.notes]
    if waiting:
        notes.append(f"{waiting:,} pods that wait are left out")
    copies = min(_room(held, bound, template) + 1, most)
    places = _places(held, bound, template, copies, profiles[name], seed)
    taken = places[places >= 0]
    stopped: str | None = None
    reasons: list[tuple[str, str, int]] = []
    if len(taken) < copies:
        stopped, reasons = _next(held, bound, template, taken, profiles[name], seed)
    counts = np.bincount(taken) if len(taken) else np.zeros(1, dtype=np.int64)
    return Capacity(
        pod=pod.key,
        fits=len(taken),
        stopped_by=stopped,
        reasons=reasons,
        nodes=len(held.nodes),
        nodes_used=int((counts > 0).sum()),
        most_on_a_node=int(counts.max()),
        notes=notes,
    )


def _read_pod(path: str) -> Pod:
    if path != "-" and not Path(path).exists():
        raise InputError("no such file", source=path)
    found = load_manifests(path).objects
    if len(found) != 1 or not isinstance(found[0], Pod):
        kinds = ", ".join(type(item).__name__ for item in found[:3]) or "nothing"
        raise InputError(
            "expected one Pod", source=path, value=kinds,
            fix="write a manifest of kind Pod; of a Deployment take its template",
        )  # fmt: skip
    return found[0]


def _require_copies(pod: Pod, path: str) -> None:
    from schedbench.cluster.volume_objects import uses_volumes

    spec = pod.spec
    if spec.node_name:
        raise InputError(
            "the pod is bound: no scheduler looks at it",
            source=path,
            where="spec.nodeName",
            value=spec.node_name,
            fix="remove it; a nodeSelector can name the node",
        )
    for found, what in (
        (uses_volumes(pod), "volumes that are claimed or shared"),
        (bool(spec.scheduling_gates), "scheduling gates"),
        (spec.scheduling_group is not None, "a group"),
    ):
        if found:
            raise NotModelledError(
                f"how many copies fit is not told of a pod with {what}",
                source=path,
                fix="remove them to count what else limits it",
            )


def _defaulted(pod: Pod, manifests: Manifests, path: str) -> Pod:
    from schedbench.objects.defaults import default_pod, priority_classes_by_name

    try:
        return default_pod(pod, priority_classes_by_name(manifests.objects))
    except InputError as error:
        raise error.at(source=path) from None


def _room(held: Workload, bound: NDArray[np.int64], template: Pod) -> int:
    """Return how many copies the nodes' free resources hold at most."""
    from schedbench.cluster.encode import encode

    encoded = encode(_with(held, bound, template, np.array([-1])))
    classes, of_bound = encoded.classes, encoded.class_of[:-1]
    free = encoded.state.allocatable.copy()
    np.subtract.at(free.T, held.pods.node[bound], classes.request[of_bound])
    request = classes.request[encoded.class_of[-1]]
    asked = np.flatnonzero(request > 0)
    fits = free[asked] // request[asked, None]
    return int(np.maximum(fits.min(axis=0), 0).sum())


def _places(
    held: Workload,
    bound: NDArray[np.int64],
    template: Pod,
    copies: int,
    settings: Settings,
    seed: int,
) -> NDArray[np.int32]:
    """Return the slot of each copy, −1 from the first that fits nowhere."""
    from schedbench.cluster.encode import encode
    from schedbench.policies.base import Policy
    from schedbench.simulation.replay import Immediate

    workload = _with(held, bound, template, np.full(copies, -1))
    policy = Policy("kube-scheduler", "", settings.profile)
    record = Immediate(encode(workload), policy, seed, "auto").play(None)
    return last_places(record, len(workload.pods))[len(bound) :]


def _next(
    held: Workload,
    bound: NDArray[np.int64],
    template: Pod,
    taken: NDArray[np.int32],
    settings: Settings,
    seed: int,
) -> tuple[str, list[tuple[str, str, int]]]:
    """Return why one more fits nowhere: the text, and its parts."""
    from schedbench.cluster.encode import encode
    from schedbench.scheduler.attempt import Attempt
    from schedbench.scheduler.engines import Turn, explained
    from schedbench.scheduler.sampling import ALL_NODES
    from schedbench.scheduler.snapshot import named, put_all
    from schedbench.scheduler.world import World

    full = _with(held, bound, template, np.append(taken, np.int32(-1)))
    encoded = encode(full)
    every = {scheduler_of(template): settings.sampling(ALL_NODES)}
    world = World(encoded, every, seed)
    put_all(world, encoded.class_of[:-1], full.pods.node[:-1])
    last = len(full.pods) - 1
    attempt = Attempt(
        world,
        named(full.pods, last),
        int(encoded.class_of[last]),
        explained,
        Turn(),
        None,
        tell=True,
    )
    outcome = attempt.run()
    reasons = [
        (plugin, reason, nodes)
        for (plugin, reason), nodes in outcome.reasons().most_common()
    ]
    return outcome.message or outcome.error, reasons


def _with(
    held: Workload, bound: NDArray[np.int64], template: Pod, slots: NDArray[Any]
) -> Workload:
    """Return the bound pods and copies of another, on slots or waiting."""
    pods = held.pods
    status = msgspec.structs.replace(template.status, nominated_node_name=None)
    copy = msgspec.structs.replace(template, status=status)
    number = np.full(len(slots), len(pods.templates))
    return dataclasses.replace(
        held,
        pods=PodStream.of(
            [*pods.templates, copy],
            np.concatenate([pods.template[bound], number]).astype(np.int32),
            node=np.concatenate([pods.node[bound], slots]).astype(np.int32),
        ),
        queue="immediate",
        node_events=(),
        pod_updates=(),
    )

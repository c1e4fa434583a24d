"""coscheduling: pods of a group are placed together, or none of them is.

Source: Coscheduling (kubernetes-sigs/scheduler-plugins pkg/coscheduling, KEP-42), in
its form without PodGroup objects: the labels `pod-group.scheduling.sigs.k8s.io/name`
and `…/min-available` of a pod tell its group, within its namespace, and how many must
run at once; without the latter all of the group that wait must. Those that run count.
Upstream lets pods hold their nodes while they wait for the others, up to a time-out;
here a group that waits holds nothing, so groups cannot block each other. Pods over the
minimum may wait, pods without the label go one by one. Groups come in the order of
their first pods, nodes are chosen as by the base policy.
Groups of the scheduling queue (`spec.schedulingGroup`, GangScheduling) are another
thing: with them every policy but a batch one places gangs.
"""

from __future__ import annotations

import functools

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError
from schedbench.objects.pod import Pod
from schedbench.policies.base import Policy
from schedbench.policies.batches import NOWHERE, Nodes, Pods, best_node, check_base
from schedbench.scheduler.profile import Profile, Tie

NAME = "coscheduling"
SUMMARY = "Pods that name a group by label run all together, or none of them."
GROUP = "pod-group.scheduling.sigs.k8s.io/name"
MINIMUM = "pod-group.scheduling.sigs.k8s.io/min-available"


def make(base: str = "least-allocated") -> Policy:
    """Return the policy.

    Parameters
    ----------
    base
        best-fit, first-fit, least-allocated or worst-fit.

    Raises
    ------
    UnknownNameError
        If the base is unknown.
    """
    check_base(NAME, base)
    together = functools.partial(place, base=base)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=together)


def place(cluster: ClusterState, pods: Pods, base: str = "least-allocated") -> Nodes:
    """Return a node slot for each pod, or −1."""
    nodes = np.full(len(pods), NOWHERE)
    names = [_group(pod) for pod in pods.class_pods]
    members: dict[object, list[int]] = {}
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        members.setdefault(names[pod_class] or index, []).append(index)
    run = [names[pod_class] for pod_class in pods.running.pod_class.tolist()]
    for name, indices in members.items():
        placed = _try(pods.trial(), indices, base)
        if isinstance(name, tuple):
            needed = _minimum(pods, indices) - run.count(name)
            if len(placed) < needed:
                continue
        for index, node in placed.items():
            nodes[index] = node
            pods.take(index, node)
    return nodes


def _try(pods: Pods, indices: list[int], base: str) -> dict[int, int]:
    """Place pods one by one and return those that found a node, with it."""
    placed = {}
    for index in indices:
        node = best_node(pods, index, base)
        if node != NOWHERE:
            pods.take(index, node)
            placed[index] = node
    return placed


def _group(pod: Pod) -> tuple[str, str] | None:
    name = pod.metadata.labels.get(GROUP)
    return (pod.metadata.namespace, name) if name else None


def _minimum(pods: Pods, indices: list[int]) -> int:
    """Return how many pods of a group must run, the most that any of them says."""
    given = []
    for pod_class in np.unique(pods.pod_class[indices]).tolist():
        pod = pods.class_pods[pod_class]
        text = pod.metadata.labels.get(MINIMUM)
        if text is None:
            continue
        if not text.isdecimal() or int(text) < 1:
            raise InputError(
                f"label {MINIMUM} is not a number above 0",
                where=f"Pod {pod.key}",
                value=text,
            )
        given.append(int(text))
    return max(given, default=len(indices))

"""drf: the namespace with the least dominant share goes first.

Source: Ghodsi et al., "Dominant Resource Fairness" (NSDI 2011): a user's dominant share
is the largest of his shares of the cluster's resources; whoever has the least is served
next, as long as his next pod fits. Users are namespaces, their pods keep the order of
the queue. The paper leaves the node open: a pod goes to the one with most pods.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS, ClusterState
from schedbench.policies.base import Policy
from schedbench.policies.batches import Pods, held_by_namespace
from schedbench.scheduler.profile import Profile, Tie

NAME = "drf"
SUMMARY = "The namespace with the least dominant share goes first."


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=place)


def place(cluster: ClusterState, pods: Pods) -> NDArray[np.int64]:
    """Return a node for each pod, −1 for those that fit nowhere, int64[B]."""
    nodes = np.full(len(pods), -1, dtype=np.int64)
    whole = np.asarray(pods.cluster.allocatable).sum(axis=1).astype(np.float64)
    whole[PODS] = 0.0  # places are no resource that a user asks for
    share = np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)
    namespace, amounts = held_by_namespace(pods)
    held = amounts * share
    lines: dict[int, list[int]] = {}
    for index, space in enumerate(namespace[pods.pod_class].tolist()):
        lines.setdefault(space, []).append(index)
    hopeless: set[int] = set()
    while lines:
        space = min(lines, key=lambda each: (held[each].max(), lines[each][0]))
        index = lines[space].pop(0)
        if not lines[space]:
            del lines[space]
        if int(pods.pod_class[index]) in hopeless:
            continue
        fits = np.flatnonzero(pods.feasible(index))
        if not len(fits):
            hopeless.add(int(pods.pod_class[index]))
            continue
        nodes[index] = int(fits[pods.cluster.requested[PODS, fits].argmax()])
        pods.take(index, int(nodes[index]))
        held[space] += pods.request[index] * share
    return nodes

"""tetris: of all waiting pods and nodes, the pair that aligns best goes first.

Source: Grandl, Ananthanarayanan, Kandula, Rao and Akella, "Multi-Resource Packing for
Cluster Schedulers" (SIGCOMM 2014): a machine with room takes the task with the largest
dot product of its demands and what is free there, both as fractions of capacity; so
large pods go first, where resources are plentiful. Their preference for short jobs and
local input is left out: pods tell neither. `dot-product` has the same score, pod by pod
in the order of the queue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, Pod
from schedbench.policies.base import Policy
from schedbench.policies.fractions import fractions
from schedbench.scheduler.profile import Profile, Tie

NAME = "tetris"
SUMMARY = "Of all waiting pods, the best aligned with some node goes first."
TOLERANCE = 1e-12


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=place)


def place(cluster: ClusterState, pods: Any) -> NDArray[np.int64]:
    """Return a node for each pod, −1 for those that fit nowhere, int64[B].

    The alignments of all classes and nodes are kept, and after a placement made anew
    for that node; the filters are asked for each pair that is to be taken.
    """
    nodes = np.full(len(pods), -1, dtype=np.int64)
    kinds, first = np.unique(pods.pod_class, return_index=True)
    lines = [np.flatnonzero(pods.pod_class == kind).tolist() for kind in kinds]
    if not lines or not pods.cluster.allocatable.shape[1]:
        return nodes
    seen = [fractions(pods.cluster, pod_of(pods, int(at))) for at in first]
    asked, free = np.array([each.asked for each in seen]), seen[0].free.copy()
    fits = np.array([pods.feasible(int(at)) for at in first])
    aligned = np.where(fits, asked @ free, -1.0)
    while aligned.max() >= 0:
        best = aligned.max(axis=1)
        tied = np.flatnonzero(best == best.max())
        kind = min(tied.tolist(), key=lambda each: lines[each][0])
        node, index = int(aligned[kind].argmax()), lines[kind][0]
        if not pods.feasible(index)[node]:
            aligned[kind, node] = -1.0
            continue
        pods.take(index, node)
        nodes[index] = node
        del lines[kind][0]
        free[:, node] -= asked[kind]
        enough = (free[:, node] >= asked - TOLERANCE).all(axis=1)
        still = (aligned[:, node] >= 0) & enough
        aligned[:, node] = np.where(still, np.maximum(asked @ free[:, node], 0), -1.0)
        if not lines[kind]:
            aligned[kind] = -1.0
    return nodes


def pod_of(pods: Any, index: int) -> Pod:
    """Return a pod of a batch as score functions see it."""
    request = pods.request[index]
    devices, milli = int(pods.gpu_count[index]), int(pods.gpu_milli[index])
    return Pod(request, request[:2], devices, milli)

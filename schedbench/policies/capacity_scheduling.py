"""capacity-scheduling: namespaces have quotas, and borrow what others leave unused.

Source: CapacityScheduling (kubernetes-sigs/scheduler-plugins pkg/capacityscheduling,
KEP-9), its PreFilter: a pod waits if its namespace would use more than its max, or all
namespaces together more than the sum of their mins. So one may borrow beyond its min
what others do not use of theirs, up to its max. Here cpu and memory count.
There are no ElasticQuota objects: every namespace of the workload has the same min, an
even part of `guaranteed` × the cluster, and `most` × the cluster as its max. Upstream
an owner takes its min back from borrowers by preemption (PostFilter); a batch evicts
nobody, so it waits until they end. Nodes are chosen as by least-allocated.
"""

from __future__ import annotations

import functools

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.policies.batches import (
    NOWHERE,
    ROWS,
    Nodes,
    Pods,
    best_node,
    held_by_namespace,
)
from schedbench.scheduler.profile import Profile, Tie

NAME = "capacity-scheduling"
SUMMARY = "Elastic quotas: namespaces borrow what others leave, nobody is evicted."


def make(guaranteed: float = 1.0, most: float = 1.0) -> Policy:
    """Return the policy.

    Parameters
    ----------
    guaranteed
        The sum of the mins, as a part of the cluster.
    most
        The max of each namespace, as a part of the cluster.

    Raises
    ------
    InputError
        If a part is not above 0 and at most 1.
    """
    for name, value in (("guaranteed", guaranteed), ("most", most)):
        if not 0 < value <= 1:
            raise InputError(
                f"{name} is not within 0..1", where=f"policy {NAME}", value=value
            )
    admit = functools.partial(place, guaranteed=guaranteed, most=most)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=admit)


def place(
    cluster: ClusterState, pods: Pods, guaranteed: float = 1.0, most: float = 1.0
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    nodes = np.full(len(pods), NOWHERE)
    namespace, held = held_by_namespace(pods)
    used = held[:, ROWS]
    total = cluster.allocatable[ROWS].sum(axis=1)
    mins = np.floor(guaranteed * total / len(used)).astype(np.int64) * len(used)
    largest = np.floor(most * total).astype(np.int64)
    failed: set[int] = set()
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        asked = pods.request[index, ROWS]
        owner = namespace[pod_class]
        over_max = (used[owner] + asked > largest).any()
        over_mins = (used.sum(axis=0) + asked > mins).any()
        if over_max or over_mins or pod_class in failed:
            continue
        nodes[index] = best_node(pods, index, "least-allocated")
        if nodes[index] == NOWHERE:
            failed.add(pod_class)
            continue
        pods.take(index, int(nodes[index]))
        used[owner] += asked
    return nodes

"""network-aware: near the pods of the same application, as the network counts it.

Source: NetworkOverhead of Diktyo (kubernetes-sigs/scheduler-plugins pkg/networkaware,
KEP-260). A node's score is the summed cost of the way to each running pod that the pod
depends on: 0 on one node, 1 within a zone, given costs between zones and regions, 100
where none is given. A node is out on which more of them cost above a limit than not.
There are no AppGroup and NetworkTopology objects: pods of one namespace whose label
`app.kubernetes.io/part-of` (or another key) is the same depend on each other, and costs
are equal between all zones of a region, and between all regions, which are the nodes'
`topology.kubernetes.io` labels. A node without such a label is near no other node.
Bandwidth and the order of a batch (TopologicalSort) are left out. Pods without the
label, or first of their application, and nodes of equal cost: as by least-allocated.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.cluster.vocabulary import Vocabulary
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.policies.batches import NOWHERE, Nodes, Pods, base_scores
from schedbench.scheduler.profile import Profile, Tie

NAME = "network-aware"
SUMMARY = "Near pods of one application label: node, zone, region (NetworkOverhead)."
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
WITHIN_ZONE = 1


def make(
    application: str = "app.kubernetes.io/part-of",
    zones: int = 10,
    regions: int = 100,
    limit: int = 100,
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    application
        The label by which pods depend on each other.
    zones, regions
        Cost between two zones of a region, and between two regions.
    limit
        Cost above which a dependency is violated.

    Raises
    ------
    InputError
        If costs do not rise from 1 with the distance.
    """
    if not WITHIN_ZONE <= zones <= regions:
        raise InputError(
            f"costs do not rise from {WITHIN_ZONE}",
            where=f"policy {NAME}",
            value=f"zones={zones}, regions={regions}",
        )
    near = functools.partial(
        place, application=application, zones=zones, regions=regions, limit=limit
    )
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=near)


def place(
    cluster: ClusterState,
    pods: Pods,
    application: str = "app.kubernetes.io/part-of",
    zones: int = 10,
    regions: int = 100,
    limit: int = 100,
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    nodes = np.full(len(pods), NOWHERE)
    region, zone = _places(pods)
    names = [
        (pod.metadata.namespace, pod.metadata.labels.get(application))
        for pod in pods.class_pods
    ]
    there: dict[object, NDArray[np.int64]] = {}
    for pod_class in np.unique(pods.running.pod_class).tolist():
        at = pods.running.node[pods.running.pod_class == pod_class]
        found = there.setdefault(names[pod_class], np.zeros(len(zone), dtype=np.int64))
        found += np.bincount(at, minlength=len(zone))
    failed: set[int] = set()
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        if pod_class in failed:
            continue
        feasible = np.flatnonzero(pods.feasible(index))
        if not len(feasible):
            failed.add(pod_class)
        name = names[pod_class]
        count = there.setdefault(name, np.zeros(len(zone), dtype=np.int64))
        if name[1] is None:
            count = np.zeros_like(count)
        costs = distances(count, zone, region, zones, regions)
        total = sum(cost * each for cost, each in costs)
        violated = sum((each for cost, each in costs if cost > limit), 0 * count)
        feasible = feasible[2 * violated[feasible] <= count.sum()]
        if len(feasible):
            score = base_scores(pods, index, "least-allocated")[feasible]
            best = np.lexsort((-score, np.asarray(total)[feasible]))[0]
            nodes[index] = feasible[best]
            pods.take(index, int(nodes[index]))
            there[name][nodes[index]] += 1
    return nodes


def distances(
    count: NDArray[np.int64],
    zone: NDArray[np.int64],
    region: NDArray[np.int64],
    zones: int,
    regions: int,
) -> list[tuple[int, NDArray[np.int64]]]:
    """Return each cost, and how many pods each node sees at it, int64[N].

    Parameters
    ----------
    count : int64[N]
        Pods on each node.
    zone, region : int64[N]
        Where the nodes are.
    """
    in_zone = np.bincount(zone, count, minlength=len(zone)).astype(np.int64)[zone]
    in_region = np.bincount(region, count, minlength=len(zone)).astype(np.int64)[region]
    return [
        (0, count),
        (WITHIN_ZONE, in_zone - count),
        (zones, in_region - in_zone),
        (regions, count.sum() - in_region),
    ]


def _places(pods: Pods) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of region and zone of each node slot.

    No label has a slash in front: it stands for a place of the node's own.
    """
    regions: Vocabulary[str] = Vocabulary()
    zones: Vocabulary[tuple[int, str]] = Vocabulary()
    region, zone = [], []
    for slot, node in enumerate(pods.nodes):
        labels = node.metadata.labels
        alone = f"/{slot}"
        region.append(regions.add(labels.get(REGION, alone)))
        zone.append(zones.add((region[-1], labels.get(ZONE, alone))))
    return np.array(region, dtype=np.int64), np.array(zone, dtype=np.int64)

"""numa-aware: only nodes on which one NUMA zone has room for the whole pod.

Source: NodeResourceTopologyMatch (kubernetes-sigs/scheduler-plugins
pkg/noderesourcetopology, KEP-119), scope pod, policy single-numa-node. A node's score
is the least of its zones' in which the pod fits: 100 × request ÷ free (MostAllocated)
or 100 × (free − request) ÷ free (LeastAllocated), the mean of cpu and memory.
There are no NodeResourceTopology objects: each node has as many zones as its label
`topology.schedbench/numa-zones` says, else `zones`, and they share its cpu and memory
evenly. A pod takes the lowest zone with room, as kubelet's topology manager does, and
keeps it. Every pod is held to one zone, as upstream those of class Guaranteed are; one
that is larger than any zone waits for ever. Pods that came bound count as spread over
all zones of their node. Devices and other resources have no zones.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError, UnknownNameError
from schedbench.policies.base import Policy
from schedbench.policies.batches import NOWHERE, ROWS, Nodes, Pods
from schedbench.scheduler.profile import Profile, Tie

NAME = "numa-aware"
SUMMARY = "Nodes with a NUMA zone that holds the pod; zones split nodes evenly."
LABEL = "topology.schedbench/numa-zones"
STRATEGIES = ("LeastAllocated", "MostAllocated")
MOST_ZONES = 64
FULL = 100


def make(zones: int = 2, strategy: str = "LeastAllocated") -> Policy:
    """Return the policy.

    Parameters
    ----------
    zones
        NUMA zones of a node without the label.
    strategy
        LeastAllocated or MostAllocated.

    Raises
    ------
    InputError
        If the number of zones is not within 1..64, or there is no such strategy.
    """
    if not 1 <= zones <= MOST_ZONES:
        raise InputError(
            f"zones is not within 1..{MOST_ZONES}", where=f"policy {NAME}", value=zones
        )
    if strategy not in STRATEGIES:
        raise UnknownNameError(f"strategy of policy {NAME}", strategy, STRATEGIES)
    within = functools.partial(place, zones=zones, strategy=strategy)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=within)


def place(
    cluster: ClusterState,
    pods: Pods,
    zones: int = 2,
    strategy: str = "LeastAllocated",
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    chosen = np.full(len(pods), NOWHERE)
    zone_of: dict[int, int] = pods.memory.setdefault("zone", {})
    free = _free(cluster, pods, zone_of, zones)
    failed: set[int] = set()
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        if pod_class in failed:
            continue
        asked = pods.request[index, ROWS]
        fits = np.asarray((free >= asked[:, None, None]).all(axis=0))
        slots = np.flatnonzero(pods.feasible(index) & fits.any(axis=0))
        if not len(slots):
            failed.add(pod_class)
            continue
        score = node_scores(free[:, :, slots], asked, fits[:, slots], strategy)
        node = int(slots[score.argmax()])
        zone = int(fits[:, node].argmax())
        chosen[index] = node
        pods.take(index, node)
        free[:, zone, node] -= asked
        zone_of[int(pods.number[index])] = zone
    return chosen


def node_scores(
    free: NDArray[np.int64],
    asked: NDArray[np.int64],
    fits: NDArray[np.bool_],
    strategy: str,
) -> NDArray[np.int64]:
    """Return the scores of nodes, int64[N].

    Parameters
    ----------
    free : int64[2, Z, N], asked : int64[2]
        Free cpu and memory of each zone, and what the pod asks for.
    fits : bool[Z, N]
        In which zones it fits.
    """
    part = FULL * asked[:, None, None] // np.maximum(free, 1)
    if strategy == "LeastAllocated":
        part = FULL * (free - asked[:, None, None]) // np.maximum(free, 1)
    score = part.sum(axis=0) // len(ROWS)
    return np.asarray(np.where(fits, score, FULL).min(axis=0))


def _free(
    cluster: ClusterState, pods: Pods, zone_of: dict[int, int], zones: int
) -> NDArray[np.int64]:
    """Return free cpu and memory of each zone of each node, int64[2, Z, N].

    Zones that a node does not have are full.
    """
    count = np.array([_zones(node.metadata.labels, zones) for node in pods.nodes])
    has = np.arange(count.max(initial=1))[:, None] < count
    split = cluster.allocatable[ROWS] // np.maximum(count, 1)
    free = np.where(has, split[:, None, :], -1)
    running = pods.running
    asked = pods.class_request[running.pod_class][:, ROWS].T
    zone = np.array([zone_of.get(each, -1) for each in running.number.tolist()], int)
    known = zone >= 0
    for row, amounts in enumerate(asked):
        at = zone[known], running.node[known]
        np.subtract.at(free[row], at, amounts[known])
    for pod in np.flatnonzero(~known):
        node = running.node[pod]
        free[:, : count[node], node] -= -(-asked[:, pod] // count[node])[:, None]
    return np.asarray(free)


def _zones(labels: dict[str, str], zones: int) -> int:
    text = labels.get(LABEL)
    if text is None:
        return zones
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ZONES:
        raise InputError(
            f"label {LABEL} of a node is not within 1..{MOST_ZONES}",
            where=f"policy {NAME}",
            value=text,
        )
    return int(text)

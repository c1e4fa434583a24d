"""What a batch policy is given, and what several of them do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, MEMORY, ClusterState
from schedbench.errors import UnknownNameError
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

NOWHERE = -1
ROWS = [CPU, MEMORY]
Nodes: TypeAlias = NDArray[np.int64]


class Running(NamedTuple):
    """The pods that run, in the order of their numbers, `P` of them.

    Attributes
    ----------
    number : int64[P]
        Number of the pod in its workload.
    pod_class : int32[P]
        Class.
    node : int32[P]
        Node slot.
    """

    number: NDArray[np.int64]
    pod_class: NDArray[np.int32]
    node: NDArray[np.int32]


_NONE = np.zeros(0, dtype=np.int32)
NOBODY = Running(_NONE.astype(np.int64), _NONE, _NONE)


class Pods(Protocol):
    """The pods of a batch, see `simulation.own.Batch`."""

    cluster: ClusterState
    request: NDArray[np.int64]
    gpu_count: NDArray[np.int64]
    gpu_milli: NDArray[np.int64]
    pod_class: NDArray[np.int32]
    number: NDArray[np.int64]
    running: Running
    memory: dict[str, Any]
    time: float
    taken: list[int]

    def __len__(self) -> int: ...
    @property
    def resources(self) -> Sequence[str]:
        """The names of the cluster's resource rows."""

    @property
    def class_pods(self) -> Sequence[Pod]:
        """One pod object of each class."""

    @property
    def class_request(self) -> NDArray[np.int64]:
        """Requests of each class, int64[C, R]."""

    @property
    def nodes(self) -> Sequence[Node]:
        """The node object of each slot."""

    def feasible(self, index: int) -> NDArray[np.bool_]:
        """Return on which nodes the pod would fit, bool[N]."""

    def take(self, index: int, node: int) -> None:
        """Note that the pod is to go to a node on which it fits."""

    def trial(self) -> Pods:
        """Return the batch on a copy of the plan."""


def priority_levels(pods: Pods) -> list[list[int]]:
    """Return the pods of each priority in their order, the highest first."""
    priority = [pods.class_pods[c].spec.priority or 0 for c in pods.pod_class]
    levels: dict[int, list[int]] = {}
    for index, value in enumerate(priority):
        levels.setdefault(value, []).append(index)
    return [levels[value] for value in sorted(levels, reverse=True)]


def by_class(pods: Pods, indices: Sequence[int]) -> dict[int, list[int]]:
    """Return class → those of its pods, in their order."""
    found: dict[int, list[int]] = {}
    for index in indices:
        found.setdefault(int(pods.pod_class[index]), []).append(index)
    return found


def held_by_namespace(pods: Pods) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return namespaces of classes, int64[C], and what their pods hold, int64[S, R].

    Namespaces are numbered in the order of their names.
    """
    spaces = [pod.metadata.namespace for pod in pods.class_pods]
    names, namespace = np.unique(spaces, return_inverse=True)
    held = np.zeros((len(names), len(pods.resources)), dtype=np.int64)
    running = pods.running.pod_class
    np.add.at(held, namespace[running], pods.class_request[running])
    return namespace, held


def take_planned(
    pods: Pods, waiting: dict[int, list[int]], plan: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Take pods as planned, and off those that wait, unless they no longer fit.

    Parameters
    ----------
    plan
        Class and node of each pod.

    Returns
    -------
    list
        Pod and node of each that was taken.
    """
    taken = []
    for pod_class, node in plan:
        index = waiting[pod_class][0]
        if pods.feasible(index)[node]:
            pods.take(index, node)
            taken.append((index, node))
            waiting[pod_class].pop(0)
    return taken


def alike_nodes(columns: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return the nodes of equal columns, in the order of their first nodes.

    Parameters
    ----------
    columns : [K, N]
        What tells nodes apart.
    """
    if not columns.shape[1]:
        return []
    _, first, group = np.unique(columns, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return [np.flatnonzero(group.reshape(-1) == each) for each in order]


def base_scores(pods: Pods, index: int, base: str) -> NDArray[np.float64]:
    """Return the scores of a simple policy for a pod, float64[N].

    Parameters
    ----------
    base
        A key of `BASES`.
    """
    cluster = pods.cluster
    offered = cluster.allocatable[ROWS]
    left = offered - cluster.requested[ROWS] - pods.request[index][ROWS, None]
    return BASES[base](offered, left)


def best_node(pods: Pods, index: int, base: str) -> int:
    """Return the node that a simple policy takes for a pod, the first of the best.

    −1 if it fits on none. Arguments as of `base_scores`.
    """
    slots = np.flatnonzero(pods.feasible(index))
    if not len(slots):
        return NOWHERE
    return int(slots[base_scores(pods, index, base)[slots].argmax()])


def check_base(policy: str, base: str) -> None:
    """Demand that a base policy is known.

    Raises
    ------
    UnknownNameError
        If it is not.
    """
    if base not in BASES:
        raise UnknownNameError(f"base of policy {policy}", base, BASES)


def _remaining(offered: NDArray[Any], left: NDArray[Any]) -> NDArray[np.float64]:
    largest = np.maximum(offered.max(axis=1, initial=1), 1)
    return np.asarray((left / largest[:, None]).sum(axis=0))


BASES: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]] = {
    "best-fit": lambda offered, left: -_remaining(offered, left),
    "first-fit": lambda offered, left: np.zeros(left.shape[1]),
    "least-allocated": lambda offered, left: np.asarray(
        (left / np.maximum(offered, 1)).sum(axis=0)
    ),
    "worst-fit": _remaining,
}

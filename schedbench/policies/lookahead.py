"""lookahead: of the best nodes by a base policy, the one that serves the next pods.

Source: rollout (Bertsekas, Tsitsiklis and Wu, "Rollout Algorithms for Combinatorial
Optimization", Journal of Heuristics 3, 1997). For each of the best few nodes by the
base policy, the pod is put there on a copy of the columns and the base policy places
the next pods that wait; the node is taken after which most of them have a place, then
fewest nodes are in use, then that which the base policy likes best. With a horizon
over all that wait it is never worse than its base policy in that order. It looks at
pods that wait now, none that are to come: where pods come one by one, it is its base
policy.
"""

from __future__ import annotations

import functools

import numpy as np

from schedbench.cluster.layout import PODS, ClusterState
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.policies.batches import (
    NOWHERE,
    Nodes,
    Pods,
    alike_nodes,
    base_scores,
    check_base,
)
from schedbench.scheduler.profile import Profile, Tie

NAME = "lookahead"
SUMMARY = "The node after which a base policy places the next waiting pods best."


def make(base: str = "best-fit", candidates: int = 3, horizon: int = 8) -> Policy:
    """Return the policy.

    Parameters
    ----------
    base
        best-fit, first-fit, least-allocated or worst-fit.
    candidates
        How many nodes are tried for a pod.
    horizon
        How many of the next pods are placed to judge a node.

    Raises
    ------
    InputError
        If the base is unknown or a number out of range.
    """
    check_base(NAME, base)
    for name, value, least in (("candidates", candidates, 1), ("horizon", horizon, 0)):
        if value < least:
            raise InputError(
                f"{name} is below {least}", where=f"policy {NAME}", value=value
            )
    search = functools.partial(place, base=base, candidates=candidates, horizon=horizon)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=search)


def place(
    cluster: ClusterState,
    pods: Pods,
    base: str = "best-fit",
    candidates: int = 3,
    horizon: int = 8,
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    nodes = np.full(len(pods), NOWHERE)
    failed: set[int] = set()
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        if pod_class in failed:
            continue
        best = _candidates(pods, index, base, candidates)
        if not best:
            failed.add(pod_class)
            continue
        following = range(index + 1, min(index + 1 + horizon, len(pods)))
        if len(best) > 1 and following:
            best.sort(key=lambda node: _value(pods, index, node, following, base))
        nodes[index] = best[0]
        pods.take(index, best[0])
    return nodes


def _candidates(pods: Pods, index: int, base: str, most: int) -> list[int]:
    """Return the best nodes by the base policy, one of those that are alike."""
    slots = np.flatnonzero(pods.feasible(index))
    scores = base_scores(pods, index, base)[slots]
    if most == 1 or len(slots) < 2:
        return [int(slot) for slot in slots[np.argsort(-scores, kind="stable")][:most]]
    cluster = pods.cluster
    free = cluster.allocatable[:, slots] - cluster.requested[:, slots]
    empty = cluster.requested[PODS, slots] == 0
    columns = np.vstack([free, cluster.gpu_free[:, slots], empty])
    first = np.array([group[0] for group in alike_nodes(columns)])
    order = np.argsort(-scores[first], kind="stable")
    return [int(slot) for slot in slots[first[order]][:most]]


def _value(
    pods: Pods, index: int, node: int, following: range, base: str
) -> tuple[int, int]:
    """Return how many of the next pods find no place, and the nodes then in use."""
    tried = pods.trial()
    tried.take(index, node)
    failed = 0
    for each in following:
        best = _candidates(tried, each, base, 1)
        if best:
            tried.take(each, best[0])
        else:
            failed += 1
    return failed, int(np.count_nonzero(tried.cluster.requested[PODS]))

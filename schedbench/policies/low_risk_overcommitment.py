"""low-risk-overcommitment: nodes whose pods are least likely to miss what they want.

Source: Trimaran's LowRiskOverCommitment (kubernetes-sigs/scheduler-plugins
pkg/trimaran/lowriskovercommitment). The risk of a resource is weight × limit risk +
(1 − weight) × load risk; a node scores 100 (1 − risk) of cpu or memory, whichever is
riskier, rounded.

- Limit risk: (limits − capacity) ÷ (limits − requests) of the node's pods and the
  waiting one, 0 where the limits fit the capacity.
- Load risk: the chance that the node uses more than its pods request, by a beta
  distribution of its mean and deviation; given that it cannot use more than their
  limits, where these fit.

A limit counts at least the request, requests at most the capacity, a pod without
requests and limits scores nothing. Upstream multiplies the deviation by √5, as measured
values are smoothed over `smoothingWindowSize` = 5 windows; use here is modelled, not
smoothed (see `usage`), so that 1 window is the default. Pods whose limits are their
requests, as those of the shipped scenarios, carry no risk: all nodes score 100.
Pods are taken one by one, in the order of the queue, each to the first of the best.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError
from schedbench.objects.pod import Pod
from schedbench.objects.resources import pod_limits
from schedbench.policies.base import Policy
from schedbench.policies.batches import NOWHERE, ROWS, Nodes, Pods
from schedbench.policies.usage import check_positive, usage
from schedbench.scheduler.profile import Profile, Tie

NAME = "low-risk-overcommitment"
SUMMARY = "The node of least risk that pods miss what their limits allow (Trimaran)."
MOST_VARIANCE = 0.99
"""Greatest variance of the beta distribution, as a part of mean × (1 − mean)."""


class Amounts(NamedTuple):
    """What the pods of nodes ask for, the waiting one apart, float64[N].

    Attributes
    ----------
    requests, limits
        Sums over the pods of each node.
    capacity
        The allocatable of each node.
    request, limit
        Of the waiting pod.
    """

    requests: NDArray[np.float64]
    limits: NDArray[np.float64]
    capacity: NDArray[np.float64]
    request: float
    limit: float


def make(
    weight: float = 0.5,
    windows: float = 1.0,
    utilization: float = 0.6,
    variation: float = 0.5,
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    weight
        How much the limit risk counts, 0..1; the load risk counts the rest.
    windows
        Over how many windows the measured use was smoothed.
    utilization, variation
        Use of running pods ÷ their requests; its standard deviation ÷ that.

    Raises
    ------
    InputError
        If the weight is not within 0..1, or another parameter not above 0.
    """
    if not 0 <= weight <= 1:
        raise InputError(
            "weight is not within 0..1", where=f"policy {NAME}", value=weight
        )
    check_positive(NAME, windows=windows, utilization=utilization, variation=variation)
    choose = functools.partial(
        place,
        weight=weight,
        windows=windows,
        utilization=utilization,
        variation=variation,
    )
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=choose)


def place(
    cluster: ClusterState,
    pods: Pods,
    weight: float = 0.5,
    windows: float = 1.0,
    utilization: float = 0.6,
    variation: float = 0.5,
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    limit = _class_limits(pods)
    limits = np.zeros((len(ROWS), cluster.alive.size), dtype=np.int64)
    running = pods.running
    np.add.at(limits.T, running.node, limit[running.pod_class])
    nodes = np.full(len(pods), NOWHERE)
    refused: set[int] = set()
    for index, pod_class in enumerate(pods.pod_class.tolist()):
        slots = np.flatnonzero(pods.feasible(index)) if pod_class not in refused else ()
        if not len(slots):
            refused.add(pod_class)
            continue
        worst = np.zeros(len(slots))
        for row in ROWS:
            use = usage(pods.cluster, row, utilization, variation)
            found = risk(
                Amounts(
                    pods.cluster.requested[row, slots].astype(np.float64),
                    limits[row, slots].astype(np.float64),
                    pods.cluster.allocatable[row, slots].astype(np.float64),
                    float(pods.request[index, row]),
                    float(limit[pod_class, row]),
                ),
                use.mean[slots],
                use.deviation[slots] * np.sqrt(windows),
                weight,
            )
            worst = np.maximum(worst, found)
        scores = np.floor(100.5 - 100 * worst) if limit[pod_class].any() else worst * 0
        nodes[index] = slots[scores.argmax()]
        pods.take(index, int(nodes[index]))
        limits[:, nodes[index]] += limit[pod_class]
    return nodes


def risk(
    amounts: Amounts,
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    weight: float,
) -> NDArray[np.float64]:
    """Return the risk of one resource, 0..1, float64[N].

    Parameters
    ----------
    mean, deviation : float64[N]
        Use of the nodes as fractions of their capacity.
    """
    capacity = amounts.capacity
    limit = amounts.limits + amounts.limit
    request = np.minimum(amounts.requests + amounts.request, capacity)
    over = limit > capacity
    spread = np.where(over, limit - request, 1.0)
    of_limits = np.where(over, (limit - capacity) / spread, 0.0)
    found = weight * of_limits + (1 - weight) * _load_risk(amounts, mean, deviation)
    return np.asarray(np.clip(found, 0, 1))


def _load_risk(
    amounts: Amounts, mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the chance that nodes use more than their pods request, float64[N]."""
    capacity = np.maximum(amounts.capacity, 1)
    requests = np.minimum(amounts.requests, amounts.capacity)
    within = _chance_below(mean, deviation, requests / capacity)
    bounded = (amounts.limits < amounts.capacity) & (requests <= amounts.limits)
    possible = _chance_below(mean, deviation, amounts.limits / capacity)
    fitted = bounded & (mean > 0) & (deviation > 0) & (possible > 0)
    given = np.minimum(within / np.where(fitted, possible, 1.0), 1.0)
    within = np.where(fitted, given, within)
    return np.asarray(1 - np.where(bounded & (amounts.limits == 0), 1.0, within))


def _chance_below(
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    threshold: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the chance that a beta variable is at most a threshold, float64[N]."""
    from scipy.special import betainc

    most = np.where(mean < 1, mean * (1 - mean), 0.0)
    variance = np.minimum(deviation**2, MOST_VARIANCE * most)
    spreads = variance > 0
    shape = most / np.where(spreads, variance, 1.0) - 1
    alpha = np.where(spreads, mean * shape, 1.0)
    beta = np.where(spreads, (1 - mean) * shape, 1.0)
    chance = betainc(alpha, beta, np.clip(threshold, 0, 1))
    return np.asarray(np.where(spreads, chance, mean <= threshold))


def _class_limits(pods: Pods) -> NDArray[np.int64]:
    """Return cpu and memory limits of each class, int64[C, 2], computed once a run."""
    if NAME not in pods.memory:
        stated = np.array([_limits(pod) for pod in pods.class_pods], dtype=np.int64)
        pods.memory[NAME] = np.maximum(
            stated.reshape(-1, len(ROWS)), pods.class_request[:, ROWS]
        )
    kept: NDArray[np.int64] = pods.memory[NAME]
    return kept


def _limits(pod: Pod) -> tuple[int, int]:
    limits = pod_limits(pod)
    return limits.get("cpu", 0), limits.get("memory", 0)

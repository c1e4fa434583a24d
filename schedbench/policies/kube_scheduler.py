"""kube-scheduler: the default profile of v1.34, as far as runs model it.

Source: kubernetes v1.34.1 pkg/scheduler/apis/config/v1/default_plugins.go: weights
TaintToleration 3, NodeAffinity 2, PodTopologySpread 2, InterPodAffinity 2,
NodeResourcesFit 1, BalancedAllocation 1, ImageLocality 1. All nodes are scored
unless percentageOfNodesToScore is less than 100; ties are drawn uniformly.
"""

from __future__ import annotations

from schedbench.errors import InputError
from schedbench.plugins.image_locality import ImageLocality
from schedbench.plugins.inter_pod_affinity import InterPodAffinity
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.plugins.taint_toleration import TaintToleration
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore
from schedbench.scheduler.sampling import ALL_NODES

NAME = "kube-scheduler"
SUMMARY = "The default profile of kube-scheduler v1.34."


def make(
    ties: str = "random",
    percentageOfNodesToScore: int = 100,  # noqa: N803
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    percentageOfNodesToScore
        Of the nodes, enough to score if they are feasible; 0 = adaptive, as upstream.

    Raises
    ------
    InputError
        If that is not within 0..100.
    """
    if not 0 <= percentageOfNodesToScore <= ALL_NODES:
        raise InputError(
            "percentageOfNodesToScore is not within 0..100",
            where=f"policy {NAME}",
            value=percentageOfNodesToScore,
        )
    scores = (
        WeightedScore(TaintToleration(), 3),
        WeightedScore(NodeAffinity(), 2),
        WeightedScore(PodTopologySpread(), 2),
        WeightedScore(InterPodAffinity(), 2),
        WeightedScore(NodeResourcesFit(), 1),
        WeightedScore(NodeResourcesBalancedAllocation(), 1),
        WeightedScore(ImageLocality(), 1),
    )
    profile = Profile(
        NAME, scores, tie=Tie[ties.upper()], percentage=percentageOfNodesToScore
    )
    return Policy(NAME, SUMMARY, profile)

"""kube-scheduler: the default profile of v1.34, as far as runs model it.

Source: kubernetes v1.34.1 pkg/scheduler/apis/config/v1/default_plugins.go: weights
TaintToleration 3, NodeAffinity 2, PodTopologySpread 2, InterPodAffinity 2,
NodeResourcesFit 1, BalancedAllocation 1, ImageLocality 1. All nodes are scored
unless percentageOfNodesToScore is less than 100; ties are drawn uniformly.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

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
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.sampling import ALL_NODES

NAME = "kube-scheduler"
SUMMARY = "The default profile of kube-scheduler v1.34, or any configuration of it."
AS_CONFIGURED = -1
DEFAULT_SCORES = (
    WeightedScore(TaintToleration(), 3),
    WeightedScore(NodeAffinity(), 2),
    WeightedScore(PodTopologySpread(), 2),
    WeightedScore(InterPodAffinity(), 2),
    WeightedScore(NodeResourcesFit(), 1),
    WeightedScore(NodeResourcesBalancedAllocation(), 1),
    WeightedScore(ImageLocality(), 1),
)


def make(
    ties: str = "random",
    percentageOfNodesToScore: int = AS_CONFIGURED,  # noqa: N803
    config: str = "",
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    percentageOfNodesToScore
        Of the nodes, enough to score if they are feasible; 0 = adaptive, −1 = what
        the configuration says, without one all.
    config
        Path of a KubeSchedulerConfiguration; empty = the default profile.

    Raises
    ------
    InputError
        If the percentage is not within −1..100, or kube-scheduler would refuse the
        configuration.
    NotModelledError
        If the configuration asks for what is not modelled.
    """
    percentage = percentageOfNodesToScore
    if not AS_CONFIGURED <= percentage <= ALL_NODES:
        raise InputError(
            "percentageOfNodesToScore is not within 0..100",
            where=f"policy {NAME}",
            value=percentage,
        )
    tie = Tie[ties.upper()]
    if config:
        return _configured(Path(config), tie, percentage)
    profile = Profile(
        NAME,
        DEFAULT_SCORES,
        tie=tie,
        percentage=ALL_NODES if percentage == AS_CONFIGURED else percentage,
    )
    return Policy(NAME, SUMMARY, profile)


def _configured(path: Path, tie: Tie, percentage: int) -> Policy:
    profiles = read_profiles(path, tie=tie)
    if percentage != AS_CONFIGURED:
        profiles = {name: one.sampling(percentage) for name, one in profiles.items()}
    first = next(iter(profiles.values()))
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    summary = f"kube-scheduler v1.34 as {path.name} configures it."
    return Policy(NAME, summary, first.profile, profiles=profiles, source_digest=digest)

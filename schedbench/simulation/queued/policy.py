"""A policy as the scheduling queue's cycle needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from schedbench.errors import NotModelledError
from schedbench.objects.workload import Workload
from schedbench.policies.base import Policy
from schedbench.policies.kube_scheduler import NAME as KUBE_SCHEDULER
from schedbench.rng import stream_key
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.engines import ENGINES, Engine, Turn, Verdict
from schedbench.scheduler.preemption import Search
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.profiles import Settings, read_profiles
from schedbench.scheduler.select import draw
from schedbench.scheduler.session import Session
from schedbench.scheduler.world import World
from schedbench.simulation.own import choose_vectorized, feasible_nodes, read_only

CANDIDATES = "scheduler/preemption/start"
TIED = "scheduler/preemption/ties"


def profiles_of(policy: Policy, workload: Workload) -> Mapping[str, Settings]:
    """Return the policy's profiles: schedulerName → profile.

    kube-scheduler without a configuration of its own takes the workload's. Every other
    policy scores in its own way and is kube-scheduler for the rest.

    Raises
    ------
    NotModelledError
        If the policy places batches of pods.
    """
    if policy.batch is not None:
        raise NotModelledError(
            f"{policy.spec} places batches of pods, the scheduling queue of this "
            "workload hands out one pod at a time",
            fix="compare it on a workload without gates, groups, volumes or preemption",
        )
    if policy.profiles is not None:
        return policy.profiles
    tie = policy.profile.tie
    if workload.scheduler_config is not None and policy.name == KUBE_SCHEDULER:
        return read_profiles(workload.scheduler_config, tie=tie)
    (default,) = read_profiles(None).values()
    return {DEFAULT_SCHEDULER: Settings(default.config, policy.profile)}


def engine_of(session: Session, policy: Policy, engine: str) -> Engine:
    """Return how the policy decides by an engine."""
    if policy.vectorized is None:
        return ENGINES["explain" if engine == "explain" else "scan"]
    cluster = read_only(session.state)

    def vectorized(session: Session, pod_class: int, turn: Turn) -> Verdict:
        feasible = np.flatnonzero(feasible_nodes(session, pod_class))
        chosen = -1
        if len(feasible):
            chosen = choose_vectorized(session, policy, cluster, pod_class, *turn)
        return Verdict(feasible, session.scratch.score[feasible], chosen)

    return vectorized


def search_of(world: World, seed: int) -> Callable[[int], Search]:
    """Return how preemption looks for candidates for a pod, by the pod's number."""
    key = _key(seed, CANDIDATES)

    def search(pod: int) -> Search:
        return Search(
            world.walk.order,
            start=lambda nodes: int(draw(key, pod, nodes)),
        )

    return search


def streams_of(policy: Policy, seed: int) -> tuple[np.int64, np.int64 | None]:
    """Return the streams of `search_of` and `chooser_of`; None = the first is taken."""
    ties = _key(seed, TIED) if policy.profile.tie == Tie.RANDOM else None
    return _key(seed, CANDIDATES), ties


def chooser_of(policy: Policy, seed: int) -> Callable[[int, int], int]:
    """Return which of so many tied candidates a pod takes."""
    if policy.profile.tie != Tie.RANDOM:
        return lambda pod, tied: 0
    key = _key(seed, TIED)
    return lambda pod, tied: int(draw(key, pod, tied))


def _key(seed: int, stream: str) -> np.int64:
    return np.uint64(stream_key(seed, stream)).view(np.int64)

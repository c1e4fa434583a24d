"""kube-scheduler's replicas, deciding as the policy that is compared."""

from __future__ import annotations

import dataclasses

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.typical import typical_pods
from schedbench.controlplane.authorization import SCHEDULER
from schedbench.controlplane.scheduler import Scheduler
from schedbench.controlplane.scheduler_cycle import Decider
from schedbench.objects.workload import Workload
from schedbench.plugins.gpu_fragmentation import GpuFragmentation
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import WeightedScore
from schedbench.simulation.cluster import SCHEDULER as KUBE_SCHEDULER
from schedbench.simulation.queued.policy import (
    chooser_of,
    engine_of,
    profiles_of,
    search_of,
)
from schedbench.simulation.recorder import Recorder
from schedbench.simulation.replay import Engine
from schedbench.simulation.replicas import Replicas
from schedbench.simulation.wiring import Component, Wiring


def decider_of(
    policy: Policy, workload: Workload, seed: int, engine: Engine = "scan"
) -> Decider:
    """Return how a policy decides as the scheduler component wants it."""
    return Decider(
        settings=profiles_of(policy, workload),
        engine=lambda session: engine_of(session, policy, engine),
        search=lambda world: search_of(world, seed),
        choose=chooser_of(policy, seed),
    )


def aimed(policy: Policy, encoded: EncodedWorkload) -> Policy:
    """Return a policy that knows the whole workload's typical pods, if it asks.

    A scheduler hears of pods one by one, and not of how many there will be.
    """
    fragmentation = policy.profile.plugin(GpuFragmentation)
    if fragmentation is None:
        return policy
    known = GpuFragmentation(typical_pods(encoded))
    scores = [
        WeightedScore(
            known if score.plugin is fragmentation else score.plugin, score.weight
        )
        for score in policy.profile.scores
    ]
    profile = dataclasses.replace(policy.profile, scores=scores)
    return dataclasses.replace(policy, profile=profile)


def schedulers(
    encoded: EncodedWorkload, policy: Policy, recorder: Recorder, engine: Engine
) -> Component:
    """Return the component that schedules by a policy."""
    policy = aimed(policy, encoded)

    def component(wiring: Wiring) -> Replicas[Scheduler]:
        parameters, seed = wiring.parameters.scheduler, wiring.seed
        decider = decider_of(policy, encoded.workload, seed, engine)
        count = wiring.control_plane.schedulers
        made: list[Scheduler] = []

        def make() -> Scheduler:
            is_first = count == 1 and not made
            scheduler = Scheduler(
                wiring.clock,
                wiring.clients(SCHEDULER, parameters.qps, parameters.burst),
                parameters,
                seed,
                decider,
                stamp=wiring.stamp,
                journal=recorder,
                number=recorder.number,
                pods=encoded.class_pods,
                nodes=encoded.initial_nodes,
                active=is_first,
            )
            made.append(scheduler)
            if not is_first:
                scheduler.lead()
            return scheduler

        return Replicas(wiring, KUBE_SCHEDULER, SCHEDULER, count, make)

    return component

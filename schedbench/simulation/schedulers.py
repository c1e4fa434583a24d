"""kube-scheduler's replicas, deciding as the policy that is compared."""

from __future__ import annotations

from schedbench.cluster.encode import EncodedWorkload
from schedbench.controlplane.authorization import SCHEDULER
from schedbench.controlplane.scheduler import Scheduler
from schedbench.controlplane.scheduler_cycle import Decider
from schedbench.objects.workload import Workload
from schedbench.policies.base import Policy
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


def schedulers(
    encoded: EncodedWorkload, policy: Policy, recorder: Recorder, engine: Engine
) -> Component:
    """Return the component that schedules by a policy."""

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

"""The whole cluster on a virtual clock: components wired to an API, and a workload.

The backplane gives each component its own client; everything else is wired here.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence

from schedbench.clock import Clock
from schedbench.cluster.encode import EncodedWorkload
from schedbench.controlplane.api import Api
from schedbench.controlplane.parameters import Parameters
from schedbench.controlplane.scheduler import Scheduler
from schedbench.controlplane.scheduler_cycle import Decider
from schedbench.errors import TimeLimitError
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.workload import Workload
from schedbench.policies.base import Policy
from schedbench.simulation.backplane import Backplane, Stamp
from schedbench.simulation.driver import Action, Driver
from schedbench.simulation.first_state import first_objects
from schedbench.simulation.hollow_nodes import HollowNodes
from schedbench.simulation.outcome import outcome
from schedbench.simulation.queued.policy import (
    chooser_of,
    engine_of,
    profiles_of,
    search_of,
)
from schedbench.simulation.record import Record
from schedbench.simulation.recorder import Recorder
from schedbench.simulation.timeline import Timelines

Clients = Callable[..., Api]
"""User, calls a second and at once → the API as that user's client sees it."""
Connect = Callable[[Clock, Parameters, int, Stamp, Iterable[KubernetesObject]], Clients]
"""Builds what stands between the components, with what is stored at first."""
SCHEDULER = "system:kube-scheduler"
NODES = "hollow-nodes"
USERS = "users"
AUDITOR = "auditor"
BOOT = 10.0
"""Simulated seconds that the components have before the workload begins."""
QUIET = 60.0
"""Simulated seconds without news after which a run with latencies is over."""
EVENTS_PER_LOOK = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Wiring:
    """What components are wired with.

    Attributes
    ----------
    clock, parameters, seed
        The time, the latencies and capacities, and the run's seed.
    clients
        Makes a user's client.
    stamp
        To be told of the hops of pods.
    """

    clock: Clock
    parameters: Parameters
    seed: int
    clients: Clients
    stamp: Stamp


Component = Callable[[Wiring], object]


def hollow_nodes(wiring: Wiring) -> HollowNodes:
    """Wire nodes without runtimes."""
    return HollowNodes(wiring.clients(NODES), wiring.stamp)


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What a run tells.

    Attributes
    ----------
    encoded
        The workload as it came to pass, in the pod and node numbers of the record.
    record
        What happened.
    timelines
        The hops of each pod.
    events
        How many events the clock let happen.
    """

    encoded: EncodedWorkload
    record: Record
    timelines: Timelines
    events: int


def decider_of(policy: Policy, workload: Workload, seed: int) -> Decider:
    """Return how a policy decides as the scheduler component wants it."""
    return Decider(
        settings=profiles_of(policy, workload),
        engine=lambda session: engine_of(session, policy, "scan"),
        search=lambda world: search_of(world, seed),
        choose=chooser_of(policy, seed),
    )


def end_to_end(
    encoded: EncodedWorkload,
    policy: Policy,
    *,
    seed: int,
    parameters: Parameters,
    connect: Connect = Backplane,
    components: Sequence[Component] = (hollow_nodes,),
    actions: Sequence[Action] = (),
    boot: float = BOOT,
    until: float = math.inf,
    quiet: float = QUIET,
    deadline: float | None = None,
) -> Told:
    """Play a workload through a cluster, of hollow nodes by default.

    It ends when nothing is to come and another attempt would change nothing.

    Parameters
    ----------
    parameters
        Latencies and capacities.
    connect
        Builds the API.
    components
        Wire what there is besides the API and the scheduler.
    actions
        What users do beside the workload.
    boot
        Simulated seconds that the components have before time 0.
    until
        Simulated second at which to stop in any case.
    quiet
        Simulated seconds without news after which the run is over; 0 without
        latencies.
    deadline
        `time.monotonic()` after which the run is given up.

    Raises
    ------
    TimeLimitError
        If the deadline passes.
    """
    clock = Clock(-boot)
    timelines = Timelines(clock)
    workload = encoded.workload
    backplane = connect(
        clock, parameters, seed, timelines.stamp, first_objects(encoded)
    )
    stream = workload.pods
    numbers = {stream.name(pod): pod for pod in range(len(stream))}
    recorder = Recorder(
        clock,
        backplane(AUDITOR),
        numbers,
        encoded.initial_nodes,
        len(workload.nodes),
    )
    scheduler = Scheduler(
        clock,
        backplane(SCHEDULER, parameters.scheduler.qps, parameters.scheduler.burst),
        parameters.scheduler,
        seed,
        decider_of(policy, workload, seed),
        stamp=timelines.stamp,
        journal=recorder,
        number=recorder.number,
        pods=encoded.class_pods,
        nodes=encoded.initial_nodes,
    )
    wiring = Wiring(clock, parameters, seed, backplane, timelines.stamp)
    for component in components:
        component(wiring)
    driver = Driver(clock, backplane(USERS), encoded, recorder, actions)
    started = time.perf_counter()
    looked = 0
    while (now := clock.next_time()) <= until and now < math.inf:
        over = driver.done and now > recorder.last + quiet
        if over and scheduler.settled:
            break
        clock.run(until=now)
        if deadline is not None and clock.events - looked > EVENTS_PER_LOOK:
            looked = clock.events
            if time.monotonic() > deadline:
                raise TimeLimitError(f"time limit reached at {now} simulated seconds")
    total = time.perf_counter() - started
    whole, record = outcome(encoded, recorder, total)
    record = dataclasses.replace(record, notes=driver.refusals())
    return Told(whole, record, timelines, clock.events)

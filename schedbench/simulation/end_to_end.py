"""The whole cluster on a virtual clock: components wired to an API, and a workload.

The backplane gives each component its own client; everything else is wired here.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence

from schedbench.clock import Clock
from schedbench.cluster.encode import EncodedWorkload
from schedbench.controlplane.client import ClientWatch
from schedbench.controlplane.parameters import Parameters
from schedbench.errors import NotModelledError, TimeLimitError
from schedbench.objects.workload import Workload
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.policies.base import Policy
from schedbench.scheduler.profiles import Settings
from schedbench.simulation.actions import Action
from schedbench.simulation.cluster import Cluster, Connect
from schedbench.simulation.control_plane import ControlPlane
from schedbench.simulation.driver import Driver
from schedbench.simulation.ending import QUIET, Ending
from schedbench.simulation.faults import Fault
from schedbench.simulation.first_state import first_objects
from schedbench.simulation.garbage import few_collections
from schedbench.simulation.hollow_nodes import HollowNodes
from schedbench.simulation.injector import FaultEvent, Injector
from schedbench.simulation.invariants import OVER_COMMITTED
from schedbench.simulation.outcome import outcome
from schedbench.simulation.queued.policy import (
    profiles_of,
)
from schedbench.simulation.record import Record
from schedbench.simulation.recorder import Recorder
from schedbench.simulation.replay import Engine
from schedbench.simulation.sampler import Sampler
from schedbench.simulation.schedulers import schedulers
from schedbench.simulation.timeline import Timelines
from schedbench.simulation.watchdog import Watchdog
from schedbench.simulation.wiring import Component, Wiring

NODES = "hollow-nodes"
USERS = "users"
AUDITOR = "auditor"
BOOT = 10.0
"""Simulated seconds that the components have before the workload begins."""
LOOK = 0.1
"""Simulated seconds between looks at the time limit, while something happens."""


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
    faults
        What broke and was made whole.
    ends
        Uid of each pod → its node, when it was deleted (NaN = never), its phase.
    unready
        When the number of pods changed that are there and not ready, and to what.
    seconds
        (verb, kind, HTTP status) → how long each API call took.
    load
        How busy the parts were; None if nobody looked.
    """

    encoded: EncodedWorkload
    record: Record
    timelines: Timelines
    events: int
    faults: Sequence[FaultEvent]
    ends: Mapping[str, tuple[str, float, str]]
    unready: Sequence[tuple[float, int]]
    seconds: Mapping[tuple[str, str, int], Sequence[float]]
    load: Sampler | None


@few_collections()
def end_to_end(
    encoded: EncodedWorkload,
    policy: Policy,
    *,
    seed: int,
    engine: Engine = "scan",
    parameters: Parameters,
    connect: Connect | None = None,
    components: Sequence[Component] = (hollow_nodes,),
    actions: Sequence[Action] = (),
    boot: float = BOOT,
    control_plane: ControlPlane = ControlPlane(),  # noqa: B008 - frozen
    faults: Sequence[Fault] = (),
    until: float = math.inf,
    quiet: float = QUIET,
    sample: float | None = None,
    deadline: float | None = None,
) -> Told:
    """Play a workload through a cluster, of hollow nodes by default.

    It ends when nothing is to come and another attempt would change nothing; with
    faults not before all have ended that end, and what follows from them has come.

    Parameters
    ----------
    engine
        By which a compiled policy decides.
    parameters
        Latencies and capacities.
    connect
        Builds the API, if it is not to be that of the control plane.
    components
        Wire what there is besides the API and the scheduler.
    actions
        What users do beside the workload.
    boot
        Simulated seconds that the components have before time 0.
    control_plane
        How many there are of each part of it.
    faults
        What breaks.
    until
        Simulated second at which to stop in any case.
    quiet
        Simulated seconds without news after which the run is over; 0 without
        latencies.
    sample
        Simulated seconds between looks at how busy the parts are; None = none.
    deadline
        `time.monotonic()` after which the run is given up.

    Raises
    ------
    TimeLimitError
        If the deadline passes.
    NotModelledError
        If the workload has what is modelled in replays alone.
    """
    _check(encoded.workload)
    clock = Clock(-boot)
    timelines = Timelines(clock)
    workload = encoded.workload
    cluster = Cluster(
        clock,
        parameters,
        seed,
        timelines.stamp,
        first_objects(encoded),
        control_plane=control_plane,
        connect=connect,
        patient=(USERS, NODES) if faults else (),
    )
    clients = cluster.wiring.clients
    stream = workload.pods
    numbers = {stream.name(pod): pod for pod in range(len(stream))}
    recorder = Recorder(
        clock,
        clients(AUDITOR),
        numbers,
        encoded.initial_nodes,
        len(workload.nodes),
    )
    cluster.add(schedulers(encoded, policy, recorder, engine))
    for component in components:
        cluster.add(component)
    injector = Injector(clock, cluster, faults, seed) if faults else None
    driver = Driver(clock, clients(USERS), encoded, recorder, actions)
    ending = Ending(cluster, driver, recorder, faults, quiet)
    sampler = Sampler(clock, cluster, sample) if sample is not None else None
    watchdog = cluster.guarded()
    if watchdog is not None and isinstance(recorder.watch, ClientWatch):
        watchdog.probe(AUDITOR, recorder.watch.stream)
    started = time.perf_counter()
    while (now := clock.next_time()) <= until and now < math.inf:
        last = ending.time()
        if now > last and cluster.settled:
            break
        clock.run(until=min(until, max(now, min(last, now + LOOK))))
        if watchdog is not None and clock.now >= watchdog.due:
            watchdog.look()
        if deadline is not None and time.monotonic() > deadline:
            raise TimeLimitError(f"time limit reached at {now} simulated seconds")
    else:
        if until < math.inf:
            clock.run(until=until)
    total = time.perf_counter() - started
    whole, record = outcome(encoded, recorder, total)
    record = dataclasses.replace(
        record,
        notes=driver.refusals(),
        breaches=_breaches(watchdog, profiles_of(policy, workload)),
    )
    events = injector.events if injector is not None else ()
    return Told(
        whole,
        record,
        timelines,
        clock.events,
        events,
        recorder.ends,
        recorder.unready,
        cluster.served(),
        sampler,
    )


def _breaches(watchdog: Watchdog | None, profiles: Mapping[str, Settings]) -> list[str]:
    """Return which laws were broken, those left out that a profile does without."""
    if watchdog is None:
        return []
    watchdog.look()
    off = {name for one in profiles.values() for name in one.profile.filters_off()}
    return [
        str(breach)
        for breach in watchdog.breaches
        if breach.law != OVER_COMMITTED or NodeResourcesFit.name not in off
    ]


def _check(workload: Workload) -> None:
    """Refuse what would be left out silently."""
    pods = workload.pods
    in_group = [pod.spec.scheduling_group is not None for pod in pods.templates]
    grouped = sum(in_group[template] for template in pods.template.tolist())
    for count, what in (
        (len(workload.pod_updates), "updates of pods"),
        (grouped, "pods of groups"),
    ):
        if count:
            raise NotModelledError(
                f"{what} are not modelled end to end",
                source=workload.name,
                value=count,
                fix="leave end_to_end out: a replay has them",
            )

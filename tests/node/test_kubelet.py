from __future__ import annotations

import dataclasses
import itertools

import pytest
from node_world import World, pod

from schedbench.controlplane.parameters import Latency, Parameters
from schedbench.objects.pod import Container, Probe

HOPS = ["seen_by_kubelet", "sandbox", "pulled", "started", "ready"]


def test_hops_are_stamped_once_and_in_order() -> None:
    """A pod is seen, sandboxed, has its image, is started and ready, in this order."""
    world = World(latencies=Parameters())
    world.add(pod())
    world.run(30)

    assert [hop for _, hop, _ in world.hops] == HOPS
    times = [time for _, _, time in world.hops]
    assert times == sorted(times)


def test_a_started_pod_is_running_and_ready() -> None:
    """A pod without probes is Running and ready once started; it has an address."""
    world = World()
    world.add(pod())
    status = world.status()

    assert status.phase == "Running"
    assert status.pod_ip == "10.1.0.2"
    assert (
        status.container_statuses[0].state.running.started_at == "2026-01-01T00:00:00Z"
    )
    assert {world.condition(name) for name in ("Initialized", "Ready")} == {"True"}


def test_a_fast_start_is_at_most_two_updates() -> None:
    """Intermediate states are merged into the update whose turn comes."""
    world = World(latencies=Parameters())
    world.add(pod())
    world.run(30)

    assert world.kubelet.statuses.sent <= 2


def test_updates_keep_to_the_client_rate() -> None:
    """After the burst, updates go out at the client's queries per second."""
    world = World(
        qps=2.0, burst=2, allocatable={"cpu": "4", "memory": "8Gi", "pods": 50}
    )
    for index in range(10):
        world.add(pod(f"p{index}"))
    world.run(2)

    assert world.kubelet.statuses.sent <= 6
    world.run(20)
    assert all(world.status(f"p{index}").phase == "Running" for index in range(10))


def test_init_containers_run_one_after_another() -> None:
    """Each init container must complete before the next one starts, then the others."""
    world = World()
    inits = [Container(name=name, image="app:1") for name in ("a", "b")]
    world.add(
        pod(init_containers=inits, notes={"run-seconds.a": 5, "run-seconds.b": 7})
    )
    world.run(6)
    early = world.status()

    assert early.phase == "Pending"
    assert early.init_container_statuses[0].state.terminated.exit_code == 0
    assert early.init_container_statuses[1].state.running is not None
    assert early.container_statuses[0].state.waiting.reason == "PodInitializing"
    world.run(7)
    assert world.status().phase == "Running"


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    """With restartPolicy Never a failed init container makes the pod Failed."""
    world = World()
    world.add(
        pod(
            init_containers=[Container(name="a", image="app:1")],
            restart_policy="Never",
            notes={"exit-code.a": 3},
        )
    )

    assert world.status().phase == "Failed"


def test_a_sidecar_runs_beside_the_containers_and_ends_after_them() -> None:
    """A sidecar starts before the main containers and does not keep a Job running."""
    world = World()
    sidecar = Container(name="s", image="app:1", restart_policy="Always")
    world.add(
        pod(
            init_containers=[sidecar],
            restart_policy="Never",
            notes={"run-seconds.c": 9},
        )
    )
    assert world.status().init_container_statuses[0].state.running is not None
    world.run(10)

    assert world.status().phase == "Succeeded"


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        ("Never", 0, "Succeeded"),
        ("Never", 1, "Failed"),
        ("OnFailure", 0, "Succeeded"),
        ("OnFailure", 1, "Running"),
        ("Always", 0, "Running"),
    ],
)
def test_restart_policy(policy: str, code: int, phase: str) -> None:
    """All ended and none restarted: Succeeded if all with 0, Failed otherwise."""
    world = World()
    world.add(pod(restart_policy=policy, notes={"run-seconds": 50, "exit-code": code}))
    world.run(60)

    assert world.status().phase == phase
    restarted = world.status().container_statuses[0].restart_count > 0
    assert restarted == (phase == "Running")


def test_restarts_back_off_from_10_seconds_to_5_minutes() -> None:
    """Restarts wait 0, 10, 20, 40, 80, 160, 300, 300, … s and say CrashLoopBackOff."""
    world = World()
    world.add(pod(notes={"run-seconds": 1, "exit-code": 1}))
    starts = []
    for _ in range(1300):
        run = world.kubelet.workers["d/p"].runs[0]
        if not starts or starts[-1] != run.starts:
            starts.append(run.starts)
        world.run(1)
    waits = [round(b - a - 1) for a, b in itertools.pairwise(starts)]

    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    waiting = world.status().container_statuses[0].state.waiting
    assert waiting.reason == "CrashLoopBackOff"


def test_back_off_is_forgotten_after_ten_good_minutes() -> None:
    """A container that has run for ten minutes is restarted at once."""
    world = World()
    world.add(pod(notes={"run-seconds": 601, "exit-code": 1}))
    world.run(601 * 3 + 1)

    assert world.status().container_statuses[0].restart_count == 3


def test_memory_over_its_limit_is_killed() -> None:
    """A container that uses more memory than its limit is OOMKilled with 137."""
    world = World()
    world.add(
        pod(
            restart_policy="Never",
            limits={"memory": "1Gi"},
            notes={"usage-memory": "2Gi"},
        )
    )
    ended = world.status().container_statuses[0].state.terminated

    assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)
    assert world.status().phase == "Failed"


def test_cpu_over_its_limit_is_throttled() -> None:
    """A container that wants twice its cpu limit runs twice as long."""
    world = World()
    world.add(
        pod(
            restart_policy="Never",
            limits={"cpu": "1"},
            notes={"usage-cpu": "2", "run-seconds": 10},
        )
    )
    world.run(19)
    before = world.status().phase
    world.run(2)

    assert (before, world.status().phase) == ("Running", "Succeeded")


@pytest.mark.parametrize(
    ("notes", "gone"),
    [
        ({}, 0),
        ({"stop-seconds": 7}, 7),
        ({"pre-stop-seconds": 4, "stop-seconds": 3}, 7),
        ({"stop-seconds": 1000}, 20),
        ({"pre-stop-seconds": 1000}, 20),
    ],
)
def test_deletion_gives_the_grace_period(notes: dict[str, int], gone: int) -> None:
    """The hook and SIGTERM have the grace period, then comes SIGKILL."""
    world = World()
    world.add(pod(notes=notes, termination_grace_period_seconds=20))
    world.api.delete("Pod", "d", "p")
    if gone:
        world.run(gone - 0.5)
        assert world.pod() is not None
    world.run(1)

    assert world.pod() is None
    assert world.kubelet.workers == {}
    assert world.kubelet.admission.count == 0


def test_a_pod_deleted_by_force_leaves_the_node() -> None:
    """A pod that the API knows no more is killed."""
    world = World()
    world.add(pod(notes={"stop-seconds": 30}))
    world.api.delete("Pod", "d", "p", grace=0)
    world.run(1)

    assert world.kubelet.workers == {}
    assert world.kubelet.addresses.taken == set()


def test_a_deadline_fails_the_pod() -> None:
    """activeDeadlineSeconds ends the pod with DeadlineExceeded."""
    world = World()
    world.add(pod(active_deadline_seconds=30))
    world.run(31)

    assert (world.status().phase, world.status().reason) == (
        "Failed",
        "DeadlineExceeded",
    )


def test_static_pods_have_mirrors_that_come_back() -> None:
    """A mirror pod shows the static pod; deleting it does not stop the pod."""
    world = World()
    world.kubelet.add_static(pod("s"))
    world.run(0)
    name = "s-n"
    assert world.status(name).phase == "Running"
    first = world.pod(name)
    world.api.delete("Pod", "d", name)
    world.run(1)
    again = world.pod(name)

    assert first is not None
    assert again is not None
    assert again.metadata.uid != first.metadata.uid
    assert again.status.phase == "Running"


def test_shutdown_ends_pods_by_priority() -> None:
    """Critical pods end last; all are Failed; new pods are turned away."""
    world = World()
    world.add(pod("low", priority=0, notes={"stop-seconds": 5}))
    world.add(pod("high", priority=2_000_000_000, notes={"stop-seconds": 5}))
    world.kubelet.shutdown()
    world.run(6)
    between = (world.status("low").phase, world.status("high").phase)
    world.add(pod("late"))
    world.run(22)

    assert between == ("Failed", "Running")
    assert world.status("high").reason == "Terminated"
    assert world.status("late").reason == "NodeShutdown"
    world.run(10)
    assert not world.kubelet.healthy


def test_containers_outlive_the_kubelet_process() -> None:
    """Containers run on while the kubelet is down; it reports when it is back."""
    world = World()
    world.add(pod(restart_policy="Never", notes={"run-seconds": 10}))
    world.add(pod("gone"))
    heard: list[bool] = []
    world.kubelet.health_changed(heard.append)
    world.kubelet.stop()
    world.api.delete("Pod", "d", "gone", grace=0)
    world.run(20)
    while_down = world.status().phase
    world.kubelet.start()
    world.run(1)

    assert (while_down, world.status().phase) == ("Running", "Succeeded")
    assert heard == [False, True]
    assert set(world.kubelet.workers) == {"d/p"}


def test_a_node_that_crashed_starts_its_pods_again() -> None:
    """After a crash of the node containers are restarted and counted so."""
    world = World()
    world.add(pod())
    world.add(pod("once", restart_policy="Never"))
    world.kubelet.crash()
    world.run(60)
    world.kubelet.start()
    world.run(1)

    assert world.status().container_statuses[0].restart_count == 1
    assert world.status().phase == "Running"
    assert world.status("once").phase == "Failed"


def test_liveness_failures_restart_the_container() -> None:
    """Three failed liveness probes, 10 s apart, restart the container."""
    world = World()
    world.add(pod(container={"liveness_probe": Probe()}, notes={"fails-at": 95}))
    world.run(120)
    before = world.status().container_statuses[0].restart_count
    world.run(2)

    assert (before, world.status().container_statuses[0].restart_count) == (0, 1)


def test_readiness_turns_the_condition_not_the_container() -> None:
    """A failing readiness probe makes the pod unready without a restart."""
    world = World()
    world.add(
        pod(
            container={"readiness_probe": Probe(period_seconds=5)},
            notes={"ready-after": 12, "fails-at": 60, "recovers-at": 100},
        )
    )
    seen = []
    for _ in range(110):
        ready = world.condition("Ready")
        if not seen or seen[-1][1] != ready:
            seen.append((round(world.clock.now), ready))
        world.run(1)

    assert seen == [(0, "False"), (15, "True"), (71, "False"), (100, "True")]
    assert world.status().container_statuses[0].restart_count == 0


def test_quiet_pods_cost_no_events() -> None:
    """Probes that go on succeeding, and idle nodes, cost nothing."""
    world = World()
    probes = {"liveness_probe": Probe(), "readiness_probe": Probe()}
    world.add(pod(container=probes))
    world.run(20)
    before = world.clock.events
    world.run(3600)

    assert world.clock.events == before


def test_the_same_seed_gives_the_same_run() -> None:
    """Two runs of one seed stamp the same hops at the same times."""
    runs = []
    for _ in range(2):
        world = World(latencies=Parameters())
        for index in range(5):
            world.add(pod(f"p{index}", image=f"image-{index}:1"))
        world.run(60)
        runs.append(world.hops)

    assert runs[0] == runs[1]


def test_calls_to_the_runtime_are_bounded() -> None:
    """No more sandboxes are made at once than the runtime works on."""
    given = Parameters()
    second = Latency(1.0)
    profile = dataclasses.replace(given.runtime, run_pod_sandbox=second, parallel=2)
    quiet = dataclasses.replace(World().kubelet.parameters)
    world = World(
        latencies=dataclasses.replace(
            given,
            runtime=profile,
            kubelet=quiet,
            pod_network=dataclasses.replace(given.pod_network, attach=Latency(0.0)),
        )
    )
    for index in range(4):
        world.add(pod(f"p{index}"))
    world.run(60)
    times = sorted(time for _, hop, time in world.hops if hop == "sandbox")

    assert times[:2] == [1.0, 1.0]
    assert times[2] >= 2.0

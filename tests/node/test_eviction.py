from __future__ import annotations

import pytest
from node_world import World, pod

GI = 2**30


def small(**kubelet: object) -> World:
    return World(allocatable={"cpu": "4", "memory": "4Gi", "pods": 10}, **kubelet)


def test_those_over_their_request_go_first_then_by_priority() -> None:
    """Memory below 100Mi evicts by use over request, priority, then how much over."""
    world = small()
    world.add(pod("within", memory="2Gi", notes={"usage-memory": "1900Mi"}))
    world.add(pod("high", memory="1Mi", priority=5, notes={"usage-memory": "1200Mi"}))
    world.add(pod("low", memory="1Mi", notes={"usage-memory": "960Mi"}))
    world.run(11)

    assert world.status("low").phase == "Failed"
    assert world.status("low").reason == "Evicted"
    assert "The node was low on resource: memory." in world.status("low").message
    assert world.condition("DisruptionTarget", "low") == "True"
    assert world.status("high").phase == world.status("within").phase == "Running"


def test_pressure_is_reported_and_stays_five_minutes() -> None:
    """MemoryPressure is True from the eviction until five minutes after."""
    world = small()
    world.add(pod(notes={"usage-memory": "4Gi"}))
    world.run(25)
    world.add(pod("best-effort"))
    world.add(pod("burstable", memory="1Gi"))
    conditions = {c.type: c.status for c in world.node.status.conditions}
    world.run(310)

    assert conditions["MemoryPressure"] == "True"
    assert world.status("best-effort").reason == "Evicted"
    assert world.status("burstable").phase == "Running"
    conditions = {c.type: c.status for c in world.node.status.conditions}
    assert conditions["MemoryPressure"] == "False"


def test_a_soft_threshold_has_a_grace_period() -> None:
    """A soft threshold evicts only when it was crossed for its grace period."""
    world = small(
        eviction_soft={"memory.available": GI},
        eviction_soft_grace={"memory.available": 60.0},
        eviction_max_pod_grace=5.0,
    )
    world.add(pod(notes={"usage-memory": "3500Mi", "stop-seconds": 100}))
    world.run(50)
    before = world.status().phase
    world.run(30)

    assert (before, world.status().phase) == ("Running", "Failed")


@pytest.mark.parametrize(("most", "seconds"), [(5.0, 5), (100.0, 30)])
def test_a_soft_eviction_gives_the_lesser_grace_period(most: float, seconds: int):
    """evictionMaxPodGracePeriod bounds the pod's own grace period, not the reverse."""
    world = small(
        eviction_soft={"memory.available": GI},
        eviction_soft_grace={"memory.available": 0.0},
        eviction_max_pod_grace=most,
    )
    notes = {"usage-memory": "3500Mi", "stop-seconds": 200}
    world.add(pod(notes=notes, termination_grace_period_seconds=30))
    began = 10.0
    world.run(began + seconds - 1)
    before = world.status().phase
    world.run(2)

    assert (before, world.status().phase) == ("Running", "Failed")


@pytest.mark.parametrize(
    ("notes", "thresholds", "condition"),
    [
        ({"usage-disk": "95Gi"}, {"nodefs.available": 0.1}, "DiskPressure"),
        ({"usage-pids": 32000}, {"pid.available": 1000}, "PIDPressure"),
    ],
)
def test_disk_and_process_ids_are_signals(
    notes: dict, thresholds: dict, condition: str
) -> None:
    """Disk and process ids have thresholds and conditions of their own."""
    world = small(eviction_hard=thresholds)
    world.add(pod(notes=notes))
    world.run(25)
    conditions = {c.type: c.status for c in world.node.status.conditions}

    assert world.status().reason == "Evicted"
    assert conditions[condition] == "True"


def test_disk_pressure_throws_unused_images_away_first() -> None:
    """Unused images are reclaimed before a pod is evicted."""
    world = World(images=("app:1",))
    images = world.runtime.registry.sizes
    images["fat:1"] = 60 * GI
    world.kubelet.runtime.images.add("fat:1")
    world.add(pod(notes={"usage-disk": "35Gi"}))
    world.run(60)

    assert world.status().phase == "Running"
    assert list(world.kubelet.runtime.images.present) == ["app:1"]


def test_static_and_critical_pods_are_spared() -> None:
    """Pods of the system's priority are not evicted."""
    world = small()
    world.add(pod(priority=2_000_000_000, notes={"usage-memory": "4Gi"}))
    world.run(60)

    assert world.status().phase == "Running"

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from node_world import World, pod

from schedbench.controlplane.parameters import Parameters
from schedbench.objects.pod import Probe

NEXT = {
    "Pending": {"Running", "Succeeded", "Failed"},
    "Running": {"Succeeded", "Failed"},
    "Succeeded": set(),
    "Failed": set(),
}
"""The documented graph of phases."""

seconds = st.sampled_from([0, 1, 5, 30, 100])
notes = st.fixed_dictionaries(
    {},
    optional={
        "run-seconds": seconds,
        "exit-code": st.integers(0, 2),
        "usage-memory": st.sampled_from(["100Mi", "1Gi", "5Gi"]),
        "ready-after": seconds,
        "fails-at": seconds,
        "stop-seconds": seconds,
    },
)
probe = st.builds(
    Probe, initial_delay_seconds=seconds, period_seconds=st.integers(1, 20)
)
pods = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from(["500m", "1", "2"]),
        "memory": st.sampled_from([None, "500Mi", "3Gi"]),
        "limits": st.sampled_from([{}, {"memory": "1Gi"}, {"memory": "6Gi"}]),
        "notes": notes,
        "image": st.sampled_from(["app:1", "other:1", "other:2", "x"]),
        "restart_policy": st.sampled_from(["Always", "OnFailure", "Never"]),
        "priority": st.integers(0, 2),
        "container": st.fixed_dictionaries(
            {},
            optional={
                "startup_probe": probe,
                "readiness_probe": probe,
                "liveness_probe": probe,
            },
        ),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), pods),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("outage"), st.integers(1, 60)),
        st.tuples(st.just("crash"), st.integers(1, 60)),
        st.tuples(st.just("stop"), st.integers(1, 60)),
        st.tuples(st.just("run"), st.integers(1, 200)),
    ),
    min_size=1,
    max_size=12,
)


def check(world: World) -> None:
    admission = world.kubelet.admission
    for name, amount in admission.used.items():
        assert 0 <= amount <= admission.allocatable[name]
    assert admission.count <= admission.allocatable["pods"]
    running = sum(
        w.stage in {"sandbox", "up", "stopping"} for w in world.kubelet.workers.values()
    )
    assert admission.count == running


def play(world: World, steps: list[Any]) -> None:
    kubelet, count = world.kubelet, 0
    for what, given_ in steps:
        if what == "add":
            world.add(pod(f"p{count}", **given_))
            count += 1
        elif what == "delete":
            world.api.delete("Pod", "d", f"p{given_}")
        elif what == "outage":
            world.runtime.registry.fail(world.clock.now + given_)
        elif what in {"crash", "stop"}:
            (kubelet.crash if what == "crash" else kubelet.stop)()
            world.run(given_)
            kubelet.start()
        world.clock.run(
            world.clock.now + (given_ if what == "run" else 1),
            stop=lambda: check(world),
        )


@settings(max_examples=60)
@given(steps=steps, slow=st.booleans())
def test_whatever_happens_the_rules_of_pods_hold(steps: list[Any], slow: bool) -> None:
    """Phases follow their graph, restarts never fall, nodes are never over-filled.

    And every pod that is deleted is gone in the end.
    """
    world = World(latencies=Parameters()) if slow else World()
    play(world, steps)
    for item in world.api.of("Pod"):
        world.api.delete("Pod", "d", item.metadata.name)
    world.run(1000)

    for phases in world.phases.values():
        assert all(b in NEXT[a] for a, b in itertools.pairwise(phases))
    for counts in world.restarts.values():
        assert counts == sorted(counts)
    assert world.api.of("Pod") == []
    assert world.kubelet.workers == {}
    assert world.kubelet.addresses.taken == set()
    assert world.kubelet.runtime.images.users == {}

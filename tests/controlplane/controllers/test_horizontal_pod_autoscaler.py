"""Horizontal pod autoscaling: the algorithm, and when it acts."""

from __future__ import annotations

import pytest
from cluster_cases import edit, manager, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.horizontal_pod_autoscaler import (
    HorizontalPodAutoscalers,
)
from schedbench.controlplane.controllers.replica_calculation import (
    limited,
    replicas_for,
    stabilized,
)
from schedbench.objects.autoscaling import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from schedbench.objects.controllers import ReplicaSet, ReplicaSetSpec
from schedbench.objects.meta import ObjectMeta


def asked(usage, target=0.5, unready=(), missing=(), current=None):
    pods = {f"p{i}": u for i, u in enumerate(usage)}
    requests = dict.fromkeys([*pods, *unready, *missing], 100.0)
    count = len(requests) if current is None else current
    return replicas_for(
        count,
        pods,
        requests,
        target,
        unready=list(unready),
        missing=list(missing),
        tolerances=(0.1, 0.1),
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ([100, 100], 4),
        ([25, 25, 25, 25], 2),
        ([54, 54], 2),
        ([46, 46], 2),
        ([56, 56], 3),
        ([60, 60, 60], 4),
    ],
)
def test_the_ratio_and_its_tolerance(usage, expected) -> None:
    """desired = ceil(current × ratio), unless the ratio is within 0.1 of 1."""
    assert asked(usage) == expected


def test_pods_not_yet_ready_dampen_a_scale_up() -> None:
    """They are taken as using 0 % of the target when scaling up."""
    assert asked([100, 100]) == 4
    assert asked([100, 100], unready=["u"]) == 4
    assert asked([60, 60], unready=["u"]) == 3


def test_pods_without_metrics_dampen_both_directions() -> None:
    """They count as 100 % when scaling down and as 0 % when scaling up."""
    assert asked([10, 10], missing=["m"]) == 3
    assert asked([10, 10, 10, 10], missing=["m"]) == 3
    assert asked([100, 100], missing=["m"]) == 4
    assert asked([70, 70], missing=["m"]) == 3


def test_scaling_down_waits_for_the_highest_recommendation_of_five_minutes() -> None:
    """The stabilization window takes the highest of the recent desired states."""
    past = [(0.0, 10), (200.0, 6)]

    assert stabilized(10, 3, past, 250.0, (300, 0)) == 10
    assert stabilized(10, 3, past, 350.0, (300, 0)) == 6
    assert stabilized(10, 3, past, 600.0, (300, 0)) == 3
    assert stabilized(10, 20, past, 250.0, (300, 0)) == 20


def test_by_default_replicas_double_or_grow_by_four_in_fifteen_seconds() -> None:
    """The default policies: 4 pods or 100 % per 15 s, whichever is more."""
    assert limited(2, 100, [], 100.0, None) == 6
    assert limited(10, 100, [], 100.0, None) == 20
    assert limited(20, 100, [(99.0, 10)], 100.0, None) == 20
    assert limited(100, 1, [], 100.0, None) == 1


def test_behaviour_policies_limit_scaling_down() -> None:
    """Ten percent or four pods a minute: by default the policy that changes most."""
    policies = [
        HPAScalingPolicy(type="Percent", value=10, period_seconds=60),
        HPAScalingPolicy(type="Pods", value=4, period_seconds=60),
    ]

    def down(current: int, select=None) -> int:
        rule = HPAScalingRules(policies=policies, select_policy=select)
        behavior = HorizontalPodAutoscalerBehavior(scale_down=rule)
        return limited(current, 1, [], 100.0, behavior)

    assert down(80) == 72
    assert down(20) == 16
    assert down(80, "Min") == 76
    assert down(80, "Disabled") == 80


HALF = MetricSpec(
    resource=ResourceMetricSource(
        name="cpu", target=MetricTarget(average_utilization=50)
    )
)


class World:
    def __init__(self, replicas: int, used: float | None, metrics=(HALF,)):
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.used = used
        self.memory: float | None = None
        uid = "rs-uid"
        self.api.create(
            ReplicaSet(
                metadata=ObjectMeta(namespace="ns", name="rs", uid=uid),
                spec=ReplicaSetSpec(replicas=replicas),
            )
        )
        for i in range(replicas):
            owner = ("ReplicaSet", "rs", uid)
            item = pod(f"p{i}", "n", ready=True, owner=owner, phase="Running")
            self.api.create(item)
        self.api.create(
            HorizontalPodAutoscaler(
                metadata=ObjectMeta(namespace="ns", name="h"),
                spec=HorizontalPodAutoscalerSpec(
                    scale_target_ref=CrossVersionObjectReference(
                        kind="ReplicaSet", name="rs"
                    ),
                    min_replicas=2,
                    max_replicas=8,
                    metrics=list(metrics),
                ),
            )
        )
        made = HorizontalPodAutoscalers.measuring(self.usage)
        manager(self.clock, self.api, made)

    def usage(self, item) -> dict[str, float]:
        told = {"cpu": self.used, "memory": self.memory}
        return {name: used for name, used in told.items() if used is not None}

    def replicas(self, at: float) -> int:
        self.clock.run(until=at)
        return self.api.of("ReplicaSet")[0].spec.replicas


def test_replicas_follow_the_load_between_their_bounds() -> None:
    """The controller scales up at its next look, at most to maxReplicas."""
    world = World(4, 100.0)

    assert world.replicas(1) == 8


def test_without_metrics_named_the_aim_is_80_percent_of_the_cpu() -> None:
    """An autoscaler that names no metric scales by cpu at 80 % of the requests."""
    assert World(4, 100.0, metrics=()).replicas(1) == 5
    assert World(4, 80.0, metrics=()).replicas(1) == 4


def test_the_largest_of_several_metrics_counts() -> None:
    """With several metrics the highest number of replicas is taken."""
    memory = MetricSpec(
        resource=ResourceMetricSource(
            name="memory",
            target=MetricTarget(type="AverageValue", average_value="100"),
        )
    )
    world = World(4, 10.0, metrics=(HALF, memory))
    world.memory = 150.0

    assert world.replicas(1) == 6


def test_nothing_shrinks_while_a_metric_is_missing() -> None:
    """If one metric cannot be had the others may only scale up."""
    memory = MetricSpec(
        resource=ResourceMetricSource(
            name="memory",
            target=MetricTarget(type="AverageValue", average_value="100"),
        )
    )
    idle, busy = (World(4, used, metrics=(HALF, memory)) for used in (10.0, 75.0))

    assert idle.replicas(600) == 4
    assert busy.replicas(600) == 6


def test_replicas_fall_only_after_the_stabilization_window() -> None:
    """A lower load scales down when it has lasted five minutes."""
    world = World(4, 50.0)
    world.replicas(100)
    world.used = 10.0

    assert world.replicas(380) == 4
    assert world.replicas(460) == 2


def test_without_metrics_nothing_is_scaled() -> None:
    """If no metric can be had the number of replicas stays."""
    world = World(4, None)

    assert world.replicas(1000) == 4


def test_a_workload_scaled_to_zero_is_left_alone() -> None:
    """Replicas set to 0 switch the autoscaler off until somebody sets them again."""
    world = World(4, 100.0)
    edit(world.api, "ReplicaSet", "rs", "spec", replicas=0)

    assert world.replicas(600) == 0


def test_replicas_below_the_minimum_are_raised() -> None:
    """minReplicas holds whatever the metrics say."""
    world = World(1, 50.0)

    assert world.replicas(1) == 2


def test_it_looks_only_while_there_is_an_autoscaler() -> None:
    """Each autoscaler is looked at every 15 seconds; none costs nothing."""
    world = World(4, 50.0)
    world.clock.run(until=100)
    events = world.clock.events
    world.clock.run(until=250)
    looks = world.clock.events - events
    world.api.delete("HorizontalPodAutoscaler", "ns", "h")
    world.clock.run(until=300)
    events = world.clock.events
    world.clock.run(until=3600)

    assert 10 <= looks <= 30
    assert world.clock.events == events

"""Deployment: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from typing import Any

import pytest
from controller_cases import World, meta, selector, template
from hypothesis import given
from hypothesis import strategies as st

from schedbench.controlplane.controllers.deployment import HASH, DeploymentController
from schedbench.controlplane.controllers.replica_set import ReplicaSetController
from schedbench.controlplane.controllers.rollout import bounds, shares
from schedbench.errors import InputError
from schedbench.objects.controllers import (
    Deployment,
    DeploymentSpec,
    RollingUpdate,
    UpdateStrategy,
)


def rolling(surge: int | str | None, missing: int | str | None) -> UpdateStrategy:
    update = RollingUpdate(max_surge=surge, max_unavailable=missing)
    return UpdateStrategy(type="RollingUpdate", rolling_update=update)


RECREATE = UpdateStrategy(type="Recreate")


def world(replicas: int = 4, *, run: bool = True, **spec: Any) -> World:
    made = World(DeploymentController, ReplicaSetController)
    made.create(
        Deployment(
            metadata=meta("web"),
            spec=DeploymentSpec(
                replicas=replicas, selector=selector(), template=template(), **spec
            ),
        )
    )
    if run:
        made.converge()
    else:
        made.settle()
    return made


def deployment(made: World) -> Any:
    return made.get("Deployment", "web")


def sizes(made: World) -> dict[str, int]:
    return {
        each.spec.template.spec.containers[0].image: each.spec.replicas
        for each in made.api.of("ReplicaSet")
    }


def update(made: World, image: str = "app:2") -> None:
    made.change(deployment(made), template=template(image))


def condition(made: World, kind: str) -> tuple[str, str]:
    (found,) = [c for c in deployment(made).status.conditions if c.type == kind]
    return found.status, found.reason


@pytest.mark.parametrize(
    ("replicas", "surge", "missing", "expected"),
    [
        (10, None, None, (3, 2)),
        (10, "30%", "30%", (3, 3)),
        (3, "25%", "25%", (1, 0)),
        (10, 0, 0, (0, 1)),
        (3, 0, "25%", (0, 1)),
        (4, 2, 1, (2, 1)),
        (2, 1, 5, (1, 2)),
    ],
)
def test_bounds(replicas: int, surge: Any, missing: Any, expected: tuple[int, int]):
    """Both default to 25%; surge is rounded up, unavailability down, never both 0."""
    assert bounds(replicas, surge, missing) == expected


def test_bounds_refuse_other_texts():
    """A bound is a number or a percentage."""
    with pytest.raises(InputError, match="percentage"):
        bounds(3, "many", 1)


def test_proportional_scaling_of_the_documentation():
    """10 → 15 with maxSurge 3 amid a rollout of 8 and 5 gives 11 and 7.

    The example of the page, "Proportional scaling".
    """
    assert shares([8, 5], [13, 13], 15, 3) == [11, 7]


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=5),
    st.integers(0, 100),
    st.integers(0, 20),
)
def test_shares_add_up(sizes: list[int], replicas: int, surge: int):
    """The sets' sizes add up to what is allowed, and none is negative."""
    ordered = sorted(sizes, reverse=True)
    got = shares(ordered, [sum(ordered)] * len(ordered), replicas, surge)

    assert min(got) >= 0
    assert sum(got) == (replicas + surge if replicas else 0)


def test_makes_a_replica_set_named_by_the_templates_hash():
    """The set's name ends in the hash, which is a label of set, selector and pods."""
    made = world()
    (rs,) = made.api.of("ReplicaSet")
    name = rs.metadata.labels[HASH]

    assert rs.metadata.name == f"web-{name}"
    assert rs.spec.selector.match_labels == {"app": "web", HASH: name}
    assert {pod.metadata.labels[HASH] for pod in made.pods()} == {name}


def test_rolling_update_ends_with_the_new_template_alone():
    """A changed template is rolled out: the new set has all replicas, the old none."""
    made = world()
    update(made)
    made.converge()

    assert sizes(made) == {"app:1": 0, "app:2": 4}
    assert {p.spec.containers[0].image for p in made.pods()} == {"app:2"}


@pytest.mark.parametrize(("surge", "missing"), [(1, 0), (0, 1), (2, 1), ("50%", "50%")])
def test_rolling_update_keeps_its_bounds(surge: Any, missing: Any):
    """Never more than replicas + maxSurge pods, never fewer available than allowed."""
    made = world(4, strategy=rolling(surge, missing))
    update(made)
    over, under = bounds(4, surge, missing)
    most, least = 0, 4
    for _ in range(60):
        made.settle()
        ready = sum(
            c.status == "True" for p in made.active() for c in p.status.conditions
        )
        most, least = max(most, len(made.active())), min(least, ready)
        waiting = [p for p in made.active() if not p.status.conditions]
        if waiting:
            made.set_pod(waiting[0], "Running", ready=True)

    assert sizes(made) == {"app:1": 0, "app:2": 4}
    assert most <= 4 + over
    assert least >= 4 - under


def test_recreate_kills_all_before_making_any():
    """With Recreate all existing pods are gone before new ones are created."""
    made = world(3, strategy=RECREATE)
    for pod in made.pods():
        made.bind(pod, "n")
    update(made)
    made.settle(5)
    terminating = [p.spec.containers[0].image for p in made.pods()]
    for pod in made.pods():
        made.gone(pod)
    made.settle()

    assert terminating == ["app:1"] * 3
    assert [p.spec.containers[0].image for p in made.pods()] == ["app:2"] * 3


def test_unhealthy_old_pods_go_first():
    """A rollout that replaces a broken template first deletes what is not available."""
    made = world(4, run=False, strategy=rolling(1, 1))
    update(made)
    made.settle()

    assert sizes(made)["app:1"] < 4


def test_a_broken_rollout_stops():
    """A rollout whose new pods do not become ready stops within its bounds."""
    made = world(4, strategy=rolling(1, 1))
    update(made)
    made.settle(60)

    assert sizes(made) == {"app:1": 3, "app:2": 2}


def test_rollback_reuses_the_old_set():
    """Going back to an earlier template scales its set, now with the next revision."""
    made = world()
    update(made)
    made.converge()
    update(made, "app:1")
    made.converge()
    revisions = {
        each.spec.template.spec.containers[0].image: each.metadata.annotations[
            "deployment.kubernetes.io/revision"
        ]
        for each in made.api.of("ReplicaSet")
    }

    assert sizes(made) == {"app:1": 4, "app:2": 0}
    assert revisions == {"app:1": "3", "app:2": "2"}


def test_a_template_change_amid_a_rollout_rolls_over():
    """A rollout amid a rollout scales all earlier sets down."""
    made = world()
    update(made)
    made.settle(0.01)
    update(made, "app:3")
    made.converge()

    assert sizes(made)["app:3"] == 4
    assert sum(sizes(made).values()) == 4


def test_scaling_is_no_rollout():
    """Only a change of the template triggers a rollout."""
    made = world()
    made.change(deployment(made), replicas=9)
    made.converge()

    assert sizes(made) == {"app:1": 9}


def test_scaling_amid_a_rollout_is_proportional():
    """Replicas added amid a rollout are spread over the sets that have some."""
    made = world(10, strategy=rolling(3, 2))
    update(made)
    made.settle()
    before = sizes(made)
    made.change(deployment(made), replicas=15)
    made.settle()

    assert before == {"app:1": 8, "app:2": 5}
    assert sizes(made) == {"app:1": 11, "app:2": 7}


def test_paused_deployments_do_not_roll_out_but_scale():
    """A paused deployment rolls nothing out until it is resumed."""
    made = world()
    made.change(deployment(made), paused=True)
    update(made)
    made.converge()
    paused = sizes(made)
    made.change(deployment(made), replicas=6)
    made.converge()
    scaled = sizes(made)
    made.change(deployment(made), paused=False)
    made.converge()

    assert (paused, scaled) == ({"app:1": 4}, {"app:1": 6})
    assert sizes(made) == {"app:1": 0, "app:2": 6}


def test_old_sets_beyond_the_history_limit_are_deleted():
    """`revisionHistoryLimit` old sets are kept, the newest."""
    made = world(revision_history_limit=2)
    for number in range(2, 7):
        update(made, f"app:{number}")
        made.converge()

    assert set(sizes(made)) == {"app:4", "app:5", "app:6"}


def test_ten_old_sets_are_kept_by_default():
    """`revisionHistoryLimit` is 10 by default."""
    made = world(1)
    for number in range(2, 15):
        update(made, f"app:{number}")
        made.converge()

    assert len(sizes(made)) == 11


def test_status_of_a_complete_deployment():
    """All replicas updated and available: the rollout is complete."""
    made = world()
    status = deployment(made).status

    assert (status.replicas, status.updated_replicas) == (4, 4)
    assert (status.ready_replicas, status.available_replicas) == (4, 4)
    assert (status.unavailable_replicas, status.observed_generation) == (0, 1)
    assert condition(made, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert condition(made, "Available") == ("True", "MinimumReplicasAvailable")


def test_progress_deadline():
    """A rollout without progress for `progressDeadlineSeconds` is told so, once."""
    made = world(progress_deadline_seconds=60)
    update(made)
    made.settle(59)
    early = condition(made, "Progressing")
    made.settle(5)
    late = condition(made, "Progressing")
    made.converge()

    assert early == ("True", "ReplicaSetUpdated")
    assert late == ("False", "ProgressDeadlineExceeded")
    assert condition(made, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_the_deadline_is_ten_minutes_by_default():
    """`progressDeadlineSeconds` is 600 by default."""
    made = world(2, run=False)
    made.settle(595)
    early = condition(made, "Progressing")[0]
    made.settle(10)

    assert (early, condition(made, "Progressing")[0]) == ("True", "False")


def test_new_sets_wait_for_min_ready_seconds():
    """A new pod counts as available after `minReadySeconds` alone."""
    made = world(2, run=False, min_ready_seconds=30)
    made.run_pods()
    made.settle(20)
    early = deployment(made).status.available_replicas
    made.settle(15)

    assert (early, deployment(made).status.available_replicas) == (0, 2)


def test_a_settled_deployment_makes_no_calls():
    """When there is nothing to do, nothing is done."""
    made = world()
    update(made)
    made.converge()
    made.settle(5)
    before = len(made.api.calls)
    made.settle(5000)

    assert len(made.api.calls) == before

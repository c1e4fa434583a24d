"""ReplicationController: what its page at kubernetes.io/docs says."""

from __future__ import annotations

from controller_cases import World, meta, template

from schedbench.controlplane.controllers.owned import controller_of
from schedbench.controlplane.controllers.replication_controller import (
    ReplicationControllerController,
)
from schedbench.objects.controllers import (
    ReplicationController,
    ReplicationControllerSpec,
)


def world(selector: dict[str, str] | None = None, replicas: int = 3) -> World:
    made = World(ReplicationControllerController)
    made.create(
        ReplicationController(
            metadata=meta("rc"),
            spec=ReplicationControllerSpec(
                replicas=replicas,
                selector={"app": "web"} if selector is None else selector,
                template=template(),
            ),
        )
    )
    made.settle()
    return made


def test_too_few_pods_are_made_up_for_and_too_many_terminated():
    """Too many pods are terminated, too few are started."""
    made = world()
    first = len(made.pods())
    made.change(made.get("ReplicationController", "rc"), replicas=1)
    made.settle()

    assert (first, len(made.pods())) == (3, 1)


def test_absent_selector_is_the_templates_labels():
    """If unspecified, `.spec.selector` defaults to the template's labels."""
    assert len(world({}).pods()) == 3


def test_a_changed_selector_releases_pods():
    """Pods that a changed selector no longer selects are released."""
    made = world()
    change = {"app": "new"}
    fresh = template(app="new")
    rc = made.get("ReplicationController", "rc")
    made.change(rc, selector=change, template=fresh)
    made.settle()
    free = [pod for pod in made.pods() if controller_of(pod) is None]

    assert len(free) == 3
    assert len(made.of(rc)) == 3


def test_status_tells_the_replicas():
    """The status tells how many pods there are and how many are ready."""
    made = world()
    made.converge()
    made.settle()
    status = made.get("ReplicationController", "rc").status

    assert (status.replicas, status.ready_replicas) == (3, 3)

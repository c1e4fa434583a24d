"""What pods ask for and nodes offer."""

from __future__ import annotations

from typing import Any

import pytest
import strategies
from hypothesis import given
from naive import resources as naive

from schedbench.errors import QuantityError
from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import Quantity
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import (
    Container,
    ContainerStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from schedbench.objects.resources import (
    node_allocatable,
    pod_limits,
    pod_nonzero_requests,
    pod_requests,
)

MIB = 2**20


def requests(**amounts: Quantity) -> ResourceRequirements:
    """Make requests."""
    return ResourceRequirements(requests=amounts)


def container(name: str = "c", **amounts: Quantity) -> Container:
    """Make a container with requests."""
    return Container(name=name, resources=requests(**amounts))


def sidecar(name: str = "s", **amounts: Quantity) -> Container:
    """Make an init container that keeps running."""
    return Container(name=name, resources=requests(**amounts), restart_policy="Always")


def pod(*containers: Container, init: tuple[Container, ...] = (), **spec: Any) -> Pod:
    """Make a pod."""
    return Pod(
        spec=PodSpec(containers=list(containers), init_containers=list(init), **spec)
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(pod(), {}, id="no containers ask for nothing"),
        pytest.param(pod(container()), {}, id="no requests ask for nothing"),
        pytest.param(
            pod(container(cpu="100m", memory="1Mi"), container(cpu=1)),
            {"cpu": 1100, "memory": MIB},
            id="containers add up",
        ),
        pytest.param(
            pod(container(cpu="500u"), container(cpu="500u")),
            {"cpu": 2},
            id="each quantity is rounded up to a thousandth before they add up",
        ),
        pytest.param(
            pod(container(cpu=1, memory=1), init=(container(cpu=2, memory=0),)),
            {"cpu": 2000, "memory": 1},
            id="init container fits because it's the max, not sum, "
            "of containers and init containers",
        ),
        pytest.param(
            pod(container(cpu=1), init=(container(cpu=2), container(cpu=3))),
            {"cpu": 3000},
            id="init containers run one after another",
        ),
        pytest.param(
            pod(container(cpu=1), init=(sidecar(cpu=2),)),
            {"cpu": 3000},
            id="a sidecar runs beside the containers",
        ),
        pytest.param(
            pod(container(cpu=1), init=(sidecar(cpu=1), container(cpu=4))),
            {"cpu": 5000},
            id="an init container runs beside the sidecars before it",
        ),
        pytest.param(
            pod(container(cpu=1), init=(container(cpu=4), sidecar(cpu=1))),
            {"cpu": 4000},
            id="an init container does not wait for the sidecars behind it",
        ),
        pytest.param(
            pod(container(cpu=1), overhead={"cpu": "250m", "memory": 5}),
            {"cpu": 1250, "memory": 5},
            id="overhead is added",
        ),
        pytest.param(
            pod(
                container(cpu=1, memory=7),
                resources=requests(cpu=3),
                overhead={"cpu": 1},
            ),
            {"cpu": 4000, "memory": 7},
            id="a pod-level request replaces that resource's sum, overhead on top",
        ),
        pytest.param(
            pod(
                container(**{"example.com/fpga": 2}),
                resources=requests(**{"example.com/fpga": 9}),
            ),
            {"example.com/fpga": 2},
            id="extended resources have no pod level",
        ),
        pytest.param(
            pod(
                container(**{"hugepages-2Mi": "4Mi", "ephemeral-storage": "1k"}),
                container(**{"ephemeral-storage": "1500m"}),
            ),
            {"hugepages-2Mi": 4 * MIB, "ephemeral-storage": 1002},
            id="every resource by its own name, rounded up to units",
        ),
    ],
)
def test_pod_requests(subject: Pod, expected: dict[str, int]) -> None:
    """A pod asks for the most it may hold at once."""
    assert expected == pod_requests(subject)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param(None, 3000, id="the greatest of wanted, acted on and set aside"),
        pytest.param("Deferred", 3000, id="a deferred resize still counts as wanted"),
        pytest.param("Infeasible", 2000, id="an infeasible resize is not counted"),
    ],
)
def test_resized_pod(reason: str | None, expected: int) -> None:
    """A pod that is resized in place takes what it may hold meanwhile."""
    subject = pod(container("a", cpu=3), container("b", cpu=0))
    subject.status = PodStatus(
        container_statuses=[
            ContainerStatus(
                name="a", resources=requests(cpu=1), allocated_resources={"cpu": 2}
            )
        ],
        conditions=[PodCondition(type="PodResizePending", reason=reason)]
        if reason
        else [],
    )

    assert {"cpu": expected} == pod_requests(subject)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(pod(), (0, 0), id="no containers, no defaults"),
        pytest.param(pod(container()), (100, 200 * MIB), id="100m and 200Mi"),
        pytest.param(
            pod(container(cpu=0, memory="0")), (0, 0), id="an explicit zero stays"
        ),
        pytest.param(
            pod(container(cpu="1m"), container(memory=1)),
            (101, 200 * MIB + 1),
            id="each container by itself",
        ),
        pytest.param(
            pod(container(cpu=0, memory=0), init=(container(),)),
            (100, 200 * MIB),
            id="init containers have the defaults too",
        ),
        pytest.param(
            pod(container(cpu=0, memory=0), init=(sidecar(), sidecar())),
            (200, 400 * MIB),
            id="sidecars have the defaults too",
        ),
        pytest.param(
            pod(container(), overhead={"cpu": "50m"}),
            (150, 200 * MIB),
            id="overhead is added",
        ),
    ],
)
def test_nonzero_requests(subject: Pod, expected: tuple[int, int]) -> None:
    """Scores count something for a container that names no request."""
    assert expected == pod_nonzero_requests(subject)
    assert expected == pod_nonzero_requests(subject, on_node=True)


def test_pod_level_requests_count_only_on_the_node() -> None:
    """Fit scores an incoming pod without its pod-level requests, a placed one with."""
    subject = pod(container(memory=7), container(), resources=requests(cpu=1))
    placing, placed = (200, 200 * MIB + 7), (1000, 7)

    assert placing == pod_nonzero_requests(subject)
    assert placed == pod_nonzero_requests(subject, on_node=True)


@given(strategies.pods())
def test_pod_requests_equal_the_naive_sum(subject: Pod) -> None:
    """Requests are as the plain reading of the documentation says."""
    placing = naive.incoming_scoring_requests(subject)
    placed = naive.placed_scoring_requests(subject)

    assert naive.pod_requests(subject) == pod_requests(subject)
    assert (placing.get("cpu", 0), placing.get("memory", 0)) == pod_nonzero_requests(
        subject
    )
    assert (placed.get("cpu", 0), placed.get("memory", 0)) == pod_nonzero_requests(
        subject, on_node=True
    )


@given(strategies.pods())
def test_defaulting_twice_changes_nothing(subject: Pod) -> None:
    """Requests and the pod itself stay what they are when filled in again."""
    before = pod_requests(subject)
    text = repr(subject)

    assert text == repr(default_pod(subject))
    assert before == pod_requests(subject)


@given(strategies.nodes())
def test_node_allocatable_equals_the_naive_reading(node: Node) -> None:
    """What a node offers is what it says, rounded up."""
    assert naive.allocatable(node) == node_allocatable(node)


def test_node_allocatable_in_base_units() -> None:
    """cpu is in millicores, everything else in units."""
    node = Node(
        status=NodeStatus(allocatable={"cpu": "3920m", "memory": "1Gi", "pods": 110})
    )
    expected = {"cpu": 3920, "memory": 2**30, "pods": 110}

    assert expected == node_allocatable(node)


def test_sum_beyond_int64_is_refused() -> None:
    """Requests that only together overflow are an error."""
    with pytest.raises(QuantityError, match="memory: resources overflow int64"):
        pod_requests(pod(container(memory="5E"), container(memory="5E")))


def test_limits_are_those_of_containers_unless_the_pod_has_its_own() -> None:
    """Containers add up, pod-level limits replace, overhead joins what is limited."""
    limited = ResourceRequirements(limits={"cpu": "500m"})
    given_pod = pod(
        Container(name="a", resources=limited),
        Container(name="b", resources=limited),
        init=(Container(name="i", resources=ResourceRequirements(limits={"cpu": 2})),),
        overhead={"cpu": "100m", "memory": "1Mi"},
    )

    assert pod_limits(given_pod) == {"cpu": 2100}
    given_pod.spec.resources = ResourceRequirements(limits={"cpu": 3, "memory": "1Mi"})
    assert pod_limits(given_pod) == {"cpu": 3100, "memory": 2 * MIB}

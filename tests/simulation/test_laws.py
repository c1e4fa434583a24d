"""What must not matter: names, the order of nodes, units, how a request is divided."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases.domain_cases import decided, neighbourhoods
from naive.cycle import attempt
from naive.placed import Placed
from naive.profile import WHOLE
from naive.quantity import exact
from naive.replay import replay as naive_replay
from naive.world import World
from relabel import relabelled

from schedbench.cluster.encode import encode
from schedbench.metrics.validator import validate
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeStatus
from schedbench.objects.pod import Pod
from schedbench.objects.workload import Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import ENGINES, replay

KUBE = "kube-scheduler[ties=first]"
NO_IMAGES = tuple(name for name in strategies.FEATURES if name != "images")
COLUMNS = ("time", "kind", "pod", "devices")


def play(workload: Workload, spec: str = KUBE, engine: str = "scan", seed: int = 1):
    """Return the log of a workload."""
    return replay(encode(workload), make_policy(spec), seed=seed, engine=engine)


def told(workload: Workload, record: Record) -> list[tuple]:
    """Return a log with the names of the nodes."""
    names = [*encode(workload).node_names, None]
    columns = [getattr(record, name).tolist() for name in COLUMNS]
    nodes = [names[slot] for slot in record.node]
    return list(zip(*columns, nodes, strict=True))


def with_templates(workload: Workload, change) -> Workload:
    """Return the workload with each of its pod templates changed."""
    templates = [
        change(msgspec.convert(msgspec.to_builtins(pod), Pod))
        for pod in workload.pods.templates
    ]
    pods = dataclasses.replace(workload.pods, templates=templates)
    return dataclasses.replace(workload, pods=pods)


@given(workload=strategies.workloads(features=strategies.FEATURES))
def test_names_do_not_matter(workload):
    """Nodes, pods, namespaces, label keys and values renamed: the same log."""
    record, renamed = play(workload), play(relabelled(workload))

    for name in (*COLUMNS, "node"):
        assert getattr(record, name).tolist() == getattr(renamed, name).tolist()
    assert record.digest == renamed.digest


@given(drawn=neighbourhoods(features=NO_IMAGES), data=st.data())
def test_the_order_of_nodes_does_not_matter(drawn, data):
    """One decision: each node has the same verdict and scores in any order.

    Sizes of images are left out: upstream takes that of the first node to have one.
    """
    order = data.draw(st.permutations(range(len(drawn.nodes))))
    moved = drawn._replace(
        nodes=[drawn.nodes[slot] for slot in order],
        placed=[(kind, order.index(slot)) for kind, slot in drawn.placed],
    )
    one, other = decided(drawn), decided(moved)

    assert sorted(one["feasible"]) == sorted(other["feasible"])
    assert one["refused"] == other["refused"]
    assert by_node(one) == by_node(other)


def by_node(decision) -> dict[str, dict[str, int]]:
    """Return plugin → node → score."""
    return {
        plugin: dict(zip(decision["feasible"], scores, strict=True))
        for plugin, scores in decision["scores"].items()
    }


@given(workload=strategies.workloads(features=NO_IMAGES))
def test_a_node_that_takes_no_pod_does_not_matter(workload):
    """A node for no pods, without labels, changes no placement.

    With labels it would be a domain of spread constraints; it counts among all nodes
    where images are scored.
    """
    spare = Node(
        metadata=ObjectMeta(name="spare"),
        status=NodeStatus(allocatable={"cpu": "9", "memory": "9Gi", "pods": "0"}),
    )
    more = dataclasses.replace(workload, nodes=[*workload.nodes, spare])

    assert told(workload, play(workload)) == told(more, play(more))


def milli(quantity) -> int:
    """Return an amount in thousandths, rounded up as the API does."""
    return math.ceil(exact(quantity) * 1000)


def explicit(pod: Pod) -> Pod:
    """Let every container say what scores would count for it otherwise."""
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        container.resources.requests.setdefault("cpu", "100m")
        container.resources.requests.setdefault("memory", "200Mi")
    return pod


def scaled(pod: Pod) -> Pod:
    """Return an explicit pod that asks for thrice the cpu."""
    spec = explicit(pod).spec
    asking = [c.resources for c in (*spec.containers, *spec.init_containers)]
    asking += [spec.resources] if spec.resources is not None else []
    amounts = [spec.overhead, *(each.requests for each in asking)]
    for amount in (*amounts, *(each.limits for each in asking)):
        if "cpu" in amount:
            amount["cpu"] = f"{3 * milli(amount['cpu'])}m"
    return pod


def scaled_node(node: Node) -> Node:
    """Return a node of thrice the cpu."""
    node = msgspec.convert(msgspec.to_builtins(node), Node)
    for amount in (node.status.allocatable, node.status.capacity):
        if "cpu" in amount:
            amount["cpu"] = f"{3 * milli(amount['cpu'])}m"
    return node


@pytest.mark.parametrize(
    "spec",
    [
        KUBE,
        "least-allocated[ties=first]",
        "most-allocated[ties=first]",
        "balanced[ties=first]",
    ],
)
@given(workload=strategies.workloads(features=strategies.FEATURES))
def test_the_unit_of_cpu_does_not_matter(spec, workload):
    """Thrice the cpu in nodes and pods: the same log.

    A law where scores are functions of requested ÷ allocatable, and of containers that
    name their cpu: for others 100m are counted, in any unit.
    """
    plain = with_templates(workload, explicit)
    large = dataclasses.replace(
        with_templates(workload, scaled),
        nodes=[scaled_node(node) for node in workload.nodes],
        node_events=[
            dataclasses.replace(event, node=scaled_node(event.node))
            for event in workload.node_events
        ],
    )

    assert told(plain, play(plain, spec)) == told(large, play(large, spec))


def divided(pod: Pod) -> Pod:
    """Return an explicit pod whose first container is two that ask for as much."""
    first = explicit(pod).spec.containers[0]
    second = msgspec.convert(msgspec.to_builtins(first), type(first))
    second.ports = []
    for each in (first, second):
        each.resources.limits = {}
    for name, quantity in first.resources.requests.items():
        whole = milli(quantity)
        second.resources.requests[name] = f"{whole // 3}m"
        first.resources.requests[name] = f"{whole - whole // 3}m"
    pod.spec.containers.insert(1, second)
    return pod


@given(workload=strategies.workloads(features=NO_IMAGES))
def test_how_a_request_is_divided_does_not_matter(workload):
    """A container divided in two that ask for as much together: the same log.

    Images are left out: a pod's score of them depends on its number of containers.
    """
    whole, parts = with_templates(workload, explicit), with_templates(workload, divided)

    assert told(whole, play(whole)) == told(parts, play(parts))


@given(
    workload=strategies.workloads(features=strategies.FEATURES),
    seed=st.integers(0, 2**31),
)
def test_a_run_repeats_itself(workload, seed):
    """The same seed gives the same log, with ties drawn."""
    first, second = (play(workload, "kube-scheduler", seed=seed) for _ in range(2))

    assert first.digest == second.digest
    assert told(workload, first) == told(workload, second)


@pytest.mark.parametrize("spec", ["kube-scheduler", "first-fit", "most-allocated"])
@given(
    workload=strategies.workloads(features=strategies.FEATURES),
    seed=st.integers(0, 2**31),
)
def test_engines_agree_on_terms_about_other_pods(spec, workload, seed):
    """The engines' logs are equal and break nothing."""
    encoded = encode(workload)
    scan, slow = (play(workload, spec, engine, seed) for engine in ("scan", "explain"))

    assert told(workload, scan) == told(workload, slow)
    assert scan.digest == slow.digest
    assert scan.rejections == slow.rejections
    assert validate(workload, scan, encoded.node_names) == []


@given(
    workload=strategies.workloads(bound=False, features=strategies.FEATURES),
    seed=st.integers(0, 2**31),
)
def test_engines_agree_in_the_scheduling_queue(workload, seed):
    """Binds, failures, preemptions and attempts are equal and break nothing.

    Pods that arrive at one instant may be logged before or between its binds.
    """
    queued = dataclasses.replace(workload, queue="kube-scheduler")
    records = [play(queued, "kube-scheduler", engine, seed) for engine in ENGINES]
    arrivals = int(EventKind.ARRIVE)
    first, *others = (
        [entry for entry in told(queued, record) if entry[1] != arrivals]
        for record in records
    )

    assert all(other == first for other in others)
    assert len({record.wall.decisions for record in records}) == 1
    assert validate(queued, records[0], encode(queued).node_names) == []


@pytest.mark.parametrize("engine", ENGINES)
@given(workload=strategies.workloads(changes=False, time=False, features=NO_IMAGES))
def test_engines_equal_the_naive_replay_on_terms_about_other_pods(engine, workload):
    """Pods that come in order and stay go where the naive filters and scores say.

    Up to the first that finds no node: the engines try it again once others came that
    it wants, which the naive replay does not.
    """

    def policy(pod, nodes, placed: dict[str, list[Placed]]):
        found = attempt(pod, World(nodes, placed, workload.objects), WHOLE)
        return (found.best[0], ()) if found.best else None

    expected = naive_replay(workload, policy)
    record = play(workload, engine=engine)
    names = encode(workload).node_names
    until = first_failure(expected)
    binds = [
        (int(pod), names[node])
        for kind, pod, node in zip(record.kind, record.pod, record.node, strict=True)
        if kind == EventKind.BIND
    ]
    wanted = [(event.pod, event.node) for event in expected if event.kind == "BIND"]

    assert binds[:until] == wanted[:until]


def first_failure(events) -> int:
    """Return how many pods were bound before the first that found no node."""
    bound = 0
    for event in events:
        if event.kind == "UNSCHEDULABLE":
            return bound
        bound += event.kind == "BIND"
    return bound

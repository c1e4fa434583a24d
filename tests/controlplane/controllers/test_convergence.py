"""Whatever happens, once it stops the controllers reach what is specified, and rest."""

from __future__ import annotations

from functools import partial
from typing import Any

from controller_cases import World, meta, selector, template
from fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.controllers.daemon_pods import node_of
from schedbench.controlplane.controllers.daemon_set import DaemonSetController
from schedbench.controlplane.controllers.deployment import DeploymentController
from schedbench.controlplane.controllers.replica_set import ReplicaSetController
from schedbench.controlplane.controllers.stateful_set import StatefulSetController
from schedbench.objects.controllers import (
    DaemonSet,
    DaemonSetSpec,
    Deployment,
    DeploymentSpec,
    StatefulSet,
    StatefulSetSpec,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node

NODES = ("a", "b", "c")
CONTROLLERS = (
    DeploymentController,
    ReplicaSetController,
    StatefulSetController,
    DaemonSetController,
)
SETS = ("Deployment", "StatefulSet", "DaemonSet")

POD_CHANGES = ("delete", "fail", "run")
CHANGES = st.one_of(
    st.tuples(
        st.just("scale"),
        st.sampled_from(("Deployment", "StatefulSet")),
        st.integers(0, 6),
    ),
    st.tuples(st.just("template"), st.sampled_from(SETS), st.integers(1, 3)),
    st.tuples(st.just("delete"), st.none(), st.integers(0, 15)),
    st.tuples(st.just("fail"), st.none(), st.integers(0, 15)),
    st.tuples(st.just("run"), st.none(), st.integers(0, 15)),
    st.tuples(st.just("lose"), st.sampled_from(NODES), st.none()),
    st.tuples(st.just("add"), st.sampled_from(NODES), st.none()),
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("wait"), st.none(), st.sampled_from((0.0, 0.001, 0.5, 20.0))),
)


class LaggingApi(FakeApi):
    """Serves calls at once; events and answers come late, some kinds later."""

    def __init__(self, clock: Clock, lags: dict[str, float]) -> None:
        super().__init__(clock)
        self.lags = lags

    def watch(self, kind: str, handler: Any, **named: Any) -> Any:
        lag = self.lags.get(kind, 0.01)
        return super().watch(
            kind, lambda event: self.clock.after(lag, handler, event), **named
        )

    def _answer(self, then: Any, verb: str, *rest: Any, **named: Any) -> None:
        late = then and (lambda answer: self.clock.after(0.005, then, answer))
        super()._answer(late, verb, *rest, **named)


LAGS = st.fixed_dictionaries(
    {
        kind: st.sampled_from((0.0, 0.01, 0.2, 3.0))
        for kind in ("Pod", "ReplicaSet", *SETS)
    }
)


def world(lags: dict[str, float] | None = None) -> World:
    made = World(*CONTROLLERS, api=partial(LaggingApi, lags=lags) if lags else FakeApi)
    made.patience = 30.0 if lags else 1.0
    for name in NODES:
        made.create(Node(metadata=ObjectMeta(name=name)))
    for kind, spec, name in (
        (Deployment, DeploymentSpec, "web"),
        (StatefulSet, StatefulSetSpec, "db"),
        (DaemonSet, DaemonSetSpec, "agent"),
    ):
        replicas = {} if kind is DaemonSet else {"replicas": 3}
        made.create(
            kind(
                metadata=meta(name),
                spec=spec(
                    selector=selector(name), template=template(app=name), **replicas
                ),
            )
        )
    return made


def the(made: World, kind: str) -> Any:
    return made.api.of(kind)[0]


def apply(made: World, change: tuple[str, Any, Any]) -> None:
    what, which, number = change
    pods = made.pods()
    pod = pods[number % len(pods)] if what in POD_CHANGES and pods else None
    if what == "scale":
        made.change(the(made, which), replicas=number)
    elif what == "template":
        item = the(made, which)
        labels = item.spec.template.metadata.labels
        made.change(item, template=template(f"app:{number}", app=labels["app"]))
    elif what == "lose":
        made.api.delete("Node", "", which)
        for each in pods:
            if node_of(each) == which:
                made.set_pod(each, "Failed")
                made.api.delete("Pod", "ns", each.metadata.name)
    elif what == "add":
        made.create(Node(metadata=ObjectMeta(name=which)))
    elif what == "restart":
        made.manager.stop()
        made.manager.start()
    elif what == "wait":
        made.settle(number)
    elif pod is not None and what == "delete":
        made.api.delete("Pod", "ns", pod.metadata.name)
    elif pod is not None and what == "fail":
        made.set_pod(pod, "Failed")
    elif pod is not None and not pod.spec.node_name:
        made.bind(pod, node_of(pod) or "a")
        made.set_pod(pod, "Running", ready=True)


def running(made: World, app: str) -> list[Any]:
    return [pod for pod in made.active() if pod.metadata.labels["app"] == app]


def images(pods: list[Any]) -> set[str]:
    return {pod.spec.containers[0].image for pod in pods}


def wanted(item: Any) -> set[str]:
    return {item.spec.template.spec.containers[0].image}


@settings(max_examples=40)
@given(st.lists(CHANGES, max_size=25))
def test_controllers_converge_and_rest(changes: list[tuple[str, Any, Any]]):
    """After any changes all sets have their pods, of their template; then silence."""
    converges(world(), changes)


@settings(max_examples=15)
@given(st.lists(CHANGES, max_size=20), LAGS)
def test_controllers_converge_with_old_copies(
    changes: list[tuple[str, Any, Any]], lags: dict[str, float]
):
    """So they do when they hear late, and of one kind later than of another."""
    converges(world(lags), changes)


@settings(max_examples=25)
@given(LAGS, st.integers(1, 30))
def test_no_pod_too_many_with_old_copies(lags: dict[str, float], replicas: int):
    """A controller waits for what it did: late copies lead to no pod too many."""
    made = world(lags)
    made.change(the(made, "Deployment"), replicas=replicas)
    made.settle(60)
    made.change(the(made, "Deployment"), replicas=replicas + 5)
    made.settle(60)

    assert len(running(made, "web")) == replicas + 5
    assert ("delete", "Pod") not in made.api.calls


def converges(made: World, changes: list[tuple[str, Any, Any]]) -> None:
    for change in changes:
        apply(made, change)
    for _ in range(3):
        made.settle(100)
        made.converge()
    before = len(made.api.calls)
    made.settle(2000)
    web, db, agent = (the(made, kind) for kind in SETS)

    assert len(made.api.calls) == before
    assert len(running(made, "web")) == web.spec.replicas
    assert sorted(pod.metadata.name for pod in running(made, "db")) == [
        f"db-{number}" for number in range(db.spec.replicas)
    ]
    nodes = sorted(node.metadata.name for node in made.api.of("Node"))
    assert sorted(map(node_of, running(made, "agent"))) == nodes
    for item, app in ((web, "web"), (db, "db"), (agent, "agent")):
        assert images(running(made, app)) <= wanted(item)


@settings(max_examples=10)
@given(st.lists(CHANGES, max_size=15))
def test_equal_changes_give_equal_runs(changes: list[tuple[str, Any, Any]]):
    """The same changes lead to the same calls in the same order."""
    runs = []
    for _ in range(2):
        made = world()
        for change in changes:
            apply(made, change)
        made.converge()
        runs.append((made.api.calls, made.clock.events))

    assert runs[0] == runs[1]

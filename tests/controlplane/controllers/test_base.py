"""Controllers in general: queue, workers, retries, restarts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, ApiError, Then
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.manager import ControllerManager
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import NO_LATENCY, Controllers, Parameters
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod


class Labeller(Controller):
    """Gives every pod a label, and notes what it does when."""

    name = "labeller"
    workers = 2

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.log: list[tuple[float, str]] = []
        self.fails = 0
        self.pods = self.informers["Pod"]
        self.informers.listen("Pod", self.enqueue)

    def reconcile(self, key: str) -> Sync:
        self.log.append((self.clock.now, key))
        if self.fails:
            self.fails -= 1
            return ApiError("Conflict")
        pod = self.pods.store.get(key)
        if pod is None or "seen" in pod.metadata.labels:
            return None
        answers = yield [self.call(self.api.patch, "Pod", "a", pod.metadata.name, mark)]
        return answers[0].error


def mark(pod):
    pod.metadata.labels["seen"] = "yes"
    return pod


class SlowApi(FakeApi):
    """Answers patches after a second."""

    def patch(self, *arguments: object, then: Then | None = None, **named) -> None:
        *rest, then = arguments
        super().patch(*rest, lambda a: self.clock.after(1.0, then, a), **named)


def pod(name: str) -> Pod:
    return Pod(metadata=ObjectMeta(name=name, namespace="a"))


def run(
    api_class=FakeApi,
    parameters: Parameters = NO_LATENCY,
    names: Sequence[str] = ("p", "q", "r"),
):
    clock = Clock()
    api = api_class(clock)
    for name in names:
        api.create(pod(name))
    manager = ControllerManager(clock, api, parameters, 0, controllers=[Labeller])
    return clock, api, manager


def with_controllers(**changes: object) -> Parameters:
    own = dataclasses.replace(NO_LATENCY.controllers, **changes)
    return dataclasses.replace(NO_LATENCY, controllers=own)


def test_every_object_that_exists_is_reconciled():
    """What was there before the controller came up is reconciled, too."""
    clock, api, _ = run()
    clock.run()

    assert all(p.metadata.labels == {"seen": "yes"} for p in api.of("Pod"))


def test_workers_bound_what_is_done_at_once():
    """No more keys are worked on at once than there are workers."""
    clock, _, manager = run(SlowApi)
    clock.run(0.5)
    begun = [key for _, key in manager.controllers["labeller"].log]

    assert begun == ["a/p", "a/q"]


def test_workers_can_be_set_by_name():
    """`workers` of the parameters stands for the flags `--concurrent-*-syncs`."""
    clock, _, manager = run(SlowApi, with_controllers(workers={"labeller": 1}))
    clock.run(0.5)

    assert len(manager.controllers["labeller"].log) == 1


def test_a_reconciliation_costs_time():
    """A worker is busy for the cost of a reconciliation before it acts."""
    clock, api, _ = run(parameters=with_controllers(sync=Latency(0.25)), names=["p"])
    clock.run(0.2)
    before = ("patch", "Pod") in api.calls
    clock.run(0.3)

    assert (before, ("patch", "Pod") in api.calls) == (False, True)


def test_failures_are_retried_with_exponential_backoff():
    """A key that fails comes again after 5 ms, 10 ms, 20 ms."""
    clock, _, manager = run(names=["p"])
    controller = manager.controllers["labeller"]
    controller.fails = 3
    clock.run()
    times = [time for time, _ in controller.log]
    gaps = [round(b - a, 6) for a, b in itertools.pairwise(times)][:3]

    assert gaps == [0.005, 0.010, 0.020]


def test_client_limits_hold_calls_back():
    """Calls beyond the burst wait for the client's rate."""
    clock, api, _ = run(parameters=with_controllers(qps=1.0, burst=1))
    clock.run(0.5)
    after_half = api.calls.count(("patch", "Pod"))
    clock.run(2.5)

    assert (after_half, api.calls.count(("patch", "Pod"))) == (1, 3)


def test_a_crash_forgets_what_was_begun():
    """After `stop` nothing that was begun goes on."""
    clock, api, manager = run(parameters=with_controllers(sync=Latency(1.0)))
    clock.run(0.5)
    manager.stop()
    clock.run()

    assert ("patch", "Pod") not in api.calls


def test_a_restart_takes_up_the_work():
    """After `start` everything is listed and reconciled anew."""
    clock, api, manager = run(parameters=with_controllers(sync=Latency(1.0)))
    clock.run(0.5)
    manager.stop()
    manager.start()
    clock.run()

    assert all(p.metadata.labels == {"seen": "yes"} for p in api.of("Pod"))


class LateApi(FakeApi):
    """Answers the first list with an error."""

    failed = False

    def list(self, kind: str, then: Then, **named) -> None:
        if self.failed:
            super().list(kind, then, **named)
            return
        self.failed = True
        self.clock.after(0, then, Answer(error=ApiError("ServiceUnavailable")))


def test_nothing_is_done_before_the_copies_are_complete():
    """Controllers wait for their informers' first list, and ask again for it."""
    clock, api, _ = run(LateApi)
    clock.run(0.9)
    early = ("patch", "Pod") in api.calls
    clock.run()

    assert (early, ("patch", "Pod") in api.calls) == (False, True)


def test_defaults_are_those_of_kube_controller_manager():
    """The client's defaults are --kube-api-qps 20 and --kube-api-burst 30."""
    own = Controllers()

    assert (own.qps, own.burst) == (20.0, 30.0)

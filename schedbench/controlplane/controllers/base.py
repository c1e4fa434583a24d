"""What all controllers share: keys in a queue, workers, one reconciliation a key.

A controller observes from its informers' copies, compares, and acts through the API.
Its `reconcile` is a generator that yields the calls of one step and gets their answers
once all are there; meanwhile the worker is taken, as in kube-controller-manager.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, ClassVar, TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api, ApiError, Then, WatchEvent
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.workqueue import TokenBucket, WorkQueue
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import Parameters

Call: TypeAlias = Callable[[Then], None]
"""A call that still lacks whom to answer: `partial(api.create, pod)`."""

Sync: TypeAlias = Generator[Sequence[Call], list[Answer], ApiError | None]
"""A reconciliation: yields calls, gets their answers, returns why it failed or None."""


COMPONENT = "kube-controller-manager"
"""Whose wall clock is theirs."""


@dataclasses.dataclass(slots=True)
class _Waiting:
    """A reconciliation that waits for answers."""

    key: str
    sync: Sync
    answers: list[Answer]
    missing: int


class Controller(abc.ABC):
    """A reconcile loop over the objects of one kind.

    A subclass sets the class attributes, listens to its informers in `__init__`, adds
    keys to `queue`, and reconciles them.

    Attributes
    ----------
    name
        As in `--controllers` of kube-controller-manager; names the random stream.
    workers
        How many keys are worked on at once: the default of its `--concurrent-*-syncs`.
    qps_factor, burst_factor
        How many times the manager's client limits it has. Source:
        cmd/kube-controller-manager/app/core.go.
    api
        The calls; those yielded by `reconcile` also wait for the client limits.
    syncs
        How many reconciliations were begun.
    """

    name: ClassVar[str]
    workers: ClassVar[int] = 1
    qps_factor: ClassVar[float] = 1.0
    burst_factor: ClassVar[float] = 1.0

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        own = parameters.controllers
        self.clock, self.api, self.informers = clock, api, informers
        self.parameters = parameters
        self.draws = Draws(seed, f"controllers/{self.name}")
        self.queue = WorkQueue(clock, own.retries, self._dispatch)
        self.syncs = 0
        self._cost = own.sync
        self._free = own.workers.get(self.name, self.workers)
        self._bucket = TokenBucket(
            clock, own.qps * self.qps_factor, own.burst * self.burst_factor
        )
        self._running = False
        self._stopped = False

    @property
    def wall(self) -> float:
        """What the manager's wall clock shows, in simulated seconds."""
        return self.clock.wall(COMPONENT)

    @abc.abstractmethod
    def reconcile(self, key: str) -> Sync:
        """Bring what a key names closer to what it should be."""

    def start(self) -> None:
        """Work as soon as the informers' copies are complete."""
        self.informers.when_synced(self._begin)

    def stop(self) -> None:
        """Crash: nothing that was begun goes on, and no answer is heard."""
        self._stopped = True
        self._running = False
        self.queue.stop()

    def enqueue(self, event: WatchEvent) -> None:
        """Have the object of an event worked on."""
        self.queue.add(event.key)

    def call(self, call: Callable[..., None], *arguments: Any, **named: Any) -> Call:
        """Return a call of the API that is to be yielded."""
        return partial(call, *arguments, **named)

    def _begin(self) -> None:
        if not self._stopped:
            self._running = True
            self._dispatch()

    def _dispatch(self) -> None:
        while self._running and self._free and len(self.queue):
            key = self.queue.get()
            assert key is not None
            self._free -= 1
            self.clock.after(self.draws.seconds(self._cost), self._work, key)

    def _work(self, key: str) -> None:
        if self._stopped:
            return
        self.syncs += 1
        self._step(key, self.reconcile(key), None)

    def _step(self, key: str, sync: Sync, answers: list[Answer] | None) -> None:
        """Let a reconciliation go on until it waits for answers or ends."""
        try:
            calls = next(sync) if answers is None else sync.send(answers)
            while not calls:
                calls = sync.send([])
        except StopIteration as end:
            self._end(key, end.value)
            return
        waiting = _Waiting(key, sync, [Answer()] * len(calls), len(calls))
        for index, call in enumerate(calls):
            then = partial(self._answered, waiting, index)
            delay = self._bucket.reserve()
            if delay > 0:
                self.clock.after(delay, self._late, call, then)
            else:
                call(then)

    def _late(self, call: Call, then: Then) -> None:
        if not self._stopped:
            call(then)

    def _answered(self, waiting: _Waiting, index: int, answer: Answer) -> None:
        waiting.answers[index] = answer
        waiting.missing -= 1
        if not waiting.missing and not self._stopped:
            self._step(waiting.key, waiting.sync, waiting.answers)

    def _end(self, key: str, error: ApiError | None) -> None:
        self._free += 1
        if error is None:
            self.queue.forget(key)
        else:
            self.queue.retry(key)
        self.queue.done(key)
        self._dispatch()

"""API servers over a store in memory, and clients that note their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.memory_store import MemoryStore

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, WatchEvent
from schedbench.controlplane.apiserver import ApiServers
from schedbench.controlplane.authorization import MASTERS, User
from schedbench.controlplane.client import Client
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import (
    NO_LATENCY,
    ApiServerParameters,
    Network,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Container, Pod, PodSpec

ADMIN = User("admin", (MASTERS,))


class Servers:
    """A clock, a store, API servers and an administrator's client."""

    def __init__(
        self,
        parameters: ApiServerParameters = NO_LATENCY.api_server,
        *,
        replicas: int = 1,
        slow: bool = False,
        seed: int = 1,
        stamp: Callable[[Pod, str], None] = lambda pod, hop: None,
    ) -> None:
        self.clock = Clock()
        draws = Draws(seed, "store")
        latency = Latency(0.002, 0.02) if slow else Latency(0.0)
        self.store = MemoryStore(self.clock, lambda: draws.seconds(latency))
        self.servers = ApiServers(
            self.clock,
            self.store,
            parameters,
            seed,
            replicas,
            network=Network() if slow else NO_LATENCY.network,
            stamp=stamp,
        )
        self.admin = Client(self.servers, ADMIN)
        self.run()

    def run(self, seconds: float = 1.0) -> None:
        self.clock.run(self.clock.now + seconds)

    def client(self, name: str, *groups: str, **limits: Any) -> Client:
        return Client(self.servers, User(name, groups), **limits)

    def ask(self, call: Callable, *arguments: Any, **options: Any) -> Answer:
        """Make a call and return its answer."""
        answers: list[Answer] = []
        call(*arguments, then=answers.append, **options)
        self.run()
        (answer,) = answers
        return answer

    def ok(self, call: Callable, *arguments: Any, **options: Any) -> Any:
        """Make a call that succeeds and return the object."""
        answer = self.ask(call, *arguments, **options)
        assert answer.error is None, answer.error
        return answer.object

    def refused(self, call: Callable, *arguments: Any, **options: Any) -> Any:
        """Make a call that fails and return (reason, message)."""
        error = self.ask(call, *arguments, **options).error
        assert error is not None
        return error.reason, error.message

    def pod(self, name: str = "web") -> Any:
        return self.ok(self.admin.get, "Pod", "default", name)

    def watch(self, kind: str = "Pod", **options: Any) -> list[WatchEvent]:
        events: list[WatchEvent] = []
        self.admin.watch(kind, events.append, **options)
        self.run()
        return events


def pod(name: str = "web", namespace: str = "default", **spec: Any) -> Pod:
    spec.setdefault("containers", [Container(name="c", image="i")])
    meta = ObjectMeta(name=name, namespace=namespace)
    return Pod(metadata=meta, spec=PodSpec(**spec))


def meta(name: str, namespace: str = "", **more: Any) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=namespace, **more)

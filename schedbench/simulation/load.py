"""Requests that come to services over time, and the cpu that they cost the pods.

Requests are not simulated one by one: between two changes of a service's rate or of its
back-ends they are a rate, spread evenly over the back-ends that the ingress routes to;
one that is gone already is passed over for the next. A back-end serves what its cpu
limit allows; the rest of its share goes unserved.

Source: kubernetes/ingress-nginx, docs/user-guide/nginx-configuration/configmap.md
(`proxy-next-upstream`).
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta, Struct

from schedbench.addons.ingress import Ingress
from schedbench.clock import Clock
from schedbench.controlplane.latency import Draws
from schedbench.errors import InputError
from schedbench.objects.discovery import Endpoint

if TYPE_CHECKING:
    import pandas as pd

MILLI = 1000.0
NotNegative: TypeAlias = Annotated[float, Meta(ge=0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Free: TypeAlias = Callable[[Endpoint], float | None]
"""The millicores that a back-end can give to requests; ∞ = no limit, None = gone."""


class _Load(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"
):
    """Requests to a service.

    Attributes
    ----------
    service, namespace
        Where they go.
    cost
        Cpu-seconds that a request takes.
    noise
        By which share of itself the rate strays at most, drawn evenly; 0 = not.
    every
        Seconds after which the rate, and who is there, is looked at again.
    """

    service: str
    namespace: str = "default"
    cost: Positive
    noise: Annotated[float, Meta(ge=0, le=1)] = 0.0
    every: Positive = 15.0

    @property
    def key(self) -> str:
        """`namespace/service`."""
        return f"{self.namespace}/{self.service}"

    def rate(self, time: float) -> float:
        """Return the requests a second from a time on, without noise."""
        raise NotImplementedError

    def times(self) -> Iterable[float]:
        """Return when the rate is looked at, in order, from 0 on."""
        return (self.every * turn for turn in itertools.count())


class ConstantLoad(_Load, tag="constant", kw_only=True, frozen=True):
    """As many requests a second all the time."""

    requests: NotNegative

    def rate(self, time: float) -> float:
        """Return the requests a second."""
        return self.requests


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From a simulated second on, so many requests a second."""

    at: NotNegative
    requests: NotNegative


class StepLoad(_Load, tag="step", kw_only=True, frozen=True):
    """A rate that changes at given times; none before the first."""

    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        times = [step.at for step in self.steps]
        if times != sorted(set(times)):
            raise ValueError("steps are not in the order of time")

    def rate(self, time: float) -> float:
        """Return the rate of the last step."""
        past = [step.requests for step in self.steps if step.at <= time]
        return past[-1] if past else 0.0

    def times(self) -> Iterable[float]:
        """Return when the rate is looked at, the steps among them."""
        return heapq.merge(super().times(), [step.at for step in self.steps])


class DiurnalLoad(_Load, tag="diurnal", kw_only=True, frozen=True):
    """A rate that swings like a sine, at its mean and rising at the beginning.

    Attributes
    ----------
    mean, amplitude
        Requests a second: their middle, and how far they swing to either side.
    period
        Seconds from peak to peak.
    shift
        Seconds by which the curve is later.
    """

    mean: Positive
    amplitude: NotNegative
    period: Positive = 86_400.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if self.amplitude > self.mean:
            raise ValueError("amplitude is above the mean: the rate would be negative")

    def rate(self, time: float) -> float:
        """Return the rate in the middle of the interval that begins then."""
        turn = (time + self.every / 2 - self.shift) / self.period
        return self.mean + self.amplitude * math.sin(2 * math.pi * turn)


Load: TypeAlias = ConstantLoad | StepLoad | DiurnalLoad


@dataclasses.dataclass(frozen=True, slots=True)
class Requests:
    """What became of a service's requests so far; all are expected numbers.

    Attributes
    ----------
    offered
        Requests that came.
    dropped
        Those that came while nobody was there.
    overloaded
        Those that came to a back-end beyond what its cpu limit allows.
    """

    offered: float
    dropped: float
    overloaded: float

    @property
    def unserved(self) -> float:
        """Requests that nobody served."""
        return self.dropped + self.overloaded


@dataclasses.dataclass(slots=True)
class _Flow:
    """A service's load at work; `history` is when each back-end had what share."""

    load: Load
    draws: Draws
    times: Iterator[float]
    rate: float = 0.0
    dropping: float = 0.0
    overloading: float = 0.0
    since: float = 0.0
    offered: float = 0.0
    dropped: float = 0.0
    overloaded: float = 0.0
    row: tuple[float, int, float] | None = None
    history: list[tuple[float, float, frozenset[str]]] = dataclasses.field(
        default_factory=list
    )


class Traffic:
    """The loads of a cluster on their way through its ingress.

    Parameters
    ----------
    loads
        At most one for each service.
    free
        What a back-end can give.
    horizon
        Seconds for which it is remembered who got what.

    Raises
    ------
    InputError
        If two loads go to the same service.
    """

    def __init__(
        self,
        clock: Clock,
        ingress: Ingress,
        loads: Sequence[Load],
        seed: int,
        *,
        free: Free,
        horizon: float,
    ) -> None:
        self._clock, self._ingress = clock, ingress
        self._free, self._horizon = free, horizon
        self._flows: dict[str, _Flow] = {}
        self._rows: list[tuple[float, str, float, int, float]] = []
        ingress.listen(self._changed)
        for load in loads:
            if load.key in self._flows:
                raise InputError("a service has two loads", value=load.key)
            flow = _Flow(load, Draws(seed, f"load/{load.key}"), iter(load.times()))
            self._flows[load.key] = flow
            self._plan(flow)

    @property
    def settled(self) -> bool:
        """Whether no request will ever come."""
        return not self._flows

    def cpu(self, address: str, begin: float, end: float, most: float) -> float:
        """Return the millicores that a back-end spent on requests, on average.

        At most so many as its limit leaves it for each service.
        """
        total = 0.0
        for flow in self._flows.values():
            until = end
            for since, each, addresses in reversed(flow.history):
                if since < until:
                    if address in addresses:
                        asked = each * flow.load.cost * MILLI
                        total += min(asked, most) * (until - max(since, begin))
                    until = since
                    if since <= begin:
                        break
        return total / (end - begin) if end > begin else 0.0

    def requests(self, service: str) -> Requests:
        """Return what became of the requests to a service (`namespace/name`)."""
        flow = self._flows[service]
        self._count(flow)
        return Requests(flow.offered, flow.dropped, flow.overloaded)

    def totals(self) -> tuple[float, float, int]:
        """Return requests so far, those nobody served, and the back-ends now."""
        flows = self._flows.values()
        for flow in flows:
            self._count(flow)
        return (
            sum(flow.offered for flow in flows),
            sum(flow.dropped + flow.overloaded for flow in flows),
            sum(len(flow.history[-1][2]) for flow in flows if flow.history),
        )

    def frame(self) -> pd.DataFrame:
        """Return a row for each change of what comes to a service, or of who serves it.

        The columns are `time`, `service`, `rate` (requests a second from then on),
        `backends` (how many get them), and `unserved` (how many of the rate nobody
        serves).
        """
        import pandas as pd

        columns = ["time", "service", "rate", "backends", "unserved"]
        return pd.DataFrame(self._rows, columns=columns)

    def _plan(self, flow: _Flow) -> None:
        time = next(flow.times, math.inf)
        if time < math.inf:
            self._clock.at(time, self._turn, flow)

    def _turn(self, flow: _Flow) -> None:
        load, rate = flow.load, flow.load.rate(self._clock.now)
        if load.noise:
            rate *= 1 + load.noise * (2 * flow.draws.uniform() - 1)
        self._count(flow)
        flow.rate = rate
        self._ingress.set_rate(load.key, rate)
        self._plan(flow)

    def _count(self, flow: _Flow) -> None:
        seconds = self._clock.now - flow.since
        flow.since = self._clock.now
        flow.offered += flow.rate * seconds
        flow.dropped += flow.dropping * seconds
        flow.overloaded += flow.overloading * seconds

    def _changed(self, service: str) -> None:
        """Spread the rate over the back-ends as they are now."""
        flow = self._flows.get(service)
        if flow is None:
            return
        self._count(flow)
        routed, known = (
            self._ingress.backends(service),
            self._ingress.endpoints(service),
        )
        free: dict[str, float] = {}
        for address in routed:
            left = self._free(known[address]) if address in known else None
            if left is not None:
                free[address] = left
        each = flow.rate / len(free) if free else 0.0
        price = flow.load.cost * MILLI
        flow.dropping = 0.0 if free else flow.rate
        flow.overloading = sum(max(0.0, each - left / price) for left in free.values())
        self._note(flow, each, frozenset(free))
        row = (flow.rate, len(free), flow.dropping + flow.overloading)
        if row != flow.row:
            flow.row = row
            self._rows.append((self._clock.now, service, *row))

    def _note(self, flow: _Flow, each: float, addresses: frozenset[str]) -> None:
        """Remember who gets what, and forget what is too old to be asked for."""
        history = flow.history
        history.append((self._clock.now, each, addresses))
        while len(history) > 1 and history[1][0] <= self._clock.now - self._horizon:
            del history[0]

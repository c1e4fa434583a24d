"""A stream of pods: a mix of classes that arrive, run and end.

How many pods there are, or how fast they come, can be derived from the load they are
to offer to the cluster:

- pods that stay forever: they are drawn until their requests reach `load` times the
  capacity of the resource that fills first;
- pods that end: by Little's law, rate x mean(request x duration) = `load` x capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct, field

from schedbench.errors import InputError
from schedbench.objects.workload import PodStream
from schedbench.rng import stream
from schedbench.sources.gpu import GPU_MILLI
from schedbench.sources.synthetic.arrivals import (
    Arrivals,
    AtOnce,
    arrival_times,
    times_until,
)
from schedbench.sources.synthetic.durations import Duration, check_duration
from schedbench.sources.synthetic.pods import (
    DrawnPods,
    PodClass,
    draw_pods,
    make_templates,
)
from schedbench.sources.synthetic.sizes import NotNegative, Positive

PILOT = 16_384
"""Pods drawn to learn a mix's mean demand; their draws are used for nothing else."""

LoadResource = Literal["dominant", "cpu", "memory", "gpu"]
_ROWS = {"cpu": "cpu", "memory": "memory", "gpu": GPU_MILLI}


class SyntheticStream(Struct, forbid_unknown_fields=True, kw_only=True):
    """A mix of pod classes and how it comes and goes.

    Attributes
    ----------
    classes
        The kinds of pods.
    namespaces
        Namespaces and their weights.
    count, horizon, load
        How many pods: a number, all arrivals up to a time in seconds, or as many as
        offer a load (1 = the whole cluster). A stream whose pods end takes its rate
        from `load`, and its number from `count` or `horizon`.
    load_of
        The resource whose capacity `load` refers to; dominant = that which fills first.
    arrivals, duration
        When pods come, and how long they run.
    """

    name: str = "pods"
    classes: Annotated[list[PodClass], Meta(min_length=1)]
    namespaces: dict[str, NotNegative] = field(default_factory=lambda: {"default": 1.0})
    count: Annotated[int, Meta(ge=0)] | None = None
    horizon: Positive | None = None
    load: Positive | None = None
    load_of: LoadResource = "dominant"
    arrivals: Arrivals = field(default_factory=AtOnce)
    duration: Duration = "forever"

    def __post_init__(self) -> None:
        names = [each.name for each in self.classes]
        if len(set(names)) < len(names):
            raise ValueError("two classes have the same name")
        try:
            check_duration(self.duration)
        except InputError as error:
            raise ValueError(f"duration: {error}") from None
        if not sum(self.namespaces.values()) > 0:
            raise ValueError("no namespace has a positive weight")
        if self.counted:
            if any(each.count is None for each in self.classes):
                raise ValueError("either all classes have a count or none")
            if self.count is not None or self.horizon is not None:
                raise ValueError("the classes have counts: leave count and horizon out")
        elif not sum(1.0 if c.weight is None else c.weight for c in self.classes) > 0:
            raise ValueError("no class has a positive weight")
        self._check_amount()

    @property
    def counted(self) -> bool:
        """Whether the classes say how many pods there are."""
        return any(each.count is not None for each in self.classes)

    @property
    def endless(self) -> bool:
        """Whether every pod runs forever."""
        own = [
            self.duration if c.duration is None else c.duration for c in self.classes
        ]
        return all(duration == "forever" for duration in own)

    def _check_amount(self) -> None:
        if self.count is not None and self.horizon is not None:
            raise ValueError("a stream has either count or horizon")
        numbered = self.counted or self.count is not None or self.horizon is not None
        rate = None if isinstance(self.arrivals, AtOnce) else self.arrivals.rate
        if self.load is None:
            if not numbered:
                raise ValueError("a stream needs count, horizon or load")
            if rate is None and not isinstance(self.arrivals, AtOnce):
                raise ValueError("arrivals need a rate, or the stream a load")
        elif self.endless:
            if numbered:
                raise ValueError("load gives the number of pods that run forever")
            if rate is None and not isinstance(self.arrivals, AtOnce):
                raise ValueError("arrivals of pods that run forever need a rate")
        else:
            if not numbered:
                raise ValueError("pods that end need count or horizon beside load")
            if rate is not None:
                raise ValueError("the rate is derived from load: leave one of them out")
            if isinstance(self.arrivals, AtOnce):
                raise ValueError("pods that end and arrive at once have no load")


def make_stream(
    spec: SyntheticStream, capacity: Mapping[str, int], limit: int, seed: int
) -> PodStream:
    """Draw the pods of a stream.

    Parameters
    ----------
    capacity
        Allocatable resources of the cluster in base units, `GPU_MILLI` for devices.
    limit
        The most pods allowed.

    Raises
    ------
    InputError
        If there would be too many pods, or a load refers to a resource without
        capacity or demand.
    """
    name = f"synthetic/{spec.name}"
    arriving = stream(seed, f"{name}/arrivals")
    if spec.load is not None and spec.endless:
        pods = _inflate(spec, capacity, limit, seed)
        times = arrival_times(spec.arrivals, _rate(spec), len(pods), arriving)
    elif spec.horizon is not None:
        rate = _rate(spec)
        if spec.load is not None:
            pilot = draw_pods(spec.classes, PILOT, spec.duration, seed, f"{name}/pilot")
            rate = _offered_rate(spec, pilot, capacity)
        times = times_until(spec.arrivals, rate, spec.horizon, limit, arriving)
        _bound(len(times), limit)
        pods = draw_pods(spec.classes, len(times), spec.duration, seed, name)
    else:
        _bound(spec.count or sum(each.count or 0 for each in spec.classes), limit)
        pods = draw_pods(spec.classes, spec.count, spec.duration, seed, name)
        rate = _rate(spec)
        if spec.load is not None and len(pods):
            rate = _offered_rate(spec, pods, capacity)
        times = arrival_times(spec.arrivals, rate, len(pods), arriving)
    namespaces, index = _namespaces(spec, pods, seed)
    templates, template = make_templates(spec.classes, pods, namespaces, index)
    return PodStream.of(templates, template, arrival=times, duration=pods.duration)


def _rate(spec: SyntheticStream) -> float:
    rate = None if isinstance(spec.arrivals, AtOnce) else spec.arrivals.rate
    return 1.0 if rate is None else rate


def _bound(count: int, limit: int) -> None:
    if count > limit:
        raise InputError(
            f"more than {limit:,} pods",
            value=count,
            fix="lower the number, or raise limits.pods if it is meant",
        )


def _measured(
    spec: SyntheticStream, pods: DrawnPods, capacity: Mapping[str, int]
) -> list[str]:
    """Return the resources that load is of: in demand, and there."""
    rows = [_ROWS[spec.load_of]] if spec.load_of in _ROWS else list(pods.requests)
    measured = [row for row in rows if pods.requests[row].any() and capacity.get(row)]
    if not measured:
        raise InputError(
            "load cannot be measured: no demand for a resource which the cluster has",
            where=f"stream {spec.name} load_of",
            value=spec.load_of,
            fix="give a count instead of a load",
        )
    return measured


def _inflate(
    spec: SyntheticStream, capacity: Mapping[str, int], limit: int, seed: int
) -> DrawnPods:
    """Draw pods until their requests reach the load; the last one may pass it."""
    assert spec.load is not None
    name = f"synthetic/{spec.name}"
    pilot = draw_pods(spec.classes, PILOT, spec.duration, seed, f"{name}/pilot")
    rows = _measured(spec, pilot, capacity)
    heaviest = max(pilot.requests[row].mean() / capacity[row] for row in rows)
    count = int(spec.load / heaviest * 1.1) + 256
    while True:
        _bound(min(count, int(spec.load / heaviest)), limit)
        pods = draw_pods(spec.classes, count, spec.duration, seed, name)
        filled = np.max(
            [np.cumsum(pods.requests[row]) / capacity[row] for row in rows], axis=0
        )
        if filled[-1] >= spec.load:
            reached = int(np.searchsorted(filled, spec.load)) + 1
            _bound(reached, limit)
            return pods.first(reached)
        count *= 2


def _offered_rate(
    spec: SyntheticStream, pods: DrawnPods, capacity: Mapping[str, int]
) -> float:
    assert spec.load is not None
    if np.isinf(pods.duration).any():
        raise InputError(
            "load is not defined where some pods end and some run forever",
            where=f"stream {spec.name}",
            fix="put the pods that run forever into a stream of their own",
        )
    demand = max(
        (pods.requests[row] * pods.duration).mean() / capacity[row]
        for row in _measured(spec, pods, capacity)
    )
    return float(spec.load / demand)


def _namespaces(
    spec: SyntheticStream, pods: DrawnPods, seed: int
) -> tuple[list[str], np.ndarray]:
    weights = np.array(list(spec.namespaces.values()))
    drawing = stream(seed, f"synthetic/{spec.name}/namespaces")
    index = drawing.choice(len(weights), size=len(pods), p=weights / weights.sum())
    names = list(spec.namespaces)
    for kind, each in enumerate(spec.classes):
        if each.namespace is not None:
            if each.namespace not in names:
                names.append(each.namespace)
            index[pods.kind == kind] = names.index(each.namespace)
    return names, index

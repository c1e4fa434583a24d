"""All bounds of a workload, by metric: which are computed, and for which runs."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds import exact, linear, waiting
from schedbench.bounds.allocation import latest_event, mean_ceiling
from schedbench.bounds.bound import SLACK, Bound, Validity, ceil_whole, floor_whole
from schedbench.bounds.course import (
    capacities,
    course_of,
    nodes_by_volume,
    present,
    requests,
)
from schedbench.bounds.ignored import ignored
from schedbench.bounds.instance import instance_of
from schedbench.bounds.packing import Packing, packing_of

if TYPE_CHECKING:
    from schedbench.bounds.linear import Relaxed
    from schedbench.cluster.encode import EncodedWorkload

LINEAR = "linear program with dual feasible cuts"
INTEGER = "integer program"
VOLUME = "volume"
INTERVALS = "linear program over arrivals and durations"
TIME = "volume over time"
BIND_ALL: Validity = "runs that bind every pod"
NO_WAIT: Validity = "runs in which no pod waits"


def bounds_of(encoded: EncodedWorkload, limit: float) -> list[Bound]:
    """Return the bounds of a workload, several of one metric where methods differ.

    None where pods change their template: that would change what they ask for.

    Parameters
    ----------
    limit
        Seconds that each call of a solver may take.
    """
    if encoded.workload.pod_updates or not len(encoded.workload.pods):
        return []
    return list(_Bounds(encoded, limit))


def tightest(bounds: list[Bound]) -> dict[str, Bound]:
    """Return the best bound of each metric; of equal ones the first with a gap."""
    from schedbench.metrics.table import METRICS

    found: dict[str, Bound] = {}
    for each in bounds:
        sign = 1 if METRICS[each.metric].better == "down" else -1
        known = found.get(each.metric)
        if known is None or _rank(each, sign) > _rank(known, sign):
            found[each.metric] = each
    return found


def _rank(bound: Bound, sign: int) -> tuple[float, bool]:
    return sign * bound.value, not math.isnan(bound.gap)


class _Bounds:
    """One workload's bounds, yielded one after the other."""

    def __init__(self, encoded: EncodedWorkload, limit: float) -> None:
        self.encoded, self.limit = encoded, limit
        self.instance = instance_of(encoded)
        self.ignores = ", ".join(ignored(encoded))
        self.started = time.perf_counter()
        self.must_wait = 0

    def __iter__(self) -> Iterator[Bound]:
        """Yield all bounds, each with the time since the one before."""
        for part in (self._pods, self._over_time, self._nodes, self._allocations):
            for bound in part():
                now = time.perf_counter()
                seconds, self.started = now - self.started, now
                yield dataclasses.replace(
                    bound,
                    seconds=seconds,
                    time_limit=self.limit,
                    ignores=self.ignores,
                )

    def _pods(self) -> Iterator[Bound]:
        """Bound how many pods are bound, pend, and wait.

        At the end of a run, all pods that stay for ever and got a node are on nodes at
        one time. Where neither nodes leave nor pods are preempted, each that was ever
        bound is among them.
        """
        instance = self.instance
        lasting = instance.scheduled & instance.lasting
        placeable = instance.placeable[instance.kind]
        hopeless = instance.scheduled & ~placeable
        stuck = int((hopeless & np.isinf(instance.deletion)).sum())
        packing = packing_of(instance, lasting)
        arrived = int(instance.arrives.sum()) - int(hopeless.sum())
        for method, relaxed in self._both(packing, np.ones(len(packing.count))):
            most = min(floor_whole(relaxed.value), packing.pods)
            over = packing.pods - most
            best = None if relaxed.best is None else packing.pods - round(relaxed.best)
            if instance.preempts:
                over, best = 0, None
            self.must_wait = max(self.must_wait, stuck + over)

            def bound(
                metric: str,
                value: int,
                reached: int | None,
                relaxed: Relaxed = relaxed,
                method: str = method,
            ) -> Bound:
                gap = math.nan if reached is None else _gap(reached, value)
                return Bound(metric, value, method, relaxed.status, gap)

            yield bound(
                "pods_pending", stuck + over, None if best is None else stuck + best
            )
            if instance.leaves:
                yield bound("pods_bound", arrived, None)
            else:
                reached = None if best is None else arrived - best
                yield bound("pods_bound", arrived - over, reached)
            if not (instance.leaves or instance.queued):
                yield bound("unschedulable_attempts", over + int(hopeless.sum()), None)

    def _nodes(self) -> Iterator[Bound]:
        """Bound the nodes in use where every pod runs from arrival to end.

        Nothing where some pod has to wait: there is no such run.
        """
        instance = self.instance
        if self.must_wait or self._waits_unseen() or not instance.scheduled.any():
            return
        course = course_of(instance, instance.scheduled)
        by_volume = nodes_by_volume(instance, course)
        most = int(by_volume.max())
        yield Bound("nodes_used", most, VOLUME, valid_for=NO_WAIT)
        last = latest_event(instance)
        steady = not (instance.changes or instance.queued)
        if steady:
            mean = _mean(course.time, by_volume, last) * (1 - SLACK)
            yield Bound("nodes_used_mean", mean, VOLUME, valid_for=NO_WAIT)
        timeless = steady and bool((instance.arrival == last).all())
        for instant in course.busiest(capacities(instance)):
            packing = packing_of(
                instance, present(instance, instance.scheduled, instant)
            )
            found = linear.fewest_nodes(packing, self.limit)
            if found is None:
                return
            yield from self._used(LINEAR, found, timeless=timeless)
            if not exact.is_small(packing):
                continue
            proven = exact.fewest_nodes(packing, self.limit)
            if proven is not None:
                yield from self._used(INTEGER, proven, timeless=timeless)

    def _used(
        self, method: str, relaxed: Relaxed, *, timeless: bool
    ) -> Iterator[Bound]:
        value = ceil_whole(relaxed.value)
        gap = math.nan if relaxed.best is None else _gap(round(relaxed.best), value)
        bound = Bound("nodes_used", value, method, relaxed.status, gap, NO_WAIT)
        yield bound
        if timeless:
            yield dataclasses.replace(bound, metric="nodes_used_mean")

    def _allocations(self) -> Iterator[Bound]:
        """Bound what is allocated at the end of a run, and on average."""
        instance = self.instance
        asked = requests(instance)
        for name, columns, capacity in self._resources():
            amount = asked[:, columns].sum(axis=1).astype(np.float64)
            amount *= instance.arrives
            fixed = instance.arrives & ~instance.scheduled
            by_kind = self._amounts(columns)
            given = float(amount[fixed & instance.lasting].sum())
            metric = f"allocation_{name}_final"
            lasting = packing_of(instance, instance.scheduled & instance.lasting)
            peak_of_lasting = math.inf
            for method, found in self._both(lasting, by_kind[lasting.index]):
                most = (given + found.value) / capacity * (1 + SLACK)
                gap = math.nan
                if found.best is not None:
                    gap = _gap((given + found.best) / capacity, most)
                peak_of_lasting = min(peak_of_lasting, given + found.value)
                yield Bound(metric, most, method, found.status, gap)
            if instance.changes:
                continue
            every = packing_of(instance, instance.scheduled)
            found = linear.most_weight(every, by_kind[every.index], self.limit)
            peak = found.value + float(amount[fixed].sum())
            placed = amount * (fixed | instance.placeable[instance.kind])
            mean = mean_ceiling(instance, placed, peak, peak_of_lasting)
            method = f"{LINEAR}, {TIME}"
            value = mean / capacity * (1 + SLACK)
            yield Bound(f"allocation_{name}_mean", value, method, found.status)

    def _over_time(self) -> Iterator[Bound]:
        """Bound waiting and the makespan, of all durations and arrivals together.

        Nothing about runs that bind every pod where some pod has to pend: there are
        none.
        """
        instance = self.instance
        if instance.preempts:
            return
        must_pend = self.must_wait > 0 and not instance.leaves
        if not (instance.leaves or instance.queued):
            late = waiting.fewest_that_wait(instance, self.limit)
            self.must_wait = max(self.must_wait, int(late.value))
            yield Bound("unschedulable_attempts", late.value, INTERVALS, late.status)
        if must_pend:
            return
        if not instance.leaves and instance.measured.any():
            wait = waiting.least_mean_wait(instance, self.limit)
            if wait is not None:
                value = wait.value * (1 - SLACK)
                yield Bound(
                    "queue_wait_mean_s",
                    value,
                    INTERVALS,
                    wait.status,
                    valid_for=BIND_ALL,
                )
        span = self._makespan()
        if span is not None:
            yield Bound("makespan_s", span * (1 - SLACK), TIME, valid_for=BIND_ALL)

    def _makespan(self) -> float | None:
        """Return the least time from first arrival to last finish, None without any.

        Each pod ends no sooner than it arrives plus its duration; and what arrives
        from u on uses, after u, its requests for its duration of the cluster.
        """
        instance = self.instance
        ends = np.isfinite(instance.duration) & np.isinf(instance.deletion)
        every, judged = instance.arrives & ends, instance.scheduled & ends
        if not every.any():
            return None
        last = float((instance.arrival + instance.duration)[every].max())
        pods = np.flatnonzero(judged & instance.placeable[instance.kind])
        pods = pods[np.argsort(instance.arrival[pods], kind="stable")]
        room = capacities(instance).astype(np.float64)
        use = requests(instance)[pods] * instance.duration[pods, None]
        left = np.cumsum(use[::-1], axis=0)[::-1]
        long = np.divide(left, room, out=np.zeros_like(left), where=room > 0)
        finished = instance.arrival[pods] + long.max(axis=1, initial=0.0)
        last = max(last, float(finished.max(initial=0.0)))
        return last - float(instance.arrival[instance.arrives].min())

    def _both(
        self, packing: Packing, weight: NDArray[np.float64]
    ) -> Iterator[tuple[str, Relaxed]]:
        yield LINEAR, linear.most_weight(packing, weight, self.limit)
        if exact.is_small(packing):
            found = exact.most_weight(packing, weight, self.limit)
            if found is not None:
                yield INTEGER, found

    def _resources(self) -> Iterator[tuple[str, list[int], float]]:
        """Yield name, columns of `requests`, and capacity of what metrics look at.

        Those are the capacities of the end: of metrics that look at other times too,
        only where nodes do not change.
        """
        names, offers = self.encoded.resources, self.instance.offers
        of_gpu = [place for place, name in enumerate(names) if name.endswith("/gpu")]
        if offers.devices.any():
            milli = self.instance.kinds.request.shape[1]
            found = ("gpu", [milli], offers.final_devices * 1000.0)
        else:
            found = ("gpu", of_gpu, float(offers.final[of_gpu].sum()))
        rows = [("cpu", [0], float(offers.final[0])),
                ("memory", [1], float(offers.final[1])), found]  # fmt: skip
        yield from (each for each in rows if each[2] > 0)

    def _amounts(self, columns: list[int]) -> NDArray[np.float64]:
        """Return what a pod of each kind takes in some columns of `requests`."""
        kinds = self.instance.kinds
        whole = np.column_stack([kinds.request, kinds.devices * kinds.milli])
        return np.asarray(whole[:, columns].sum(axis=1).astype(np.float64))

    def _waits_unseen(self) -> bool:
        """Tell whether pods may wait without an attempt that fails."""
        pods = self.encoded.class_pods
        return self.instance.preempts or any(
            pod.spec.scheduling_gates or pod.spec.scheduling_group is not None
            for pod in pods
        )


def _gap(reached: float, bound: float) -> float:
    if reached == bound:
        return 0.0
    return abs(reached - bound) / abs(reached) if reached else math.inf


def _mean(time: NDArray[np.float64], step: NDArray[np.int64], horizon: float) -> float:
    """Return the mean of a step over time, from 0 to a horizon."""
    if time[0] == horizon:
        return float(step[-1])
    return float(step @ np.diff(time, append=horizon)) / horizon

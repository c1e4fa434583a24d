"""What the metrics of a run played end to end are computed from: its four tables."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schedbench.metrics.timelines import by_pod, recovery
from schedbench.simulation.faults import Fault, kind_of
from schedbench.simulation.injector import FaultEvent

if TYPE_CHECKING:
    from schedbench.simulation.end_to_end import Told

CALLS = ("verb", "kind", "code", "count", "p50_s", "p90_s", "p99_s", "max_s")
FAULTS = ("time", "fault", "kind", "what", "targets", "recovery_s")


@dataclasses.dataclass(frozen=True)
class Course:
    """How a run went, in simulated seconds.

    Attributes
    ----------
    timelines
        A row a pod: uid, namespace, name, node, the time of each hop (NaN = never),
        `deleted` (NaN = still there) and `phase` at the end.
    calls
        A row for each verb, kind and code of API calls: count, p50_s, p90_s, p99_s
        and max_s.
    load
        A row a sampling instant: time, `rate_<what>` since the last sample, a second,
        and `depth_<what>` of what waits.
    faults
        A row for each beginning and end of a fault: time, fault (its number), kind,
        what (`begin` or `end`), targets, and of beginnings recovery_s (∞ = never).
    """

    timelines: pd.DataFrame
    calls: pd.DataFrame
    load: pd.DataFrame
    faults: pd.DataFrame

    @functools.cached_property
    def pods(self) -> pd.DataFrame:
        """A row a pod and a column a hop."""
        return by_pod(self.timelines)


def course_of(told: Told, faults: Sequence[Fault]) -> Course:
    """Return the frames of what a run tells."""
    timelines = told.timelines.frame(told.ends)
    load = pd.DataFrame() if told.load is None else told.load.frame()
    return Course(
        timelines=timelines,
        calls=_calls(told.seconds),
        load=_with_pods(load, timelines, told.unready),
        faults=_faults(told.faults, faults, told.unready),
    )


def _calls(
    seconds: Mapping[tuple[str, str, int], Sequence[float]],
) -> pd.DataFrame:
    rows = []
    for (verb, kind, code), times in sorted(seconds.items()):
        p50, p90, p99 = np.percentile(np.asarray(times), (50, 90, 99)).tolist()
        rows.append((verb, kind, code, len(times), p50, p90, p99, max(times)))
    return pd.DataFrame(rows, columns=CALLS)


def _with_pods(
    load: pd.DataFrame, timelines: pd.DataFrame, unready: Sequence[tuple[float, int]]
) -> pd.DataFrame:
    """Add arrivals and pods that become ready a second, and pods that are unready."""
    if load.empty:
        return load
    time = load["time"].to_numpy()
    passed = np.diff(time, prepend=np.nan)
    columns = {}
    for name, hop in (("arrivals", "applied"), ("ready", "ready")):
        seen = np.sort(timelines[hop].dropna().to_numpy())
        count = np.searchsorted(seen, time, "right")
        columns[f"rate_{name}"] = np.diff(count, prepend=count[:1]) / passed
    changes = np.array([each for each, _ in unready])
    counts = np.array([0, *(count for _, count in unready)])
    columns["depth_unready"] = counts[np.searchsorted(changes, time, "right")]
    return load.assign(**columns)


def _faults(
    events: Sequence[FaultEvent],
    faults: Sequence[Fault],
    unready: Sequence[tuple[float, int]],
) -> pd.DataFrame:
    rows = []
    begins = [event.time for event in events if event.what == "begin"]
    for event in events:
        recovered = np.nan
        if event.what == "begin":
            later = [time for time in begins if time > event.time]
            another = min(later, default=np.inf)
            recovered = recovery(unready, event.time, another=another)
        kind = kind_of(faults[event.fault])
        targets = ",".join(event.targets)
        rows.append((event.time, event.fault, kind, event.what, targets, recovered))
    return pd.DataFrame(rows, columns=FAULTS)

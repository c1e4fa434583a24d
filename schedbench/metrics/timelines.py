"""From the hops of every pod: latencies, throughput, recovery, and SLO verdicts.

A timeline frame has the columns `uid`, `hop` and `time` (simulated seconds), where of
a hop that a pod makes twice the first counts; or `uid` and a column a hop. A pod's
time in a hop is the time since the hop before it, of those that it has made.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schedbench.simulation.timeline import HOPS

PERCENTILES = (50, 90, 99)
STARTUP_SLO = 5.0
CALL_SLO = 1.0
MARGIN = 1.5
"""What is more than so many times the usual backlog is no chance of arrivals."""
SATURATED = 0.95

Times = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Slo:
    """A service level and whether it was kept.

    Attributes
    ----------
    name
        What is measured.
    value, limit
        Seconds; the value is NaN where nothing was measured.
    worst
        What the value is of, where it is the worst of several.
    source
        Where the objective is published.
    """

    name: str
    value: float
    limit: float
    worst: str
    source: str

    @property
    def passed(self) -> bool | None:
        """Whether the level was kept; None where nothing was measured."""
        return None if math.isnan(self.value) else self.value <= self.limit


def by_pod(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row a pod and a column a hop, NaN where the pod did not get there.

    Pods applied before 0, when the workload begins, are the cluster's own and are
    left out.
    """
    if "hop" in frame:
        pods = frame.pivot_table(
            index="uid", columns="hop", values="time", aggfunc="min", observed=True
        )
    else:
        pods = frame.set_index("uid")
    pods = pods.reindex(columns=pd.Index(HOPS)).astype(float)
    return pods[~(pods["applied"] < 0)]


def durations(pods: pd.DataFrame) -> pd.DataFrame:
    """Return the seconds that each pod (of `by_pod`) spent in each hop but the first.

    A hop that a pod did not make took no time of its own: NaN.
    """
    before = pods.ffill(axis=1).shift(axis=1)
    return (pods - before).iloc[:, 1:]


def startup(pods: pd.DataFrame, end: str = "ready") -> pd.Series:
    """Return each pod's seconds from applied to a hop; NaN if it did not get there."""
    return pods[end] - pods["applied"]


def startup_without_pulls(pods: pd.DataFrame) -> pd.Series:
    """Return each pod's seconds from applied to started, less the pull of its images.

    Readiness is the application's, and not part of the indicator.

    Source: kubernetes/community, sig-scalability/slos/pod_startup_latency.md.
    """
    return startup(pods, "started") - durations(pods)["pulled"].fillna(0.0)


def latencies(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the percentiles of each hop and of the whole way.

    Columns: hop (the last is `total`: applied to ready), pods, p50_s, p90_s, p99_s.
    """
    pods = by_pod(frame)
    columns = durations(pods).assign(total=startup(pods))
    rows = []
    for hop in columns:
        values = columns[hop].dropna().to_numpy()
        found = np.percentile(values, PERCENTILES) if len(values) else [np.nan] * 3
        named = {f"p{p}_s": v for p, v in zip(PERCENTILES, found, strict=True)}
        rows.append({"hop": hop, "pods": len(values), **named})
    return pd.DataFrame(rows)


def breakdown(frame: pd.DataFrame, end: str = "ready") -> pd.DataFrame:
    """Return the mean seconds of each hop over the pods that got to `end`.

    The means add up to the mean of the whole way. Columns: hop, mean_s, share.
    """
    pods = by_pod(frame)
    pods = pods[pods[end].notna()].loc[:, :end]
    mean = durations(pods).fillna(0.0).mean()
    total = mean.sum()
    share = mean / total if total > 0 else mean * 0.0
    return pd.DataFrame(
        {"hop": mean.index, "mean_s": mean.values, "share": share.values}
    )


def throughput(
    frame: pd.DataFrame, width: float = 1.0, end: str = "ready"
) -> pd.DataFrame:
    """Return pods a second that were applied, and that reached `end`, over time.

    Windows are `width` seconds. Columns: time (start of the window), arrived, done.
    """
    pods = by_pod(frame)
    last = np.nanmax(pods[["applied", end]].to_numpy(), initial=0.0)
    edges = np.arange(math.floor(last / width) + 2) * width
    counts = {
        name: np.histogram(pods[hop].dropna(), edges)[0] / width
        for name, hop in (("arrived", "applied"), ("done", end))
    }
    return pd.DataFrame({"time": edges[:-1], **counts})


def startup_slo(frame: pd.DataFrame) -> Slo:
    """Return whether 99 % of the pods started within 5 s, pulls not counted.

    Source: kubernetes/community, sig-scalability/slos/pod_startup_latency.md.
    """
    seconds = startup_without_pulls(by_pod(frame)).dropna()
    return Slo(
        "pod startup p99, without pulls",
        float(np.percentile(seconds, 99)) if len(seconds) else math.nan,
        STARTUP_SLO,
        "",
        "kubernetes/community, sig-scalability/slos/pod_startup_latency.md",
    )


def recovery(
    unready: Sequence[tuple[float, int]],
    began: float,
    *,
    another: float = math.inf,
    before: float = 60.0,
    hold: float = 30.0,
) -> float:
    """Return the seconds from a fault's beginning until as many pods are ready again.

    They are once no more pods are unready than half as many again as at most in the
    `before` seconds before the fault, for `hold` seconds at least; 0 if they always
    were, ∞ if never again.

    Parameters
    ----------
    unready
        When the number of pods changes that are there and not ready, and to what.
    another
        When the next fault begins; what goes wrong from then on is that one's.
    """
    times = np.array([-math.inf, *(time for time, _ in unready)])
    counts = np.array([0, *(count for _, count in unready)])
    until = np.append(times[1:], math.inf)
    usual = MARGIN * counts[(times <= began) & (until > began - before)].max()
    recovered = began
    for start, stop in zip(times[counts > usual], until[counts > usual], strict=True):
        if start < began:
            continue
        if start >= another or (recovered > began and start - recovered >= hold):
            break
        recovered = float(stop)
    return recovered - began


def saturation(runs: Mapping[str, pd.DataFrame], end: str = "ready") -> pd.DataFrame:
    """Return, for each run, the rate at which pods came and at which they got ready.

    A rate is pods but one over the time from the first to the last, so that a delay
    that all pods share does not count; ∞ for pods that come all at once. A run is
    saturated where less than 95 % of what is offered is achieved. Columns: run,
    offered, achieved (pods/s), saturated.
    """
    rows = []
    for name, frame in runs.items():
        pods = by_pod(frame)
        offered, achieved = _rate(pods["applied"]), _rate(pods[end])
        short = pods[end].count() < SATURATED * pods["applied"].count()
        rows.append(
            {
                "run": name,
                "offered": offered,
                "achieved": achieved,
                "saturated": bool(short or achieved < SATURATED * offered),
            }
        )
    return pd.DataFrame(rows, columns=["run", "offered", "achieved", "saturated"])


def _rate(times: pd.Series) -> float:
    seen = times.dropna()
    if len(seen) < 2:
        return 0.0
    span = float(seen.max() - seen.min())
    return (len(seen) - 1) / span if span > 0 else math.inf

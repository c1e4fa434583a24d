"""What faults cost: time to recover, pods lost, pods that ran twice."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from schedbench.metrics.course import Course


def recovery(course: Course) -> float | None:
    """Return the seconds until pods started as before, of the worst fault.

    None without faults, or if after one of them they never did.
    """
    seconds = _recoveries(course)
    worst = float(seconds.max()) if len(seconds) else math.inf
    return worst if worst < math.inf else None


def faults_unrecovered(course: Course) -> int | None:
    """Return after how many faults pods never started as before; None without."""
    seconds = _recoveries(course)
    return int(np.isinf(seconds).sum()) if len(seconds) else None


def pods_lost(course: Course) -> int | None:
    """Return how many more pods are unready at the end than before the first fault.

    0 if there are fewer; None without faults.
    """
    begun = _begun(course.faults)
    if begun.empty or course.load.empty:
        return None
    unready = course.load.sort_values("time")
    first = begun["time"].min()
    before = unready.loc[unready["time"] < first, "depth_unready"]
    usual = int(before.iloc[-1]) if len(before) else 0
    return max(0, int(unready["depth_unready"].iloc[-1]) - usual)


def pods_doubled(course: Course) -> int:
    """Return how many pods ran while another of their namespace and name still did.

    A pod runs from started until deleted, or until the end.
    """
    ran = course.timelines[course.timelines["started"].notna()]
    ran = ran.assign(until=ran["deleted"].fillna(math.inf))
    ran = ran.sort_values(["namespace", "name", "started"], kind="stable")
    names = ran.groupby(["namespace", "name"], sort=False, observed=True)
    earlier = names["until"].cummax().groupby([ran["namespace"], ran["name"]]).shift()
    return int((ran["started"] < earlier).sum())


def _begun(faults: pd.DataFrame) -> pd.DataFrame:
    return faults if faults.empty else faults[faults["what"] == "begin"]


def _recoveries(course: Course) -> pd.Series:
    begun = _begun(course.faults)
    return pd.Series(dtype=float) if begun.empty else begun["recovery_s"].dropna()

"""What the metrics of a run played end to end are computed from: its four tables."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from schedbench.metrics.timelines import by_pod

if TYPE_CHECKING:
    import pandas as pd


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

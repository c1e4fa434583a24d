"""When a run on the virtual clock is over: when nothing is to come any more."""

from __future__ import annotations

import math
from collections.abc import Sequence

from schedbench.simulation.cluster import Cluster
from schedbench.simulation.driver import Driver
from schedbench.simulation.faults import Fault
from schedbench.simulation.recorder import Recorder

QUIET = 60.0
"""Simulated seconds without news after which a run with latencies is over."""
PATIENCE = 600.0
"""The same after faults, then without writes, and while containers start: more than
pods bear an unreachable node (300 s) after its grace period (50 s), and than an image
pull or a container backs off (300 s)."""


class Ending:
    """Knows when a run is over if nothing else happens.

    Parameters
    ----------
    faults
        What breaks: the run goes on until all have ended, or begun those that never
        end.
    quiet
        Simulated seconds without news; 0 without latencies.
    """

    def __init__(
        self,
        cluster: Cluster,
        driver: Driver,
        recorder: Recorder,
        faults: Sequence[Fault],
        quiet: float,
    ) -> None:
        self._cluster, self._driver, self._recorder = cluster, driver, recorder
        self._faulty, self._quiet = bool(faults), quiet
        ends = [one.end if one.end < math.inf else one.start for one in faults]
        self._trouble = max(ends, default=-math.inf)

    def time(self) -> float:
        """Return the simulated second; ∞ while users have something to do."""
        driver, recorder = self._driver, self._recorder
        if not driver.done:
            return math.inf
        waits = self._faulty or recorder.starting > 0
        patience = max(self._quiet, PATIENCE) if waits else self._quiet
        news = self._cluster.written if self._faulty else recorder.last
        return max(news, driver.last, self._trouble) + patience

"""Demand through time, to size the fleets that some traces do not tell."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray


class Demand:
    """What is asked for at each time, from pods that come in any order.

    Memory grows with the steps of time that occur, not with the pods.

    Parameters
    ----------
    width
        How many resources.
    step
        Seconds of a step; a pod counts in every step that it touches.
    """

    def __init__(self, width: int, step: float = 60.0) -> None:
        self._step = step
        self._width = width
        self._changes: dict[int, NDArray[np.float64]] = defaultdict(
            lambda: np.zeros(width)
        )

    def add(
        self,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        amounts: NDArray[np.float64],
    ) -> None:
        """Add pods: float64[pod] seconds, NaN = never; amounts float64[pod, width]."""
        for times, sign in ((np.floor(start / self._step), 1.0), (
            np.floor(end / self._step) + 1, -1.0,
        )):  # fmt: skip
            known = np.isfinite(times)
            steps, index = np.unique(times[known].astype(np.int64), return_inverse=True)
            totals = np.zeros((len(steps), self._width))
            np.add.at(totals, index, amounts[known])
            for step, total in zip(steps.tolist(), totals, strict=True):
                self._changes[step] += sign * total

    def peak(self) -> NDArray[np.float64]:
        """Return the most of each resource at any time, float64[width]."""
        if not self._changes:
            return np.zeros(self._width)
        steps = sorted(self._changes)
        course = np.cumsum([self._changes[step] for step in steps], axis=0)
        return np.asarray(course.max(axis=0))

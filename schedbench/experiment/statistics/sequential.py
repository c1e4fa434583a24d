"""When there are enough repeats: looks at fixed numbers of seeds, valid all together.

To look after every repeat and stop when the interval is short enough is to stop when
it is short by chance. Here the numbers of seeds at which one looks are fixed before,
and their intervals share the 5 %: each look has its part of it, so that the intervals
of all looks hold the true mean at once with 95 % probability, and so does the one that
was stopped at.

Source: the sharing of the error over looks is that of Lan and DeMets 1983, Biometrika
70(3), in equal parts (Bonferroni), which holds whatever the values' distribution as
far as the intervals themselves do.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, NamedTuple

from schedbench.errors import InputError
from schedbench.experiment.statistics.frames import GROUP, metric_of
from schedbench.experiment.statistics.intervals import CONFIDENCE, FEWEST, interval

if TYPE_CHECKING:
    import pandas as pd

GROWTH = 1.5
MOST = 200
_PRECISION = re.compile(
    r"(?P<metric>[A-Za-z_]\w*):(?P<value>[0-9.eE+-]+)(?P<percent>%?)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Precision:
    """How well a metric's mean is to be known: ± a fraction of it, or in its unit."""

    metric: str
    tolerance: float
    relative: bool

    @classmethod
    def parse(cls, text: str, where: str = "--until") -> Precision:
        """Read `nodes_used:1%` or `pods_pending:0.5`.

        Raises
        ------
        InputError
            If the text is malformed, the metric unknown, or the number not positive.
        """
        match = _PRECISION.fullmatch(text.strip())
        try:
            value = float(match["value"]) if match else math.nan
        except ValueError:
            value = math.nan
        if match is None or not 0 < value < math.inf:
            raise InputError(
                "malformed precision",
                where=where,
                value=text,
                fix="write METRIC:NUMBER or METRIC:NUMBER% with a number above 0, such "
                "as nodes_used:1%",
            )
        percent = bool(match["percent"])
        name = metric_of(match["metric"]).name
        return cls(name, value / 100 if percent else value, percent)

    def __str__(self) -> str:
        size = f"{100 * self.tolerance:g} %" if self.relative else f"{self.tolerance:g}"
        return f"{self.metric} ± {size}"


@dataclasses.dataclass(frozen=True, slots=True)
class Stopping:
    """Repeats until means are known well enough.

    Attributes
    ----------
    wanted
        What is to be known, for every scenario, size and policy.
    looks
        Numbers of seeds after which one looks; the last is the most there may be.
    """

    wanted: tuple[Precision, ...]
    looks: tuple[int, ...]

    @classmethod
    def of(cls, wanted: list[Precision], first: int, most: int) -> Stopping:
        """Plan the looks, each with half as many seeds again as the one before.

        The first comes after 8 seeds at least: fewer tell too little of the spread.

        Raises
        ------
        InputError
            If there may be fewer seeds than at the first look.
        """
        count = max(first, FEWEST)
        if most < count:
            raise InputError(
                f"fewer seeds than the first look needs, which is {count}",
                where="--max-repeats",
                value=most,
                fix=f"allow {count} or more",
            )
        looks = []
        while count < most:
            looks.append(count)
            count = math.ceil(count * GROWTH)
        return cls(tuple(wanted), (*looks, most))

    @property
    def confidence(self) -> float:
        """The confidence of the intervals of each look."""
        return 1 - (1 - CONFIDENCE) / len(self.looks)


class Width(NamedTuple):
    """How well one mean is known.

    Attributes
    ----------
    half
        The larger distance from the mean to an end of its interval, in the metric's
        unit; NaN without two values.
    allowed
        How large that may be.
    """

    scenario: str
    size: str
    policy: str
    metric: str
    n: int
    mean: float
    half: float
    allowed: float

    @property
    def reached(self) -> bool:
        """Whether it is known well enough."""
        return self.half <= self.allowed


def widths(cells: pd.DataFrame, stopping: Stopping) -> list[Width]:
    """Return how well each mean is known, where the metric has a value at all."""
    found = []
    done = cells.loc[cells["status"] == "done"]
    for wanted in stopping.wanted:
        if wanted.metric not in done:
            continue
        for key, group in done.groupby(GROUP, sort=False):
            values = group[wanted.metric].to_numpy(dtype=float)
            mine = interval(values, confidence=stopping.confidence)
            if not mine.n:
                continue
            scale = abs(mine.mean) if wanted.relative else 1.0
            half = max(mine.high - mine.mean, mine.mean - mine.low)
            scenario, size, policy = map(str, key)
            found.append(
                Width(
                    scenario,
                    size,
                    policy,
                    wanted.metric,
                    mine.n,
                    mine.mean,
                    half,
                    wanted.tolerance * scale,
                )
            )
    return found

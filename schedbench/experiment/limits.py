"""How much worse a metric may become before a comparison fails."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.statistics import metric_of

_LIMIT = re.compile(r"(?P<metric>[A-Za-z_]\w*):(?P<value>[0-9.eE+]+)(?P<percent>%?)")


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a metric may become: in its unit, or as a fraction.

    Attributes
    ----------
    place
        (scenario, size, policy) that it holds for; None = all.
    """

    metric: str
    tolerance: float
    relative: bool
    place: tuple[str, str, str] | None = None

    @classmethod
    def parse(cls, text: str, better: Mapping[str, str] | None = None) -> Limit:
        """Read `nodes_used:2%` or `pods_pending:0`.

        Parameters
        ----------
        better
            Metric → which way is better; None = those of a run's results.

        Raises
        ------
        InputError
            If the text is malformed, or the metric is unknown or has no direction.
        """
        match = _LIMIT.fullmatch(text.strip())
        try:
            value = float(match["value"]) if match else math.nan
        except ValueError:
            value = math.nan
        if match is None or not math.isfinite(value):
            raise InputError(
                "malformed limit",
                where="--fail-on",
                value=text,
                fix="write METRIC:NUMBER or METRIC:NUMBER%, such as nodes_used:2%",
            )
        if _direction(match["metric"], better) == "none":
            raise InputError(
                "this metric is neither better up nor down, so it cannot get worse",
                where="--fail-on",
                value=text,
            )
        percent = bool(match["percent"])
        return cls(match["metric"], value / 100 if percent else value, percent)

    def holds_for(self, metric: str, place: tuple[str, str, str]) -> bool:
        """Tell whether it is about a metric of a policy in a scenario."""
        return metric == self.metric and self.place in {None, place}

    def __str__(self) -> str:
        value = (
            f"{100 * self.tolerance:.4g} %"
            if self.relative
            else f"{self.tolerance:.4g}"
        )
        return f"{self.metric} may get worse by {value}"


def _direction(metric: str, better: Mapping[str, str] | None) -> str:
    if better is None:
        return metric_of(metric).better
    if metric not in better:
        raise UnknownNameError("metric", metric, better)
    return better[metric]

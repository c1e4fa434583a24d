"""Limits learnt from stored runs: what a metric does without a change of the policy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from schedbench.errors import InputError
from schedbench.experiment.folder import write_file
from schedbench.experiment.limits import Limit
from schedbench.experiment.schema import decode
from schedbench.experiment.statistics import metric_of

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.store import Results

CONFIDENCE = 0.99
RULE = (
    "A mean may get worse by t · √2 · s: s is the larger of the standard error of the "
    "mean over seeds (what other seeds would change) and the standard deviation of the "
    "means of the runs (what repeating would change); t is Student's 99 % quantile, "
    "one-sided, with the degrees of freedom of s; √2 as two means are compared. Times "
    "are judged by the runs alone."
)
PLACE = ["scenario", "size", "policy"]


class Learnt(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How much worse a metric may become in one place, and from what that is known.

    Attributes
    ----------
    tolerance
        As a share of the mean if `relative`, else in the metric's unit.
    mean
        Over all runs and seeds it was learnt from.
    seeds, runs
        How many of each.
    """

    scenario: str
    size: str
    policy: str
    metric: str
    tolerance: Annotated[float, Meta(ge=0)]
    relative: bool
    mean: float
    seeds: int
    runs: int

    def limit(self) -> Limit:
        """Return it as `--fail-on` takes it."""
        place = (self.scenario, self.size, self.policy)
        return Limit(self.metric, self.tolerance, self.relative, place)


class Thresholds(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of learnt limits."""

    schema_version: Annotated[int, Meta(ge=1, le=1)] = 1
    rule: str = RULE
    confidence: float = CONFIDENCE
    learnt_from: list[str]
    limits: list[Learnt]


def learn(
    runs: Sequence[Results], metrics: Sequence[str] | None = None
) -> tuple[Thresholds, list[str]]:
    """Learn from runs that differ in nothing that matters; see `RULE`.

    Parameters
    ----------
    metrics
        Which; None = all simulated ones that have a direction.

    Returns
    -------
    The limits, and what could not be learnt, one sentence each.

    Raises
    ------
    InputError
        If runs differ in a scenario's content, a metric has no direction, or there is
        nothing to learn from.
    """
    import pandas as pd

    from schedbench.experiment.alike import require_alike

    for one, other in itertools.pairwise(runs):
        require_alike(one, other)
    names = _judged(metrics)
    cells = pd.concat(
        [run.cells.assign(run=number) for number, run in enumerate(runs)],
        ignore_index=True,
    )
    done = cells.loc[cells["status"] == "done"]
    found, missed = [], []
    for place, group in done.groupby(PLACE, sort=False):
        for metric in names:
            if metric not in group or group[metric].isna().all():
                continue
            learnt = _learnt(tuple(map(str, place)), metric, group)
            if learnt is None:
                missed.append(metric)
            else:
                found.append(learnt)
    notes = [
        f"{metric}: {missed.count(metric)} limits are not learnt, as "
        + ("one seed tells" if metric_of(metric).simulated else "one run tells")
        + " nothing of the spread"
        for metric in dict.fromkeys(missed)
    ]
    if not found:
        raise InputError(
            "nothing can be learnt from these runs",
            value=[str(run.path) for run in runs],
            fix="run several seeds; for times, repeat the run",
        )
    return Thresholds(
        learnt_from=[str(run.manifest.get("id", run.path)) for run in runs],
        limits=found,
    ), notes


def write_thresholds(found: Thresholds, out: Path) -> None:
    """Write the file, whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    try:
        write_file(out, text)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", source=out) from None


def read_limits(path: Path) -> list[Limit]:
    """Read the limits of a file that `learn` made.

    Raises
    ------
    InputError
        If it cannot be read, or is none, or names an unknown metric.
    """
    try:
        document: Any = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            source=path,
            fix="write it with schedbench compare --learn RUN --out FILE",
        ) from None
    except msgspec.DecodeError as error:
        raise InputError(f"no JSON ({error})", source=path) from None
    found = decode(document, Thresholds, path)
    for number, each in enumerate(found.limits):
        try:
            metric_of(each.metric)
        except InputError as error:
            raise error.at(source=path, where=f"limits[{number}].metric") from None
    return [each.limit() for each in found.limits]


def _judged(metrics: Sequence[str] | None) -> list[str]:
    from schedbench.metrics.table import METRICS

    if metrics is None:
        return [
            name
            for name, metric in METRICS.items()
            if metric.simulated and metric.better != "none"
        ]
    for name in metrics:
        if metric_of(name).better == "none":
            raise InputError(
                "this metric is neither better up nor down, so it cannot get worse",
                where="--metric",
                value=name,
            )
    return list(metrics)


def _learnt(place: tuple[str, ...], metric: str, group: pd.DataFrame) -> Learnt | None:
    values = group[["run", "seed", metric]].dropna()
    by_run = values.groupby("run")[metric].agg(["mean", "count"])
    spreads = list(_spreads(values, metric, by_run))
    if not spreads:
        return None
    mean = float(values[metric].mean())
    reach = max(_quantile(freedom) * spread for spread, freedom in spreads)
    tolerance = float(np.sqrt(2) * reach)
    relative = mean != 0
    scenario, size, policy = place
    return Learnt(
        scenario=scenario,
        size=size,
        policy=policy,
        metric=metric,
        tolerance=tolerance / abs(mean) if relative else tolerance,
        relative=relative,
        mean=mean,
        seeds=int(values["seed"].nunique()),
        runs=len(by_run),
    )


def _spreads(
    values: pd.DataFrame, metric: str, by_run: pd.DataFrame
) -> Iterator[tuple[float, int]]:
    """Yield standard deviations of a run's mean, with their degrees of freedom."""
    means, counts = np.asarray(by_run["mean"]), np.asarray(by_run["count"])
    if metric_of(metric).simulated:
        inside = values[metric] - values.groupby("run")[metric].transform("mean")
        freedom = int((counts - 1).sum())
        if freedom > 0:
            spread = np.sqrt((inside**2).sum() / freedom)
            # runs with the same seeds are copies: they add no knowledge of seeds
            yield float(spread / np.sqrt(counts.min())), int(counts.max() - 1)
    if len(means) > 1:
        yield float(means.std(ddof=1)), len(means) - 1


def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, CONFIDENCE))

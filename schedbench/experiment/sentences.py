"""Comparisons in words: which policy is better, at what, by how much."""

from __future__ import annotations

import collections
import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from schedbench.experiment.statistics import (
    Family,
    Verdict,
    metric_of,
    paired_differences,
)

if TYPE_CHECKING:
    import pandas as pd

PHRASES = {
    "pods_bound": ("binds", "more pods", "fewer pods"),
    "pods_pending": ("leaves", "more pods pending", "fewer pods pending"),
    "pods_evicted": ("evicts", "more pods", "fewer pods"),
    "allocation_cpu_mean": ("keeps", "more CPU allocated", "less CPU allocated"),
    "allocation_memory_mean": (
        "keeps",
        "more memory allocated",
        "less memory allocated",
    ),
    "allocation_gpu_mean": ("keeps", "more GPU allocated", "less GPU allocated"),
    "allocation_cpu_final": (
        "ends with",
        "more CPU allocated",
        "less CPU allocated",
    ),
    "allocation_memory_final": (
        "ends with",
        "more memory allocated",
        "less memory allocated",
    ),
    "allocation_gpu_final": (
        "ends with",
        "more GPU allocated",
        "less GPU allocated",
    ),
    "nodes_used": ("uses", "more nodes at the peak", "fewer nodes at the peak"),
    "nodes_used_mean": ("uses", "more nodes on average", "fewer nodes on average"),
    "fragmentation_stranded_cpu": ("strands", "more free CPU", "less free CPU"),
    "fragmentation_stranded_memory": (
        "strands",
        "more free memory",
        "less free memory",
    ),
    "fragmentation_gpu": ("fragments", "more GPU capacity", "less GPU capacity"),
    "balance_nodes_cpu": (
        "spreads CPU load over nodes",
        "less evenly",
        "more evenly",
    ),
    "balance_zones_cpu": (
        "spreads CPU load over zones",
        "less evenly",
        "more evenly",
    ),
    "packing_ratio": ("packs nodes", "more loosely", "more tightly"),
    "queue_wait_mean_s": ("lets pods wait", "longer", "less long"),
    "queue_wait_p99_s": ("has a 99th-percentile wait", "longer", "shorter"),
    "makespan_s": ("takes", "longer to finish all pods", "less time for all pods"),
    "slowdown_mean": ("slows pods down", "more", "less"),
    "slowdown_p99": ("has a 99th-percentile slowdown", "larger", "smaller"),
    "jain_fairness_namespaces": (
        "is",
        "fairer to namespaces",
        "less fair to namespaces",
    ),
    "pod_startup_p50_s": ("has a median pod startup", "longer", "shorter"),
    "pod_startup_p90_s": ("has a 90th-percentile pod startup", "longer", "shorter"),
    "pod_startup_p99_s": ("has a 99th-percentile pod startup", "longer", "shorter"),
    "pods_never_ready": (
        "leaves",
        "more pods that are never ready",
        "fewer pods that are never ready",
    ),
    "time_to_ready_all_s": (
        "takes",
        "longer until all pods are ready",
        "less time until all pods are ready",
    ),
    "achieved_rate": (
        "gets",
        "more pods ready a second",
        "fewer pods ready a second",
    ),
    "recovery_s": ("recovers", "more slowly from faults", "faster from faults"),
    "pods_lost": ("loses", "more pods to faults", "fewer pods to faults"),
    "decisions_per_second": ("makes", "more decisions a second", "fewer of them"),
}
"""Metric → verb, what follows a positive difference, what follows a negative one."""

Metrics = Sequence[str] | Mapping[str, Sequence[str]]

LARGEST_RATIO = 10.0
"""Differences beyond ten times the baseline are told in units, not in percent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sentence:
    """One paired comparison, in numbers and in words.

    Attributes
    ----------
    mean, low, high
        Difference policy − baseline in the metric's unit, with its interval.
    relative_mean, relative_low, relative_high
        The same as fractions of the baseline's mean; NaN if that is 0.
    n
        Pairs of seeds.
    text
        A whole sentence.
    """

    scenario: str
    size: str
    policy: str
    baseline: str
    metric: str
    verdict: Verdict
    mean: float
    low: float
    high: float
    n: int
    relative_mean: float
    relative_low: float
    relative_high: float
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a policy fares against the baseline in one metric over all scenarios."""

    policy: str
    baseline: str
    metric: str
    better: int
    worse: int
    same: int
    not_comparable: int
    text: str


def verdicts(
    cells: pd.DataFrame,
    metrics: Metrics,
    baseline: str,
    family: Family | None = None,
) -> list[Sentence]:
    """Put every paired difference into words: by scenario, metric, then policy.

    `metrics` are the same for all scenarios, or scenario → its own. Metrics that no
    policy has a value for in a scenario are left out of it. `family` has the tests of
    all comparisons, as `family_of` finds them; None = each stands alone.
    """
    found = []
    for name, here in cells.groupby("scenario", sort=False):
        scenario = str(name)
        own = metrics.get(scenario, ()) if isinstance(metrics, Mapping) else metrics
        several = len(here["size"].unique()) > 1
        for metric in own:
            differences = paired_differences(here, metric, baseline, family=family)
            for record in differences.to_dict("records"):
                row = {str(name): value for name, value in record.items()}
                if row["n"] or _defined(here, row, metric):
                    place = f"{scenario}/{row['size']}" if several else scenario
                    found.append(_sentence(row, metric, baseline, place))
    order = list(dict.fromkeys(zip(cells["scenario"], cells["size"], strict=True)))
    found.sort(key=lambda one: order.index((one.scenario, one.size)))
    return found


def standings(cells: pd.DataFrame, metrics: Metrics, baseline: str) -> list[Standing]:
    """Count, by policy and metric, the scenarios with each verdict."""
    counts: dict[tuple[str, str], collections.Counter[str]] = {}
    for one in verdicts(cells, metrics, baseline):
        key = (one.policy, one.metric)
        counts.setdefault(key, collections.Counter())[one.verdict] += 1
    return [
        Standing(
            policy,
            baseline,
            metric,
            better=count["better"],
            worse=count["worse"],
            same=count["same"],
            not_comparable=count["not comparable"],
            text=f"In {label(metric)}, {policy} is better than {baseline} in "
            f"{count['better']} of {sum(count.values())} scenarios, worse in "
            f"{count['worse']}.",
        )
        for (policy, metric), count in counts.items()
    ]


def label(metric: str) -> str:
    """Return a metric's name as it stands in a sentence.

    `pods_bound` → pods bound, `allocation_cpu_mean` → mean CPU allocation.
    """
    words = metric.removesuffix("_s").replace("_", " ")
    words = words.replace("cpu", "CPU").replace("gpu", "GPU")
    words = re.sub(r"(allocation|fragmentation) (\S+)( \w+)?$", r"\2 \1\3", words)
    words = re.sub(r"^balance (\w+) CPU", r"CPU imbalance over \1", words)
    words = re.sub(r"^stranded fragmentation (\S+)$", r"stranded free \1", words)
    return re.sub(r"^(.+) (mean|final)$", r"\2 \1", words)


class Scale(NamedTuple):
    """How differences of a metric are told.

    Attributes
    ----------
    prefix
        `relative_` if as shares of the baseline, else empty.
    factor
        What the numbers are multiplied by.
    unit
        ` %`, ` percentage points`, a space and a unit, or nothing.
    """

    prefix: str
    factor: float
    unit: str


def scale_of(metric: str, ratios: Sequence[float]) -> Scale:
    """Choose how to tell differences, given their ratios to the baseline.

    Fractions in percentage points, as a percentage of a percentage misleads; others
    in percent of the baseline, unless it is 0 or ten times exceeded: then in units.
    """
    unit = metric_of(metric).unit
    if unit == "fraction":
        return Scale("", 100.0, " percentage points")
    if all(abs(ratio) <= LARGEST_RATIO for ratio in ratios):
        return Scale("relative_", 100.0, " %")
    return Scale("", 1.0, f" {unit}" if unit in {"s", "µs", "1/s", "bytes"} else "")


def amount(row: dict[str, Any], metric: str) -> str:
    """Write a difference without its sign: `3.2 % (2.9 … 3.5)`, or `12 (9 … 15)`.

    `row` has mean, low, high and their relative twins. Ends of the interval on the
    other side of 0 keep a minus.
    """
    scale = scale_of(metric, [row["relative_mean"]])
    values = [scale.factor * row[scale.prefix + end] for end in ("mean", "low", "high")]
    if values[0] < 0:
        values = [-values[0], -values[2], -values[1]]
    mean, low, high = values
    if math.isnan(low) or low == high:
        return f"{_number(mean, _digits([mean]))}{scale.unit}"
    digits = _digits(values)
    if _number(low, digits) == _number(high, digits):
        digits += 1
    ends = " … ".join(_number(value, digits) for value in (low, high))
    return f"{_number(mean, digits)}{scale.unit} ({ends})"


def _sentence(row: dict[str, Any], metric: str, baseline: str, place: str) -> Sentence:
    policy = row["policy"]
    verb, more, less = PHRASES.get(
        metric, ("has", f"higher {label(metric)}", f"lower {label(metric)}")
    )
    if row["verdict"] == "not comparable":
        reason = (
            "the metric has no better direction"
            if row["n"] > 1
            else "they have fewer than two seeds in common"
        )
        text = f"{policy} and {baseline} cannot be judged by {label(metric)}: {reason}."
    elif row["verdict"] == "same" and row["mean"] == row["low"] == row["high"]:
        text = f"{policy} and {baseline} are equal in {label(metric)}."
    elif row["verdict"] == "same":
        way = "more" if row["mean"] > 0 else "less"
        text = (
            f"{policy} and {baseline} cannot be told apart in {label(metric)}: "
            f"{amount(row, metric)} {way}{_chance(row)}."
        )
    else:
        way = more if row["mean"] > 0 else less
        text = f"{policy} {verb} {amount(row, metric)} {way} than {baseline}."
    fields = {name.name for name in dataclasses.fields(Sentence)}
    return Sentence(
        **{name: value for name, value in row.items() if name in fields},
        baseline=baseline,
        metric=metric,
        text=f"On {place}, {text}",
    )


def _chance(row: dict[str, Any]) -> str:
    """Say why an interval without 0 is not enough."""
    if row["low"] <= 0 <= row["high"] or row["n"] < 2:
        return ""
    return f"; among {row['family']:,} comparisons that may be chance"


def _defined(cells: pd.DataFrame, row: dict[str, Any], metric: str) -> bool:
    here = (cells["scenario"] == row["scenario"]) & (cells["size"] == row["size"])
    return bool(cells.loc[here, metric].notna().any())


def _digits(values: Sequence[float]) -> int:
    """Return how many decimals to write.

    Two digits of the largest, and one of the smallest, so that an end of an interval
    beside 0 does not look like 0; but no more than four digits in all.
    """
    sizes = [math.floor(math.log10(abs(value))) for value in values if value]
    if not sizes:
        return 0
    return max(0, min(max(1 - max(sizes), -min(sizes)), 3 - max(sizes), 9))


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace("-", "−")

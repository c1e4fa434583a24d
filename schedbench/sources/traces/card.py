"""A workload card: what an imported trace holds, in numbers that fit on a page.

Pods are read a row group at a time, and one column at a time where a quantile needs
all of it, so that memory stays at some bytes a pod.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.sources.traces.folder import (
    Columns,
    iterate_pods,
    read_about,
    read_columns,
)
from schedbench.sources.traces.sampling import combined

LEVELS = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)


KIND = (
    "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_models", "constraints",
    "resources",
)  # fmt: skip
MOST_COMMON = 10
STEPS = 48
"""Steps into which the time span is cut for the course of demand."""

DAY = 86_400.0

Floats = NDArray[np.float64]


def trace_card(folder: Path) -> dict[str, Any]:
    """Return counts, sizes, arrivals, durations, classes and demand of an import.

    Raises
    ------
    InputError
        If the folder holds no sound import.
    """
    about = read_about(folder)
    nodes = read_columns(folder, pods=False)
    submit = _column(folder, "submit")
    end = _ends(folder)
    known = end[np.isfinite(end)]
    first = float(submit.min(initial=np.inf))
    last = float(max(submit.max(initial=0.0), known.max(initial=0.0)))
    card: dict[str, Any] = {
        "source": about["source"],
        "title": about["title"],
        "licence": about["licence"],
        "nodes": _nodes(nodes),
        "pods": len(submit),
        "span_s": [first, last],
        "tables": about["tables"],
        "units": about["units"],
        "quantile_levels": list(LEVELS),
    }
    card["sizes"] = {
        "cpu (milli)": _quantiles(_column(folder, "cpu_milli")),
        "memory (MiB)": _quantiles(_known(_column(folder, "memory_mib"))),
        "gpu (milli)": _quantiles(_gpu(folder)),
    }
    card["arrivals"] = arrivals(submit)
    duration = _column(folder, "duration")
    card["durations"] = {
        "seconds": _quantiles(duration[~np.isnan(duration)]),
        "without_end": int(np.isnan(duration).sum()),
    }
    card |= _counted(folder)
    card["demand"] = _demand(folder, nodes, submit, end, first, last)
    card["notes"] = about["notes"]
    return card


def arrivals(submit: Floats) -> dict[str, Any]:
    """Return how pods arrive.

    `there_at_start` came at or before time 0. Of the others: the mean rate; the
    coefficient of variation of the gaps between arrivals (1 = Poisson); the index of
    dispersion, variance over mean of arrivals an hour (1 = Poisson); the share of pods
    that came with another at the same time; and arrivals by hour of the day.
    """
    later = np.sort(submit[submit > 0])
    found: dict[str, Any] = {"there_at_start": len(submit) - len(later)}
    if len(later) < 2 or later[-1] == later[0]:
        return found | {"rate_per_s": None}
    gaps = np.diff(later)
    hours = np.bincount(((later - later[0]) // 3600).astype(np.int64))
    hours = hours[:-1] if len(hours) > 1 else hours  # the last one is cut
    by_hour = np.bincount((later % DAY // 3600).astype(np.int64), minlength=24)
    _, many = np.unique(later, return_counts=True)
    days = (later[-1] - later[0]) / DAY
    return found | {
        "rate_per_s": len(gaps) / float(later[-1] - later[0]),
        "gap_cv": float(gaps.std() / gaps.mean()),
        "hourly_dispersion": float(hours.var() / hours.mean()),
        "simultaneous": float(many[many > 1].sum() / len(later)),
        "by_hour_of_day": by_hour.tolist() if days >= 1 else None,
        "peak_hour_over_mean": float(by_hour.max() / by_hour.mean())
        if days >= 1
        else None,
    }


def _ends(folder: Path) -> Floats:
    """Return when each pod ends if it starts on arrival, NaN = never."""
    parts = []
    for rows in iterate_pods(folder, ("submit", "duration", "end")):
        served = rows["submit"] + rows["duration"]
        parts.append(np.where(np.isnan(served), rows["end"], served))
    return np.concatenate([*parts, np.empty(0)])


def _column(folder: Path, name: str) -> Floats:
    parts = [rows[name] for rows in iterate_pods(folder, (name,))]
    return np.concatenate([*parts, np.empty(0)])


def _gpu(folder: Path) -> Floats:
    parts = [
        (rows["num_gpu"] * rows["gpu_milli"]).astype(np.float64)
        for rows in iterate_pods(folder, ("num_gpu", "gpu_milli"))
    ]
    return np.concatenate([*parts, np.empty(0)])


def _known(values: Floats) -> Floats:
    return values[values >= 0]


def _quantiles(values: Floats) -> list[float] | None:
    if not len(values):
        return None
    found = np.quantile(values, LEVELS, method="inverted_cdf")
    return [float(each) for each in found]


def _counted(folder: Path) -> dict[str, Any]:
    """Return classes and what is counted by value, in one pass."""
    names = ("priority", "gang_size", "class", "user", "queue", "censored")
    counts: dict[str, Counter[Any]] = {name: Counter() for name in names}
    kinds: Counter[tuple[Any, ...]] = Counter()
    gangs = constrained = limited = 0
    for rows in iterate_pods(folder, (*KIND, "max_per_node", *names)):
        for name in names:
            _count(counts[name], rows, name)
        _count_kinds(kinds, rows)
        gangs += int((rows["gang_size"] > 1).sum())
        words = np.array([bool(each) for each in rows.words["constraints"]])
        constrained += int(words[rows["constraints"]].sum()) if len(words) else 0
        limited += int((rows["max_per_node"] > 0).sum())
    total = max(1, sum(kinds.values()))
    common = kinds.most_common(MOST_COMMON)
    return {
        "classes": {
            "distinct": len(kinds),
            "share_of_top_10": sum(count for _, count in common) / total,
            "top": [
                {"cpu_milli": kind[0], "memory_mib": kind[1], "num_gpu": kind[2],
                 "gpu_milli": kind[3], "gpu_models": kind[4], "pods": count}
                for kind, count in common
            ],
        },
        "priorities": _top(counts["priority"]),
        "labels": {name: _top(counts[name]) for name in ("class", "queue", "censored")},
        "users": {
            "distinct": len(counts["user"].keys() - {""}),
            "top": _top(counts["user"]),
        },
        "constraints": {"pods_with_constraints": constrained, "pods_limited": limited},
        "gangs": {"pods_in_gangs": gangs, "pods_by_size": _top(counts["gang_size"])},
    }  # fmt: skip


def _count(counter: Counter[Any], rows: Columns, name: str) -> None:
    values, many = np.unique(rows[name], return_counts=True)
    words = rows.words.get(name)
    for value, count in zip(values.tolist(), many.tolist(), strict=True):
        counter[value if words is None else words[value]] += count


def _count_kinds(kinds: Counter[tuple[Any, ...]], rows: Columns) -> None:
    number = combined(rows, KIND)
    _, first, many = np.unique(number, return_index=True, return_counts=True)
    for row, count in zip(first.tolist(), many.tolist(), strict=True):
        texts = [
            rows.text(name, row) if name in rows.words else int(rows[name][row])
            for name in KIND
        ]
        kinds[tuple(texts)] += count


def _top(counter: Mapping[Any, int]) -> dict[str, int]:
    ranked = sorted(counter.items(), key=lambda each: (-each[1], str(each[0])))
    return {str(value): count for value, count in ranked[:MOST_COMMON] if value != ""}


def _nodes(nodes: Columns) -> dict[str, Any]:
    assert nodes.ids is not None
    memory = nodes["memory_mib"]
    shapes = Counter(
        zip(
            nodes["cpu_milli"].tolist(), memory.tolist(), nodes["gpus"].tolist(),
            [nodes.text("gpu_model", row) for row in range(len(nodes))], strict=True,
        )
    )  # fmt: skip
    values: dict[str, set[str]] = {}
    for text in nodes.words["labels"]:
        for key, value in json.loads(text or "{}").items():
            values.setdefault(key, set()).add(value)
    return {
        "labels": {key: len(each) for key, each in sorted(values.items())},
        "stays": len(nodes),
        "distinct": len(set(nodes.ids.to_pylist())),
        "there_at_start": int((nodes["time_add"] <= 0).sum()),
        "leaving": int((~np.isnan(nodes["time_remove"])).sum()),
        "cpu_milli": int(nodes["cpu_milli"].sum()),
        "memory_mib": int(memory[memory >= 0].sum()),
        "gpus": int(nodes["gpus"].sum()),
        "shapes": [
            {"cpu_milli": cpu, "memory_mib": mib, "gpus": gpus, "gpu_model": model,
             "nodes": count}
            for (cpu, mib, gpus, model), count in shapes.most_common(MOST_COMMON)
        ],
        "distinct_shapes": len(shapes),
    }  # fmt: skip


def _demand(
    folder: Path, nodes: Columns, submit: Floats, end: Floats, first: float, last: float
) -> dict[str, Any]:
    """Return demand over capacity at the edges of `STEPS` equal steps of time.

    What is asked for at a time is the requests of the pods that came and, had they
    started at once, had not ended.
    """
    edges = np.linspace(first, max(last, first + 1.0), STEPS + 1)
    amounts = {
        "cpu": _column(folder, "cpu_milli"),
        "memory": np.maximum(_column(folder, "memory_mib"), 0.0),
        "gpu": _gpu(folder),
    }
    capacity = {
        "cpu": nodes["cpu_milli"],
        "memory": np.maximum(nodes["memory_mib"], 0),
        "gpu": 1000 * nodes["gpus"],
    }
    course: dict[str, Any] = {"times_s": edges.tolist()}
    for name, amount in amounts.items():
        wanted = _alive(edges, submit, end, amount)
        held = _alive(
            edges, nodes["time_add"], nodes["time_remove"], capacity[name] * 1.0
        )
        if not wanted.any() or not held.any():
            course[name] = None
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(held > 0, wanted / held, np.nan)
        course[name] = [None if np.isnan(each) else float(each) for each in ratio]
    return course


def _alive(edges: Floats, start: Floats, end: Floats, amount: Floats) -> Floats:
    """Return the amount that is there at each edge: started, and not ended."""
    came = np.bincount(
        np.searchsorted(edges, start, side="left"), amount, len(edges) + 1
    )
    left = np.bincount(
        np.searchsorted(edges, np.where(np.isnan(end), np.inf, end), side="left"),
        amount,
        len(edges) + 1,
    )
    return np.asarray(np.cumsum(came - left)[:-1])

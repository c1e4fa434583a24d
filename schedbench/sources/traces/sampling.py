"""Smaller, larger and faster traces of the same shape, from a seed.

- thinning keeps each gang, or each other pod, with one probability, and the same share
  of each shape of node;
- the bootstrap draws gangs or pods anew: as many of each class as its share says, with
  sizes and durations of pods of that class, and arrivals from the class's own rate
  through time (Leemis, "Nonparametric Estimation of the Cumulative Intensity Function
  for a Nonhomogeneous Poisson Process", Management Science, 1991); above the trace's
  own number they bunch where the trace's own did;
- the time warp lets pods arrive faster or slower; durations stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.rng import stream
from schedbench.sources.synthetic.pods import ranks
from schedbench.sources.traces.folder import ALIKE, Columns

Indices = NDArray[np.int64]


def thin(pods: Columns, share: float, seed: int) -> Columns:
    """Keep each gang or single pod with probability `share`, in order."""
    unit = units(pods)
    drawn = stream(seed, "trace/thin").random(int(unit.max(initial=-1)) + 1) < share
    return pods.take(np.flatnonzero(drawn[unit]))


def bootstrap(pods: Columns, count: int, seed: int) -> Columns:
    """Draw `count` gangs or single pods anew, by class, in order of arrival."""
    unit = units(pods)
    first = np.zeros(int(unit.max(initial=-1)) + 1, dtype=np.int64)
    first[unit[::-1]] = np.arange(len(pods))[::-1]
    kind = classes(pods)[first]
    rng = stream(seed, "trace/bootstrap")
    arrival = pods["submit"][first]
    drawn: list[Indices] = []
    times: list[NDArray[np.float64]] = []
    for number, many in enumerate(shares(np.bincount(kind), count)):
        members = np.flatnonzero(kind == number)
        drawn.append(members[rng.integers(0, len(members), many)])
        times.append(_quantiles(np.sort(arrival[members]), rng.random(many)))
    chosen, when = np.concatenate(drawn), np.concatenate(times)
    order = np.argsort(when, kind="stable")
    return _copied(pods, unit, chosen[order], when[order], arrival)


def warp(pods: Columns, rate: float) -> Columns:
    """Let pods arrive `rate` times as fast; what runs at the start stays there."""
    submit = pods["submit"]
    shift = submit / rate - submit
    return pods.replaced(submit=submit + shift, end=pods["end"] + shift)


def scaled_nodes(nodes: Columns, share: float) -> Columns:
    """Keep the same share of each shape of node, one at least; above 1 they come again.

    Rows of one node, which left and came back, stay together.
    """
    index = _numbers_of_names(nodes)
    first = np.zeros(int(index.max(initial=-1)) + 1, dtype=np.int64)
    first[index[::-1]] = np.arange(len(nodes))[::-1]
    shape = combined(
        nodes.take(first), ("cpu_milli", "memory_mib", "gpus", "gpu_model", "labels")
    )
    counts = np.bincount(shape)
    copies = np.zeros(len(first), dtype=np.int64)
    for number, many in enumerate(shares(counts, max(1, round(share * len(first))))):
        members = np.flatnonzero(shape == number)
        whole, rest = divmod(many, len(members))
        copies[members] = whole
        copies[members[:rest]] += 1
    by_row = copies[index]
    rows = np.repeat(np.arange(len(nodes)), by_row)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(by_row) - by_row, by_row)
    return _named(nodes.take(rows), copy)


def units(pods: Columns) -> Indices:
    """Return the number of each pod's gang; a pod without one is a unit alone."""
    alone = pods["gang_size"] == 1
    number = np.where(alone, np.arange(len(pods)), 0)
    number[~alone] = len(pods) + pods["group"][~alone]
    return ranks(number)[0]


def classes(pods: Columns) -> Indices:
    """Return the class of each pod: sizes, constraints, priority and gang's size."""
    return combined(pods, (*ALIKE, "gang_size"))


def shares(counts: Indices, total: int) -> list[int]:
    """Divide `total` in proportion to counts, by the largest remainders."""
    exact = counts * (total / max(1, counts.sum()))
    whole = np.floor(exact).astype(np.int64)
    missing = total - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return [int(each) for each in whole]


def _quantiles(
    times: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return times at levels 0..1, interpolated between those that occurred.

    The time before the first arrival counts as the gap that precedes it, so that n
    arrivals have n gaps.
    """
    knots = np.concatenate([[max(0.0, 2 * times[0] - times[-1])], times])
    if len(times) > 1:
        gap = (times[-1] - times[0]) / (len(times) - 1)
        knots[0] = max(0.0, times[0] - gap)
    levels = np.interp(levels, np.linspace(0.0, 1.0, len(knots)), knots)
    return np.asarray(levels)


def _copied(
    pods: Columns,
    unit: Indices,
    chosen: Indices,
    when: NDArray[np.float64],
    arrival: NDArray[np.float64],
) -> Columns:
    """Return all pods of the chosen units, moved to their new times."""
    by_unit = np.argsort(unit, kind="stable")
    size = np.bincount(unit)
    start = np.cumsum(size) - size
    many = size[chosen]
    copy = np.repeat(np.arange(len(chosen)), many)
    within = np.arange(len(copy)) - np.repeat(np.cumsum(many) - many, many)
    rows = by_unit[start[chosen][copy] + within]
    taken = _named(pods.take(rows), copy)
    shift = (when - arrival[chosen])[copy]
    moved = taken.replaced(submit=taken["submit"] + shift, end=taken["end"] + shift)
    gang = taken["gang_size"] > 1
    if not gang.any():
        return moved
    names = np.array(taken.words["group"], dtype=object)[taken["group"]]
    names[gang] = [
        f"{name}-{number}" for name, number in zip(names[gang], copy[gang], strict=True)
    ]
    words, codes = np.unique(names.astype(np.str_), return_inverse=True)
    return Columns(
        moved.numbers,
        {**moved.codes, "group": codes.astype(np.int32)},
        {**moved.words, "group": words.tolist()},
        moved.ids,
    )


def combined(columns: Columns, names: tuple[str, ...]) -> Indices:
    """Return a number for each different combination of values."""
    number = np.zeros(len(columns), dtype=np.int64)
    for name in names:
        index, count = ranks(columns[name].astype(np.int64))
        number, _ = ranks(number * max(count, 1) + index)
    return number


def _named(columns: Columns, copy: Indices) -> Columns:
    """Return rows whose ids tell which copy each is; the first copy keeps its own."""
    import dataclasses

    import pyarrow as pa
    import pyarrow.compute as pc

    from schedbench.sources.traces.writer import numbered

    assert columns.ids is not None
    if not copy.any():
        return columns
    ids = pc.if_else(pa.array(copy == 0), columns.ids, numbered(columns.ids, copy))
    return dataclasses.replace(columns, ids=ids)


def _numbers_of_names(nodes: Columns) -> Indices:
    assert nodes.ids is not None
    return np.asarray(nodes.ids.dictionary_encode().indices, dtype=np.int64)

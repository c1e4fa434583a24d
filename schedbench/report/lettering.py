"""Texts of figures: names that fit, numbers on axes, room beside points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullLocator

SMALL = 7.5


def text_width(text: str, size: float) -> float:
    """Return about how many inches `text` takes at `size` points."""
    return len(text) * size * 0.58 / 72


def short(name: str, limit: int = 30) -> str:
    """Return a name that fits a label."""
    return name if len(name) <= limit else name[: limit - 1] + "…"


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list:
    """Move label positions so that neighbours are `apart`, within low..high."""
    order = np.argsort(np.asarray(wanted), kind="stable")
    placed = np.asarray(wanted, dtype=float)[order]
    for _ in range(60):
        for at in range(1, len(placed)):
            lack = apart - (placed[at] - placed[at - 1])
            if lack > 1e-9:
                placed[at - 1] -= lack / 2
                placed[at] += lack / 2
        placed = np.clip(placed, low, high)
    result = np.empty(len(placed))
    result[order] = placed
    return list(result)


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Put plain numbers on a logarithmic axis, finer where the range is narrow."""
    steps = (1, 2, 5) if high / low < 100 else (1,)
    ticks = [
        step * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for step in steps
    ]
    near = [tick for tick in ticks if low / 1.6 <= tick <= high * 1.6]
    axis.set_major_locator(FixedLocator(near))
    axis.set_major_formatter(lambda value, _: compact(value))
    axis.set_minor_locator(NullLocator())


def compact(value: float) -> str:
    """Return a tick label: 1.5k, 20M."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def beside(
    points: dict[str, Any], texts: dict[str, str], box: Any
) -> dict[str, tuple[tuple[float, float], str]]:
    """Find room for the names of some of the points of a panel.

    `points` are pixels at 100 an inch, `box` is the panel's (left, bottom, right,
    top). Returns name → (offset in points, horizontal alignment); a name for which
    there is no room is left out.
    """
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points.values()]
    tries = [
        (across, up, side)
        for up in (7.0, -7.0, 0.0, 14.0, -14.0, 22.0, -22.0)
        for across, side in ((7.0, "left"), (-7.0, "right"), (0.0, "center"))
        if across or up
    ]
    found = {}
    for name, text in texts.items():
        wide = text_width(text, SMALL) * 1.12 * 100
        for across, up, side in tries:
            x, y = points[name] + np.array((across, up)) / 0.72
            left = x - {"left": 0.0, "center": wide / 2, "right": wide}[side]
            room = (left, y - 5.5, left + wide, y + 5.5)
            inside = room[0] >= box[0] and room[2] <= box[2] + 12
            inside = inside and room[1] >= box[1] and room[3] <= box[3] + 4
            if inside and not any(_overlap(room, other) for other in taken):
                taken.append(room)
                found[name] = ((across, up), side)
                break
    return found


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

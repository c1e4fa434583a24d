"""FGD: the placement that lowers fragmentation most ("Beware of Fragmentation")."""

from __future__ import annotations

import math

from naive.fragmentation import Measure
from naive.gpu import Demand, View, best_devices, tightest_first


def raw(wanted: Demand, seen: View, measure: Measure) -> int:
    """Score 0..100; 50 = fragmentation stays as it is."""
    return _best(wanted, seen, measure)[0]


def devices(wanted: Demand, seen: View, measure: Measure) -> tuple[int, ...]:
    """Choose the device of a share by its score, whole devices as they come."""
    if not wanted.shares:
        return best_devices(wanted, seen)
    return (_best(wanted, seen, measure)[1],)


def _best(wanted: Demand, seen: View, measure: Measure) -> tuple[int, int]:
    if not wanted.shares:
        return _gain(wanted, seen, measure, tightest_first(wanted, seen)), -1
    gains = [
        (_gain(wanted, seen, measure, [i]), -i)
        for i, free in enumerate(seen.devices)
        if free >= wanted.milli
    ]
    gain, negative = max(gains)
    return gain, -negative


def _gain(wanted: Demand, seen: View, measure: Measure, taken: list[int]) -> int:
    after = seen.without(wanted.cpu, wanted.milli, taken)
    fall = (measure.of(seen) - measure.of(after)) / 1000
    return int(1 / (1 + math.exp(-fall)) * 100)

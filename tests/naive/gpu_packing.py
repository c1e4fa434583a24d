"""GpuPacking: used devices before free devices before free nodes."""

from __future__ import annotations

from naive.gpu import WHOLE, Demand, View, tightest_first


def raw(wanted: Demand, seen: View) -> int:
    """Score 50..100 on used devices, 33..50 on free ones, less on free nodes."""
    if not wanted.count:
        return 0
    free = sum(milli == WHOLE for milli in seen.devices)
    if free == len(seen.devices):
        return max(33 - free, free)
    taken = tightest_first(wanted, seen)
    broken = sum(seen.devices[i] == WHOLE for i in taken)
    if broken:
        return max(50 - broken, 33)
    slack = sum(seen.devices[i] * 100 // WHOLE for i in taken)
    return max(100 - slack // 10, 50)

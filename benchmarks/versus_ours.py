"""What schedbench takes for a workload that begins."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.measure import POLICIES, SEED
from benchmarks.start import Begun
from schedbench.cluster.encode import encode
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

REPEATS = 5


def measure_ours(begun: Begun, scoring: str) -> dict[str, float]:
    """Return the medians of some replays, after one that is not counted.

    Seconds of the scheduling calls (`decide`), of the whole replay (`wall`), and of the
    processor (`cpu`); compiling and encoding are not in them.
    """
    encoded = encode(begun.workload)
    decide, wall, cpu = [], [], []
    for _ in range(REPEATS + 1):
        used = time.process_time()
        record = replay(encoded, make_policy(POLICIES[scoring]), seed=SEED)
        cpu.append(time.process_time() - used)
        decide.append(record.wall.schedule_seconds)
        wall.append(record.wall.total_seconds)
    bound = (record.kind == EventKind.BIND) & (record.pod >= begun.there)
    return {
        "decide": statistics.median(decide[1:]),
        "wall": statistics.median(wall[1:]),
        "cpu": statistics.median(cpu[1:]),
        "placed": len(np.unique(record.pod[bound])),
    }

"""Workloads made ready, the last of which is kept for the cells that share it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload
    from schedbench.experiment.cell import ScenarioRef


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario's workload from a seed, encoded.

    Attributes
    ----------
    scenario, seed
        What it was made from.
    encoded
        The workload as columns, which runs leave as they are.
    build_seconds, encode_seconds
        How long it took to make, whenever that was.
    """

    scenario: ScenarioRef
    seed: int
    encoded: EncodedWorkload
    build_seconds: float
    encode_seconds: float


_kept: list[Prepared] = []


def prepare(scenario: ScenarioRef, seed: int) -> Prepared:
    """Return the workload of a scenario, made anew unless it was the last one made.

    Cells of another policy share it, and so does the check before a run. Only for the
    very same reference: a file may have changed since another one was made.

    Raises
    ------
    InputError
        If the workload cannot be built or encoded.
    """
    from schedbench.cluster.encode import encode

    if not (_kept and _kept[0].scenario is scenario and _kept[0].seed == seed):
        _kept.clear()  # first, so that two are never in memory
        start = time.perf_counter()
        workload = scenario.build(seed)
        built = time.perf_counter()
        encoded = encode(workload)
        end = time.perf_counter()
        _kept.append(Prepared(scenario, seed, encoded, built - start, end - built))
    return _kept[0]


def forget() -> None:
    """Make the next workload anew: a cluster around the scheduler changes objects."""
    _kept.clear()

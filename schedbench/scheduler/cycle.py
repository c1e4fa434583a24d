"""One scheduling cycle, compiled: filter → sample → score → weigh → select."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schedbench.cluster.layout import ClusterState, PodClasses, StaticTable
from schedbench.jit import by_reference, kernel
from schedbench.plugins.base import ScoreColumns
from schedbench.scheduler.feasible import FilterSwitches, mark_infeasible
from schedbench.scheduler.sampling import Sampling, ordered, sample
from schedbench.scheduler.score import Scratch, total_score
from schedbench.scheduler.select import select_node


@by_reference
class Choice(NamedTuple):
    """How ties are settled, and which GPU device a share takes.

    Attributes
    ----------
    tie, key
        The rule of ties and the key of its random stream.
    devices, device_key
        The rule of devices and the key of its random stream.
    """

    tie: int
    key: int
    devices: int
    device_key: int


@by_reference
class Compiled(NamedTuple):
    """A profile over an encoded workload, as the cycle reads it."""

    classes: PodClasses
    static: StaticTable
    columns: ScoreColumns
    switches: FilterSwitches
    choice: Choice
    sampling: Sampling


@kernel
def schedule_one(
    state: ClusterState,
    compiled: Compiled,
    pod_class: int,
    counter: int,
    cursor: int,
    scratch: Scratch,
) -> int:
    """Return the node for a pod of a class, or −1; `scratch.bad` tells the verdicts.

    `counter` numbers the draw of a random tie; `cursor` is the node after the one
    chosen last. Nodes that sampling left out are `UNSEEN`; where the next attempt
    begins is the caller's to `advance`.
    """
    classes, static = compiled.classes, compiled.static
    mark_infeasible(
        state,
        classes,
        static,
        compiled.switches,
        pod_class,
        np.int64(0),
        scratch.bad.size,
        scratch.bad,
    )
    if compiled.sampling.order.size > 0:
        sample(compiled.sampling, pod_class, scratch)
    total_score(state, classes, static, compiled.columns, pod_class, scratch)
    choice = compiled.choice
    return select_node(
        scratch.total,
        scratch.bad,
        choice.tie,
        choice.key,
        counter,
        cursor,
        compiled.sampling.order[: ordered(compiled.sampling)],
    )

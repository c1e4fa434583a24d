"""A scheduler_perf workload at the moment when what it measures begins."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import encode
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

SEED = 1
COLUMNS = ("template", "arrival", "duration", "deletion", "node", "measured")


class Begun(NamedTuple):
    """A workload whose first `there` pods are on nodes, and the others come now."""

    workload: Workload
    there: int


def begin(workload: Workload, pods: int) -> Begun:
    """Place the pods that are not measured, and keep so many of those that are."""
    stream = workload.pods
    before = np.flatnonzero(~stream.measured)
    node = placed(dataclasses.replace(workload, pods=taken(stream, before)))
    before = before[node >= 0]
    after = np.flatnonzero(stream.measured)[:pods]
    chosen = taken(stream, np.concatenate([before, after]))
    chosen = dataclasses.replace(
        chosen,
        node=np.concatenate([node[node >= 0], np.full(len(after), -1)]).astype(
            np.int32
        ),
        arrival=np.zeros(len(chosen)),
    )
    return Begun(dataclasses.replace(workload, pods=chosen), len(before))


def taken(stream: PodStream, pods: NDArray[np.int64]) -> PodStream:
    """Return some pods of a stream, under the names that they have in it."""
    return dataclasses.replace(
        stream,
        names=[stream.name(int(pod)) for pod in pods],
        **{name: getattr(stream, name)[pods] for name in COLUMNS},
    )


def placed(workload: Workload) -> NDArray[np.int32]:
    """Return each pod's node at the end of a run by kube-scheduler; −1 = none."""
    record = replay(encode(workload), make_policy("kube-scheduler"), seed=SEED)
    node = np.full(len(workload.pods), -1, dtype=np.int32)
    bound = record.kind == EventKind.BIND
    node[record.pod[bound]] = record.node[bound]
    return node

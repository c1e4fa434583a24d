"""The tables of a cell, as Arrow tables with names a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schedbench.objects.workload import PodStream, Workload
from schedbench.simulation.record import EventKind, Record

if TYPE_CHECKING:
    import pandas as pd


def placements(
    workload: Workload, node_names: Sequence[str], record: Record
) -> pa.Table:
    """Return the event log: time, kind, pod, node and devices of each event.

    `time` is in simulated seconds; `pod`, `node` are names, null where none is
    concerned; `devices` lists the GPU devices the pod holds ("0,2"), null for none.
    """
    there = np.zeros(len(workload.pods) + 1, dtype=np.bool_)
    there[record.pod + 1] = True
    pods, pod_index = np.flatnonzero(there) - 1, (np.cumsum(there) - 1)[record.pod + 1]
    masks, mask_index = record.devices[:1], np.zeros(len(record.pod), dtype=np.int64)
    if record.devices.any():
        masks, mask_index = np.unique(record.devices, return_inverse=True)
    kinds = [kind.name.lower() for kind in EventKind]
    return pa.table(
        {
            "time": pa.array(record.time),
            "kind": _names(record.kind, kinds),
            "pod": _names(
                pod_index,
                _pod_names(workload.pods, pods),
                record.pod < 0,
            ),
            "node": _names(np.maximum(record.node, 0), node_names, record.node < 0),
            "devices": _names(
                mask_index,
                [",".join(map(str, _bits(int(mask)))) for mask in masks],
                record.devices == 0,
            ),
        }
    )


def rejections(record: Record) -> pa.Table:
    """Return how many nodes each plugin was first to reject, by reason."""
    return pa.table(
        {
            "plugin": pa.array([row.plugin for row in record.rejections], pa.string()),
            "reason": pa.array([row.reason for row in record.rejections], pa.string()),
            "nodes": pa.array([row.nodes for row in record.rejections], pa.int64()),
        }
    )


def from_frame(frame: pd.DataFrame) -> pa.Table:
    """Return a data frame as a table, without its index."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def _pod_names(stream: PodStream, pods: NDArray[np.int64]) -> pa.Array:
    """Return the names of pods in order, of which the first may be -1: no pod."""
    none = [""] if len(pods) and pods[0] < 0 else []
    named = pods[len(none) :]
    if stream.names is not None:
        names = [*none, *(stream.names[pod] for pod in named.tolist())]
        return pa.array(names, pa.string())
    prefixes = pa.array(stream.prefixes(), pa.string())
    made = pc.binary_join_element_wise(
        prefixes.take(pa.array(stream.template[named])),
        pc.cast(pa.array(named), pa.string()),
        "-",
    )
    return pa.concat_arrays([pa.array(none, pa.string()), made])


def _names(
    index: NDArray[np.integer],
    names: Sequence[str] | pa.Array,
    absent: NDArray[np.bool_] | None = None,
) -> pa.DictionaryArray:
    codes = pa.array(np.asarray(index, dtype=np.int32), mask=absent)
    if not isinstance(names, pa.Array):
        names = pa.array(names, pa.string())
    return pa.DictionaryArray.from_arrays(codes, names)


def _bits(mask: int) -> list[int]:
    unsigned = mask & (2**64 - 1)
    return [bit for bit in range(64) if unsigned >> bit & 1]

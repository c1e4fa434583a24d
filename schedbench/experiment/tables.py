"""The tables of a cell, as Arrow tables with names a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schedbench.objects.workload import Workload
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
    pods, pod_index = np.unique(record.pod, return_inverse=True)
    masks, mask_index = np.unique(record.devices, return_inverse=True)
    kinds = [kind.name.lower() for kind in EventKind]
    return pa.table(
        {
            "time": pa.array(record.time),
            "kind": _names(record.kind, kinds),
            "pod": _names(
                pod_index,
                [workload.pods.name(int(pod)) if pod >= 0 else "" for pod in pods],
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


def _names(
    index: NDArray[np.integer],
    names: Sequence[str],
    absent: NDArray[np.bool_] | None = None,
) -> pa.DictionaryArray:
    codes = pa.array(np.asarray(index, dtype=np.int32), mask=absent)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))


def _bits(mask: int) -> list[int]:
    unsigned = mask & (2**64 - 1)
    return [bit for bit in range(64) if unsigned >> bit & 1]

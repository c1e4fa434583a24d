"""A few pods that stand for all of a stream, to ask what of a node they can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.distinct import distinct_rows
from schedbench.metrics.timeline import quotient

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload

QUANTILES = 32


class QuantilePods(NamedTuple):
    """A few pods that stand for all of a stream.

    Attributes
    ----------
    vector : int64[pod, resource]
        What each takes.
    milli, devices : int64[pod]
        Milli-GPU on each device, and the number of devices.
    weight : float64[pod]
        Share of the stream it stands for; adds up to 1.
    """

    vector: NDArray[np.int64]
    milli: NDArray[np.int64]
    devices: NDArray[np.int64]
    weight: NDArray[np.float64]


def quantile_pods(encoded: EncodedWorkload) -> QuantilePods | None:
    """Return at most 32 pods that stand for the stream, None without pods.

    All distinct request vectors with their shares if they are few; else those at the
    middle of 32 equal parts of the pods sorted by their largest share of the cluster.
    """
    if len(encoded.class_of) == 0:
        return None
    classes = encoded.classes
    resources = np.asarray(classes.request)
    gpu = np.stack([classes.gpu_milli, classes.gpu_count], axis=1).astype(np.int64)
    frequency = np.bincount(encoded.class_of, minlength=len(resources))
    amounts = np.concatenate([resources, gpu], axis=1)
    first, inverse = distinct_rows(amounts)
    distinct = amounts[first]
    counted = np.bincount(inverse, weights=frequency)
    weight: NDArray[np.float64] = counted / counted.sum()
    distinct, weight = distinct[weight > 0], weight[weight > 0]
    if len(distinct) > QUANTILES:
        order = np.argsort(_sizes(encoded, distinct), kind="stable")
        middle = (np.arange(QUANTILES) + 0.5) / QUANTILES
        place = np.searchsorted(np.cumsum(weight[order]), middle)
        distinct = distinct[order[np.minimum(place, len(order) - 1)]]
        weight = np.full(QUANTILES, 1.0 / QUANTILES)
    return QuantilePods(distinct[:, :-2], distinct[:, -2], distinct[:, -1], weight)


def _sizes(encoded: EncodedWorkload, distinct: NDArray) -> NDArray[np.float64]:
    """Return the largest share of the cluster that each vector asks for."""
    capacity = np.asarray(encoded.state.allocatable).sum(axis=1).astype(np.float64)
    gpu_free = np.asarray(encoded.state.gpu_free)
    milli = float(np.where(gpu_free >= 0, 1000, 0).sum())
    amounts = np.column_stack([distinct[:, :-2], distinct[:, -2] * distinct[:, -1]])
    whole = np.append(capacity, milli)
    return np.asarray(quotient(amounts, whole, 0.0).max(axis=1))

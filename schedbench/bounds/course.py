"""The cluster's load over time if no pod ever waited, and what it must cost."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.instance import Instance
from schedbench.cluster.layout import GPU_DEVICE_MILLI

FULLEST = 3
"""Columns whose busiest instants are looked at closely."""


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """What pods that start on arrival ask for together, from instant to instant.

    Attributes
    ----------
    time : float64[T]
        Instants, rising; each row holds from there to the next one.
    demand : int64[T, Q + 1]
        Sum of requests in the columns of the instance, then GPU milli.
    """

    time: NDArray[np.float64]
    demand: NDArray[np.int64]

    def busiest(self, room: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the instants at which the fullest columns are fullest, each once.

        Parameters
        ----------
        room : int64[Q + 1]
            What the cluster offers in each column.
        """
        peak = self.demand.max(axis=0) / np.maximum(room, 1)
        fullest = np.argsort(-peak, kind="stable")[:FULLEST]
        fullest = fullest[peak[fullest] > 0]
        return np.unique(self.time[self.demand[:, fullest].argmax(axis=0)])


def requests(instance: Instance) -> NDArray[np.int64]:
    """Return requests of each pod and, in a last column, GPU milli, int64[P, Q + 1]."""
    kinds = instance.kinds
    columns = np.column_stack([kinds.request, kinds.devices * kinds.milli])
    return np.asarray(columns[instance.kind])


def capacities(instance: Instance) -> NDArray[np.int64]:
    """Return what the groups offer together, in the columns of `requests`."""
    groups = instance.groups
    devices = groups.devices_total.sum() * GPU_DEVICE_MILLI
    return np.append(groups.total.sum(axis=0), devices)


def course_of(instance: Instance, pods: NDArray[np.bool_]) -> Course:
    """Return the course of some pods, bool[P]; without pods it has no instants."""
    chosen = np.flatnonzero(pods)
    asked = requests(instance)[chosen]
    arrival, end = instance.arrival[chosen], instance.end[chosen]
    ends = np.isfinite(end)
    time, index = np.unique(np.append(arrival, end[ends]), return_inverse=True)
    change = np.zeros((len(time), asked.shape[1]), dtype=np.int64)
    np.add.at(change, index, np.vstack([asked, -asked[ends]]))
    return Course(time, np.cumsum(change, axis=0))


def present(instance: Instance, pods: NDArray[np.bool_], time: float) -> NDArray:
    """Return which of some pods run at an instant if they start on arrival, bool[P]."""
    return pods & (instance.arrival <= time) & (time < instance.end)


def nodes_by_volume(instance: Instance, course: Course) -> NDArray[np.int64]:
    """Return below how many nodes the load of each instant cannot lie, int64[T].

    The k largest nodes of a resource offer the most of it that k nodes can; so no
    fewer nodes than fill up with the demand carry it, whatever resource is looked at.
    """
    offers = instance.offers
    devices = offers.devices * GPU_DEVICE_MILLI
    fewest = np.zeros(len(course.time), dtype=np.int64)
    for column, offered in enumerate(np.column_stack([offers.amount, devices]).T):
        filled = np.cumsum(np.sort(offered)[::-1])
        demand = course.demand[:, column]
        needed = np.searchsorted(filled, demand) + 1
        fewest = np.maximum(fewest, np.where(demand > 0, needed, 0))
    return np.minimum(fewest, len(offers.amount))

"""What nodes use, for policies that look at usage rather than at requests.

A replay measures no usage. It is stood in for by a stated share of the requests, with
a stated variation from pod to pod: each pod uses `utilization` × its requests on
average, with a standard deviation of `variation` × that, independent of the others; so
that of a node with n pods is about `variation` × its mean use ÷ √n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS, ClusterState
from schedbench.errors import InputError


class Usage(NamedTuple):
    """Use of one resource by node, as fractions of the allocatable, float64[N]."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def usage(
    cluster: ClusterState, row: int, utilization: float, variation: float = 0.0
) -> Usage:
    """Return the use of a resource row."""
    offered = np.maximum(cluster.allocatable[row], 1)
    mean = np.minimum(utilization * cluster.requested[row] / offered, 1.0)
    pods = np.maximum(cluster.requested[PODS], 1)
    return Usage(mean, np.minimum(variation * mean / np.sqrt(pods), 1.0))


def check_positive(policy: str, **parameters: float) -> None:
    """Demand that parameters of a policy are above 0.

    Raises
    ------
    InputError
        If one is not, or is no number.
    """
    for name, value in parameters.items():
        if not 0 < value < np.inf:
            raise InputError(
                f"{name} is not above 0", where=f"policy {policy}", value=value
            )

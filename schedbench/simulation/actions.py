"""What users of a cluster do at a time, beside the pods of a workload's streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from schedbench.objects.meta import ApiObject


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """What users do at a time.

    Attributes
    ----------
    time
        Simulated seconds.
    objects
        To be created, or updated if they are there.
    deletions
        Kind, namespace and name of each.
    scales
        Kind, namespace, name and the new number of replicas of each.
    """

    time: float
    objects: Sequence[ApiObject] = ()
    deletions: Sequence[tuple[str, str, str]] = ()
    scales: Sequence[tuple[str, str, str, int]] = ()

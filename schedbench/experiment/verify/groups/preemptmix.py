"""preemptmix: preemption among pods that keep apart, many of them being deleted."""

from __future__ import annotations

from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document
from schedbench.experiment.verify.groups.preemption import full_cluster


def case(draw: Draw) -> Document:
    """Return a case with several budgets, affinity and deletions at once."""
    return full_cluster(draw, affinity=0.3, deleted=0.2, budgets=4)

"""Random cases by group and seed; the same on every machine."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from schedbench.errors import UnknownNameError
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document
from schedbench.rng import stream

GROUPS = (
    *("resources", "strategies", "nodeaffinity", "taints", "ports", "interpod"),
    *("spread", "images", "volumes", "preemption", "preemptmix", "mixed", "churn"),
    *("gates", "sample", "samplechurn"),
)
"""All groups; each is a module of `groups` with a function `case`."""


def make_case(group: str, seed: int) -> Document:
    """Return the case of a group and seed, in the recorded format.

    Raises
    ------
    UnknownNameError
        If there is no such group.
    """
    if group not in GROUPS:
        raise UnknownNameError("group", group, GROUPS)
    module = importlib.import_module(f"schedbench.experiment.verify.groups.{group}")
    case: Document = module.case(Draw(stream(seed, f"verify/{group}")))
    return {"id": f"{group}-{seed}", "group": group, **case}


def make_cases(groups: Sequence[str], cases: int, seed: int) -> Iterator[Document]:
    """Yield cases of groups in turn; the seeds count up, one for each round."""
    for number in range(cases):
        turn, place = divmod(number, len(groups))
        yield make_case(groups[place], seed + turn)

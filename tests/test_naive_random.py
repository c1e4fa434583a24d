"""The naive twins against schedbench, on the random cases that verify makes."""

from __future__ import annotations

import pytest
from naive.recorded import play

from schedbench.experiment.conformance.cases import decode_case
from schedbench.experiment.conformance.compare import differences
from schedbench.experiment.conformance.drive import attempts
from schedbench.experiment.verify.generate import GROUPS, make_case

SAMPLED = ("sample", "samplechurn")
WHOLE = [group for group in GROUPS if group not in SAMPLED]
"""The groups that look at all nodes: the twins play those."""
FOUND = {"resources": [201, 276, 326, 396], "strategies": [5048, 5351]}
"""Seeds in which the two differed once."""


def _compare(group: str, seed: int) -> None:
    document = make_case(group, seed)
    case = decode_case(document, [{}] * len(document["pending"]))
    ours = [each.decision for each in attempts(case, "scan")]
    for theirs, mine in zip(play(document), ours, strict=True):
        assert differences(theirs, mine) == [], f"{document['id']} {mine['pod']}"


@pytest.mark.parametrize("group", WHOLE)
def test_random_cases_are_decided_alike(group: str) -> None:
    """Two programs that share no code say the same of every pod, in every field."""
    for seed in [*range(1000, 1008), *FOUND.get(group, [])]:
        _compare(group, seed)


@pytest.mark.deep
@pytest.mark.parametrize("group", WHOLE)
def test_many_random_cases_are_decided_alike(group: str) -> None:
    """The same for 2,000 cases of a group."""
    for seed in range(2000, 4000):
        _compare(group, seed)

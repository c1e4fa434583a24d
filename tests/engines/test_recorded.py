"""The decisions recorded of the real scheduler, decided by what classes remember."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from schedbench.experiment.conformance.cases import case_files, read_cases
from schedbench.experiment.conformance.report import play

GROUPS = {
    "churn": 9,
    "images": 7,
    "interpod": 9,
    "mixed": 13,
    "preemptmix": 9,
    "sample": 6,
    "samplechurn": 5,
    "spread": 9,
}
"""Group → of how many cases one is played."""


@pytest.mark.parametrize("group", GROUPS)
def test_some_cases_of_a_group_are_decided_alike(shared: Path, group: str) -> None:
    """Who remembers what was before a change decides as the real scheduler does."""
    cases = read_cases([shared / "conformance"], [group])
    found = play(itertools.islice(cases, 0, None, GROUPS[group]), ["indexed"], show=1)

    assert found.shown == []
    assert found.groups[0].equal == found.groups[0].pods > 50


@pytest.mark.deep
def test_all_cases_are_decided_alike_by_all_engines(shared: Path) -> None:
    """Every recorded decision, by every engine."""
    folder = shared / "conformance"
    found = play(read_cases([folder]), ["scan", "explain", "indexed"], show=1)

    assert found.shown == []
    assert len(found.groups) == 3 * len(case_files([folder]))
    assert found.different == found.not_modelled == 0

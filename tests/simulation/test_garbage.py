"""The garbage collector during a run."""

from __future__ import annotations

import gc

import pytest

from schedbench.simulation.garbage import YOUNG, few_collections


def test_collector_looks_seldom_for_a_while():
    """Within, the threshold is higher; afterwards it is as before."""
    before = gc.get_threshold()
    with few_collections():
        during = gc.get_threshold()

    assert during == (YOUNG, *before[1:])
    assert gc.get_threshold() == before


def test_collector_is_itself_again_after_an_error():
    """A run that fails leaves the threshold as it was."""
    before = gc.get_threshold()

    @few_collections()
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()

    assert gc.get_threshold() == before

"""The garbage collector during a run."""

from __future__ import annotations

import gc

import pytest

from schedbench.simulation.garbage import YOUNG, few_collections


def test_collector_looks_seldom_for_a_while():
    """Within, the threshold is higher; afterwards, errors or not, it is as before."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="broken"), few_collections():
        during = gc.get_threshold()
        raise ValueError("broken")

    assert during == (YOUNG, *before[1:])
    assert gc.get_threshold() == before

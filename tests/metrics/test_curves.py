"""Curves over arrived GPU request: points, means, and where there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schedbench.metrics.curves import (
    ALLOCATION,
    CURVES,
    FRAGMENTATION,
    FRAGMENTATION_OF_IDLE,
    arrival_curves,
    curve_table,
)
from schedbench.objects.workload import NodeEvent

MILLI = (40, 10, 1000, 500, 480)
"""Of five pods that share two devices; the third finds no node."""


@pytest.fixture
def filled(make):
    """A node of two devices, pods of 40, 10, 2 × 1000, 500 and 480 milli."""

    def build(**more):
        gpus = [(1, 40), (1, 10), (2, 1000), (1, 500), (1, 480)]
        events = []
        for pod in range(5):
            events.append((pod, "ARRIVE", pod))
            if pod == 2:
                events.append((pod, "UNSCHEDULABLE", pod))
            else:
                events.append((pod, "BIND", pod, 0, 2 if pod == 4 else 1))
        pods = [make.pod(gpu=gpu) for gpu in gpus]
        typical = [(make.pod(cpu=1, gpu=(2, 1000)), 1.0)]
        nodes = [make.node("n", cpu=64, memory=64, gpus=2)]
        return make.timeline(nodes, pods, *events, typical=typical, **more)

    return build


def test_points_are_rounded_half_to_even(filled):
    """Requests of 2, 2.5, 102.5, 127.5 and 151.5 % of capacity are 2, 2, 102, 128, 152.

    The pod that finds no node arrives too; a point is the mean of its arrivals.
    """
    found = arrival_curves(filled())[ALLOCATION]

    assert len(found) == 153
    assert found[[2, 102, 128, 152]].tolist() == [2.25, 2.5, 27.5, 51.5]


def test_a_point_without_arrivals_is_the_mean_of_those_beside_it(filled):
    """Next to a point there is its value; farther away there is none."""
    found = arrival_curves(filled())[ALLOCATION]

    assert found[[1, 3, 101, 103]].tolist() == [2.25, 2.25, 2.5, 2.5]
    assert np.isnan(found[[0, 50]]).all()


def test_fragmentation_is_of_capacity_and_of_what_is_idle(filled):
    """Nothing fits two whole devices once one is in use: all that is idle is lost."""
    found = arrival_curves(filled())

    assert found[FRAGMENTATION][[2, 152]].tolist() == [97.75, 48.5]
    assert found[FRAGMENTATION_OF_IDLE][[2, 152]].tolist() == [100.0, 100.0]


def test_there_are_no_curves_where_pods_leave_or_nodes_change(make, filled):
    """What arrived would not be what is there."""
    nodes = [make.node("n", gpus=1)]
    cpu_only = make.timeline([make.node("n")], [make.pod()], (0, "ARRIVE", 0))
    change = NodeEvent(9.0, "update", nodes[0])
    with_change = filled(node_events=[change])

    assert arrival_curves(filled(duration=10.0)) is None
    assert arrival_curves(filled(deletion=20.0)) is None
    assert arrival_curves(with_change) is None
    assert arrival_curves(cpu_only) is None


@pytest.mark.parametrize("length", [1, 2, 4])
def test_published_curves_stand_beside_ours_as_far_as_they_go(length):
    """Shorter and longer ones are cut to ours; the rest has none."""
    ours = {name: np.arange(3.0) for name in CURVES}
    frame = curve_table(ours, {ALLOCATION: np.arange(length) + 10.0})
    told = frame[frame["curve"] == ALLOCATION]["published"]
    expected = [10.0, 11.0, 12.0][:length] + [np.nan] * (3 - length)

    assert len(frame) == 9
    pd.testing.assert_series_equal(told, pd.Series(expected, name="published"))
    assert frame[frame["curve"] != ALLOCATION]["published"].isna().all()

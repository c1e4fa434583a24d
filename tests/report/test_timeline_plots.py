"""The plots of pods' ways and of the control plane's load show what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report.fabricated import Fabricated, fabricate

from schedbench.metrics.timelines import HOPS, STARTUP_SLO
from schedbench.report import style
from schedbench.report.plots import (
    autoscaling,
    control_plane_load,
    hop_breakdown,
    pod_startup,
)


@pytest.fixture
def results() -> Fabricated:
    return fabricate(2, 2, {"web-services": {"100": 100}})


@pytest.mark.parametrize("plot", [pod_startup, hop_breakdown])
def test_a_run_without_timelines_has_nothing_to_show(plot, results):
    """A replay has no hops."""
    results.timelines = pd.DataFrame()

    assert plot.data(results) is None


def test_a_run_without_rates_and_queues_has_no_load(results):
    """Columns that are always 0 are not drawn either."""
    what = set(control_plane_load.data(results)["what"])
    assert "rate_etcd_writes" in what
    assert "depth_backoff" not in what
    results.load = pd.DataFrame()

    assert control_plane_load.data(results) is None


def test_requests_are_beside_those_who_serve_them(results):
    """A panel each for requests, unserved ones, back-ends and nodes; none without."""
    with style.paper():
        figure = autoscaling.draw(autoscaling.data(results))
    titles = [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes]
    results.load = results.load.assign(rate_requests=0.0)

    assert titles == [title for title, _ in autoscaling.WORDS.values()]
    assert autoscaling.data(results) is None


def test_pods_that_never_got_there_lower_the_curve(results):
    """The last share is that of the pods that became ready, of all applied."""
    counts = results.timelines.groupby("policy")[["applied", "ready"]].count()
    applied, ready = counts["applied"], counts["ready"]
    frame = pod_startup.data(results)
    last = frame[frame["what"] == "ready"].groupby("policy")["share"].max()

    assert (ready < applied).all()
    assert np.allclose(last, (ready / applied)[last.index])


def test_the_startup_plot_has_the_limit_where_it_holds(results):
    """The SLO is drawn at 5 s, in the panel of its own indicator alone."""
    with style.paper():
        left, right = pod_startup.draw(pod_startup.data(results)).axes

    lines = [line.get_xdata() for line in right.get_lines()]
    assert [STARTUP_SLO, STARTUP_SLO] in [list(line) for line in lines]
    assert len(left.get_lines()) == len(right.get_lines()) - 1


def test_a_percentile_that_is_not_reached_is_not_listed(results):
    """With 3 % of the pods never ready there is no 99th percentile."""
    table = pod_startup.table(pod_startup.data(results))

    assert table["p50 (s)"].notna().all()
    assert table["p99 (s)"].isna().all()


def test_bars_end_at_the_mean_startup(results):
    """The widths of a policy's bars add up to its mean from applied to ready."""
    frame = hop_breakdown.data(results)
    with style.paper():
        (axis,) = hop_breakdown.draw(frame).axes
    ends = sorted(
        max(bar.get_x() + bar.get_width() for bar in axis.patches if bar.get_y() < y)
        for y in (0.5, 1.5)
    )

    hops = results.timelines
    means = (hops["ready"] - hops["applied"]).groupby(hops["policy"]).mean()
    assert frame.groupby("policy")["mean_s"].sum().to_dict() == pytest.approx(
        means.to_dict()
    )
    assert max(ends) == pytest.approx(means.max())


def test_every_hop_looks_different():
    """No two hops share colour and hatching."""
    fills = [tuple(hop_breakdown._fill(hop).values()) for hop in hop_breakdown.SHOWN]

    assert len({str(fill) for fill in fills}) == len(HOPS) - 2

"""Throughput, saturation, recovery and API latency show what they say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from report.fabricated import FAULT, Fabricated, fabricate

from schedbench.metrics.timelines import CALL_SLO
from schedbench.report import style, timelines, views
from schedbench.report.end_to_end import end_to_end
from schedbench.report.plots import (
    api_latency,
    control_plane_load,
    fault_recovery,
    saturation,
    startup_throughput,
)

SIZES = {"web-services": {"100": 100, "500": 500}, "gpu-sharing": {"9": 9}}


@pytest.fixture
def results() -> Fabricated:
    return fabricate(2, 2, SIZES)


@pytest.mark.parametrize(
    ("plot", "table"),
    [
        (startup_throughput, "timelines"),
        (saturation, "timelines"),
        (fault_recovery, "faults"),
        (fault_recovery, "load"),
        (api_latency, "calls"),
        (control_plane_load, "load"),
    ],
)
def test_a_replay_has_nothing_to_show(plot, table, results):
    """Without the table that a plot is of, it is left out."""
    setattr(results, table, getattr(results, table).head(0))

    assert plot.data(results) is None


def test_every_pod_is_in_one_window(results):
    """Rates times windows are the pods applied, and those ready, of a seed."""
    frame = startup_throughput.data(results)
    found = startup_throughput.table(frame[frame["scenario"] == "gpu-sharing"])
    here = results.timelines[results.timelines["scenario"] == "gpu-sharing"]
    counts = here.groupby("policy", sort=False)[["applied", "ready"]].count() / 2

    assert np.allclose(found["applied (pods)"], counts["applied"])
    assert np.allclose(found["ready (pods)"], counts["ready"])


def test_a_burst_does_not_flatten_the_lines(results):
    """Where pods come all at once, the grey is cut and its peak told."""
    results.timelines["applied"] = 0.0
    frame = startup_throughput.data(results)
    group = views.largest(results)[0]
    part = views.of(views.arrange(frame, results), group)
    with style.paper():
        (axis,) = startup_throughput.draw(part).axes

    assert axis.get_ylim()[1] < 4 * part["ready"].max()
    assert "applied: up to" in axis.texts[0].get_text()


def test_one_rate_has_no_saturation(results):
    """Scenarios of one size are left out."""
    assert set(saturation.data(results)["scenario"]) == {"web-services"}

    results.timelines = results.timelines[results.timelines["size"] != "500"]

    assert saturation.data(results) is None


def test_what_is_offered_but_not_achieved_is_saturated(results):
    """The larger size offers more than the scheduler decides."""
    frame = saturation.data(results)
    large = frame[frame["size"] == "500"]

    assert large["saturated"].all()
    assert (large["achieved"] < large["offered"]).all()


def test_a_fault_is_shaded_while_it_lasts(results):
    """In the course and in the rows beneath it."""
    frame = fault_recovery.data(results)
    part = views.of(views.arrange(frame, results), views.largest(results)[1])
    with style.paper():
        above, below = fault_recovery.draw(part).axes
    divisor = views.clock(part["at"].max())[0]

    for axis in (above, below):
        (span,) = axis.patches
        ends = (span.get_x(), span.get_x() + span.get_width())
        assert ends == pytest.approx(tuple(at / divisor for at in FAULT))


def test_recovery_is_marked_where_it_is_and_never_at_the_end(results):
    """A line reaches to the mean recovery; one that never comes to the last second."""
    lost = results.faults["policy"] == "least-allocated"
    results.faults.loc[lost & (results.faults["what"] == "begin"), "recovery_s"] = (
        math.inf
    )
    frame = views.arrange(fault_recovery.data(results), results)
    part = views.of(frame, views.largest(results)[1])
    with style.paper():
        _, below = fault_recovery.draw(part).axes
    divisor, _ = views.clock(part["at"].max())
    known, never = (line.get_xdata()[-1] for line in below.lines)
    told = fault_recovery.table(part).set_index("policy")["recovery (s)"]

    assert known == pytest.approx((FAULT[0] + told["kube-scheduler"]) / divisor)
    assert never == pytest.approx(part["at"].max() / divisor)
    assert told["least-allocated"] == math.inf


def test_a_fault_that_never_ends_is_shaded_to_the_last_second(results):
    """Without an end in the table there is none."""
    results.faults = results.faults[results.faults["what"] == "begin"]
    frame = views.arrange(fault_recovery.data(results), results)
    part = views.of(frame, views.largest(results)[1])
    with style.paper():
        above, _ = fault_recovery.draw(part).axes
    (span,) = above.patches

    assert span.get_x() + span.get_width() == pytest.approx(above.get_xlim()[1])


def test_the_limit_stands_where_calls_change_something(results):
    """The SLO of mutating calls is not drawn among the reading ones."""
    frame = views.arrange(api_latency.data(results), results)
    part = views.of(frame, views.largest(results)[0])
    with style.paper():
        mutating, reading = api_latency.draw(part).axes

    def limits(axis):
        return [one for one in axis.lines if list(one.get_xdata()) == [CALL_SLO] * 2]

    assert (len(limits(mutating)), len(limits(reading))) == (1, 0)


def test_calls_are_listed_slowest_first(results):
    """By the 99th percentile of any policy."""
    frame = views.arrange(api_latency.data(results), results)
    part = views.of(frame, views.largest(results)[0])
    with style.paper():
        mutating, _ = api_latency.draw(part).axes
    changing = part[part["mutating"]]
    slowest = changing.loc[changing["p99_s"].idxmax()]

    assert (
        mutating.get_yticklabels()[0].get_text()
        == f"{slowest['verb']} {slowest['kind']}"
    )


def test_rates_on_the_grid_lose_no_call():
    """Means between points of the grid add up to the samples' counts."""
    rng = np.random.default_rng(1)
    at, rate = np.cumsum(rng.uniform(0.5, 9, 40)), rng.uniform(0, 50, 40)
    grid = np.linspace(0, at[-1], 121)
    found = timelines._rates(at, rate, grid)
    counts = rate * np.diff(at, prepend=0)

    assert (found[1:] * np.diff(grid)).sum() == pytest.approx(counts.sum())


def test_rates_before_the_workload_do_not_count():
    """Of samples from -2 s on those after 0 are drawn."""
    at, rate = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([99.0, 99, 99, 4, 6])

    assert timelines._rates(at, rate, np.array([0.0, 1, 2])).tolist() == [0, 4, 6]


def test_a_rate_after_a_pause_is_that_of_the_pause():
    """A sample tells of the time since the one before it, not of the time after."""
    samples = pd.DataFrame({
        "scenario": "gpu-sharing", "size": "9", "policy": "p", "seed": 1,
        "time": [1.0, 101.0, 102.0], "rate_x": [50.0, 0.0, 20.0],
    })  # fmt: skip
    frame = timelines.over_seeds(fabricate(1, 1, SIZES), ["rate_x"], samples)
    course = frame.set_index("at")["mean"]

    assert course[course.index.to_series().between(3, 100)].max() == 0


def test_objectives_are_judged_in_the_worst_seed(results):
    """A policy that misses an objective in one seed misses it."""
    calls = results.calls
    here = (calls["scenario"] == "gpu-sharing") & (calls["policy"] == "kube-scheduler")
    calls.loc[here, ["p50_s", "p90_s", "p99_s", "max_s"]] = 0.5
    slow = here & (calls["seed"] == 2) & (calls["verb"] == "bind")
    calls.loc[slow, ["p99_s", "max_s"]] = 1.25
    texts = [
        [entry.text.replace("\N{NO-BREAK SPACE}", " ") for entry in row.entries]
        for row in end_to_end(results).objectives.rows
    ]
    found = [
        row[3:]
        for row in texts
        if row[:3] == ["kube-scheduler", "gpu-sharing", "mutating calls p99"]
    ]

    assert found == [["1.25", "1", "✗ missed", "bind Pod"]]


def test_hops_are_listed_for_each_policy(results):
    """A row a hop and policy, the whole way last."""
    tables = end_to_end(results).hops
    rows = [[entry.text for entry in row.entries[:2]] for row in tables[0][1].rows]

    assert [group.label for group, _ in tables] == ["web-services · 500", "gpu-sharing"]
    assert len(rows) == 2 * 12
    assert rows[-2:] == [["total", "kube-scheduler"], ["total", "least-allocated"]]


def test_a_replay_has_no_section(results):
    """Without timelines there is nothing end to end."""
    results.timelines = results.timelines.head(0)

    assert end_to_end(results) is None

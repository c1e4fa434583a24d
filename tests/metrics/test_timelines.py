"""Latencies, throughput, recovery and SLO verdicts from hops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.metrics import timelines as t


def frame_of(pods: dict[str, dict[str, float]]) -> pd.DataFrame:
    rows = [(uid, hop, at) for uid, hops in pods.items() for hop, at in hops.items()]
    return pd.DataFrame(rows[::-1], columns=["uid", "hop", "time"])


def steady(times: list[float], takes: float = 1.0) -> pd.DataFrame:
    """Pods that are ready `takes` seconds after they were applied."""
    pods = {f"p{n}": {"applied": at, "ready": at + takes} for n, at in enumerate(times)}
    return frame_of(pods)


WHOLE = {hop: float(number) for number, hop in enumerate(t.HOPS)}


def test_a_hop_lasts_since_the_hop_before_it():
    """Every one of eleven hops a second apart took a second; the whole way ten."""
    found = t.latencies(frame_of({"p": WHOLE})).set_index("hop")

    assert list(found.index) == [*t.HOPS[1:], "total"]
    assert (found.loc[t.HOPS[1] : t.HOPS[-1], "p50_s"] == 1.0).all()
    assert found.loc["total", "p99_s"] == 10.0


def test_a_hop_that_a_pod_did_not_make_takes_no_time():
    """A static pod goes from applied to the kubelet; that hop takes all the time."""
    found = t.durations(t.by_pod(frame_of({"p": {"applied": 1, "seen_by_kubelet": 4}})))

    assert found.loc["p"].dropna().to_dict() == {"seen_by_kubelet": 3.0}


def test_the_first_time_of_a_hop_counts():
    """A container that is restarted has started before."""
    frame = pd.concat([frame_of({"p": WHOLE}), frame_of({"p": {"started": 99.0}})])

    assert t.by_pod(frame).loc["p", "started"] == WHOLE["started"]


def test_a_column_a_hop_says_the_same():
    """A frame of one row a pod gives the same latencies, whatever else it holds."""
    long = frame_of({"p": WHOLE, "q": {"applied": 0.5, "bound": 2.0}})
    wide = t.by_pod(long).reset_index().assign(name="p")

    pd.testing.assert_frame_equal(t.latencies(wide), t.latencies(long))


def test_percentiles_are_over_the_pods_that_got_there():
    """Of 100 pods ready after 1 to 100 s and one never ready, the median is 50.5 s."""
    pods = {f"p{n}": {"applied": 0.0, "ready": float(n)} for n in range(1, 101)}
    found = t.latencies(frame_of({**pods, "stuck": {"applied": 0.0}})).iloc[-1]

    assert found["pods"] == 100
    assert [found["p50_s"], found["p90_s"]] == pytest.approx([50.5, 90.1])
    assert found["p99_s"] == pytest.approx(99.01)


@given(
    st.lists(
        st.lists(st.floats(0, 100), min_size=len(t.HOPS), max_size=len(t.HOPS)),
        min_size=1,
        max_size=5,
    )
)
def test_the_breakdown_adds_up_to_the_mean_startup(ways: list[list[float]]):
    """Whatever the hops, their means sum to the mean from applied to ready."""
    pods = {
        f"p{number}": dict(zip(t.HOPS, np.cumsum(way).tolist(), strict=True))
        for number, way in enumerate(ways)
    }
    frame = frame_of(pods)
    found = t.breakdown(frame)

    assert found["mean_s"].sum() == pytest.approx(t.startup(t.by_pod(frame)).mean())
    assert list(found["hop"]) == list(t.HOPS[1:11])


def test_the_breakdown_leaves_out_pods_that_are_under_way():
    """Only pods that are ready count, and each hop's share is told."""
    done = {"applied": 0.0, "bound": 1.0, "ready": 4.0}
    found = t.breakdown(frame_of({"p": done, "q": {"applied": 0.0, "bound": 50.0}}))

    told = found.set_index("hop").query("mean_s > 0")
    assert told["mean_s"].to_dict() == {"bound": 1.0, "ready": 3.0}
    assert told["share"].to_dict() == {"bound": 0.25, "ready": 0.75}


def test_throughput_counts_arrivals_and_completions_in_windows():
    """Rates are pods a second, whatever the width of the window."""
    found = t.throughput(steady([0.0, 0.5, 1.0, 3.5], takes=2.0), width=2.0)

    assert found["time"].tolist() == [0.0, 2.0, 4.0]
    assert found["arrived"].tolist() == [1.5, 0.5, 0.0]
    assert found["done"].tolist() == [0.0, 1.5, 0.5]


def test_pulls_and_readiness_are_not_part_of_the_startup_slo():
    """A pod that pulls for a minute and warms up for one starts within 5 s still.

    sig-scalability/slos/pod_startup_latency.md excludes pulls and readiness checks.
    """
    hops = {"applied": 0, "sandbox": 2, "pulled": 62, "started": 63, "ready": 123}
    found = t.startup_slo(frame_of({"p": hops}))

    assert found.value == 3.0
    assert found.passed is True


def test_the_startup_slo_is_missed_by_the_99th_percentile():
    """Two slow pods of a hundred miss it, one does not."""
    quick = {f"p{n}": {"applied": 0.0, "started": 1.0} for n in range(98)}
    slow = {"applied": 0.0, "started": 9.0}

    assert t.startup_slo(frame_of({**quick, "a": slow, "b": slow})).passed is False
    assert (
        t.startup_slo(frame_of({**quick, "c": quick["p0"], "a": slow})).passed is True
    )


def test_nothing_measured_is_neither_kept_nor_missed():
    """Without a started pod there is no verdict."""
    assert t.startup_slo(frame_of({"p": {"applied": 0.0}})).passed is None


def unready(
    frame: pd.DataFrame, gone: dict[str, float] | None = None
) -> list[tuple[float, int]]:
    """Return when the number of pods that are applied but not ready changes, and to."""
    pods = t.by_pod(frame)
    out = pods["ready"].fillna(pd.Series(gone or {}, dtype=float))
    steps = [(time, 1) for time in pods["applied"]]
    steps += [(time, -1) for time in out.dropna()]
    found, count = {}, 0
    for time, change in sorted(steps):
        count += change
        found[time] = count
    return list(found.items())


def churn(stall: tuple[float, float]) -> pd.DataFrame:
    """A pod every second, each ready after half one; none ready during the stall."""
    begin, end = stall
    pods = {}
    for at in range(300):
        ready = at + 0.5
        pods[f"p{at}"] = {
            "applied": float(at),
            "ready": end + 0.5 if begin <= ready < end else ready,
        }
    return frame_of(pods)


def test_recovery_is_from_the_fault_until_the_backlog_is_gone():
    """Pods stall from 100 to 130 s: recovered half a second after."""
    assert t.recovery(unready(churn((100.0, 130.0))), 100.0) == 30.5


def test_a_fault_without_effect_needs_no_recovery():
    """The backlog of the steady churn is the usual one."""
    assert t.recovery(unready(churn((0.0, 0.0))), 100.0) == 0.0


def test_what_never_gets_ready_never_recovers():
    """A pod that stays unready keeps the recovery open, unless it is deleted."""
    stuck = frame_of({"a": {"applied": 100.2}, "b": {"applied": 100.3}})
    frame = pd.concat([churn((0.0, 0.0)), stuck])
    gone = {"a": 110.6, "b": 110.6}

    assert t.recovery(unready(frame), 100.0) == math.inf
    assert t.recovery(unready(frame, gone), 100.0) == pytest.approx(10.6)


def test_a_relapse_soon_after_belongs_to_the_recovery():
    """Less than `hold` seconds between two stalls do not count as recovered."""
    first, second = churn((100.0, 110.0)), churn((120.0, 130.0))
    later = t.by_pod(second)["ready"] > 119
    frame = pd.concat(
        [
            first[~first["uid"].isin(later[later].index)],
            second[second["uid"].isin(later[later].index)],
        ]
    )

    assert t.recovery(unready(frame), 100.0, hold=30.0) == 30.5
    assert t.recovery(unready(frame), 100.0, hold=5.0) == 10.5


def test_the_next_fault_has_its_own_recovery():
    """What goes wrong after another fault has begun is not counted twice."""
    steps = unready(churn((150.0, 170.0)))

    assert t.recovery(steps, 100.0, another=140.0) == 0.0
    assert t.recovery(steps, 140.0) == 30.5


def test_a_common_delay_is_no_saturation():
    """Ten pods a second, each ready after a minute, are ten pods a second."""
    runs = {"light": steady([n / 10 for n in range(100)], takes=60.0)}
    (row,) = t.saturation(runs).to_dict("records")

    assert row["offered"] == pytest.approx(10.0)
    assert row["achieved"] == pytest.approx(10.0)
    assert not row["saturated"]


def test_what_falls_behind_is_saturated():
    """Pods that come at 10 a second and get ready at 5, or not at all, are too many."""
    slow = {f"p{n}": {"applied": n / 10, "ready": n / 5 + 1} for n in range(100)}
    lost = {f"p{n}": {"applied": n / 10} for n in range(100)}
    found = t.saturation({"slow": frame_of(slow), "lost": frame_of(lost)})

    assert found["saturated"].tolist() == [True, True]
    assert found["achieved"].tolist() == pytest.approx([5.0, 0.0])

"""Metrics of runs played end to end, from tables small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.metrics import calls as api
from schedbench.metrics.course import Course
from schedbench.metrics.evaluate import evaluate_end_to_end
from schedbench.simulation.timeline import HOPS

NO_FAULTS = pd.DataFrame(
    columns=["time", "fault", "kind", "what", "targets", "recovery_s"]
)


def pod(name: str = "p", **times: float) -> dict[str, object]:
    """A pod with the times of its hops; `deleted`, `phase` and `uid` as well."""
    plain = {"namespace": "ns", "name": name, "node": "n", "phase": "Running"}
    hops = dict.fromkeys((*HOPS, "deleted"), math.nan)
    return {"uid": f"{name}-{times.get('applied')}", **plain, **hops, **times}


def calls(*rows: tuple[str, str, int, int, float]) -> pd.DataFrame:
    """Rows of verb, kind, code, count and p99; the median is a tenth of it."""
    names = ["verb", "kind", "code", "count", "p50_s", "p90_s", "p99_s", "max_s"]
    full = [(*row[:4], row[4] / 10, row[4] / 2, row[4], row[4] * 2) for row in rows]
    return pd.DataFrame(full, columns=names)


def faults(*recoveries: float, every: float = 10.0) -> pd.DataFrame:
    rows = []
    for number, seconds in enumerate(recoveries, 1):
        common = {"fault": number - 1, "kind": "node-crash", "targets": "n"}
        begin = {"time": number * every, "what": "begin", "recovery_s": seconds}
        end = {"time": number * every + 5, "what": "end", "recovery_s": math.nan}
        rows += [common | begin, common | end]
    return pd.DataFrame(rows)


def course(*pods, calls=None, load=None, faults=NO_FAULTS) -> Course:
    timelines = pd.DataFrame(pods or [pod()])
    none = pd.DataFrame(columns=["verb", "kind", "count", *api.STEPS])
    load = pd.DataFrame(load or {"time": [], "depth_unready": []})
    return Course(timelines, none if calls is None else calls, load, faults)


def test_pods_are_counted_by_what_became_of_them():
    """Pods that are gone or ran to completion are not missed; a pending one is."""
    found = evaluate_end_to_end(
        course(
            pod("a", applied=0.0, ready=2.0),
            pod("b", applied=1.0, ready=5.0),
            pod("c", applied=1.0, deleted=3.0),
            pod("d", applied=1.0, phase="Succeeded"),
            pod("e", applied=1.0, phase="Pending"),
        )
    )

    assert (found["pods_ready"], found["pods_never_ready"]) == (2, 1)
    assert found["pod_startup_p50_s"] == 3.0
    assert found["pod_startup_p99_s"] == pytest.approx(3.98)
    assert found["time_to_ready_all_s"] is None


def test_a_rollout_takes_from_the_first_applied_to_the_last_ready():
    """Three pods are ready at 2, 3 and 4 s: one a second, four seconds in all."""
    pods = [pod(str(n), applied=float(n), ready=2.0 + n) for n in range(3)]
    found = evaluate_end_to_end(course(*pods))

    assert found["time_to_ready_all_s"] == 4.0
    assert found["achieved_rate"] == 1.0


def test_pods_of_the_cluster_itself_do_not_count():
    """What was applied before time 0 came up with the cluster."""
    system = [pod("dns", applied=-30.0, ready=-9.0), pod("proxy", applied=-30.0)]
    found = evaluate_end_to_end(course(*system, pod("a", applied=1.0, ready=3.0)))

    assert (found["pods_ready"], found["pods_never_ready"]) == (1, 0)
    assert found["time_to_ready_all_s"] == found["pod_startup_p99_s"] == 2.0


def test_pulls_do_not_count_for_the_objective():
    """Of six seconds until started four were a pull."""
    found = evaluate_end_to_end(
        course(pod(applied=0.0, sandbox=1.0, pulled=5.0, started=6.0, ready=9.0))
    )

    assert found["pod_startup_slo_s"] == 2.0


def test_nothing_happened_is_no_value():
    """Without a ready pod, a call or a fault nothing is defined but the counts."""
    found = evaluate_end_to_end(course())
    counts = {"pods_ready": 0, "pods_never_ready": 0, "pods_doubled": 0}

    assert {name: v for name, v in found.items() if v is not None} == counts


def test_pods_ready_at_once_have_no_rate():
    """A rate over no time is none."""
    pods = [pod(str(n), applied=0.0, ready=2.0) for n in range(3)]

    assert evaluate_end_to_end(course(*pods))["achieved_rate"] is None


def test_the_slowest_verb_and_kind_is_told():
    """Reads do not count, however slow they are."""
    found = api.calls_slo(
        calls(
            ("list", "Pod", 200, 10, 20.0),
            ("create", "Pod", 201, 100, 0.2),
            ("update", "Node", 200, 10, 1.5),
            ("watch", "Node", 200, 10, math.nan),
        )
    )

    assert (found.worst, found.value, found.passed) == ("update Node", 1.5, False)
    assert api.calls_slo(calls(("get", "Pod", 200, 1, 9.0))).passed is None


def test_a_few_slow_refusals_do_not_make_a_verb_slow():
    """Codes of a verb and kind are put together by how many calls they are."""
    many = calls(("bind", "Pod", 201, 9_990, 0.1), ("bind", "Pod", 409, 10, 5.0))
    few = calls(("bind", "Pod", 201, 90, 0.1), ("bind", "Pod", 409, 10, 5.0))

    assert api.calls_slo(many).value == pytest.approx(0.2)
    assert api.calls_slo(few).value == 2.5


@given(st.lists(st.lists(st.floats(0.001, 100), min_size=1), min_size=1, max_size=4))
def test_percentiles_put_together_are_never_too_small(groups):
    """By every percentile at least its share of all calls was answered."""
    rows = []
    for code, seconds in enumerate(groups):
        found = np.percentile(seconds, [50, 90, 99, 100], method="inverted_cdf")
        row = {"verb": "create", "kind": "Pod", "code": code, "count": len(seconds)}
        rows.append(row | dict(zip(api.STEPS, found, strict=True)))
    (merged,) = api.by_pair(pd.DataFrame(rows)).to_dict("records")
    everything = sorted(second for seconds in groups for second in seconds)

    for name, level in api.LEVELS.items():
        within = sum(second <= merged[name] for second in everything)
        assert within >= level * len(everything) - 1e-6
    if len(groups) == 1:
        assert all(merged[name] == rows[0][name] for name in api.STEPS)


def test_the_worst_fault_is_told():
    """Of 3 and 8 seconds it is 8."""
    found = evaluate_end_to_end(course(faults=faults(3.0, 8.0)))

    assert (found["recovery_s"], found["faults_unrecovered"]) == (8.0, 0)


def test_a_fault_without_recovery_has_no_time():
    """It is counted instead."""
    found = evaluate_end_to_end(course(faults=faults(3.0, math.inf)))

    assert (found["recovery_s"], found["faults_unrecovered"]) == (None, 1)


@pytest.mark.parametrize(
    ("unready", "lost"),
    [
        pytest.param([2, 2, 9, 5], 3, id="three more than before"),
        pytest.param([2, 2, 9, 1], 0, id="fewer than before"),
    ],
)
def test_lost_pods_are_those_unready_at_the_end(unready, lost):
    """Compared with the last sample before the first fault, at 10 s."""
    load = {"time": [0.0, 9.0, 11.0, 20.0], "depth_unready": unready}
    found = evaluate_end_to_end(course(load=load, faults=faults(3.0)))

    assert found["pods_lost"] == lost


@pytest.mark.parametrize(
    ("gone", "doubled"),
    [
        pytest.param(4.0, 0, id="the first is gone before the second starts"),
        pytest.param(6.0, 1, id="the first runs on"),
        pytest.param(math.nan, 1, id="the first is still there"),
    ],
)
def test_an_identity_that_runs_twice_is_told(gone, doubled):
    """The second pod of the name starts at 5 s; one of another name is no matter."""
    found = evaluate_end_to_end(
        course(
            pod("web-0", applied=0.0, started=1.0, deleted=gone),
            pod("web-0", applied=3.0, started=5.0),
            pod("web-1", applied=0.0, started=1.0),
        )
    )

    assert found["pods_doubled"] == doubled


def test_unserved_requests_are_weighed_by_time():
    """10 of 100 a second for 2 s, then none of 50 for 8 s: 20 of 600."""
    load = {
        "time": [0.0, 2.0, 10.0],
        "depth_unready": [0, 0, 0],
        "rate_requests": [math.nan, 100.0, 50.0],
        "rate_unserved": [math.nan, 10.0, 0.0],
    }

    assert evaluate_end_to_end(course(load=load))["requests_unserved"] == (
        pytest.approx(20 / 600)
    )
    assert evaluate_end_to_end(course())["requests_unserved"] is None

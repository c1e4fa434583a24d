"""Metrics of random runs against a walk through the log, one event at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.metrics.allocation import dominant
from schedbench.metrics.counts import occupied
from schedbench.metrics.evaluate import evaluate
from schedbench.metrics.fragmentation import stranded
from schedbench.metrics.series import node_fill, samples

CPU = (1, 2, 3, 8)
CORES = (4, 8, 16)


@st.composite
def logs(draw):
    """Draw node sizes, pod sizes and a coherent log of times and moves."""
    nodes = draw(st.lists(st.sampled_from(CORES), min_size=1, max_size=4))
    pods = draw(st.lists(st.sampled_from(CPU), min_size=1, max_size=6))
    time, entries, place, arrived = 0.0, [], {}, set()
    for _ in range(draw(st.integers(0, 25))):
        time += draw(st.sampled_from([0.0, 0.0, 1.0, 2.5]))
        pod = draw(st.integers(0, len(pods) - 1))
        if pod not in arrived:
            arrived.add(pod)
            place[pod] = None
            entries.append((time, "ARRIVE", pod))
        elif pod not in place:
            continue
        elif place[pod] is None:
            move = draw(st.sampled_from(["BIND", "BIND", "UNSCHEDULABLE", "DELETE"]))
            if move == "BIND":
                place[pod] = draw(st.integers(0, len(nodes) - 1))
                entries.append((time, move, pod, place[pod]))
            else:
                entries.append((time, move, pod))
                if move == "DELETE":
                    del place[pod]
        else:
            move = draw(st.sampled_from(["FINISH", "DELETE", "EVICT"]))
            entries.append((time, move, pod, place[pod]))
            if move == "EVICT":
                place[pod] = None
            else:
                del place[pod]
    return nodes, pods, entries


def walk(nodes, pods, entries):
    """Yield, for each prefix of the log, where pods are (None = waiting)."""
    place = {}
    yield dict(place)
    for entry in entries:
        kind, pod = entry[1:3]
        if kind in {"ARRIVE", "EVICT"}:
            place[pod] = None
        elif kind == "BIND":
            place[pod] = entry[3]
        elif kind in {"FINISH", "DELETE"}:
            place.pop(pod)
        yield dict(place)


def used(nodes, pods, place):
    """Add up the cores of the pods on each node."""
    return [
        sum(pods[pod] for pod, where in place.items() if where == node)
        for node in range(len(nodes))
    ]


def naive_stranded(nodes, pods, place):
    """Average, over pods, the share of free cores on nodes too small for the pod."""
    free = [
        max(size - load, 0)
        for size, load in zip(nodes, used(nodes, pods, place), strict=True)
    ]
    room = [
        size - load for size, load in zip(nodes, used(nodes, pods, place), strict=True)
    ]
    if sum(free) == 0:
        return 0.0
    lost = [
        sum(f for f, r in zip(free, room, strict=True) if r < pod) / sum(free)
        for pod in pods
    ]
    return sum(lost) / len(lost)


def build(make, nodes, pods, entries):
    """Turn a drawn log into a timeline; memory and pod limits never bind."""
    arrival = np.zeros(len(pods))
    return make.timeline(
        [make.node(f"n{i}", cpu=c, memory=99, pods=99) for i, c in enumerate(nodes)],
        [make.pod(cpu=c, memory=0) for c in pods],
        *entries,
        arrival=arrival,
    )


@given(logs())
def test_steps_equal_the_walk(make, log):
    """Waiting, running, used nodes, allocation and stranded capacity."""
    nodes, pods, entries = log
    line = build(make, nodes, pods, entries)
    states = list(walk(nodes, pods, entries))

    waiting = [sum(v is None for v in s.values()) for s in states]
    running = [sum(v is not None for v in s.values()) for s in states]
    loads = [used(nodes, pods, state) for state in states]
    lost = [naive_stranded(nodes, pods, state) for state in states]
    assert line.waiting.tolist() == waiting
    assert line.running.tolist() == running
    assert occupied(line).tolist() == [sum(x > 0 for x in load) for load in loads]
    assert line.total(line.states.used[0]).tolist() == [1000 * sum(x) for x in loads]
    assert stranded(line, "cpu").tolist() == pytest.approx(lost, abs=1e-12)


@given(logs())
def test_means_equal_the_walk(make, log):
    """Each state weighs as long as it lasts; without time the last one counts."""
    nodes, pods, entries = log
    line = build(make, nodes, pods, entries)
    found = evaluate(line)
    share = [sum(used(nodes, pods, s)) / sum(nodes) for s in walk(nodes, pods, entries)]
    times = [0.0, *(entry[0] for entry in entries)]
    times.append(times[-1])
    spans = np.diff(times)
    timeless = len({entry[0] for entry in entries}) <= 1
    expected = share[-1] if timeless else float(spans @ share) / times[-1]

    assert found["allocation_cpu_mean"] == pytest.approx(expected)
    assert found["allocation_cpu_final"] == pytest.approx(share[-1])


@given(logs())
@settings(max_examples=20)
def test_tables_equal_the_walk(make, log):
    """The last sample and the last column of node fill are the final state."""
    nodes, pods, entries = log
    line = build(make, nodes, pods, entries)
    last = list(walk(nodes, pods, entries))[-1]
    load = used(nodes, pods, last)
    frame = samples(line, points=7)
    fill = node_fill(line, times=7)["fill"].to_numpy()

    full = [min(x / size, 1.0) for x, size in zip(load, nodes, strict=True)]
    counts = [sum(v == n for v in last.values()) / 99 for n in range(len(nodes))]
    assert frame["nodes_used"].iloc[-1] == sum(x > 0 for x in load)
    assert fill[-len(nodes) :] == pytest.approx(np.maximum(full, counts))
    assert dominant(line).max() <= 1.0

"""Fragmentation against a naive twin, hand-made cases and published values."""

from __future__ import annotations

import csv
import gzip
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.cluster.typical import TypicalPods, typical_pods
from schedbench.metrics.fragmentation import (
    NodeGpus,
    fragmentation_f,
    fragmentation_gpu,
    fragmentation_gpu_mean,
    fragmentation_gpu_step,
    fragmentation_stranded,
    fragments,
    stranded,
)
from schedbench.metrics.typical import QUANTILES, quantile_pods
from schedbench.metrics.validator import validate
from schedbench.simulation.record import EventKind


class Typical(NamedTuple):
    """One typical pod, as the paper writes it."""

    cpu: int
    milli: int
    count: int
    share: float
    models: str


def naive_f(cpu, devices, model, pods):
    """F of one node: the seven classes of the paper, one pod at a time."""
    sums = dict.fromkeys(("Q1", "Q2", "Q3", "Q4", "XL", "XR", "NA"), 0.0)
    for pod in pods:
        free = sum(devices)
        if pod.milli == 0:
            sums["XL" if cpu >= pod.cpu else "XR"] += pod.share * free
        elif pod.models and model not in pod.models.split("|"):
            sums["NA"] += pod.share * free
        elif len([g for g in devices if g >= pod.milli]) >= pod.count:
            if cpu >= pod.cpu:
                slivers = sum(g for g in devices if g < pod.milli)
                sums["Q2"] += pod.share * slivers
                sums["Q3"] += pod.share * (free - slivers)
            else:
                sums["Q4"] += pod.share * free
        else:
            sums["Q2" if cpu >= pod.cpu else "Q1"] += pod.share * free
    return sum(sums[name] for name in ("Q1", "Q2", "Q4", "XL", "XR", "NA"))


def columns(pods):
    """Turn typical pods into columns."""
    cpu, milli, count, share, models = zip(*pods, strict=True)
    return TypicalPods(
        np.array(cpu), np.array(milli), np.array(count), np.array(share), models
    )


typical_lists = st.lists(
    st.one_of(
        st.builds(
            Typical,
            st.integers(0, 9),
            st.integers(1, 999),
            st.just(1),
            st.floats(0, 1),
            st.sampled_from(["", "A", "A|B", "C"]),
        ),
        st.builds(
            Typical,
            st.integers(0, 9),
            st.just(1000),
            st.integers(1, 4),
            st.floats(0, 1),
            st.sampled_from(["", "B"]),
        ),
        st.builds(
            Typical,
            st.integers(0, 9),
            st.just(0),
            st.just(0),
            st.floats(0, 1),
            st.just(""),
        ),
    ),
    min_size=1,
    max_size=6,
)
node_lists = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.lists(st.integers(0, 1000), max_size=4),
        st.sampled_from(["", "A", "B"]),
    ),
    min_size=1,
    max_size=5,
)


@given(node_lists, typical_lists)
def test_f_equals_its_naive_twin_to_the_bit(nodes, pods):
    """Same classes, same order of accumulation: equal, not just close."""
    gpu_free = np.full((4, len(nodes)), -1)
    for slot, (_, devices, _) in enumerate(nodes):
        gpu_free[: len(devices), slot] = devices
    models = np.array(["", "A", "B"])
    found = fragmentation_f(
        NodeGpus(
            np.array([cpu for cpu, _, _ in nodes]),
            gpu_free,
            np.array([models.tolist().index(model) for _, _, model in nodes]),
            models,
        ),
        columns(pods),
    )

    assert found.tolist() == [naive_f(*node, pods) for node in nodes]


def openb(shared, name="default"):
    """Read the nodes and the typical pods of the openb trace."""
    folder = shared / "traces" / "openb"
    with (folder / "nodes" / "openb_node_list_gpu_node.csv").open() as file:
        nodes = list(csv.DictReader(file))
    with (folder / "typical_pods" / f"typical_{name}.csv").open() as file:
        pods = [
            Typical(
                int(row["cpu_milli"]),
                int(row["gpu_milli"]),
                int(row["num_gpu"]),
                float(row["popularity"]),
                row["gpu_spec"],
            )
            for row in csv.DictReader(file)
        ]
    return nodes, pods


def test_f_of_the_empty_openb_cluster_is_the_published_one(shared):
    """866232.55 of 6 212 000 milli-GPU."""
    nodes, pods = openb(shared)
    gpus = np.array([int(node["gpu"]) for node in nodes])
    names, model = np.unique([node["model"] for node in nodes], return_inverse=True)
    found = fragmentation_f(
        NodeGpus(
            np.array([int(node["cpu_milli"]) for node in nodes]),
            np.where(np.arange(8)[:, None] < gpus, 1000, -1),
            model,
            names,
        ),
        columns(pods),
    )

    assert gpus.sum() * 1000 == 6_212_000
    assert round(float(found.sum()), 2) == 866232.55


@pytest.mark.parametrize("name", ["default", "cpu050", "gpuspec10", "multigpu20"])
def test_typical_pods_of_openb_are_the_published_ones(make, shared, name):
    """Same keys in the same order with the same popularity, to the bit."""
    path = shared / "traces" / "openb" / "pods" / f"openb_pod_list_{name}.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    pods = [openb_pod(make, row) for row in rows]
    encoded = make.timeline([make.node("n")], pods).encoded
    found = typical_pods(encoded)

    _, published = openb(shared, name)
    expected = columns(published)
    assert list(zip(*found, strict=True)) == list(zip(*expected, strict=True))


@pytest.mark.parametrize(
    "name", ["default.FGD", "default.BestFit", "default.GpuPacking", "gpuspec10.FGD"]
)
def test_a_run_of_the_published_simulator_has_its_fragmentation(make, shared, name):
    """F after each of 10 866 arrivals, in all printed digits; nothing is violated."""
    line, published = openb_run(make, shared, name)
    lost = fragments(line)
    encoded = line.encoded

    after = np.flatnonzero(np.append(line.record.kind[1:] == EventKind.ARRIVE, True))
    assert np.abs(lost[after + 1] - published).max() <= 0.00501
    assert validate(encoded.workload, line.record, encoded.node_names) == []


def openb_run(make, shared, name):
    """Turn recorded placements into a log; return it and F after each arrival."""
    trace = name.split(".")[0]
    folder = shared / "traces" / "openb"
    rows, typical = openb(shared, trace)
    slots = {row["sn"]: slot for slot, row in enumerate(rows)}
    nodes = [
        make.node(
            row["sn"],
            cpu=f"{row['cpu_milli']}m",
            memory=int(row["memory_mib"]) / 1024,
            pods=1001,
            gpus=int(row["gpu"]),
            model=row["model"],
        )
        for row in rows
    ]
    with (folder / "pods" / f"openb_pod_list_{trace}.csv").open() as file:
        pods = list(csv.DictReader(file))
    templates = [openb_pod(make, row) for row in pods]
    number = {row["name"]: i for i, row in enumerate(pods)}
    with gzip.open(folder / "placements" / f"{name}.s42.csv.gz", "rt") as file:
        steps = list(csv.DictReader(file))
    entries = []
    for pod, step in enumerate(steps):
        entries.append((0, "ARRIVE", pod))
        if step["node"]:
            bits = sum(1 << int(device) for device in step["gpus"].split("-") if device)
            slot = slots[f"openb-node-{step['node']}"]
            entries.append((0, "BIND", pod, slot, bits))
        else:
            entries.append((0, "UNSCHEDULABLE", pod))
    target = [
        (
            make.pod(
                cpu=f"{pod.cpu}m",
                gpu=(pod.count, pod.milli) if pod.count else None,
                models=pod.models,
            ),
            pod.share,
        )
        for pod in typical
    ]
    line = make.timeline(
        nodes,
        templates,
        *entries,
        template=np.array([number[s["pod"].split("-tuned")[0]] for s in steps]),
        typical=target,
    )
    return line, np.array([float(step["frag"]) for step in steps])


def openb_pod(make, row):
    """Make the pod of a row of the openb trace."""
    return make.pod(
        cpu=f"{row['cpu_milli']}m",
        memory=int(row["memory_mib"]) / 1024,
        gpu=(int(row["num_gpu"]), int(row["gpu_milli"]))
        if int(row["num_gpu"])
        else None,
        models=row.get("gpu_spec") or "",
    )


def test_typical_pods_of_the_workload_come_first(make):
    """A workload that brings its target workload is measured against that."""
    typical = make.pod(cpu=2, gpu=(1, 500), models="A")
    encoded = make.timeline(
        [make.node("n")], [make.pod()], typical=[(typical, 1.0)]
    ).encoded

    assert list(zip(*typical_pods(encoded), strict=True)) == [(2000, 500, 1, 1.0, "A")]


def shared_gpus(make):
    """A node of two GPUs, one pod of 600 milli bound to device 0."""
    return make.timeline(
        [make.node("g", cpu=4, gpus=2), make.node("c")],
        [make.pod(cpu=1, gpu=(1, 600)), make.pod(cpu=1, gpu=(1, 600))],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0, 0b01),
        (1, "ARRIVE", 1),
    )


def test_gpu_fragmentation_is_what_the_typical_pod_cannot_use(make):
    """400 milli beside a 600 milli pod are lost, a free device is not."""
    line = shared_gpus(make)

    assert fragmentation_gpu(line) == 400 / 2000
    assert fragmentation_gpu_mean(line) == pytest.approx(400 / 2000)
    assert fragmentation_gpu_step(line).tolist() == [0, 0, 400 / 1400, 400 / 1400]


def test_cluster_without_gpus_has_no_gpu_fragmentation(departures):
    """Not defined, which is not zero."""
    assert fragmentation_gpu(departures) is None
    assert fragmentation_gpu_step(departures) is None


def test_stranded_capacity_is_free_capacity_no_pod_can_reach(make):
    """4 + 1 cores are free; the 1 core is no use to pods of 3."""
    line = make.timeline(
        [make.node("a"), make.node("b")],
        [make.pod(cpu=3)] * 2,
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
    )

    assert stranded(line, "cpu").tolist() == [0, 0, 1 / 5]
    assert fragmentation_stranded(line, "memory") == 7 / 15


def test_stranded_capacity_is_averaged_over_the_pods(make):
    """Half of the pods fit into the one free core."""
    line = make.timeline(
        [make.node("a"), make.node("b")],
        [make.pod(cpu=3), make.pod(cpu=1)],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 0),
    )

    assert fragmentation_stranded(line, "cpu") == 1 / 5 / 2


def test_pod_limit_strands_too(make):
    """A node that may run no more pods has no use for its free CPU."""
    line = make.timeline(
        [make.node("a", pods=1)], [make.pod()], (0, "ARRIVE", 0), (0, "BIND", 0, 0)
    )

    assert fragmentation_stranded(line, "cpu") == 1.0


def test_many_different_pods_are_stood_for_by_quantiles(make):
    """100 sizes become 32 equally weighted ones, in order of size."""
    pods = [make.pod(cpu=f"{10 * i}m", memory=0) for i in range(1, 101)]
    found = quantile_pods(make.timeline([make.node("a")], pods).encoded)

    assert len(found.weight) == QUANTILES
    assert found.weight.sum() == pytest.approx(1.0)
    assert (np.diff(found.vector[:, 0]) > 0).all()
    assert found.vector[[0, -1], 0].tolist() == [20, 990]

"""The openb trace: order, cloning, typical pods, and what a broken file says."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.sources.gpu import GPU_COUNT, GPU_MILLI, GPU_MODEL
from schedbench.sources.traces.openb import load_openb

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn1,8000,1024,2,A\nn0,4000,512,1,\n"
HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"
TIMES = "creation_time,deletion_time,scheduled_time"
PODS = [
    "p0,1000,100,1,500,A|B",
    "p1,2000,100,0,300,A",
    "p2,1000,200,1,1000,",
    "p3,1000,200,1,500,A|B",
]


@pytest.fixture
def data(tmp_path):
    """A folder with two nodes and four pods."""

    def make(pods=PODS, header=HEADER, nodes=NODES):
        for folder in ("nodes", "pods"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "nodes/openb_node_list_gpu_node.csv").write_text(nodes)
        text = "\n".join([header, *pods]) + "\n"
        (tmp_path / "pods/openb_pod_list_default.csv").write_text(text)
        return tmp_path

    return make


@pytest.fixture(scope="module")
def openb(shared):
    """The folder of the real trace."""
    return shared / "traces" / "openb"


def milli(stream):
    """GPU request of each pod."""
    notes = [template.metadata.annotations for template in stream.templates]
    held = [int(n.get(GPU_COUNT, 0)) * int(n.get(GPU_MILLI, 0)) for n in notes]
    return np.array(held)[stream.template]


def test_nodes_have_the_trace_shape(data):
    """Nodes allow 1001 pods and name their devices and model."""
    nodes = {n.metadata.name: n for n in load_openb(data(), "default", 1).nodes}

    assert node_allocatable(nodes["n1"]) == {
        "cpu": 8000,
        "memory": 1 << 30,
        "pods": 1001,
        GPU_COUNT: 2,
    }
    assert nodes["n1"].metadata.labels[GPU_MODEL] == "A"
    assert GPU_MODEL not in nodes["n0"].metadata.labels


def test_untuned_trace_is_the_file(data):
    """With a ratio of 0 the pods come in the order of the file, a second apart."""
    workload = load_openb(data(), "default", 1, tune=0)
    pods = workload.pods

    assert [pods.name(n) for n in range(4)] == [f"default/p{n}" for n in range(4)]
    assert pods.arrival.tolist() == [0, 1, 2, 3]
    assert np.isinf(pods.duration).all()
    assert milli(pods).tolist() == [500, 0, 1000, 500]
    assert pod_requests(pods.templates[0]) == {"cpu": 1000, "memory": 100 << 20}


def test_gpu_fields_of_pods_without_gpu_are_ignored(data):
    """A row with num_gpu 0 asks for no device whatever else it says."""
    pods = load_openb(data(), "default", 1, tune=0).pods

    assert pods.templates[1].metadata.annotations == {}


def test_cloning_stops_at_the_ratio(data):
    """Clones follow the shuffled trace, named after their rows, up to the ratio."""
    pods = load_openb(data(), "default", 5, tune=2).pods
    names = [pods.name(n) for n in range(len(pods))]
    total = milli(pods).sum()

    assert sorted(names[:4]) == [f"default/p{n}" for n in range(4)]
    assert all(f"-tuned-{n}" in name for n, name in enumerate(names[4:]))
    assert 5000 < total <= 6000


def test_dropping_keeps_the_rest_in_order(data):
    """A ratio below the trace's request drops pods until it fits."""
    pods = load_openb(data(), "default", 5, tune=0.3).pods

    assert len(pods) < 4
    assert milli(pods).sum() <= 900


def test_seeds_differ_and_repeat(data):
    """The order is a function of the seed."""
    many = [f"p{n:03d},1000,100,1,500," for n in range(50)]

    def names(seed):
        pods = load_openb(data(many, nodes=NODES), "default", seed, tune=9).pods
        return [pods.name(n) for n in range(len(pods))]

    assert names(1) == names(1)
    assert names(1) != names(2)


def test_typical_pods_cover_95_percent(data):
    """Kinds are ranked by count; ties go to the larger key; memory does not count."""
    typical = load_openb(data(), "default", 1).typical_pods
    shown = [
        (pod_requests(pod)["cpu"], pod.metadata.annotations.get(GPU_MILLI), share)
        for pod, share in typical
    ]

    assert shown == [(1000, "500", 0.5), (2000, None, 0.25), (1000, "1000", 0.25)]


def test_own_times_are_kept(data):
    """With times, pods arrive when created and run as long as they ran."""
    rows = [f"{PODS[0]},5,30,10", f"{PODS[2]},1,9,"]
    pods = load_openb(data(rows, f"{HEADER},{TIMES}"), "default", 1, times=True).pods

    assert [pods.name(0), pods.name(1)] == ["default/p2", "default/p0"]
    assert pods.arrival.tolist() == [1, 5]
    assert pods.duration.tolist() == [np.inf, 20]
    assert pods.deletion.tolist() == [9, np.inf]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        pytest.param(
            ["p0,nan,1,0,0,"],
            HEADER,
            r"default.csv: row 2, column cpu_milli: not a whole number.*'nan'",
            id="NaN",
        ),
        pytest.param(["p0,-1,1,0,0,"], HEADER, "column cpu_milli.*'-1'", id="negative"),
        pytest.param(["p0,1,1.5,0,0,"], HEADER, "memory_mib.*'1.5'", id="fraction"),
        pytest.param(["p0,1,,0,0,"], HEADER, "memory_mib.*''", id="empty cell"),
        pytest.param(["p0,1,1,1,2000,"], HEADER, "gpu_milli.*to 1000", id="too much"),
        pytest.param(["p0,1,1,2,500,"], HEADER, "a part of a device", id="two parts"),
        pytest.param(["p0,1,1,1,0,"], HEADER, "without any of it", id="no part"),
        pytest.param([PODS[0], PODS[0]], HEADER, "row 3.*used twice", id="twins"),
        pytest.param(["p0,1,1"], HEADER, "row 2: 3 cells, expected 6", id="short row"),
        pytest.param(PODS, HEADER.replace("num_gpu", "gpus"), "'num_gpu'", id="column"),
    ],
)
def test_broken_table_is_told_by_row_and_column(data, rows, header, message):
    """A wrong cell is told with file, row, column and value."""
    with pytest.raises(InputError, match=message):
        load_openb(data(rows, header), "default", 1)


def test_unknown_trace_is_suggested(data):
    """A mistyped trace is answered with the nearest one there is."""
    with pytest.raises(InputError, match="did you mean 'default'"):
        load_openb(data(), "defualt", 1)


def test_missing_folder_is_told(tmp_path):
    """A folder without the data says what it should hold."""
    with pytest.raises(InputError, match="holds nodes/ and pods/"):
        load_openb(tmp_path, "default", 1)


def test_times_need_their_columns(data):
    """A list without times cannot be replayed by time."""
    with pytest.raises(InputError, match="missing column 'creation_time'"):
        load_openb(data(), "default", 1, times=True)


@pytest.mark.parametrize(
    ("trace", "arrivals"),
    [
        ("default", 10_866),
        ("cpu050", 9_957),
        ("gpushare40", 11_771),
        ("gpuspec10", 10_866),
        ("multigpu20", 9_456),
    ],
)
def test_published_orders_and_typical_pods(openb, trace, arrivals):
    """Seed 42 has the published number of arrivals, and the exact typical pods."""
    workload = load_openb(openb, trace, 42)
    with (openb / f"typical_pods/typical_{trace}.csv").open() as file:
        expected = [
            (
                int(row["cpu_milli"]),
                row["gpu_milli"] if row["num_gpu"] != "0" else None,
                row["gpu_spec"],
                float(row["popularity"]),
            )
            for row in csv.DictReader(file)
        ]
    actual = [
        (
            pod_requests(pod)["cpu"],
            pod.metadata.annotations.get(GPU_MILLI),
            pod.metadata.annotations.get(GPU_MODEL, ""),
            share,
        )
        for pod, share in workload.typical_pods
    ]

    assert len(workload.nodes) == 1213
    assert len(workload.pods) == arrivals
    assert actual == expected


def test_published_order_equals_the_oracle(openb):
    """Every arrival of seed 42 is the pod of the recorded run, with its request."""
    pods = load_openb(openb, "default", 42).pods
    with gzip.open(openb / "placements/default.FGD.s42.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))

    assert [pods.name(n) for n in range(len(pods))] == [
        f"default/{row['pod']}" for row in rows
    ]
    assert np.cumsum(milli(pods)).tolist() == [int(row["arrived"]) for row in rows]


def test_own_seed_follows_the_protocol(openb):
    """A seed without published order inflates to 1.3 times capacity all the same."""
    workload = load_openb(openb, "default", 7)
    total = milli(workload.pods).sum() / 6_212_000

    assert total == pytest.approx(1.3, abs=0.002)
    assert len(workload.notes) == 2

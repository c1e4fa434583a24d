"""Synthetic nodes and streams of pods: shapes, load, determinism."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.sources.gpu import GPU_COUNT, GPU_MILLI, GPU_MODEL
from schedbench.sources.synthetic.cluster import (
    SyntheticCluster,
    cluster_capacity,
    join_streams,
)
from schedbench.sources.synthetic.nodes import NodePool, pool_counts
from schedbench.sources.synthetic.streams import SyntheticStream, make_stream

LIMIT = 10**6
CLUSTER = {
    "nodes": 10,
    "zones": 3,
    "regions": 2,
    "pools": [
        {"name": "a", "share": 2, "cpu": 8, "memory": "32Gi", "labels": {"x": "y"}},
        {
            "name": "gpu",
            "count": 4,
            "cpu": "64",
            "memory": "256Gi",
            "resources": {"example.com/nic": 2},
            "gpus": 8,
            "gpu_model": "A10",
            "taints": [{"key": "gpu", "effect": "NoSchedule"}],
        },
    ],
}
WEB = {"name": "web", "cpu": "500m", "memory": "1Gi"}


def cluster(**changes):
    return msgspec.convert(CLUSTER | changes, SyntheticCluster)


def pods(seed=1, capacity=None, **spec):
    spec = msgspec.convert({"classes": [WEB]} | spec, SyntheticStream)
    held = cluster_capacity(cluster().make()) if capacity is None else capacity
    return make_stream(spec, held, LIMIT, seed)


def requests(stream, resource):
    """Request of each pod of a stream."""
    held = [pod_requests(template)[resource] for template in stream.templates]
    return np.array(held)[stream.template]


def test_nodes_carry_resources_labels_and_taints():
    """A pool's nodes have its shape, a host name, and the round-robin zone."""
    nodes = cluster().make()
    last = nodes[-1]

    assert [node.metadata.name for node in nodes[:2]] == ["a-0", "a-1"]
    assert len(nodes) == 10
    assert last.metadata.labels == {
        "kubernetes.io/hostname": "gpu-3",
        "pool": "gpu",
        GPU_MODEL: "A10",
        "topology.kubernetes.io/zone": "zone-1",
        "topology.kubernetes.io/region": "region-1",
    }
    assert last.spec.taints[0].key == "gpu"
    assert node_allocatable(last) == {
        "cpu": 64_000,
        "memory": 256 << 30,
        "pods": 110,
        GPU_COUNT: 8,
        "example.com/nic": 2,
    }


def test_capacity_sums_all_nodes():
    """Capacity counts every node, and devices as thousandths."""
    capacity = cluster_capacity(cluster().make())

    assert capacity["cpu"] == 6 * 8_000 + 4 * 64_000
    assert capacity[GPU_MILLI] == 4 * 8 * 1000


@pytest.mark.parametrize(
    ("shares", "nodes", "counts"),
    [
        pytest.param([1, 1], 7, [4, 3], id="the first of equal remainders wins"),
        pytest.param([0.6, 0.4], 10, [6, 4], id="exact shares"),
        pytest.param([1, 0], 3, [3, 0], id="a share of zero"),
        pytest.param([1, 1, 1], 0, [0, 0, 0], id="no nodes"),
    ],
)
def test_shares_divide_the_nodes(shares, nodes, counts):
    """Shares are rounded by largest remainders, so that all nodes are given out."""
    pools = [
        NodePool(name=f"p{n}", share=share, cpu=1, memory=1)
        for n, share in enumerate(shares)
    ]

    assert pool_counts(pools, nodes) == counts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"nodes": None}, "set nodes", id="shares without nodes"),
        pytest.param({"nodes": 3}, "less than", id="fewer nodes than counted"),
        pytest.param({"nodes": -1}, ">= 0", id="negative nodes"),
        pytest.param({"pools": []}, "length", id="no pools"),
        pytest.param({"pools": CLUSTER["pools"][:1] * 2}, "same name", id="twins"),
        pytest.param(
            {"pools": [{"name": "a", "count": 1, "cpu": "1Z", "memory": 1}]},
            "cpu: malformed",
            id="malformed quantity",
        ),
        pytest.param(
            {"pools": [{"name": "a", "count": 1, "cpu": "-1", "memory": 1}]},
            "cpu: negative",
            id="negative quantity",
        ),
        pytest.param(
            {"pools": [{"name": "a", "cpu": 1, "memory": 1}]},
            "count or share",
            id="neither count nor share",
        ),
    ],
)
def test_bad_cluster_is_refused(changes, message):
    """A cluster that makes no sense is refused with the reason."""
    with pytest.raises(msgspec.ValidationError, match=message):
        cluster(**changes)


def test_same_seed_gives_the_same_pods():
    """Pods are a function of the specification and the seed."""
    spec = {
        "classes": [WEB | {"cpu": {"kind": "lognormal", "median": 1, "sigma": 1}}],
        "count": 1000,
        "arrivals": {"kind": "poisson", "rate": 3},
        "duration": {"kind": "exponential", "mean": 9},
        "namespaces": {"a": 1, "b": 1},
    }
    one, same, other = pods(1, **spec), pods(1, **spec), pods(2, **spec)

    assert one.templates == same.templates
    np.testing.assert_array_equal(one.template, same.template)
    np.testing.assert_array_equal(one.arrival, same.arrival)
    np.testing.assert_array_equal(one.duration, same.duration)
    assert (one.arrival != other.arrival).all()


def test_editing_one_class_leaves_the_others_alone():
    """Each class draws from its own stream."""
    size = {"kind": "lognormal", "median": 1, "sigma": 1}
    classes = [WEB | {"cpu": size}, WEB | {"name": "b", "cpu": size}]
    changed = [classes[0], classes[1] | {"cpu": "7"}]
    one, two = (pods(classes=each, count=500) for each in (classes, changed))
    is_web = np.array([t.metadata.name == "web" for t in one.templates])[one.template]

    np.testing.assert_array_equal(
        requests(one, "cpu")[is_web], requests(two, "cpu")[is_web]
    )
    assert set(requests(two, "cpu")[~is_web]) == {7000}


def test_equal_pods_share_a_template():
    """Templates are distinct, and every pod has its own size."""
    size = {"kind": "choice", "values": {"1": 1, "2": 1}}
    drawn = pods(classes=[WEB | {"cpu": size}], count=1000, namespaces={"a": 1, "b": 1})

    assert len(drawn.templates) == 4
    assert drawn.name(0).split("/")[1].startswith("web-")


def test_class_counts_are_exact():
    """Counted classes give exactly their pods, mixed."""
    classes = [WEB | {"count": 30}, WEB | {"name": "b", "count": 10}]
    drawn = pods(classes=classes)
    names = [drawn.templates[t].metadata.name for t in drawn.template]

    assert (names.count("web"), names.count("b")) == (30, 10)
    assert names != sorted(names)


def test_weights_are_followed():
    """Classes occur by weight, one for a class without."""
    drawn = pods(classes=[WEB | {"weight": 3}, WEB | {"name": "b"}], count=20_000)
    web = np.mean([t.metadata.name == "web" for t in drawn.templates], dtype=float)
    share = np.bincount(drawn.template)[1] / 20_000

    assert web == 0.5
    assert share == pytest.approx(0.25, abs=0.01) or share == pytest.approx(
        0.75, abs=0.01
    )


@pytest.mark.parametrize(
    ("load_of", "resource", "rest"),
    [
        pytest.param("dominant", "memory", "cpu", id="what fills first is memory"),
        pytest.param("cpu", "cpu", None, id="cpu although memory is fuller"),
    ],
)
def test_load_of_pods_that_stay_is_reached(load_of, resource, rest):
    """Pods are drawn until the resource reaches the load, and no pod more."""
    capacity = {"cpu": 10_000_000, "memory": 10_000 << 30}
    memory = {"kind": "per-cpu", "median": "4Gi", "sigma": 0.5}
    drawn = pods(
        classes=[WEB | {"memory": memory}], capacity=capacity, load=0.9, load_of=load_of
    )
    filled = np.cumsum(requests(drawn, resource)) / capacity[resource]

    assert filled[-2] < 0.9 <= filled[-1]
    if rest is not None:
        assert requests(drawn, rest).sum() / capacity[rest] < 0.9


def test_gpu_load_counts_shares():
    """GPU load sums count x milli over the pods."""
    gpu = {
        "milli": {"kind": "choice", "values": {"250": 1, "500": 1}},
        "models": ["A10"],
    }
    drawn = pods(classes=[WEB | {"gpu": gpu}], load=1.2, load_of="gpu")
    notes = [template.metadata.annotations for template in drawn.templates]
    milli = np.array([int(note[GPU_MILLI]) for note in notes])[drawn.template]

    assert milli.sum() == pytest.approx(1.2 * 32_000, abs=500)
    assert {note[GPU_MODEL] for note in notes} == {"A10"}
    assert {note[GPU_COUNT] for note in notes} == {"1"}


@pytest.mark.parametrize(
    "amount",
    [
        pytest.param({"count": 20_000}, id="a number of pods"),
        pytest.param({"horizon": 16_000}, id="a time"),
    ],
)
def test_load_of_pods_that_end_is_offered(amount):
    """Rate x mean(request x duration) is the load times the capacity."""
    capacity = {"cpu": 1_000_000, "memory": 10_000 << 30}
    drawn = pods(
        capacity=capacity,
        load=0.7,
        arrivals={"kind": "poisson"},
        duration={"kind": "exponential", "mean": 1000},
        **amount,
    )
    rate = len(drawn) / drawn.arrival[-1]
    offered = rate * (requests(drawn, "cpu") * drawn.duration).mean() / 1_000_000

    assert offered == pytest.approx(0.7, rel=0.04)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({}, "count, horizon or load", id="no amount"),
        pytest.param({"count": -1}, ">= 0", id="negative count"),
        pytest.param({"count": 1, "horizon": 2}, "either count", id="two amounts"),
        pytest.param({"load": 0.5, "count": 9}, "load gives", id="load and count"),
        pytest.param(
            {"count": 1, "arrivals": {"kind": "poisson"}}, "need a rate", id="no rate"
        ),
        pytest.param(
            {"load": 1, "duration": 5, "count": 2}, "at once have no load", id="at once"
        ),
        pytest.param({"count": 1, "namespaces": {}}, "namespace", id="no namespace"),
        pytest.param({"count": 1, "classes": []}, "length", id="no classes"),
        pytest.param(
            {"classes": [WEB | {"count": 1}, WEB | {"name": "b"}]},
            "all classes",
            id="half counted",
        ),
        pytest.param({"count": 1, "classes": [WEB, WEB]}, "same name", id="twins"),
        pytest.param(
            {"count": 1, "classes": [WEB | {"gpu": {"count": 2, "milli": 500}}]},
            "milli must be 1000",
            id="parts of two devices",
        ),
        pytest.param(
            {"count": 1, "classes": [WEB | {"spec": {"nodeName": "n"}}]},
            "nodeName",
            id="a field that is ours",
        ),
    ],
)
def test_bad_stream_is_refused(spec, message):
    """A stream that makes no sense is refused with the reason."""
    with pytest.raises(msgspec.ValidationError, match=message):
        pods(**spec)


def test_too_many_pods_are_refused_before_they_are_made():
    """A load that needs more pods than the limit is an input error."""
    with pytest.raises(InputError, match="more than 1,000,000 pods"):
        pods(load=1e9)


def test_load_without_capacity_is_refused():
    """A load of a resource that the cluster lacks cannot be measured."""
    with pytest.raises(InputError, match="load cannot be measured"):
        pods(load=1, load_of="gpu")


def test_raw_spec_is_merged():
    """Affinity, tolerations, priority and further fields reach the pod."""
    term = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    kind = WEB | {
        "priority": 7,
        "node_selector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "spec": {"topologySpreadConstraints": [term]},
        "namespace": "own",
    }
    (pod,) = pods(classes=[kind], count=3).templates

    assert pod.spec.priority == 7
    assert pod.spec.node_selector == {"disk": "ssd"}
    assert pod.spec.tolerations[0].key == "spot"
    assert pod.spec.topology_spread_constraints[0].max_skew == 1
    assert pod.metadata.namespace == "own"
    assert pod_requests(pod) == {"cpu": 500, "memory": 1 << 30}


def test_streams_join_in_order_of_arrival():
    """Joined pods keep their templates, and names that were given."""
    late = pods(count=2, arrivals={"kind": "at-once", "at": 5})
    early = pods(classes=[WEB | {"name": "b"}], count=1)
    joined = join_streams([late, early])

    assert joined.arrival.tolist() == [0.0, 5.0, 5.0]
    assert [joined.name(n) for n in range(3)] == [
        "default/b-0",
        "default/web-1",
        "default/web-2",
    ]

"""Runs that sample: both engines and the naive replay place every pod alike.

Clusters of hundreds of nodes are not shrunk: it takes minutes.
"""

from __future__ import annotations

import pytest
import queued_sentences
import queued_strategies
import strategies
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from naive.replay import replay as naive_replay
from naive.sampling import Sampler

from schedbench.cluster.encode import encode
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.pod import Affinity, NodeAffinity, Pod
from schedbench.objects.selectors import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import ENGINES, replay

ZONES = ("", "a", "b", "c")
PERCENTAGES = (0, 5, 30, 100)


@st.composite
def zoned_workloads(draw: st.DrawFn, *, features: tuple[str, ...] = ()) -> Workload:
    """Draw 90–260 nodes of a few kinds in zones, whose events come in clusters."""
    kinds = draw(st.lists(strategies.nodes(features=features), min_size=2, max_size=4))
    random = draw(st.randoms(use_true_random=False))
    cluster = [
        placed(random.choice(kinds), f"node-{i}", random.choice(ZONES))
        for i in range(draw(st.integers(90, 260)))
    ]
    names = [node.metadata.name for node in cluster]
    stream = draw(strategies.pod_streams(names[:5], max_size=25, features=features))
    if stream.templates and draw(st.booleans()):
        name_nodes(stream.templates[0], random.sample(names, random.choice((3, 90))))
    if stream.templates and draw(st.booleans()):
        name_nodes(stream.templates[-1], random.sample(names, len(names) - 5))
    events: list[NodeEvent] = []
    gone: list[Node] = []
    for time in sorted(draw(st.lists(st.integers(0, 10), max_size=12))):
        change = random.choice(("remove", "update", "add"))
        there = [node for node in cluster if node not in gone]
        node = random.choice(gone if change == "add" and gone else there)
        if change == "add" and not gone:
            change = "update"
        if change == "remove":
            gone.append(node)
        elif change == "add":
            gone.remove(node)
        changed = placed(node, node.metadata.name, random.choice(ZONES))
        events.append(NodeEvent(float(time), change, changed))
    objects = draw(strategies.cluster_objects(features)) if features else []
    return Workload("zoned", cluster, stream, objects, node_events=events)


def placed(node: Node, name: str, zone: str) -> Node:
    """Return a node of another name in a zone."""
    own = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
    meta = ObjectMeta(name=name, labels=node.metadata.labels | own)
    return Node(metadata=meta, spec=node.spec, status=node.status)


def name_nodes(pod: Pod, names: list[str]) -> None:
    """Let a pod require nodes by their names."""
    field = NodeSelectorRequirement(key="metadata.name", operator="In", values=names)
    term = NodeSelectorTerm(match_fields=[field])
    required = NodeSelector(node_selector_terms=[term])
    pod.spec.affinity = pod.spec.affinity or Affinity()
    pod.spec.affinity.node_affinity = NodeAffinity(
        required_during_scheduling_ignored_during_execution=required
    )


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(workload=zoned_workloads(), percentage=st.sampled_from(PERCENTAGES))
def test_a_sampled_run_equals_the_naive_replay(workload, percentage):
    """Pods, nodes, departures and node changes leave the same sample to each pod."""
    encoded = encode(workload)
    spec = f"kube-scheduler[ties=first,percentageOfNodesToScore={percentage}]"

    record = replay(encoded, make_policy(spec), seed=1)

    naive = naive_replay(workload, Sampler(workload.nodes, percentage))
    expected = [(e.time, e.pod, e.node) for e in naive if e.kind == "BIND"]
    bound = record.kind == EventKind.BIND
    assert [
        (float(time), int(pod), encoded.node_names[node])
        for time, pod, node in zip(
            record.time[bound], record.pod[bound], record.node[bound], strict=True
        )
    ] == expected


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(
    workload=zoned_workloads(features=("affinity", "spread")),
    percentage=st.sampled_from(PERCENTAGES),
)
def test_engines_sample_alike(workload, percentage):
    """The readable engine places every pod as the compiled one does."""
    encoded = encode(workload)
    policy = make_policy(f"kube-scheduler[percentageOfNodesToScore={percentage}]")

    first, *others = (replay(encoded, policy, seed=3, engine=one) for one in ENGINES)

    assert {one.digest for one in others} == {first.digest}
    assert all(one.rejections == first.rejections for one in others)


@pytest.mark.parametrize("engine", ENGINES)
def test_nodes_that_volumes_reject_are_no_part_of_the_sample(engine):
    """Of 120 nodes 100 suffice; the volume is on none of the first 100."""
    names = [f"node-{index}" for index in range(120)]
    nodes = [
        queued_sentences.node(name, **{"kubernetes.io/hostname": name})
        for name in names
    ]
    claim = {"persistentVolumeClaim": {"claimName": "claim-0"}}
    pod = queued_sentences.pod(volumes=[{"name": "disk", **claim}])
    stored = {"kind": "bound", "mode": "ReadWriteOnce", "nodes": [names[110]]}
    workload = queued_sentences.workload(
        nodes, [pod], objects=queued_strategies.storage_of([stored])
    )
    policy = make_policy("kube-scheduler[ties=first,percentageOfNodesToScore=0]")

    record = replay(encode(workload), policy, seed=1, engine=engine)

    assert record.node[record.kind == EventKind.BIND].tolist() == [110]

"""The validator against the naive filters: on every bind, and on every bind moved."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
import strategies
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from naive.cycle import refused
from naive.placed import Placed
from naive.profile import WHOLE
from naive.world import World

from schedbench.cluster.encode import encode
from schedbench.metrics.validator import validate
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

RULES = {
    "NodeUnschedulable": {"unschedulable node"},
    "NodeName": {"node name"},
    "TaintToleration": {"taint"},
    "NodeAffinity": {"node selector", "node affinity"},
    "NodePorts": {"host port"},
    "NodeResourcesFit": {"resources", "pod limit"},
    "PodTopologySpread": {"topology spread"},
    "InterPodAffinity": {
        "pod affinity",
        "pod anti-affinity",
        "anti-affinity of others",
    },
}
FEW = settings(max_examples=8, suppress_health_check=[*HealthCheck], deadline=None)
"""For corruptions that few drawn logs can have."""
COLUMNS = ("time", "kind", "pod", "node", "devices")


@st.composite
def honest_runs(draw, **options):
    """Draw a workload with all features, and its log by kube-scheduler."""
    features = strategies.FEATURES
    workload = draw(strategies.workloads(features=features, **options))
    encoded = encode(workload)
    record = replay(encoded, make_policy("kube-scheduler"), seed=1, engine="explain")
    return workload, record, encoded.node_names


def entries(record: Record, keep: list[int], **changed: list[int]) -> Record:
    """Return the log with these entries alone, some columns of them changed."""
    columns = {name: getattr(record, name)[keep] for name in COLUMNS}
    for name, values in changed.items():
        columns[name] = np.array(values, dtype=columns[name].dtype)
    return dataclasses.replace(record, **columns)


def world_before(workload, record, names, entry) -> World:
    """Return nodes and pods as the log has them before an entry."""
    nodes = {node.metadata.name: node for node in workload.nodes}
    changes = iter(workload.node_events)
    place: dict[int, str] = {}
    for at in range(entry):
        kind, pod = EventKind(record.kind[at]), int(record.pod[at])
        if kind == EventKind.BIND:
            place[pod] = names[record.node[at]]
        elif kind in {EventKind.NODE_ADD, EventKind.NODE_UPDATE}:
            change = next(changes)
            nodes[change.node.metadata.name] = change.node
        elif kind == EventKind.NODE_REMOVE:
            del nodes[next(changes).node.metadata.name]
        elif kind != EventKind.UNSCHEDULABLE:
            place.pop(pod, None)
    placed: dict[str, list[Placed]] = defaultdict(list)
    templates = workload.pods.templates
    for pod, name in place.items():
        placed[name].append(Placed(templates[workload.pods.template[pod]]))
    return World(list(nodes.values()), placed, workload.objects)


@given(run=honest_runs())
def test_what_the_scheduler_did_breaks_nothing(run):
    """Random workloads with all features, played by kube-scheduler."""
    workload, record, names = run

    assert validate(workload, record, names) == []


@given(run=honest_runs(), data=st.data())
def test_a_moved_pod_is_judged_as_the_naive_filters_do(run, data):
    """A pod put on any node breaks a rule if and only if a filter refuses the node."""
    workload, record, names = run
    stream = workload.pods
    binds = [
        entry
        for entry in np.flatnonzero(record.kind == EventKind.BIND)
        if stream.node[record.pod[entry]] < 0
    ]
    assume(binds)
    entry = int(data.draw(st.sampled_from(binds)))
    world = world_before(workload, record, names, entry)
    node = data.draw(st.sampled_from(world.nodes))
    pod = stream.templates[stream.template[record.pod[entry]]]
    keep = list(range(entry + 1))
    moved = [*record.node[:entry], names.index(node.metadata.name)]

    found = validate(workload, entries(record, keep, node=moved), names)

    verdict = refused(pod, node, world, WHOLE)
    rules = {violation.rule for violation in found}
    assert bool(rules) == bool(verdict)
    assert not verdict or rules & RULES[verdict[0]]
    assert {violation.node for violation in found} <= {node.metadata.name}


@pytest.mark.parametrize(
    ("dropped", "rules"),
    [
        pytest.param(EventKind.ARRIVE, {"arrival"}, id="an arrival"),
        pytest.param(EventKind.BIND, {"release"}, id="a bind"),
        pytest.param(EventKind.EVICT, {"node gone"}, id="an eviction"),
        pytest.param(EventKind.NODE_REMOVE, {"node change"}, id="a node's end"),
    ],
)
@FEW
@given(run=honest_runs(), data=st.data())
def test_a_dropped_entry_is_missed(dropped, rules, run, data):
    """The log without an entry, the last of its kind that something follows, fails."""
    workload, record, names = run
    found = np.flatnonzero(record.kind == dropped)
    later = {
        EventKind.ARRIVE: {EventKind.BIND},
        EventKind.BIND: {EventKind.FINISH, EventKind.EVICT},
        EventKind.EVICT: {EventKind.NODE_REMOVE},
        EventKind.NODE_REMOVE: {EventKind.NODE_ADD},
    }[dropped]
    concerned = record.node if dropped == EventKind.NODE_REMOVE else record.pod
    if dropped == EventKind.EVICT:
        followed = list(found)
    else:
        followed = [
            entry
            for entry in found
            if any(
                record.kind[after] in later and concerned[after] == concerned[entry]
                for after in range(entry + 1, len(record.kind))
            )
        ]
    assume(followed)
    without = int(data.draw(st.sampled_from(followed)))
    keep = [at for at in range(len(record.kind)) if at != without]

    broken = validate(workload, entries(record, keep), names)

    assert rules & {violation.rule for violation in broken}


@FEW
@given(run=honest_runs(changes=False), data=st.data())
def test_a_pod_deleted_too_soon_is_noticed(run, data):
    """A pod that finished is said to have been deleted instead."""
    workload, record, names = run
    finished = np.flatnonzero(record.kind == EventKind.FINISH)
    early = [at for at in finished if np.isinf(workload.pods.deletion[record.pod[at]])]
    assume(early)
    kinds = record.kind.copy()
    kinds[data.draw(st.sampled_from(early))] = EventKind.DELETE
    changed = dataclasses.replace(record, kind=kinds)

    rules = [violation.rule for violation in validate(workload, changed, names)]

    assert rules == ["preemption"]

"""Verdicts on many nodes at once against the naive checks, node by node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases.domain_cases import Neighbourhood, neighbourhoods
from kernel_cases.situation import Situation, situations
from naive import fit, gpu, inter_pod_affinity, node_ports, pod_topology_spread
from naive.placed import Placed
from naive.verdict import Reasons
from naive.world import World

from schedbench.cluster.state import bind
from schedbench.plugins.base import ClusterView, NodeVerdicts, Plugin
from schedbench.plugins.gpu_share import MODEL_REASON, SHARE_REASON, GpuShare
from schedbench.plugins.inter_pod_affinity import InterPodAffinity
from schedbench.plugins.node_ports import NodePorts
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.policies.registry import make_policy
from schedbench.scheduler.session import Session

GPU_WORDS = {"GPU model": MODEL_REASON, "Insufficient GPU": SHARE_REASON}
Told = tuple[list[str], bool] | None


def asked(data: st.DataObject, nodes: int) -> list[int]:
    """Draw which nodes to ask about, in any order."""
    return data.draw(st.lists(st.integers(0, nodes - 1), unique=True))


def told(found: NodeVerdicts) -> list[Told]:
    """Return the reasons, sorted, and whether evictions are in vain, for each node."""
    every = [None, *((sorted(one.reasons), one.unresolvable) for one in found.statuses)]
    return [every[code] for code in found.code]


def naively(reasons: Reasons) -> Told:
    """Return the same of a naive check."""
    words = sorted(GPU_WORDS.get(reason, reason) for reason in reasons)
    return (words, reasons.unresolvable) if reasons else None


def check_ports(drawn: Situation, slot: int) -> Reasons:
    """Say by objects whether a host port is taken."""
    return node_ports.check(drawn.pod, drawn.nodes[slot], drawn.pods_on[slot])


def check_fit(drawn: Situation, slot: int) -> Reasons:
    """Say by objects what is short."""
    return fit.check(drawn.pod, drawn.nodes[slot], drawn.pods_on[slot])


def check_gpus(drawn: Situation, slot: int) -> Reasons:
    """Say by objects whether too few devices are free; models are static."""
    node = drawn.nodes[slot]
    found = gpu.check(drawn.pod, node, drawn.on(node))
    wanted, seen = gpu.demand(drawn.pod), gpu.view(node, drawn.on(node))
    if found == ["GPU model"]:
        enough = sum(free >= wanted.milli for free in seen.devices) >= wanted.count
        return Reasons() if enough else Reasons(["Insufficient GPU"])
    return found


@pytest.mark.parametrize(
    ("plugin", "check", "ports"),
    [
        pytest.param(NodePorts(), check_ports, True, id="NodePorts"),
        pytest.param(NodeResourcesFit(), check_fit, False, id="NodeResourcesFit"),
        pytest.param(GpuShare(), check_gpus, False, id="GpuShare"),
    ],
)
@given(data=st.data())
def test_verdicts_of_a_nodes_own_pods(
    plugin: Plugin,
    check: Callable[[Situation, int], Reasons],
    ports: bool,
    data: st.DataObject,
) -> None:
    """What the pods on a node make a plugin say is what their objects say."""
    drawn = data.draw(situations(gpus=True, ports=ports))
    slots = asked(data, len(drawn.nodes))
    encoded = drawn.encoded
    view = ClusterView(
        drawn.state,
        encoded.classes,
        encoded.resources,
        Session(encoded, make_policy("kube-scheduler").profile, 0).nodes,
        encoded.class_pods,
    )
    found = plugin.verdicts(view, 0, np.array(slots, dtype=np.int64))

    assert told(found) == [naively(check(drawn, slot)) for slot in slots]


@pytest.mark.parametrize(
    ("plugin", "check"),
    [
        pytest.param(
            PodTopologySpread(), pod_topology_spread.check, id="PodTopologySpread"
        ),
        pytest.param(
            InterPodAffinity(), inter_pod_affinity.check, id="InterPodAffinity"
        ),
    ],
)
@given(drawn=neighbourhoods(), data=st.data())
def test_verdicts_of_pods_elsewhere(
    plugin: Plugin, check: Any, drawn: Neighbourhood, data: st.DataObject
) -> None:
    """What pods in topology domains make a plugin say is what their objects say."""
    slots = asked(data, len(drawn.nodes))
    session = Session(drawn.encoded, make_policy("kube-scheduler").profile, 0)
    class_of = drawn.encoded.class_of
    placed: dict[str, list[Placed]] = defaultdict(list)
    for kind, slot in drawn.placed:
        pod_class = int(class_of[kind])
        bind(session.state, session.compiled.classes, pod_class, slot, 0, 1)
        placed[drawn.nodes[slot].metadata.name].append(Placed(drawn.kinds[kind]))
    world = World(drawn.nodes, placed, drawn.objects)
    asked_about = np.array(slots, dtype=np.int64)
    found = plugin.verdicts(session.view, int(class_of[0]), asked_about)

    assert told(found) == [
        naively(check(drawn.kinds[0], drawn.nodes[slot], world)) for slot in slots
    ]

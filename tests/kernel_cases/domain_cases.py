"""Pods and nodes whose terms are about other pods, and what twins say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import strategies
from hypothesis import strategies as st
from naive import cycle
from naive.placed import Placed
from naive.profile import WHOLE
from naive.world import World

from kernel_cases.situation import KernelCase
from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.state import bind
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.inter_pod_affinity import (
    inter_pod_fits,
    inter_pod_normalize,
    inter_pod_score,
    inter_pod_verdict,
    scores_nothing,
)
from schedbench.plugins.pod_topology_spread import (
    has_soft,
    spread_fits,
    spread_normalize_counts,
    spread_score,
)
from schedbench.policies.registry import make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import explain
from schedbench.scheduler.session import Session

FEATURES = ("affinity", "spread", "images", "namespaces", "owners")


class Neighbourhood(NamedTuple):
    """A pod to decide on, and pods (kind, node slot) that are there."""

    nodes: list[Node]
    kinds: list[Pod]
    placed: list[tuple[int, int]]
    objects: list[KubernetesObject]

    @property
    def encoded(self) -> EncodedWorkload:
        """The same as columns."""
        stream = PodStream.of(self.kinds)
        return encode(Workload("case", self.nodes, stream, self.objects))


@st.composite
def neighbourhoods(
    draw: st.DrawFn, features: Collection[str] = FEATURES
) -> Neighbourhood:
    """Draw a neighbourhood; the first kind is the pod to decide on."""
    nodes = draw(strategies.clusters(max_size=6, features=features))
    names = [node.metadata.name for node in nodes]
    kind = strategies.pods(names, features=features)
    kinds = draw(st.lists(kind, min_size=2, max_size=4))
    place = st.tuples(st.integers(0, len(kinds) - 1), st.integers(0, len(nodes) - 1))
    placed = draw(st.lists(place, max_size=10))
    return Neighbourhood(
        nodes, kinds, placed, draw(strategies.cluster_objects(features))
    )


def decided(drawn: Neighbourhood) -> dict[str, Any]:
    """Return verdicts, reasons and scores of the columns; both engines agree."""
    session = Session(
        drawn.encoded, make_policy("kube-scheduler[ties=first]").profile, 0
    )
    class_of, classes = drawn.encoded.class_of, session.compiled.classes
    for kind, slot in drawn.placed:
        bind(session.state, classes, int(class_of[kind]), slot, 0, 1)
        session.images.touch(slot)
    session.images.look()
    told = explain(session, int(class_of[0]))
    chosen = schedule_one(
        session.state, session.compiled, int(class_of[0]), 0, 0, session.scratch
    )
    names = [node.metadata.name for node in drawn.nodes]

    assert chosen == told.chosen
    assert [i for i, bad in enumerate(session.scratch.bad) if bad >= 0] == list(
        told.feasible
    )
    return {
        "feasible": [names[slot] for slot in told.feasible],
        "refused": {
            names[slot]: (one.plugin, sorted(one.status.reasons))
            for slot, one in told.rejected.items()
        },
        "scores": {
            plugin: [int(value) for value in values]
            for plugin, values in told.scores.items()
        },
    }


def naively(drawn: Neighbourhood) -> dict[str, Any]:
    """Return the same from objects, without what PreFilter would cut away."""
    placed: dict[str, list[Placed]] = defaultdict(list)
    for kind, slot in drawn.placed:
        placed[drawn.nodes[slot].metadata.name].append(Placed(drawn.kinds[kind]))
    world = World(drawn.nodes, placed, drawn.objects)
    pod = drawn.kinds[0]
    refused = {
        node.metadata.name: reasons
        for node in drawn.nodes
        if (reasons := cycle.refused(pod, node, world, WHOLE))
    }
    feasible = [n for n in drawn.nodes if n.metadata.name not in refused]
    scores = {}
    for plugin, weight in WHOLE.weights.items() if len(feasible) > 1 else ():
        found = cycle.in_world(plugin, pod, feasible, world, WHOLE)
        if found is not None:
            scores[plugin] = [weight * score for score in found]
    return {
        "feasible": [node.metadata.name for node in feasible],
        "refused": {
            name: (plugin, sorted(reasons))
            for name, (plugin, reasons) in refused.items()
        },
        "scores": scores,
    }


CASES = {
    "PodTopologySpread, InterPodAffinity and ImageLocality": KernelCase(
        (
            inter_pod_fits,
            inter_pod_verdict,
            inter_pod_score,
            inter_pod_normalize,
            scores_nothing,
            spread_fits,
            spread_score,
            spread_normalize_counts,
            has_soft,
        ),
        neighbourhoods(),
        decided,
        naively,
    ),
}

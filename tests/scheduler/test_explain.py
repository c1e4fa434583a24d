"""The readable engine against the naive cycle, and against the compiled one."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import Situation, situations
from naive import cycle
from naive.fragmentation import typical_pods
from naive.handmade import asking, make_node, make_pod
from naive.profile import DEFAULT, WHOLE
from naive.profile import Profile as NaiveProfile

from schedbench.cluster.encode import encode
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import POLICIES, make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import explain
from schedbench.scheduler.profile import Profile
from schedbench.scheduler.session import Session

GPU_TWINS = {
    "fgd": ("FGD", "GpuFragmentation"),
    "gpu-best-fit": ("BestFit", "GpuBestFit"),
    "gpu-clustering": ("GpuClustering", "GpuClustering"),
    "gpu-dot-product": ("DotProd", "GpuDotProduct"),
    "gpu-packing": ("GpuPacking", "GpuPacking"),
}
GPU_REASONS = {
    "GPU model": "node(s) had no GPU of an acceptable model",
    "Insufficient GPU": "Insufficient GPU share",
}


def session_of(situation: Situation, profile: Profile, seed: int = 0) -> Session:
    """Return the profile at work in the situation."""
    session = Session(situation.encoded, profile, seed)
    for name, column in situation.state._asdict().items():
        if name != "domains":
            getattr(session.state, name)[:] = column
    return session


@given(situation=situations(gpus=True))
def test_kube_scheduler_is_explained_as_the_naive_cycle_does(
    situation: Situation,
) -> None:
    """Verdicts, reasons, scores, totals and ties equal the naive cycle's."""
    profile = make_policy("kube-scheduler").profile
    told = explain(session_of(situation, profile), 0)
    whole = dataclasses.replace(DEFAULT, weights=WHOLE.weights)
    decision = cycle.schedule(situation.pod, situation.nodes, situation.placed, whole)
    names = [node.metadata.name for node in situation.nodes]
    refused = {
        names[node]: (
            one.plugin,
            sorted(one.status.reasons),
            one.status.unresolvable,
        )
        for node, one in told.rejected.items()
    }
    feasible = [names[node] for node in told.feasible]
    scores = {
        plugin: dict(zip(feasible, values.tolist(), strict=True))
        for plugin, values in told.scores.items()
    }
    if not names_nodes(situation):
        assert refused == {
            name: (
                plugin,
                sorted(GPU_REASONS.get(reason, reason) for reason in reasons),
                reasons.unresolvable,
            )
            for name, (plugin, reasons) in decision.infeasible.items()
        }
    assert decision.feasible == feasible
    assert decision.scores == scores
    assert decision.best == [names[node] for node in told.tied]
    if decision.total:
        assert list(decision.total.values()) == told.total.tolist()


@pytest.mark.parametrize("policy", GPU_TWINS)
@given(situation=situations(gpus=True))
def test_gpu_policies_are_explained_as_the_naive_ones(
    policy: str, situation: Situation
) -> None:
    """Scores of GPU policies equal the naive ones where more than one node is left."""
    naive_name, plugin = GPU_TWINS[policy]
    told = explain(session_of(situation, make_policy(policy).profile), 0)
    typical = typical_pods(situation.encoded.workload.pods.templates)
    twin = NaiveProfile(
        weights={naive_name: 1}, largest=situation.largest, typical=typical
    )
    decision = cycle.schedule(situation.pod, situation.nodes, situation.placed, twin)
    scores = decision.scores.get(naive_name, {})
    names = [node.metadata.name for node in situation.nodes]

    assert list(scores.values()) == list(told.scores.get(plugin, []))
    assert decision.best == [names[node] for node in told.tied]


@pytest.mark.parametrize(
    "policy", [name for name in POLICIES if make_policy(name).compiled]
)
@given(situation=situations(gpus=True), counter=st.integers(0, 1000), data=st.data())
def test_the_compiled_cycle_chooses_what_is_explained(
    policy: str, situation: Situation, counter: int, data: st.DataObject
) -> None:
    """The fused cycle takes the node that the readable engine explains."""
    session = session_of(situation, make_policy(policy).profile, seed=7)
    cursor = data.draw(st.integers(0, len(situation.nodes) - 1))
    told = explain(session, 0, counter, cursor)
    arguments = (session.compiled, 0, counter, cursor, session.scratch)

    assert told.chosen == schedule_one(session.state, *arguments)
    assert told.chosen in told.tied or len(told.tied) == 0


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        pytest.param([], "0/0 nodes are available.", id="no nodes"),
        pytest.param(
            [{"cpu": "1"}, {"cpu": "1"}],
            "0/2 nodes are available: 2 Insufficient cpu.",
            id="all for one reason",
        ),
        pytest.param(
            [{"cpu": "1", "memory": "1Mi"}, {"cpu": "1"}],
            "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.",
            id="a node that lacks two things counts twice, texts are sorted",
        ),
        pytest.param(
            [
                {"cpu": "1"},
                {"unschedulable": True},
                {"taints": [{"key": "a", "value": "b", "effect": "NoExecute"}]},
            ],
            "0/3 nodes are available: 1 Insufficient cpu, "
            "1 node(s) had untolerated taint {a: b}, 1 node(s) were unschedulable.",
            id="every node for its first reason",
        ),
        pytest.param(
            [{"extra": {"pods": "0"}}],
            "0/1 nodes are available: 1 Too many pods.",
            id="a full node",
        ),
    ],
)
def test_fit_errors_read_as_upstreams(nodes: list[dict], text: str) -> None:
    """The text of the event counts reasons as kube-scheduler's FitError."""
    cluster = [make_node(f"node-{i}", **given) for i, given in enumerate(nodes)]
    pod = make_pod(containers=[asking("2", "2Gi")])
    encoded = encode(Workload("test", cluster, PodStream.of([pod])))
    told = explain(Session(encoded, Profile("any"), 0), 0)

    assert text == told.fit_error()
    assert (told.chosen, told.tied.tolist()) == (-1, [])


def test_one_feasible_node_is_not_scored() -> None:
    """With one node left nothing is scored, as upstream."""
    pod = make_pod(containers=[asking("2")])
    cluster = [make_node("small", cpu="1"), make_node("big")]
    encoded = encode(Workload("test", cluster, PodStream.of([pod])))
    told = explain(Session(encoded, make_policy("kube-scheduler").profile, 0), 0)

    assert (told.chosen, dict(told.scores)) == (1, {})
    assert re.match("0/2 nodes are available: 1 Insufficient cpu", told.fit_error())


def names_nodes(situation: Situation) -> bool:
    """Tell whether PreFilter of upstream would narrow the nodes, unseen by reasons."""
    return cycle.node_affinity.named_nodes(situation.pod) is not None

"""Whole worlds for the scheduling queue: gates, updates, storage, gangs, preemption."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np
import queued_strategies
import strategies
from hypothesis import strategies as st

from schedbench.objects.kinds import KINDS, KubernetesObject
from schedbench.objects.pod import Pod, SchedulingGroup
from schedbench.objects.workload import PodStream, PodUpdate, Workload

FEATURE_SETS = tuple(tuple({*each, "priorities"}) for each in strategies.FEATURE_SETS)
"""Pods of several priorities make room for themselves."""


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    max_nodes: int = 80,
    max_pods: int = 100,
    features: Sequence[Collection[str]] = FEATURE_SETS,
    **bounds: Any,
) -> Workload:
    """Draw a world whose pods wait, in the queue, with all that keeps them waiting.

    Gates, claims, nominations and other profiles are rare among the kinds of pods: the
    compiled loop plays no stretch in which one comes.
    """
    plain = draw(
        strategies.worlds(
            max_nodes=max_nodes, max_pods=max_pods, features=features, **bounds
        )
    )
    if draw(st.sampled_from((True, True, False))):
        priorities = draw(st.permutations((0, 0, 5, 10, 100)))
        for pod, priority in zip(plain.pods.templates, priorities, strict=False):
            pod.spec.priority = priority
            pod.spec.preemption_policy = None
    if not draw(st.booleans()):
        return queued(plain)
    names = [node.metadata.name for node in plain.nodes[:4]]
    histories = [
        draw(queued_strategies.histories(pod, names)) for pod in plain.pods.templates
    ]
    storage = draw(queued_strategies.storage(names))
    config = draw(st.sampled_from((None, None, queued_strategies.TWO_PROFILES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    depth = len(histories[0])
    template = depth * plain.pods.template
    return queued(
        plain,
        pods=dataclasses.replace(
            plain.pods,
            templates=[pod for history in histories for pod in history],
            template=template,
        ),
        objects=[*plain.objects, *storage],
        pod_updates=_updates(rng, plain.pods, template, depth),
        scheduler_config=config,
    )


@st.composite
def gangs(draw: st.DrawFn, **bounds: Any) -> Workload:
    """Draw a world in which most pods belong to gangs, some of them of one family."""
    plain = draw(worlds(**bounds))
    names = [f"gang-{index}" for index in range(draw(st.integers(1, 4)))]
    families = [f"family-{index}" for index in range(draw(st.integers(0, 2)))]
    groups = [
        draw(_groups("CompositePodGroup", name, "minGroupCount")) for name in families
    ]
    for name in names:
        parent = draw(st.sampled_from((None, None, *families)))
        groups.append(draw(_groups("PodGroup", name, "minCount", parent)))
    templates = [
        _member(pod, name) for pod in plain.pods.templates for name in (None, *names)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    choice = rng.integers(0, len(names) + 1, len(plain.pods)).astype(np.int32)
    wide = len(names) + 1
    updates = [
        PodUpdate(one.time, one.pod, wide * one.template + int(choice[one.pod]))
        for one in plain.pod_updates
    ]
    return dataclasses.replace(
        plain,
        pods=dataclasses.replace(
            plain.pods,
            templates=templates,
            template=wide * plain.pods.template + choice,
        ),
        objects=[*plain.objects, *groups],
        pod_updates=updates,
    )


def queued(plain: Workload, **changes: Any) -> Workload:
    """Return a world whose pods wait in the scheduling queue."""
    return dataclasses.replace(plain, queue="kube-scheduler", **changes)


def _updates(
    rng: np.random.Generator, pods: PodStream, template: Any, depth: int
) -> list[PodUpdate]:
    """Let a quarter of the pods change; their gates open."""
    changing = np.flatnonzero(rng.random(len(pods)) < 0.25)
    return sorted(
        (
            PodUpdate(
                float(pods.arrival[pod] + rng.integers(0, 5)),
                int(pod),
                int(template[pod] + rng.integers(1, depth)),
            )
            for pod in changing
        ),
        key=lambda one: one.time,
    )


def _member(pod: Pod, group: str | None) -> Pod:
    """Return a pod of a gang; all members are of one profile and one priority."""
    if group is None:
        return pod
    meta = msgspec.structs.replace(
        pod.metadata, name=f"{pod.metadata.name}-{group}", namespace="default"
    )
    spec = msgspec.structs.replace(
        pod.spec,
        scheduling_group=SchedulingGroup(pod_group_name=group),
        scheduler_name=None,
        priority=0,
    )
    return msgspec.structs.replace(pod, metadata=meta, spec=spec)


@st.composite
def _groups(
    draw: st.DrawFn, kind: str, name: str, least: str, parent: str | None = None
) -> KubernetesObject:
    policy = {"gang": {least: draw(st.integers(1, 5))}}
    spec: dict[str, Any] = {
        "schedulingPolicy": draw(st.sampled_from((policy, policy, {"basic": {}}))),
        "priority": draw(st.sampled_from((0, 0, 10, 100))),
        "disruptionMode": draw(st.sampled_from((None, {"single": {}}, {"all": {}}))),
    }
    key = draw(st.sampled_from((None, None, "topology.kubernetes.io/zone", "disk")))
    if key is not None:
        spec["schedulingConstraints"] = {"topology": [{"key": key}]}
    if parent is not None:
        spec["parentCompositePodGroupName"] = parent
    meta = {"name": name, "namespace": "default"}
    found: KubernetesObject = msgspec.convert(
        {"metadata": meta, "spec": spec}, KINDS[kind]
    )
    return found

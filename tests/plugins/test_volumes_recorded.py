"""The volume plugins against recorded decisions of the real kube-scheduler v1.34.1."""

from __future__ import annotations

import collections
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import pytest
from naive import cycle
from naive import volumes as twin
from naive.placed import Placed
from naive.verdict import Reasons

from schedbench.cluster.encode import encode
from schedbench.cluster.state import bind
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.node_volume_limits import NodeVolumeLimits
from schedbench.plugins.volume_binding import VolumeBinding
from schedbench.plugins.volume_restrictions import VolumeRestrictions
from schedbench.plugins.volume_zone import VolumeZone
from schedbench.scheduler.explain import explain
from schedbench.scheduler.profile import Profile
from schedbench.scheduler.session import Session

Case = dict[str, Any]
Verdict = tuple[str, str, list[str]]
CODES = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}
PLUGINS = (VolumeRestrictions(), NodeVolumeLimits(), VolumeBinding(), VolumeZone())


class Cluster(Protocol):
    """What the recorded cases are played on."""

    names: list[str]

    def refusals(self, pod: Pod) -> tuple[str | None, dict[str, Verdict]]:
        """Return the PreFilter message, and node → who rejects it and why."""

    def reserve(self, pod: Pod, node: str) -> str | None:
        """Take the volumes of a pod on its node; return the error."""

    def move(self, pod: Pod, node: str, sign: int) -> None:
        """Let a pod be on a node, or no longer."""


class Columnar:
    """The columnar cycle, the volume plugins after its own."""

    def __init__(self, case: Case, nodes: list[Node], pods: list[Pod]) -> None:
        encoded = encode(Workload(case["id"], nodes, PodStream.of(pods)))
        self.session = Session(encoded, Profile("recorded"), 0)
        self.classes = dict(zip(map(id, pods), encoded.class_of, strict=True))
        objects = map(decode_object, case["objects"])
        state = self.session.state
        self.world = VolumeWorld(objects, self.session.nodes, state.alive)
        self.names = list(encoded.node_names)

    def refusals(self, pod: Pod) -> tuple[str | None, dict[str, Verdict]]:
        for plugin in PLUGINS:
            stop = plugin.pre_filter(pod, self.world)
            if stop is not None:
                told = (stop.plugin, CODES[stop.unresolvable], [*stop.reasons])
                return stop.message, dict.fromkeys(self.names, told)
        rejected = {
            node: (one.plugin, one.status)
            for node, one in explain(
                self.session, self.classes[id(pod)]
            ).rejected.items()
        }
        for plugin in PLUGINS:
            rest = [n for n in range(len(self.names)) if n not in rejected]
            slots = np.array(rest, dtype=np.int64)
            verdict = plugin.filter_nodes(pod, self.world, slots)
            for slot, code in zip(rest, verdict.code, strict=True):
                if code:
                    rejected[slot] = (plugin.name, verdict.statuses[code - 1])
        return None, {
            self.names[node]: (plugin, CODES[status[1]], sorted(status[0]))
            for node, (plugin, status) in rejected.items()
        }

    def reserve(self, pod: Pod, node: str) -> str | None:
        return self.world.reserve(pod, self.names.index(node))

    def move(self, pod: Pod, node: str, sign: int) -> None:
        slot = self.names.index(node)
        classes, pod_class = self.session.encoded.classes, self.classes[id(pod)]
        bind(self.session.state, classes, int(pod_class), slot, 0, sign)
        (self.world.add_pod if sign > 0 else self.world.remove_pod)(pod, slot)


class Naive:
    """The naive twins."""

    def __init__(self, case: Case, nodes: list[Node], pods: list[Pod]) -> None:
        self.nodes = {node.metadata.name: node for node in nodes}
        self.names = list(self.nodes)
        self.storage = twin.Storage([*map(decode_object, case["objects"])])
        self.placed: dict[str, list[Pod]] = collections.defaultdict(list)

    def refusals(self, pod: Pod) -> tuple[str | None, dict[str, Verdict]]:
        stop = twin.stop(pod, self.storage)
        if stop is not None:
            told = _verdict(stop)
            return stop[1][0], dict.fromkeys(self.nodes, told)
        rejected = {}
        for name, node in self.nodes.items():
            here = self.placed[name]
            everywhere = [one for pods in self.placed.values() for one in pods]
            found = cycle.refusal(
                pod, node, [Placed(one) for one in here]
            ) or twin.refusal(pod, node, self.storage, here, everywhere)
            if found is not None:
                rejected[name] = _verdict(found)
        return None, rejected

    def reserve(self, pod: Pod, node: str) -> str | None:
        twin.reserve(pod, self.nodes[node], self.storage)
        return None

    def move(self, pod: Pod, node: str, sign: int) -> None:
        if sign > 0:
            self.placed[node].append(pod)
        else:
            self.placed[node].remove(pod)


@pytest.mark.parametrize("kind", [Columnar, Naive])
def test_volume_decisions_equal_the_recorded_ones(
    shared: Path, kind: type[Columnar | Naive], record_property: Any
) -> None:
    """Feasible nodes, who rejects the others, why, and stops are the real ones."""
    counts: collections.Counter[str] = collections.Counter()
    for record in recorded(shared):
        play(kind, record["case"], record["expected"], counts)
    for what, count in counts.items():
        record_property(what, count)

    assert counts["pods"] == 696
    assert counts["retries"] == 2


def play(
    kind: type[Columnar | Naive],
    case: Case,
    expected: list[Case],
    counts: collections.Counter[str],
) -> None:
    """Compare every attempt of a case, placing pods as recorded between them."""
    nodes = [default_node(one) for one in msgspec.convert(case["nodes"], list[Node])]
    bound = [default_pod(one) for one in msgspec.convert(case["bound"], list[Pod])]
    pending = [default_pod(one) for one in msgspec.convert(case["pending"], list[Pod])]
    cluster: Cluster = kind(case, nodes, [*bound, *pending])
    where: dict[str, tuple[Pod, str]] = {}
    for pod in bound:
        if pod.status.phase not in {"Succeeded", "Failed"}:
            where[pod.key] = (pod, pod.spec.node_name or "")
            cluster.move(*where[pod.key], 1)
    for pod, decision in zip(pending, expected, strict=True):
        counts["pods"] += 1
        compare(cluster, pod, decision, case["id"])
        for victim in decision.get("preemption", {}).get("victims", ()):
            cluster.move(*where.pop(victim), -1)
        last = decision
        if "retry" in decision:
            counts["retries"] += 1
            last = decision["retry"]
            compare(cluster, pod, last, case["id"])
        if last["chosen"] is not None:
            error = cluster.reserve(pod, last["chosen"])

            assert error == last.get("reserveError"), case["id"]

            if error is None:
                where[pod.key] = (pod, last["chosen"])
                cluster.move(*where[pod.key], 1)


def compare(cluster: Cluster, pod: Pod, expected: Case, identity: str) -> None:
    """Compare one attempt; only its own node, if it took the nominated one."""
    message, rejected = cluster.refusals(pod)
    refused = {
        node: (one["plugin"], one["code"], one["reasons"])
        for node, one in expected["infeasible"].items()
    }
    feasible = [name for name in cluster.names if name not in rejected]
    if expected.get("nominatedShortcut"):
        feasible = [name for name in feasible if name in expected["feasible"]]
        rejected = {}

    assert message == expected.get("preFilterMessage"), (identity, pod.key)
    assert rejected == refused, (identity, pod.key)
    assert feasible == expected["feasible"], (identity, pod.key)


def recorded(shared: Path) -> Iterator[Case]:
    """Yield the recorded cases."""
    path = shared / "conformance" / "kube-scheduler-v1.34.1" / "volumes.jsonl.gz"
    with gzip.open(path, "rt") as file:
        yield from map(json.loads, file)


def _verdict(found: tuple[str, Reasons]) -> Verdict:
    plugin, reasons = found
    return plugin, CODES[reasons.unresolvable], sorted(reasons)

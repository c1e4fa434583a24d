"""A recorded case, played by the twins: what came out, in the form of the records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from naive import volumes
from naive.cycle import Decision, attempt
from naive.image_locality import ImageCache
from naive.label_keys import created
from naive.message import fit_error, stopped_error
from naive.node_ports import HostPort, host_ports
from naive.placed import Placed
from naive.preemption import Candidate, Outcome, post_filter
from naive.priority import priority_of
from naive.profile import from_configuration
from naive.world import World, namespace_of

from schedbench.objects.kinds import KINDS
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

Document = dict[str, Any]
CODES = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}
FIRST_START = datetime(2026, 1, 1, tzinfo=UTC)


def play(case: Document) -> Iterator[Document]:
    """Decide about the pending pods of a case one after the other."""
    player = Player(case)
    for index, pod in enumerate(player.pending):
        player.live_through(index)
        yield player.decide(pod)


class Player:
    """The cluster of a case, as the scheduler's cache and queue know it."""

    def __init__(self, case: Document) -> None:
        self.profiles = from_configuration(case["config"], whole=True)
        self.objects = [
            msgspec.convert(one, KINDS[one["kind"]]) for one in case["objects"]
        ]
        self.storage = volumes.Storage(self.objects)
        self.events = list(case.get("events") or ())
        self.pending = [
            created(pod) for pod in msgspec.convert(case["pending"], list[Pod])
        ]
        self.slots: list[str] = []
        self.nodes: dict[str, Node] = {}
        self.images = ImageCache()
        self.placed: dict[str, list[Placed]] = {}
        self.ports: dict[str, set[HostPort]] = {}
        self.nominated: dict[int, tuple[str, Pod]] = {}
        self.count = 0
        for node in msgspec.convert(case["nodes"], list[Node]):
            self.put_node(node)
        for pod in map(created, msgspec.convert(case["bound"], list[Pod])):
            if pod.status.phase not in {"Succeeded", "Failed"}:
                self.place(pod, pod.spec.node_name or "")
        for pod in self.pending:
            self.nominate(pod, pod.status.nominated_node_name)

    def live_through(self, index: int) -> None:
        """Let the changes happen that come just before a pending pod is tried."""
        for event in self.events:
            if event["before"] != index:
                continue
            match event["op"]:
                case "addNode" | "updateNode":
                    self.put_node(msgspec.convert(event["node"], Node))
                case "removeNode":
                    self.nodes.pop(event["name"], None)
                    self.images.drop(event["name"])
                case "deletePod":
                    for name, here in self.placed.items():
                        for one in list(here):
                            if _key(one.pod) == event["pod"]:
                                self.remove(one, name)

    def decide(self, pod: Pod) -> Document:
        """Try a pod, again after a preemption, and put it where it goes."""
        told: Document = {
            "pod": _key(pod), "feasible": [], "infeasible": {}, "chosen": None,
        }  # fmt: skip
        profile = self.profiles.get(pod.spec.scheduler_name or "default-scheduler")
        gates = [gate.name for gate in pod.spec.scheduling_gates]
        if profile is None:
            return told | {"skipped": f"no profile {pod.spec.scheduler_name}"}
        if gates and profile.gates:
            text = f"waiting for scheduling gates: [{' '.join(gates)}]"
            return told | {"gated": True, "gatedMessage": text}
        if pod.metadata.deletion_timestamp is not None:
            return told | {"skipped": "deleting"}
        if not self.nodes:
            self.nominate(pod, None)
            return told | {"error": "no nodes available to schedule pods"}
        first, outcome = self.attempt(pod)
        if not outcome.tied:
            if outcome.clears:
                self.nominate(pod, None)
            return first
        chosen = outcome.tied[0]
        self.make_room(pod, chosen)
        again, second = self.attempt(pod)
        if second.clears:
            self.nominate(pod, None)
        return first | {"retry": again}

    def attempt(self, pod: Pod) -> tuple[Document, Outcome]:
        """Make one attempt; a pod that fits is put on its node."""
        world = self.world()
        profile = self.profiles[pod.spec.scheduler_name or "default-scheduler"]
        decision = attempt(pod, world, profile)
        told = _told(pod, decision, others=len(world.nodes) > 1)
        if decision.best:
            node = self.nodes[decision.best[0]]
            volumes.reserve(pod, node, self.storage)
            self.place(pod, decision.best[0])
            return told, Outcome()
        outcome = post_filter(pod, world, decision, profile)
        return told | _failure(world, decision, outcome), outcome

    def make_room(self, pod: Pod, chosen: Candidate) -> None:
        """Evict the victims and nominate the pod in the place of lower ones."""
        for victim in chosen.victims:
            self.remove(victim, chosen.node)
        world = self.world()
        for name, other in list(self.nominated.values()):
            lower = priority_of(other, world) < priority_of(pod, world)
            if name == chosen.node and lower:
                self.nominate(other, None)
        self.nominate(pod, chosen.node)

    def world(self) -> World:
        """Return what the scheduler sees now."""
        nominated: dict[str, list[Pod]] = {}
        for name, pod in self.nominated.values():
            nominated.setdefault(name, []).append(pod)
        return World(
            [self.nodes[name] for name in self.slots if name in self.nodes],
            {name: list(here) for name, here in self.placed.items()},
            self.objects,
            nominated,
            self.images.look(),
            {name: frozenset(taken) for name, taken in self.ports.items()},
            self.storage,
        )

    def put_node(self, node: Node) -> None:
        """Let a node come or change; one that returns keeps its place."""
        name = node.metadata.name
        if name not in self.slots:
            self.slots.append(name)
        self.nodes[name] = node
        self.images.put(node)

    def place(self, pod: Pod, name: str) -> None:
        """Put a pod on a node; it starts a second after the one placed before."""
        if pod.spec.node_name is None:
            start = FIRST_START + timedelta(seconds=self.count)
            pod.status.start_time = start.isoformat().replace("+00:00", "Z")
            self.count += 1
        self.nominated.pop(id(pod), None)
        self.placed.setdefault(name, []).append(Placed(pod))
        self.ports.setdefault(name, set()).update(host_ports(pod))
        self.images.touch(name)

    def remove(self, one: Placed, name: str) -> None:
        """Take a pod from a node."""
        self.placed[name] = [other for other in self.placed[name] if other is not one]
        self.ports[name] -= set(host_ports(one.pod))
        self.images.touch(name)

    def nominate(self, pod: Pod, name: str | None) -> None:
        """Nominate a pod to a node, or to none."""
        pod.status.nominated_node_name = name
        self.nominated.pop(id(pod), None)
        if name:
            self.nominated[id(pod)] = (name, pod)


def _told(pod: Pod, decision: Decision, *, others: bool) -> Document:
    """Tell of a decision; a shortcut shows only where there are other nodes."""
    told: Document = {
        "pod": _key(pod),
        "feasible": decision.feasible,
        "infeasible": {
            node: {
                "plugin": plugin,
                "code": CODES[reasons.unresolvable],
                "reasons": sorted(reasons),
            }
            for node, (plugin, reasons) in decision.infeasible.items()
        },
        "chosen": decision.best[0] if decision.best else None,
    }
    if decision.stopped:
        told["preFilterMessage"] = ", ".join(decision.stopped)
    if decision.shortcut and others:
        told["nominatedShortcut"] = True
    if decision.scores:
        told["scores"] = decision.scores
    if decision.total:
        told["total"] = decision.total
    return told


def _failure(world: World, decision: Decision, outcome: Outcome) -> Document:
    reasons = {node: why for node, (_, why) in decision.infeasible.items()}
    text = fit_error(len(world.nodes), reasons)
    if decision.stopped:
        text = stopped_error(len(world.nodes), ", ".join(decision.stopped))
    told: Document = {"message": text}
    if outcome.message:
        told = {
            "message": f"{text} {outcome.message}",
            "postFilterMessage": outcome.message,
        }
    if outcome.error:
        told["postFilterError"] = True
    if outcome.tied:
        told["preemption"] = {
            "nominated": outcome.tied[0].node,
            "victims": _names(outcome.tied[0]),
            "candidates": {
                one.node: {"victims": _names(one), "pdbViolations": one.violations}
                for one in outcome.candidates
            },
            "tied": [one.node for one in outcome.tied],
        }
    return told


def _names(candidate: Candidate) -> list[str]:
    return sorted(_key(victim.pod) for victim in candidate.victims)


def _key(pod: Pod) -> str:
    return f"{namespace_of(pod)}/{pod.metadata.name}"

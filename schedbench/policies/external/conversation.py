"""What a child is told in the course of a run, and what it decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import schedbench
from schedbench.objects.meta import plain
from schedbench.objects.node import Node
from schedbench.policies.batches import NOWHERE, Nodes, Pods
from schedbench.policies.external.child import Child
from schedbench.policies.external.protocol import (
    FEASIBLE,
    LONGEST_QUOTE,
    VERSION,
    Answer,
    Decisions,
    Hello,
    ProtocolError,
    decode,
    encode,
    quoted,
)


class Conversation:
    """A child and what it knows.

    Attributes
    ----------
    hello
        What it said first.
    """

    def __init__(self, child: Child) -> None:
        """Exchange hellos.

        Raises
        ------
        PolicyError
            If the child fails, or speaks another version.
        """
        self._child = child
        self._unsent = b""
        self._classes: set[int] = set()
        self._nodes: list[Node] = []
        self._alive = b""
        self._slots: dict[str, int] | None = None
        self._place = np.zeros(0, dtype=np.int32)
        line = encode(
            "hello", protocol=VERSION, name="schedbench", version=schedbench.__version__
        )
        self.hello = self._ask(line, "a hello", Hello)
        if self.hello.protocol != VERSION:
            raise child.failure(
                f"speaks version {self.hello.protocol} of the protocol, "
                f"not version {VERSION}"
            )

    def decide(self, pods: Pods) -> Nodes:
        """Tell what happened, ask for the pods and return a slot for each, or −1.

        Raises
        ------
        PolicyError
            If the child fails, or does not decide on each of the pods once.
        """
        self._unsent += b"".join(self._news(pods))
        if FEASIBLE in self.hello.capabilities:
            return self._decide_each(pods)
        asked = [
            {"pod": number, "class": pod_class}
            for number, pod_class in zip(
                pods.number.tolist(), pods.pod_class.tolist(), strict=True
            )
        ]
        nodes = np.full(len(pods), NOWHERE)
        for index, slot in self._question(pods, asked, range(len(pods))).items():
            nodes[index] = slot
            pods.taken.append(index)
        self._place[pods.number] = nodes
        return nodes

    def _decide_each(self, pods: Pods) -> Nodes:
        """Ask for one pod after another, each with the nodes on which it fits."""
        nodes = np.full(len(pods), NOWHERE)
        for index in range(len(pods)):
            feasible = pods.feasible(index)
            slots = np.flatnonzero(feasible).tolist()
            if not slots:
                continue
            names = [pods.nodes[slot].metadata.name for slot in slots]
            number, pod_class = int(pods.number[index]), int(pods.pod_class[index])
            asked = {"pod": number, "class": pod_class, "feasible": names}
            slot = self._question(pods, [asked], [index])[index]
            nodes[index] = self._place[number] = slot
            if slot != NOWHERE and feasible[slot]:
                pods.take(index, slot)
        return nodes

    def _question(
        self,
        pods: Pods,
        asked: list[dict[str, Any]],
        indices: Sequence[int],
    ) -> dict[int, int]:
        """Ask for some of the pods and return slot or −1 of each, as answered."""
        count = len(asked)
        task = f"{count} pod{'s' * (count > 1)} at {pods.time:g} s"
        line = encode("pods", time=pods.time, pods=asked)
        answer = self._ask(self._unsent + line, task, Decisions)
        self._unsent = b""
        index_of = {int(pods.number[index]): index for index in indices}
        slots = self._slots or {}
        found: dict[int, int] = {}
        for decision in answer.decisions:
            index = index_of.get(decision.pod)
            if index is None or index in found:
                raise self._child.failure(
                    f"decided on pod {decision.pod} "
                    f"{'without being asked' if index is None else 'twice'}, of {task}"
                )
            slot = NOWHERE
            if decision.node is not None:
                slot = slots.get(decision.node, NOWHERE)
                if slot == NOWHERE or not pods.cluster.alive[slot]:
                    raise self._child.failure(
                        f"chose node {quoted(decision.node)!r} for pod {decision.pod}, "
                        "which is not in the cluster"
                    )
            found[index] = slot
        if len(found) < count:
            first = next(pod for pod, index in index_of.items() if index not in found)
            raise self._child.failure(
                f"left out {count - len(found)} of {task}, the first: pod {first}"
            )
        return found

    def _ask(self, text: bytes, task: str, wanted: type[Answer]) -> Answer:
        line = self._child.ask(text, task)
        try:
            return decode(line, wanted)
        except ProtocolError as error:
            said = quoted(line[: 4 * LONGEST_QUOTE].decode("utf-8", errors="replace"))
            raise self._child.failure(
                f"answered {said!r} when asked for {task}: {error}"
            ) from error

    def _news(self, pods: Pods) -> Iterator[bytes]:
        """Yield the lines that tell what the child does not know yet."""
        running = pods.running
        size = int(max(pods.number.max(initial=-1), running.number.max(initial=-1))) + 1
        here = np.full(max(size, len(self._place)), NOWHERE, dtype=np.int32)
        here[running.number] = running.node
        before = np.full(len(here), NOWHERE, dtype=np.int32)
        before[: len(self._place)] = self._place
        self._place = here
        changed = np.flatnonzero(here != before)
        gone = changed[before[changed] != NOWHERE].tolist()
        bound = np.isin(running.number, changed)
        added, removed = self._node_news(pods)
        if self._slots is None:
            self._slots = {n.metadata.name: slot for slot, n in enumerate(pods.nodes)}
            yield encode("cluster", time=pods.time, nodes=added)
            added = []
        wanted = np.concatenate([pods.pod_class, running.pod_class[bound]])
        fresh = sorted(set(wanted.tolist()) - self._classes)
        if fresh:
            self._classes.update(fresh)
            yield encode("classes", classes=[_class(pods, number) for number in fresh])
        if gone or bound.any() or added or removed:
            columns = (running.number, running.pod_class, running.node)
            rows = zip(*(column[bound].tolist() for column in columns), strict=True)
            yield encode(
                "events",
                time=pods.time,
                gone=gone,
                removed=removed,
                nodes=added,
                bound=[
                    {"pod": p, "class": c, "node": pods.nodes[n].metadata.name}
                    for p, c, n in rows
                ],
            )

    def _node_news(self, pods: Pods) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the nodes that joined or changed, and the names of those that left."""
        nodes, alive = pods.nodes, pods.cluster.alive.tobytes()
        if nodes == self._nodes and alive == self._alive:
            return [], []
        before, now = _present(self._nodes, self._alive), _present(nodes, alive)
        self._nodes, self._alive = list(nodes), alive
        added = [_node(pods, slot) for slot in now if now[slot] is not before.get(slot)]
        removed = [before[slot].metadata.name for slot in before if slot not in now]
        return added, removed


def _present(nodes: Sequence[Node], alive: bytes) -> dict[int, Node]:
    """Return slot → object of the nodes that are in the cluster."""
    return {slot: nodes[slot] for slot, here in enumerate(alive) if here}


def _node(pods: Pods, slot: int) -> dict[str, Any]:
    node = pods.nodes[slot]
    return {
        "name": node.metadata.name,
        "allocatable": _amounts(pods, pods.cluster.allocatable[:, slot]),
        "object": plain(node),
    }


def _class(pods: Pods, number: int) -> dict[str, Any]:
    return {
        "class": number,
        "requests": _amounts(pods, pods.class_request[number]),
        "object": plain(pods.class_pods[number]),
    }


def _amounts(pods: Pods, column: NDArray[np.int64]) -> dict[str, int]:
    """Return resource → amount, in millicores, bytes or counts; zeros left out."""
    values = column.tolist()
    return {
        name: value for name, value in zip(pods.resources, values, strict=True) if value
    }

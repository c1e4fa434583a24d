"""The machines of a cluster: kubelets, runtime and network, and what befalls them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec

from schedbench.controlplane.api import Answer, WatchEvent
from schedbench.controlplane.authorization import NODE_PREFIX
from schedbench.controlplane.leases import NodeLeases
from schedbench.node.kubelet import Kubelet
from schedbench.node.network import Network
from schedbench.node.runtime import Runtime
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node, NodeCondition

if TYPE_CHECKING:
    from schedbench.simulation.wiring import Wiring

MACHINES = "machines"


class Machines:
    """The nodes: each Node object that appears has a kubelet behind it.

    Parameters
    ----------
    kubelets
        Where to keep the kubelets, for those who want to see them.

    Attributes
    ----------
    kubelets
        By the name of the node.
    runtime, network
        Those of all nodes.
    leases
        Whose heart is heard.
    lost
        Nodes that do not reach the API servers, or are without power; in order.
    """

    def __init__(
        self, wiring: Wiring, kubelets: dict[str, Kubelet] | None = None
    ) -> None:
        self._wiring = wiring
        clock, parameters, seed = wiring.clock, wiring.parameters, wiring.seed
        self.kubelets: dict[str, Kubelet] = {} if kubelets is None else kubelets
        self.runtime = Runtime(clock, parameters.runtime, parameters.images, seed)
        self.network = Network(clock, parameters.pod_network, seed)
        leases = parameters.cluster_controllers.node_leases
        self.leases = NodeLeases(clock, leases, seed)
        self.lost: dict[str, None] = {}
        self._nodes: dict[str, Node] = {}
        self._crashed: set[str] = set()
        self._cut: set[str] = set()
        self._silent: set[str] = set()
        wiring.clients(MACHINES).watch("Node", self._on_node)

    def crash(self, name: str) -> None:
        """Cut a node's power."""
        self._crashed.add(name)
        if name in self.kubelets:
            self.kubelets[name].crash()
        self._heed(name)

    def boot(self, name: str) -> None:
        """Boot a node that was without power."""
        self._crashed.discard(name)
        if name in self.kubelets:
            self.kubelets[name].start()
        self._heed(name)

    def cut_off(self, names: Sequence[str]) -> None:
        """Note that nodes do not reach the API servers."""
        self._cut.update(names)
        for name in names:
            self._heed(name)

    def reconnect(self, names: Sequence[str]) -> None:
        """Note that they reach them again."""
        self._cut.difference_update(names)
        for name in names:
            if name in self.kubelets:
                self.kubelets[name].node_changed(self._nodes[name])
            self._heed(name)

    def silence(self, name: str) -> None:
        """Let a kubelet renew neither lease nor status."""
        self._silent.add(name)
        self._heed(name)

    def speak(self, name: str) -> None:
        """Let it renew both again."""
        self._silent.discard(name)
        self._heed(name)

    def _is_heard(self, name: str) -> bool:
        return (
            name in self.kubelets
            and name not in self._crashed
            and name not in self._cut
            and name not in self._silent
        )

    def _heed(self, name: str) -> None:
        """Let a node's heart be heard or not, as things stand."""
        if name in self._crashed or name in self._cut:
            self.lost[name] = None
        else:
            self.lost.pop(name, None)
        if not self._is_heard(name):
            self.leases.down(name)
            return
        self.leases.up(name)
        self.kubelets[name].report.changed()
        if not _is_ready(self._nodes[name]):
            self._post_ready(name)

    def _on_node(self, event: WatchEvent) -> None:
        node = cast("Node", event.object)
        name = node.metadata.name
        if event.type == "DELETED":
            self.leases.leave(name)
            self.kubelets.pop(name).stop()
            del self._nodes[name]
            return
        self._nodes[name] = node
        if name not in self.kubelets:
            self._join(node)
            return
        if name not in self._cut:
            self.kubelets[name].node_changed(node)
        if self._is_heard(name) and not _is_ready(node):
            self._post_ready(name)

    def _join(self, node: Node) -> None:
        wiring, name = self._wiring, node.metadata.name
        self.kubelets[name] = Kubelet(
            wiring.clock,
            wiring.clients(NODE_PREFIX + name),
            node,
            wiring.parameters.kubelet,
            wiring.seed,
            self.runtime,
            self.network,
            wiring.stamp,
        )
        if name in self._crashed:
            self.kubelets[name].crash()
        elif self._is_heard(name):
            self.leases.up(name)
            self._post_ready(name)

    def _post_ready(self, name: str) -> None:
        if self._is_heard(name):
            then = partial(self._posted, name)
            api = self.kubelets[name].api
            api.patch("Node", "", name, _ready, then, subresource="status")

    def _posted(self, name: str, answer: Answer) -> None:
        if answer.error is not None and answer.error.reason != "NotFound":
            period = self._wiring.parameters.kubelet.status_period
            self._wiring.clock.after(period, self._post_ready, name)


def _is_ready(node: Node) -> bool:
    return any(
        one.type == "Ready" and one.status == "True" for one in node.status.conditions
    )


def _ready(item: ApiObject) -> Node | None:
    node = cast("Node", item)
    if _is_ready(node):
        return None
    others = [one for one in node.status.conditions if one.type != "Ready"]
    condition = NodeCondition(type="Ready", status="True")
    status = msgspec.structs.replace(node.status, conditions=[*others, condition])
    return msgspec.structs.replace(node, status=status)

"""DaemonSet: keeps one pod on every node that it is for.

Only nodes that changed, or whose pods did, are looked at again; the numbers of the
others are kept.

Source: kubernetes.io/docs/concepts/workloads/controllers/daemonset and
kubernetes/kubernetes pkg/controller/daemon.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.base import Sync
from schedbench.controlplane.controllers.daemon_pods import (
    HASH,
    belongs,
    node_of,
    pod_for,
    tolerations_of,
)
from schedbench.controlplane.controllers.owned import is_active, is_ready
from schedbench.controlplane.controllers.pods import BURST, PodController
from schedbench.controlplane.controllers.rollout import scaled
from schedbench.controlplane.controllers.workload import Steps, template_hash
from schedbench.objects.controllers import DaemonSet, DaemonSetStatus
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Toleration

FAILED_BACKOFF, FAILED_MAXIMUM = 1.0, 900.0
"""Seconds before a failed pod of a node is deleted: doubled each time, at most."""


class _Place(NamedTuple):
    """What one node adds to the numbers."""

    desired: int = 0
    current: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    misscheduled: int = 0


@dataclasses.dataclass
class _View:
    """What is known of one set.

    Attributes
    ----------
    pods
        Node → key → pod.
    dirty
        Nodes to look at again.
    old
        Nodes with a pod of an old template, and whether it is available.
    """

    version: tuple[object, object]
    revision: str
    tolerations: list[Toleration]
    dirty: dict[str, None]
    pods: dict[str, dict[str, Pod]] = dataclasses.field(default_factory=dict)
    places: dict[str, _Place] = dataclasses.field(default_factory=dict)
    total: list[int] = dataclasses.field(default_factory=lambda: [0] * 6)
    old: dict[str, bool] = dataclasses.field(default_factory=dict)
    missing: dict[str, None] = dataclasses.field(default_factory=dict)
    surplus: dict[str, list[Pod]] = dataclasses.field(default_factory=dict)
    failures: dict[str, int] = dataclasses.field(default_factory=dict)


class DaemonSetController(PodController):
    """Makes a pod for every eligible node that has none.

    Workers: `ConcurrentDaemonSetSyncs`, 2 (kubernetes/kubernetes
    pkg/controller/daemon/config/v1alpha1/defaults.go).
    """

    name: ClassVar[str] = "daemonset-controller"
    kind: ClassVar[str] = "DaemonSet"
    workers: ClassVar[int] = 2

    def __init__(self, *arguments: Any) -> None:
        self._views: dict[str, _View] = {}
        super().__init__(*arguments)
        self._nodes = self.informers["Node"]
        self.informers.listen("Node", self._node_changed)

    def reconcile(self, key: str) -> Sync:
        """Look at what changed, make, delete and replace pods, and report."""
        item: Any = self.objects.store.get(key)
        if item is None:
            self._views.pop(key, None)
            return None
        settled, error = yield from self.claim(item)
        if not settled:
            return error
        view = self._view(key, item)
        for node in view.dirty:
            self._look(key, item, view, node)
        view.dirty.clear()
        status = _status(item, view)
        if self.expectations.satisfied(key) and not item.metadata.deletion_timestamp:
            error = yield from self._manage(key, item, view)
        failed = yield from self.write_status(item, status)
        return error or failed

    def pod_seen(self, owner: str, event: WatchEvent) -> None:
        """Have the pod's node looked at again."""
        view = self._views.get(owner)
        pod = event.object
        if view is not None and isinstance(pod, Pod):
            node = node_of(pod)
            there = view.pods.setdefault(node, {})
            there.pop(pod.key, None)
            if event.type != "DELETED":
                there[pod.key] = pod
            view.dirty[node] = None
        self.queue.add(owner)

    def _view(self, key: str, item: DaemonSet) -> _View:
        """Return what is known, anew if the set is another or its spec changed."""
        version = (item.metadata.uid, item.metadata.generation)
        view = self._views.get(key)
        if view is None or view.version != version:
            assert item.spec.template is not None
            nodes = [node.metadata.name for node in self._nodes]
            view = self._views[key] = _View(
                version,
                template_hash(item.spec.template),
                tolerations_of(item.spec.template.spec),
                dict.fromkeys(nodes),
            )
        if not view.places:
            view.pods.clear()
            for pod in self.children.of(item.metadata.uid).items.values():
                view.pods.setdefault(node_of(pod), {})[pod.key] = pod
                view.dirty[node_of(pod)] = None
        return view

    def _look(self, key: str, item: DaemonSet, view: _View, name: str) -> None:
        """Find out what a node adds to the numbers, lacks, and has too much of."""
        node: Any = self._nodes.store.get(name)
        assert item.spec.template is not None
        wanted, stays = False, False
        if isinstance(node, Node):
            wanted, stays = belongs(item.spec.template.spec, node, view.tolerations)
        pods = list(view.pods.get(name, {}).values())
        alive = sorted(
            (pod for pod in pods if pod.metadata.deletion_timestamp is None),
            key=lambda pod: (not pod.spec.node_name, pod.key),
        )
        good = [pod for pod in alive if is_active(pod)]
        surplus = good[1:] if stays else list(alive)
        surplus += [pod for pod in alive if stays and not is_active(pod)]
        self._mark(view, name, missing=wanted and not pods, surplus=surplus)
        kept = good[0] if good and stays else None
        ready = kept is not None and is_ready(kept)
        available = ready and self._is_available(key, item, view, kept)
        updated = kept is not None and kept.metadata.labels.get(HASH) == view.revision
        view.old.pop(name, None)
        if kept is not None and not updated:
            view.old[name] = available
        place = _Place()
        if wanted:
            place = _Place(1, bool(good), ready, available, updated)
        elif alive:
            place = _Place(misscheduled=1)
        before = view.places.get(name, _Place())
        view.total = [
            t + n - b for t, n, b in zip(view.total, place, before, strict=True)
        ]
        view.places[name] = place

    def _is_available(
        self, key: str, item: DaemonSet, view: _View, pod: Pod | None
    ) -> bool:
        assert pod is not None
        family = self.children.of(item.metadata.uid)
        since = family.ready_since.get(pod.key, self.clock.now)
        wait = since + item.spec.min_ready_seconds - self.clock.now
        if wait > 0:
            self.clock.after(wait, self._look_again, key, node_of(pod), view)
        return wait <= 0

    def _look_again(self, key: str, node: str, view: _View) -> None:
        if self._views.get(key) is view:
            view.dirty[node] = None
            self.queue.add(key)

    def _mark(
        self, view: _View, name: str, *, missing: bool, surplus: list[Pod]
    ) -> None:
        view.missing.pop(name, None)
        view.surplus.pop(name, None)
        if missing:
            view.missing[name] = None
        if surplus:
            view.surplus[name] = surplus

    def _manage(self, key: str, item: DaemonSet, view: _View) -> Steps:
        """Delete what is too much, make what lacks, then replace some old pods."""
        gone = [pod for pods in view.surplus.values() for pod in pods]
        gone = [pod for pod in gone if self._may_go(key, view, pod)][:BURST]
        if gone:
            error = yield from self.delete_pods(key, gone)
            if error is not None:
                return error
        if view.missing:
            nodes = list(view.missing)[:BURST]
            made = [
                pod_for(item, node, view.tolerations, view.revision) for node in nodes
            ]
            return (yield from self.create_pods(key, made))
        if gone or item.spec.update_strategy.type == "OnDelete" or not view.old:
            return None
        rolling = item.spec.update_strategy.rolling_update
        bound = rolling.max_unavailable if rolling else None
        desired, available = view.total[0], view.total[3]
        room = scaled(bound, desired, up=True, default=1) - (desired - available)
        chosen = [node for node, usable in view.old.items() if not usable]
        healthy = [node for node, usable in view.old.items() if usable]
        chosen += healthy[: max(0, room)]
        replaced = [
            pod for node in chosen for pod in view.pods[node].values() if is_active(pod)
        ]
        return (yield from self.delete_pods(key, replaced)) if replaced else None

    def _may_go(self, key: str, view: _View, pod: Pod) -> bool:
        """Return whether a pod may be deleted: a failed one after a backoff."""
        if is_active(pod):
            return True
        if pod.key not in view.failures:
            node = node_of(pod)
            count = view.failures[node] = view.failures.get(node, 0) + 1
            view.failures[pod.key] = count
            wait = min(FAILED_BACKOFF * 2.0 ** min(count - 1, 32), FAILED_MAXIMUM)
            self.clock.after(wait, self._forgive, key, pod.key, view)
        return view.failures[pod.key] == 0

    def _forgive(self, key: str, pod: str, view: _View) -> None:
        view.failures[pod] = 0
        self.queue.add(key)

    def _node_changed(self, event: WatchEvent) -> None:
        """Have the node looked at if its labels, taints or being there changed."""
        node, old = event.object, event.old
        if (
            event.type == "MODIFIED"
            and isinstance(node, Node)
            and isinstance(old, Node)
            and node.spec == old.spec
            and node.metadata.labels == old.metadata.labels
        ):
            return
        for item in self.objects:
            view = self._views.get(item.key)
            if view is not None:
                view.dirty[node.metadata.name] = None
            self.queue.add(item.key)


def _status(item: DaemonSet, view: _View) -> DaemonSetStatus:
    desired, current, ready, available, updated, misscheduled = view.total
    return DaemonSetStatus(
        desired_number_scheduled=desired,
        current_number_scheduled=current,
        updated_number_scheduled=updated,
        number_misscheduled=misscheduled,
        number_ready=ready,
        number_available=available,
        number_unavailable=desired - available,
        observed_generation=item.metadata.generation,
    )

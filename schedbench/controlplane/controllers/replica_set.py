"""ReplicaSet: keeps a number of equal pods.

Source: kubernetes.io/docs/concepts/workloads/controllers/replicaset and
kubernetes/kubernetes pkg/controller/replicaset.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, ClassVar

from schedbench.controlplane.controllers.base import Sync
from schedbench.controlplane.controllers.owned import (
    Family,
    controller_of,
    is_active,
    is_ready,
)
from schedbench.controlplane.controllers.pods import BURST, PodController, pod_of
from schedbench.controlplane.controllers.times import to_seconds
from schedbench.controlplane.controllers.workload import Steps
from schedbench.objects.controllers import ReplicaSetStatus
from schedbench.objects.pod import Pod

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class ReplicaSetController(PodController):
    """Makes and deletes pods until there are as many as wanted.

    Workers: `--concurrent-replicaset-syncs`, 5.
    """

    name: ClassVar[str] = "replicaset-controller"
    kind: ClassVar[str] = "ReplicaSet"
    workers: ClassVar[int] = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.siblings = self.informers.owned(self.kind)

    def reconcile(self, key: str) -> Sync:
        """Claim pods, make or delete some, and report how many there are."""
        item: Any = self.objects.store.get(key)
        if item is None:
            self.expectations.forget(key)
            return None
        needed = self.expectations.satisfied(key)
        settled, error = yield from self.claim(item)
        if not settled:
            return error
        family = self.children.of(item.metadata.uid)
        status = self._status(key, item, family)
        if needed and item.metadata.deletion_timestamp is None:
            error = yield from self._manage(key, item, family)
        failed = yield from self.write_status(item, status)
        return error or failed

    def _status(self, key: str, item: Any, family: Family) -> ReplicaSetStatus:
        return ReplicaSetStatus(
            replicas=family.active,
            ready_replicas=family.ready,
            available_replicas=self.available(key, family, item.spec.min_ready_seconds),
            observed_generation=item.metadata.generation,
        )

    def _manage(self, key: str, item: Any, family: Family) -> Steps:
        wanted = 1 if item.spec.replicas is None else item.spec.replicas
        missing = wanted - family.active
        if missing > 0:
            made = pod_of(item.spec.template, item)
            return (yield from self.create_pods(key, [made] * min(missing, BURST)))
        if missing < 0:
            active = [pod for pod in family.items.values() if is_active(pod)]
            chosen = self._chosen(item, active, family)[: min(-missing, BURST)]
            return (yield from self.delete_pods(key, chosen))
        return None

    def _chosen(self, item: Any, active: list[Pod], family: Family) -> list[Pod]:
        """Return the pods in the order in which they are deleted."""
        if item.spec.replicas == 0:
            return active
        on_node = self._on_node(item, active)
        now = self.clock.now

        def order(pod: Pod) -> tuple[object, ...]:
            ready = is_ready(pod)
            since = family.ready_since.get(pod.key, now)
            created = to_seconds(pod.metadata.creation_timestamp or "0")
            return (
                bool(pod.spec.node_name),
                _PHASES.get(pod.status.phase or "Pending", 1),
                ready,
                _deletion_cost(pod),
                -on_node[pod.spec.node_name or ""],
                _age(now - since) if ready else 0,
                _age(now - created),
                pod.metadata.uid or "",
            )

        return sorted(active, key=order)

    def _on_node(self, item: Any, active: list[Pod]) -> Counter[str]:
        """Count the pods on each node of all sets with the same controller."""
        owner = controller_of(item)
        if owner is None:
            return Counter(pod.spec.node_name or "" for pod in active)
        return Counter(
            pod.spec.node_name or ""
            for sibling in self.siblings.of(owner.uid).items.values()
            for pod in self.children.of(sibling.metadata.uid).items.values()
            if is_active(pod)
        )


def _deletion_cost(pod: Pod) -> int:
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _age(seconds: float) -> int:
    """Return an age on a logarithmic scale: within one step age does not count.

    Source: feature LogarithmicScaleDown, pkg/controller/controller_utils.go.
    """
    return int(math.log2(seconds * 1e9)) if seconds > 0 else -1

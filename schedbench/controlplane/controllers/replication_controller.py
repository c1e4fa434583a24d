"""ReplicationController: what a ReplicaSet is, with labels for a selector.

Source: kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.replica_set import ReplicaSetController
from schedbench.objects.controllers import ReplicationController
from schedbench.objects.selectors import matches_labels


class ReplicationControllerController(ReplicaSetController):
    """Makes and deletes pods until there are as many as wanted.

    Workers: `--concurrent-rc-syncs`, 5.
    """

    name: ClassVar[str] = "replicationcontroller-controller"
    kind: ClassVar[str] = "ReplicationController"

    def selects(self, item: Any, labels: dict[str, str]) -> bool:
        """Return whether the selector, or else the template's labels, are among them.

        An absent selector is the template's labels.
        """
        wanted = item.spec.selector
        if not wanted and item.spec.template is not None:
            wanted = item.spec.template.metadata.labels
        return bool(wanted) and matches_labels(wanted, labels)

    def object_changed(self, event: WatchEvent) -> None:
        """Compare all pods with the selector again if that was changed."""
        new, old = event.object, event.old
        assert isinstance(new, ReplicationController)
        changed = (
            isinstance(old, ReplicationController)
            and old.spec.selector != new.spec.selector
        )
        if changed:
            family = self.children.of(new.metadata.uid)
            family.unchecked.update(family.items)
        super().object_changed(event)

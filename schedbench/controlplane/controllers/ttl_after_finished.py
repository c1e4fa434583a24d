"""TTL after finished: deletes finished jobs some time later.

Source: kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.job import finished
from schedbench.controlplane.controllers.times import to_seconds


class TTLAfterFinishedController(Controller):
    """Deletes each job `ttlSecondsAfterFinished` after its end.

    Workers: `--concurrent-ttl-after-finished-syncs`, 5.
    """

    name: ClassVar[str] = "ttl-after-finished-controller"
    workers: ClassVar[int] = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._jobs = self.informers["Job"]
        self.informers.listen("Job", self.enqueue)

    def reconcile(self, key: str) -> Sync:
        """Delete the job if its time is over, or come back when it is."""
        item: Any = self._jobs.store.get(key)
        if item is None or item.metadata.deletion_timestamp is not None:
            return None
        seconds, state = item.spec.ttl_seconds_after_finished, finished(item)
        if seconds is None or state is None:
            return None
        (end,) = (c for c in item.status.conditions if c.type == state)
        wait = to_seconds(end.last_transition_time or "0") + seconds - self.wall
        if wait > 0:
            self.queue.add_after(key, wait)
            return None
        meta = item.metadata
        answers = yield [
            self.call(self.api.delete, "Job", meta.namespace, meta.name, uid=meta.uid)
        ]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

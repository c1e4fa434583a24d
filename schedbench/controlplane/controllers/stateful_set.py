"""StatefulSet: numbered pods with names and storage of their own, in order.

Source: kubernetes.io/docs/concepts/workloads/controllers/statefulset and
kubernetes/kubernetes pkg/controller/statefulset/stateful_set_control.go.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from schedbench.controlplane.controllers.base import Call, Sync
from schedbench.controlplane.controllers.owned import is_active, is_ready
from schedbench.controlplane.controllers.pods import PodController
from schedbench.controlplane.controllers.stateful_pods import (
    StatefulView,
    claims_of,
    pod_of_ordinal,
    revision_of,
)
from schedbench.controlplane.controllers.workload import (
    Steps,
    first_error,
    template_hash,
)
from schedbench.objects.controllers import StatefulSet, StatefulSetStatus
from schedbench.objects.pod import Pod

HISTORY = 10
"""Default of `revisionHistoryLimit`."""


class StatefulSetController(PodController):
    """Makes pods in order, waits for each, and takes them away in reverse.

    Workers: `--concurrent-statefulset-syncs`, 5.
    """

    name: ClassVar[str] = "statefulset-controller"
    kind: ClassVar[str] = "StatefulSet"
    workers: ClassVar[int] = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._claims = self.informers["PersistentVolumeClaim"]
        self._revisions = self.informers.owned("ControllerRevision")

    def reconcile(self, key: str) -> Sync:
        """Take the next step that the order allows, and report."""
        item: Any = self.objects.store.get(key)
        if item is None:
            return None
        settled, error = yield from self.claim(item)
        if not settled:
            return error
        update = f"{item.metadata.name}-{template_hash(item.spec.template)}"
        error = yield from self._record(item, update)
        if error is not None:
            return error
        family = self.children.of(item.metadata.uid)
        view = StatefulView(item, list(family.items.values()), update)
        available = self.available(key, family, item.spec.min_ready_seconds)
        usable = self._usable(family.ready_since, item.spec.min_ready_seconds)
        status = self._status(view, available)
        if item.metadata.deletion_timestamp is None:
            error = yield from self._act(key, view, usable)
        failed = yield from self.write_status(item, status)
        return error or failed

    def _usable(self, since: dict[str, float], min_ready: float) -> set[str]:
        now = self.clock.now
        return {key for key, time in since.items() if time + min_ready <= now}

    def _act(self, key: str, view: StatefulView, usable: set[str]) -> Steps:
        """Repair and grow from the first on, shrink and update from the last on."""
        ordered = view.item.spec.pod_management_policy != "Parallel"
        missing: list[int] = []
        finished: list[Pod] = []
        for ordinal in view.ordinals:
            pod = view.pods.get(ordinal)
            if pod is None:
                missing.append(ordinal)
            elif pod.status.phase in {"Succeeded", "Failed"}:
                if pod.metadata.deletion_timestamp is None:
                    finished.append(pod)
            elif pod.key in usable:
                continue
            if ordered:
                break
        if finished:
            return (yield from self.delete_pods(key, finished))
        if missing:
            return (yield from self._make(key, view, missing))
        waits = any(
            (pod := view.pods.get(ordinal)) is None or pod.key not in usable
            for ordinal in view.ordinals
        )
        if view.condemned:
            return (yield from self._shrink(key, view, wait=ordered and waits))
        if ordered and waits and not view.outdated():
            return None
        return (yield from self._update(key, view, usable))

    def _shrink(self, key: str, view: StatefulView, *, wait: bool) -> Steps:
        """Delete the last pod, or all that are too many if they go in parallel."""
        condemned = view.condemned
        if view.item.spec.pod_management_policy != "Parallel":
            last = condemned[0]
            if wait or last.metadata.deletion_timestamp is not None:
                return None
            condemned = [last]
        gone = [pod for pod in condemned if pod.metadata.deletion_timestamp is None]
        return (yield from self.delete_pods(key, gone)) if gone else None

    def _update(self, key: str, view: StatefulView, usable: set[str]) -> Steps:
        """Delete the last pod of an old revision once all after it are available."""
        if view.item.spec.update_strategy.type == "OnDelete":
            return None
        for ordinal in reversed(view.ordinals):
            if ordinal < view.partition:
                return None
            pod = view.pods.get(ordinal)
            if pod is None or pod.metadata.deletion_timestamp is not None:
                return None
            if revision_of(pod) != view.update:
                return (yield from self.delete_pods(key, [pod]))
            if pod.key not in usable:
                return None
        return None

    def _make(self, key: str, view: StatefulView, ordinals: list[int]) -> Steps:
        """Make pods, each after its claims."""
        item = view.item
        templates = {
            each.metadata.name: each.data.spec.template
            for each in self._revisions.of(item.metadata.uid).items.values()
        }
        made = []
        for ordinal in ordinals:
            revision = view.revision_for(ordinal)
            template = templates.get(revision) or item.spec.template
            assert template is not None
            made.append(pod_of_ordinal(item, ordinal, template, revision))
        calls: list[Call] = [
            self.call(self.api.create, claim)
            for ordinal in ordinals
            for claim in claims_of(item, ordinal)
            if claim.key not in self._claims.store
        ]
        answers = yield calls
        error = first_error(answers, but=("AlreadyExists",))
        if error is not None:
            return error
        answers = yield [self.call(self.api.create, pod) for pod in made]
        return first_error(answers, but=("AlreadyExists",))

    def _record(self, item: StatefulSet, update: str) -> Steps:
        """Keep the template as a revision, and drop those that nobody needs."""
        known = sorted(
            self._revisions.of(item.metadata.uid).items.values(),
            key=lambda each: each.revision,
        )
        calls: list[Call] = []
        newest = known[-1] if known else None
        same = next((each for each in known if each.metadata.name == update), None)
        number = newest.revision + 1 if newest else 1
        if same is None:
            made = StatefulView.revision_object(item, update, number)
            calls.append(self.call(self.api.create, made))
        elif same is not newest:
            revived = msgspec.structs.replace(same, revision=number)
            calls.append(self.call(self.api.update, revived))
        live = {
            update,
            item.status.current_revision,
            *map(revision_of, self.children.of(item.metadata.uid).items.values()),
        }
        limit = item.spec.revision_history_limit
        old = [each for each in known if each.metadata.name not in live]
        surplus = len(old) - (HISTORY if limit is None else limit)
        calls += [
            self.call(
                self.api.delete,
                "ControllerRevision",
                each.metadata.namespace,
                each.metadata.name,
            )
            for each in old[: max(0, surplus)]
        ]
        answers = yield calls
        return first_error(answers, but=("AlreadyExists", "NotFound"))

    def _status(self, view: StatefulView, available: int) -> StatefulSetStatus:
        item = view.item
        pods = [pod for pod in view.every if is_active(pod)]
        updated = sum(revision_of(pod) == view.update for pod in pods)
        ready = sum(map(is_ready, pods))
        current = item.status.current_revision or view.update
        wanted = len(view.ordinals)
        if updated == ready == wanted == len(pods) and view.partition == view.start:
            current = view.update
        return StatefulSetStatus(
            replicas=len(pods),
            ready_replicas=ready,
            available_replicas=available,
            current_replicas=sum(revision_of(pod) == current for pod in pods),
            updated_replicas=updated,
            current_revision=current,
            update_revision=view.update,
            observed_generation=item.metadata.generation,
        )

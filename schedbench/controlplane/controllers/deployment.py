"""Deployment: replaces the pods of a template by those of the next one, stepwise.

Source: kubernetes.io/docs/concepts/workloads/controllers/deployment and
kubernetes/kubernetes pkg/controller/deployment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.controllers.base import Call, Sync
from schedbench.controlplane.controllers.deployment_status import status_of
from schedbench.controlplane.controllers.owned import controller_of
from schedbench.controlplane.controllers.rollout import bounds, shares
from schedbench.controlplane.controllers.workload import (
    Steps,
    WorkloadController,
    first_error,
    owner_reference,
    template_hash,
)
from schedbench.objects.controllers import Deployment, ReplicaSet, ReplicaSetSpec
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.selectors import LabelSelector

HASH = "pod-template-hash"
PREFIX = "deployment.kubernetes.io/"
REVISION = PREFIX + "revision"
DESIRED = PREFIX + "desired-replicas"
MOST = PREFIX + "max-replicas"
HISTORY = 10
"""Default of `revisionHistoryLimit`."""


class DeploymentController(WorkloadController):
    """Makes one replica set a template, and moves replicas from old ones to the new.

    Workers: `--concurrent-deployment-syncs`, 5.
    """

    name: ClassVar[str] = "deployment-controller"
    kind: ClassVar[str] = "Deployment"
    child: ClassVar[str] = "ReplicaSet"
    workers: ClassVar[int] = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pods = self.informers.owned("Pod")
        self.informers.listen("Pod", self._pod_changed)
        self._hashes: dict[str, tuple[object, str]] = {}

    def reconcile(self, key: str) -> Sync:
        """Scale replica sets by one step, and report."""
        item: Any = self.objects.store.get(key)
        if item is None:
            self._hashes.pop(key, None)
            return None
        settled, error = yield from self.claim(item)
        if not settled:
            return error
        rollout = _Rollout(item, self._sets(item), self._hash(key, item))
        if item.metadata.deletion_timestamp is None:
            error = yield from self._act(rollout)
        status, wait = status_of(item, rollout.new, rollout.all, self.wall)
        if wait is not None:
            self.queue.add_after(key, wait)
        failed = yield from self.write_status(item, status)
        return error or failed

    def _act(self, rollout: _Rollout) -> Steps:
        item = rollout.item
        if item.spec.paused or rollout.was_scaled():
            error = yield from self._scale(rollout)
            if error is None and item.spec.paused:
                error = yield from self._clean_up(rollout)
            return error
        if item.spec.strategy.type == "Recreate":
            return (yield from self._recreate(rollout))
        return (yield from self._roll(rollout))

    def _recreate(self, rollout: _Rollout) -> Steps:
        """Delete all old pods before the first new one is made."""
        active = [old for old in rollout.old if _size(old)]
        if active:
            return (yield from self._resize(rollout, [(old, 0) for old in active]))
        if any(
            pod.status.phase not in {"Succeeded", "Failed"}
            for old in rollout.old
            for pod in self.pods.of(old.metadata.uid).items.values()
        ):
            return None
        return (yield from self._grow(rollout, rollout.replicas))

    def _roll(self, rollout: _Rollout) -> Steps:
        """Let the new set grow, or else the old ones shrink, within the bounds."""
        new = rollout.new
        room = rollout.replicas + rollout.surge - sum(map(_size, rollout.all))
        have = 0 if new is None else _size(new)
        wanted = rollout.replicas
        if have < wanted:
            wanted = have + max(0, min(room, wanted - have))
        if new is None or have != wanted:
            return (yield from self._grow(rollout, wanted))
        resized = rollout.shrunk()
        if resized:
            return (yield from self._resize(rollout, resized))
        return (yield from self._clean_up(rollout))

    def _grow(self, rollout: _Rollout, wanted: int) -> Steps:
        """Make the new set, or give it its size."""
        new = rollout.new
        if new is not None:
            revised = rollout.revised()
            if _size(new) != wanted or revised is not new:
                return (yield from self._resize(rollout, [(revised, wanted)]))
            return (yield from self._clean_up(rollout))
        made = self._new_set(rollout, wanted)
        answers = yield [self.call(self.api.create, made)]
        return first_error(answers, but=("AlreadyExists",))

    def _scale(self, rollout: _Rollout) -> Steps:
        """Give the replica sets their shares of a deployment that was scaled."""
        item, new, replicas = rollout.item, rollout.new, rollout.replicas
        active = [each for each in rollout.all if _size(each)]
        if len(active) <= 1:
            only = active[0] if active else new
            if only is None and rollout.old:
                only = rollout.old[-1]
            if only is None:
                return None
            return (yield from self._resize(rollout, [(only, replicas)]))
        if new is not None and _is_saturated(item, new):
            return (
                yield from self._resize(
                    rollout, [(old, 0) for old in rollout.old if _size(old)]
                )
            )
        if item.spec.strategy.type == "Recreate":
            return None
        growing = replicas + rollout.surge > sum(map(_size, active))
        newer_first = active[::-1] if growing else active
        ordered = sorted(newer_first, key=_size, reverse=True)
        sizes = shares(
            [_size(each) for each in ordered],
            [_noted(each, MOST) or item.status.replicas for each in ordered],
            replicas,
            rollout.surge,
        )
        return (
            yield from self._resize(rollout, list(zip(ordered, sizes, strict=True)))
        )

    def _resize(
        self, rollout: _Rollout, sizes: Sequence[tuple[ReplicaSet, int]]
    ) -> Steps:
        calls: list[Call] = []
        for each, size in sizes:
            noted = each.metadata.annotations | rollout.notes()
            known = self.children_informer.store.get(each.key)
            if (
                known is each
                and size == _size(each)
                and noted == (each.metadata.annotations)
            ):
                continue
            meta = msgspec.structs.replace(each.metadata, annotations=noted)
            spec = msgspec.structs.replace(each.spec, replicas=size)
            changed = msgspec.structs.replace(each, metadata=meta, spec=spec)
            calls.append(self.call(self.api.update, changed))
        answers = yield calls
        return first_error(answers, but=("NotFound",))

    def _clean_up(self, rollout: _Rollout) -> Steps:
        """Delete the oldest sets beyond the history limit once all is updated."""
        item = rollout.item
        if not (item.spec.paused or _is_complete(item, rollout.new)):
            return None
        limit = item.spec.revision_history_limit
        surplus = len(rollout.old) - (HISTORY if limit is None else limit)
        if surplus <= 0:
            return None
        calls = [
            self.call(
                self.api.delete, "ReplicaSet", old.metadata.namespace, old.metadata.name
            )
            for old in sorted(rollout.old, key=lambda old: _noted(old, REVISION))[
                :surplus
            ]
            if not _size(old)
            and not old.status.replicas
            and (old.status.observed_generation or 0) >= (old.metadata.generation or 0)
            and old.metadata.deletion_timestamp is None
        ]
        answers = yield calls
        return first_error(answers, but=("NotFound",))

    def _new_set(self, rollout: _Rollout, size: int) -> ReplicaSet:
        item, name = rollout.item, rollout.hash
        template, selector = item.spec.template, item.spec.selector
        assert template is not None
        labels = template.metadata.labels | {HASH: name}
        selector = selector or LabelSelector()
        notes = rollout.notes() | {REVISION: str(rollout.revision())}
        return ReplicaSet(
            metadata=ObjectMeta(
                name=f"{item.metadata.name}-{name}",
                namespace=item.metadata.namespace,
                labels=labels,
                annotations=item.metadata.annotations | notes,
                owner_references=[owner_reference(item)],
            ),
            spec=ReplicaSetSpec(
                replicas=size,
                min_ready_seconds=item.spec.min_ready_seconds,
                selector=msgspec.structs.replace(
                    selector, match_labels=selector.match_labels | {HASH: name}
                ),
                template=msgspec.structs.replace(
                    template,
                    metadata=msgspec.structs.replace(template.metadata, labels=labels),
                ),
            ),
        )

    def _sets(self, item: Deployment) -> list[ReplicaSet]:
        """Return its replica sets, the oldest first."""
        found = self.children.of(item.metadata.uid).items.values()
        return sorted(found, key=lambda each: (_noted(each, REVISION), each.key))

    def _hash(self, key: str, item: Deployment) -> str:
        """Return the template's hash, computed once a generation."""
        version = (item.metadata.uid, item.metadata.generation)
        known = self._hashes.get(key)
        if known is None or known[0] != version:
            assert item.spec.template is not None
            known = self._hashes[key] = (version, template_hash(item.spec.template))
        return known[1]

    def _pod_changed(self, event: WatchEvent) -> None:
        """Go on with a Recreate when the last pod is gone."""
        if event.type != "DELETED":
            return
        owner = controller_of(event.object)
        if owner is None or owner.kind != "ReplicaSet":
            return
        parent = self.children_informer.get(event.object.metadata.namespace, owner.name)
        above = None if parent is None else controller_of(parent)
        if above is None or parent is None:
            return
        item: Any = self.objects.get(parent.metadata.namespace, above.name)
        if item is not None and item.spec.strategy.type == "Recreate":
            self.queue.add(item.key)


class _Rollout:
    """A deployment with its replica sets, as one reconciliation sees them."""

    def __init__(self, item: Deployment, sets: Sequence[ReplicaSet], name: str) -> None:
        self.item, self.all, self.hash = item, sets, name
        self.new = next(
            (each for each in sets if each.metadata.labels.get(HASH) == name), None
        )
        self.old = [each for each in sets if each is not self.new]
        self.replicas = 1 if item.spec.replicas is None else item.spec.replicas
        self.surge, self.missing = 0, self.replicas
        if item.spec.strategy.type != "Recreate":
            rolling = item.spec.strategy.rolling_update
            self.surge, self.missing = bounds(
                self.replicas,
                rolling.max_surge if rolling else None,
                rolling.max_unavailable if rolling else None,
            )

    def notes(self) -> dict[str, str]:
        """Return the annotations of a set that is scaled."""
        return {
            DESIRED: str(self.replicas),
            MOST: str(self.replicas + self.surge),
        }

    def revision(self) -> int:
        """Return the number of the newest template."""
        return 1 + max((_noted(old, REVISION) for old in self.old), default=0)

    def revised(self) -> ReplicaSet:
        """Return the new set with the highest revision: a rollback makes it newest."""
        new = self.new
        assert new is not None
        if _noted(new, REVISION) >= self.revision():
            return new
        notes = new.metadata.annotations | {REVISION: str(self.revision())}
        meta = msgspec.structs.replace(new.metadata, annotations=notes)
        return msgspec.structs.replace(new, metadata=meta)

    def was_scaled(self) -> bool:
        """Return whether the deployment wants another number than at the last step."""
        return any(
            _size(each)
            and DESIRED in each.metadata.annotations
            and _noted(each, DESIRED) != self.replicas
            for each in self.all
        )

    def shrunk(self) -> list[tuple[ReplicaSet, int]]:
        """Return the old sets' next sizes: first what is not available goes."""
        new = self.new
        assert new is not None
        least = self.replicas - self.missing
        unavailable = _size(new) - new.status.available_replicas
        room = sum(map(_size, self.all)) - least - unavailable
        sizes = [_size(old) for old in self.old]
        for index, old in enumerate(self.old):
            sick = max(0, min(room, sizes[index] - old.status.available_replicas))
            sizes[index] -= sick
            room -= sick
        spare = sum(each.status.available_replicas for each in self.all) - least
        for index in range(len(sizes)):
            gone = max(0, min(spare, sizes[index], room))
            sizes[index] -= gone
            spare -= gone
            room -= gone
        return [
            (old, size)
            for old, size in zip(self.old, sizes, strict=True)
            if size != _size(old)
        ]


def _size(item: ReplicaSet) -> int:
    return 1 if item.spec.replicas is None else item.spec.replicas


def _noted(item: ReplicaSet, name: str) -> int:
    text = item.metadata.annotations.get(name, "0")
    return int(text) if text.isdigit() else 0


def _is_saturated(item: Deployment, new: ReplicaSet) -> bool:
    replicas = item.spec.replicas
    return (
        _size(new) == replicas
        and _noted(new, DESIRED) == replicas
        and new.status.available_replicas == replicas
    )


def _is_complete(item: Deployment, new: ReplicaSet | None) -> bool:
    status, replicas = item.status, item.spec.replicas
    wanted = 1 if replicas is None else replicas
    return (
        new is not None
        and status.updated_replicas == wanted
        and status.replicas == wanted
        and status.available_replicas == wanted
        and (status.observed_generation or 0) >= (item.metadata.generation or 0)
    )

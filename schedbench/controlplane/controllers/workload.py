"""What controllers share whose objects have children: claims, references, status."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, ClassVar, TypeAlias

import msgspec

from schedbench.controlplane.api import Answer, ApiError, WatchEvent
from schedbench.controlplane.controllers.base import Call, Controller
from schedbench.controlplane.controllers.owned import controller_of
from schedbench.objects.meta import ApiObject, OwnerReference
from schedbench.objects.pod import PodTemplateSpec
from schedbench.objects.selectors import matches_label_selector

Steps: TypeAlias = Generator[Sequence[Call], list[Answer], ApiError | None]
"""A part of a reconciliation, used with `yield from`."""

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_API_VERSIONS = {
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "ReplicationController": "v1",
}


def owner_reference(owner: ApiObject) -> OwnerReference:
    """Return the reference that makes an object the controller of others."""
    kind = type(owner).__name__
    return OwnerReference(
        api_version=_API_VERSIONS.get(kind, "apps/v1"),
        kind=kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
    )


def template_hash(template: PodTemplateSpec) -> str:
    """Return a short name for the content of a template, safe in names and labels."""
    digest = hashlib.blake2b(msgspec.json.encode(template), digest_size=4).digest()
    number = str(int.from_bytes(digest, "big"))
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in number)


class WorkloadController(Controller):
    """A controller whose objects have children that their selectors select.

    Attributes
    ----------
    kind, child
        The kinds of its objects, and of their children.
    objects, children
        What it knows of both; of the children by their controller.
    """

    kind: ClassVar[str]
    child: ClassVar[str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.objects = self.informers[self.kind]
        self.children = self.informers.owned(self.child)
        self.children_informer = self.informers[self.child]
        self._scanned: set[str] = set()
        self._candidates: dict[str, dict[str, None]] = {}
        self.informers.listen(self.kind, self.object_changed)
        self.informers.listen(self.child, self.child_changed)

    def selects(self, item: Any, labels: dict[str, str]) -> bool:
        """Return whether an object's selector selects labels."""
        return matches_label_selector(item.spec.selector, labels)

    def adopts(self, item: Any) -> bool:
        """Return whether an orphan that is selected is to be adopted."""
        return item.metadata.deletion_timestamp is None

    def object_changed(self, event: WatchEvent) -> None:
        """Have an object that changed reconciled."""
        if event.type != "MODIFIED":
            self._scanned.discard(event.key)
            self._candidates.pop(event.key, None)
        self.enqueue(event)

    def child_changed(self, event: WatchEvent) -> None:
        """Have the controller of a changed child reconciled, the former one, too."""
        item, old = event.object, event.old
        references = item.metadata.owner_references
        same = old is None or old.metadata.owner_references is references
        if same and references and references[0].controller:
            if references[0].kind == self.kind:
                name = references[0].name
                self.owned_changed(f"{item.metadata.namespace}/{name}", event)
            return
        owner = self._owner_key(item)
        if old is not None and old.metadata.owner_references is not references:
            before = self._owner_key(old)
            if before is not None and before != owner:
                self.queue.add(before)
        if owner is not None:
            self.owned_changed(owner, event)
        elif event.type != "DELETED" and controller_of(item) is None:
            self._orphan_changed(item, old)

    def owned_changed(self, owner: str, event: WatchEvent) -> None:
        """Have the controller of a changed child reconciled."""
        del event
        self.queue.add(owner)

    def claim(
        self, owner: Any
    ) -> Generator[Sequence[Call], list[Answer], tuple[bool, ApiError | None]]:
        """Adopt orphans that the selector selects, release what it does not.

        Returns whether nothing was to be done, and why it failed.
        Source: kubernetes.io/docs/concepts/workloads/controllers/replicaset.
        """
        family = self.children.of(owner.metadata.uid)
        released = []
        for key, item in list(family.unchecked.items()):
            if not self.selects(owner, item.metadata.labels):
                released.append(item)
            else:
                del family.unchecked[key]
        adopted = [
            item
            for item in self._selected_orphans(owner)
            if self.adopts(item)
            and owner.metadata.deletion_timestamp is None
            and self.selects(owner, item.metadata.labels)
        ]
        calls = [
            *(self._patch(item, _without(owner)) for item in released),
            *(self._patch(item, _with(owner)) for item in adopted),
        ]
        if not calls:
            return True, None
        answers = yield calls
        return False, first_error(answers, but=("NotFound",))

    def write_status(self, item: Any, status: object) -> Steps:
        """Write the status of an object unless it is what it was."""
        if item.status == status:
            return None
        new = msgspec.structs.replace(item, status=status)
        answers = yield [self.call(self.api.update, new, subresource="status")]
        return first_error(answers, but=("NotFound",))

    def _patch(
        self, item: ApiObject, change: Callable[[ApiObject], ApiObject | None]
    ) -> Call:
        meta = item.metadata
        return self.call(self.api.patch, self.child, meta.namespace, meta.name, change)

    def _owner_key(self, item: ApiObject) -> str | None:
        for reference in item.metadata.owner_references:
            if reference.controller:
                if reference.kind != self.kind:
                    return None
                return f"{item.metadata.namespace}/{reference.name}"
        return None

    def _selected_orphans(self, owner: Any) -> list[Any]:
        """Return the orphans that may be its: all once, then those that changed."""
        orphans = self.children.orphans_in(owner.metadata.namespace)
        if owner.key not in self._scanned:
            self._scanned.add(owner.key)
            self._candidates[owner.key] = {
                key: None
                for key, item in orphans.items()
                if self.selects(owner, item.metadata.labels)
            }
        candidates = self._candidates.get(owner.key, {})
        for key in [key for key in candidates if key not in orphans]:
            del candidates[key]
        return [orphans[key] for key in candidates]

    def _orphan_changed(self, item: ApiObject, old: ApiObject | None) -> None:
        if old is not None and (
            old.metadata.labels == item.metadata.labels
            and old.metadata.owner_references == item.metadata.owner_references
        ):
            return
        for each in self.objects:
            if each.metadata.namespace == item.metadata.namespace and self.selects(
                each, item.metadata.labels
            ):
                self._candidates.setdefault(each.key, {})[item.key] = None
                self.queue.add(each.key)


def first_error(answers: Sequence[Answer], but: Sequence[str] = ()) -> ApiError | None:
    """Return the first error, passing over some reasons."""
    for answer in answers:
        if answer.error is not None and answer.error.reason not in but:
            return answer.error
    return None


def _with(owner: ApiObject) -> Callable[[ApiObject], ApiObject | None]:
    def adopt(item: ApiObject) -> ApiObject | None:
        if controller_of(item) is not None:
            return None
        references = [*item.metadata.owner_references, owner_reference(owner)]
        return _with_references(item, references)

    return adopt


def _without(owner: ApiObject) -> Callable[[ApiObject], ApiObject | None]:
    def release(item: ApiObject) -> ApiObject | None:
        uid = owner.metadata.uid
        references = [r for r in item.metadata.owner_references if r.uid != uid]
        if len(references) == len(item.metadata.owner_references):
            return None
        return _with_references(item, references)

    return release


def _with_references(item: ApiObject, references: list[OwnerReference]) -> ApiObject:
    meta = msgspec.structs.replace(item.metadata, owner_references=references)
    return msgspec.structs.replace(item, metadata=meta)
